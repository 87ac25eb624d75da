/* SPDX-License-Identifier: Apache-2.0 */
#include "run/close.h"

#include "config/workload.h"
#include "run/state.h"

/* For closing in order; what is still there is killed then.  Kafka's consumers leave their groups
 * and commit, which took 20 ms a hundred. */
#define CLOSE_MS             20000
#define CLOSE_MS_PER_CLIENT  10
#define CLOSE_MS_HASTY       2000
/* On top of the worker's own limits, which come first. */
#define MARGIN               (15 * STATE_S)

#define DELETE_MS            30000
/* A group whose member died still has it until its session times out (Kafka: 45 s). */
#define DELETE_MS_AFTER_LOSS 75000

#define QUICK_LIMIT          (10 * STATE_S)

static void warn(struct run *r, const char *what, const struct error *err)
{
	console_say(&r->console, CONSOLE_WARNING, r->platform.wall_ns(r->platform.to), "%s: %s",
	            what, err->text);
}

static void read_events(struct run *r)
{
	struct worker_call call = { .verb = WORKER_EVENTS };
	struct error err = { 0 };

	if (state_call(r, &call, QUICK_LIMIT, PATIENCE_ENDLESS, &err))
		r->events = call.events;
	else
		warn(r, "events are missing", &err);
}

/* FINISH failed: what the last snapshot showed is better than nothing. */
static void take_last_totals(struct run *r)
{
	struct worker_call call = { .verb = WORKER_SNAPSHOT };
	struct error err = { 0 };

	if (state_call(r, &call, QUICK_LIMIT, PATIENCE_ENDLESS, &err))
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
		(void)sampler_add_period(&r->sampler, "drain");
}

void close_clients(struct run *r)
{
	uint32_t patient_ms =
		CLOSE_MS + CLOSE_MS_PER_CLIENT * (r->plan.producers + r->plan.consumers);
	struct worker_call call = {
		.verb = WORKER_FINISH,
		.finish = { .close_timeout_ms = r->signals >= 2 ? CLOSE_MS_HASTY : patient_ms },
	};
	struct error err = { 0 };

	if (!r->load_started) {
		close_worker(r); /* a group with members cannot be deleted */
		return;
	}
	uint64_t limit = call.finish.close_timeout_ms * STATE_MS;
	if (state_call(r, &call, limit, PATIENCE_CLOSE, &err)) {
		r->totals = call.finish.totals;
	} else {
		warn(r, "final totals are missing", &err);
		take_last_totals(r);
	}
	read_events(r);
	feed_totals(r);
	r->finished = true;
	r->interrupted = r->signals > 0;
}

void close_delete(struct run *r)
{
	bool lost = r->sampler.fleet.consumers_lost + r->sampler.fleet.restarted > 0;
	struct worker_call call = {
		.verb = WORKER_DELETE_TOPICS,
		.remove = { .topics = r->topics,
		            .topics_count = r->topics_count,
		            .groups = r->clients.groups,
		            .groups_count = r->clients.groups_count,
		            .timeout_ms = lost ? DELETE_MS_AFTER_LOSS : DELETE_MS },
	};
	struct error err = { 0 };

	if (r->options->workload->keep_topics || r->topics_count == 0 ||
	    r->signals >= PATIENCE_CLOSE)
		return;
	uint64_t limit = call.remove.timeout_ms * STATE_MS + MARGIN;
	if (state_call(r, &call, limit, PATIENCE_CLOSE, &err))
		return;
	r->left_behind = true;
	warn(r, "topics or groups of this run may be left behind (`omb cleanup` deletes them)",
	     &err);
}

void close_worker(struct run *r)
{
	struct worker_call call = { .verb = WORKER_STOP_ALL };
	struct error err = { 0 };

	if (!state_call(r, &call, MARGIN, PATIENCE_ENDLESS, &err))
		warn(r, "the worker did not stop in time", &err);
}
