/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase_drain.h"

#include "config/workload.h"
#include "run/backlog.h"
#include "run/course.h"
#include "run/drain_rule.h"
#include "run/limits.h"
#include "run/sample.h"
#include "run/state.h"
#include "run/window.h"
#include "util/units.h"

#define LOOK_NS (50 * LIMITS_MS)

/* Agents send what is late for one second more.  One that says nothing for longer sleeps until its
 * next message, which will not be sent: an interruption does not wake it. */
#define LATE_NS (1500 * LIMITS_MS)

static struct drain_wait wait_of(const struct run *r, bool resume_is_expected)
{
	const struct sampler_fleet *fleet = &r->sampler.fleet;
	bool others_live = fleet->consumers_lost < fleet->consumers;

	return (struct drain_wait){
		.timeout_ns = r->options->workload->drain_timeout_ns,
		.entered_ns = r->course.entered_ns,
		.standstill_ns = r->made.standstill_ns,
		.redelivery_ns = others_live ? r->made.redelivery_ns : 0,
		.lost_ns = fleet->consumer_lost_ns,
		.resume_is_expected = resume_is_expected,
		.expected_ns = r->drain.resume_expected_ns,
	};
}

/* How long the drain may take is longer while a group stands still, or what a member had is kept. */
static void set_drain_limit(struct run *r, const struct drain_wait *wait)
{
	char limit[UNITS_TEXT], standstill[UNITS_TEXT];
	bool was_longer = r->drain.limit_ns > wait->timeout_ns;
	bool stands = r->made.standstill_ns > 0;

	r->drain.limit_ns = drain_limit_ns(wait);
	if (was_longer || r->drain.limit_ns <= wait->timeout_ns)
		return;
	console_say(&r->console, CONSOLE_WARNING, state_wall_ns(r),
	            "the drain may take %s: a consumer agent died, and %s for %s",
	            format_duration_short(r->drain.limit_ns, limit),
	            stands ? "its group may stand still" : "what it had may be kept from others",
	            format_duration_short(stands ? r->made.standstill_ns : r->made.redelivery_ns,
	                                  standstill));
}

static uint64_t since(uint64_t now_ns, uint64_t a_ns, uint64_t b_ns)
{
	uint64_t from_ns = a_ns > b_ns ? a_ns : b_ns;

	return now_ns > from_ns ? now_ns - from_ns : 0;
}

static void look_whether_drained(struct run *r)
{
	struct sampler *s = &r->sampler;
	const struct sampler_fleet *fleet = &s->fleet;
	uint64_t now = state_now_ns(r);
	bool expected = sampler_resume_is_expected(s, r->made.standstill_ns, now);

	if (expected)
		r->drain.resume_expected_ns = now;
	const struct drain_wait wait = wait_of(r, expected);
	const struct drain_facts facts = {
		.offering = now < r->window.edges.load_end_ns + LATE_NS ? fleet->offering : 0,
		.unanswered = fleet->unanswered,
		.acknowledged = s->last.counters[COUNTER_ACKNOWLEDGED],
		.subscriptions = r->plan->subscriptions,
		.received = s->last.counters[COUNTER_RECEIVED],
		.outstanding = s->outstanding,
		.agents_lost = fleet->producers_lost + fleet->consumers_lost + fleet->restarted > 0,
		.resume_is_expected = expected,
		.is_held = drain_is_held(&wait, now),
		.quiet_ns = since(now, s->changed_ns, r->drain.resume_expected_ns),
	};

	r->drain.complete = drain_is_over(&facts);
	if (r->drain.complete)
		sampler_set_drained(s);
	set_drain_limit(r, &wait);
}

/* The end of the load, planned or not. */
void drain_enter(struct run *r)
{
	r->drain.limit_ns = r->options->workload->drain_timeout_ns;
	window_end_now(r);
	backlog_end(r);
}

uint64_t drain_wake_ns(const struct run *r)
{
	return r->drain.look_ns;
}

void drain_look(struct run *r)
{
	if (sample_now(r))
		look_whether_drained(r);
	r->drain.look_ns = state_now_ns(r) + LOOK_NS;
}

bool drain_is_reached(const struct run *r)
{
	return r->drain.complete;
}

uint64_t drain_phase_limit_ns(const struct run *r)
{
	return r->drain.limit_ns;
}

void drain_expire(struct run *r)
{
	r->drain.limit_reached = true;
}

void drain_leave(struct run *r)
{
	r->drain.took_ns = state_now_ns(r) - r->course.entered_ns;
}
