/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MESSAGES_TOPICS_H
#define OMB_KAFKA_MESSAGES_TOPICS_H

/*
 * topics -- messages about a cluster and its topics: Metadata, CreateTopics, DeleteTopics and
 * CreatePartitions.  topics.c says which version has what.
 */

#include "kafka/schema.h"

#define KAFKA_OPERATIONS_UNKNOWN INT32_MIN

/* --- Metadata ----------------------------------------------------------------------------------- */

struct kafka_metadata_topic {
	struct kafka_uuid id;
	struct kafka_string name;
};

struct kafka_metadata_request {
	KAFKA_LIST(struct kafka_metadata_topic)
	topics; /* null: all; in version 0 an empty list is */
	bool may_create, wants_cluster_operations, wants_topic_operations;
};

struct kafka_node {
	int32_t id;
	struct kafka_string host;
	int32_t port;
	struct kafka_string rack;
};

struct kafka_partition_state {
	int16_t error;
	int32_t index, leader, leader_epoch;
	KAFKA_LIST(int32_t) replicas;
	KAFKA_LIST(int32_t) in_sync;
	KAFKA_LIST(int32_t) offline;
};

struct kafka_topic_state {
	int16_t error;
	struct kafka_string name;
	struct kafka_uuid id;
	bool is_internal;
	KAFKA_LIST(struct kafka_partition_state) partitions;
	int32_t operations;
};

struct kafka_metadata_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_node) nodes;
	struct kafka_string cluster;
	int32_t controller;
	KAFKA_LIST(struct kafka_topic_state) topics;
	int32_t operations;
};

extern const struct kafka_layout metadata_request, node, partition_state, topic_state,
	metadata_response;

/* --- CreateTopics ------------------------------------------------------------------------------- */

struct kafka_replica_place {
	int32_t partition;
	KAFKA_LIST(int32_t) nodes;
};

struct kafka_topic_config {
	struct kafka_string name, value;
};

struct kafka_new_topic {
	struct kafka_string name;
	int32_t partitions;  /* -1: as many as the broker likes, or see `places` */
	int16_t replication; /* likewise */
	KAFKA_LIST(struct kafka_replica_place) places;
	KAFKA_LIST(struct kafka_topic_config) configs;
};

struct kafka_create_topics_request {
	KAFKA_LIST(struct kafka_new_topic) topics;
	int32_t timeout_ms;
	bool only_try;
};

struct kafka_created_config {
	struct kafka_string name, value;
	bool is_read_only;
	int8_t source;
	bool is_sensitive;
};

struct kafka_created_topic {
	struct kafka_string name;
	struct kafka_uuid id;
	int16_t error;
	struct kafka_string error_message;
	int16_t config_error;
	int32_t partitions;
	int16_t replication;
	KAFKA_LIST(struct kafka_created_config) configs;
};

struct kafka_create_topics_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_created_topic) topics;
};

extern const struct kafka_layout create_topics_request, created_topic, create_topics_response;

/* --- DeleteTopics ------------------------------------------------------------------------------- */

struct kafka_delete_topics_request {
	KAFKA_LIST(struct kafka_string) names;
	int32_t timeout_ms;
};

struct kafka_deleted_topic {
	struct kafka_string name;
	int16_t error;
	struct kafka_string error_message;
};

struct kafka_delete_topics_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_deleted_topic) topics;
};

extern const struct kafka_layout delete_topics_request, deleted_topic, delete_topics_response;

/* --- CreatePartitions --------------------------------------------------------------------------- */

struct kafka_partition_place {
	KAFKA_LIST(int32_t) nodes;
};

struct kafka_grown_topic {
	struct kafka_string name;
	int32_t count; /* that it is to have */
	KAFKA_LIST(struct kafka_partition_place) places;
};

struct kafka_create_partitions_request {
	KAFKA_LIST(struct kafka_grown_topic) topics;
	int32_t timeout_ms;
	bool only_try;
};

struct kafka_grown_answer {
	struct kafka_string name;
	int16_t error;
	struct kafka_string error_message;
};

struct kafka_create_partitions_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_grown_answer) topics;
};

extern const struct kafka_layout create_partitions_request, create_partitions_response;

#endif
