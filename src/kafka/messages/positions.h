/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MESSAGES_POSITIONS_H
#define OMB_KAFKA_MESSAGES_POSITIONS_H

/* positions -- where in a log to begin: ListOffsets and OffsetForLeaderEpoch. */

#include "kafka/schema.h"

#define KAFKA_TIME_LATEST   (-1)
#define KAFKA_TIME_EARLIEST (-2)

struct kafka_find_partition {
	int32_t index, leader_epoch;
	int64_t timestamp;
	int32_t count;
};

struct kafka_find_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_find_partition) partitions;
};

struct kafka_list_offsets_request {
	int32_t replica;
	int8_t isolation;
	KAFKA_LIST(struct kafka_find_topic) topics;
};

struct kafka_found_partition {
	int32_t index;
	int16_t error;
	KAFKA_LIST(int64_t) offsets; /* of version 0 */
	int64_t timestamp, offset;
	int32_t leader_epoch;
};

struct kafka_found_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_found_partition) partitions;
};

struct kafka_list_offsets_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_found_topic) topics;
};

struct kafka_epoch_partition {
	int32_t index, leader_epoch, epoch;
};

struct kafka_epoch_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_epoch_partition) partitions;
};

struct kafka_leader_epoch_request {
	int32_t replica;
	KAFKA_LIST(struct kafka_epoch_topic) topics;
};

struct kafka_epoch_answer {
	int16_t error;
	int32_t index, epoch;
	int64_t offset;
};

struct kafka_epoch_topic_answer {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_epoch_answer) partitions;
};

struct kafka_leader_epoch_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_epoch_topic_answer) topics;
};

extern const struct kafka_layout list_offsets_request, found_topic, found_partition,
	list_offsets_response, leader_epoch_request, leader_epoch_response;

#endif
