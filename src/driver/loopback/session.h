/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_SESSION_H
#define OMB_DRIVER_LOOPBACK_SESSION_H

/*
 * session -- the broker's side of one connection: frames in, frames out, no socket and no clock.
 *
 * The server puts what it received into `in` and calls loop_session_input; what has to be sent is
 * in `out` after loop_session_seal.  Bytes that make no sense are an error of this session alone.
 */

#include <stdbool.h>
#include <stdint.h>

#include "driver/loopback/core.h"
#include "driver/loopback/list.h"
#include "driver/loopback/wire.h"
#include "net/buffer.h"

enum loop_session_kind {
	LOOP_SESSION_NEW,  /* has not said HELLO */
	LOOP_SESSION_IDLE, /* has; administrative questions are welcome */
	LOOP_SESSION_PRODUCER,
	LOOP_SESSION_CONSUMER,
};

struct loop_session {
	struct loop_link link;  /* for the server: sessions whose output it has to look at */
	struct loop_core *core; /* borrowed */
	uint64_t id;            /* owner of this session's messages */
	enum loop_session_kind kind;
	struct buffer in, out;
	struct loop_batch batch;    /* the open frame of `out`: ACKS or DELIVER */
	struct loop_topic *topic;   /* of a producer */
	struct loop_reader left;    /* of a PRODUCE frame in hand, in `in` ... */
	uint32_t left_count;        /* ... so many messages; not accepted yet */
	bool is_full;               /* the core did not accept the next of them */
	bool is_cut;                /* the script wants this connection dropped */
	struct loop_member *member; /* of a consumer, owned */
	int64_t credit;
	bool is_paused;
	uint32_t run_partition; /* of the open DELIVER frame ... */
	uint64_t run_next;      /* ... and the offset that would continue it */
};

bool loop_session_init(struct loop_session *s, struct loop_core *core, uint64_t id,
                       struct error *err);
/* Leaves the group. */
void loop_session_fini(struct loop_session *s);

/* Does what complete frames ask for, until they are done or the core is full.  False: this
 * connection has to be closed. */
bool loop_session_input(struct loop_session *s, uint64_t now_ns, struct error *err);

void loop_session_ack(struct loop_session *s, const struct loop_ack *ack);

/* Tells a producer whether to answer BUSY. */
void loop_session_busy(struct loop_session *s, bool on);

/* Tells a consumer its partitions if they changed, and delivers what credit and room allow. */
void loop_session_pump(struct loop_session *s, uint64_t now_ns);

/* Closes the open frame: `out` may be written. */
void loop_session_seal(struct loop_session *s);

#endif
