/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "account/book.h"
#include "account/book_state.h"
#include "stats/counter.h"
#include "util/xalloc.h"

/* Open chunks of all areas, by producer and block. */
struct peek {
	const struct account_chunk **chunks;
	size_t count, cap;
};

static void add_chunk(struct peek *p, const struct account_chunk *c)
{
	if (p->count == p->cap) {
		p->cap = p->cap > 0 ? 2 * p->cap : 64;
		p->chunks = xrealloc(p->chunks, p->cap * sizeof(struct account_chunk *));
	}
	p->chunks[p->count++] = c;
}

/* One that is sealed meanwhile stays as it is until the parent takes it. */
static void find_open(struct peek *p, struct account_area *a)
{
	uint64_t used = counter_read(&a->used);

	for (uint32_t i = 0; i < used && i < a->shape.chunks; i++) {
		const struct account_chunk *c = account_area_chunk(a, i);
		/* The partner is make_open in writer.c: what it held before is gone. */
		if (atomic_load_explicit(&c->state, memory_order_acquire) == CHUNK_OPEN)
			add_chunk(p, c);
	}
}

static int by_block(const void *a, const void *b)
{
	const struct account_chunk *x = *(const struct account_chunk *const *)a;
	const struct account_chunk *y = *(const struct account_chunk *const *)b;

	if (x->producer != y->producer)
		return x->producer < y->producer ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

/* Its loop fills it meanwhile: a bit that is there says what it says. */
static uint64_t word_of(const struct account_chunk *c, enum account_lane lane, uint32_t word)
{
	return __atomic_load_n(&account_chunk_cell(c, word)->lanes[lane], __ATOMIC_RELAXED);
}

static uint64_t acknowledged_word(const struct block *block, const struct peek *p, uint32_t word)
{
	uint64_t bits = 0;

	if (block != NULL)
		bits = block_word(block, BLOCK_ANSWERED, word) &
		       ~block_word(block, BLOCK_FAILED, word);
	for (size_t i = 0; i < p->count; i++)
		if (p->chunks[i]->subscription == ACCOUNT_ANSWERS)
			bits |= word_of(p->chunks[i], LANE_HERE, word) &
			        ~word_of(p->chunks[i], LANE_FAILED, word);
	return bits;
}

static uint64_t received_word(const struct block *block, const struct peek *p,
                              uint32_t subscription, uint32_t word)
{
	uint64_t bits = 0;

	if (block != NULL)
		bits = block_word(block, block_lane_of(BLOCK_RECEIVED, subscription), word);
	for (size_t i = 0; i < p->count; i++)
		if (p->chunks[i]->subscription == subscription)
			bits |= word_of(p->chunks[i], LANE_HERE, word);
	return bits;
}

/* Of one block, which the book may not have; `p` has its open chunks. */
static uint64_t count_block(struct book *b, uint32_t subscriptions, struct block *block,
                            const struct peek *p)
{
	bool was_small = block != NULL && block->is_small;
	uint64_t messages = 0;

	if (was_small)
		block_grow(&b->terms, block);
	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++) {
		uint64_t acknowledged = acknowledged_word(block, p, w);
		for (uint32_t s = 0; acknowledged != 0 && s < subscriptions; s++)
			messages += (uint64_t)__builtin_popcountll(acknowledged &
			                                           ~received_word(block, p, s, w));
	}
	if (was_small)
		block_shrink(&b->terms, block);
	return messages;
}

/* The chunks of the next block, if it is `producer`'s. */
static struct peek next_chunks(const struct peek *all, size_t at, uint32_t producer)
{
	struct peek p = { 0 };

	if (at == all->count)
		return p;
	p.chunks = all->chunks + at;
	while (at + p.count < all->count && p.chunks[p.count]->producer == producer &&
	       p.chunks[p.count]->block == p.chunks[0]->block)
		p.count++;
	return p;
}

static uint64_t count_producer(struct book *b, uint32_t producer, const struct peek *all,
                               size_t *at)
{
	struct book_producer *p = &b->producers[producer];
	const struct peek none = { 0 };
	uint64_t messages = 0;
	size_t place = 0;

	for (;;) {
		struct peek chunks = next_chunks(all, *at, producer);
		struct block *block = place < p->count ? p->blocks[place] : NULL;
		if (chunks.count == 0 && block == NULL)
			return messages;
		if (chunks.count == 0 ||
		    (block != NULL && block->number < chunks.chunks[0]->block)) {
			messages += count_block(b, p->subscriptions, block, &none);
			place++;
			continue;
		}
		/* One that was closed has no answers at hand: nothing of it is to come. */
		bool is_its = block != NULL && block->number == chunks.chunks[0]->block;
		messages += count_block(b, p->subscriptions, is_its ? block : NULL, &chunks);
		place += is_its;
		*at += chunks.count;
	}
}

uint64_t book_outstanding(struct book *b, struct account_area *const *areas, size_t count)
{
	struct peek all = { 0 };
	uint64_t messages = 0;
	size_t at = 0;

	for (size_t i = 0; i < count; i++)
		find_open(&all, areas[i]);
	if (all.count > 0)
		qsort(all.chunks, all.count, sizeof(struct account_chunk *), by_block);
	for (uint32_t p = 0; p < b->shape.producers; p++)
		messages += count_producer(b, p, &all, &at);
	free(all.chunks);
	return messages;
}
