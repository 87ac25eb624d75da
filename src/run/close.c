/* SPDX-License-Identifier: Apache-2.0 */
#include "run/close.h"

#include "config/workload.h"
#include "run/diary.h"
#include "run/progress.h"
#include "run/state.h"

static void warn(struct run *r, const char *what, const struct error *err)
{
	console_say(&r->console, CONSOLE_WARNING, r->platform.wall_ns(r->platform.to), "%s: %s",
	            what, err->text);
}

static void read_events(struct run *r)
{
	struct worker_call call = { .verb = WORKER_EVENTS };
	struct error err = { 0 };

	if (state_call(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		r->events = call.events;
	else
		warn(r, "events are missing", &err);
	progress_events(r, &r->events);
}

/* FINISH failed: what the last snapshot showed is better than nothing. */
static void take_last_totals(struct run *r)
{
	struct worker_call call = { .verb = WORKER_SNAPSHOT };
	struct error err = { 0 };

	if (state_call(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		r->totals = call.totals;
}

/* The series ends with what came after the window, so that it adds up to the totals. */
static void feed_totals(struct run *r)
{
	/* The answer's agents are looked at; its snapshot moves into the sampler. */
	if (r->totals.snapshot.taken_ns == 0)
		return;
	sampler_feed(&r->sampler, &r->totals);
	if (r->measured)
		diary_period(r, sampler_add_period(&r->sampler, "drain", PERIOD_OWN));
}

static bool finish(struct run *r, uint32_t most_ms, enum state_patience patience, struct error *err)
{
	struct worker_call call = {
		.verb = WORKER_FINISH,
		.finish = { .most_ms = most_ms },
	};

	if (!state_call(r, &call, limits_finish(&r->plan, most_ms), patience, err))
		return false;
	r->totals = call.finish.totals;
	return true;
}

void close_clients(struct run *r)
{
	bool hasty = r->signals >= PATIENCE_LOAD;
	struct error err = { 0 };

	if (!r->load_started) {
		close_failed(r);
		return;
	}
	bool ok = finish(r, hasty ? LIMITS_HASTY_MS : 0, hasty ? PATIENCE_CLOSE : PATIENCE_LOAD,
	                 &err);
	/* A signal has stopped everybody meanwhile: the totals are there at once. */
	if (!ok && r->signals > 0)
		ok = finish(r, LIMITS_HASTY_MS, PATIENCE_ENDLESS, &err);
	if (!ok) {
		warn(r, "final totals are missing", &err);
		take_last_totals(r);
	}
	read_events(r);
	feed_totals(r);
	r->finished = true;
	r->interrupted = r->signals > 0;
}

/* Consumers that did not leave their groups in order. */
static bool members_may_be_left(const struct run *r)
{
	const struct sampler_fleet *fleet = &r->sampler.fleet;

	return fleet->consumers_lost + fleet->restarted + fleet->slow > 0;
}

void close_delete(struct run *r)
{
	uint32_t topics_ms = limits_delete_topics_ms(&r->plan);
	uint32_t groups_ms = limits_delete_groups_ms(r->standstill_ns, members_may_be_left(r));
	struct worker_call call = {
		.verb = WORKER_DELETE_TOPICS,
		.remove = { .topics = r->topics,
		            .topics_count = r->topics_count,
		            .groups = r->clients.groups,
		            .groups_count = r->clients.groups_count,
		            .timeout_ms = topics_ms,
		            .groups_timeout_ms = groups_ms },
	};
	struct error err = { 0 };

	if (r->options->workload->keep_topics || r->topics_count == 0 ||
	    r->signals >= PATIENCE_CLOSE)
		return;
	if (state_call(r, &call, limits_delete(topics_ms, groups_ms), PATIENCE_CLOSE, &err))
		return;
	r->left_behind = true;
	r->left_why = err;
	/* What the broker does not allow, it does not allow `omb cleanup` either. */
	warn(r,
	     err.kind == ERROR_REFUSED
	             ? "topics or groups of this run stay on the broker, for it refuses to delete "
	               "them"
	             : "topics or groups of this run may be left behind (`omb cleanup` deletes "
	               "them)",
	     &err);
}

void close_worker(struct run *r)
{
	uint32_t most_ms = r->signals == 0              ? 0
	                   : r->signals < PATIENCE_LOAD ? LIMITS_CANCEL_MS
	                                                : LIMITS_HASTY_MS;
	struct worker_call call = { .verb = WORKER_STOP_ALL, .stop = { .most_ms = most_ms } };
	struct error err = { 0 };

	if (!state_call(r, &call, limits_stop(&r->plan, most_ms), PATIENCE_ENDLESS, &err))
		warn(r, "the worker did not stop in time", &err);
}

void close_failed(struct run *r)
{
	close_worker(r); /* a group with members cannot be deleted */
	if (!r->worker_is_broken)
		read_events(r);
}
