/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_FLIGHT_H
#define OMB_AGENT_FLIGHT_H

/*
 * flight -- the messages of one producer that were sent and have no answer yet.
 *
 * A slot for each message of the window, taken from and given back to a stack: the slot freed last
 * is used next, so a producer with few messages under way touches few cache lines however large the
 * window.  The slot number is the token that the driver hands back.
 *
 * The slots lie in the memory that the agent shares with its parent (shm.h): when the agent dies, at
 * whatever instruction, the parent reads there which messages were under way.  So a slot is complete
 * before `called_ns` says that it is taken, and is given back by that word alone.  `used` bounds the
 * slots that were ever taken; the pages behind them are no memory, and readers leave them alone.
 *
 * Owner loop only; slots and `used` are read by the parent once the agent has ended.
 */

#include <stdbool.h>
#include <stdint.h>

#include "stats/counter.h"

struct flight {
	_Atomic uint64_t called_ns; /* 0: the slot is free */
	_Atomic uint64_t due_ns; /* of a free slot: the next one on the stack, as in flights.free */
	_Atomic uint64_t sequence; /* as in the message's stamp */
};

struct flights {
	struct flight *slots;
	_Atomic uint64_t *used;
	uint64_t free;       /* top of the stack of free slots, plus one; 0 = empty */
	uint32_t fresh, cap; /* slots from `fresh` on were never used */
	uint32_t under_way;
};

/*
 * The stores of a loop keep the order they are written in.  For a reader after the loop's death that
 * is enough: the compiler must not move them, and a processor stops between two instructions.
 */
static inline void flights_in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static inline bool flights_full(const struct flights *f)
{
	return f->under_way == f->cap;
}

/* A slot for a message that is about to be offered; not when full. */
static inline uint32_t flights_take(struct flights *f, uint64_t sequence, uint64_t due_ns,
                                    uint64_t called_ns)
{
	uint32_t slot = f->free > 0 ? (uint32_t)f->free - 1 : f->fresh;
	struct flight *at = &f->slots[slot];

	if (f->free > 0) {
		f->free = counter_read(&at->due_ns);
	} else {
		f->fresh++;
		counter_set(f->used, f->fresh);
	}
	f->under_way++;
	counter_set(&at->due_ns, due_ns);
	counter_set(&at->sequence, sequence);
	flights_in_order();
	counter_set(&at->called_ns, called_ns);
	flights_in_order();
	return slot;
}

/* Is `token` a message under way?  One that is reported and is not is a bug of the driver. */
static inline bool flights_has(const struct flights *f, uint64_t token)
{
	return token < f->fresh && counter_read(&f->slots[token].called_ns) != 0;
}

static inline uint64_t flights_called_ns(const struct flights *f, uint32_t slot)
{
	return counter_read(&f->slots[slot].called_ns);
}

static inline uint64_t flights_due_ns(const struct flights *f, uint32_t slot)
{
	return counter_read(&f->slots[slot].due_ns);
}

static inline uint64_t flights_sequence(const struct flights *f, uint32_t slot)
{
	return counter_read(&f->slots[slot].sequence);
}

/* One that is under way; read what it says before. */
static inline void flights_give_back(struct flights *f, uint32_t slot)
{
	struct flight *at = &f->slots[slot];

	flights_in_order();
	counter_set(&at->called_ns, 0);
	flights_in_order();
	counter_set(&at->due_ns, f->free);
	f->free = (uint64_t)slot + 1;
	f->under_way--;
}

#endif
