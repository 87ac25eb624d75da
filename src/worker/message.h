/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_MESSAGE_H
#define OMB_WORKER_MESSAGE_H

/*
 * message -- the verbs of a worker as JSON and back: one table of fields for each verb's arguments,
 * one for its answer.
 *
 *     {"id":7,"verb":"create-topics","limitNs":60000000000,"ask":{"numberOfTopics":2,...}}
 *     {"id":7,"state":"done","done":2,"wanted":2,"answer":{"topics":["omb-..."]}}
 *     {"id":8,"state":"failed","error":{"kind":"timeout","text":"not complete in time: ..."},...}
 *
 * Where OMB's protocol has a member, its name is OMB's.  No message has a reading of a clock in it:
 * an instant is told as the time since an origin, which each side keeps on a clock of its own (the
 * moment of the first CLOCK verb, say), and a limit as what is left of it.
 *
 * Pure: bytes in, a call out, and the other way round.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"
#include "worker/call.h"

/* Of this side. */
struct message_clock {
	uint64_t origin_ns; /* instants are told as since then; nothing is before it */
	uint64_t now_ns;
};

/* All append one line, without its end. */
void message_write_ask(const struct worker_call *call, uint64_t id,
                       const struct message_clock *clock, struct text *out);
void message_write_answer(const struct worker_call *call, uint64_t id,
                          const struct message_clock *clock, struct text *out);

/* What a call points to goes into its arena.  A verb that is not known is ERROR_UNSUPPORTED. */
bool message_read_ask(const char *line, size_t len, const struct message_clock *clock,
                      struct worker_call *call, uint64_t *id, struct error *err);

/* Which call an answer is for. */
bool message_read_id(const char *line, size_t len, uint64_t *id, struct error *err);
/* Into the call that asked; its arguments stay. */
bool message_read_answer(const char *line, size_t len, const struct message_clock *clock,
                         struct worker_call *call, struct error *err);

#endif
