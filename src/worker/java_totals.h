/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_JAVA_TOTALS_H
#define OMB_WORKER_JAVA_TOTALS_H

/*
 * java_totals -- what OMB's own worker tells of itself, added up to what a worker of ours tells.
 *
 * Its statistics of a period can be read once, its counters at any time.  Of both is made:
 *
 *     counters     now, less what they were before the load: those were probes
 *     latencies    periods added up, into the window that was open when they were read
 *     bytes        periods added up; between them messages of the one size
 *     edges        the counters at the read that an edge of the window asked for
 *
 * So a message belongs to the window in which it was acknowledged or received (ours: in which it was
 * due), and an edge is late by what a request takes.  Nothing is known of what it does not count: what is
 * under way, never sent or received twice, and when messages were due.
 *
 * Pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "facts/totals.h"
#include "worker/call.h"
#include "worker/omb_json.h"

struct arena;

/* Zeroed is valid: nothing is known yet. */
struct java_totals {
	struct worker_counters base, now;
	bool is_based;                               /* the base does not move any more */
	uint32_t message_bytes;                      /* of the load; 0 = not known here */
	uint64_t bytes_acknowledged, bytes_received; /* as periods told ... */
	struct worker_counters counted;              /* ... of so many messages */
	enum window window;                          /* that is open */
	struct hist_copy latencies[WINDOW_COUNT][LATENCY_COUNT];
	struct fact_edge edges[FACT_EDGES];
};

void java_totals_fini(struct java_totals *t);

void java_totals_add_counters(struct java_totals *t, const struct worker_counters *now);
void java_totals_add_period(struct java_totals *t, const struct omb_period *p);
/* From here on the counters are of the load, and what was timed before is forgotten. */
void java_totals_begin(struct java_totals *t);
/* The period that was added last ended at this edge. */
void java_totals_pass(struct java_totals *t, enum fact_edge_of edge, uint64_t at_ns);
/* It lies ahead again. */
void java_totals_forget_edges(struct java_totals *t);

/* *out is overwritten but for `without_latencies`; its snapshot is the caller's. */
void java_totals_tell(const struct java_totals *t, uint64_t taken_ns, struct fact_totals *out);

#endif
