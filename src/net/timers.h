/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_TIMERS_H
#define OMB_NET_TIMERS_H

/*
 * timers -- instants at which something is to be done, the earliest first; no clock inside.
 *
 * A timer is a member of what it belongs to (zeroed, and `due` filled in); it must be cancelled
 * before its owner goes.  Setting, moving and cancelling cost a logarithm.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
	void (*due)(struct timer *t, uint64_t now_ns); /* is not set any more when it is called */
	uint64_t at_ns;
	size_t place; /* in the heap, from 1; 0 = not set */
};

/* Zeroed is valid and empty. */
struct timers {
	struct timer **heap; /* owned; the timers are not */
	size_t count, cap;
};

void timers_fini(struct timers *all); /* forgets those that are set */

/* Moves one that is set already. */
void timers_set(struct timers *all, struct timer *t, uint64_t at_ns);
void timers_cancel(struct timers *all, struct timer *t); /* one that is not set: nothing */

static inline bool timer_is_set(const struct timer *t)
{
	return t->place != 0;
}

/* UINT64_MAX: none is set. */
uint64_t timers_next_ns(const struct timers *all);

/* Calls those that are due.  One that sets itself to a time that has passed is called the next
 * time, so this always ends. */
void timers_run(struct timers *all, uint64_t now_ns);

#endif
