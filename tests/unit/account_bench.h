/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_ACCOUNT_BENCH_H
#define OMB_TESTS_ACCOUNT_BENCH_H

/*
 * account_bench -- a book of one topic, and what it names.
 */

#include <stdint.h>

#include "account/book.h"

#define MIB ((size_t)1 << 20)

static inline struct book *book_of(uint32_t producers, uint32_t subscriptions, uint32_t partitions,
                                   size_t bytes_max)
{
	static const uint32_t topic_zero[1000]; /* of every producer */
	const struct book_shape shape = {
		.topic_of = topic_zero,
		.producers = producers,
		.topics = 1,
		.subscriptions = subscriptions,
		.partitions = partitions,
		.bytes_max = bytes_max,
	};

	return book_create(&shape);
}

struct named {
	struct book_range ranges[8];
	size_t count;
};

/* Of book_lost and its like. */
static inline void keep_range(void *to, const struct book_range *range)
{
	struct named *n = to;

	assert_in_range(n->count, 0, 7);
	n->ranges[n->count++] = *range;
}

#endif
