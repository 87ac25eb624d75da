/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_WAIT_H
#define OMB_BROKER_WAIT_H

/*
 * wait -- who waits for what, by data alone: nobody is called.
 *
 * A sleeper registers on any number of lists and for a deadline.  Waking one takes all of that back
 * and puts it into its queue, from which the core takes it when it comes to it.
 */

#include <stdbool.h>
#include <stdint.h>

/* One registration of one sleeper on one list. */
struct waiter;

/* Who waits for the same thing.  Zeroed is valid and empty. */
struct wait_list {
	struct waiter *first;
};

/* Those that were woken, the latest first.  Zeroed is valid and empty. */
struct woken {
	struct sleeper *first;
};

struct sleeper {
	struct woken *woken; /* borrowed: where it goes */
	struct waiter *waiters;
	uint64_t wake_ns; /* the earliest of its deadlines; 0: none */
	bool is_woken;
	struct sleeper *next_woken;
};

void sleeper_wait_on(struct sleeper *s, struct wait_list *list);
/* The earliest of several deadlines counts.  Monotonic clock. */
void sleeper_wait_until(struct sleeper *s, uint64_t deadline_ns);
/* It waits for something. */
bool sleeper_waits(const struct sleeper *s);
/* Takes back all registrations and the deadline. */
void sleeper_forget(struct sleeper *s);
void sleeper_wake(struct sleeper *s);
/* Takes it from its queue too. */
void sleeper_fini(struct sleeper *s);

void wait_list_wake(struct wait_list *list);

/* NULL: nobody is. */
struct sleeper *woken_take(struct woken *w);

#endif
