/* SPDX-License-Identifier: Apache-2.0 */
#include "run/progress.h"

#include "config/workload.h"
#include "run/diary.h"
#include "run/limits.h"
#include "run/state.h"
#include "stats/percentile.h"
#include "util/units.h"

static uint64_t tick_ns(const struct run *r)
{
	return r->console.live ? LIMITS_S : r->options->workload->sample_ns;
}

/* Until when samples come, and lines with them; not while a verb takes long. */
static uint64_t sampled_until_ns(const struct run *r)
{
	bool is_loaded = r->course.phase == PHASE_SEARCH || r->course.phase == PHASE_WARMUP ||
	                 r->course.phase == PHASE_MEASURE || r->course.phase == PHASE_DRAIN;

	return is_loaded && !r->console.live ? r->sampler.last.taken_ns + 2 * LIMITS_S : 0;
}

/* Lines that come with samples wake nobody. */
uint64_t progress_next_ns(const struct run *r)
{
	uint64_t until_ns = sampled_until_ns(r);

	return r->shown.next_tick_ns > until_ns ? r->shown.next_tick_ns : until_ns;
}

static void move_tick(struct run *r)
{
	while (r->shown.next_tick_ns <= state_now_ns(r))
		r->shown.next_tick_ns += tick_ns(r);
}

/* How long the phase takes at most; 0 = that is open. */
static uint64_t total_of_phase_ns(const struct run *r)
{
	const struct worker_window *w = &r->window.edges;

	if (r->course.phase == PHASE_MEASURE)
		return w->end_ns == UINT64_MAX ? 0 : w->end_ns - w->start_ns;
	/* A warm-up that waits for the search has no end yet. */
	if (r->course.phase == PHASE_WARMUP)
		return w->start_ns == UINT64_MAX ? 0 : w->start_ns - r->course.entered_ns;
	if (r->course.phase == PHASE_SETTLE || r->course.phase == PHASE_DRAIN)
		return r->course.row->limit_ns(r);
	return 0;
}

/* Since the stage began, or the window. */
static uint64_t elapsed_ns(const struct run *r)
{
	uint64_t now = state_now_ns(r);
	uint64_t start = r->course.phase == PHASE_MEASURE
	                         ? r->window.edges.start_ns
	                         : r->course.log[r->course.log_len - 1].start_ns;

	return now > start ? now - start : 0;
}

static double rate(uint64_t count, uint64_t elapsed_ns)
{
	return elapsed_ns == 0 ? 0 : (double)count * 1e9 / (double)elapsed_ns;
}

static void set_latencies(const struct run *r, const struct snapshot *interval,
                          struct console_progress *p)
{
	bool scheduled = r->plan->load.mode != LOAD_UNLIMITED;
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
	const uint64_t *c = interval->counters;
	struct console_progress p = {
		.phase = r->course.row->stage,
		.elapsed_ns = elapsed_ns(r),
		.total_ns = total_of_phase_ns(r),
		.done = r->await.done,
		.wanted = r->await.wanted,
		.has_rates = interval->taken_ns > 0,
		.tried_per_s = r->course.phase == PHASE_SEARCH ? r->search.rate_per_s : 0,
	};

	if (r->course.phase == PHASE_SETTLE) {
		p.done = r->settle.ready;
		p.wanted = r->settle.wanted;
	}
	if (r->course.phase == PHASE_MEASURE && r->backlog.step != BACKLOG_NONE)
		p.phase = backlog_step_name(r->backlog.step);
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

	console_progress(&r->console, &p, state_wall_ns(r));
}

void progress_tick(struct run *r)
{
	if (state_now_ns(r) < sampled_until_ns(r))
		return;
	move_tick(r);
	if (r->console.options.quiet || !r->course.row || !r->course.row->stage)
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
	return !r->console.live && !r->console.options.quiet && r->course.phase != PHASE_MEASURE &&
	       state_now_ns(r) >= r->shown.next_tick_ns;
}

void progress_line(struct run *r)
{
	struct snapshot interval = { 0 };

	move_tick(r);
	snapshot_diff(&r->sampler.last, &r->sampler.shown, &interval);
	if (r->sampler.shown.taken_ns == 0) /* the first one goes back to the beginning */
		interval.taken_ns = interval.taken_ns > r->load.gate_ns
		                            ? interval.taken_ns - r->load.gate_ns
		                            : 0;
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

static void tell_outage(struct run *r, const struct fact_event *e)
{
	struct text words = { 0 };

	fact_outage_format(e, r->started_ns, &words);
	console_say(&r->console, CONSOLE_WARNING, state_wall_ns(r), "%s", text_str(&words));
	text_fini(&words);
}

static void tell(struct run *r, const struct fact_event *e)
{
	char gap[UNITS_TEXT];
	uint64_t wall = state_wall_ns(r);
	const char *role = agent_role_name(e->role);

	switch (e->kind) {
	case EVENT_WORKER_LOST:
		console_say(&r->console, CONSOLE_WARNING, wall, "%s", e->text);
		break;
	case EVENT_AGENT_LOST:
		console_say(&r->console, CONSOLE_WARNING, wall, "%s agent %u was lost: %s", role,
		            e->agent, e->text);
		break;
	case EVENT_AGENT_SLOW:
		console_say(&r->console, CONSOLE_WARNING, wall,
		            "%s agent %u was slow to close: %s; its counts are complete", role,
		            e->agent, e->text);
		break;
	case EVENT_AGENT_STALLED:
		console_say(&r->console, CONSOLE_WARNING, wall, "%s agent %u stands still: %s",
		            role, e->agent, e->text);
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
	case EVENT_OUTAGE:
		tell_outage(r, e);
		break;
	case EVENT_CLIENT:
	case EVENT_STDERR:
	case EVENT_JOURNAL_LOST:
	case EVENT_TOPIC_LOST:
	case EVENT_KINDS:
		break;
	}
}

/* Another client's outage may be the longest one later, of the same broker in the same seconds. */
static bool is_same(const struct told_event *t, const struct fact_event *e)
{
	if (t->kind != e->kind || t->role != e->role)
		return false;
	if (e->kind == EVENT_OUTAGE)
		return t->at_ns < e->at_ns + e->gap_ns && e->at_ns < t->at_ns + t->gap_ns;
	return t->worker == e->worker && t->agent == e->agent && t->generation == e->generation;
}

/* Events come sorted by time, and an older one may turn up later: so each is remembered. */
static bool is_news(struct run *r, const struct fact_event *e)
{
	if (!fact_event_is_of_agent(e->kind) && e->kind != EVENT_OUTAGE &&
	    e->kind != EVENT_WORKER_LOST)
		return false;
	for (struct told_event *t = r->shown.told; t; t = t->next) {
		if (is_same(t, e))
			return false;
	}
	struct told_event *told = arena_alloc(&r->arena, sizeof(*told));
	*told = (struct told_event){
		.kind = e->kind,
		.role = e->role,
		.worker = e->worker,
		.agent = e->agent,
		.generation = e->generation,
		.at_ns = e->at_ns,
		.gap_ns = e->gap_ns,
		.next = r->shown.told,
	};
	r->shown.told = told;
	return true;
}

void progress_events(struct run *r, const struct fact_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		if (is_news(r, &events->items[i])) {
			tell(r, &events->items[i]);
			diary_event(&r->diary, &events->items[i]);
		}
}

void progress_interrupted(struct run *r)
{
	static const char *const texts[] = {
		"interrupted: stopping the load; again to skip the drain",
		"interrupted again: not waiting for what is still under way",
		"interrupted a third time: leaving topics behind; `omb cleanup` deletes them",
		"interrupted a third time: not waiting for anything any more",
	};
	bool may_leave_topics = r->made.topics_count > 0 && !r->made.broker_is_own &&
	                        !r->options->workload->keep_topics;
	unsigned i = r->await.signals < 3 ? r->await.signals - 1 : may_leave_topics ? 2 : 3;

	console_say(&r->console, CONSOLE_WARNING, state_wall_ns(r), "%s", texts[i]);
}
