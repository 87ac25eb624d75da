/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/java_totals.h"

#include <string.h>

void java_totals_fini(struct java_totals *t)
{
	for (size_t w = 0; w < WINDOW_COUNT; w++)
		for (size_t i = 0; i < LATENCY_COUNT; i++)
			hist_copy_fini(&t->latencies[w][i]);
	*t = (struct java_totals){ 0 };
}

void java_totals_add_counters(struct java_totals *t, const struct worker_counters *now)
{
	t->now = *now;
	if (!t->is_based)
		t->base = *now;
}

static void add_latency(struct java_totals *t, enum latency which, const struct hist_copy *from)
{
	struct hist_copy ours = { 0 };

	hist_copy_convert(from, &hist_layout_ns, &ours);
	hist_copy_add(&t->latencies[t->window][which], &ours);
	hist_copy_fini(&ours);
}

void java_totals_add_period(struct java_totals *t, const struct omb_period *p)
{
	java_totals_add_counters(t, &p->totals);
	t->counted = t->now;
	t->bytes_acknowledged += p->bytes_sent;
	t->bytes_received += p->bytes_received;
	add_latency(t, LATENCY_DELAY, &p->latencies.delay);
	add_latency(t, LATENCY_PUBLISH, &p->latencies.publish);
	add_latency(t, LATENCY_E2E, &p->latencies.e2e);
}

void java_totals_begin(struct java_totals *t)
{
	struct worker_counters now = t->now;
	uint32_t message_bytes = t->message_bytes;

	java_totals_fini(t);
	t->message_bytes = message_bytes;
	t->now = t->base = t->counted = now;
	t->is_based = true;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static void count(const struct java_totals *t, uint64_t *out)
{
	out[COUNTER_ACKNOWLEDGED] = less(t->now.sent, t->base.sent);
	out[COUNTER_FAILED] = less(t->now.send_errors, t->base.send_errors);
	out[COUNTER_SENT] = out[COUNTER_ACKNOWLEDGED] + out[COUNTER_FAILED];
	out[COUNTER_RECEIVED] = less(t->now.received, t->base.received);
	out[COUNTER_PROBES_SENT] = out[COUNTER_PROBES_ACKED] = t->base.sent;
	out[COUNTER_PROBES_RECEIVED] = t->base.received;
	out[COUNTER_BYTES_ACKED] =
		t->bytes_acknowledged + less(t->now.sent, t->counted.sent) * t->message_bytes;
	out[COUNTER_BYTES_RECEIVED] =
		t->bytes_received + less(t->now.received, t->counted.received) * t->message_bytes;
}

void java_totals_pass(struct java_totals *t, enum fact_edge_of edge, uint64_t at_ns)
{
	t->edges[edge].at_ns = at_ns;
	count(t, t->edges[edge].counters);
	t->window = edge == FACT_WINDOW_START ? WINDOW_MEASURED : WINDOW_OUTSIDE;
}

void java_totals_forget_edges(struct java_totals *t)
{
	memset(t->edges, 0, sizeof(t->edges));
	t->window = WINDOW_OUTSIDE;
}

void java_totals_tell(const struct java_totals *t, uint64_t taken_ns, struct fact_totals *out)
{
	bool without = out->without_latencies;

	*out = (struct fact_totals){ .without_latencies = without };
	out->snapshot.taken_ns = taken_ns;
	count(t, out->snapshot.counters);
	memcpy(out->edges, t->edges, sizeof(out->edges));
	if (without)
		return;
	for (size_t w = 0; w < WINDOW_COUNT; w++)
		for (size_t i = 0; i < LATENCY_COUNT; i++)
			hist_copy_assign(&out->snapshot.latencies[w][i], &t->latencies[w][i]);
}
