/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_READINESS_H
#define OMB_WORKER_READINESS_H

/*
 * readiness -- whether a load may begin: the one rule for it, and the words for what is missing.
 *
 * Every subscription of every topic has consumers for all its partitions and has received a probe:
 * a total is not enough, for a consumer without partitions would miss the start of the run.  And
 * every producer has had a probe acknowledged: one that never connected would send nothing, and only
 * the end of the run would tell.
 *
 * Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

/* State of one subscription of one topic. */
struct worker_ready {
	const char *topic, *subscription;
	uint32_t assigned, partitions;      /* partitions its consumers have, and there are */
	uint32_t members, members_assigned; /* consumers, and those that have any partition */
	bool probe_seen;
};

/* A producer of whose probes none was acknowledged. */
struct worker_silent {
	const char *topic;
	uint32_t producer; /* its number, as in stamps */
};

/* So many of them are named; the others are only counted. */
#define READINESS_SILENT_MAX 16

struct worker_readiness {
	struct worker_ready *items;
	size_t count, ready;
	uint64_t producers, producers_ready;
	struct worker_silent *silent;
	size_t silent_count;
};

bool readiness_of(const struct worker_ready *s);

/* Of the whole load. */
bool readiness_is_complete(const struct worker_readiness *r);

/* "1 of 2 subscriptions were not ready within 60 s: t/s (2 of 4 partitions, no probe seen); 1 of 3
 * producers had no probe acknowledged within 60 s: producer 2 of t".  Nothing when it is complete. */
void readiness_describe(const struct worker_readiness *r, double limit_s, struct text *out);

#endif
