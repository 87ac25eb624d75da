/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SHM_H
#define OMB_AGENT_SHM_H

/*
 * shm -- the memory that an agent shares with its parent: the agent counts, the parent reads.
 *
 *     | header | loop 0 | loop 1 ... | client 0 | client 1 ... |
 *     | partition counts, and last receipts, of consumers ... | schedules of producers ... | flights of producers ... |
 *     | account of loop 0 | account of loop 1 ... |
 *
 * One mapping for each agent, made before its fork; a restarted agent gets a fresh one and the old
 * one keeps its counts, so a parent that loses an agent at any instant still has all it counted.
 * Every word has one writer: the parent (`control`, `clocks`), administration (`progress`), or the loop
 * that owns it or its client; but for `state`, `error_claimed` and `error`: the first loop that fails
 * claims them and writes AGENT_FAILED last, else the agent's first thread writes them; and for the
 * accounts, whose header says whose their words are (account/area.h).  Counters and histograms only grow.
 * Untouched pages of the mapping take no memory, and readers leave them untouched.
 *
 * What a parent may rely on when an agent was killed between two instructions (debt.h does):
 *
 *     sent      a message takes its flight, then the driver is asked, then `sent` is counted.  A
 *               flight whose sequence is `sent` was being offered: the driver may have sent it.
 *     answered  it is counted as sent, if its own `send` reports it; it goes into the account, gives
 *               its flight back, then its times are recorded, then it is counted by its client.
 *     received  it goes into the account, then it is counted, then its times are recorded; the driver
 *               is told later that it may be confirmed to the broker.
 *
 * So the clients' counts and the flights are the truth, and no message is in both: whatever a driver
 * may have delivered is sent.  The message that the loop was at in that instant may be counted as
 * unacknowledged instead of as what it became, and may be in some of the histograms and not in
 * others: one message for each loop, never more.  In the account it may be already.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/area.h"
#include "agent/clocks.h"
#include "agent/flight.h"
#include "agent/shm_loop.h"
#include "agent/silence.h"
#include "load/assignment.h"
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
	struct shm_silence silence;
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

/* Words of the parent. */
struct shm_control {
	_Alignas(64) _Atomic uint64_t window_start_ns; /* what is due in [start, end) is measured */
	_Atomic uint64_t window_end_ns;
	_Atomic uint64_t load_end_ns;    /* nothing is due from here on */
	_Atomic uint64_t slots_start_ns; /* before anything is due; the same for all agents */
	_Atomic uint64_t load_start_ns;  /* nothing is due before; 0 = not known yet */
	_Atomic uint64_t round;          /* of the slowest messages (slow.h) of this agent */
};

/* The words of control, as values. */
struct shm_times {
	uint64_t window_start_ns, window_end_ns, load_end_ns, slots_start_ns, load_start_ns;
};

struct agent_shm_shape {
	uint32_t loops, clients;
	uint32_t partitions;          /* counts for each client: of consumers */
	uint32_t window_messages;     /* flights for each client: of producers */
	struct account_shape account; /* of each loop; without keys: no account is kept */
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
/* The same of messages that are damaged, by their stamp or by their contents: to be read only where
 * COUNTER_CORRUPT or COUNTER_SPOILED says that there are. */
_Atomic uint64_t *agent_shm_damaged(struct agent_shm *shm, uint32_t client);
/* When a consumer last received something of each partition, and behind those of an unknown one
 * (shape.partitions + 1): the owner loop's, and once it has ended anybody's (silence.h). */
uint64_t *agent_shm_heard(const struct agent_shm *shm, uint32_t client);
/* Of one producer; shape.window_messages flights. */
struct shm_schedule *agent_shm_schedule(struct agent_shm *shm, uint32_t client);
struct flight *agent_shm_flights(struct agent_shm *shm, uint32_t client);

/* What became of the messages of a loop: the loop writes, the parent takes, once its keys are filled in
 * (roster.h).  NULL = no account is kept. */
struct account_area *agent_shm_account(struct agent_shm *shm, uint32_t loop);
/* Of consumers: does the account know what came out of order?  Not if a loop had no room to remember
 * the last message of each producer and partition (receipts.h). */
bool agent_shm_knows_order(const struct agent_shm *shm);

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

/* May any loop send more of the load?  If not, the counters read after this are the last word on
 * what was sent. */
bool agent_shm_is_offering(const struct agent_shm *shm);

/* When the loop that has not turned for the longest time last did; 0 = one has not begun to. */
uint64_t agent_shm_turned_ns(const struct agent_shm *shm);

/* The longest silence of a client so far; 0 = none that counts. */
uint64_t agent_shm_silence_ns(const struct agent_shm *shm);

/* Clients that are closed so far. */
uint64_t agent_shm_closed(const struct agent_shm *shm);

/* Adds what one loop and its clients have counted to counters[COUNTER_COUNT]. */
void agent_shm_count(const struct agent_shm *shm, uint32_t loop, uint64_t *counters);
/* The same as of an edge; when, or 0: the loop has not passed it, and nothing was added. */
uint64_t agent_shm_count_at(const struct agent_shm *shm, uint32_t loop, enum shm_edge_of edge,
                            uint64_t *counters);
/* Owner loop only. */
void agent_shm_pass_edge(struct agent_shm *shm, uint32_t loop, enum shm_edge_of edge,
                         uint64_t at_ns, uint64_t cpu_ns);

/* CPU time of one loop's thread between the edges, as it passed them. */
struct shm_cpu {
	uint64_t span_ns, cpu_ns;
	uint64_t work_ns; /* without what it spun, which is waiting */
};

/* False: it has not passed both. */
bool agent_shm_window_cpu(const struct agent_shm *shm, uint32_t loop, struct shm_cpu *out);
/* The parent: ends the round, and takes the slowest messages that were not taken yet.  *to has room for
 * shape.loops * SLOW_TAKEN_MAX; how many there are. */
size_t agent_shm_take_slow(struct agent_shm *shm, struct slow_taken *to);
/* Adds how late the loops woke up within the measured window. */
void agent_shm_late(const struct agent_shm *shm, struct hist_copy *to);
/* Owner loop only. */
void agent_shm_claim(struct agent_shm *shm, uint32_t loop, const struct claims *said);
/* Adds what all loops counted to *to.  With `with_latencies` false only the counters. */
void agent_shm_snapshot(struct agent_shm *shm, bool with_latencies, struct snapshot *to);

/* Keeps the first error of an agent; any loop. */
void agent_shm_fail(struct agent_shm *shm, const struct error *err);

#endif
