/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sample.h"

#include "config/driver_file.h"
#include "config/workload.h"
#include "results/prometheus.h"
#include "run/await.h"
#include "run/course.h"
#include "run/diary.h"
#include "run/limits.h"
#include "run/progress.h"
#include "run/state.h"

void sample_show(struct run *r, const struct fact_totals *totals)
{
	const struct run_onlooker *onlooker = r->options->onlooker;
	const struct prometheus_about about = {
		.run_id = r->options->run_id,
		.workload = r->options->workload->name,
		.driver = r->options->driver->name,
		.phase = r->course.row->stage,
		.rate_per_s = state_rate_per_s(r),
		.subscriptions = r->sampler.subscriptions,
	};

	if (onlooker == NULL)
		return;
	/* What is in the snapshot is the sampler's now, with the histograms of a look before if this one
	 * was without. */
	struct fact_totals shown = *totals;
	shown.without_latencies = false;
	shown.snapshot = r->sampler.last;
	onlooker->seen(onlooker->to, &about, &shown);
}

bool sample_take(struct run *r, enum sample_depth depth, struct fact_totals *out,
                 struct arena *arena)
{
	struct worker_call call = { .verb = WORKER_SNAPSHOT, .arena = arena };
	struct error err = { 0 };

	call.totals.without_latencies = depth == SAMPLE_COUNTS;

	if (!await_verb(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err)) {
		course_fail(r, &err);
		return false;
	}
	sampler_feed(&r->sampler, &call.totals);
	sample_show(r, &call.totals);
	*out = call.totals;
	return true;
}

bool sample_counts(struct run *r)
{
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	bool ok = sample_take(r, SAMPLE_COUNTS, &totals, &arena);
	arena_fini(&arena);
	return ok;
}

/* Agents that were lost, restarted or resumed since the last time, and outages that ended. */
static void tell_of_the_fleet(struct run *r)
{
	const struct sampler_fleet *fleet = &r->sampler.fleet;
	struct worker_call call = { .verb = WORKER_EVENTS };
	struct arena arena = { 0 };
	struct error err = { 0 };

	bool was_silent = fleet->silence_ns > r->shown.silence_ns;
	if (fleet->producers_lost + fleet->consumers_lost + fleet->restarted + fleet->stalled ==
	            0 &&
	    !was_silent)
		return;
	r->shown.silence_ns = fleet->silence_ns;
	call.arena = &arena;
	if (await_verb(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		progress_events(r, &call.events);
	arena_fini(&arena);
}

void sample_add_second(struct run *r)
{
	diary_second(&r->diary,
	             sampler_add_second(&r->sampler, r->course.row->stage, state_now_ns(r)));
	tell_of_the_fleet(r);
}

const struct record_period *sample_add_period(struct run *r, const char *kind)
{
	const struct record_period *p = sampler_add_period(&r->sampler, kind);

	if (diary_period(&r->diary, p))
		sampler_set_written(&r->sampler);
	else
		sampler_keep(&r->sampler);
	return p;
}

bool sample_now(struct run *r)
{
	uint64_t now = state_now_ns(r);
	bool is_second = now >= r->sampler.next_second_ns;
	/* The last period ends with the window. */
	bool is_period = now >= r->sampler.next_period_ns && now < r->window.edges.end_ns;
	bool has_line = progress_line_is_due(r);
	/* The line on a terminal shows percentiles every second. */
	bool is_shown = has_line || is_period || (is_second && r->console.live);
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	bool ok = sample_take(r, is_shown ? SAMPLE_LATENCIES : SAMPLE_COUNTS, &totals, &arena);
	if (ok && is_second)
		sample_add_second(r);
	if (ok && is_period)
		progress_period(r, sample_add_period(r, "measure"));
	if (ok && has_line)
		progress_line(r);
	arena_fini(&arena);
	return ok;
}

void sample_if_due(struct run *r)
{
	uint64_t now = state_now_ns(r);

	if (now >= r->sampler.next_second_ns || now >= r->sampler.next_period_ns)
		(void)sample_now(r);
}
