/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_QUEUE_H
#define OMB_DRIVER_LOOPBACK_QUEUE_H

/*
 * queue -- a ring of items of one size that grows when it is full.  Used in the broker process only.
 */

#include <stddef.h>

struct loop_queue {
	unsigned char *items; /* owned */
	size_t item_bytes;
	size_t cap; /* a power of two, or 0 */
	size_t head, count;
};

void loop_queue_init(struct loop_queue *q, size_t item_bytes);
void loop_queue_fini(struct loop_queue *q);

/* The new last item, for the caller to fill; borrowed until the next push. */
void *loop_queue_push(struct loop_queue *q);

/* NULL = empty. */
void *loop_queue_first(const struct loop_queue *q);
void *loop_queue_last(const struct loop_queue *q);
void loop_queue_pop(struct loop_queue *q);

#endif
