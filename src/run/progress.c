/* SPDX-License-Identifier: Apache-2.0 */
#include "run/progress.h"

#include "config/workload.h"
#include "run/diary.h"
#include "run/state.h"
#include "stats/percentile.h"
#include "util/units.h"

static uint64_t tick_ns(const struct run *r)
{
	return r->console.live ? STATE_S : r->options->workload->sample_ns;
}

/* Until when samples come, and lines with them; not while a verb takes long. */
static uint64_t sampled_until_ns(const struct run *r)
{
	bool is_loaded = r->phase == PHASE_SEARCH || r->phase == PHASE_WARMUP ||
	                 r->phase == PHASE_MEASURE || r->phase == PHASE_DRAIN;

	return is_loaded && !r->console.live ? r->sampler.last.taken_ns + 2 * STATE_S : 0;
}

/* Lines that come with samples wake nobody. */
uint64_t progress_next_ns(const struct run *r)
{
	uint64_t until_ns = sampled_until_ns(r);

	return r->next_tick_ns > until_ns ? r->next_tick_ns : until_ns;
}

static void move_tick(struct run *r)
{
	while (r->next_tick_ns <= state_now_ns(r))
		r->next_tick_ns += tick_ns(r);
}

static uint64_t total_of_phase_ns(const struct run *r)
{
	switch (r->phase) {
	case PHASE_SETTLE:
	case PHASE_WARMUP:
	case PHASE_DRAIN:
		/* A warm-up that waits for the search has no end yet. */
		return r->phases.limit_ns[r->phase] == UINT64_MAX ? 0
		                                                  : r->phases.limit_ns[r->phase];
	case PHASE_MEASURE:
		return r->window.end_ns == UINT64_MAX ? 0 : r->window.end_ns - r->window.start_ns;
	case PHASE_CONNECT:
	case PHASE_SEARCH:
	case PHASE_DONE:
	case PHASE_FAILED:
	case PHASE_COUNT:
		break;
	}
	return 0;
}

static double rate(uint64_t count, uint64_t elapsed_ns)
{
	return elapsed_ns == 0 ? 0 : (double)count * 1e9 / (double)elapsed_ns;
}

static void set_latencies(const struct run *r, const struct snapshot *interval,
                          struct console_progress *p)
{
	bool scheduled = r->plan.load.mode != LOAD_UNLIMITED;
	struct hist_copy h = { 0 };

	snapshot_latency(interval, scheduled ? LATENCY_CORRECTED_PUBLISH : LATENCY_PUBLISH, &h);
	p->has_publish = h.count > 0;
	p->publish_p50_ns = percentile_value(&h, 50);
	p->publish_p99_ns = percentile_value(&h, 99);
	snapshot_latency(interval, scheduled ? LATENCY_CORRECTED_E2E : LATENCY_E2E, &h);
	p->has_e2e = h.count > 0;
	p->e2e_p50_ns = percentile_value(&h, 50);
	p->e2e_p99_ns = percentile_value(&h, 99);
	hist_copy_fini(&h);
}

static struct console_progress describe(const struct run *r, const struct snapshot *interval)
{
	uint64_t now = state_now_ns(r);
	uint64_t start = r->phase == PHASE_MEASURE ? r->window.start_ns : r->entered_ns;
	const uint64_t *c = interval->counters;
	struct console_progress p = {
		.phase = phase_name(r->phase),
		.elapsed_ns = now > start ? now - start : 0,
		.total_ns = total_of_phase_ns(r),
		.done = r->done,
		.wanted = r->wanted,
		.has_rates = interval->taken_ns > 0,
		.tried_per_s = r->phase == PHASE_SEARCH ? r->plan.rate_per_s : 0,
	};

	if (r->phase == PHASE_SETTLE) {
		p.done = r->parts_ready;
		p.wanted = r->parts;
	}
	if (r->phase == PHASE_MEASURE && r->backlog_step != BACKLOG_NONE)
		p.phase = backlog_step_name(r->backlog_step);
	if (!p.has_rates)
		return p;
	p.publish_per_s = rate(c[COUNTER_ACKNOWLEDGED], interval->taken_ns);
	p.consume_per_s = rate(c[COUNTER_RECEIVED], interval->taken_ns);
	p.backlog = sampler_backlog(&r->sampler);
	p.errors = r->sampler.last.counters[COUNTER_FAILED] +
	           r->sampler.last.counters[COUNTER_UNACKNOWLEDGED];
	set_latencies(r, interval, &p);
	return p;
}

static void show(struct run *r, const struct snapshot *interval)
{
	struct console_progress p = describe(r, interval);

	console_progress(&r->console, &p, r->platform.wall_ns(r->platform.to));
}

void progress_tick(struct run *r)
{
	if (state_now_ns(r) < sampled_until_ns(r))
		return;
	move_tick(r);
	if (r->console.options.quiet || r->phase == PHASE_DONE || r->phase == PHASE_FAILED)
		return;

	struct snapshot interval = { 0 };
	/* Two seconds of the series are needed for the rates of one. */
	if (r->sampler.before.taken_ns > 0)
		snapshot_diff(&r->sampler.second, &r->sampler.before, &interval);
	show(r, &interval);
	snapshot_fini(&interval);
}

bool progress_line_is_due(const struct run *r)
{
	return !r->console.live && !r->console.options.quiet && r->phase != PHASE_MEASURE &&
	       state_now_ns(r) >= r->next_tick_ns;
}

void progress_line(struct run *r)
{
	struct snapshot interval = { 0 };

	move_tick(r);
	snapshot_diff(&r->sampler.last, &r->sampler.shown, &interval);
	if (r->sampler.shown.taken_ns == 0) /* the first one goes back to the beginning */
		interval.taken_ns =
			interval.taken_ns > r->gate_ns ? interval.taken_ns - r->gate_ns : 0;
	show(r, &interval);
	snapshot_fini(&interval);
	sampler_show(&r->sampler);
}

void progress_period(struct run *r, const struct record_period *period)
{
	if (r->console.live || r->console.options.quiet)
		return;
	show(r, &period->interval);
	move_tick(r);
	sampler_show(&r->sampler);
}

static void tell(struct run *r, const struct fact_event *e)
{
	char gap[UNITS_TEXT];
	uint64_t wall = r->platform.wall_ns(r->platform.to);
	const char *role = agent_role_name(e->role);

	switch (e->kind) {
	case EVENT_AGENT_LOST:
		console_say(&r->console, CONSOLE_WARNING, wall, "%s agent %u was lost: %s", role,
		            e->agent, e->text);
		break;
	case EVENT_AGENT_SLOW:
		console_say(&r->console, CONSOLE_WARNING, wall,
		            "%s agent %u was slow to close: %s; its counts are complete", role,
		            e->agent, e->text);
		break;
	case EVENT_AGENT_RESTARTED:
		console_say(&r->console, CONSOLE_WARNING, wall, "%s agent %u was restarted", role,
		            e->agent);
		break;
	case EVENT_AGENT_RESUMED:
		console_say(&r->console, CONSOLE_WARNING, wall,
		            "%s agent %u receives again, after %s without a message", role,
		            e->agent, format_duration_short(e->gap_ns, gap));
		break;
	case EVENT_CLIENT:
	case EVENT_STDERR:
	case EVENT_JOURNAL_LOST:
	case EVENT_TOPIC_LOST:
	case EVENT_KINDS:
		break;
	}
}

/* Events come sorted by time, and an older one may turn up later: so each is remembered. */
static bool is_news(struct run *r, const struct fact_event *e)
{
	if (!fact_event_is_of_agent(e->kind))
		return false;
	for (struct told_event *t = r->told; t; t = t->next) {
		if (t->kind == e->kind && t->role == e->role && t->agent == e->agent &&
		    t->generation == e->generation)
			return false;
	}
	struct told_event *told = arena_alloc(&r->arena, sizeof(*told));
	*told = (struct told_event){ e->kind, e->role, e->agent, e->generation, r->told };
	r->told = told;
	return true;
}

void progress_events(struct run *r, const struct fact_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		if (is_news(r, &events->items[i])) {
			tell(r, &events->items[i]);
			diary_event(r, &events->items[i]);
		}
}

void progress_fleet(struct run *r)
{
	const struct sampler_fleet *fleet = &r->sampler.fleet;
	struct worker_call call = { .verb = WORKER_EVENTS };
	struct arena arena = { 0 };
	struct error err = { 0 };

	if (fleet->producers_lost + fleet->consumers_lost + fleet->restarted == 0)
		return;
	call.arena = &arena;
	if (state_call(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		progress_events(r, &call.events);
	arena_fini(&arena);
}

void progress_interrupted(struct run *r)
{
	static const char *const texts[] = {
		"interrupted: stopping the load; again to skip the drain",
		"interrupted again: not waiting for what is still under way",
		"interrupted a third time: leaving topics behind; `omb cleanup` deletes them",
	};
	unsigned i = r->signals < 3 ? r->signals - 1 : 2;

	console_say(&r->console, CONSOLE_WARNING, r->platform.wall_ns(r->platform.to), "%s",
	            texts[i]);
}
