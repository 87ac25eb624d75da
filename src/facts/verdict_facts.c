/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/verdict_facts.h"

#include "stats/percentile.h"

const double verdict_percentiles[VERDICT_POINTS] = { 50, 95, 99 };

void verdict_look_at_window(const struct hist_copy latencies[LATENCY_COUNT],
                            const uint64_t counters[COUNTER_COUNT], struct verdict_facts *f)
{
	uint64_t delay_ns[VERDICT_POINTS], corrected_ns[VERDICT_POINTS];

	percentile_values(&latencies[LATENCY_DELAY], verdict_percentiles, VERDICT_POINTS, delay_ns);
	percentile_values(&latencies[LATENCY_CORRECTED_PUBLISH], verdict_percentiles,
	                  VERDICT_POINTS, corrected_ns);
	for (int i = 0; i < VERDICT_POINTS; i++)
		f->late[i] = (struct verdict_late){ delay_ns[i], corrected_ns[i] };
	f->window_sent = counters[COUNTER_SENT];
	f->window_blocked = counters[COUNTER_BLOCKED];
	f->window_blocked_ns = counters[COUNTER_BLOCKED_NS];
	f->overflow = 0;
	for (int i = 0; i < LATENCY_COUNT; i++)
		f->overflow += latencies[i].overflow;
}
