/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SHM_LOOP_H
#define OMB_AGENT_SHM_LOOP_H

/*
 * shm_loop -- the words of one loop in the memory that an agent shares with its parent (shm.h).
 */

#include <stdint.h>

#include "agent/note.h"
#include "agent/slow.h"
#include "agent/spoiled.h"
#include "stats/hist.h"
#include "stats/snapshot.h"

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

/* What a loop had counted when it first saw a time past an announced instant: nothing that it counted
 * later is in it. */
enum shm_edge_of { EDGE_WINDOW_START, EDGE_WINDOW_END, EDGES };

struct shm_edge {
	_Atomic uint64_t at_ns;  /* that time; written last (release); 0 = it has not come so far */
	_Atomic uint64_t cpu_ns; /* CPU time of its thread alone, so far */
	_Atomic uint64_t counters[COUNTER_COUNT];
};

/* What the loop's clients said when they were last asked, all of them together. */
struct shm_claims {
	_Atomic uint64_t said; /* written last (release) */
	_Atomic uint64_t values[CLAIM_COUNT];
};

struct shm_loop {
	/* What its clients do not count (agent_shm_count adds them up). */
	_Alignas(64) _Atomic uint64_t counters[COUNTER_COUNT];
	struct shm_edge edges[EDGES];
	/* When the loop last turned: at most LOOP_SLEEP_MAX_NS ago, or it hangs. */
	_Atomic uint64_t turned_ns;
	/* How late the loop woke up, within the measured window, when it had slept until a time of its
	 * own, by ticks of its schedule (stats/late.h): its sentinel. */
	struct hist late;
	_Atomic uint32_t thread; /* its number in the system; 0 = the clients are not open yet */
	_Atomic uint32_t
		order_unknown; /* 1: its account has not every message that was out of order */
	struct shm_claims claims;
	_Atomic uint64_t message_bytes; /* of a producer loop: of every payload; 0 = no load yet */
	struct note notes[NOTE_COUNT];
	/* Of a producer loop: 1 as long as it may send more of the load.  Written after the counters
	 * of the last message (release), read before them (acquire, agent_shm_is_offering). */
	_Atomic uint32_t is_offering;
	_Atomic uint64_t closed; /* clients, so far */
	/* When the loop gave up sending what was due, at the end of the load or to close; 0 = not yet.
	 * Written before is_offering. */
	_Atomic uint64_t gave_up_ns;
	struct shm_slow slow;       /* its slowest messages */
	struct shm_spoiled spoiled; /* of a consumer loop */
	_Atomic uint32_t by_due[WINDOW_COUNT][SHM_SLOTS - 1];
	_Atomic uint64_t due_later[WINDOW_COUNT];
	struct shm_latencies latencies[WINDOW_COUNT];
};

/* Owner loop only. */
static inline __attribute__((always_inline)) void shm_record(struct shm_latencies *to,
                                                             enum latency which, uint64_t ns)
{
	hist_put(&to->words[which], &to->buckets[which], ns);
}

/* Earlier than the start (of another clock) wraps: into the last slot. */
static inline uint64_t shm_slot_of(uint64_t slots_start_ns, uint64_t due_ns)
{
	uint64_t slot = (due_ns - slots_start_ns) >> SHM_SLOT_SHIFT;

	return slot < SHM_SLOTS ? slot : SHM_SLOTS - 1;
}

/* Counts one message that was due at `due_ns`; owner loop only. */
static inline void shm_count_due(struct shm_loop *loop, uint64_t slots_start_ns, enum window window,
                                 uint64_t due_ns)
{
	uint64_t slot = shm_slot_of(slots_start_ns, due_ns);

	if (slot == SHM_SLOTS - 1)
		counter_bump(&loop->due_later[window]);
	else
		counter_bump_u32(&loop->by_due[window][slot]);
}

#endif
