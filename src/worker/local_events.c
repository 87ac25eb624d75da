/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_events.h"

#include <inttypes.h>
#include <stdlib.h>

#include "stats/percentile.h"
#include "worker/local_outage.h"
#include "worker/local_state.h"
#include "worker/local_unheard.h"

/* The longest silence of a client. */
static bool find_silence(struct local *l, const struct agent *a, uint32_t client,
                         struct silence_found *out)
{
	struct silence_found open;
	bool any = silence_read(&agent_shm_client(a->shm, client)->silence, out);

	if (!local_unheard(l, a, client, &open))
		return any;
	if (!any || open.until_ns - open.from_ns > out->until_ns - out->from_ns)
		*out = open;
	return true;
}

static void take_agent(struct local *l, const struct agent *a, struct outage *o)
{
	struct silence_found found;

	for (uint32_t i = 0; i < a->spec.clients_count; i++) {
		if (!find_silence(l, a, i, &found))
			continue;
		const struct outage whose = {
			.topic = a->spec.clients[i].topic,
			.agent = a->spec.index,
			.generation = a->spec.generation,
		};
		outage_take(o, &found, &whose);
	}
}

static void count_agent(struct local *l, const struct agent *a, struct outage *o)
{
	struct silence_found found;

	for (uint32_t i = 0; i < a->spec.clients_count; i++)
		if (find_silence(l, a, i, &found))
			outage_count(o, &found);
}

/* What a tenth of the messages took at the most, whenever they were due. */
static uint64_t ordinary_ns(struct local *l, enum agent_role role)
{
	enum latency which = role == AGENT_PRODUCER ? LATENCY_PUBLISH : LATENCY_E2E;
	struct snapshot all = { 0 };

	local_snapshot(l, true, &all);
	struct hist_copy *h = &all.latencies[WINDOW_MEASURED][which];
	hist_copy_add(h, &all.latencies[WINDOW_OUTSIDE][which]);
	uint64_t ns = percentile_value(h, OUTAGE_TENTH);
	snapshot_fini(&all);
	return ns;
}

static const char *place_of(const struct outage *o, enum agent_role role, struct arena *arena)
{
	const char *topic = o->topic;

	if (o->longest.partition >= 0)
		topic = arena_printf(arena, "partition %d of %s", o->longest.partition, topic);
	if (o->clients < 2)
		return arena_strdup(arena, topic);
	return arena_printf(arena, "%s, %" PRIu64 " %ss", topic, o->clients, agent_role_name(role));
}

/* The longest outage that the clients of a role saw, if it is to be told: 1, or 0. */
static size_t add_outage(struct local *l, enum agent_role role, struct arena *arena,
                         struct fact_event *to)
{
	struct outage o = { 0 };

	for (size_t i = 0; i < l->supervisor.count; i++)
		if (l->supervisor.agents[i]->spec.role == role)
			take_agent(l, l->supervisor.agents[i], &o);
	/* One that may still end is not told.  Only where there is one: histograms cost milliseconds. */
	if (o.topic == NULL || (o.longest.is_open && !l->debts.settled) ||
	    !outage_is_told(&o, ordinary_ns(l, role)))
		return 0;
	for (size_t i = 0; i < l->supervisor.count; i++)
		if (l->supervisor.agents[i]->spec.role == role)
			count_agent(l, l->supervisor.agents[i], &o);
	*to = (struct fact_event){
		.kind = EVENT_OUTAGE,
		.role = role,
		.agent = o.agent,
		.generation = o.generation,
		.at_ns = o.longest.from_ns,
		.gap_ns = o.longest.until_ns - o.longest.from_ns,
		.is_open = o.longest.is_open,
		.count = o.clients,
		.text = place_of(&o, role, arena),
	};
	return 1;
}

static int by_time(const void *a, const void *b)
{
	const struct fact_event *x = a, *y = b;

	return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

void local_events(struct local *l, struct arena *arena, struct fact_events *out)
{
	local_watch_resumes(l);
	/* Two more: an outage for either role. */
	out->items =
		arena_alloc(arena, (l->events_count + local_notes_max() + 2) * sizeof(*out->items));
	out->count = l->events_count;
	for (size_t i = 0; i < l->events_count; i++)
		out->items[i] = l->events[i];
	out->count += local_notes(l, AGENT_PRODUCER, arena, out->items + out->count);
	out->count += local_notes(l, AGENT_CONSUMER, arena, out->items + out->count);
	out->count += add_outage(l, AGENT_PRODUCER, arena, out->items + out->count);
	out->count += add_outage(l, AGENT_CONSUMER, arena, out->items + out->count);
	qsort(out->items, out->count, sizeof(*out->items), by_time);
}
