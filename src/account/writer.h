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

static inline void account_put(struct account_writer *w, uint32_t key,
                               const struct account_entry *e)
{
	struct account_area *a = w->area;
	uint32_t first = w->open[(size_t)key * a->shape.open_max];
	struct account_chunk *c = account_area_chunk(a, first > 0 ? first - 1 : 0);

	if (__builtin_expect(first == 0 || !account_chunk_takes(c, e->sequence), 0)) {
		account_put_elsewhere(w, key, e);
		return;
	}
	account_chunk_put(c, a->partition_bytes, e);
	if (__builtin_expect(c->count == ACCOUNT_BLOCK, 0))
		account_seal_first(w, key);
}

#endif
