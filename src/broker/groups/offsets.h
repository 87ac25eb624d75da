/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_OFFSETS_H
#define OMB_BROKER_OFFSETS_H

/*
 * offsets -- the offsets that one group has committed, by topic and partition.
 *
 * Zeroed is valid and empty.  They are kept until the group or the topic is deleted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/error.h"
#include "kafka/string.h"

enum { OFFSET_METADATA_MAX = 4096 }; /* Kafka's default */

/* What all groups together may use; a stranger must not fill the memory. */
struct group_budget {
	size_t offsets, offsets_max; /* committed partitions */
	size_t bytes, bytes_max;     /* members, subscriptions, assignments, names, metadata */
};

/* Counts `len` bytes as used, or returns false when they would be too many. */
bool budget_take(struct group_budget *budget, size_t len);
void budget_give(struct group_budget *budget, size_t len);

struct committed {
	int32_t partition;
	int32_t leader_epoch; /* -1: unknown */
	int64_t offset;
	struct kafka_string metadata; /* owned; data NULL: null */
};

struct offset_topic {
	struct kafka_string name; /* owned */
	struct committed *items;  /* owned, sorted by partition */
	size_t count, cap;
};

struct offsets {
	struct offset_topic *topics; /* owned, sorted by name */
	size_t count, cap;
};

void offsets_fini(struct offsets *o, struct group_budget *budget);

/* Copies the metadata.  KAFKA_NONE, or the code to answer for this partition. */
int16_t offsets_set(struct offsets *o, struct group_budget *budget, struct kafka_string topic,
                    const struct committed *value);
/* Borrowed until the next change; NULL: nothing was committed. */
const struct committed *offsets_find(const struct offsets *o, struct kafka_string topic,
                                     int32_t partition);
void offsets_forget_topic(struct offsets *o, struct group_budget *budget,
                          struct kafka_string topic);

#endif
