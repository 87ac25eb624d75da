/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_PERCENTILE_H
#define OMB_STATS_PERCENTILE_H

/*
 * percentile -- what a histogram says: percentiles, mean, maximum, confidence.
 *
 * The rules are HdrHistogram's (2.1.12), so that a histogram gives the same figures here as in OMB:
 * the value at percentile p is the upper edge of the bucket that holds the sample of rank
 * ceil(p / 100 * count).  All values are in the unit of the histogram's layout; an empty histogram
 * gives 0 everywhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/hist_copy.h"

uint64_t percentile_value(const struct hist_copy *c, double percentile);

/* As many at once, in one pass; `percentiles` ascending. */
void percentile_values(const struct hist_copy *c, const double *percentiles, size_t len,
                       uint64_t *out);

/* HdrHistogram's maximum: the upper edge of the highest bucket in use (c->max is the exact one). */
uint64_t percentile_max(const struct hist_copy *c);

/* Sum of the exact values over their count; the bucket mean when the sum is not known. */
double percentile_mean(const struct hist_copy *c);

/* HdrHistogram's mean and standard deviation: each sample counts as the middle of its bucket. */
double percentile_bucket_mean(const struct hist_copy *c);
double percentile_bucket_deviation(const struct hist_copy *c);

/*
 * Where the percentile of the distribution behind the samples lies, with 95 % confidence, whatever
 * that distribution is: the number of samples below it is binomial, which gives two ranks, and the
 * values of these ranks are the interval.  Samples that come in runs (a stall makes hundreds of
 * slow ones at once) are not independent; then the true interval is wider.
 */
struct percentile_interval {
	uint64_t lower, upper;
	bool open_above; /* too few samples lie above: `upper` is the maximum seen, and no bound */
};

struct percentile_interval percentile_interval(const struct hist_copy *c, double percentile);

/* Calls `visit` for each point of HdrHistogram's "by percentile" curve, percentiles ascending.
 * `ticks` per half distance to 100 %: OMB's files have 100.  The last point is 100. */
typedef void percentile_visit(void *arg, double percentile, uint64_t value);
void percentile_curve(const struct hist_copy *c, unsigned ticks, percentile_visit *visit,
                      void *arg);

#endif
