/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_FLIGHT_H
#define OMB_AGENT_FLIGHT_H

/*
 * flight -- the messages of one producer that were sent and have no answer yet.
 *
 * A slot for each message of the window, taken from and given back to a stack: the slot freed last
 * is used next, so a producer with few messages under way touches few cache lines however large the
 * window.  The slot number is the token that the driver hands back.  Slots are mapped, not
 * allocated: what is never used is never memory.
 *
 * Owner loop only.
 */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct flight {
	uint64_t due_ns;
	uint64_t called_ns; /* 0: the slot is free */
};

struct flights {
	struct flight *slots; /* of the mapping; the stack of free slot numbers lies behind them */
	uint32_t *free;
	uint32_t free_count; /* on the stack; slots from `fresh` on were never used */
	uint32_t fresh, cap;
	uint32_t under_way;
};

bool flights_open(struct flights *f, uint32_t cap, struct error *err);
void flights_close(struct flights *f);

static inline bool flights_full(const struct flights *f)
{
	return f->under_way == f->cap;
}

/* A free slot; not when full. */
static inline uint32_t flights_take(struct flights *f)
{
	uint32_t slot = f->free_count > 0 ? f->free[--f->free_count] : f->fresh++;

	f->under_way++;
	return slot;
}

static inline void flights_give_back(struct flights *f, uint32_t slot)
{
	f->slots[slot].called_ns = 0;
	f->free[f->free_count++] = slot;
	f->under_way--;
}

/* What the driver handed back.  A token that is not under way is a bug of the driver. */
static inline struct flight *flights_at(struct flights *f, uint64_t token)
{
	assert(token < f->fresh && f->slots[token].called_ns != 0);
	return &f->slots[token];
}

#endif
