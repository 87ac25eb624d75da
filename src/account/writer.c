/* SPDX-License-Identifier: Apache-2.0 */
#include "account/writer.h"

#include <stdlib.h>

#include "stats/counter.h"
#include "util/xalloc.h"

void account_writer_init(struct account_writer *w, struct account_area *area)
{
	const struct account_shape *shape = &area->shape;

	*w = (struct account_writer){
		.area = area,
		.chunks = account_area_chunk(area, 0),
		.cells = account_area_cells(area, 0),
		.chunk_bytes = area->chunk_bytes,
		.cell_bytes = area->cell_bytes,
		.open_max = shape->open_max,
		.partition_bytes = area->partition_bytes,
		.open = xcalloc((size_t)shape->keys * shape->open_max + 1, sizeof(*w->open)),
		.free = xcalloc(shape->chunks + 1, sizeof(*w->free)),
	};
}

void account_writer_fini(struct account_writer *w)
{
	free(w->open);
	free(w->free);
	*w = (struct account_writer){ 0 };
}

static uint32_t *open_of(const struct account_writer *w, uint32_t key)
{
	return &w->open[(size_t)key * w->open_max];
}

/* What the parent has done with is free again. */
static void take_back(struct account_writer *w)
{
	/* The partner is account_area_take. */
	uint64_t taken = atomic_load_explicit(&w->area->taken, memory_order_acquire);

	for (; w->returned < taken; w->returned++)
		w->free[w->free_count++] = atomic_load_explicit(
			account_area_order(w->area, w->returned), memory_order_relaxed);
}

/* In this order: account_area_take_over says what a parent makes of it. */
static void seal(struct account_writer *w, uint32_t chunk)
{
	struct account_area *a = w->area;
	uint64_t place = counter_read(&a->sealed);

	atomic_store_explicit(account_area_order(a, place), chunk, memory_order_relaxed);
	counter_set(&w->chunks[chunk].state, CHUNK_SEALED + place);
	account_in_order();
	/* The partner is account_area_take. */
	atomic_store_explicit(&a->sealed, place + 1, memory_order_release);
}

/* Closes the gap at `place` of the open chunks. */
static void remove_open(uint32_t *open, uint32_t open_max, uint32_t place)
{
	for (; place + 1 < open_max && open[place + 1] != 0; place++)
		open[place] = open[place + 1];
	open[place] = 0;
}

void account_seal_first(struct account_writer *w, uint32_t key)
{
	uint32_t *open = open_of(w, key);

	seal(w, open[0] - 1);
	remove_open(open, w->open_max, 0);
}

/* The one at `place` becomes the first. */
static void move_to_front(uint32_t *open, uint32_t place)
{
	uint32_t chunk = open[place];

	for (; place > 0; place--)
		open[place] = open[place - 1];
	open[0] = chunk;
}

/* 1 + a chunk that is free; 0 = none. */
static uint32_t find_free(struct account_writer *w)
{
	take_back(w);
	if (w->free_count > 0)
		return w->free[--w->free_count] + 1;
	if (w->fresh == w->area->shape.chunks)
		return 0;
	w->fresh++;
	counter_set(&w->area->used, w->fresh);
	return w->fresh;
}

/* Not open before it is empty: a parent would take it over with what it held before. */
static void make_open(struct account_writer *w, uint32_t chunk, uint32_t key, uint64_t block)
{
	struct account_chunk *c = &w->chunks[chunk];
	bool was_used = counter_read(&c->state) != CHUNK_FREE;

	for (uint32_t word = 0; was_used && word < ACCOUNT_WORDS; word++) {
		struct account_cell *cell = account_writer_cell(w, chunk, word * UINT64_C(64));
		memset(cell->lanes, 0, sizeof(cell->lanes));
	}
	c->cells_at = (uint64_t)(account_area_cells(w->area, chunk) - (unsigned char *)c);
	c->cell_bytes = w->area->cell_bytes;
	c->block = block;
	c->producer = w->area->keys[key].producer;
	c->subscription = w->area->keys[key].subscription;
	c->count = 0;
	/* The partner is find_open in book_peek.c. */
	atomic_store_explicit(&c->state, CHUNK_OPEN, memory_order_release);
	account_in_order();
}

/* No chunk is free.  What was told before stays exact: the first that was missed bounds it. */
static void miss(struct account_writer *w, uint32_t key, uint64_t sequence)
{
	_Atomic uint64_t *missed_from = &w->area->keys[key].missed_from;

	if (~sequence > counter_read(missed_from))
		counter_set(missed_from, ~sequence);
}

/* An open chunk that takes the sequence becomes the first; false: there is none.  *count is how many
 * are open. */
static bool find_open(struct account_writer *w, uint32_t key, uint64_t sequence, uint32_t *count)
{
	uint32_t *open = open_of(w, key);
	uint32_t n = 0;

	for (; n < w->open_max && open[n] != 0; n++) {
		uint32_t i = open[n] - 1;
		if (account_chunk_takes(&w->chunks[i], account_writer_cell(w, i, sequence),
		                        sequence)) {
			move_to_front(open, n);
			return true;
		}
	}
	*count = n;
	return false;
}

static bool open_another(struct account_writer *w, uint32_t key, uint64_t sequence, uint32_t count)
{
	uint32_t *open = open_of(w, key);
	uint32_t chunk = find_free(w);

	if (chunk == 0)
		return false;
	if (count == w->open_max) { /* the one that was not used for longest */
		seal(w, open[count - 1] - 1);
		open[--count] = 0;
	}
	make_open(w, chunk - 1, key, sequence >> ACCOUNT_BLOCK_SHIFT);
	open[count] = chunk;
	move_to_front(open, count);
	return true;
}

void account_put_elsewhere(struct account_writer *w, uint32_t key, const struct account_entry *e)
{
	uint32_t count = 0;

	if (!find_open(w, key, e->sequence, &count) && !open_another(w, key, e->sequence, count)) {
		miss(w, key, e->sequence);
		return;
	}
	uint32_t i = open_of(w, key)[0] - 1;
	struct account_chunk *c = &w->chunks[i];
	account_chunk_put(c, account_writer_cell(w, i, e->sequence), w->partition_bytes, e);
	if (c->count == ACCOUNT_BLOCK)
		account_seal_first(w, key);
}
