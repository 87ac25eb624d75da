/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_SHARE_H
#define OMB_WORKER_SHARE_H

/*
 * share -- what a worker that has a share of a load tells of each message: the answer of the verb ACCOUNT.
 *
 * None of the workers knows alone what became of a message.  So each tells what its loops handed over
 * since the last time (account/parcel.h), and who asks merges it.  A chunk's producer has its number in
 * stamps; its subscription is one of `subscriptions`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker_subscription {
	const char *topic, *subscription;
};

/* Of a producer: from this sequence on something may be missing in what was told. */
struct worker_missed {
	uint32_t producer; /* number, as in stamps */
	uint64_t from;
};

/* Messages that came with a damaged stamp. */
struct worker_damaged {
	uint32_t subscription; /* of `subscriptions` */
	uint32_t partition;
	uint64_t messages;
};

struct worker_account {
	/* Out: */
	bool is_kept; /* false: none is, or it is merged here; nothing else then */
	/* All agents have ended, and nothing is left to be told: so at the latest after FINISH. */
	bool is_whole;
	bool is_order_known;
	const void *chunks; /* a parcel */
	size_t chunks_len;
	const struct worker_subscription *subscriptions; /* the worker's */
	size_t subscriptions_count;
	const struct worker_missed *missed; /* so far */
	size_t missed_count;
	const struct worker_damaged *damaged; /* once it is whole */
	size_t damaged_count;
	/* The same moment as an instant and as the worker's clock had it: due times in the parcel are of
	 * that clock. */
	uint64_t at_ns;
	uint64_t clock_ns;
};

#endif
