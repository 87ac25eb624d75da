/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_spoiled.h"

#include <stdlib.h>
#include <string.h>

#include "worker/local_state.h"

static size_t count_named(const struct local *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		for (uint32_t k = 0; a->spec.role == AGENT_CONSUMER && k < a->spec.loops; k++)
			count += spoiled_named(&a->shm->loop[k].spoiled);
	}
	return count;
}

static struct fact_range range_of(const struct agent *a, const struct spoiled_message *m)
{
	const struct client_spec *client = &a->spec.clients[m->client];

	return (struct fact_range){
		.producer = m->producer,
		.topic = client->topic,
		.subscription = client->subscription,
		.partition = (int32_t)m->partition,
		.first = m->sequence,
		.last = m->sequence,
		.first_due_ns = m->due_ns,
		.last_due_ns = m->due_ns,
	};
}

/* At most `most`: consumers that live go on meanwhile. */
static size_t take_all(const struct local *l, struct fact_range *to, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < l->supervisor.count; i++) {
		const struct agent *a = l->supervisor.agents[i];
		for (uint32_t k = 0; a->spec.role == AGENT_CONSUMER && k < a->spec.loops; k++) {
			const struct shm_spoiled *s = &a->shm->loop[k].spoiled;
			uint64_t named = spoiled_named(s);
			for (uint64_t n = 0; n < named && count < most; n++)
				to[count++] = range_of(a, &s->messages[n]);
		}
	}
	return count;
}

/* But for its number: whose it is, and where it came. */
static int compare_places(const struct fact_range *a, const struct fact_range *b)
{
	if (a->producer != b->producer)
		return a->producer < b->producer ? -1 : 1;
	int order = strcmp(a->topic, b->topic);
	return order != 0 ? order : strcmp(a->subscription, b->subscription);
}

static int by_message(const void *a, const void *b)
{
	const struct fact_range *x = a, *y = b;
	int order = compare_places(x, y);

	if (order != 0 || x->first == y->first)
		return order;
	return x->first < y->first ? -1 : 1;
}

/* False: it is a range of its own. */
static bool joins(struct fact_range *range, const struct fact_range *next)
{
	if (compare_places(range, next) != 0)
		return false;
	if (next->first == range->last)
		return true;
	if (next->first != range->last + 1 || next->partition != range->partition)
		return false;
	range->last = next->last;
	range->last_due_ns = next->last_due_ns;
	return true;
}

void local_spoiled_tell(const struct local *l, struct arena *arena, struct fact_totals *out)
{
	size_t most = count_named(l), ranges = 0;

	out->spoiled = NULL;
	out->spoiled_count = 0;
	out->verified = l->verify.size > 0;
	if (most == 0)
		return;
	struct fact_range *all = arena_alloc(arena, most * sizeof(*all));
	size_t count = take_all(l, all, most);
	qsort(all, count, sizeof(*all), by_message);
	for (size_t i = 0; i < count; i++)
		if (ranges == 0 || !joins(&all[ranges - 1], &all[i]))
			all[ranges++] = all[i];
	out->spoiled = all;
	out->spoiled_count = ranges;
}
