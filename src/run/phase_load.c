/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase_load.h"

#include "config/workload.h"
#include "plan/result_size.h"
#include "run/await.h"
#include "run/backlog.h"
#include "run/course.h"
#include "run/limits.h"
#include "run/rate_search.h"
#include "run/sample.h"
#include "run/state.h"
#include "run/window.h"

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* With a fixed rate the window is announced before the load begins. */
static void start_load(struct run *r)
{
	struct worker_call call = { .verb = WORKER_START_LOAD, .load = r->plan->load };
	uint64_t now = state_now_ns(r);
	struct error err = { 0 };

	sampler_init(&r->sampler, r->options->workload->sample_ns, r->plan->subscriptions, now);
	r->sampler.slowest_each = result_size_slowest(r->options->workload);
	r->load.gate_ns = call.load.epoch.start_ns = now + r->made.lead_ns;
	if (r->plan->searches)
		rate_search_begin(r, r->load.gate_ns, &call.load);
	else
		window_plan(r, r->load.gate_ns);
	r->load.started = true;
	if (!await_verb(r, &call, LIMITS_START_LOAD, PATIENCE_LOAD, &err))
		course_fail(r, &err);
}

/* --- search and warm-up --------------------------------------------------------------------------- */

void load_search_enter(struct run *r)
{
	start_load(r);
}

void load_warmup_enter(struct run *r)
{
	if (r->load.started)
		window_plan(r, state_now_ns(r) + r->made.lead_ns);
	else
		start_load(r);
}

/* A rate that went down in the warm-up takes the window along: it is planned anew once the lower one
 * is confirmed. */
static void keep_window_to_the_search(struct run *r)
{
	bool is_planned = r->window.edges.start_ns != UINT64_MAX;

	if (r->course.phase != PHASE_WARMUP || r->search.decision.converged == is_planned)
		return;
	if (r->search.decision.converged)
		window_plan(r, state_now_ns(r) + r->made.lead_ns);
	else
		window_unplan(r);
}

uint64_t load_wake_ns(const struct run *r)
{
	uint64_t next = earlier(r->sampler.next_second_ns, r->sampler.next_period_ns);

	return earlier(earlier(next, rate_search_next_ns(r)), r->window.edges.start_ns);
}

void load_look(struct run *r)
{
	sample_if_due(r);
	if (state_now_ns(r) < rate_search_next_ns(r) || !sample_counts(r))
		return;
	rate_search_step(r);
	keep_window_to_the_search(r);
}

bool load_search_is_reached(const struct run *r)
{
	return r->search.decision.converged;
}

bool load_warmup_is_reached(const struct run *r)
{
	return state_now_ns(r) >= r->window.edges.start_ns;
}

/* --- measurement ---------------------------------------------------------------------------------- */

void load_measure_enter(struct run *r)
{
	window_begin(r);
	backlog_begin(r);
}

uint64_t load_measure_wake_ns(const struct run *r)
{
	uint64_t next = earlier(r->sampler.next_second_ns, r->sampler.next_period_ns);

	next = earlier(next, window_edge_ns(r));
	return earlier(earlier(next, r->window.edges.end_ns), backlog_next_ns(r));
}

void load_measure_look(struct run *r)
{
	sample_if_due(r);
	window_end_if_due(r);
	backlog_if_due(r);
}

bool load_measure_is_reached(const struct run *r)
{
	return state_now_ns(r) >= r->window.edges.load_end_ns;
}
