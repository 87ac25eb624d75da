/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_COUNTS_H
#define OMB_ACCOUNT_COUNTS_H

/*
 * counts -- what goes into a book and what it says (book.h has the terms).
 */

#include <stddef.h>
#include <stdint.h>

#define ACCOUNT_EXACT UINT64_MAX

struct book_shape {
	const uint32_t *topic_of; /* of each producer; borrowed */
	uint32_t producers, topics;
	uint32_t subscriptions;           /* of the topic that has most: below 65,535 */
	const uint32_t *subscriptions_of; /* of each topic; borrowed; NULL: all have as many */
	uint32_t partitions;              /* of each topic; below 65,535; 0 = the broker has none */
	size_t bytes_max;
};

struct book_counts {
	uint64_t received, duplicated, redelivered, out_of_order, corrupted;
	/* As of the last book_settle. */
	uint64_t lost, missing, delivered_though_failed, never_sent;
};

struct book_answers {
	uint64_t acknowledged, failed;
	uint64_t exact_below; /* a sequence; ACCOUNT_EXACT */
};

/* Neighbouring sequences that one subscription lost. */
struct book_range {
	uint32_t producer, subscription;
	uint64_t first, last;
	int32_t partition; /* of all of them; -1 = unknown */
	/* When these were due.  Exact (to a nanosecond) where the rate did not change within the 4,096
	 * messages around; for a load without a schedule in between what was sent before and after. */
	uint64_t first_due_ns, last_due_ns;
};

#endif
