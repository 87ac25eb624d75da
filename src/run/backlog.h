/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_BACKLOG_H
#define OMB_RUN_BACKLOG_H

/*
 * backlog -- consumerBacklogSizeGB: consumers are paused until a backlog has built up, and then
 * drain it while the load goes on; the window ends testDuration after that, as in OMB.
 *
 * The backlog is acknowledged x subscriptions - received, in messages.  Build and drain have limits
 * (backlogBuildTimeout, backlogDrainTimeout), where OMB waits for ever.  A backlog that provably
 * grows (growth.h) is not waited for: nothing more can come of it, so the window ends there.
 */

#include <stdint.h>

struct run;

/* At the start of the window.  Does nothing in a run without such a test, as all of these. */
void backlog_begin(struct run *r);

/* When backlog_if_due wants to look; UINT64_MAX = never. */
uint64_t backlog_next_ns(const struct run *r);
void backlog_if_due(struct run *r);

/* The window has ended, perhaps before the backlog was built or drained: consumers that still stand
 * work again. */
void backlog_end(struct run *r);

#endif
