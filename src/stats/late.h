/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_LATE_H
#define OMB_STATS_LATE_H

/*
 * late -- how late somebody woke up, as a schedule of equal ticks sees it.
 *
 * Who wakes up every 100 us and once 20 ms late has slept through 200 ticks, and to each message that was
 * due then it matters.  Counted by wake-ups that is one among thousands, and shows at no percentile.  So
 * every tick that was missed is charged, too: T late and a tick of t is T, T - t, T - 2t, ... down to what
 * was left at the last of them.
 */

#include <stdint.h>

#include "stats/hist.h"

/* A row of more values is made of so many steps, each counted several times: a process that was stopped for
 * an hour must not count for long when it goes on. */
#define LATE_STEPS_MAX 1024

/* When somebody woke up, or what he missed. */
struct late {
	uint64_t due_ns, woke_ns; /* the latter is not before the former */
	uint64_t tick_ns;         /* from one due time to the next */
	uint64_t end_ns;          /* what is due from here on does not count; behind due_ns */
};

/* Owner thread of the histogram only. */
void late_record(struct hist *h, const struct late *l);

/* The same in private memory. */
void late_record_copy(struct hist_copy *h, const struct late *l);

#endif
