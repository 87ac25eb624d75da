/* SPDX-License-Identifier: Apache-2.0 */
#include "results/record.h"

#include "stats/percentile.h"

const double record_percentiles[RECORD_PERCENTILES] = { 50, 75, 95, 99, 99.9, 99.99 };

static double per(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (double)part / (double)whole;
}

double record_producer_cpu_per_message_ns(const struct record *r)
{
	return per(r->producer_cpu_ns, r->window_counters[COUNTER_ACKNOWLEDGED]);
}

double record_consumer_cpu_per_message_ns(const struct record *r)
{
	return per(r->consumer_cpu_ns, r->window_counters[COUNTER_RECEIVED]);
}

const uint64_t *record_window_counters(const struct record *r)
{
	return r->edges_known ? r->edge_counters : r->window_counters;
}

static double per_s(const struct record *r, enum counter which)
{
	uint64_t ns = r->edges_known ? r->window_end_ns - r->window_start_ns
	                             : r->counted_end_ns - r->counted_start_ns;

	return per(record_window_counters(r)[which], ns) * 1e9;
}

double record_publish_per_s(const struct record *r)
{
	return per_s(r, COUNTER_ACKNOWLEDGED);
}

double record_consume_per_s(const struct record *r)
{
	return per_s(r, COUNTER_RECEIVED);
}

uint64_t record_exact_below(const struct record *r)
{
	uint64_t below = ACCOUNT_EXACT;

	for (size_t i = 0; i < r->producer_totals_count; i++)
		if (r->producer_totals[i].exact_below < below)
			below = r->producer_totals[i].exact_below;
	return below;
}

static bool needs_schedule(enum latency which)
{
	return which == LATENCY_DELAY || which == LATENCY_CORRECTED_PUBLISH ||
	       which == LATENCY_CORRECTED_E2E;
}

static bool is_between_clocks(enum latency which)
{
	return which == LATENCY_E2E || which == LATENCY_CORRECTED_E2E;
}

void record_latency(const struct record *r, enum latency which, struct record_latency *out)
{
	const struct hist_copy *h = &r->totals.latencies[WINDOW_MEASURED][which];

	*out = (struct record_latency){
		.which = which,
		.error_ns = is_between_clocks(which) ? fact_clocks_error_ns(&r->clocks) : 0,
		.meaningful = r->rate != RECORD_MAX || !needs_schedule(which),
		.count = h->count,
		.max_ns = h->max,
		.overflow = h->overflow,
		.mean_ns = percentile_mean(h),
	};
	for (size_t i = 0; i < RECORD_PERCENTILES; i++) {
		struct percentile_interval in = percentile_interval(h, record_percentiles[i]);

		out->percentiles[i] = (struct record_percentile){
			.ns = percentile_value(h, record_percentiles[i]),
			.lower_ns = in.lower,
			.upper_ns = in.upper,
			.too_few = h->count == 0 || in.open_above,
		};
		out->percentiles[i].unresolved = out->percentiles[i].ns < out->error_ns;
	}
}

bool record_refused(const struct record *r, double *least_per_s, double *most_per_s)
{
	bool any = false;

	for (size_t i = 0; i < r->readings_count; i++) {
		const struct record_reading *reading = &r->readings[i];
		double carried = reading->carried_per_s;

		if (reading->sustained || reading->rate_per_s < r->asked_per_s)
			continue;
		*least_per_s = any && *least_per_s < carried ? *least_per_s : carried;
		*most_per_s = any && *most_per_s > carried ? *most_per_s : carried;
		any = true;
	}
	return any;
}

/* The bound is that of the verdict's INVALID: `rate` and `throughput` say by how much. */
#define OVERLOAD_SHARE 0.95

enum record_meaning record_meaning(const struct record *r)
{
	if (r->rate == RECORD_MAX)
		return RECORD_MEANS_NOTHING;
	if (r->counted_end_ns > r->counted_start_ns &&
	    record_publish_per_s(r) < OVERLOAD_SHARE * r->asked_per_s)
		return RECORD_MEANS_OVERLOAD;
	return r->rate == RECORD_SEARCHED ? RECORD_MEANS_MAXIMUM : RECORD_MEANS_LOAD;
}
