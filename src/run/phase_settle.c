/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase_settle.h"

#include <inttypes.h>

#include "config/workload.h"
#include "run/await.h"
#include "run/course.h"
#include "run/limits.h"
#include "run/progress.h"
#include "run/reason.h"
#include "run/state.h"
#include "util/text.h"

#define PROBE_SOON_NS  (100 * LIMITS_MS)
#define PROBE_LATER_NS (1 * LIMITS_S)
#define SOON_NS        (2 * LIMITS_S)

/* What clients say about it is more than what is missing. */
static void add_reason(struct run *r, struct text *out)
{
	struct worker_call call = { .verb = WORKER_EVENTS };
	struct error ignored = { 0 };

	if (!await_verb(r, &call, LIMITS_QUICK, PATIENCE_CONNECT, &ignored))
		return;
	struct reason said = reason_of(&call.events, REASON_CLIENTS);
	if (said.text == NULL)
		return;
	text_addf(out, "; clients say, %" PRIu64 " times: %s", said.often, said.text);
	r->settle.has_told_why = true;
}

/* Consumers that die are opened again.  A producer is not, and its load would be missing from the
 * first message on; without the driver's own broker there is nothing to wait for. */
static bool agents_are_well(struct run *r, struct arena *arena, struct error *err)
{
	struct worker_call call = { .verb = WORKER_EVENTS, .arena = arena };

	if (!await_verb(r, &call, LIMITS_QUICK, PATIENCE_CONNECT, err))
		return call.lacking;
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

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A worker that knows only totals: as OMB does, so many probes have to have come back, and in, as there
 * are producers and subscriptions. */
static bool read_totals(struct run *r, struct worker_readiness *out, struct arena *arena,
                        struct error *err)
{
	struct worker_call call = { .verb = WORKER_COUNTERS_STATS, .arena = arena };
	uint64_t subscriptions = r->settle.wanted - r->plan->producers;

	if (!await_verb(r, &call, LIMITS_QUICK, PATIENCE_CONNECT, err))
		return false;
	*out = (struct worker_readiness){
		.count = subscriptions,
		.ready = least(call.counters.received, subscriptions),
		.producers = r->plan->producers,
		.producers_ready = least(call.counters.sent, r->plan->producers),
	};
	return true;
}

static bool read_readiness(struct run *r, struct worker_readiness *out, struct arena *arena,
                           struct error *err)
{
	struct worker_call call = { .verb = WORKER_READINESS, .arena = arena };

	if (await_verb(r, &call, LIMITS_QUICK, PATIENCE_CONNECT, err)) {
		*out = call.readiness;
		return true;
	}
	return call.lacking && read_totals(r, out, arena, err);
}

/* One probe of every producer, then the state of all subscriptions. */
static bool ask(struct run *r, struct arena *arena, struct error *err)
{
	struct worker_call probe = { .verb = WORKER_PROBE_PRODUCERS, .arena = arena };
	struct worker_readiness readiness;

	if (!await_verb(r, &probe, LIMITS_QUICK, PATIENCE_CONNECT, err) ||
	    !read_readiness(r, &readiness, arena, err) || !agents_are_well(r, arena, err))
		return false;
	r->settle.ready = readiness.ready + readiness.producers_ready;
	r->settle.idle_consumers = 0;
	for (size_t i = 0; readiness.items != NULL && i < readiness.count; i++) {
		const struct worker_ready *item = &readiness.items[i];
		if (item->partitions > 0)
			r->settle.idle_consumers += item->members - item->members_assigned;
	}
	text_fini(&r->settle.missing);
	readiness_describe(&readiness, (double)r->course.row->limit_ns(r) / 1e9,
	                   &r->settle.missing);
	return true;
}

void settle_look(struct run *r)
{
	struct arena arena = { 0 };
	struct error err = { 0 };

	if (!ask(r, &arena, &err) && r->await.signals == 0)
		course_fail(r, &err);
	arena_fini(&arena);

	/* Not more than a thousand probes a second: a fleet would load the broker with them. */
	uint64_t now = state_now_ns(r);
	uint64_t soon_ns = PROBE_SOON_NS + r->plan->producers * LIMITS_MS;
	uint64_t later_ns = soon_ns > PROBE_LATER_NS ? soon_ns : PROBE_LATER_NS;
	r->settle.look_ns = now + (now - r->course.entered_ns < SOON_NS ? soon_ns : later_ns);
}

void settle_enter(struct run *r)
{
	const struct plan *plan = r->plan;
	uint64_t subscriptions = plan->consumers ? (uint64_t)plan->topics * plan->subscriptions : 0;

	/* Without a producer, which sends probes, there is nothing to wait for. */
	r->settle.wanted = plan->producers ? plan->producers + subscriptions : 0;
	settle_look(r);
}

uint64_t settle_wake_ns(const struct run *r)
{
	return r->settle.look_ns;
}

bool settle_is_reached(const struct run *r)
{
	return r->settle.ready >= r->settle.wanted;
}

void settle_expire(struct run *r)
{
	struct error err = { 0 };

	add_reason(r, &r->settle.missing);
	error_set(&err, ERROR_TIMEOUT, "%s", text_str(&r->settle.missing));
	course_fail(r, &err);
}

void settle_leave(struct run *r)
{
	r->settle.took_ns = state_now_ns(r) - r->course.entered_ns;
	text_fini(&r->settle.missing);
}

uint64_t settle_limit_ns(const struct run *r)
{
	return r->options->workload->readiness_timeout_ns;
}
