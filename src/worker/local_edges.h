/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_EDGES_H
#define OMB_WORKER_LOCAL_EDGES_H

/*
 * local_edges -- what the agents had counted at the ends of the window.
 */

struct arena;
struct fact_totals;
struct local;

/* As far as they have come. */
void local_edges(const struct local *l, struct arena *arena, struct fact_totals *out);

#endif
