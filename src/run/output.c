/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "results/omb_result.h"
#include "results/side_file.h"
#include "run/outcome.h"
#include "run/state.h"
#include "util/file.h"
#include "util/xalloc.h"

/* Is -o a folder?  One that exists, or a name that ends with a slash. */
static bool output_is_folder(const char *output)
{
	struct stat st;
	size_t len = strlen(output);

	if (len > 0 && output[len - 1] == '/')
		return true;
	return stat(output, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *outcome_folder(struct run *r, struct error *err)
{
	const char *output = r->options->output;
	const char *folder = ".";

	if (output && output_is_folder(output))
		folder = output;
	else if (output && file_base(output) > output)
		folder = arena_strndup(&r->arena, output, (size_t)(file_base(output) - output));
	return file_make_dirs(folder, err) ? folder : NULL;
}

/* `<workload>-<driver>-<time>`, as OMB names it; a slash in a name would be a folder. */
static void format_name(const struct run *r, struct text *out)
{
	time_t now = (time_t)(r->platform.wall_ns(r->platform.to) / 1000000000u);
	char date[32] = "";
	struct tm tm;
	size_t start = out->len;

	if (localtime_r(&now, &tm))
		(void)strftime(date, sizeof(date), "%Y-%m-%d-%H-%M-%S", &tm);
	text_addf(out, "%s-%s-%s.json", r->options->workload->file_name, r->options->driver->name,
	          date);
	for (char *c = out->data + start; *c; c++) {
		if (*c == '/')
			*c = '-';
	}
}

static void format_path(const struct run *r, struct text *out)
{
	const char *output = r->options->output;

	if (output && !output_is_folder(output)) {
		text_add(out, output);
		return;
	}
	if (output) {
		size_t len = strlen(output);
		text_add(out, output);
		text_add(out, len > 0 && output[len - 1] == '/' ? "" : "/");
	}
	format_name(r, out);
}

/* `x.json` -> `x.omb`; `x` -> `x.omb`. */
static void format_side_path(const char *path, struct text *out)
{
	static const char ending[] = ".json";
	size_t len = strlen(path), cut = strlen(ending);

	if (len > cut && strcmp(path + len - cut, ending) == 0)
		len -= cut;
	text_add_bytes(out, path, len);
	text_add(out, ".omb");
}

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

/* The series of OMB's file is that of the window: OMB stops counting there. */
static void format_omb(const struct record *record, struct text *out)
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

bool outcome_write(struct run *r, const struct record *record, struct run_report *out,
                   struct error *err)
{
	struct text json = { 0 };
	struct error ignored = { 0 };

	format_path(r, &out->result_path);
	format_side_path(text_str(&out->result_path), &out->side_path);
	if (record->interrupted || record->failure)
		text_add(&out->result_path, ".partial");
	else if (record->verdict.verdict == VERDICT_INVALID)
		text_add(&out->result_path, ".invalid");

	format_omb(record, &json);
	/* Again: the folder may have gone since the start. */
	bool ok = outcome_folder(r, &ignored) != NULL &&
	          file_write_atomic(text_str(&out->result_path), json.data, json.len, err) &&
	          side_file_write(text_str(&out->side_path), record, err);
	if (ignored.kind != ERROR_NONE)
		*err = ignored;
	if (!ok) /* half a result would be taken for a whole one */
		(void)unlink(text_str(&out->result_path));
	text_fini(&json);
	return ok;
}
