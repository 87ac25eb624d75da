/* SPDX-License-Identifier: Apache-2.0 */
#include "run/backlog.h"

#include "config/workload.h"
#include "run/await.h"
#include "run/course.h"
#include "run/limits.h"
#include "run/sample.h"
#include "run/state.h"
#include "run/window.h"

/* OMB looks every second while it builds, and every 100 ms while it drains. */
#define BUILD_LOOK_NS (1 * LIMITS_S)
#define DRAIN_LOOK_NS (100 * LIMITS_MS)

/* Where the workload says nothing: for building thrice what the rate asked for needs (10 minutes
 * if there is none), and a minute; for draining ten times as long as building took, and at least
 * this.  No longer than a month: a rate may be next to nothing. */
#define BUILD_SLACK_S 60
#define UNKNOWN_S     600
#define DRAIN_MIN_NS  (600 * LIMITS_S)
#define MOST_S        (30 * 24 * 3600.0)

/* The end of the window is announced a little ahead when there is no test time left to wait. */
#define ANNOUNCE_NS   (10 * LIMITS_MS)

static void verb(struct run *r, enum worker_verb which)
{
	struct worker_call call = { .verb = which };
	struct error err = { 0 };

	if (!await_verb(r, &call, LIMITS_PAUSE, PATIENCE_LOAD, &err))
		course_fail(r, &err);
}

static uint64_t build_limit_ns(const struct run *r)
{
	double per_s = state_rate_per_s(r) * r->plan->subscriptions;
	double needed_s = per_s > 0 ? (double)r->plan->backlog_messages / per_s : UNKNOWN_S;
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
	if (r->plan->backlog_messages == 0)
		return;
	r->backlog.plan = (struct backlog_plan){
		.messages = r->plan->backlog_messages,
		.left_messages = r->plan->backlog_left_messages,
		.build_limit_ns = build_limit_ns(r),
	};
	verb(r, WORKER_PAUSE_CONSUMERS);
	r->backlog.step = BACKLOG_BUILD;
	r->backlog.entered_ns = state_now_ns(r);
	r->backlog.found.asked_messages = r->plan->backlog_messages;
	r->backlog.look_ns = r->backlog.entered_ns + BUILD_LOOK_NS;
}

uint64_t backlog_next_ns(const struct run *r)
{
	bool looks = r->backlog.step == BACKLOG_BUILD || r->backlog.step == BACKLOG_DRAIN;

	return looks ? r->backlog.look_ns : UINT64_MAX;
}

static struct growth_look look_now(const struct run *r)
{
	uint64_t now = state_now_ns(r);

	return (struct growth_look){
		.at_ns = now,
		.backlog = sampler_backlog(&r->sampler),
		.received = r->sampler.last.counters[COUNTER_RECEIVED],
		.is_disturbed = sampler_resume_is_expected(&r->sampler, r->made.standstill_ns, now),
	};
}

static void built(struct run *r, const struct growth_look *now, uint64_t took_ns)
{
	r->backlog.found.built_messages = now->backlog;
	r->backlog.found.build_ns = took_ns;
	r->backlog.found.not_built = now->backlog < r->plan->backlog_messages;
	r->backlog.plan.drain_limit_ns = drain_limit_of(r, took_ns);
	growth_begin(&r->backlog.growth, now, r->made.standstill_ns + LIMITS_STANDSTILL_MARGIN);
	verb(r, WORKER_RESUME_CONSUMERS);
}

static void give_up(struct run *r, bool grows)
{
	const struct growth *g = &r->backlog.growth;

	r->backlog.found.not_drained = true;
	r->backlog.found.grew = grows;
	if (!grows)
		return;
	r->backlog.found.growing_ns = g->last.at_ns - g->first.at_ns;
	r->backlog.found.growth_per_s = growth_per_s(g);
	r->backlog.found.received_per_s = growth_received_per_s(g);
	console_say(&r->console, CONSOLE_WARNING, state_wall_ns(r),
	            "the consumers cannot catch up: the backlog grows by %.4g/s; the load ends",
	            r->backlog.found.growth_per_s);
}

static void end_step(struct run *r, const struct growth_look *now, uint64_t took_ns, bool grows)
{
	uint64_t test_ns = r->options->workload->test_ns;
	uint64_t tail_ns = test_ns > ANNOUNCE_NS ? test_ns : ANNOUNCE_NS;

	r->backlog.found.left_messages = now->backlog;
	r->backlog.found.drain_ns = took_ns;
	if (now->backlog > r->plan->backlog_left_messages) {
		give_up(r, grows);
		tail_ns = ANNOUNCE_NS;
	} else if (test_ns == 0) {
		return;
	}
	window_end_at(r, now->at_ns + tail_ns);
}

static void take_step(struct run *r)
{
	struct growth_look now = look_now(r);
	struct backlog_facts facts = {
		.step = r->backlog.step,
		.in_step_ns = now.at_ns - r->backlog.entered_ns,
		.backlog_messages = now.backlog,
		.grows = r->backlog.step == BACKLOG_DRAIN && growth_look(&r->backlog.growth, &now),
	};
	enum backlog_step next = backlog_next_step(&r->backlog.plan, &facts);

	if (next == r->backlog.step)
		return;
	r->backlog.step = next;
	r->backlog.entered_ns = now.at_ns;
	if (next == BACKLOG_DRAIN)
		built(r, &now, facts.in_step_ns);
	else
		end_step(r, &now, facts.in_step_ns, facts.grows);
}

void backlog_if_due(struct run *r)
{
	uint64_t now = state_now_ns(r);

	if (now < backlog_next_ns(r))
		return;
	if (sample_counts(r))
		take_step(r);
	r->backlog.look_ns =
		now + (r->backlog.step == BACKLOG_BUILD ? BUILD_LOOK_NS : DRAIN_LOOK_NS);
}

void backlog_end(struct run *r)
{
	uint64_t took_ns = state_now_ns(r) - r->backlog.entered_ns;

	switch (r->backlog.step) {
	case BACKLOG_NONE:
	case BACKLOG_TAIL:
		return;
	case BACKLOG_BUILD:
		r->backlog.found.built_messages = r->backlog.found.left_messages =
			sampler_backlog(&r->sampler);
		r->backlog.found.build_ns = took_ns;
		r->backlog.found.not_built = r->backlog.found.build_cut = true;
		r->backlog.found.not_drained = r->backlog.found.drain_cut = true;
		verb(r, WORKER_RESUME_CONSUMERS);
		break;
	case BACKLOG_DRAIN:
		r->backlog.found.left_messages = sampler_backlog(&r->sampler);
		r->backlog.found.drain_ns = took_ns;
		r->backlog.found.not_drained = r->backlog.found.drain_cut = true;
		break;
	}
	r->backlog.step = BACKLOG_TAIL;
}
