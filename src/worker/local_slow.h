/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_SLOW_H
#define OMB_WORKER_LOCAL_SLOW_H

/*
 * local_slow -- which messages were the slowest, over all agents.
 */

struct arena;
struct fact_totals;
struct local;

/* Since the last time: each is told once. */
void local_slow(struct local *l, struct arena *arena, struct fact_totals *out);

#endif
