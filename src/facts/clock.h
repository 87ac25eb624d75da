/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_CLOCK_H
#define OMB_FACTS_CLOCK_H

/*
 * clock -- what is known of the clocks of workers on other hosts, and what end-to-end latencies owe to it.
 *
 * How that comes about stands in load/clock_fit.h (a clock) and worker/clock_table.h (all of them).
 */

#include <stdbool.h>
#include <stdint.h>

enum fact_clock_source {
	CLOCK_BY_PROBES, /* asked, again and again */
	CLOCK_BY_SYSTEM, /* both hosts follow the time of day, and say how well */
	CLOCK_SOURCES
};

extern const char *const fact_clock_sources[CLOCK_SOURCES];

/* Of one worker, over the whole run; ours is the coordinator's. */
struct fact_clock {
	bool is_known;
	enum fact_clock_source source;
	int64_t offset_ns;          /* theirs - ours, at the end */
	double drift_ppm;           /* by which theirs is faster */
	uint64_t error_ns;          /* the offset was never wrong by more, in the measured window */
	uint64_t probes, lost;      /* answered; without an answer */
	uint64_t round_trip_min_ns; /* 0 = there was none */
	uint64_t steps, bends; /* how often it, or ours, was set or stood still; changed its rate */
	int64_t step_most_ns;  /* the largest step, by how much theirs went ahead */
};

/* Of all that messages went between. */
struct fact_clocks {
	unsigned count; /* different ones; below 2 there is nothing to be wrong by */
	bool is_known;
	/* An end-to-end latency of the measured window is wrong by at most so much.  UINT64_MAX: not
	 * known. */
	uint64_t error_ns;
	uint64_t steps;
};

/* Latencies between different clocks: below this they say nothing.  0 = there is one clock. */
static inline uint64_t fact_clocks_error_ns(const struct fact_clocks *c)
{
	if (c->count < 2)
		return 0;
	return c->is_known ? c->error_ns : UINT64_MAX;
}

/* As JSON (util/fields.h). */
extern const struct fields fact_clock_fields, fact_clocks_fields;

#endif
