/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_HEAP_H
#define OMB_UTIL_HEAP_H

/*
 * heap -- a binary heap of (time, index) with the earliest on top.
 *
 * The caller gives the memory: `items` has room for every index there will ever be, so pushing
 * never allocates.  The loops use it for thousands of producers; with one it costs two compares.
 */

#include <assert.h>
#include <stdint.h>

struct heap_item {
	uint64_t key;
	uint32_t index;
};

struct heap {
	struct heap_item *items;
	uint32_t count, cap;
};

static inline void heap_sift_down(struct heap *h, uint32_t at)
{
	struct heap_item moved = h->items[at];

	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= h->count)
			break;
		if (child + 1 < h->count && h->items[child + 1].key < h->items[child].key)
			child++;
		if (moved.key <= h->items[child].key)
			break;
		h->items[at] = h->items[child];
		at = child;
	}
	h->items[at] = moved;
}

static inline void heap_push(struct heap *h, uint64_t key, uint32_t index)
{
	assert(h->count < h->cap);

	uint32_t at = h->count++;
	while (at > 0 && h->items[(at - 1) / 2].key > key) {
		h->items[at] = h->items[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	h->items[at] = (struct heap_item){ .key = key, .index = index };
}

/* Gives the item on top a later key. */
static inline void heap_delay_top(struct heap *h, uint64_t key)
{
	h->items[0].key = key;
	heap_sift_down(h, 0);
}

static inline void heap_pop(struct heap *h)
{
	assert(h->count > 0);
	h->items[0] = h->items[--h->count];
	if (h->count > 0)
		heap_sift_down(h, 0);
}

#endif
