/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_state.h"

#include <stdlib.h>

#include "agent/threads.h"
#include "stats/counter.h"
#include "util/clock.h"
#include "util/xalloc.h"
#include "worker/local_account.h"
#include "worker/local_debts.h"
#include "worker/local_edges.h"
#include "worker/local_slow.h"
#include "worker/local_spoiled.h"

/* Counts of partitions are left out of the result beyond this many (8 bytes each here). */
#define PARTITION_TOTALS_MAX ((size_t)4 * 1024 * 1024)

/* What a dead agent had under way: nobody can say any more what became of it. */
static uint64_t never_told(const struct shm_client *c)
{
	return counter_read(&c->sent) - counter_read(&c->acknowledged) - counter_read(&c->failed) -
	       counter_read(&c->unacknowledged);
}

static void add_charged(const struct snapshot *charged, bool with_latencies, struct snapshot *to)
{
	if (with_latencies)
		snapshot_add(to, charged);
	for (int c = 0; c < COUNTER_COUNT && !with_latencies; c++)
		to->counters[c] += charged->counters[c];
}

/* What an agent counted, and what it could not any more. */
static void count_agent(struct local *l, struct agent *a, bool with_latencies, struct snapshot *to)
{
	agent_shm_snapshot(a->shm, with_latencies, to);
	if (!agent_is_gone(a) || a->spec.role != AGENT_PRODUCER)
		return;
	const struct local_slot *slot = &l->producers.items[a->spec.index];
	if (slot->accounts != NULL) {
		add_charged(&slot->charged, with_latencies, to);
		return;
	}
	for (uint32_t i = 0; i < a->spec.clients_count; i++)
		to->counters[COUNTER_UNACKNOWLEDGED] += never_told(agent_shm_client(a->shm, i));
}

void local_snapshot(struct local *l, bool with_latencies, struct snapshot *out)
{
	uint64_t began_ns = clock_ns();

	for (size_t i = 0; i < l->supervisor.count; i++) {
		struct agent *a = l->supervisor.agents[i];
		if (!agent_role_makes_load(a->spec.role))
			continue;
		count_agent(l, a, with_latencies, out);
		out->cpu_ns += agent_cpu_ns(a);
	}
	if (with_latencies)
		snapshot_add(out, &l->debts.missing);
	/* Of many agents the first is read milliseconds before the last. */
	out->taken_ns = began_ns + (clock_ns() - began_ns) / 2;
}

static size_t count_load_agents(const struct local *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->supervisor.count; i++)
		count += agent_role_makes_load(l->supervisor.agents[i]->spec.role);
	return count;
}

/* What its loops' threads did in the window. */
static void read_loops(const struct agent *a, struct arena *arena, struct fact_agent *to)
{
	struct shm_cpu cpu;

	for (uint32_t i = 0; i < a->spec.loops; i++) {
		if (!agent_shm_window_cpu(a->shm, i, &cpu))
			continue;
		double share = (double)cpu.work_ns / (double)cpu.span_ns;
		to->loops_known++;
		to->all_loops += share;
		to->busiest_loop = share > to->busiest_loop ? share : to->busiest_loop;
	}
	to->late = arena_alloc(arena, sizeof(*to->late));
	agent_shm_late(a->shm, to->late);
}

static void read_library(const struct agent *a, struct arena *arena, struct fact_agent *to)
{
	struct library_thread busiest;

	agent_library_threads(a, &busiest);
	to->library_threads = busiest.threads;
	to->library_cpu_ns = busiest.cpu_ns;
	to->library_thread = busiest.threads > 0 ? arena_strdup(arena, busiest.name) : NULL;
}

/* What can only be looked at as long as it lives was listed before. */
static void keep_last_look(const struct fact_agent *before, size_t count, struct fact_agent *a)
{
	for (size_t i = 0; i < count; i++) {
		if (before[i].pid != a->pid)
			continue;
		a->pss_bytes = before[i].pss_bytes;
		a->library_threads = before[i].library_threads;
		a->library_cpu_ns = before[i].library_cpu_ns;
		a->library_thread = before[i].library_thread;
	}
}

void local_agents_list(struct local *l, struct arena *arena, bool closely, struct fact_totals *out)
{
	local_edges(l, arena, out);
	out->host.environment = l->environment;
	host_usage_read(&out->host.usage);
	out->agents = arena_alloc(arena, count_load_agents(l) * sizeof(*out->agents));
	out->agents_count = 0;
	for (size_t i = 0; i < l->supervisor.count; i++) {
		struct agent *a = l->supervisor.agents[i];
		if (!agent_role_makes_load(a->spec.role))
			continue;
		struct snapshot counted = { 0 };
		bool is_offering = agent_shm_is_offering(a->shm);
		count_agent(l, a, false, &counted);
		struct fact_agent *to = &out->agents[out->agents_count++];
		*to = (struct fact_agent){
			.role = a->spec.role,
			.index = a->spec.index,
			.generation = a->spec.generation,
			.pid = (int)a->pid,
			.clients = a->spec.clients_count,
			.loops = a->spec.loops,
			.lost = agent_is_lost(a),
			.slow = agent_is_slow(a),
			.hung = agent_is_lost(a) && a->killed_for == AGENT_HUNG,
			.stalled = a->stalled,
			.ended_ns = a->ended_ns,
			.is_resuming = local_is_resuming(l, a),
			.is_offering = is_offering,
			.silence_ns = agent_shm_silence_ns(a->shm),
			.cpu_ns = agent_cpu_ns(a),
			.max_rss_bytes = a->max_rss_bytes,
			.pss_bytes = closely ? agent_pss_bytes(a) : 0,
		};
		if (closely)
			read_library(a, arena, to);
		for (int c = 0; c < COUNTER_COUNT; c++)
			to->counters[c] = counted.counters[c];
		to->claims = counted.claims;
	}
}

/* Once the books are closed. */
static void list_producers(struct local *l, struct arena *arena, struct fact_totals *out)
{
	size_t count = 0;

	for (uint32_t s = 0; s < l->producers.count; s++)
		count += l->producers.items[s].clients_count;
	out->producers = arena_alloc(arena, count * sizeof(*out->producers));
	out->producers_count = 0;
	for (uint32_t s = 0; s < l->producers.count; s++) {
		const struct local_slot *slot = &l->producers.items[s];
		for (uint32_t i = 0; slot->accounts != NULL && i < slot->clients_count; i++) {
			const struct debt_account *account = &slot->accounts[i];
			out->producers[out->producers_count++] = (struct fact_producer){
				.topic = slot->clients[i].topic,
				.producer = slot->clients[i].id,
				.sent = account->sent,
				.acknowledged = account->acknowledged,
				.failed = account->failed,
				.unacknowledged = account->unacknowledged,
				.unsent = account->unsent,
				.account = fact_counts_unknown,
			};
		}
	}
}

/* Consumers of one subscription, and those that replaced them, add up. */
static void sum_partitions(struct local *l, uint64_t *sums)
{
	for (size_t i = 0; i < l->supervisor.count; i++) {
		struct agent *a = l->supervisor.agents[i];
		if (a->spec.role != AGENT_CONSUMER)
			continue;
		for (uint32_t c = 0; c < a->spec.clients_count; c++) {
			uint32_t subscription = l->subscription_of[a->spec.clients[c].id];
			const _Atomic uint64_t *counts = agent_shm_partitions(a->shm, c);
			for (uint32_t p = 0; p < l->partitions; p++)
				sums[(size_t)subscription * l->partitions + p] +=
					counter_read(&counts[p]);
		}
	}
}

static void list_partitions(struct local *l, struct arena *arena, struct fact_totals *out)
{
	size_t count = l->subscriptions_count * l->partitions;

	out->partitions_count = 0;
	if (count == 0 || count > PARTITION_TOTALS_MAX)
		return;
	/* What was lost of a topic without partitions is in none of them. */
	if ((l->driver->flags & DRIVER_PARTITIONS) == 0)
		return;
	uint64_t *sums = xcalloc(count, sizeof(*sums));
	sum_partitions(l, sums);
	out->partitions = arena_alloc(arena, count * sizeof(*out->partitions));
	for (size_t i = 0; i < count; i++) {
		const struct worker_subscription *s = &l->subscriptions[i / l->partitions];
		uint32_t partition = (uint32_t)(i % l->partitions);
		struct book_counts account =
			local_account_partition(l, i / l->partitions, partition);
		bool has_lost = account.lost != FACT_UNKNOWN && account.lost > 0;
		if (sums[i] == 0 && !has_lost)
			continue;
		out->partitions[out->partitions_count++] = (struct fact_partition){
			.topic = s->topic,
			.subscription = s->subscription,
			.partition = partition,
			.received = sums[i],
			.account = account,
		};
	}
	free(sums);
}

void local_final_totals(struct local *l, struct arena *arena, struct fact_totals *out)
{
	struct fact_agent *before = out->agents; /* listed as long as they lived */
	size_t before_count = out->agents_count;

	local_debts_settle(l);
	local_snapshot(l, true, &out->snapshot);
	local_agents_list(l, arena, false, out);
	for (size_t i = 0; i < out->agents_count; i++)
		keep_last_look(before, before_count, &out->agents[i]);

	struct snapshot *snapshots = arena_alloc(arena, out->agents_count * sizeof(*snapshots));
	size_t n = 0;
	for (size_t i = 0; i < l->supervisor.count; i++) {
		struct agent *a = l->supervisor.agents[i];
		if (!agent_role_makes_load(a->spec.role))
			continue;
		count_agent(l, a, true, &snapshots[n]);
		snapshots[n].cpu_ns = agent_cpu_ns(a);
		snapshots[n].taken_ns = out->snapshot.taken_ns;
		out->agents[n].snapshot = &snapshots[n];
		read_loops(a, arena, &out->agents[n]);
		n++;
	}
	local_slow(l, arena, out);
	list_producers(l, arena, out);
	list_partitions(l, arena, out);
	local_account_tell(l, arena, out);
	local_spoiled_tell(l, arena, out);
}

static void read_subscriptions(struct local *l, struct arena *arena, struct worker_readiness *out)
{
	bool counts_partitions = (l->driver->flags & DRIVER_PARTITIONS) != 0;

	out->items = arena_alloc(arena, l->subscriptions_count * sizeof(*out->items));
	out->count = l->subscriptions_count;
	for (size_t i = 0; i < l->subscriptions_count; i++)
		out->items[i] = (struct worker_ready){
			.topic = l->subscriptions[i].topic,
			.subscription = l->subscriptions[i].subscription,
			.partitions = counts_partitions ? l->partitions : 0,
		};
	for (uint32_t s = 0; s < l->consumers.count; s++) {
		const struct local_slot *slot = &l->consumers.items[s];
		for (uint32_t i = 0; slot->agent != NULL && i < slot->clients_count; i++) {
			const struct shm_client *c = agent_shm_client(slot->agent->shm, i);
			struct worker_ready *r =
				&out->items[l->subscription_of[slot->clients[i].id]];
			uint32_t assigned = (uint32_t)counter_read(&c->assigned);
			if (counts_partitions)
				r->assigned += assigned;
			r->members++;
			r->members_assigned += assigned > 0;
			r->probe_seen |= counter_read(&c->probes_received) > 0;
		}
	}
	for (size_t i = 0; i < out->count; i++)
		out->ready += readiness_of(&out->items[i]);
}

static void read_producers(struct local *l, struct arena *arena, struct worker_readiness *out)
{
	out->silent = arena_alloc(arena, READINESS_SILENT_MAX * sizeof(*out->silent));
	for (uint32_t s = 0; s < l->producers.count; s++) {
		const struct local_slot *slot = &l->producers.items[s];
		for (uint32_t i = 0; slot->agent != NULL && i < slot->clients_count; i++) {
			const struct shm_client *c = agent_shm_client(slot->agent->shm, i);
			bool is_ready = counter_read(&c->probes_acknowledged) > 0;
			out->producers++;
			out->producers_ready += is_ready;
			if (!is_ready && out->silent_count < READINESS_SILENT_MAX)
				out->silent[out->silent_count++] = (struct worker_silent){
					.topic = slot->clients[i].topic,
					.producer = slot->clients[i].id,
				};
		}
	}
}

void local_readiness(struct local *l, struct arena *arena, struct worker_readiness *out)
{
	*out = (struct worker_readiness){ 0 };
	if (l->driver == NULL)
		return;
	read_subscriptions(l, arena, out);
	read_producers(l, arena, out);
}

void local_counters(struct local *l, struct worker_counters *out)
{
	struct snapshot s = { 0 };

	local_snapshot(l, false, &s);
	out->sent = s.counters[COUNTER_ACKNOWLEDGED] + s.counters[COUNTER_PROBES_ACKED];
	out->received = s.counters[COUNTER_RECEIVED] + s.counters[COUNTER_PROBES_RECEIVED];
	out->send_errors = s.counters[COUNTER_FAILED];
	snapshot_fini(&s);
}
