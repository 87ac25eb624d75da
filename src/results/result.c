/* SPDX-License-Identifier: Apache-2.0 */
#include "results/result.h"

#include <stdlib.h>
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

void result_add_period(struct omb_result *series, const struct record_period *p)
{
	if (strcmp(p->kind, "measure") != 0 || p->end_ns <= p->start_ns)
		return;

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
	omb_result_add_sample(series, &sample);
	for (size_t i = 0; i < LATENCY_COUNT; i++)
		hist_copy_fini(&both[i]);
}

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = xstrdup(text);
}

void result_write_omb(const struct record *r, struct file_draft *out)
{
	struct omb_latencies window = latencies_of(r->totals.latencies[WINDOW_MEASURED]);
	struct omb_result without_series = { 0 };
	struct omb_result *result = r->samples != NULL ? r->samples : &without_series;

	set_text(&result->workload, r->workload_name);
	set_text(&result->driver, r->driver_name);
	result->message_size = (int64_t)r->message_bytes;
	result->topics = (int64_t)r->topics;
	result->partitions = (int64_t)r->partitions;
	result->producers_per_topic = (int64_t)r->producers_per_topic;
	result->consumers_per_topic = (int64_t)r->consumers_per_subscription;
	omb_result_set_totals(result, &window);
	omb_result_write(result, out);
	omb_result_fini(&without_series);
}

static enum pair_kind kind_of(const struct record *r)
{
	if (r->interrupted || r->failure || r->recovered)
		return PAIR_PARTIAL;
	return r->verdict.verdict == VERDICT_INVALID ? PAIR_INVALID : PAIR_COMPLETE;
}

static bool omb_content(const void *from, struct file_draft *to, struct error *err)
{
	(void)err;
	result_write_omb(from, to);
	return true;
}

static bool side_content(const void *from, struct file_draft *to, struct error *err)
{
	return side_file_write(from, to, err);
}

bool result_write(struct pair *pair, const struct record *r, struct text *json_path,
                  struct error *err)
{
	const struct pair_contents contents = { r, omb_content, side_content };

	return pair_write(pair, kind_of(r), &contents, json_path, err);
}
