/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_TOPICS_H
#define OMB_BROKER_TOPICS_H

/*
 * topics -- topics by name and their partitions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/store/held.h"
#include "broker/store/log.h"
#include "broker/store/producers.h"
#include "broker/store/readers.h"
#include "broker/wait.h"
#include "kafka/string.h"

#define TOPIC_NAME_MAX 249

struct partition {
	struct log log;
	struct producers producers;
	struct wait_list data; /* fetches that wait for more */
	struct readers readers;
	struct held *held; /* owned */
};

struct topic {
	char name[TOPIC_NAME_MAX + 1];
	struct partition *partitions; /* owned */
	int32_t partitions_count;
	uint32_t max_batch_bytes; /* max.message.bytes */
	uint32_t hash;
	uint64_t dropped;   /* messages, unread */
	struct topic *next; /* in the order of creation */
	struct topic *next_in_bucket;
};

struct topics {
	struct topic *first, **last;
	struct topic **buckets; /* owned */
	size_t buckets_count, count;
	size_t partitions; /* of all topics */
	struct readers_budget readers;
};

void topics_init(struct topics *t, size_t readers_max);
void topics_fini(struct topics *t);

/* Kafka's rule: 1 to 249 of a-z A-Z 0-9 . _ - and neither "." nor "..". */
bool topic_name_is_legal(struct kafka_string name);

/* NULL: there is none. */
struct topic *topics_find(const struct topics *t, struct kafka_string name);
/* NULL: the topic (which may be NULL) has no such partition. */
struct partition *topic_partition(struct topic *topic, int32_t partition);
/* NULL: neither the topic nor the partition exists. */
struct partition *topics_partition(const struct topics *t, struct kafka_string name,
                                   int32_t partition);
/* The name is legal and new, `partitions` at least 1. */
struct topic *topics_add(struct topics *t, struct kafka_string name, int32_t partitions);
/* Nobody waits for its data any more. */
void topics_remove(struct topics *t, struct topic *topic);

#endif
