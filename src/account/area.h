/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_AREA_H
#define OMB_ACCOUNT_AREA_H

/*
 * area -- the memory in which one loop hands chunks to its parent: one writer, one reader.
 *
 *     | header | keys | order in which chunks were sealed | heads of chunks ... | cells of chunk 0 ... |
 *
 * A key is what a loop keeps a set of open chunks for: a producer and, in a consumer's loop, a
 * subscription of its topic.  The loop fills open chunks, seals those that are full or that it needs
 * no longer, and takes back those that the parent has done with, the last one first: so it touches as
 * few as the parent is behind.  Nothing locks, nothing allocates, nothing is copied.
 *
 * When no chunk is free the loop goes on and says from which sequence of the key on the account is not
 * exact: never a wrong count.
 *
 * Every word has one writer: the parent before the fork (header and keys), then the loop, but for
 * `taken`, which is the parent's.
 */

#include "account/chunk.h"

struct account_shape {
	uint32_t keys;
	uint32_t open_max; /* chunks of a key at a time */
	uint32_t chunks; /* of all keys: keys * open_max, and as many as the parent may be behind */
	uint32_t partitions; /* of each topic; 0 and 1 are alike */
};

struct account_key {
	uint32_t producer, subscription; /* numbers of the book; ACCOUNT_ANSWERS */
	/* ~sequence of the first message that no chunk was free for; 0 = all are here. */
	_Atomic uint64_t missed_from;
};

struct account_area {
	struct account_shape shape;
	uint32_t partition_bytes, cell_bytes, order_mask;
	size_t order_at, heads_at, cells_at;  /* offsets from the start of the area */
	size_t chunk_bytes;                   /* its cells */
	_Alignas(64) _Atomic uint64_t sealed; /* chunks, so far; the loop's */
	_Atomic uint64_t used; /* chunks that were ever open: those behind are no memory */
	_Alignas(64) _Atomic uint64_t taken; /* of these: the parent has done with; the parent's */
	_Alignas(64) struct account_key keys[];
};

/* Chunks for a loop of so many keys: room for a parent that is `behind` chunks behind. */
struct account_shape account_shape(uint32_t keys, uint32_t partitions, uint32_t behind);

size_t account_area_bytes(const struct account_shape *shape);
/* `area` is that many bytes, zeroed, aligned to 64; keys are the caller's to fill. */
void account_area_init(struct account_area *area, const struct account_shape *shape);

static inline struct account_chunk *account_area_chunk(struct account_area *a, uint32_t i)
{
	return (struct account_chunk *)(void *)((unsigned char *)a + a->heads_at) + i;
}

static inline unsigned char *account_area_cells(struct account_area *a, uint32_t i)
{
	return (unsigned char *)a + a->cells_at + i * a->chunk_bytes;
}

static inline _Atomic uint32_t *account_area_order(struct account_area *a, uint64_t place)
{
	_Atomic uint32_t *order = (void *)((unsigned char *)a + a->order_at);

	return &order[place & a->order_mask];
}

/* --- the parent's side ------------------------------------------------------------------------- */

typedef void account_visit(void *to, const struct account_chunk *chunk, unsigned partition_bytes);

/* Every chunk that was sealed since, each once; at most `most`, how many. */
uint32_t account_area_take(struct account_area *a, uint32_t most, account_visit *visit, void *to);
/* The same of all that is left, open chunks too.  Once, when the loop has ended, in whatever way. */
void account_area_take_over(struct account_area *a, account_visit *visit, void *to);

typedef void account_visit_missed(void *to, uint32_t producer, uint32_t subscription,
                                  uint64_t sequence);

/* Every key of which something may be missing, with the first sequence that is. */
void account_area_missed(const struct account_area *a, account_visit_missed *visit, void *to);

/* Of an area in shared memory: what was read counts as memory of its reader no more, but of its loop. */
void account_area_let_go(struct account_area *a);
/* Of one that was taken over: it is memory of nobody any more. */
void account_area_free(struct account_area *a);

#endif
