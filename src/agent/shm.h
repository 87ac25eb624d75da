/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SHM_H
#define OMB_AGENT_SHM_H

/*
 * shm -- the memory that an agent shares with its parent: the agent counts, the parent reads.
 *
 *     | header | loop 0 | loop 1 ... | client 0 | client 1 ... |
 *     | partition counts of consumers ... | schedules of producers ... | flights of producers ... |
 *
 * One mapping for each agent, made before its fork; a restarted agent gets a fresh one and the old
 * one keeps its counts, so a parent that loses an agent at any instant still has all it counted.
 * Every word has one writer for its whole life: the parent (`control`), the agent's first thread
 * (`state`, `error`), or the loop that owns the client.  Counters and histograms only grow.
 * Untouched pages of the mapping take no memory, and readers leave them untouched.
 *
 * What a parent may rely on when an agent was killed between two instructions (debt.h does):
 *
 *     sent      a message takes its flight, then the driver is asked, then `sent` is counted.  A
 *               flight whose sequence is `sent` was being offered: the driver may have sent it.
 *     answered  it is counted as sent, if its own `send` reports it; it gives its flight back, then
 *               its times are recorded, then it is counted by its client.
 *
 * So the clients' counts and the flights are the truth, and no message is in both: whatever a driver
 * may have delivered is sent.  The message that the loop was at in that instant may be counted as
 * unacknowledged instead of as what it became, and may be in some of the histograms and not in
 * others: one message for each loop, never more.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/clocks.h"
#include "agent/flight.h"
#include "agent/note.h"
#include "load/assignment.h"
#include "stats/hist.h"
#include "stats/snapshot.h"
#include "util/error.h"

enum agent_state {
	AGENT_ALIVE,  /* opening its clients, or at work */
	AGENT_CLOSED, /* clients closed; about to exit */
	AGENT_FAILED, /* see error */
};

struct shm_client {
	_Alignas(64) _Atomic uint64_t sent;
	_Atomic uint64_t acknowledged, failed, unacknowledged;
	_Atomic uint64_t flights_used; /* slots of a producer's window that were ever taken */
	_Atomic uint64_t probes_acknowledged; /* of a producer */
	_Atomic uint64_t received, probes_received;
	_Atomic uint64_t assigned;          /* partitions; a consumer */
	_Atomic uint64_t first_ns, last_ns; /* of what was received, with probes; 0 = none */
};

/*
 * When a producer's messages are due, from one of them on: where its pacer stood when the load began,
 * and at each change of rate since.  Sending touches nothing here: `sent` says how far the producer
 * has come.  Two copies, so that one is whole at any instant; latest - 1 is the one.
 */
struct shm_schedule {
	_Atomic uint32_t latest; /* 1 or 2; 0 = the load has not begun */
	struct shm_schedule_copy {
		uint64_t sequence;  /* of the message that the pacer stands at */
		uint64_t changes;   /* changes of rate that are in it */
		struct pacer pacer; /* means nothing without a schedule */
	} copies[2];
};

/*
 * How many messages were acknowledged (a producer loop) or received (a consumer loop), by the time
 * that they were due: a slot for each 2^SHM_SLOT_SHIFT ns (134 ms) since `slots_start_ns`, and one
 * for all that is due later (4.9 hours), which may be more than 2^32.
 */
#define SHM_SLOT_SHIFT 27
#define SHM_SLOTS      (UINT64_C(1) << 17)

/* Of the messages of one window.  The words of all lie side by side: a message touches those of four. */
struct shm_latencies {
	struct hist_words words[LATENCY_COUNT];
	struct hist_buckets buckets[LATENCY_COUNT];
};

struct shm_loop {
	/* What its clients do not count (agent_shm_count adds them up). */
	_Alignas(64) _Atomic uint64_t counters[COUNTER_COUNT];
	_Atomic uint64_t message_bytes; /* of a producer loop: of every payload; 0 = no load yet */
	struct note notes[NOTE_COUNT];
	/* Of a producer loop: 1 as long as it may send more of the load.  Written after the counters
	 * of the last message (release), read before them (acquire, agent_shm_is_offering). */
	_Atomic uint32_t is_offering;
	_Atomic uint64_t closed; /* clients, so far */
	/* When the loop gave up sending what was due, at the end of the load or to close; 0 = not yet.
	 * Written before is_offering. */
	_Atomic uint64_t gave_up_ns;
	_Atomic uint32_t by_due[WINDOW_COUNT][SHM_SLOTS - 1];
	_Atomic uint64_t due_later[WINDOW_COUNT];
	struct shm_latencies latencies[WINDOW_COUNT];
};

/* Words of the parent. */
struct shm_control {
	_Alignas(64) _Atomic uint64_t window_start_ns; /* what is due in [start, end) is measured */
	_Atomic uint64_t window_end_ns;
	_Atomic uint64_t load_end_ns;    /* nothing is due from here on */
	_Atomic uint64_t slots_start_ns; /* before anything is due; the same for all agents */
};

/* The words of control, as values. */
struct shm_times {
	uint64_t window_start_ns, window_end_ns, load_end_ns, slots_start_ns;
};

struct agent_shm_shape {
	uint32_t loops, clients;
	uint32_t partitions;      /* counts for each client: of consumers */
	uint32_t window_messages; /* flights for each client: of producers */
};

struct agent_shm {
	uint32_t magic, version;
	uint64_t bytes; /* of the whole mapping */
	struct agent_shm_shape shape;
	struct shm_control control;
	struct shm_clocks clocks;
	_Alignas(64) _Atomic uint32_t state; /* enum agent_state */
	_Atomic uint32_t error_claimed;      /* the loop that sets it may write `error` */
	struct error error;                  /* complete before state becomes AGENT_FAILED */
	/* Of administration: 1 + items done; 0 = nothing was asked yet. */
	_Atomic uint64_t progress;
	_Alignas(64) struct shm_loop loop[];
};

/* NULL = failed. */
struct agent_shm *agent_shm_map(const struct agent_shm_shape *shape, struct error *err);
void agent_shm_unmap(struct agent_shm *shm);

/* The parent, before the fork and later. */
void agent_shm_put_times(struct agent_shm *shm, const struct shm_times *times);

struct shm_client *agent_shm_client(const struct agent_shm *shm, uint32_t client);
/* Received messages by partition of one client; shape.partitions words. */
_Atomic uint64_t *agent_shm_partitions(struct agent_shm *shm, uint32_t client);
/* Of one producer; shape.window_messages flights. */
struct shm_schedule *agent_shm_schedule(struct agent_shm *shm, uint32_t client);
struct flight *agent_shm_flights(struct agent_shm *shm, uint32_t client);

/* Owner loop only. */
void shm_schedule_put(struct shm_schedule *schedule, const struct shm_schedule_copy *copy);
/* Once the owner has ended; NULL = the load never began for it. */
const struct shm_schedule_copy *shm_schedule_latest(const struct shm_schedule *schedule);

/* Which window a message belongs to that is due then. */
static inline enum window shm_window_of(const struct shm_control *control, uint64_t due_ns)
{
	bool measured = due_ns >= counter_read(&control->window_start_ns) &&
	                due_ns < counter_read(&control->window_end_ns);

	return measured ? WINDOW_MEASURED : WINDOW_OUTSIDE;
}

/* Owner loop only. */
static inline __attribute__((always_inline)) void shm_record(struct shm_latencies *to,
                                                             enum latency which, uint64_t ns)
{
	hist_put(&to->words[which], &to->buckets[which], ns);
}

/* Counts one message that was due at `due_ns`; owner loop only. */
static inline void shm_count_due(struct shm_loop *loop, uint64_t slots_start_ns, enum window window,
                                 uint64_t due_ns)
{
	/* Earlier than the start (of another clock) wraps: into the last slot. */
	uint64_t slot = (due_ns - slots_start_ns) >> SHM_SLOT_SHIFT;

	if (__builtin_expect(slot >= SHM_SLOTS - 1, 0))
		counter_bump(&loop->due_later[window]);
	else
		counter_bump_u32(&loop->by_due[window][slot]);
}

/* May any loop send more of the load?  If not, the counters read after this are the last word on
 * what was sent. */
bool agent_shm_is_offering(const struct agent_shm *shm);

/* Clients that are closed so far. */
uint64_t agent_shm_closed(const struct agent_shm *shm);

/* Adds what one loop and its clients have counted to counters[COUNTER_COUNT]. */
void agent_shm_count(const struct agent_shm *shm, uint32_t loop, uint64_t *counters);
/* Adds what all loops counted to *to.  With `with_latencies` false only the counters. */
void agent_shm_snapshot(struct agent_shm *shm, bool with_latencies, struct snapshot *to);

/* Keeps the first error of an agent; any loop. */
void agent_shm_fail(struct agent_shm *shm, const struct error *err);

#endif
