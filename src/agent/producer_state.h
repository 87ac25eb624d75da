/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_PRODUCER_STATE_H
#define OMB_AGENT_PRODUCER_STATE_H

/*
 * producer_state -- what the files of the producer loop share; nobody else includes it.
 *
 *     producer.c          clients, commands, the loop itself
 *     producer_send.c     passes of sends: what is due is offered to the driver
 *     producer_answers.c  what comes back: counted, timed, its flight given back
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/writer.h"
#include "agent/flight.h"
#include "agent/loop.h"
#include "agent/silence.h"
#include "load/assignment.h"
#include "load/stamp.h"
#include "stats/counter.h"
#include "util/heap.h"

/* Tokens of probes; no slot number is that large. */
#define PROBE_TOKEN (UINT64_C(1) << 63)

enum producer_state {
	PRODUCER_IDLE,      /* the load has not begun */
	PRODUCER_SCHEDULED, /* in the heap, by when its next message is due */
	PRODUCER_BLOCKED,   /* got BUSY */
	PRODUCER_DONE,      /* nothing more is due before the end of the load */
};

struct producer {
	struct producer_loop *loop;
	void *priv; /* the driver's */
	struct shm_client *words;
	uint32_t id, index; /* in stamps; in this loop */
	int fd;
	enum producer_state state;
	struct pacer pacer;
	struct shm_schedule *schedule; /* the pacer, as a parent sees it */
	struct flights flights;
	struct silence silence;
	struct stamp_source stamp;
	uint64_t payload_seed;
	uint64_t sequence;      /* of the next message */
	uint64_t busy_since_ns; /* when the message at hand was first offered; 0 = not yet */
	uint64_t retry_ns;      /* of a blocked one */
	uint32_t blocked_place; /* of a blocked one: in the list of them */
	unsigned retries;       /* in a row, without hearing anything */
	bool answered;          /* of a blocked one: something of its came back since */
	bool is_unflushed;      /* took messages since the driver's last flush */
};

struct producer_loop {
	struct loop base;
	struct producer *producers;
	struct account_writer account; /* area NULL: none is kept */
	unsigned char *privs;          /* the driver's parts ... */
	size_t stride;                 /* ... so far apart */
	uint64_t *heard_ns;            /* of the producers' silences */
	struct load_spec load;
	uint64_t changes; /* of rate so far */
	bool running;
	bool stamps; /* payloads have room for a stamp */
	unsigned char *pool;
	struct key_table *keys;
	struct heap due;              /* of scheduled producers */
	uint32_t *blocked, *answered; /* of the blocked ones: those that heard something since */
	uint32_t blocked_count, answered_count;
	uint64_t next_retry_ns; /* not after that of any blocked one; UINT64_MAX = none */
	uint32_t *unflushed;
	uint32_t unflushed_count;
	uint64_t next_pass_ns;
	bool pass_goes_on; /* it stopped for a look around with more to send */
	struct error
		refusal; /* what a failed send said last; too large for the stack of each offer */
};

static inline struct shm_latencies *producer_latencies(struct producer_loop *l, uint64_t due_ns)
{
	return loop_latencies(&l->base, loop_window_of(&l->base, due_ns));
}

static inline bool producer_is_paced(const struct producer_loop *l)
{
	return l->load.mode == LOAD_PACED;
}

static inline void producer_count(struct producer_loop *l, enum counter which)
{
	counter_bump(&l->base.words->counters[which]);
}

static inline void producer_add(struct producer_loop *l, enum counter which, uint64_t n)
{
	counter_add(&l->base.words->counters[which], n);
}

/* The driver took something: it may have an answer, and something to flush. */
static inline void producer_queued(struct producer_loop *l, struct producer *p)
{
	if (p->fd < 0)
		loop_mark_ready(&l->base, p->index);
	if (l->base.driver->flush != NULL && !p->is_unflushed) {
		p->is_unflushed = true;
		l->unflushed[l->unflushed_count++] = p->index;
	}
}

/* --- producer_answers.c ----------------------------------------------------------------------- */

extern const struct driver_core producer_core;

/* What became of a message goes into the account: before its flight is given back (shm.h). */
void producer_account(struct producer *p, uint64_t sequence, uint64_t due_ns,
                      const struct sent_report *report);
/* Refused for good: counted and charged its age.  It is in the account already. */
void producer_failed(struct producer *p, uint64_t due_ns, uint64_t now_ns);
/* What the driver did not give back when it was closed, whatever it has promised. */
void producer_sweep(struct producer *p);

/* --- producer_send.c -------------------------------------------------------------------------- */

/* The producer has a next message: from its pacer's next_ns on it is offered. */
void producer_schedule(struct producer_loop *l, struct producer *p);
void producer_flush(struct producer_loop *l);
void producer_set_offering(struct producer_loop *l, bool is_offering);
/* What is due and was not sent by now is the parent's to count and to charge (debt.h). */
void producer_end_load(struct producer_loop *l, uint64_t now_ns);
void producer_pass(struct producer_loop *l, uint64_t now_ns);
/* When the next pass has something to do; UINT64_MAX: when something comes back. */
uint64_t producer_next_wake_ns(const struct producer_loop *l);

#endif
