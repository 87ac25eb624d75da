/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/workload.h"
#include "run/close.h"
#include "run/connect.h"
#include "run/diary.h"
#include "run/offer.h"
#include "run/outcome.h"
#include "run/reason.h"
#include "run/state.h"
#include "run/summary.h"
#include "run/topics.h"

/* Of the phase; its verbs have limits of their own, which come first.  The search has its own
 * (rate_search.h). */
#define CONNECT_LIMIT (3600 * STATE_S)

static uint64_t wall_ns(const struct run *r)
{
	return r->platform.wall_ns(r->platform.to);
}

static bool prepare(struct run *r, struct error *err)
{
	const struct workload *w = r->options->workload;

	r->w = r->options->worker;
	r->plan = *r->options->plan;
	r->started_ns = state_now_ns(r);
	r->wall_started_ns = wall_ns(r);
	r->next_tick_ns = r->started_ns + STATE_S;
	r->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	r->searching = r->plan.searches;
	r->phases.searches = r->plan.searches;
	r->phases.limit_ns[PHASE_CONNECT] = CONNECT_LIMIT;
	r->phases.limit_ns[PHASE_SETTLE] = w->readiness_timeout_ns;
	r->phases.limit_ns[PHASE_DRAIN] = w->drain_timeout_ns;
	console_init(&r->console, &r->options->console);
	return !r->searching ||
	       search_options_init(&r->search_options, r->plan.subscriptions, getenv, err);
}

static bool open_files(struct run *r, struct error *err)
{
	const char *folder = outcome_folder(r, err);
	struct record record;

	if (folder && outcome_reserve(r, folder, err)) {
		outcome_begin(r, &record);
		if (diary_open(r, folder, &record, err))
			return true;
	}
	return error_wrap(err, "the files of the result");
}

/* A run that ended in peace but measured nothing: why? */
static void explain_nothing(struct run *r)
{
	struct error err = { 0 };

	if (r->measured || r->signals > 0 || r->phase != PHASE_DONE)
		return;
	error_set(&err, ERROR_SYSTEM, "all producer agents were lost before anything was measured");
	for (size_t i = r->events.count; i > 0; i--) {
		if (r->events.items[i - 1].kind == EVENT_AGENT_LOST)
			error_set(&err, ERROR_SYSTEM,
			          "all producer agents were lost before anything was measured: %s",
			          r->events.items[i - 1].text);
	}
	state_fail(r, &err);
}

/* The symptom stands in the failure; what the clients said most often is likely the cause. */
static void explain_failure(struct run *r)
{
	struct reason said = reason_of(&r->events, REASON_MESSAGES);
	struct error err = r->failure;

	if (r->measured || err.kind == ERROR_NONE)
		return;
	if (said.text == NULL)
		said = reason_of(&r->events, REASON_FATAL);
	if (said.text == NULL)
		said = reason_of(&r->events, REASON_CLIENTS);
	if (said.text != NULL && strstr(err.text, said.text) == NULL)
		error_set(&r->failure, err.kind, "%.300s; the clients say: %s (%" PRIu64 " times)",
		          err.text, said.text, said.often);
}

static void carry_out(struct run *r)
{
	connect_clients(r);
	if (r->phase == PHASE_SETTLE)
		connect_settle(r);
	sampler_init(&r->sampler, r->options->workload->sample_ns, r->plan.subscriptions,
	             state_now_ns(r));
	if (r->phase == PHASE_SEARCH || r->phase == PHASE_WARMUP)
		offer_load(r);
	offer_drain(r);
	if (r->phase == PHASE_FAILED)
		close_failed(r);
	else
		close_clients(r);
	topics_look(r);
	explain_nothing(r);
	explain_failure(r);
	close_delete(r);
	close_worker(r);
}

/* Where the summary is not shown, an exit code of 3 is not without its reasons all the same. */
static void tell_why_invalid(struct run *r, const struct verdict_result *verdict)
{
	for (size_t i = 0; i < verdict->count; i++)
		if (verdict->reasons[i].weight == VERDICT_INVALID)
			console_say(&r->console, CONSOLE_WARNING, wall_ns(r), "INVALID: %s: %s",
			            verdict->reasons[i].name, verdict->reasons[i].text);
}

static bool write_result(struct run *r, struct run_report *out, struct error *err)
{
	struct text text = { 0 };
	struct record record;

	outcome_fill(r, &record);
	bool wrote = outcome_write(r, &record, out, err);
	const char *result = wrote ? text_str(&out->result_path) : NULL;
	const char *side = wrote ? text_str(&out->side_path) : NULL;

	/* Without files the summary is all that is left of the run, even if only names were wanted. */
	if (r->console.options.format == CONSOLE_JSON)
		summary_format_json(&record, result, side, &text);
	else if (r->console.options.quiet && wrote)
		text_addf(&text, "%s\n%s\n", result, side);
	else
		summary_format(&record, result, side, &text);
	console_summary(&r->console, text_str(&text));
	if (r->console.options.quiet && wrote)
		tell_why_invalid(r, &record.verdict);
	text_fini(&text);
	out->outcome = record.interrupted                          ? RUN_INTERRUPTED
	               : record.verdict.verdict == VERDICT_INVALID ? RUN_INVALID
	                                                           : RUN_GOOD;
	return wrote;
}

static enum run_outcome conclude(struct run *r, struct run_report *out, struct error *err)
{
	bool wrote = false;

	state_look_for_signals(r);
	out->stop_wanted = r->signals > 0;
	out->outcome = r->signals > 0 ? RUN_INTERRUPTED : RUN_FAILED;
	if (r->measured) {
		wrote = write_result(r, out, err);
		if (!wrote)
			out->outcome = RUN_FAILED;
	}
	if (r->failure.kind != ERROR_NONE && (wrote || !r->measured)) {
		out->outcome = RUN_FAILED;
		*err = r->failure;
	}
	if (out->outcome == RUN_INTERRUPTED)
		error_set(err, ERROR_CANCELLED, "interrupted%s",
		          wrote ? "" : " before anything was measured");
	diary_end(r, r->measured && !wrote);
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
		carry_out(&r);
		conclude(&r, out, err);
	}
	pair_fini(&r.diary.pair);
	fact_totals_fini(&r.totals);
	sampler_fini(&r.sampler);
	arena_fini(&r.arena);
	run_platform_close(&real);
	return out->outcome;
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
