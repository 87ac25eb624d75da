/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_slow.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/xalloc.h"
#include "worker/local_state.h"

/* All that the loops of a role kept. */
struct found {
	struct fact_slow *items;
	size_t count;
};

static struct fact_slow row_of(const struct agent *a, const struct slow_taken *t)
{
	const struct slow_message *m = &t->message;
	struct fact_slow row = {
		.producer = m->producer,
		.sequence = m->sequence,
		.due_ns = m->due_ns,
		.sent_ns = m->sent_ns,
		.is_measured = t->window == WINDOW_MEASURED,
		.partition = m->partition,
		.producer_agent = -1,
		.consumer_agent = -1,
		.consumer_generation = -1,
	};

	if (a->spec.role == AGENT_PRODUCER) {
		row.acknowledged_ns = m->done_ns;
		row.producer_agent = (int)a->spec.index;
		return row;
	}
	row.received_ns = m->done_ns;
	row.consumer_agent = (int)a->spec.index;
	row.consumer_generation = (int)a->spec.generation;
	snprintf(row.subscription, sizeof(row.subscription), "%s",
	         a->spec.clients[m->client].subscription);
	return row;
}

static void take_agent(const struct agent *a, struct found *to)
{
	struct slow_taken *taken = xcalloc(a->spec.loops * SLOW_TAKEN_MAX, sizeof(*taken));
	size_t count = agent_shm_take_slow(a->shm, taken);

	to->items = xrealloc(to->items, (to->count + count + 1) * sizeof(*to->items));
	for (size_t i = 0; i < count; i++)
		to->items[to->count++] = row_of(a, &taken[i]);
	free(taken);
}

static void take_all(struct local *l, struct found found[FACT_SLOW_KINDS])
{
	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		if (a->spec.role == AGENT_PRODUCER)
			take_agent(a, &found[FACT_SLOW_ACKNOWLEDGED]);
		else if (a->spec.role == AGENT_CONSUMER)
			take_agent(a, &found[FACT_SLOW_RECEIVED]);
	}
}

/* The slowest of each window, which learn what the others of the same message know. */
static const struct fact_slow *choose(const struct found *from, enum fact_slow_by by,
                                      const struct found *others, struct arena *arena,
                                      size_t *count)
{
	struct fact_slow_list *lists = arena_alloc(arena, WINDOW_COUNT * sizeof(*lists));
	struct fact_slow *out =
		arena_alloc(arena, (size_t)WINDOW_COUNT * FACT_SLOW_MAX * sizeof(*out));

	for (size_t i = 0; i < from->count; i++) {
		const struct fact_slow *m = &from->items[i];
		fact_slow_add(&lists[m->is_measured ? WINDOW_MEASURED : WINDOW_OUTSIDE], by, m);
	}
	*count = 0;
	for (int w = 0; w < WINDOW_COUNT; w++)
		for (size_t i = 0; i < lists[w].count; i++) {
			struct fact_slow *m = &out[(*count)++];
			*m = lists[w].items[i];
			for (size_t k = 0; k < others->count; k++)
				fact_slow_learn(m, by, &others->items[k]);
		}
	return out;
}

void local_slow(struct local *l, struct arena *arena, struct fact_totals *out)
{
	struct found found[FACT_SLOW_KINDS] = { 0 };
	const struct found *acknowledged = &found[FACT_SLOW_ACKNOWLEDGED];
	const struct found *received = &found[FACT_SLOW_RECEIVED];

	take_all(l, found);
	out->slow_acknowledged = choose(acknowledged, FACT_SLOW_ACKNOWLEDGED, received, arena,
	                                &out->slow_acknowledged_count);
	out->slow_received = choose(received, FACT_SLOW_RECEIVED, acknowledged, arena,
	                            &out->slow_received_count);
	free(found[FACT_SLOW_ACKNOWLEDGED].items);
	free(found[FACT_SLOW_RECEIVED].items);
}
