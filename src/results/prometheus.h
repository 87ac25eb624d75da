/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_PROMETHEUS_H
#define OMB_RESULTS_PROMETHEUS_H

/*
 * prometheus -- what a load has done so far, as Prometheus reads it (text format 0.0.4).
 *
 * Two sets of metrics, both in one table, of which docs/metrics.md is made:
 *
 *     benchmark_...  those of OMB's worker, for dashboards that know it: milliseconds, the
 *                    quantiles of a minute.  Its counters are `untyped` here: what promtool wants of
 *                    the name of a counter they do not have
 *     omb_...        ours: seconds and bytes, histograms
 *
 * How many lines there are is bounded: of agents and topics those beyond the first
 * PROMETHEUS_EACH_MAX are summed as "other".  A histogram's buckets are exact to the width of those
 * that it is made of (0.1 %).
 *
 * Pure but for memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "facts/totals.h"
#include "util/text.h"

#define PROMETHEUS_EACH_MAX 100
#define PROMETHEUS_TYPE     "text/plain; version=0.0.4; charset=utf-8"

/* What the totals do not know.  NULL or 0: it is not known, and left out. */
struct prometheus_about {
	const char *run_id, *workload, *driver, *phase;
	const char *worker;     /* what it calls itself */
	double rate_per_s;      /* that is asked for */
	uint64_t subscriptions; /* of each topic: without them there is no backlog to tell */
};

enum { PROMETHEUS_OMB_LATENCIES = 3 };

/*
 * The last whole minute of latencies, as OMB's summaries have it: nothing before the first has passed.
 * Zeroed is valid.  It turns when it is told, so a minute may be longer.
 */
struct prometheus_minute {
	uint64_t began_ns;
	bool is_known;                                   /* `done` is of a minute */
	struct hist_copy base[PROMETHEUS_OMB_LATENCIES]; /* owned: as it began */
	struct hist_copy done[PROMETHEUS_OMB_LATENCIES]; /* owned */
};

/* With every snapshot that has latencies; one of another load begins anew. */
void prometheus_minute_turn(struct prometheus_minute *m, const struct snapshot *s);
void prometheus_minute_fini(struct prometheus_minute *m);

/* Appends all.  Without latencies the totals' histograms are left out.  `minute` may be NULL. */
void prometheus_write(const struct prometheus_about *about, const struct fact_totals *totals,
                      const struct prometheus_minute *minute, struct text *out);

/* Appends docs/metrics.md. */
void prometheus_describe(struct text *out);

#endif
