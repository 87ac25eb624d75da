/* SPDX-License-Identifier: Apache-2.0 */
#include "run/backlog.h"

#include "config/workload.h"
#include "run/offer.h"
#include "run/state.h"

#define PAUSE_LIMIT    (30 * STATE_S)

/* OMB looks every second while it builds, and every 100 ms while it drains. */
#define BUILD_LOOK_NS  (1 * STATE_S)
#define DRAIN_LOOK_NS  (100 * STATE_MS)

/* Time for building: thrice what the rate asked for needs, and a minute. */
#define BUILD_SLACK_NS (60 * STATE_S)
/* Time for draining: as long as building took ten times over, and at least this. */
#define DRAIN_MIN_NS   (600 * STATE_S)

/* The end of the window is announced a little ahead when there is no test time left to wait. */
#define ANNOUNCE_NS    (10 * STATE_MS)

static void verb(struct run *r, enum worker_verb which)
{
	struct worker_call call = { .verb = which };
	struct error err = { 0 };

	if (!state_call(r, &call, PAUSE_LIMIT, PATIENCE_ENDLESS, &err))
		state_fail(r, &err);
}

static void set_limits(struct run *r)
{
	double per_s = r->plan.rate_per_s * r->plan.subscriptions;
	double needed_s = per_s > 0 ? (double)r->plan.backlog_messages / per_s : 600;

	r->phases.build_limit_ns = BUILD_SLACK_NS + (uint64_t)(3 * needed_s * 1e9);
	r->phases.backlog_drain_limit_ns = DRAIN_MIN_NS;
	r->phases.backlog_messages = r->plan.backlog_messages;
	r->phases.backlog_left_messages = r->plan.backlog_left_messages;
}

void backlog_begin(struct run *r)
{
	if (r->plan.backlog_messages == 0)
		return;
	set_limits(r);
	verb(r, WORKER_PAUSE_CONSUMERS);
	r->backlog_step = BACKLOG_BUILD;
	r->backlog_entered_ns = state_now_ns(r);
	r->backlog.asked_messages = r->plan.backlog_messages;
	r->backlog_look_ns = r->backlog_entered_ns + BUILD_LOOK_NS;
}

uint64_t backlog_next_ns(const struct run *r)
{
	bool looks = r->backlog_step == BACKLOG_BUILD || r->backlog_step == BACKLOG_DRAIN;

	return looks ? r->backlog_look_ns : UINT64_MAX;
}

static void built(struct run *r, uint64_t backlog, uint64_t took_ns)
{
	r->backlog.built_messages = backlog;
	r->backlog.build_ns = took_ns;
	r->backlog.not_built = backlog < r->plan.backlog_messages;
	if (10 * took_ns > r->phases.backlog_drain_limit_ns)
		r->phases.backlog_drain_limit_ns = 10 * took_ns;
	verb(r, WORKER_RESUME_CONSUMERS);
}

static void drained(struct run *r, uint64_t backlog, uint64_t took_ns)
{
	uint64_t now = state_now_ns(r);
	uint64_t test_ns = r->options->workload->test_ns;

	r->backlog.left_messages = backlog;
	r->backlog.drain_ns = took_ns;
	r->backlog.not_drained = backlog > r->plan.backlog_left_messages;
	if (test_ns > 0)
		offer_end_window_at(r, now + (test_ns > ANNOUNCE_NS ? test_ns : ANNOUNCE_NS));
}

static void take_step(struct run *r)
{
	uint64_t now = state_now_ns(r);
	struct backlog_facts facts = {
		.step = r->backlog_step,
		.in_step_ns = now - r->backlog_entered_ns,
		.backlog_messages = sampler_backlog(&r->sampler),
	};
	enum backlog_step next = run_next_backlog_step(&r->phases, &facts);

	if (next == r->backlog_step)
		return;
	r->backlog_step = next;
	r->backlog_entered_ns = now;
	if (next == BACKLOG_DRAIN)
		built(r, facts.backlog_messages, facts.in_step_ns);
	else
		drained(r, facts.backlog_messages, facts.in_step_ns);
}

void backlog_if_due(struct run *r)
{
	struct worker_totals totals = { 0 };
	struct arena arena = { 0 };
	uint64_t now = state_now_ns(r);

	if (r->phase != PHASE_MEASURE || now < backlog_next_ns(r))
		return;
	if (offer_sample(r, SAMPLE_COUNTS, &totals, &arena))
		take_step(r);
	arena_fini(&arena);
	r->backlog_look_ns =
		now + (r->backlog_step == BACKLOG_BUILD ? BUILD_LOOK_NS : DRAIN_LOOK_NS);
}
