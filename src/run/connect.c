/* SPDX-License-Identifier: Apache-2.0 */
#include "run/connect.h"

#include <inttypes.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "plan/names.h"
#include "run/diary.h"
#include "run/outcome.h"
#include "run/progress.h"
#include "run/reason.h"
#include "run/state.h"
#include "util/text.h"

#define PROBE_SOON_NS  (100 * STATE_MS)
#define PROBE_LATER_NS (1 * STATE_S)
#define SOON_NS        (2 * STATE_S)

static bool initialize(struct run *r, struct error *err)
{
	const struct driver_file *file = r->options->driver;
	struct worker_call call = {
		.verb = WORKER_INITIALIZE_DRIVER,
		.initialize = { .path = file->path,
		                .text = file->text,
		                .text_len = file->text_len,
		                .lenient = file->mode->lenient,
		                .overrides = file->mode->overrides,
		                .overrides_count = file->mode->override_count,
		                .run_id = r->options->run_id,
		                .run = r->options->run,
		                .keep_topics = r->options->workload->keep_topics },
	};

	struct record known;

	if (!state_call(r, &call, LIMITS_INITIALIZE, PATIENCE_CONNECT, err))
		return false;
	r->rows = call.initialize.rows;
	outcome_begin(r, &known);
	diary_driver(r, &known);
	r->standstill_ns = call.initialize.standstill_ms * STATE_MS;
	return true;
}

static bool create_topics(struct run *r, struct error *err)
{
	struct worker_call call = {
		.verb = WORKER_CREATE_TOPICS,
		.create_topics = { .topics = r->plan.topics, .partitions = r->plan.partitions },
	};

	bool ok = state_call(r, &call, limits_create_topics(&r->plan), PATIENCE_CONNECT, err);
	/* After a failure some may exist and must be deleted, unless nobody was asked for any. */
	if (call.create_topics.names) {
		r->topics = call.create_topics.names;
		r->topics_count = r->plan.topics;
	}
	return ok;
}

static bool create_consumers(struct run *r, struct error *err)
{
	r->clients =
		plan_clients(&r->plan, r->options->run_id, r->topics, name_chance(), &r->arena);

	struct worker_subscription *items =
		arena_alloc(&r->arena, (r->plan.consumers + 1) * sizeof(*items));
	for (uint32_t i = 0; i < r->plan.consumers; i++) {
		items[i].topic = r->clients.consumers[i].topic;
		items[i].subscription = r->clients.consumers[i].subscription;
	}
	struct worker_call call = {
		.verb = WORKER_CREATE_CONSUMERS,
		.create_consumers = { .items = items,
		                      .count = r->plan.consumers,
		                      .partitions = r->plan.partitions,
		                      .deal = r->plan.deal,
		                      .consume = r->plan.consume },
	};
	return state_call(r, &call, limits_create_clients(r->plan.consumers), PATIENCE_CONNECT,
	                  err);
}

static bool create_producers(struct run *r, struct error *err)
{
	struct worker_call call = {
		.verb = WORKER_CREATE_PRODUCERS,
		.create_producers = { .topics = r->clients.producer_topics,
		                      .count = r->plan.producers,
		                      .payload = &r->plan.load.payload,
		                      .window_messages = r->plan.load.window_messages,
		                      .deal = r->plan.deal },
	};

	bool ok = state_call(r, &call, limits_create_clients(r->plan.producers), PATIENCE_CONNECT,
	                     err);
	r->lead_ns = call.create_producers.lead_ns;
	return ok;
}

void connect_clients(struct run *r)
{
	static bool (*const steps[])(struct run * r, struct error * err) = {
		initialize,
		create_topics,
		create_consumers,
		create_producers,
	};
	size_t done = 0, count = sizeof(steps) / sizeof(steps[0]);
	struct error err = { 0 };

	state_enter(r, PHASE_CONNECT);
	while (done < count && r->signals == 0 && steps[done](r, &err))
		done++;
	/* A signal cancels what is under way: that is no failure of its own. */
	if (done < count && r->signals == 0)
		state_fail(r, &err);

	struct phase_facts facts = state_facts(r);
	facts.clients_open = done == count;
	(void)state_advance(r, &facts);
}

/* What clients say about it is more than what is missing. */
static void add_reason(struct run *r, struct text *out)
{
	struct worker_call call = { .verb = WORKER_EVENTS };
	struct error ignored = { 0 };

	if (!state_call(r, &call, LIMITS_QUICK, PATIENCE_CONNECT, &ignored))
		return;
	struct reason said = reason_of(&call.events, REASON_CLIENTS);
	if (said.text)
		text_addf(out, "; clients say, %" PRIu64 " times: %s%s", said.often, said.text,
		          reason_hint(said.text));
}

static void fail_unready(struct run *r, const struct worker_readiness *readiness)
{
	struct text missing = { 0 };
	struct error err = { 0 };

	readiness_describe(readiness, (double)r->phases.limit_ns[PHASE_SETTLE] / 1e9, &missing);
	add_reason(r, &missing);
	error_set(&err, ERROR_TIMEOUT, "%s", text_str(&missing));
	text_fini(&missing);
	state_fail(r, &err);
}

/* Consumers that die are opened again.  A producer is not, and its load would be missing from the
 * first message on; without the driver's own broker there is nothing to wait for. */
static bool agents_are_well(struct run *r, struct arena *arena, struct error *err)
{
	struct worker_call call = { .verb = WORKER_EVENTS, .arena = arena };

	if (!state_call(r, &call, LIMITS_QUICK, PATIENCE_CONNECT, err))
		return false;
	for (size_t i = 0; i < call.events.count; i++) {
		const struct fact_event *e = &call.events.items[i];
		if (e->kind == EVENT_AGENT_LOST && e->role != AGENT_CONSUMER)
			return error_set(err, ERROR_SYSTEM,
			                 "%s agent %u was lost before the load: %s",
			                 agent_role_name(e->role), e->agent, e->text);
	}
	progress_events(r, &call.events);
	return true;
}

/* One probe of every producer, then the state of all subscriptions. */
static bool look(struct run *r, struct worker_readiness *out, struct arena *arena,
                 struct error *err)
{
	struct worker_call probe = { .verb = WORKER_PROBE_PRODUCERS, .arena = arena };
	struct worker_call call = { .verb = WORKER_READINESS, .arena = arena };

	if (!state_call(r, &probe, LIMITS_QUICK, PATIENCE_CONNECT, err) ||
	    !state_call(r, &call, LIMITS_QUICK, PATIENCE_CONNECT, err) ||
	    !agents_are_well(r, arena, err))
		return false;
	*out = call.readiness;
	r->parts_ready = out->ready + out->producers_ready;
	r->idle_consumers = 0;
	for (size_t i = 0; i < out->count; i++) {
		const struct worker_ready *item = &out->items[i];
		if (item->partitions > 0)
			r->idle_consumers += item->members - item->members_assigned;
	}
	return true;
}

/* True: another look is wanted. */
static bool settle_once(struct run *r)
{
	struct worker_readiness readiness = { 0 };
	struct arena arena = { 0 };
	struct error err = { 0 };

	bool ok = look(r, &readiness, &arena, &err);
	if (!ok && r->signals == 0)
		state_fail(r, &err);

	struct phase_facts facts = state_facts(r);
	if (state_advance(r, &facts) && r->phase == PHASE_FAILED && ok)
		fail_unready(r, &readiness);
	arena_fini(&arena);
	return r->phase == PHASE_SETTLE;
}

static uint64_t subscriptions_of(const struct plan *plan)
{
	return plan->consumers > 0 ? (uint64_t)plan->topics * plan->subscriptions : 0;
}

void connect_settle(struct run *r)
{
	uint64_t start = r->entered_ns;

	/* Every subscription and every producer; without one that sends probes there is nothing to
	 * wait for. */
	r->parts = r->plan.producers > 0 ? r->plan.producers + subscriptions_of(&r->plan) : 0;
	while (settle_once(r)) {
		uint64_t now = state_now_ns(r);
		/* Not more than a thousand probes a second: a fleet would load the broker with them. */
		uint64_t soon_ns = PROBE_SOON_NS + r->plan.producers * STATE_MS;
		uint64_t later_ns = soon_ns > PROBE_LATER_NS ? soon_ns : PROBE_LATER_NS;
		state_wait(r, now + (now - start < SOON_NS ? soon_ns : later_ns));
	}
	r->readiness_ns = state_now_ns(r) - start;
}
