/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"
#include "worker/ensemble_state.h"

#define NO_ACCOUNT "there were several workers, and none of them sees all messages"

/* --- what was seen last ------------------------------------------------------------------------- */

/* Without what they point to, which is their reader's. */
static void remember_agents(struct ensemble_seen *seen, const struct fact_totals *t)
{
	if (seen->agents_cap < t->agents_count) {
		seen->agents_cap = t->agents_count;
		seen->agents = xrealloc(seen->agents, seen->agents_cap * sizeof(*seen->agents));
	}
	for (size_t i = 0; i < t->agents_count; i++) {
		seen->agents[i] = t->agents[i];
		seen->agents[i].snapshot = NULL;
		seen->agents[i].late = NULL;
		seen->agents[i].library_thread = NULL;
	}
	seen->agents_count = t->agents_count;
}

static void remember_snapshot(struct ensemble_seen *seen, const struct snapshot *now)
{
	seen->snapshot.taken_ns = now->taken_ns;
	seen->snapshot.cpu_ns = now->cpu_ns;
	seen->snapshot.claims = now->claims;
	memcpy(seen->snapshot.counters, now->counters, sizeof(seen->snapshot.counters));
}

void ensemble_take_totals(struct ensemble_one *m, struct fact_totals *totals)
{
	struct ensemble_seen *seen = &m->seen;

	fact_totals_fini(&m->totals);
	m->totals = *totals;
	*totals = (struct fact_totals){ .without_latencies = totals->without_latencies };
	remember_agents(seen, &m->totals);
	remember_snapshot(seen, &m->totals.snapshot);
	memcpy(seen->edges, m->totals.edges, sizeof(seen->edges));
	seen->host = m->totals.host;
}

void ensemble_forget(struct ensemble_one *m)
{
	struct ensemble_seen *seen = &m->seen;

	fact_totals_fini(&m->totals);
	m->totals = (struct fact_totals){ .agents = NULL };
	snapshot_fini(&seen->snapshot);
	free(seen->agents);
	arena_fini(&seen->events_arena);
	*seen = (struct ensemble_seen){ .agents = NULL };
	m->producers = m->consumers = m->first_producer = 0;
}

/* --- histograms and edges ----------------------------------------------------------------------- */

/* Moves the histograms to where those of a lost member would be looked for. */
static void keep_histograms(struct snapshot *seen, struct snapshot *now)
{
	for (size_t w = 0; w < WINDOW_COUNT; w++)
		for (size_t l = 0; l < LATENCY_COUNT; l++) {
			struct hist_copy older = seen->latencies[w][l];

			seen->latencies[w][l] = now->latencies[w][l];
			now->latencies[w][l] = older;
		}
}

/* One that is lost counts no more: what it had counted last is what it had counted at any later edge. */
static bool counted_at(const struct ensemble_one *m, enum fact_edge_of which, uint64_t *counters)
{
	const struct fact_edge *edge = m->lost ? &m->seen.edges[which] : &m->totals.edges[which];
	const uint64_t *from = edge->counters;

	if (edge->at_ns == 0 && !m->lost)
		return false;
	if (edge->at_ns == 0)
		from = m->seen.snapshot.counters;
	for (int c = 0; c < COUNTER_COUNT; c++)
		counters[c] += from[c];
	return true;
}

static void merge_edge(const struct ensemble *e, enum fact_edge_of which, struct arena *arena,
                       struct fact_totals *out)
{
	const uint64_t announced_ns[FACT_EDGES] = { e->window.start_ns, e->window.end_ns };
	struct fact_edge *to = &out->edges[which];

	*to = (struct fact_edge){ .at_ns = announced_ns[which] };
	for (unsigned i = 0; i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];

		if (counted_at(m, which, to->counters))
			continue;
		if (m->totals.edge_lack != NULL && out->edge_lack == NULL)
			out->edge_lack =
				arena_printf(arena, "%s: %s", m->label, m->totals.edge_lack);
		*to = (struct fact_edge){ .at_ns = 0 };
		return;
	}
	if (to->at_ns == UINT64_MAX) /* nobody has announced one */
		*to = (struct fact_edge){ .at_ns = 0 };
}

/* Each is asked at the same time and looks a little later. */
static void merge_snapshots(struct ensemble *e, struct fact_totals *out)
{
	uint64_t first_ns = UINT64_MAX, sum_ns = 0, answers = 0;

	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		struct snapshot *own = m->lost ? &m->seen.snapshot : &m->totals.snapshot;

		snapshot_add(&out->snapshot, own);
		if (m->lost)
			continue;
		answers++;
		first_ns = own->taken_ns < first_ns ? own->taken_ns : first_ns;
		if (!out->without_latencies)
			keep_histograms(&m->seen.snapshot, own);
	}
	for (unsigned i = 0; i < e->count; i++)
		if (!e->members[i].lost)
			sum_ns += e->members[i].totals.snapshot.taken_ns - first_ns;
	if (answers > 0)
		out->snapshot.taken_ns = first_ns + sum_ns / answers;
}

/* --- agents ------------------------------------------------------------------------------------- */

/* Nobody will close the account of what was under way: it has no answer. */
static void count_unanswered(uint64_t *counters)
{
	uint64_t answered = counters[COUNTER_ACKNOWLEDGED] + counters[COUNTER_FAILED] +
	                    counters[COUNTER_UNACKNOWLEDGED];

	if (counters[COUNTER_SENT] > answered)
		counters[COUNTER_UNACKNOWLEDGED] += counters[COUNTER_SENT] - answered;
}

static struct fact_agent *add_lost_agents(const struct ensemble_one *m, bool is_final,
                                          struct fact_agent *to)
{
	for (size_t i = 0; i < m->seen.agents_count; i++, to++) {
		*to = m->seen.agents[i];
		to->worker = m->index;
		to->is_offering = to->is_resuming = false;
		if (to->ended_ns == 0) {
			to->lost = true;
			to->ended_ns = m->lost_ns;
		}
		if (is_final)
			count_unanswered(to->counters);
	}
	return to;
}

static void merge_agents(struct ensemble *e, bool is_final, struct arena *arena,
                         struct fact_totals *out)
{
	size_t count = 0;

	for (unsigned i = 0; i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];
		count += m->lost ? m->seen.agents_count : m->totals.agents_count;
	}
	struct fact_agent *to = arena_alloc(arena, (count + 1) * sizeof(*to));
	out->agents = to;
	out->agents_count = count;
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		if (m->lost) {
			to = add_lost_agents(m, is_final, to);
			continue;
		}
		for (size_t a = 0; a < m->totals.agents_count; a++, to++) {
			*to = m->totals.agents[a];
			to->worker = m->index;
		}
		m->totals.agents_count = 0; /* what they own is the reader's now */
	}
}

/* --- lists -------------------------------------------------------------------------------------- */

/* A list of struct fact_totals. */
struct list_of {
	size_t items, count, size; /* where the two are; of one item */
};

#define LIST_OF(member)                                                \
	{                                                              \
		offsetof(struct fact_totals, member),                  \
			offsetof(struct fact_totals, member##_count),  \
			sizeof(*((struct fact_totals *)NULL)->member), \
	}

static size_t count_of(const struct fact_totals *t, const struct list_of *l)
{
	size_t count;

	memcpy(&count, (const char *)t + l->count, sizeof(count));
	return count;
}

/* Those of all members one after the other. */
static void concatenate(const struct ensemble *e, const struct list_of *l, struct arena *arena,
                        struct fact_totals *out)
{
	size_t all = 0;

	for (unsigned i = 0; i < e->count; i++)
		all += count_of(&e->members[i].totals, l);
	char *to = arena_alloc(arena, (all + 1) * l->size);
	memcpy((char *)out + l->items, &to, sizeof(to));
	memcpy((char *)out + l->count, &all, sizeof(all));
	for (unsigned i = 0; i < e->count; i++) {
		const struct fact_totals *t = &e->members[i].totals;
		size_t bytes = count_of(t, l) * l->size;
		const char *from;

		memcpy(&from, (const char *)t + l->items, sizeof(from));
		if (bytes > 0)
			memcpy(to, from, bytes);
		to += bytes;
	}
}

static const struct list_of lists[] = {
	LIST_OF(slow_acknowledged), LIST_OF(slow_received), LIST_OF(producers),
	LIST_OF(partitions),        LIST_OF(spoiled),
};

static int compare_partitions(const void *a, const void *b)
{
	const struct fact_partition *x = a, *y = b;
	int by = strcmp(x->topic, y->topic);

	if (by == 0)
		by = strcmp(x->subscription, y->subscription);
	if (by == 0)
		by = x->partition < y->partition ? -1 : x->partition > y->partition;
	return by;
}

static void merge_partitions(struct fact_totals *out)
{
	size_t n = 0;

	if (out->partitions_count > 0)
		qsort(out->partitions, out->partitions_count, sizeof(*out->partitions),
		      compare_partitions);
	for (size_t i = 0; i < out->partitions_count; i++) {
		struct fact_partition *p = &out->partitions[i];

		if (n > 0 && compare_partitions(&out->partitions[n - 1], p) == 0) {
			out->partitions[n - 1].received += p->received;
			continue;
		}
		out->partitions[n++] = *p;
	}
	out->partitions_count = n;
}

/* --- workers ------------------------------------------------------------------------------------ */

void ensemble_fill_facts(const struct ensemble *e, struct fact_worker *out)
{
	for (unsigned i = 0; i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];

		out[i] = (struct fact_worker){
			.name = m->is.name,
			.url = m->is.url,
			.index = i,
			.produces = (m->is.role & SHARE_PRODUCE) != 0,
			.consumes = (m->is.role & SHARE_CONSUME) != 0,
			.is_foreign = m->is.is_foreign,
			.producers = m->producers,
			.consumers = m->consumers,
			.host = m->seen.host,
			.seen_ns = m->seen.snapshot.taken_ns,
			.lost = m->lost,
			.lost_ns = m->lost_ns,
			.why = m->lost ? m->lost_err.text : NULL,
		};
		memcpy(out[i].counters, m->seen.snapshot.counters, sizeof(out[i].counters));
	}
}

static void merge_hosts(const struct ensemble *e, struct fact_totals *out)
{
	const struct ensemble_one *leader = ensemble_leader(e);
	struct host_usage *all = &out->host.usage;

	out->host.environment = (leader != NULL ? leader : &e->members[0])->seen.host.environment;
	for (unsigned i = 0; i < e->count; i++) {
		const struct host_usage *own = &e->members[i].seen.host.usage;

		all->ticks += own->ticks;
		all->idle_ticks += own->idle_ticks;
		all->steal_ticks += own->steal_ticks;
		all->throttled_periods += own->throttled_periods;
		all->throttled_ns += own->throttled_ns;
	}
}

static void copy_workers(const struct ensemble *e, struct arena *arena, struct fact_totals *out)
{
	out->workers = arena_alloc(arena, e->count * sizeof(*out->workers));
	out->workers_count = e->count;
	ensemble_fill_facts(e, out->workers);
	for (unsigned i = 0; i < e->count; i++) {
		struct fact_worker *w = &out->workers[i];
		w->name = arena_strdup(arena, w->name);
		w->url = arena_strdup(arena, w->url);
		w->why = w->why != NULL ? arena_strdup(arena, w->why) : NULL;
	}
}

void ensemble_merge_totals(struct ensemble *e, bool is_final, struct arena *arena,
                           struct fact_totals *out)
{
	*out = (struct fact_totals){ .without_latencies = out->without_latencies };
	for (unsigned i = 0; i < e->count; i++) {
		if (is_final && e->members[i].lost)
			count_unanswered(e->members[i].seen.snapshot.counters);
		out->outstanding += e->members[i].totals.outstanding;
	}
	merge_edge(e, FACT_WINDOW_START, arena, out);
	merge_edge(e, FACT_WINDOW_END, arena, out);
	merge_snapshots(e, out);
	merge_agents(e, is_final, arena, out);
	merge_hosts(e, out);
	copy_workers(e, arena, out);
	if (is_final)
		ensemble_clocks_tell_totals(e, out);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		concatenate(e, &lists[i], arena, out);
	merge_partitions(out);
	out->account.lack = NO_ACCOUNT;
	for (unsigned i = 0; i < e->count; i++) {
		fact_totals_fini(&e->members[i].totals);
		e->members[i].totals = (struct fact_totals){ .agents = NULL };
	}
}
