/* SPDX-License-Identifier: Apache-2.0 */
#include "results/result.h"

#include <string.h>

#include "results/omb_result.h"
#include "results/side_file.h"
#include "util/xalloc.h"

static struct omb_latencies latencies_of(const struct hist_copy h[LATENCY_COUNT])
{
	return (struct omb_latencies){
		.publish = &h[LATENCY_PUBLISH],
		.publish_delay = &h[LATENCY_DELAY],
		.end_to_end = &h[LATENCY_E2E],
	};
}

static void add_sample(struct omb_result *out, const struct record_period *p)
{
	struct hist_copy both[LATENCY_COUNT] = { 0 };
	const uint64_t *c = p->interval.counters;

	snapshot_latency(&p->interval, LATENCY_PUBLISH, &both[LATENCY_PUBLISH]);
	snapshot_latency(&p->interval, LATENCY_DELAY, &both[LATENCY_DELAY]);
	snapshot_latency(&p->interval, LATENCY_E2E, &both[LATENCY_E2E]);

	const struct omb_sample sample = {
		.elapsed_ns = p->end_ns - p->start_ns,
		.acknowledged = c[COUNTER_ACKNOWLEDGED],
		.failed = c[COUNTER_FAILED] + c[COUNTER_UNACKNOWLEDGED],
		.received = c[COUNTER_RECEIVED],
		.backlog = p->backlog,
		.latencies = latencies_of(both),
	};
	omb_result_add_sample(out, &sample);
	for (size_t i = 0; i < LATENCY_COUNT; i++)
		hist_copy_fini(&both[i]);
}

void result_format_omb(const struct record *record, struct text *out)
{
	struct omb_result result = {
		.workload = xstrdup(record->workload_name),
		.driver = xstrdup(record->driver_name),
		.message_size = (int64_t)record->message_bytes,
		.topics = (int64_t)record->topics,
		.partitions = (int64_t)record->partitions,
		.producers_per_topic = (int64_t)record->producers_per_topic,
		.consumers_per_topic = (int64_t)record->consumers_per_subscription,
	};
	struct omb_latencies window = latencies_of(record->totals.latencies[WINDOW_MEASURED]);

	for (size_t i = 0; i < record->periods_count; i++) {
		const struct record_period *p = &record->periods[i];
		if (strcmp(p->kind, "measure") == 0 && p->end_ns > p->start_ns)
			add_sample(&result, p);
	}
	omb_result_set_totals(&result, &window);
	omb_result_format(&result, out);
	omb_result_fini(&result);
}

static enum pair_kind kind_of(const struct record *r)
{
	if (r->interrupted || r->failure || r->recovered)
		return PAIR_PARTIAL;
	return r->verdict.verdict == VERDICT_INVALID ? PAIR_INVALID : PAIR_COMPLETE;
}

bool result_write(struct pair *pair, const struct record *r, struct text *json_path,
                  struct error *err)
{
	struct text json = { 0 }, side = { 0 };

	result_format_omb(r, &json);
	side_file_format(r, &side);
	bool ok = pair_write(pair, kind_of(r), &json, &side, json_path, err);
	text_fini(&json);
	text_fini(&side);
	return ok;
}
