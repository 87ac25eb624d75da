/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_SERVED_SESSION_H
#define OMB_WORKER_SERVED_SESSION_H

/*
 * served_session -- what a worker holds of the coordinator that has it: a lease, and the answers of late.
 *
 *     begun ──► (asks, renews) ──► ended by its coordinator
 *        └─────────────────────► the lease has run out
 *
 * One call is under way at a time, and the STOP_ALL that ends it.  An ask is known by its number: one
 * that comes again, because its answer was lost on the way, gets the same answer; it is carried out
 * once.  Answers of the last SESSION_ANSWERS asks are kept.  One that is unknown and older than the newest
 * is not carried out: whoever asked has gone on, and a load that starts after its end would be nobody's.
 *
 * Every request of the session renews the lease.  Topics that it had created are known as long as it
 * has not deleted them: when its lease runs out they are deleted for it.
 *
 * Pure: the time comes in.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

#define SESSION_ANSWERS  4
#define SESSION_ID_CHARS 32
#define SESSION_WHO_MAX  128

struct session_answer {
	uint64_t ask; /* number of the ask */
	bool is_there;
	struct text line; /* owned */
};

/* Zeroed: there is none. */
struct session {
	bool is_live;
	char id[SESSION_ID_CHARS + 1];
	char who[SESSION_WHO_MAX];
	uint64_t origin_ns, lease_ns, renewed_ns; /* lease 0: it never runs out */
	uint64_t running[2];                      /* numbers of asks: one, and STOP_ALL ... */
	bool is_running[2];                       /* ... are under way */
	uint64_t newest;                          /* number of an ask that was carried out */
	struct session_answer answers[SESSION_ANSWERS];
	unsigned next_answer;
	char **topics; /* owned */
	size_t topics_count, topics_cap;
};

enum session_step {
	SESSION_START,  /* it is new: carry it out */
	SESSION_JOIN,   /* it is under way: its answer will be this one's */
	SESSION_REPEAT, /* *answer is it */
	SESSION_BUSY,   /* another one is under way */
	SESSION_OLD,    /* it was long on the way: a newer one was carried out before */
};

/* `random` are the bytes of its id. */
void session_begin(struct session *s, const unsigned char random[SESSION_ID_CHARS / 2],
                   const char *who, uint64_t lease_ns, uint64_t now_ns);
/* It is none any more; frees what it holds. */
void session_end(struct session *s);

/* In a time that does not tell how much of it is right. */
bool session_is_id(const struct session *s, const char *id);

void session_renew(struct session *s, uint64_t now_ns);
/* UINT64_MAX: never. */
uint64_t session_over_ns(const struct session *s);

enum session_step session_ask(struct session *s, uint64_t ask, bool is_stop,
                              const struct text **answer);
/* Takes the line. */
void session_answered(struct session *s, uint64_t ask, bool is_stop, struct text *line);
bool session_is_busy(const struct session *s);

void session_has_created(struct session *s, const char *const *topics, size_t count);
void session_has_deleted(struct session *s, const char *const *topics, size_t count);

#endif
