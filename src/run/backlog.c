/* SPDX-License-Identifier: Apache-2.0 */
#include "run/backlog.h"

#include "config/workload.h"
#include "run/offer.h"
#include "run/state.h"

/* OMB looks every second while it builds, and every 100 ms while it drains. */
#define BUILD_LOOK_NS (1 * STATE_S)
#define DRAIN_LOOK_NS (100 * STATE_MS)

/* Where the workload says nothing: for building thrice what the rate asked for needs (10 minutes
 * if there is none), and a minute; for draining ten times as long as building took, and at least
 * this.  No longer than a month: a rate may be next to nothing. */
#define BUILD_SLACK_S 60
#define UNKNOWN_S     600
#define DRAIN_MIN_NS  (600 * STATE_S)
#define MOST_S        (30 * 24 * 3600.0)

/* The end of the window is announced a little ahead when there is no test time left to wait. */
#define ANNOUNCE_NS   (10 * STATE_MS)

static void verb(struct run *r, enum worker_verb which)
{
	struct worker_call call = { .verb = which };
	struct error err = { 0 };

	if (!state_call(r, &call, LIMITS_PAUSE, PATIENCE_LOAD, &err))
		state_fail(r, &err);
}

static uint64_t build_limit_ns(const struct run *r)
{
	double per_s = r->plan.rate_per_s * r->plan.subscriptions;
	double needed_s = per_s > 0 ? (double)r->plan.backlog_messages / per_s : UNKNOWN_S;
	double limit_s = BUILD_SLACK_S + 3 * needed_s;

	if (r->options->workload->backlog_build_ns > 0)
		return r->options->workload->backlog_build_ns;
	return (uint64_t)((limit_s < MOST_S ? limit_s : MOST_S) * 1e9);
}

static uint64_t drain_limit_of(const struct run *r, uint64_t build_ns)
{
	if (r->options->workload->backlog_drain_ns > 0)
		return r->options->workload->backlog_drain_ns;
	return 10 * build_ns > DRAIN_MIN_NS ? 10 * build_ns : DRAIN_MIN_NS;
}

void backlog_begin(struct run *r)
{
	if (r->plan.backlog_messages == 0)
		return;
	r->phases.build_limit_ns = build_limit_ns(r);
	r->phases.backlog_messages = r->plan.backlog_messages;
	r->phases.backlog_left_messages = r->plan.backlog_left_messages;
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

static struct growth_look look_now(const struct run *r)
{
	uint64_t now = state_now_ns(r);

	return (struct growth_look){
		.at_ns = now,
		.backlog = sampler_backlog(&r->sampler),
		.received = r->sampler.last.counters[COUNTER_RECEIVED],
		.is_disturbed = sampler_resume_is_expected(&r->sampler, r->standstill_ns, now),
	};
}

static void built(struct run *r, const struct growth_look *now, uint64_t took_ns)
{
	r->backlog.built_messages = now->backlog;
	r->backlog.build_ns = took_ns;
	r->backlog.not_built = now->backlog < r->plan.backlog_messages;
	r->phases.backlog_drain_limit_ns = drain_limit_of(r, took_ns);
	growth_begin(&r->growth, now, r->standstill_ns + LIMITS_STANDSTILL_MARGIN);
	verb(r, WORKER_RESUME_CONSUMERS);
}

static void give_up(struct run *r, bool grows)
{
	const struct growth *g = &r->growth;

	r->backlog.not_drained = true;
	r->backlog.grew = grows;
	if (!grows)
		return;
	r->backlog.growing_ns = g->last.at_ns - g->first.at_ns;
	r->backlog.growth_per_s = growth_per_s(g);
	r->backlog.received_per_s = growth_received_per_s(g);
	console_say(&r->console, CONSOLE_WARNING, r->platform.wall_ns(r->platform.to),
	            "the consumers cannot catch up: the backlog grows by %.4g/s; the load ends",
	            r->backlog.growth_per_s);
}

static void end_step(struct run *r, const struct growth_look *now, uint64_t took_ns, bool grows)
{
	uint64_t test_ns = r->options->workload->test_ns;
	uint64_t tail_ns = test_ns > ANNOUNCE_NS ? test_ns : ANNOUNCE_NS;

	r->backlog.left_messages = now->backlog;
	r->backlog.drain_ns = took_ns;
	if (now->backlog > r->plan.backlog_left_messages) {
		give_up(r, grows);
		tail_ns = ANNOUNCE_NS;
	} else if (test_ns == 0) {
		return;
	}
	offer_end_window_at(r, now->at_ns + tail_ns);
}

static void take_step(struct run *r)
{
	struct growth_look now = look_now(r);
	struct backlog_facts facts = {
		.step = r->backlog_step,
		.in_step_ns = now.at_ns - r->backlog_entered_ns,
		.backlog_messages = now.backlog,
		.grows = r->backlog_step == BACKLOG_DRAIN && growth_look(&r->growth, &now),
	};
	enum backlog_step next = run_next_backlog_step(&r->phases, &facts);

	if (next == r->backlog_step)
		return;
	r->backlog_step = next;
	r->backlog_entered_ns = now.at_ns;
	if (next == BACKLOG_DRAIN)
		built(r, &now, facts.in_step_ns);
	else
		end_step(r, &now, facts.in_step_ns, facts.grows);
}

void backlog_if_due(struct run *r)
{
	struct fact_totals totals = { 0 };
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

void backlog_end(struct run *r)
{
	uint64_t took_ns = state_now_ns(r) - r->backlog_entered_ns;

	switch (r->backlog_step) {
	case BACKLOG_NONE:
	case BACKLOG_TAIL:
		return;
	case BACKLOG_BUILD:
		r->backlog.built_messages = r->backlog.left_messages = sampler_backlog(&r->sampler);
		r->backlog.build_ns = took_ns;
		r->backlog.not_built = r->backlog.build_cut = true;
		r->backlog.not_drained = r->backlog.drain_cut = true;
		verb(r, WORKER_RESUME_CONSUMERS);
		break;
	case BACKLOG_DRAIN:
		r->backlog.left_messages = sampler_backlog(&r->sampler);
		r->backlog.drain_ns = took_ns;
		r->backlog.not_drained = r->backlog.drain_cut = true;
		break;
	}
	r->backlog_step = BACKLOG_TAIL;
}
