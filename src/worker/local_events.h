/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_EVENTS_H
#define OMB_WORKER_LOCAL_EVENTS_H

/*
 * local_events -- all that happened so far: to agents, what their clients noted, and outages.
 */

struct arena;
struct fact_events;
struct local;

/* Sorted by time.  Texts are in the arena, or live as long as the run. */
void local_events(struct local *l, struct arena *arena, struct fact_events *out);

#endif
