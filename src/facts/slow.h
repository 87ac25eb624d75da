/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_SLOW_H
#define OMB_FACTS_SLOW_H

/*
 * slow -- the slowest messages of a while, by acknowledgement and by receipt, one by one.
 *
 * Who sent a message knows when it was acknowledged, who received it when that was; both know its
 * producer and sequence.  A message that is in both lists has all its times; what only the other side
 * could say is unknown then, not made up: it was faster there than all that are listed, or it did not
 * come about in this while.
 *
 * Pure.  Zeroed lists are empty.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/fields.h"

#define FACT_SLOW_MAX  20
#define FACT_SLOW_NAME 64

enum fact_slow_by {
	FACT_SLOW_ACKNOWLEDGED, /* due -> acknowledged; without a schedule send called -> acknowledged */
	FACT_SLOW_RECEIVED, /* the same until it was received, by one subscription */
	FACT_SLOW_KINDS,
};

struct fact_slow {
	uint32_t producer; /* number, as that of fact_producer */
	uint64_t sequence;
	uint64_t due_ns;                       /* 0 = there was no schedule */
	uint64_t sent_ns;                      /* send was called */
	uint64_t acknowledged_ns, received_ns; /* 0 = unknown */
	bool is_measured;                      /* it was due in the measured window */
	/* -1 = unknown. */
	int partition;
	int producer_agent, consumer_agent, consumer_generation; /* as in fact_agent */
	char subscription
		[FACT_SLOW_NAME]; /* that received it; longer names are cut; "" = unknown */
};

/* Slowest first; of equally slow ones by producer and sequence. */
struct fact_slow_list {
	struct fact_slow items[FACT_SLOW_MAX];
	size_t count;
};

struct fact_slowest {
	struct fact_slow_list of[FACT_SLOW_KINDS];
};

/* How long it took. */
uint64_t fact_slow_ns(const struct fact_slow *m, enum fact_slow_by by);

/* Of all that are added the slowest FACT_SLOW_MAX stay. */
void fact_slow_add(struct fact_slow_list *to, enum fact_slow_by by, const struct fact_slow *m);
void fact_slowest_add(struct fact_slowest *to, const struct fact_slowest *from);
/* The slowest `most` of each stay. */
void fact_slowest_cut(struct fact_slowest *s, size_t most);
bool fact_slowest_is_empty(const struct fact_slowest *s);

/* *m, of the list `by`, learns what *other knows of the same message: of an acknowledged one the last
 * receipt that is known, of a received one its acknowledgement. */
void fact_slow_learn(struct fact_slow *m, enum fact_slow_by by, const struct fact_slow *other);
/* The lists learn from each other. */
void fact_slowest_join(struct fact_slowest *s);

extern const struct fields slow_fields;    /* of struct fact_slow */
extern const struct fields slowest_fields; /* of struct fact_slowest: its lists as tables */

#endif
