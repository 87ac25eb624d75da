/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/snapshot.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	const char *name, *help;
} latencies[] = {
#define X(enumerator, text, description) { text, description },
	LATENCIES(X)
#undef X
};

static const struct {
	const char *name, *help;
} counters[] = {
#define X(enumerator, text, description) { text, description },
	COUNTERS(X)
#undef X
};

const char *latency_name(enum latency which)
{
	assert((unsigned)which < LATENCY_COUNT);
	return latencies[which].name;
}

const char *latency_help(enum latency which)
{
	assert((unsigned)which < LATENCY_COUNT);
	return latencies[which].help;
}

const char *counter_name(enum counter which)
{
	assert((unsigned)which < COUNTER_COUNT);
	return counters[which].name;
}

const char *counter_help(enum counter which)
{
	assert((unsigned)which < COUNTER_COUNT);
	return counters[which].help;
}

void snapshot_add(struct snapshot *to, const struct snapshot *from)
{
	if (from->taken_ns > to->taken_ns)
		to->taken_ns = from->taken_ns;
	to->cpu_ns += from->cpu_ns;
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		to->counters[i] += from->counters[i];
	claims_add(&to->claims, &from->claims);
	for (size_t w = 0; w < WINDOW_COUNT; w++) {
		for (size_t i = 0; i < LATENCY_COUNT; i++)
			hist_copy_add(&to->latencies[w][i], &from->latencies[w][i]);
	}
}

void snapshot_diff(const struct snapshot *newer, const struct snapshot *older, struct snapshot *out)
{
	assert(out != newer && out != older);

	out->taken_ns = newer->taken_ns - older->taken_ns;
	out->cpu_ns = newer->cpu_ns - older->cpu_ns;
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		out->counters[i] = newer->counters[i] - older->counters[i];
	claims_diff(&newer->claims, &older->claims, &out->claims);
	for (size_t w = 0; w < WINDOW_COUNT; w++) {
		for (size_t i = 0; i < LATENCY_COUNT; i++)
			hist_copy_diff(&newer->latencies[w][i], &older->latencies[w][i],
			               &out->latencies[w][i]);
	}
}

void snapshot_latency(const struct snapshot *s, enum latency which, struct hist_copy *out)
{
	hist_copy_assign(out, &s->latencies[WINDOW_OUTSIDE][which]);
	hist_copy_add(out, &s->latencies[WINDOW_MEASURED][which]);
}

void snapshot_fini(struct snapshot *s)
{
	for (size_t w = 0; w < WINDOW_COUNT; w++) {
		for (size_t i = 0; i < LATENCY_COUNT; i++)
			hist_copy_fini(&s->latencies[w][i]);
	}
}
