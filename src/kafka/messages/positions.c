/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/messages/positions.h"

/* clang-format off */

static const struct kafka_field find_partition_fields[] = {
	I32(find_partition, index, 0),
	I32(find_partition, leader_epoch, 4, MISSING(-1)),
	I64(find_partition, timestamp, 0),
	I32(find_partition, count, 0, UNTIL(1), MISSING(1)),
};
static KAFKA_LAYOUT(find_partition);

static const struct kafka_field find_topic_fields[] = {
	STRING(find_topic, name, 0),
	STRUCTS(find_topic, partitions, find_partition, 0),
};
static KAFKA_LAYOUT(find_topic);

static const struct kafka_field list_offsets_request_fields[] = {
	I32(list_offsets_request, replica, 0),
	I8(list_offsets_request, isolation, 2),
	STRUCTS(list_offsets_request, topics, find_topic, 0),
};
KAFKA_LAYOUT(list_offsets_request);

static const struct kafka_field found_partition_fields[] = {
	I32(found_partition, index, 0),
	I16(found_partition, error, 0),
	I64S(found_partition, offsets, 0, UNTIL(1)),
	I64(found_partition, timestamp, 1, MISSING(-1)),
	I64(found_partition, offset, 1, MISSING(-1)),
	I32(found_partition, leader_epoch, 4, MISSING(-1)),
};
KAFKA_LAYOUT(found_partition);

static const struct kafka_field found_topic_fields[] = {
	STRING(found_topic, name, 0),
	STRUCTS(found_topic, partitions, found_partition, 0),
};
KAFKA_LAYOUT(found_topic);

static const struct kafka_field list_offsets_response_fields[] = {
	I32(list_offsets_response, throttle_ms, 2),
	STRUCTS(list_offsets_response, topics, found_topic, 0),
};
KAFKA_LAYOUT(list_offsets_response);

static const struct kafka_field epoch_partition_fields[] = {
	I32(epoch_partition, index, 0),
	I32(epoch_partition, leader_epoch, 2, MISSING(-1)),
	I32(epoch_partition, epoch, 0),
};
static KAFKA_LAYOUT(epoch_partition);

static const struct kafka_field epoch_topic_fields[] = {
	STRING(epoch_topic, name, 0),
	STRUCTS(epoch_topic, partitions, epoch_partition, 0),
};
static KAFKA_LAYOUT(epoch_topic);

static const struct kafka_field leader_epoch_request_fields[] = {
	I32(leader_epoch_request, replica, 3, MISSING(-2)),
	STRUCTS(leader_epoch_request, topics, epoch_topic, 0),
};
KAFKA_LAYOUT(leader_epoch_request);

static const struct kafka_field epoch_answer_fields[] = {
	I16(epoch_answer, error, 0),
	I32(epoch_answer, index, 0),
	I32(epoch_answer, epoch, 1, MISSING(-1)),
	I64(epoch_answer, offset, 0, MISSING(-1)),
};
static KAFKA_LAYOUT(epoch_answer);

static const struct kafka_field epoch_topic_answer_fields[] = {
	STRING(epoch_topic_answer, name, 0),
	STRUCTS(epoch_topic_answer, partitions, epoch_answer, 0),
};
static KAFKA_LAYOUT(epoch_topic_answer);

static const struct kafka_field leader_epoch_response_fields[] = {
	I32(leader_epoch_response, throttle_ms, 2),
	STRUCTS(leader_epoch_response, topics, epoch_topic_answer, 0),
};
KAFKA_LAYOUT(leader_epoch_response);
/* clang-format on */
