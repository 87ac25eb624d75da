/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/messages/topics.h"

/* clang-format off */

/* --- Metadata ----------------------------------------------------------------------------------- */

static const struct kafka_field metadata_topic_fields[] = {
	UUID(metadata_topic, id, 10),
	STRING(metadata_topic, name, 0, NULL_FROM(10)),
};
static KAFKA_LAYOUT(metadata_topic);

static const struct kafka_field metadata_request_fields[] = {
	STRUCTS(metadata_request, topics, metadata_topic, 0, NULL_FROM(1)),
	BOOL(metadata_request, may_create, 4, MISSING(1)),
	BOOL(metadata_request, wants_cluster_operations, 8, UNTIL(11)),
	BOOL(metadata_request, wants_topic_operations, 8),
};
KAFKA_LAYOUT(metadata_request);

static const struct kafka_field node_fields[] = {
	I32(node, id, 0),
	STRING(node, host, 0),
	I32(node, port, 0),
	STRING(node, rack, 1, NULL_FROM(1)),
};
KAFKA_LAYOUT(node);

static const struct kafka_field partition_state_fields[] = {
	I16(partition_state, error, 0),
	I32(partition_state, index, 0),
	I32(partition_state, leader, 0),
	I32(partition_state, leader_epoch, 7, MISSING(-1)),
	I32S(partition_state, replicas, 0),
	I32S(partition_state, in_sync, 0),
	I32S(partition_state, offline, 5),
};
KAFKA_LAYOUT(partition_state);

static const struct kafka_field topic_state_fields[] = {
	I16(topic_state, error, 0),
	STRING(topic_state, name, 0, NULL_FROM(12)),
	UUID(topic_state, id, 10),
	BOOL(topic_state, is_internal, 1),
	STRUCTS(topic_state, partitions, partition_state, 0),
	I32(topic_state, operations, 8, MISSING(KAFKA_OPERATIONS_UNKNOWN)),
};
KAFKA_LAYOUT(topic_state);

static const struct kafka_field metadata_response_fields[] = {
	I32(metadata_response, throttle_ms, 3),
	STRUCTS(metadata_response, nodes, node, 0),
	STRING(metadata_response, cluster, 2, NULL_FROM(2)),
	I32(metadata_response, controller, 1, MISSING(-1)),
	STRUCTS(metadata_response, topics, topic_state, 0),
	I32(metadata_response, operations, 8, UNTIL(11), MISSING(KAFKA_OPERATIONS_UNKNOWN)),
};
KAFKA_LAYOUT(metadata_response);

/* --- CreateTopics ------------------------------------------------------------------------------- */

static const struct kafka_field replica_place_fields[] = {
	I32(replica_place, partition, 0),
	I32S(replica_place, nodes, 0),
};
static KAFKA_LAYOUT(replica_place);

static const struct kafka_field topic_config_fields[] = {
	STRING(topic_config, name, 0),
	STRING(topic_config, value, 0, NULL_FROM(0)),
};
static KAFKA_LAYOUT(topic_config);

static const struct kafka_field new_topic_fields[] = {
	STRING(new_topic, name, 0),
	I32(new_topic, partitions, 0),
	I16(new_topic, replication, 0),
	STRUCTS(new_topic, places, replica_place, 0),
	STRUCTS(new_topic, configs, topic_config, 0),
};
static KAFKA_LAYOUT(new_topic);

static const struct kafka_field create_topics_request_fields[] = {
	STRUCTS(create_topics_request, topics, new_topic, 0),
	I32(create_topics_request, timeout_ms, 0, MISSING(60000)),
	BOOL(create_topics_request, only_try, 1),
};
KAFKA_LAYOUT(create_topics_request);

static const struct kafka_field created_config_fields[] = {
	STRING(created_config, name, 5),
	STRING(created_config, value, 5, NULL_FROM(5)),
	BOOL(created_config, is_read_only, 5),
	I8(created_config, source, 5, MISSING(-1)),
	BOOL(created_config, is_sensitive, 5),
};
static KAFKA_LAYOUT(created_config);

static const struct kafka_field created_topic_fields[] = {
	STRING(created_topic, name, 0),
	UUID(created_topic, id, 7),
	I16(created_topic, error, 0),
	STRING(created_topic, error_message, 1, NULL_FROM(0)),
	I16(created_topic, config_error, 5, TAG(0)),
	I32(created_topic, partitions, 5, MISSING(-1)),
	I16(created_topic, replication, 5, MISSING(-1)),
	STRUCTS(created_topic, configs, created_config, 5, NULL_FROM(5)),
};
KAFKA_TAGGED_LAYOUT(created_topic);

static const struct kafka_field create_topics_response_fields[] = {
	I32(create_topics_response, throttle_ms, 2),
	STRUCTS(create_topics_response, topics, created_topic, 0),
};
KAFKA_LAYOUT(create_topics_response);

/* --- DeleteTopics ------------------------------------------------------------------------------- */

static const struct kafka_field delete_topics_request_fields[] = {
	STRINGS(delete_topics_request, names, 0),
	I32(delete_topics_request, timeout_ms, 0),
};
KAFKA_LAYOUT(delete_topics_request);

static const struct kafka_field deleted_topic_fields[] = {
	STRING(deleted_topic, name, 0),
	I16(deleted_topic, error, 0),
	STRING(deleted_topic, error_message, 5, NULL_FROM(5)),
};
KAFKA_LAYOUT(deleted_topic);

static const struct kafka_field delete_topics_response_fields[] = {
	I32(delete_topics_response, throttle_ms, 1),
	STRUCTS(delete_topics_response, topics, deleted_topic, 0),
};
KAFKA_LAYOUT(delete_topics_response);

/* --- CreatePartitions --------------------------------------------------------------------------- */

static const struct kafka_field partition_place_fields[] = {
	I32S(partition_place, nodes, 0),
};
static KAFKA_LAYOUT(partition_place);

static const struct kafka_field grown_topic_fields[] = {
	STRING(grown_topic, name, 0),
	I32(grown_topic, count, 0),
	STRUCTS(grown_topic, places, partition_place, 0, NULL_FROM(0)),
};
static KAFKA_LAYOUT(grown_topic);

static const struct kafka_field create_partitions_request_fields[] = {
	STRUCTS(create_partitions_request, topics, grown_topic, 0),
	I32(create_partitions_request, timeout_ms, 0),
	BOOL(create_partitions_request, only_try, 0),
};
KAFKA_LAYOUT(create_partitions_request);

static const struct kafka_field grown_answer_fields[] = {
	STRING(grown_answer, name, 0),
	I16(grown_answer, error, 0),
	STRING(grown_answer, error_message, 0, NULL_FROM(0)),
};
static KAFKA_LAYOUT(grown_answer);

static const struct kafka_field create_partitions_response_fields[] = {
	I32(create_partitions_response, throttle_ms, 0),
	STRUCTS(create_partitions_response, topics, grown_answer, 0),
};
KAFKA_LAYOUT(create_partitions_response);
/* clang-format on */
