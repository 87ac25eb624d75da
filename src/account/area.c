/* SPDX-License-Identifier: Apache-2.0 */
#include "account/area.h"

#include <sys/mman.h>
#include <unistd.h>

#include "stats/counter.h"

#define LINE           64

/* Chunks of one key at a time.  Two partitions of one producer may be blocks apart; a loop of few
 * producers can afford to keep what is in between. */
#define OPEN_MIN       4u
#define OPEN_MAX       64u
#define OPEN_OF_A_LOOP 1024u

static size_t round_up(size_t bytes)
{
	return (bytes + LINE - 1) / LINE * LINE;
}

struct account_shape account_shape(uint32_t keys, uint32_t partitions, uint32_t behind)
{
	uint32_t open = OPEN_OF_A_LOOP / (keys > 0 ? keys : 1);

	open = open < OPEN_MIN ? OPEN_MIN : open > OPEN_MAX ? OPEN_MAX : open;
	return (struct account_shape){
		.keys = keys,
		.open_max = open,
		.chunks = keys * open + behind,
		.partitions = partitions,
	};
}

/* A power of two: each chunk has a place, and places are told apart by their low bits. */
static uint32_t order_places(const struct account_shape *shape)
{
	uint32_t places = 1;

	while (places < shape->chunks)
		places *= 2;
	return places;
}

void account_area_init(struct account_area *area, const struct account_shape *shape)
{
	area->shape = *shape;
	area->partition_bytes = account_partition_bytes(shape->partitions);
	area->order_mask = order_places(shape) - 1;
	area->cell_bytes = account_cell_bytes(area->partition_bytes);
	/* An odd number of lines: producers that are in step are at the same cell of their chunks, and
	 * else those of all of them would share a few sets of the cache (measured: twice the time). */
	area->chunk_bytes = round_up((size_t)area->cell_bytes * ACCOUNT_WORDS) | LINE;
	area->order_at = round_up(sizeof(*area) + shape->keys * sizeof(area->keys[0]));
	area->heads_at = round_up(area->order_at + order_places(shape) * sizeof(_Atomic uint32_t));
	area->cells_at = area->heads_at + shape->chunks * sizeof(struct account_chunk);
}

size_t account_area_bytes(const struct account_shape *shape)
{
	struct account_area a = { 0 };

	account_area_init(&a, shape);
	return a.cells_at + shape->chunks * a.chunk_bytes;
}

uint32_t account_area_take(struct account_area *a, uint32_t most, account_visit *visit, void *to)
{
	/* The partner is the seal in writer.c: the chunk is whole. */
	uint64_t sealed = atomic_load_explicit(&a->sealed, memory_order_acquire);
	uint64_t taken = counter_read(&a->taken);
	uint32_t n = 0;

	for (; n < most && taken + n < sealed; n++) {
		uint32_t i = atomic_load_explicit(account_area_order(a, taken + n),
		                                  memory_order_relaxed);
		if (i < a->shape.chunks)
			visit(to, account_area_chunk(a, i), a->partition_bytes);
		/* The partner is take_back in writer.c: the parent reads it no more. */
		atomic_store_explicit(&a->taken, taken + n + 1, memory_order_release);
	}
	return n;
}

void account_area_take_over(struct account_area *a, account_visit *visit, void *to)
{
	uint64_t sealed = atomic_load_explicit(&a->sealed, memory_order_acquire);
	uint64_t used = counter_read(&a->used);

	account_area_take(a, UINT32_MAX, visit, to);
	for (uint32_t i = 0; i < used && i < a->shape.chunks; i++) {
		struct account_chunk *c = account_area_chunk(a, i);
		uint64_t state = counter_read(&c->state);
		/* Killed while it sealed this one: it has a place, and nobody was told. */
		bool untold = state >= CHUNK_SEALED && state - CHUNK_SEALED >= sealed;
		if (state == CHUNK_OPEN || untold)
			visit(to, c, a->partition_bytes);
	}
}

void account_area_missed(const struct account_area *a, account_visit_missed *visit, void *to)
{
	for (uint32_t k = 0; k < a->shape.keys; k++) {
		const struct account_key *key = &a->keys[k];
		uint64_t missed_from = counter_read(&key->missed_from);
		if (missed_from != 0)
			visit(to, key->producer, key->subscription, ~missed_from);
	}
}

/* Whole pages of chunks: the words before them stay.  A system that does not do it costs memory alone. */
static void advise(struct account_area *a, int advice)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (uintptr_t)a + a->heads_at, end = (uintptr_t)account_area_cells(a, 0);

	end += a->shape.chunks * a->chunk_bytes;
	start = (start + page - 1) / page * page;
	end = end / page * page;
	if (start < end)
		(void)madvise((void *)start, end - start, advice);
}

void account_area_let_go(struct account_area *a)
{
	advise(a, MADV_DONTNEED);
}

void account_area_free(struct account_area *a)
{
	advise(a, MADV_REMOVE);
}
