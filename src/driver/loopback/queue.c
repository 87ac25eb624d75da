/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

#define CAP_AT_FIRST 256

void loop_queue_init(struct loop_queue *q, size_t item_bytes)
{
	*q = (struct loop_queue){ .item_bytes = item_bytes };
}

void loop_queue_fini(struct loop_queue *q)
{
	free(q->items);
	*q = (struct loop_queue){ 0 };
}

static void *item_at(const struct loop_queue *q, size_t i)
{
	return q->items + ((q->head + i) & (q->cap - 1)) * q->item_bytes;
}

static void grow(struct loop_queue *q)
{
	size_t cap = q->cap == 0 ? CAP_AT_FIRST : 2 * q->cap;
	size_t until_end = q->cap - q->head;

	q->items = xrealloc(q->items, cap * q->item_bytes);
	if (q->count > until_end) /* the part that had wrapped around goes behind the other */
		memcpy(q->items + q->cap * q->item_bytes, q->items,
		       (q->count - until_end) * q->item_bytes);
	q->cap = cap;
}

void *loop_queue_push(struct loop_queue *q)
{
	if (q->count == q->cap)
		grow(q);
	return item_at(q, q->count++);
}

void *loop_queue_first(const struct loop_queue *q)
{
	return q->count == 0 ? NULL : item_at(q, 0);
}

void *loop_queue_last(const struct loop_queue *q)
{
	return q->count == 0 ? NULL : item_at(q, q->count - 1);
}

void loop_queue_pop(struct loop_queue *q)
{
	assert(q->count > 0);
	q->head = (q->head + 1) & (q->cap - 1);
	q->count--;
}
