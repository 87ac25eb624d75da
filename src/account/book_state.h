/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_BOOK_STATE_H
#define OMB_ACCOUNT_BOOK_STATE_H

/*
 * book_state -- what the files of the book share; nobody else includes it.
 *
 *     book.c       chunks are merged, blocks opened and closed
 *     book_lost.c  what is missing when all is told
 *     book_peek.c  what is still to come
 */

#include "account/block.h"
#include "account/counts.h"

/* Blocks [first, end). */
struct book_run {
	uint64_t first, end;
};

struct book_producer {
	uint32_t topic, subscriptions; /* of the topic */
	struct block **blocks;         /* that are open, by number */
	size_t count, cap;
	size_t behind; /* of these: so many are too far behind to change much */
	struct book_run *closed;
	size_t closed_count, closed_cap;
	uint64_t newest; /* number of a block */
	/* When the last message was due that was answered in a closed block, of the highest of them. */
	uint64_t closed_due_ns, closed_due_block;
	struct book_answers answers;
};

struct book {
	struct book_shape shape;
	uint32_t partitions_cap; /* counts for each subscription: the last one is of the unknown */
	struct block_terms terms;
	size_t bytes_most;
	struct book_producer *producers;
	struct book_counts *counts;     /* [producer][subscription] */
	uint64_t *exact_below;          /* [producer][subscription], of receipts */
	struct book_counts *partitions; /* [topic][subscription][partition] */
	uint64_t *acknowledged;         /* [topic][partition] */
};

static inline size_t book_key(const struct book *b, uint32_t producer, uint32_t subscription)
{
	return (size_t)producer * b->shape.subscriptions + subscription;
}

/* Where what is known of a partition stands, by its code. */
static inline uint32_t book_partition_index(const struct book *b, uint32_t code)
{
	return code > 0 && code < b->partitions_cap ? code - 1 : b->partitions_cap - 1;
}

static inline struct book_counts *book_partitions_of(const struct book *b, uint32_t topic,
                                                     uint32_t subscription)
{
	size_t key = (size_t)topic * b->shape.subscriptions + subscription;

	return &b->partitions[key * b->partitions_cap];
}

#endif
