/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_SPOILED_H
#define OMB_WORKER_LOCAL_SPOILED_H

/*
 * local_spoiled -- which messages arrived with other contents than were sent, over all agents.
 */

struct arena;
struct fact_totals;
struct local;

/* In the order of producers, subscriptions and sequences; neighbours are one range.  A message that
 * arrived so twice is named once. */
void local_spoiled_tell(const struct local *l, struct arena *arena, struct fact_totals *out);

#endif
