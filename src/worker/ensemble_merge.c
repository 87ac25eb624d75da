/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"
#include "worker/ensemble_state.h"

static void drop_totals(struct fact_totals *t)
{
	fact_totals_fini(t);
	*t = (struct fact_totals){ .agents = NULL }; /* what it lists goes with its arena */
}

void ensemble_drop_answer(struct worker_call *call)
{
	if (call->verb == WORKER_SNAPSHOT)
		drop_totals(&call->totals);
	else if (call->verb == WORKER_FINISH)
		drop_totals(&call->finish.totals);
	else if (call->verb == WORKER_PERIOD_STATS || call->verb == WORKER_CUMULATIVE_LATENCIES)
		snapshot_fini(&call->period.interval);
}

/* The answer of one of the parts; NULL = it has none. */
static struct worker_call *answer_of(struct ensemble *e, unsigned i)
{
	return e->members[i].part == PART_ANSWERED ? &e->members[i].main.call : NULL;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static bool merge_drivers(struct ensemble *e, struct worker_initialize *out, struct error *err)
{
	out->standstill_ms = out->redelivery_ms = 0;
	out->broker_is_local = out->broker_is_own = false;
	for (unsigned i = 0; i < e->count; i++) {
		const struct worker_call *c = answer_of(e, i);
		if (c == NULL)
			continue;
		if (&e->members[i] == ensemble_leader(e))
			out->rows = c->initialize.rows;
		out->standstill_ms = larger(out->standstill_ms, c->initialize.standstill_ms);
		out->redelivery_ms = larger(out->redelivery_ms, c->initialize.redelivery_ms);
		out->broker_is_local |= c->initialize.broker_is_local;
		out->broker_is_own |= c->initialize.broker_is_own;
	}
	if (out->broker_is_own && e->count > 1)
		return error_set(err, ERROR_CONFIG,
		                 "each of %u workers would start a broker of its own: start one "
		                 "(`omb broker`) and name its address in the driver file",
		                 e->count);
	return true;
}

static void merge_producers(struct ensemble *e, struct worker_create_producers *out)
{
	out->lead_ns = 0;
	for (unsigned i = 0; i < e->count; i++) {
		const struct worker_call *c = answer_of(e, i);
		if (c != NULL && c->create_producers.lead_ns > out->lead_ns)
			out->lead_ns = c->create_producers.lead_ns;
	}
}

/* --- readiness ---------------------------------------------------------------------------------- */

static int compare_ready(const void *a, const void *b)
{
	const struct worker_ready *x = a, *y = b;
	int by = strcmp(x->topic, y->topic);

	return by != 0 ? by : strcmp(x->subscription, y->subscription);
}

/* What several workers know of the same subscription. */
static void join_ready(struct worker_ready *to, const struct worker_ready *from)
{
	to->assigned += from->assigned;
	to->partitions = larger(to->partitions, from->partitions);
	to->members += from->members;
	to->members_assigned += from->members_assigned;
	to->probe_seen |= from->probe_seen;
}

static void merge_subscriptions(struct ensemble *e, struct arena *arena,
                                struct worker_readiness *out)
{
	size_t all = 0, n = 0;

	for (unsigned i = 0; i < e->count; i++)
		all += answer_of(e, i) != NULL ? answer_of(e, i)->readiness.count : 0;
	struct worker_ready *items = arena_alloc(arena, (all + 1) * sizeof(*items));
	for (unsigned i = 0; i < e->count; i++) {
		const struct worker_call *c = answer_of(e, i);
		for (size_t k = 0; c != NULL && k < c->readiness.count; k++)
			items[n++] = c->readiness.items[k];
	}
	if (n > 0)
		qsort(items, n, sizeof(*items), compare_ready);
	out->items = items;
	for (size_t k = 0; k < n; k++) {
		if (out->count > 0 && compare_ready(&items[out->count - 1], &items[k]) == 0)
			join_ready(&items[out->count - 1], &items[k]);
		else
			items[out->count++] = items[k];
	}
	for (size_t k = 0; k < out->count; k++)
		out->ready += readiness_of(&items[k]);
}

static void merge_readiness(struct ensemble *e, struct arena *arena, struct worker_readiness *out)
{
	*out = (struct worker_readiness){
		.silent = arena_alloc(arena, READINESS_SILENT_MAX * sizeof(*out->silent)),
	};
	merge_subscriptions(e, arena, out);
	for (unsigned i = 0; i < e->count; i++) {
		const struct worker_call *c = answer_of(e, i);
		if (c == NULL)
			continue;
		out->producers += c->readiness.producers;
		out->producers_ready += c->readiness.producers_ready;
		for (size_t k = 0;
		     k < c->readiness.silent_count && out->silent_count < READINESS_SILENT_MAX; k++)
			out->silent[out->silent_count++] = c->readiness.silent[k];
	}
}

/* --- counters ----------------------------------------------------------------------------------- */

static void add_counters(struct worker_counters *to, const struct worker_counters *from)
{
	to->sent += from->sent;
	to->received += from->received;
	to->send_errors += from->send_errors;
}

static void merge_counters(struct ensemble *e, struct worker_counters *out)
{
	*out = (struct worker_counters){ 0 };
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		if (m->part == PART_ANSWERED)
			m->seen.counters = m->main.call.counters;
		add_counters(out, &m->seen.counters);
	}
}

static void merge_periods(struct ensemble *e, struct worker_period *out)
{
	*out = (struct worker_period){ .totals = { 0 } };
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		if (m->part == PART_ANSWERED) {
			m->seen.counters = m->main.call.period.totals;
			snapshot_add(&out->interval, &m->main.call.period.interval);
			ensemble_drop_answer(&m->main.call);
		}
		add_counters(&out->totals, &m->seen.counters);
	}
}

/* --- events ------------------------------------------------------------------------------------- */

/* A copy, for the day when it is lost. */
static void remember_events(struct ensemble_one *m, const struct fact_events *events)
{
	struct ensemble_seen *seen = &m->seen;
	struct arena *a = &seen->events_arena;

	arena_fini(a);
	seen->events.count = events->count;
	seen->events.items = arena_alloc(a, (events->count + 1) * sizeof(*seen->events.items));
	for (size_t i = 0; i < events->count; i++) {
		struct fact_event *e = &seen->events.items[i];
		*e = events->items[i];
		e->name = e->name != NULL ? arena_strdup(a, e->name) : NULL;
		e->text = e->text != NULL ? arena_strdup(a, e->text) : NULL;
	}
}

struct placed_event {
	struct fact_event event;
	size_t place;
};

static int compare_events(const void *a, const void *b)
{
	const struct placed_event *x = a, *y = b;

	if (x->event.at_ns != y->event.at_ns)
		return x->event.at_ns < y->event.at_ns ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Agents have numbers of their own on each worker: the words say where one is. */
static struct fact_event placed(const struct ensemble_one *m, const struct fact_event *from,
                                struct arena *arena)
{
	struct fact_event e = *from;

	e.worker = m->index;
	if (e.name != NULL)
		e.name = arena_strdup(arena, e.name);
	if (e.text != NULL && fact_event_is_of_agent(e.kind))
		e.text = arena_printf(arena, "%s (%s)", e.text, m->label);
	else if (e.text != NULL)
		e.text = arena_strdup(arena, e.text);
	return e;
}

static void merge_events(struct ensemble *e, struct arena *arena, struct fact_events *out)
{
	size_t all = 0, n = 0;

	for (unsigned i = 0; i < e->count; i++) {
		if (e->members[i].part == PART_ANSWERED)
			remember_events(&e->members[i], &e->members[i].main.call.events);
		all += e->members[i].seen.events.count + 1;
	}
	struct placed_event *items = xcalloc(all, sizeof(*items));
	for (unsigned i = 0; i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];
		for (size_t k = 0; k < m->seen.events.count; k++, n++)
			items[n].event = placed(m, &m->seen.events.items[k], arena);
		if (m->lost)
			items[n++].event = (struct fact_event){
				.kind = EVENT_WORKER_LOST,
				.role = AGENT_NONE,
				.worker = i,
				.at_ns = m->lost_ns,
				.text = arena_strdup(arena, m->why),
			};
	}
	for (size_t k = 0; k < n; k++)
		items[k].place = k;
	qsort(items, n, sizeof(*items), compare_events);
	out->items = arena_alloc(arena, (n + 1) * sizeof(*out->items));
	out->count = n;
	for (size_t k = 0; k < n; k++)
		out->items[k] = items[k].event;
	free(items);
}

/* --- the leader's ------------------------------------------------------------------------------- */

static void take_leaders(struct ensemble *e, struct worker_call *call)
{
	for (unsigned i = 0; i < e->count; i++) {
		const struct worker_call *c = answer_of(e, i);
		if (c != NULL && call->verb == WORKER_CREATE_TOPICS)
			call->create_topics = c->create_topics;
		else if (c != NULL && call->verb == WORKER_TOPIC_ENDS)
			call->topic_ends = c->topic_ends;
	}
}

bool ensemble_merge(struct ensemble *e, struct worker_call *call, struct error *err)
{
	switch ((int)call->verb) {
	case WORKER_INITIALIZE_DRIVER:
		return merge_drivers(e, &call->initialize, err);
	case WORKER_CREATE_TOPICS:
	case WORKER_TOPIC_ENDS:
		take_leaders(e, call);
		break;
	case WORKER_CREATE_PRODUCERS:
		merge_producers(e, &call->create_producers);
		break;
	case WORKER_READINESS:
		merge_readiness(e, call->arena, &call->readiness);
		break;
	case WORKER_SNAPSHOT:
		ensemble_merge_totals(e, false, call->arena, &call->totals);
		break;
	case WORKER_FINISH:
		ensemble_merge_totals(e, true, call->arena, &call->finish.totals);
		break;
	case WORKER_COUNTERS_STATS:
		merge_counters(e, &call->counters);
		break;
	case WORKER_PERIOD_STATS:
	case WORKER_CUMULATIVE_LATENCIES:
		merge_periods(e, &call->period);
		break;
	case WORKER_EVENTS:
		merge_events(e, call->arena, &call->events);
		break;
	default:
		break;
	}
	return true;
}
