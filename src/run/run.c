/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "run/await.h"
#include "run/diary.h"
#include "run/limits.h"
#include "run/outcome.h"
#include "run/output.h"
#include "run/phases.h"
#include "run/state.h"
#include "run/summary.h"
#include "util/signals.h"

static bool prepare(struct run *r, struct error *err)
{
	r->w = r->options->worker;
	r->plan = r->options->plan;
	r->started_ns = state_now_ns(r);
	r->wall_started_ns = state_wall_ns(r);
	r->shown.next_tick_ns = r->started_ns + LIMITS_S;
	r->window.edges = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	r->diary.console = &r->console;
	r->diary.platform = &r->platform;
	console_init(&r->console, &r->options->console);
	return !r->plan->searches ||
	       search_options_init(&r->search.options, r->plan->subscriptions, getenv, err);
}

static bool open_files(struct run *r, struct error *err)
{
	struct record record;

	if (r->options->without_files)
		return true;
	const char *folder = output_folder(r, err);
	if (folder && output_reserve(r, folder, err)) {
		outcome_begin(r, &record);
		if (diary_open(&r->diary, folder, &record, err))
			return true;
	}
	return error_wrap(err, "the files of the result");
}

/* Where the summary is not shown, an exit code of 3 is not without its reasons all the same. */
static void tell_why_invalid(struct run *r, const struct verdict_result *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->reasons[i].weight == VERDICT_INVALID)
			console_say(&r->console, CONSOLE_WARNING, state_wall_ns(r),
			            "INVALID: %s: %s", verdict->reasons[i].name,
			            verdict->reasons[i].text);
}

static void fill_figures(const struct record *record, struct run_figures *out)
{
	struct record_latency delay;

	record_latency(record, LATENCY_DELAY, &delay);
	*out = (struct run_figures){
		.publish_per_s = record_publish_per_s(record),
		.producer_cpu_ns = record_producer_cpu_per_message_ns(record),
		.consumer_cpu_ns = record_consumer_cpu_per_message_ns(record),
		.delay_p50_ns = delay.percentiles[0].ns,
		.delay_p99_ns = delay.percentiles[3].ns,
		.delay_max_ns = delay.max_ns,
	};
}

/* False: files are wanted, and could not be written. */
static bool write_result(struct run *r, struct run_report *out, struct error *err)
{
	struct text text = { 0 };
	struct record record;

	outcome_fill(r, &record);
	fill_figures(&record, &out->figures);
	bool has_files = !r->options->without_files &&
	                 output_write(r, &record, &out->result_path, &out->side_path, err);
	const char *result = has_files ? text_str(&out->result_path) : NULL;
	const char *side = has_files ? text_str(&out->side_path) : NULL;

	/* Without files the summary is all that is left of the run, even if only names were wanted. */
	if (r->console.options.format == CONSOLE_JSON)
		summary_format_json(&record, result, side, &text);
	else if (r->console.options.quiet && has_files)
		text_addf(&text, "%s\n%s\n", result, side);
	else
		summary_format(&record, result, side, &text);
	bool was_shown = console_summary(&r->console, text_str(&text));
	if (r->console.options.quiet && has_files)
		tell_why_invalid(r, &record.verdict);
	text_fini(&text);
	out->outcome = record.interrupted || !was_shown            ? RUN_INTERRUPTED
	               : record.verdict.verdict == VERDICT_INVALID ? RUN_INVALID
	                                                           : RUN_GOOD;
	return has_files || r->options->without_files;
}

static enum run_outcome conclude(struct run *r, struct run_report *out, struct error *err)
{
	bool wrote = false;

	await_signals(r);
	out->stop_wanted = r->await.signals > 0;
	out->outcome = r->await.signals > 0 ? RUN_INTERRUPTED : RUN_FAILED;
	if (r->window.begun) {
		wrote = write_result(r, out, err);
		if (!wrote)
			out->outcome = RUN_FAILED;
	}
	if (r->course.failure.kind != ERROR_NONE && (wrote || !r->window.begun)) {
		out->outcome = RUN_FAILED;
		*err = r->course.failure;
	}
	if (out->outcome == RUN_INTERRUPTED)
		error_set(err, ERROR_CANCELLED, "interrupted%s",
		          wrote ? "" : " before anything was measured");
	diary_end(&r->diary, r->window.begun && !wrote);
	return out->outcome;
}

enum run_outcome run_one(const struct run_options *options, struct run_report *out,
                         struct error *err)
{
	struct run_platform_real real = { .signal_fd = -1 };
	struct run r = { .options = options };

	*out = (struct run_report){ .outcome = RUN_FAILED };
	if (options->platform)
		r.platform = *options->platform;
	else if (!run_platform_open(&real, &r.platform, err))
		return RUN_FAILED;

	if (prepare(&r, err) && open_files(&r, err)) {
		phases_go(&r);
		conclude(&r, out, err);
	}
	console_fini(&r.console);
	pair_fini(&r.pair);
	fact_totals_fini(&r.close.totals);
	sampler_fini(&r.sampler);
	hist_copy_fini(&r.await.late);
	arena_fini(&r.arena);
	run_platform_close(&real);
	return out->outcome;
}

bool run_block_signals(struct error *err)
{
	sigset_t set;

	signals_of_the_end(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return error_set_errno(err, errno, "blocking signals");
	return true;
}

int run_exit_code(const struct run_report *report, const struct error *err)
{
	switch (report->outcome) {
	case RUN_GOOD:
		return 0;
	case RUN_INVALID:
		return 3;
	case RUN_INTERRUPTED:
		return error_exit_code(ERROR_CANCELLED);
	case RUN_FAILED:
		return error_exit_code(err->kind);
	}
	abort();
}

void run_report_fini(struct run_report *report)
{
	text_fini(&report->result_path);
	text_fini(&report->side_path);
	*report = (struct run_report){ 0 };
}
