/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_PRODUCERS_H
#define OMB_BROKER_PRODUCERS_H

/*
 * producers -- what one partition remembers of idempotent producers: whether a batch is the next
 * one, one that it has already, or one that comes too early.
 *
 * The last five batches of each producer are known, as on Kafka, because a client may have so many
 * under way.  At most PRODUCERS_MAX are remembered, the ones that wrote last; who is unknown may
 * begin with any sequence, as on Kafka since 2.5, and a known one's new epoch begins with 0.
 */

#include <stddef.h>
#include <stdint.h>

#include "kafka/batch.h"

#define PRODUCERS_MAX     4096
#define PRODUCERS_BATCHES 5

struct producer_state;

struct producers {
	struct producer_state *items; /* owned */
	size_t count, cap;
	uint64_t clock; /* counts batches, to find who wrote last */
};

enum producers_answer {
	PRODUCERS_NEXT,      /* append it, then producers_note */
	PRODUCERS_DUPLICATE, /* *offset is where it stands already */
	PRODUCERS_GAP,       /* one before it is missing */
	PRODUCERS_FENCED,    /* of an older epoch */
};

void producers_fini(struct producers *p);
enum producers_answer producers_check(const struct producers *p, const struct batch *b,
                                      int64_t *offset);
void producers_note(struct producers *p, const struct batch *b, int64_t offset);

#endif
