/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase_close.h"

#include <inttypes.h>

#include "config/workload.h"
#include "run/await.h"
#include "run/course.h"
#include "run/diary.h"
#include "run/limits.h"
#include "run/progress.h"
#include "run/reason.h"
#include "run/sample.h"
#include "run/state.h"

static void warn(struct run *r, const char *what, const struct error *err)
{
	console_say(&r->console, CONSOLE_WARNING, state_wall_ns(r), "%s: %s", what, err->text);
}

static void read_events(struct run *r)
{
	struct worker_call call = { .verb = WORKER_EVENTS };
	struct error err = { 0 };

	if (await_verb(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		r->close.events = call.events;
	else
		warn(r, "events are missing", &err);
	progress_events(r, &r->close.events);
}

/* Nobody will close the account of what was under way: it has no answer. */
static void count_unanswered(uint64_t *counters)
{
	uint64_t answered = counters[COUNTER_ACKNOWLEDGED] + counters[COUNTER_FAILED];

	/* Read one by one: an answer may be seen before its question. */
	if (counters[COUNTER_SENT] > answered)
		counters[COUNTER_UNACKNOWLEDGED] = counters[COUNTER_SENT] - answered;
}

/* FINISH failed: what the last snapshot showed is better than nothing. */
static void take_last_totals(struct run *r)
{
	struct worker_call call = { .verb = WORKER_SNAPSHOT };
	struct error err = { 0 };

	if (!await_verb(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		return;
	r->close.totals = call.totals;
	r->close.totals_are_last_seen = true;
	count_unanswered(r->close.totals.snapshot.counters);
	for (size_t i = 0; i < r->close.totals.agents_count; i++)
		count_unanswered(r->close.totals.agents[i].counters);
}

/* The series ends with what came after the window, so that it adds up to the totals. */
static void feed_totals(struct run *r)
{
	/* The answer's agents are looked at; its snapshot moves into the sampler. */
	if (r->close.totals.snapshot.taken_ns == 0)
		return;
	sampler_feed(&r->sampler, &r->close.totals);
	sample_show(r, &r->close.totals);
	if (r->window.begun)
		(void)sample_add_period(r, "drain");
}

static bool finish(struct run *r, uint32_t most_ms, enum await_patience patience, struct error *err)
{
	struct worker_call call = {
		.verb = WORKER_FINISH,
		.finish = { .most_ms = most_ms },
	};

	if (!await_verb(r, &call, limits_finish(r->plan, most_ms), patience, err))
		return false;
	r->close.totals = call.finish.totals;
	return true;
}

/* A worker of another kind ends by STOP_ALL, and then it knows nothing of this run any more. */
static void end_without_finish(struct run *r)
{
	take_last_totals(r);
	close_stop(r); /* a group with members cannot be deleted */
}

/* For clients to close; 0: as long as they may. */
static uint32_t closing_ms(const struct run *r)
{
	return r->await.signals >= PATIENCE_LOAD ? LIMITS_HASTY_MS : 0;
}

uint64_t close_clients_limit_ns(const struct run *r)
{
	return limits_finish(r->plan, closing_ms(r));
}

void close_clients(struct run *r)
{
	uint32_t most_ms = closing_ms(r);
	struct error err = { 0 };

	bool ok = finish(r, most_ms, most_ms ? PATIENCE_CLOSE : PATIENCE_LOAD, &err);
	/* A signal has stopped everybody meanwhile: the totals are there at once. */
	if (!ok && r->await.signals > 0)
		ok = finish(r, LIMITS_HASTY_MS, PATIENCE_ENDLESS, &err);
	if (!ok && r->await.is_lacking[WORKER_FINISH]) {
		end_without_finish(r);
	} else if (!ok) {
		warn(r, "final totals are missing", &err);
		take_last_totals(r);
	}
	read_events(r);
	feed_totals(r);
	await_signals(r);
	r->close.interrupted = r->await.signals > 0;
}

/* Consumers that did not leave their groups in order. */
static bool members_may_be_left(const struct run *r)
{
	const struct sampler_fleet *fleet = &r->sampler.fleet;

	return fleet->consumers_lost + fleet->restarted + fleet->slow > 0;
}

bool close_delete_is_wanted(const struct run *r)
{
	return !r->options->workload->keep_topics && r->made.topics_count > 0 &&
	       r->await.signals < PATIENCE_CLOSE;
}

static uint32_t groups_ms(const struct run *r)
{
	return limits_delete_groups_ms(r->made.standstill_ns, members_may_be_left(r));
}

uint64_t close_delete_limit_ns(const struct run *r)
{
	return limits_delete(limits_delete_topics_ms(r->plan), groups_ms(r));
}

void close_delete(struct run *r)
{
	size_t groups_count = r->made.clients.groups_count;
	struct worker_subscription *groups = arena_alloc(&r->arena, groups_count * sizeof(*groups));
	for (size_t i = 0; i < groups_count; i++) {
		groups[i].topic = r->made.clients.groups[i].topic;
		groups[i].subscription = r->made.clients.groups[i].subscription;
	}
	struct worker_call call = {
		.verb = WORKER_DELETE_TOPICS,
		.remove = { .topics = r->made.topics,
		            .topics_count = r->made.topics_count,
		            .groups = groups,
		            .groups_count = groups_count,
		            .timeout_ms = limits_delete_topics_ms(r->plan),
		            .groups_timeout_ms = groups_ms(r) },
	};
	struct error err = { 0 };

	if (await_verb(r, &call, close_delete_limit_ns(r), PATIENCE_CLOSE, &err))
		return;
	if (r->made.broker_is_own)
		return; /* with it they go, if they have not gone already */
	r->close.left_behind = true;
	r->close.left_why = err;
	/* What the broker does not allow, it does not allow `omb cleanup` either. */
	warn(r,
	     err.kind == ERROR_REFUSED
	             ? "topics or groups of this run stay on the broker, for it refuses to delete "
	               "them"
	             : "topics or groups of this run may be left behind (`omb cleanup` deletes "
	               "them)",
	     &err);
}

static uint32_t stopping_ms(const struct run *r)
{
	return r->await.signals == 0              ? 0
	       : r->await.signals < PATIENCE_LOAD ? LIMITS_CANCEL_MS
	                                          : LIMITS_HASTY_MS;
}

uint64_t close_stop_limit_ns(const struct run *r)
{
	return limits_stop(r->plan, stopping_ms(r));
}

void close_stop(struct run *r)
{
	struct worker_call call = { .verb = WORKER_STOP_ALL,
		                    .stop = { .most_ms = stopping_ms(r) } };
	struct error err = { 0 };

	if (!await_verb(r, &call, close_stop_limit_ns(r), PATIENCE_ENDLESS, &err))
		warn(r, "the worker did not stop in time", &err);
}

void close_abort(struct run *r)
{
	close_stop(r); /* a group with members cannot be deleted */
	if (!r->await.worker_is_broken)
		read_events(r);
}

/* --- why ------------------------------------------------------------------------------------------- */

/* A run that ended in peace but measured nothing: why? */
static void explain_nothing(struct run *r)
{
	struct error err = { 0 };

	if (r->window.begun || r->await.signals > 0 || r->course.failure.kind != ERROR_NONE)
		return;
	error_set(&err, ERROR_SYSTEM, "all producer agents were lost before anything was measured");
	for (size_t i = r->close.events.count; i > 0; i--) {
		if (r->close.events.items[i - 1].kind == EVENT_AGENT_LOST)
			error_set(&err, ERROR_SYSTEM,
			          "all producer agents were lost before anything was measured: %s",
			          r->close.events.items[i - 1].text);
	}
	course_fail(r, &err);
}

/* The symptom stands in the failure; what the clients said most often is likely the cause. */
static void explain_failure(struct run *r)
{
	struct reason said = reason_of(&r->close.events, REASON_MESSAGES);
	struct error err = r->course.failure;

	if (r->window.begun || err.kind == ERROR_NONE || r->settle.has_told_why)
		return;
	if (said.text == NULL)
		said = reason_of(&r->close.events, REASON_FATAL);
	if (said.text == NULL)
		said = reason_of(&r->close.events, REASON_CLIENTS);
	if (said.text == NULL)
		return;
	error_set(&err, r->course.failure.kind, "%.300s; the clients say: %s (%" PRIu64 " times)",
	          r->course.failure.text, said.text, said.often);
	course_reword_failure(r, &err);
}

void close_explain(struct run *r)
{
	explain_nothing(r);
	explain_failure(r);
}
