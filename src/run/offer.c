/* SPDX-License-Identifier: Apache-2.0 */
#include "run/offer.h"

#include <string.h>

#include "config/workload.h"
#include "run/backlog.h"
#include "run/diary.h"
#include "run/outcome.h"
#include "run/progress.h"
#include "run/rate_search.h"
#include "run/state.h"
#include "util/units.h"

/* The sample at the end of the window is taken so long before it: afterwards nothing is sent any
 * more, and a rate over that time would be too low. */
#define EDGE_NS       (5 * STATE_MS)

#define DRAIN_LOOK_NS (50 * STATE_MS)

/* Agents send what is late for one second more.  One that says nothing for longer sleeps until its
 * next message, which will not be sent: an interruption does not wake it. */
#define LATE_NS       (1500 * STATE_MS)

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* --- samples ------------------------------------------------------------------------------------ */

bool offer_sample(struct run *r, enum sample_depth depth, struct fact_totals *out,
                  struct arena *arena)
{
	struct worker_call call = { .verb = WORKER_SNAPSHOT, .arena = arena };
	struct error err = { 0 };

	call.totals.without_latencies = depth == SAMPLE_COUNTS;

	if (!state_call(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err)) {
		state_fail(r, &err);
		return false;
	}
	sampler_feed(&r->sampler, &call.totals);
	*out = call.totals;
	return true;
}

static void add_second(struct run *r)
{
	diary_second(r, sampler_add_second(&r->sampler, phase_name(r->phase), state_now_ns(r)));
	progress_fleet(r);
}

static void add_period(struct run *r, const char *kind)
{
	const struct record_period *p = sampler_add_period(
		&r->sampler, kind, diary_is_kept(r) ? PERIOD_OWN : PERIOD_FOLDED);

	diary_period(r, p);
	progress_period(r, p);
}

/* A snapshot, if a tick of the series is due. */
static void sample_if_due(struct run *r)
{
	uint64_t now = state_now_ns(r);
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	if (now < r->sampler.next_second_ns && now < r->sampler.next_period_ns)
		return;
	bool has_line = progress_line_is_due(r);
	/* The line on a terminal shows percentiles every second. */
	bool is_shown = r->console.live || has_line || now >= r->sampler.next_period_ns;
	if (offer_sample(r, is_shown ? SAMPLE_LATENCIES : SAMPLE_COUNTS, &totals, &arena)) {
		if (now >= r->sampler.next_second_ns)
			add_second(r);
		/* The last period ends with the window. */
		if (now >= r->sampler.next_period_ns && now < r->window.end_ns)
			add_period(r, "measure");
		if (has_line)
			progress_line(r);
	}
	arena_fini(&arena);
}

static void write_window(struct run *r)
{
	struct record record;

	outcome_begin(r, &record);
	record.window_start_ns = r->window.start_ns;
	record.counted_start_ns = r->sampler.window_start.taken_ns;
	record.readiness_ns = r->readiness_ns;
	memcpy(record.window_counters, r->sampler.window_start.counters,
	       sizeof(record.window_counters));
	diary_window(r, &record);
}

static void begin_window(struct run *r)
{
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	if (offer_sample(r, SAMPLE_LATENCIES, &totals, &arena)) {
		sampler_begin_window(&r->sampler, &totals, r->window.start_ns);
		host_usage_read(&r->usage_start);
		r->measured = true;
		write_window(r);
	}
	arena_fini(&arena);
}

static void end_window(struct run *r)
{
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	if (!r->measured || r->counted)
		return;
	r->counted = true;
	if (offer_sample(r, SAMPLE_LATENCIES, &totals, &arena)) {
		sampler_end_window(&r->sampler, &totals);
		add_second(r);
		add_period(r, "measure");
	} else {
		/* It ends with the last look at the counts that succeeded. */
		r->window.end_ns = earlier(r->window.end_ns, r->sampler.last.taken_ns);
		sampler_end_window(&r->sampler, NULL);
	}
	host_usage_read(&r->usage_end);
	arena_fini(&arena);
}

/* When the sample at the end is wanted: under the full load, like the one at the start. */
static uint64_t edge_ns(const struct run *r)
{
	bool is_known = r->window.end_ns != UINT64_MAX && r->window.end_ns > EDGE_NS;

	return r->measured && !r->counted && is_known ? r->window.end_ns - EDGE_NS : UINT64_MAX;
}

static void end_window_if_due(struct run *r)
{
	if (r->phase == PHASE_MEASURE && state_now_ns(r) >= edge_ns(r))
		end_window(r);
}

/* --- verbs ---------------------------------------------------------------------------------------- */

static void set_window(struct run *r)
{
	struct worker_call call = { .verb = WORKER_SET_WINDOW, .window = r->window };
	struct error err = { 0 };

	if (!state_call(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		state_fail(r, &err);
}

void offer_end_window_at(struct run *r, uint64_t end_ns)
{
	r->window.end_ns = r->window.load_end_ns = end_ns;
	set_window(r);
}

/* The window begins a warm-up after `from_ns`. */
static void plan_window(struct run *r, uint64_t from_ns)
{
	const struct workload *w = r->options->workload;
	bool is_open = w->test_ns == 0 || r->plan.backlog_messages > 0;

	r->window.start_ns = from_ns + w->warmup_ns;
	r->window.end_ns = is_open ? UINT64_MAX : r->window.start_ns + w->test_ns;
	r->window.load_end_ns = r->window.end_ns;
	set_window(r);
}

static void plan_window_after_search(struct run *r)
{
	plan_window(r, state_now_ns(r) + r->lead_ns);
	r->phases.limit_ns[PHASE_WARMUP] = r->window.start_ns - r->entered_ns;
}

/* A rate that went down in the warm-up takes the window along: it is planned anew once the lower one
 * is confirmed. */
static void keep_window_to_the_search(struct run *r)
{
	bool is_planned = r->window.start_ns != UINT64_MAX;

	if (r->phase != PHASE_WARMUP || r->decision.converged == is_planned)
		return;
	if (r->decision.converged) {
		plan_window_after_search(r);
		return;
	}
	r->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	r->phases.limit_ns[PHASE_WARMUP] = UINT64_MAX;
	set_window(r);
}

static void search_if_due(struct run *r)
{
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	if (state_now_ns(r) < rate_search_next_ns(r))
		return;
	if (offer_sample(r, SAMPLE_COUNTS, &totals, &arena)) {
		rate_search_step(r);
		keep_window_to_the_search(r);
	}
	arena_fini(&arena);
}

static void start_load(struct run *r)
{
	struct worker_call call = { .verb = WORKER_START_LOAD, .load = r->plan.load };
	uint64_t gate = state_now_ns(r) + r->lead_ns;
	struct error err = { 0 };

	r->gate_ns = call.load.epoch.start_ns = gate;
	if (r->searching)
		rate_search_begin(r, gate, &call.load);
	else
		plan_window(r, gate);
	r->phases.limit_ns[PHASE_WARMUP] = r->lead_ns + r->options->workload->warmup_ns;
	r->load_started = true;
	if (!state_call(r, &call, LIMITS_START_LOAD, PATIENCE_LOAD, &err))
		state_fail(r, &err);
}

/* --- the loop -------------------------------------------------------------------------------------- */

static uint64_t next_event_ns(const struct run *r)
{
	uint64_t next = earlier(r->sampler.next_second_ns, r->sampler.next_period_ns);

	switch (r->phase) {
	case PHASE_SEARCH:
	case PHASE_WARMUP:
		return earlier(earlier(next, rate_search_next_ns(r)), r->window.start_ns);
	case PHASE_MEASURE:
		next = earlier(next, edge_ns(r));
		return earlier(earlier(next, r->window.end_ns), backlog_next_ns(r));
	case PHASE_CONNECT:
	case PHASE_SETTLE:
	case PHASE_DRAIN:
	case PHASE_DONE:
	case PHASE_FAILED:
	case PHASE_COUNT:
		break;
	}
	return next;
}

static void enter_warmup(struct run *r)
{
	if (r->searching)
		plan_window_after_search(r);
}

/* The end of the load, planned or not. */
static void enter_drain(struct run *r)
{
	uint64_t now = state_now_ns(r);

	if (r->window.load_end_ns > now) {
		r->window.load_end_ns = now;
		r->window.end_ns = earlier(r->window.end_ns, now);
		set_window(r);
	}
	end_window(r);
	backlog_end(r);
}

static void enter_phase(struct run *r)
{
	switch (r->phase) {
	case PHASE_WARMUP:
		enter_warmup(r);
		break;
	case PHASE_MEASURE:
		begin_window(r);
		backlog_begin(r);
		break;
	case PHASE_DRAIN:
		enter_drain(r);
		break;
	case PHASE_CONNECT:
	case PHASE_SETTLE:
	case PHASE_SEARCH:
	case PHASE_DONE:
	case PHASE_FAILED:
	case PHASE_COUNT:
		break;
	}
}

static void advance(struct run *r)
{
	struct phase_facts facts = state_facts(r);

	/* A verb may fail while a phase is entered: ask again. */
	while (state_advance(r, &facts)) {
		enter_phase(r);
		facts = state_facts(r);
	}
}

void offer_load(struct run *r)
{
	start_load(r);
	advance(r);
	while (r->phase == PHASE_SEARCH || r->phase == PHASE_WARMUP || r->phase == PHASE_MEASURE) {
		state_wait(r, next_event_ns(r));
		sample_if_due(r);
		end_window_if_due(r);
		search_if_due(r);
		backlog_if_due(r);
		advance(r);
	}
}

/* --- drain ------------------------------------------------------------------------------------------ */

/* How long the drain may take is longer while a group stands still. */
static void set_drain_limit(struct run *r, bool resume_is_expected)
{
	char limit[UNITS_TEXT], standstill[UNITS_TEXT];
	const struct drain_wait wait = {
		.timeout_ns = r->options->workload->drain_timeout_ns,
		.entered_ns = r->entered_ns,
		.standstill_ns = r->standstill_ns,
		.lost_ns = r->sampler.fleet.consumer_lost_ns,
		.resume_is_expected = resume_is_expected,
		.expected_ns = r->resume_expected_ns,
	};
	bool was_longer = r->drain_limit_ns > wait.timeout_ns;

	r->phases.limit_ns[PHASE_DRAIN] = r->drain_limit_ns = drain_limit_ns(&wait);
	if (was_longer || r->drain_limit_ns <= wait.timeout_ns)
		return;
	console_say(&r->console, CONSOLE_WARNING, r->platform.wall_ns(r->platform.to),
	            "the drain may take %s: a consumer agent died, and its group may stand still "
	            "for %s",
	            format_duration_short(r->drain_limit_ns, limit),
	            format_duration_short(r->standstill_ns, standstill));
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
	bool expected = sampler_resume_is_expected(s, r->standstill_ns, now);

	if (expected)
		r->resume_expected_ns = now;
	const struct drain_facts facts = {
		.offering = now < r->window.load_end_ns + LATE_NS ? fleet->offering : 0,
		.unanswered = fleet->unanswered,
		.acknowledged = s->last.counters[COUNTER_ACKNOWLEDGED],
		.subscriptions = r->plan.subscriptions,
		.received = s->last.counters[COUNTER_RECEIVED],
		.agents_lost = fleet->producers_lost + fleet->consumers_lost + fleet->restarted > 0,
		.resume_is_expected = expected,
		.quiet_ns = since(now, s->changed_ns, r->resume_expected_ns),
	};

	r->drained = drain_is_over(&facts);
	if (r->drained)
		s->drained_ns = s->last.taken_ns;
	set_drain_limit(r, expected);
}

void offer_drain(struct run *r)
{
	if (r->phase != PHASE_DRAIN)
		return;
	while (r->phase == PHASE_DRAIN) {
		struct fact_totals totals = { 0 };
		struct arena arena = { 0 };

		bool is_second = state_now_ns(r) >= r->sampler.next_second_ns;
		bool has_line = progress_line_is_due(r);
		bool is_shown = has_line || (is_second && r->console.live);

		if (offer_sample(r, is_shown ? SAMPLE_LATENCIES : SAMPLE_COUNTS, &totals, &arena)) {
			if (is_second)
				add_second(r);
			if (has_line)
				progress_line(r);
			look_whether_drained(r);
		}
		arena_fini(&arena);
		struct phase_facts facts = state_facts(r);
		r->drain_limit_reached = !r->drained && !facts.hurried && !facts.failed;
		if (!state_advance(r, &facts))
			state_wait(r, state_now_ns(r) + DRAIN_LOOK_NS);
	}
}
