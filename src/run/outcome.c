/* SPDX-License-Identifier: Apache-2.0 */
#include "run/outcome.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "facts/origin.h"
#include "results/result.h"
#include "run/reason.h"
#include "run/state.h"
#include "stats/percentile.h"
#include "util/file.h"

struct setting_list {
	struct arena *arena;
	struct record_setting *items;
	size_t count, cap;
};

static void add_setting(void *to, const char *key, const char *value)
{
	struct setting_list *list = to;

	if (list->count == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;
		struct record_setting *items = arena_alloc(list->arena, cap * sizeof(*items));
		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = (struct record_setting){
		.key = arena_strdup(list->arena, key),
		.value = arena_strdup(list->arena, value),
	};
}

static enum record_rate rate_kind(const struct run *r)
{
	if (r->plan->searches)
		return RECORD_SEARCHED;
	return r->plan->load.mode == LOAD_UNLIMITED ? RECORD_MAX : RECORD_FIXED;
}

static void fill_readings(struct run *r, struct record *out)
{
	const struct search *s = &r->search.state;
	struct record_reading *readings =
		arena_alloc(&r->arena, (s->readings_count + 1) * sizeof(*readings));

	for (unsigned i = 0; i < s->readings_count; i++)
		readings[i] = (struct record_reading){
			.rate_per_s = s->readings[i].rate_per_s,
			.carried_per_s = s->readings[i].carried_per_s,
			.sustained = s->readings[i].sustained,
		};
	out->readings = readings;
	out->readings_count = s->readings_count;
}

static void fill_load(struct run *r, struct record *out)
{
	const struct workload *w = r->options->workload;
	const struct plan *p = r->plan;

	out->topics = p->topics;
	out->partitions = p->partitions;
	out->producers = p->producers;
	out->consumers = p->consumers;
	out->producers_per_topic = w->producers_per_topic;
	out->consumers_per_subscription = w->consumers_per_subscription;
	out->subscriptions = p->subscriptions;
	out->message_bytes = w->message_size;
	out->window_messages = p->load.window_messages;
	out->window_bytes = w->max_in_flight_bytes;
	out->wake_interval_ns = p->load.wake_interval_ns;
	out->sample_ns = w->sample_ns;
	out->rate = rate_kind(r);
	out->asked_per_s = out->rate == RECORD_MAX ? 0 : state_rate_per_s(r);
	out->search_converged = r->search.decision.converged && !r->search.cut;
	out->search_trials = r->search.state.trials;
	fill_readings(r, out);
	out->stamped = p->stamped;
	out->ceiling_per_s = r->options->ceiling_per_s;
}

void outcome_begin(struct run *r, struct record *out)
{
	struct setting_list settings = { .arena = &r->arena };
	const struct run_options *o = r->options;

	*out = (struct record){
		.run_id = o->run_id,
		.workload_name = o->workload->name,
		.workload_path = o->workload_path,
		.driver_name = o->driver->name,
		.driver_path = o->driver_path,
		.command_line = o->command_line,
		.worker = r->w->ops->name,
		.started_ns = r->started_ns,
		.wall_started_ns = r->wall_started_ns,
		.ended_ns = r->started_ns,
		.pid = (int)getpid(),
		.result = r->pair.json ? file_base(r->pair.json) : NULL,
	};
	out->environment = r->sampler.host.environment;
	environment_set_program(&out->environment);
	workload_describe(o->workload, add_setting, &settings);
	out->settings = settings.items;
	out->settings_count = settings.count;
	out->rows = r->made.rows.items;
	out->rows_count = r->made.rows.count;
	fill_load(r, out);
}

/* --- what was measured ---------------------------------------------------------------------------- */

static void fill_account(const struct run *r, struct record *out)
{
	const struct fact_account *told = &r->close.totals.account;

	if (told->is_kept)
		out->account = *told;
	else if (r->plan->account)
		out->account_lack = told->lack != NULL ? told->lack : "the worker told none";
	else
		out->account_lack = r->plan->account_lack;
}

static void fill_workers(const struct run *r, struct fact_totals *t, struct record *out)
{
	for (size_t i = 0; i < t->workers_count; i++) {
		struct fact_worker *w = &t->workers[i];
		struct host_usage usage = sampler_window_usage(&r->sampler, w);

		w->usage_known = usage.ticks > 0;
		w->cpu_share = host_usage_busy_share(&usage);
		w->steal_share = host_usage_steal_share(&usage);
		w->throttled_periods = usage.throttled_periods;
		w->throttled_ns = usage.throttled_ns;
	}
	out->workers = t->workers;
	out->workers_count = t->workers_count;
}

/* What the worker told at the end, and what of it was in the window. */
static void fill_totals(struct run *r, struct record *out)
{
	struct fact_totals *t = &r->close.totals;

	for (size_t i = 0; i < t->agents_count; i++) {
		struct fact_agent *a = &t->agents[i];

		a->window_cpu_ns = sampler_window_cpu_ns(&r->sampler, a);
		if (a->role == AGENT_PRODUCER)
			out->producer_cpu_ns += a->window_cpu_ns;
		else if (a->role == AGENT_CONSUMER)
			out->consumer_cpu_ns += a->window_cpu_ns;
	}
	out->agents = t->agents;
	out->agents_count = t->agents_count;
	fill_workers(r, t, out);
	out->producer_totals = t->producers;
	out->producer_totals_count = t->producers_count;
	out->partition_totals = t->partitions;
	out->partition_totals_count = t->partitions_count;
	out->spoiled = t->spoiled;
	out->spoiled_count = t->spoiled_count;
	out->verified = t->verified;
	out->clocks = t->clocks;
	fill_account(r, out);
}

static void fill_events(struct run *r, struct record *out)
{
	/* Two more: the loss of the journal, and of topics, are events of the run itself. */
	struct fact_event *to = arena_alloc(&r->arena, (r->close.events.count + 2) * sizeof(*to));
	size_t count = 0;

	for (size_t i = 0; i < r->close.events.count; i++)
		to[count++] = r->close.events.items[i];
	if (r->diary.failure.kind != ERROR_NONE)
		to[count++] = (struct fact_event){
			.kind = EVENT_JOURNAL_LOST,
			.at_ns = r->diary.failed_ns,
			.role = AGENT_NONE,
			.text = r->diary.failure.text,
		};
	if (r->topics_found.example != NULL)
		to[count++] = (struct fact_event){
			.kind = EVENT_TOPIC_LOST,
			.at_ns = out->ended_ns,
			.role = AGENT_NONE,
			.count = r->topics_found.gone + r->topics_found.shorter,
			.text = r->topics_found.example,
		};
	out->events = to;
	out->events_count = count;

	struct reason failed = reason_of(&r->close.events, REASON_MESSAGES);
	out->failure_cause = failed.text;
	out->failure_often = failed.often;
}

static void count_between(const uint64_t *newer, const uint64_t *older, uint64_t *out)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		out[i] = newer[i] - older[i];
}

/* NULL: what was counted at both ends of the window is known. */
static const char *edge_lack(const struct fact_totals *t)
{
	bool known = t->edges[FACT_WINDOW_START].at_ns != 0 && t->edges[FACT_WINDOW_END].at_ns != 0;

	if (known)
		return NULL;
	return t->edge_lack != NULL ? t->edge_lack
	                            : "the worker does not tell what was counted there";
}

static void fill_edges(const struct fact_totals *t, struct record *out)
{
	out->edge_lack = edge_lack(t);
	out->edges_known = out->edge_lack == NULL;
	if (out->edges_known)
		count_between(t->edges[FACT_WINDOW_END].counters,
		              t->edges[FACT_WINDOW_START].counters, out->edge_counters);
}

static void fill_window(struct run *r, struct record *out)
{
	const struct sampler *s = &r->sampler;

	out->window_start_ns = r->window.edges.start_ns;
	out->window_end_ns = r->window.edges.start_ns;
	out->counted_start_ns = out->counted_end_ns = r->window.edges.start_ns;
	if (!r->window.begun || s->window_end.taken_ns == 0)
		return;
	if (r->window.edges.end_ns > r->window.edges.start_ns)
		out->window_end_ns = r->window.edges.end_ns;
	count_between(s->window_end.counters, s->window_start.counters, out->window_counters);
	out->window_usage = host_usage_diff(&s->usage_end, &s->usage_start);
	out->counted_start_ns = s->window_start.taken_ns;
	out->counted_end_ns = s->window_end.taken_ns;
	out->coordinator_late = &r->await.late;
	fill_edges(&r->close.totals, out);
}

static void fill_series(struct run *r, struct record *out)
{
	out->phases = r->course.log;
	out->phases_count = r->course.log_len;
	out->seconds = r->sampler.seconds;
	out->seconds_count = r->sampler.seconds_count;
	out->journal = r->diary.journal.opened ? &r->diary.journal : NULL;
	out->periods = r->sampler.kept;
	out->periods_count = r->sampler.kept_count;
	for (size_t i = 0; i < out->periods_count; i++)
		result_add_period(&r->sampler.samples, &out->periods[i]);
	out->samples = &r->sampler.samples;
	out->backlog = r->backlog.found;
	out->readiness_ns = r->settle.took_ns;
}

/* --- verdict ---------------------------------------------------------------------------------------- */

static struct verdict_cause cause_of(struct reason reason)
{
	return (struct verdict_cause){ .text = reason.text, .often = reason.often };
}

static void count_events(const struct run *r, struct verdict_facts *f)
{
	struct reason fatal = reason_of(&r->close.events, REASON_FATAL);
	struct reason other = reason_of(&r->close.events, REASON_CLIENTS);

	f->fatal_events = fatal.count;
	f->other_events = other.count;
	f->fatal_cause = cause_of(fatal);
	f->other_cause = cause_of(other);
	f->failure_cause = cause_of(reason_of(&r->close.events, REASON_MESSAGES));
}

/* From the middle of the window to its end, by the counts of every second. */
static void look_at_growth(const struct run *r, struct verdict_facts *f)
{
	const struct sampler *s = &r->sampler;
	uint64_t middle = r->window.edges.start_ns + f->window_ns / 2;
	const struct record_second *first = NULL, *last = NULL;

	for (size_t i = 0; i < s->seconds_count; i++) {
		const struct record_second *second = &s->seconds[i];

		/* The tick that ends the window is taken a moment after it. */
		if (second->at_ns < middle || second->at_ns > s->window_end.taken_ns)
			continue;
		if (!first)
			first = second;
		last = second;
	}
	if (!first || last == first || last->backlog <= first->backlog)
		return;
	f->backlog_growth = last->backlog - first->backlog;
	f->half_acknowledged = last->acknowledged - first->acknowledged;
}

/* Of a core.  Of an agent that was killed in the window only the process is known, by samples. */
static double busiest_loop_of(const struct record *record, const struct fact_agent *a)
{
	uint64_t span_ns = record->counted_end_ns - record->counted_start_ns;

	if (a->loops_known > 0)
		return a->busiest_loop;
	return span_ns > 0 && a->loops > 0
	               ? (double)a->window_cpu_ns / (double)span_ns / (double)a->loops
	               : 0;
}

static const char *describe_loop(struct run *r, const struct fact_agent *a)
{
	const char *role = agent_role_name(a->role);

	if (a->loops_known < 2)
		return arena_printf(&r->arena, "%s agent %u", role, a->index);
	return arena_printf(&r->arena, "a loop of %s agent %u, beside others with %.0f %% each,",
	                    role, a->index,
	                    (a->all_loops - a->busiest_loop) / (a->loops_known - 1) * 100);
}

/* A library's threads are looked at once, when all is over: what they used is of the load. */
static void look_at_cpu(struct run *r, const struct record *out, struct verdict_facts *f)
{
	double load_ns = (double)(out->window_end_ns - r->load.gate_ns);
	const struct fact_agent *loop = NULL, *library = NULL;

	for (size_t i = 0; i < out->agents_count; i++) {
		const struct fact_agent *a = &out->agents[i];

		if (loop == NULL || busiest_loop_of(out, a) > busiest_loop_of(out, loop))
			loop = a;
		if (library == NULL || a->library_cpu_ns > library->library_cpu_ns)
			library = a;
	}
	if (loop != NULL) {
		f->agent_cpu_max = busiest_loop_of(out, loop);
		f->busiest_loop = describe_loop(r, loop);
	}
	if (library != NULL && library->library_thread != NULL && load_ns > 0) {
		f->library_cpu_max = (double)library->library_cpu_ns / load_ns;
		f->busiest_library =
			arena_printf(&r->arena, "%s in %s agent %u", library->library_thread,
		                     agent_role_name(library->role), library->index);
	}
}

static unsigned count_of(const struct run *r, enum fact_event_kind kind)
{
	unsigned count = 0;

	for (size_t i = 0; i < r->close.events.count; i++)
		count += r->close.events.items[i].kind == kind;
	return count;
}

/* How the first agent ended that did not in order: "consumer agent 1: killed by signal 9"; or the first
 * worker, with all agents that it had. */
static const char *first_of(struct run *r, enum fact_event_kind kind)
{
	for (size_t i = 0; i < r->close.events.count; i++) {
		const struct fact_event *e = &r->close.events.items[i];

		if (e->kind == EVENT_WORKER_LOST && kind == EVENT_AGENT_LOST)
			return e->text;
		if (e->kind == kind)
			return arena_printf(&r->arena, "%s agent %u: %s", agent_role_name(e->role),
			                    e->agent, e->text);
	}
	return NULL;
}

static void look_at_agents(struct run *r, struct verdict_facts *f)
{
	const struct sampler_fleet *fleet = &r->sampler.fleet;

	f->producers_lost = fleet->producers_lost;
	f->consumers_lost = fleet->consumers_lost;
	f->agents_late = fleet->lost_late;
	f->agents_slow = fleet->slow;
	f->agents_restarted = fleet->restarted;
	f->agent_ends = first_of(r, EVENT_AGENT_LOST);
	f->agents_stalled = count_of(r, EVENT_AGENT_STALLED);
	f->agent_stalls = first_of(r, EVENT_AGENT_STALLED);
}

/* Of a drain that was allowed more than its timeout; else 0. */
static uint64_t drain_ns(const struct run *r)
{
	return r->drain.limit_ns > r->options->workload->drain_timeout_ns ? r->drain.took_ns : 0;
}

/* What the driver altered, or could not give its effect; NULL = nothing. */
static const char *settings_doubted(struct run *r)
{
	struct origin_doubts list = { 0 };

	for (size_t i = 0; i < r->made.rows.count; i++)
		origin_doubts_add(&list, &r->made.rows.items[i], &r->arena);
	return origin_doubts_summary(&list, &r->arena);
}

static void look_at_backlog(const struct record_backlog *b, struct verdict_facts *f)
{
	f->backlog_not_built = b->not_built && !b->build_cut;
	f->backlog_not_drained = b->not_drained && !b->drain_cut;
	f->backlog_grew = b->grew;
	f->backlog_growing_ns = b->growing_ns;
	f->backlog_growth_per_s = b->growth_per_s;
	f->backlog_received_per_s = b->received_per_s;
}

static uint64_t journal_failed_ns(const struct run *r)
{
	return r->diary.failure.kind != ERROR_NONE ? r->diary.failed_ns - r->started_ns : 0;
}

/* What it does not have, and what follows where that changes the numbers. */
static const char *lacks_of_the_worker(struct run *r)
{
	if (!r->await.is_lacking[WORKER_FINISH] || !r->close.totals_are_last_seen)
		return r->await.lacks;
	return arena_printf(&r->arena,
	                    "%s; so the final counts are those of its last snapshot, and what was "
	                    "under way then counts as unanswered",
	                    r->await.lacks);
}

/* Where samples stand for the ends of the window. */
static uint64_t counted_late_ns(const struct record *r)
{
	bool is_late = !r->edges_known && r->counted_end_ns > r->window_end_ns;

	return is_late ? r->counted_end_ns - r->window_end_ns : 0;
}

static void look_at_contents(const struct run *r, const struct record *out, struct verdict_facts *f)
{
	f->spoiled = out->totals.counters[COUNTER_SPOILED];
	f->first_spoiled = out->spoiled;
	f->unverified = r->plan->verify && !out->verified;
}

static void judge(struct run *r, struct record *out)
{
	const uint64_t *c = out->totals.counters;
	const struct hist_copy *h = out->totals.latencies[WINDOW_MEASURED];
	struct verdict_facts f = {
		.interrupted = r->close.interrupted,
		.failure = out->failure,
		.journal_failed = r->diary.failure.kind != ERROR_NONE,
		.journal_failed_ns = journal_failed_ns(r),
		.topics_gone = r->topics_found.gone,
		.topics_short = r->topics_found.shorter,
		.topics_example = r->topics_found.example,
		.topics_unknown = r->topics_found.unknown,
		.worker_lacks = lacks_of_the_worker(r),
		.left_behind = r->close.left_behind,
		.deletion_refused =
			r->close.left_why.kind == ERROR_REFUSED ? r->close.left_why.text : NULL,
		.settings = settings_doubted(r),
		.scheduled = out->rate != RECORD_MAX,
		.stamped = out->stamped,
		.broker_is_local = r->made.broker_is_local,
		.window_ns = out->window_end_ns - out->window_start_ns,
		.counted_late_ns = counted_late_ns(out),
		.edge_lack = out->edge_lack,
		.asked_per_s = out->asked_per_s,
		.search_cut = out->rate == RECORD_SEARCHED && !out->search_converged,
		.window_acknowledged = h[LATENCY_PUBLISH].count,
		.published_per_s = record_publish_per_s(out),
		.producers = out->producers,
		.negative = c[COUNTER_NEGATIVE],
		.clocks = out->clocks,
		.wake_interval_ns = out->wake_interval_ns,
		.sent = c[COUNTER_SENT],
		.acknowledged = c[COUNTER_ACKNOWLEDGED],
		.failed = c[COUNTER_FAILED],
		.unacknowledged = c[COUNTER_UNACKNOWLEDGED],
		.unsent = c[COUNTER_UNSENT],
		.received = c[COUNTER_RECEIVED],
		.subscriptions = out->subscriptions,
		.redelivered = c[COUNTER_REDELIVERED],
		.corrupt = c[COUNTER_CORRUPT],
		.foreign = c[COUNTER_FOREIGN],
		.unstamped = c[COUNTER_UNSTAMPED],
		.account = out->account.is_kept ? &out->account : NULL,
		.exact_below = record_exact_below(out),
		.drain_limit_reached = r->drain.limit_reached,
		.drain_cut = !r->drain.complete && !r->drain.limit_reached,
		.drain_ns = drain_ns(r),
		.drain_timeout_ns = r->options->workload->drain_timeout_ns,
		.standstill_ns = r->made.standstill_ns,
		.redelivery_ns = r->made.redelivery_ns,
		.idle_consumers = r->settle.idle_consumers,
		.coordinator_late_ns = r->await.late.max,
		.steal_share = host_usage_steal_share(&out->window_usage),
		.throttled = out->window_usage.throttled_periods,
	};

	verdict_look_at_window(h, record_window_counters(out), &f);
	record_refused(out, &f.refused_least_per_s, &f.refused_most_per_s);
	verdict_look_at_wakeups(out->agents, out->agents_count, h, &f);
	look_at_cpu(r, out, &f);
	count_events(r, &f);
	look_at_contents(r, out, &f);
	look_at_agents(r, &f);
	look_at_backlog(&r->backlog.found, &f);
	if (r->plan->backlog_messages == 0)
		look_at_growth(r, &f);
	verdict_judge(&f, &out->verdict);
}

void outcome_fill(struct run *r, struct record *out)
{
	outcome_begin(r, out);
	fill_totals(r, out);
	fill_events(r, out);
	fill_window(r, out);
	fill_series(r, out);
	out->ended_ns = state_now_ns(r);
	out->interrupted = r->close.interrupted;
	if (r->course.failure.kind != ERROR_NONE)
		out->failure = r->course.failure.text;
	/* Borrowed: the sampler was fed with the final totals. */
	out->totals = r->sampler.last;
	out->slowest = r->sampler.slowest;
	judge(r, out);
}
