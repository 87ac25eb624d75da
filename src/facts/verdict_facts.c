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
	f->has_e2e = latencies[LATENCY_E2E].count > 0;
	percentile_values(&latencies[LATENCY_E2E], verdict_percentiles, VERDICT_POINTS, f->e2e_ns);
	f->window_sent = counters[COUNTER_SENT];
	f->window_blocked = counters[COUNTER_BLOCKED];
	f->window_blocked_ns = counters[COUNTER_BLOCKED_NS];
	f->overflow = 0;
	for (int i = 0; i < LATENCY_COUNT; i++)
		f->overflow += latencies[i].overflow;
}

void verdict_look_at_wakeups(const struct fact_agent *agents, size_t count,
                             const struct hist_copy latencies[LATENCY_COUNT],
                             struct verdict_facts *f)
{
	static const enum agent_role roles[VERDICT_SENTINELS] = { AGENT_PRODUCER, AGENT_CONSUMER };
	const enum latency shown[VERDICT_SENTINELS] = {
		f->scheduled ? LATENCY_CORRECTED_PUBLISH : LATENCY_PUBLISH,
		f->scheduled ? LATENCY_CORRECTED_E2E : LATENCY_E2E,
	};

	for (int s = 0; s < VERDICT_SENTINELS; s++) {
		struct hist_copy late = { 0 };

		for (size_t i = 0; i < count; i++)
			if (agents[i].role == roles[s] && agents[i].late != NULL)
				hist_copy_add(&late, agents[i].late);
		f->sentinels[s].wakeups = late.count;
		percentile_values(&late, verdict_percentiles, VERDICT_POINTS,
		                  f->sentinels[s].late_ns);
		percentile_values(&latencies[shown[s]], verdict_percentiles, VERDICT_POINTS,
		                  f->sentinels[s].shown_ns);
		hist_copy_fini(&late);
	}
}
