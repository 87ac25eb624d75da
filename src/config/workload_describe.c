/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "config/option.h"
#include "config/workload_raw.h"
#include "util/text.h"

/* The way back: what the table's members were read into. */
static struct workload_raw unresolve(const struct workload *w)
{
	struct workload_raw raw = { .w = *w };

	raw.rate = (struct option_pick){
		.choice = w->rate_mode == RATE_MAX ? RATE_MAX : OPTION_NUMBER,
		.number = w->rate_per_s,
	};
	raw.agents = (struct option_pick){
		.choice = w->agents == AGENTS_NUMBER ? OPTION_NUMBER : (int)w->agents,
		.number = w->agent_count,
	};
	raw.window.count = w->max_in_flight;
	raw.commit.count = w->commit_messages;
	raw.commit.ns = w->commit_ns;
	return raw;
}

/* Keys that say nothing beside the others: minutes where durations stand, and what is not set. */
static bool is_silent(const struct workload *w, const char *key)
{
	if (strcmp(key, "testDurationMinutes") == 0 || strcmp(key, "warmupDurationMinutes") == 0)
		return true;
	if (strcmp(key, "maxInFlightBytes") == 0)
		return w->max_in_flight_bytes == 0;
	if (strcmp(key, "payloadFile") == 0)
		return w->payload_path == NULL;
	if (strcmp(key, "backlogBuildTimeout") == 0)
		return w->backlog_build_ns == 0;
	if (strcmp(key, "backlogDrainTimeout") == 0)
		return w->backlog_drain_ns == 0;
	return strcmp(key, "agentCpus") == 0 && w->agent_cpus.count == 0;
}

void workload_describe(const struct workload *w, workload_row_fn *fn, void *to)
{
	struct workload_raw raw = unresolve(w);

	for (const struct option_spec *s = workload_table; s->name != NULL; s++) {
		struct text value = { 0 };

		if (is_silent(w, s->name))
			continue;
		option_format(s, &raw, &value);
		fn(to, s->name, text_str(&value));
		text_fini(&value);
	}
}
