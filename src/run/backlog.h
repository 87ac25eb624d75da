/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_BACKLOG_H
#define OMB_RUN_BACKLOG_H

/*
 * backlog -- consumerBacklogSizeGB: consumers are paused until a backlog has built up, and then
 * drain it while the load goes on; the window ends testDuration after that, as in OMB.
 *
 * The backlog is acknowledged x subscriptions - received, in messages.  Build and drain have limits:
 * a broker that never reaches the one or the other must not keep a run for ever.
 */

#include <stdint.h>

struct run;

/* At the start of the window.  Does nothing in a run without such a test, as all of these. */
void backlog_begin(struct run *r);

/* When backlog_if_due wants to look; UINT64_MAX = never. */
uint64_t backlog_next_ns(const struct run *r);
void backlog_if_due(struct run *r);

#endif
