/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/shm.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "stats/counter.h"

#define SHM_MAGIC   0x6f6d6231u /* "omb1" */
#define SHM_VERSION 1

const char *note_name(enum note_kind kind)
{
	static const char *const names[] = {
		[DRIVER_EVENT_CONNECTION] = "connection",
		[DRIVER_EVENT_CLIENT] = "client",
		[DRIVER_EVENT_COMMIT] = "commit",
		[DRIVER_EVENT_POLL] = "poll",
		[DRIVER_EVENT_REBALANCE] = "rebalance",
		[DRIVER_EVENT_FATAL] = "fatal",
		[NOTE_SEND] = "send",
		[NOTE_DELIVERY] = "delivery",
		[NOTE_BLOCKED] = "blocked",
	};

	return names[kind];
}

static size_t clients_offset(uint32_t loops)
{
	return sizeof(struct agent_shm) + loops * sizeof(struct shm_loop);
}

static size_t partitions_offset(uint32_t loops, uint32_t clients)
{
	return clients_offset(loops) + clients * sizeof(struct shm_client);
}

/* Counts of one client start on a cache line of their own: its neighbour may be another loop's. */
static size_t partitions_stride(uint32_t partitions)
{
	return (partitions * sizeof(uint64_t) + 63) & ~(size_t)63;
}

struct agent_shm *agent_shm_map(uint32_t loops, uint32_t clients, uint32_t partitions,
                                struct error *err)
{
	size_t bytes = partitions_offset(loops, clients) + clients * partitions_stride(partitions);

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
	shm->loops = loops;
	shm->clients = clients;
	shm->partitions = partitions;
	atomic_store_explicit(&shm->control.window_start_ns, UINT64_MAX, memory_order_relaxed);
	atomic_store_explicit(&shm->control.window_end_ns, UINT64_MAX, memory_order_relaxed);
	atomic_store_explicit(&shm->control.load_end_ns, UINT64_MAX, memory_order_relaxed);
	return shm;
}

void agent_shm_unmap(struct agent_shm *shm)
{
	if (shm != NULL)
		munmap(shm, shm->bytes);
}

struct shm_client *agent_shm_client(struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->clients);
	return (struct shm_client *)((char *)shm + clients_offset(shm->loops)) + client;
}

_Atomic uint64_t *agent_shm_partitions(struct agent_shm *shm, uint32_t client)
{
	assert(client < shm->clients);
	return (_Atomic uint64_t *)((char *)shm + partitions_offset(shm->loops, shm->clients) +
	                            client * partitions_stride(shm->partitions));
}

/* `scratch` keeps its memory from one histogram to the next. */
static void add_latencies(struct shm_loop *loop, struct hist_copy *scratch, struct snapshot *to)
{
	for (int w = 0; w < WINDOW_COUNT; w++) {
		for (int l = 0; l < LATENCY_COUNT; l++) {
			if (counter_read(&loop->latencies[w][l].octaves) == 0)
				continue; /* nothing was recorded */
			hist_snapshot(&loop->latencies[w][l], scratch);
			hist_copy_add(&to->latencies[w][l], scratch);
		}
	}
}

bool agent_shm_is_offering(const struct agent_shm *shm)
{
	for (uint32_t i = 0; i < shm->loops; i++)
		if (atomic_load_explicit(&shm->loop[i].is_offering, memory_order_acquire))
			return true;
	return false;
}

uint64_t agent_shm_closed(const struct agent_shm *shm)
{
	uint64_t closed = 0;

	for (uint32_t i = 0; i < shm->loops; i++)
		closed += counter_read(&shm->loop[i].closed);
	return closed;
}

void agent_shm_snapshot(struct agent_shm *shm, bool with_latencies, struct snapshot *to)
{
	struct hist_copy scratch = { 0 };

	for (uint32_t i = 0; i < shm->loops; i++) {
		for (int c = 0; c < COUNTER_COUNT; c++)
			to->counters[c] += counter_read(&shm->loop[i].counters[c]);
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

void shm_note_add(struct shm_loop *loop, enum note_kind kind, const char *text, uint64_t now_ns)
{
	struct shm_note *n = &loop->notes[kind];
	uint64_t count = counter_read(&n->count);

	if (count == 0) {
		n->first_ns = now_ns;
		snprintf(n->text, sizeof(n->text), "%s", text);
	}
	/* Release: a reader that sees a count (acquire) sees the text. */
	atomic_store_explicit(&n->count, count + 1, memory_order_release);
}
