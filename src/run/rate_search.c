/* SPDX-License-Identifier: Apache-2.0 */
#include "run/rate_search.h"

#include "config/workload.h"
#include "run/await.h"
#include "run/course.h"
#include "run/limits.h"
#include "run/state.h"
#include "util/text.h"

/* A new rate comes into force this long after it was decided, everywhere at once. */
#define ADJUST_NS     (10 * LIMITS_MS)

/* The rate does not change any more when the window is that near: agents must hear of it before. */
#define CLOSE_NS      (100 * LIMITS_MS)

/* What the error of a failed search lists: the latest. */
#define READINGS_TOLD 5

static void take(struct run *r, const struct search_decision *decision)
{
	struct worker_call call = { .verb = WORKER_ADJUST_PUBLISH_RATE };
	struct error err = { 0 };

	r->search.decision = *decision;
	if (!decision->change)
		return;
	r->search.rate_per_s = decision->rate_per_s;
	call.adjust.forgive = true;
	call.adjust.epoch.start_ns = state_now_ns(r) + ADJUST_NS;
	call.adjust.epoch.micro_per_s = pacer_micro_per_s(decision->rate_per_s);
	if (!await_verb(r, &call, LIMITS_QUICK, PATIENCE_LOAD, &err))
		course_fail(r, &err);
}

static struct search_sample last_sample(const struct run *r)
{
	const struct snapshot *s = &r->sampler.last;

	return (struct search_sample){
		.at_ns = s->taken_ns,
		.sent = s->counters[COUNTER_SENT],
		.acknowledged = s->counters[COUNTER_ACKNOWLEDGED],
		.failed = s->counters[COUNTER_FAILED],
		.received = s->counters[COUNTER_RECEIVED],
	};
}

void rate_search_begin(struct run *r, uint64_t gate_ns, struct load_spec *load)
{
	const struct search_sample nothing = { .at_ns = gate_ns };

	r->search.began_ns = gate_ns;
	r->search.decision = search_init(&r->search.state, &r->search.options, &nothing);
	r->search.rate_per_s = r->search.decision.rate_per_s;
	load->epoch.micro_per_s = pacer_micro_per_s(r->search.decision.rate_per_s);
}

uint64_t rate_search_next_ns(const struct run *r)
{
	bool is_tried = r->course.phase == PHASE_SEARCH || r->course.phase == PHASE_WARMUP;
	bool is_near = r->window.edges.start_ns != UINT64_MAX &&
	               r->search.decision.next_ns + CLOSE_NS > r->window.edges.start_ns;

	return r->plan->searches && is_tried && !is_near ? r->search.decision.next_ns : UINT64_MAX;
}

/* --- no answer -------------------------------------------------------------------------------- */

static void add_readings(const struct search *s, struct text *out)
{
	unsigned told = s->readings_count < READINGS_TOLD ? s->readings_count : READINGS_TOLD;

	for (unsigned i = s->readings_count - told; i < s->readings_count; i++) {
		const struct search_reading *reading = &s->readings[i];
		text_addf(out, "%s%.6g msg/s asked, %.6g carried%s",
		          i > s->readings_count - told ? "; " : "", reading->rate_per_s,
		          reading->carried_per_s, reading->sustained ? " (sustained)" : "");
	}
	if (told == 0)
		text_addf(out, "%.6g msg/s asked, and nothing was carried", s->trial.rate_per_s);
}

static void fail(struct run *r, const char *why)
{
	const struct snapshot *s = &r->sampler.last;
	struct text readings = { 0 };
	struct error err = { 0 };

	add_readings(&r->search.state, &readings);
	error_set(
		&err, ERROR_BROKER,
		"producerRate 0: %s; nothing was measured (%s; %llu sent, %llu acknowledged, %llu "
		"failed, %llu received). A producerRate of your own is measured whatever comes of "
		"it",
		why, text_str(&readings), (unsigned long long)s->counters[COUNTER_SENT],
		(unsigned long long)s->counters[COUNTER_ACKNOWLEDGED],
		(unsigned long long)s->counters[COUNTER_FAILED],
		(unsigned long long)s->counters[COUNTER_RECEIVED]);
	course_fail(r, &err);
	text_fini(&readings);
}

/* Only what has an answer may go on. */
static void look_for_the_end(struct run *r)
{
	if (r->sampler.fleet.producers_lost > 0)
		fail(r, "a producer agent was lost, and its share of every rate with it");
	else if (r->search.decision.gave_up)
		fail(r, r->search.state.gave_up_word);
}

bool rate_search_is_wanted(const struct run *r)
{
	return r->plan->searches;
}

uint64_t rate_search_limit_ns(const struct run *r)
{
	uint64_t limit_ns = RATE_SEARCH_LIMIT_NS;

	if (!r->plan->searches || r->search.decision.converged)
		return UINT64_MAX;
	if (r->course.phase == PHASE_WARMUP)
		limit_ns += r->options->workload->warmup_ns + RATE_SEARCH_AGAIN_NS;
	return r->search.began_ns + limit_ns - r->course.entered_ns;
}

void rate_search_expire(struct run *r)
{
	fail(r, r->search.state.phase == SEARCH_DRAIN
	                ? "what the tried rates left behind did not arrive in time"
	                : "no rate was confirmed in time");
}

void rate_search_step(struct run *r)
{
	struct search_sample now = last_sample(r);
	bool is_over = now.at_ns >= r->search.began_ns + RATE_SEARCH_TRIALS_NS;
	struct search_decision decision;

	if (is_over && !r->search.cut && r->course.phase == PHASE_SEARCH &&
	    !r->search.decision.converged) {
		r->search.cut = true;
		decision = search_conclude(&r->search.state, &now);
	} else {
		decision = search_step(&r->search.state, &now);
	}
	take(r, &decision);
	look_for_the_end(r);
}
