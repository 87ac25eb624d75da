/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/shm.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stats/counter.h"

#define SHM_MAGIC   0x6f6d6231u /* "omb1" */
#define SHM_VERSION 7

static size_t rounded(size_t bytes, size_t to)
{
	return (bytes + to - 1) & ~(to - 1);
}

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t clients_offset(const struct agent_shm_shape *s)
{
	return sizeof(struct agent_shm) + s->loops * sizeof(struct shm_loop);
}

static size_t partitions_offset(const struct agent_shm_shape *s)
{
	return clients_offset(s) + s->clients * sizeof(struct shm_client);
}

/* What belongs to one client starts on a cache line of its own: its neighbour may be another
 * loop's. */
static size_t partitions_stride(const struct agent_shm_shape *s)
{
	return rounded(s->partitions * sizeof(uint64_t), 64);
}

static size_t damaged_offset(const struct agent_shm_shape *s)
{
	return partitions_offset(s) + s->clients * partitions_stride(s);
}

static size_t heard_offset(const struct agent_shm_shape *s)
{
	return damaged_offset(s) + s->clients * partitions_stride(s);
}

/* Of consumers: those have no window. */
static size_t heard_stride(const struct agent_shm_shape *s)
{
	return s->window_messages > 0 ? 0
	                              : rounded((s->partitions + (size_t)1) * sizeof(uint64_t), 64);
}

static size_t schedules_offset(const struct agent_shm_shape *s)
{
	return heard_offset(s) + s->clients * heard_stride(s);
}

static size_t schedules_stride(const struct agent_shm_shape *s)
{
	return s->window_messages > 0 ? rounded(sizeof(struct shm_schedule), 64) : 0;
}

static size_t flights_offset(const struct agent_shm_shape *s)
{
	return rounded(schedules_offset(s) + s->clients * schedules_stride(s), page_bytes());
}

/* Windows of more than a page start on a page: the first slots of each touch one. */
static size_t flights_stride(const struct agent_shm_shape *s)
{
	size_t bytes = s->window_messages * sizeof(struct flight);

	return rounded(bytes, bytes > page_bytes() ? page_bytes() : 64);
}

/* On pages of their own, too: nothing but what a loop says is memory. */
static size_t accounts_offset(const struct agent_shm_shape *s)
{
	return rounded(flights_offset(s) + s->clients * flights_stride(s), page_bytes());
}

static size_t accounts_stride(const struct agent_shm_shape *s)
{
	return s->account.keys > 0 ? rounded(account_area_bytes(&s->account), page_bytes()) : 0;
}

struct agent_shm *agent_shm_map(const struct agent_shm_shape *shape, struct error *err)
{
	size_t bytes = accounts_offset(shape) + shape->loops * accounts_stride(shape);

	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		error_set_errno(err, errno, "mapping %zu bytes to share with an agent", bytes);
		return NULL;
	}

	struct agent_shm *shm = p;
	shm->magic = SHM_MAGIC;
	shm->version = SHM_VERSION;
	shm->bytes = bytes;
	shm->shape = *shape;
	agent_shm_put_times(shm, &(struct shm_times){ UINT64_MAX, UINT64_MAX, UINT64_MAX, 0, 0 });
	for (uint32_t i = 0; shape->account.keys > 0 && i < shape->loops; i++)
		account_area_init(agent_shm_account(shm, i), &shape->account);
	return shm;
}

void agent_shm_put_times(struct agent_shm *shm, const struct shm_times *times)
{
	struct shm_control *c = &shm->control;

	counter_set(&c->window_start_ns, times->window_start_ns);
	counter_set(&c->window_end_ns, times->window_end_ns);
	counter_set(&c->load_end_ns, times->load_end_ns);
	counter_set(&c->slots_start_ns, times->slots_start_ns);
	counter_set(&c->load_start_ns, times->load_start_ns);
}

void agent_shm_unmap(struct agent_shm *shm)
{
	if (shm != NULL)
		munmap(shm, shm->bytes);
}

struct shm_client *agent_shm_client(const struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->shape.clients);
	return (struct shm_client *)((char *)(uintptr_t)shm + clients_offset(&shm->shape)) + client;
}

_Atomic uint64_t *agent_shm_partitions(struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->shape.clients);
	return (_Atomic uint64_t *)((char *)shm + partitions_offset(&shm->shape) +
	                            client * partitions_stride(&shm->shape));
}

_Atomic uint64_t *agent_shm_damaged(struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->shape.clients);
	return (_Atomic uint64_t *)((char *)shm + damaged_offset(&shm->shape) +
	                            client * partitions_stride(&shm->shape));
}

uint64_t *agent_shm_heard(const struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->shape.clients && shm->shape.window_messages == 0);
	return (uint64_t *)((char *)(uintptr_t)shm + heard_offset(&shm->shape) +
	                    client * heard_stride(&shm->shape));
}

struct shm_schedule *agent_shm_schedule(struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->shape.clients && shm->shape.window_messages > 0);
	return (struct shm_schedule *)((char *)shm + schedules_offset(&shm->shape) +
	                               client * schedules_stride(&shm->shape));
}

struct flight *agent_shm_flights(struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->shape.clients && shm->shape.window_messages > 0);
	return (struct flight *)((char *)shm + flights_offset(&shm->shape) +
	                         client * flights_stride(&shm->shape));
}

struct account_area *agent_shm_account(struct agent_shm *shm, uint32_t loop)
{
	assert(loop < shm->shape.loops);
	if (shm->shape.account.keys == 0)
		return NULL;
	return (struct account_area *)(void *)((char *)shm + accounts_offset(&shm->shape) +
	                                       loop * accounts_stride(&shm->shape));
}

bool agent_shm_knows_order(const struct agent_shm *shm)
{
	for (uint32_t i = 0; i < shm->shape.loops; i++)
		if (atomic_load_explicit(&shm->loop[i].order_unknown, memory_order_relaxed) != 0)
			return false;
	return true;
}

void shm_schedule_put(struct shm_schedule *schedule, const struct shm_schedule_copy *copy)
{
	uint32_t latest = atomic_load_explicit(&schedule->latest, memory_order_relaxed);
	uint32_t next = latest == 1 ? 2 : 1;

	schedule->copies[next - 1] = *copy;
	atomic_store_explicit(&schedule->latest, next, memory_order_release);
}

const struct shm_schedule_copy *shm_schedule_latest(const struct shm_schedule *schedule)
{
	uint32_t latest = atomic_load_explicit(&schedule->latest, memory_order_acquire);

	return latest == 0 ? NULL : &schedule->copies[latest - 1];
}

/* `scratch` keeps its memory from one histogram to the next. */
static void add_latencies(struct shm_loop *loop, struct hist_copy *scratch, struct snapshot *to)
{
	for (int w = 0; w < WINDOW_COUNT; w++) {
		for (int l = 0; l < LATENCY_COUNT; l++) {
			const struct shm_latencies *from = &loop->latencies[w];
			if (counter_read(&from->words[l].octaves) == 0)
				continue; /* nothing was recorded */
			hist_read(&from->words[l], &from->buckets[l], scratch);
			hist_copy_add(&to->latencies[w][l], scratch);
		}
	}
}

bool agent_shm_is_offering(const struct agent_shm *shm)
{
	for (uint32_t i = 0; i < shm->shape.loops; i++)
		if (atomic_load_explicit(&shm->loop[i].is_offering, memory_order_acquire))
			return true;
	return false;
}

uint64_t agent_shm_closed(const struct agent_shm *shm)
{
	uint64_t closed = 0;

	for (uint32_t i = 0; i < shm->shape.loops; i++)
		closed += counter_read(&shm->loop[i].closed);
	return closed;
}

/* What comes of a message is read before the message: never more answered than sent. */
static void count_client(const struct shm_client *c, uint64_t *counters)
{
	counters[COUNTER_RECEIVED] += counter_read(&c->received);
	counters[COUNTER_PROBES_RECEIVED] += counter_read(&c->probes_received);
	counters[COUNTER_UNACKNOWLEDGED] += counter_read(&c->unacknowledged);
	counters[COUNTER_FAILED] += counter_read(&c->failed);
	counters[COUNTER_ACKNOWLEDGED] += counter_read(&c->acknowledged);
	atomic_signal_fence(memory_order_acquire);
	counters[COUNTER_SENT] += counter_read(&c->sent);
}

void agent_shm_count(const struct agent_shm *shm, uint32_t loop, uint64_t *counters)
{
	const struct shm_loop *l = &shm->loop[loop];
	uint64_t acknowledged = counters[COUNTER_ACKNOWLEDGED];

	for (int c = COUNTER_COUNT; c-- > 0;)
		counters[c] += counter_read(&l->counters[c]);
	for (uint32_t i = loop; i < shm->shape.clients; i += shm->shape.loops)
		count_client(agent_shm_client(shm, i), counters);
	acknowledged = counters[COUNTER_ACKNOWLEDGED] - acknowledged;
	counters[COUNTER_BYTES_ACKED] += acknowledged * counter_read(&l->message_bytes);
}

uint64_t agent_shm_turned_ns(const struct agent_shm *shm)
{
	uint64_t turned_ns = UINT64_MAX;

	for (uint32_t i = 0; i < shm->shape.loops; i++) {
		uint64_t ns = counter_read(&shm->loop[i].turned_ns);
		turned_ns = ns < turned_ns ? ns : turned_ns;
	}
	return turned_ns;
}

uint64_t agent_shm_silence_ns(const struct agent_shm *shm)
{
	struct silence_found found;
	uint64_t longest_ns = 0;

	for (uint32_t i = 0; i < shm->shape.clients; i++) {
		if (!silence_read(&agent_shm_client(shm, i)->silence, &found))
			continue;
		uint64_t ns = found.until_ns - found.from_ns;
		longest_ns = ns > longest_ns ? ns : longest_ns;
	}
	return longest_ns;
}

void agent_shm_pass_edge(struct agent_shm *shm, uint32_t loop, enum shm_edge_of edge,
                         uint64_t at_ns, uint64_t cpu_ns)
{
	struct shm_edge *to = &shm->loop[loop].edges[edge];
	uint64_t counters[COUNTER_COUNT] = { 0 };

	agent_shm_count(shm, loop, counters);
	for (int c = 0; c < COUNTER_COUNT; c++)
		counter_set(&to->counters[c], counters[c]);
	counter_set(&to->cpu_ns, cpu_ns);
	/* The partner is agent_shm_count_at. */
	atomic_store_explicit(&to->at_ns, at_ns, memory_order_release);
}

uint64_t agent_shm_count_at(const struct agent_shm *shm, uint32_t loop, enum shm_edge_of edge,
                            uint64_t *counters)
{
	const struct shm_edge *from = &shm->loop[loop].edges[edge];
	uint64_t at_ns = atomic_load_explicit(&from->at_ns, memory_order_acquire);

	for (int c = 0; c < COUNTER_COUNT && at_ns != 0; c++)
		counters[c] += counter_read(&from->counters[c]);
	return at_ns;
}

bool agent_shm_window_cpu(const struct agent_shm *shm, uint32_t loop, struct shm_cpu *out)
{
	const struct shm_edge *edges = shm->loop[loop].edges;
	uint64_t at_ns[EDGES], cpu_ns[EDGES], spun_ns[EDGES];

	for (int e = 0; e < EDGES; e++) {
		at_ns[e] = atomic_load_explicit(&edges[e].at_ns, memory_order_acquire);
		cpu_ns[e] = counter_read(&edges[e].cpu_ns);
		spun_ns[e] = counter_read(&edges[e].counters[COUNTER_SPUN_NS]);
	}
	if (at_ns[EDGE_WINDOW_START] == 0 || at_ns[EDGE_WINDOW_END] <= at_ns[EDGE_WINDOW_START])
		return false;
	out->span_ns = at_ns[EDGE_WINDOW_END] - at_ns[EDGE_WINDOW_START];
	out->cpu_ns = cpu_ns[EDGE_WINDOW_END] - cpu_ns[EDGE_WINDOW_START];
	uint64_t spun = spun_ns[EDGE_WINDOW_END] - spun_ns[EDGE_WINDOW_START];
	out->work_ns = out->cpu_ns > spun ? out->cpu_ns - spun : 0;
	return true;
}

static size_t take_round(struct agent_shm *shm, uint64_t round, struct slow_taken *to)
{
	size_t count = 0;

	for (uint32_t i = 0; i < shm->shape.loops; i++) {
		size_t end = count + slow_take(&shm->loop[i].slow, round, to + count);
		for (; count < end; count++) /* as loop_client_index says */
			to[count].message.client = to[count].message.client * shm->shape.loops + i;
	}
	return count;
}

size_t agent_shm_take_slow(struct agent_shm *shm, struct slow_taken *to)
{
	uint64_t round = counter_read(&shm->control.round);
	size_t late = take_round(shm, round + 1, to); /* into the set that is used again */

	/* The partner is loop_look. */
	atomic_store_explicit(&shm->control.round, round + 1, memory_order_release);
	return late + take_round(shm, round, to + late);
}

void agent_shm_late(const struct agent_shm *shm, struct hist_copy *to)
{
	struct hist_copy scratch = { 0 };

	for (uint32_t i = 0; i < shm->shape.loops; i++) {
		const struct hist *late = &shm->loop[i].late;
		if (counter_read(&late->words.octaves) == 0)
			continue; /* nothing was recorded */
		hist_snapshot(late, &scratch);
		hist_copy_add(to, &scratch);
	}
	hist_copy_fini(&scratch);
}

void agent_shm_claim(struct agent_shm *shm, uint32_t loop, const struct claims *said)
{
	struct shm_claims *to = &shm->loop[loop].claims;

	for (int c = 0; c < CLAIM_COUNT; c++)
		counter_set(&to->values[c], said->values[c]);
	/* The partner is add_claims. */
	atomic_store_explicit(&to->said, said->said, memory_order_release);
}

static void add_claims(const struct shm_loop *loop, struct claims *to)
{
	struct claims one;

	one.said = atomic_load_explicit(&loop->claims.said, memory_order_acquire);
	for (int c = 0; c < CLAIM_COUNT; c++)
		one.values[c] = counter_read(&loop->claims.values[c]);
	claims_add(to, &one);
}

void agent_shm_snapshot(struct agent_shm *shm, bool with_latencies, struct snapshot *to)
{
	struct hist_copy scratch = { 0 };

	for (uint32_t i = 0; i < shm->shape.loops; i++) {
		agent_shm_count(shm, i, to->counters);
		add_claims(&shm->loop[i], &to->claims);
		if (with_latencies)
			add_latencies(&shm->loop[i], &scratch, to);
	}
	hist_copy_fini(&scratch);
}

void agent_shm_fail(struct agent_shm *shm, const struct error *err)
{
	uint32_t free_for_all = 0;

	if (!atomic_compare_exchange_strong(&shm->error_claimed, &free_for_all, 1))
		return;
	shm->error = *err;
	/* Pairs with the acquire load of whoever reads `error`. */
	atomic_store_explicit(&shm->state, AGENT_FAILED, memory_order_release);
}
