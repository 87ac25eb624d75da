/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_GROWTH_H
#define OMB_RUN_GROWTH_H

/*
 * growth -- does a backlog that the consumers should drain provably grow?
 *
 * Looked at in periods of 10 s.  One in which the backlog did not shrink although consumers worked
 * speaks for it; three of them in a row, the last of which did not grow much less than the
 * first of the three, are the proof: consumers that warm up catch up sooner or later, and their backlog grows
 * less and less.  Where nothing was received at all, the group may be standing still: that proves
 * something only when it lasts longer than that may.
 *
 * Pure: the time comes in.
 */

#include <stdbool.h>
#include <stdint.h>

struct growth_look {
	uint64_t at_ns;
	uint64_t backlog, received; /* over all subscriptions */
	bool is_disturbed;          /* consumers have died and are not back: nothing is proven */
};

struct growth {
	uint64_t standing_ns;     /* so long a group may stand still */
	struct growth_look first; /* at the start of the periods in a row ... */
	struct growth_look last;  /* ... and at the end of the last one */
	uint64_t before
		[2]; /* how much it grew in the period before the last, and in the one before it */
	unsigned periods, consumed_in; /* how many, and in how many something was received */
};

void growth_begin(struct growth *g, const struct growth_look *now, uint64_t standing_ns);

/* True: it is proven, by what lies between g->first and g->last. */
bool growth_look(struct growth *g, const struct growth_look *now);

double growth_per_s(const struct growth *g);
double growth_received_per_s(const struct growth *g);

#endif
