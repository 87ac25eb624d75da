/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_WRITER_H
#define OMB_ACCOUNT_WRITER_H

/*
 * writer -- a loop's side of its area: which chunks are open, which one a message goes into.
 *
 * Owner loop only.  Its own memory is made before the load; account_put allocates nothing.
 */

#include "account/area.h"

struct account_writer {
	struct account_area *area;
	/* Of the area, nearer at hand: a message looks for its head and its cell at once. */
	struct account_chunk *chunks;
	unsigned char *cells;
	size_t chunk_bytes, cell_bytes;
	uint32_t open_max, partition_bytes;
	uint32_t *open; /* open_max of each key: 1 + chunk, the one used last first; 0 = none */
	uint32_t *free; /* chunks that were used before; the one that came back last on top */
	uint32_t free_count, fresh; /* chunks from `fresh` on were never used */
	uint64_t returned;          /* of those the parent has done with: so many are free again */
};

void account_writer_init(struct account_writer *w, struct account_area *area);
void account_writer_fini(struct account_writer *w);

/* The slow half of account_put. */
void account_put_elsewhere(struct account_writer *w, uint32_t key, const struct account_entry *e);
void account_seal_first(struct account_writer *w, uint32_t key);

static inline struct account_cell *account_writer_cell(const struct account_writer *w,
                                                       uint32_t chunk, uint64_t sequence)
{
	size_t word = account_offset(sequence) / 64;

	return (struct account_cell *)(void *)(w->cells + chunk * w->chunk_bytes +
	                                       word * w->cell_bytes);
}

static inline void account_put(struct account_writer *w, uint32_t key,
                               const struct account_entry *e)
{
	uint32_t first = w->open[(size_t)key * w->open_max];
	uint32_t i = first > 0 ? first - 1 : 0;
	struct account_chunk *c = &w->chunks[i];
	struct account_cell *cell = account_writer_cell(w, i, e->sequence);

	if (__builtin_expect(first == 0 || !account_chunk_takes(c, cell, e->sequence), 0)) {
		account_put_elsewhere(w, key, e);
		return;
	}
	account_chunk_put(c, cell, w->partition_bytes, e);
	if (__builtin_expect(c->count == ACCOUNT_BLOCK, 0))
		account_seal_first(w, key);
}

#endif
