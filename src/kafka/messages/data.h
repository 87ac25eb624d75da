/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MESSAGES_DATA_H
#define OMB_KAFKA_MESSAGES_DATA_H

/*
 * data -- messages that carry records: Produce, Fetch and InitProducerId.  data.c says which version has what.
 */

#include "kafka/schema.h"

/* Where a partition has gone. */
struct kafka_leader {
	int32_t id, epoch;
};

/* Where nodes are that a leader is among. */
struct kafka_endpoint {
	int32_t node;
	struct kafka_string host;
	int32_t port;
	struct kafka_string rack;
};

/* --- Produce ------------------------------------------------------------------------------------ */

struct kafka_produce_partition {
	int32_t index;
	struct kafka_records records;
};

struct kafka_produce_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_produce_partition) partitions;
};

struct kafka_produce_request {
	struct kafka_string transactional_id;
	int16_t acks;
	int32_t timeout_ms;
	KAFKA_LIST(struct kafka_produce_topic) topics;
};

struct kafka_record_error {
	int32_t index; /* of the record in its batch */
	struct kafka_string message;
};

struct kafka_produced_partition {
	int32_t index;
	int16_t error;
	int64_t base_offset, append_time_ms, log_start;
	KAFKA_LIST(struct kafka_record_error) record_errors;
	struct kafka_string error_message;
	struct kafka_leader leader;
};

struct kafka_produced_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_produced_partition) partitions;
};

struct kafka_produce_response {
	KAFKA_LIST(struct kafka_produced_topic) topics;
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_endpoint) endpoints;
};

extern const struct kafka_layout produce_request, produce_response;

/* --- Fetch -------------------------------------------------------------------------------------- */

struct kafka_fetch_partition {
	int32_t index, leader_epoch;
	int64_t offset;
	int32_t last_epoch;
	int64_t log_start; /* of followers */
	int32_t max_bytes;
};

struct kafka_fetch_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_fetch_partition) partitions;
};

struct kafka_forgotten_topic {
	struct kafka_string name;
	KAFKA_LIST(int32_t) partitions;
};

struct kafka_fetch_request {
	struct kafka_string cluster;
	int32_t replica, max_wait_ms, min_bytes, max_bytes;
	int8_t isolation; /* 1: read committed */
	int32_t session, session_epoch;
	KAFKA_LIST(struct kafka_fetch_topic) topics;
	KAFKA_LIST(struct kafka_forgotten_topic) forgotten;
	struct kafka_string rack;
};

struct kafka_epoch_end {
	int32_t epoch;
	int64_t offset;
};

struct kafka_snapshot {
	int64_t offset;
	int32_t epoch;
};

struct kafka_aborted {
	int64_t producer, first_offset;
};

struct kafka_fetched_partition {
	int32_t index;
	int16_t error;
	int64_t high_watermark, last_stable, log_start;
	struct kafka_epoch_end diverging;
	struct kafka_leader leader;
	struct kafka_snapshot snapshot;
	KAFKA_LIST(struct kafka_aborted) aborted;
	int32_t preferred_replica;
	struct kafka_records records;
};

struct kafka_fetched_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_fetched_partition) partitions;
};

struct kafka_fetch_response {
	int32_t throttle_ms;
	int16_t error;
	int32_t session;
	KAFKA_LIST(struct kafka_fetched_topic) topics;
};

extern const struct kafka_layout fetch_request, fetched_topic, fetched_partition, fetch_response;

/* --- InitProducerId ----------------------------------------------------------------------------- */

struct kafka_init_producer_request {
	struct kafka_string transactional_id;
	int32_t timeout_ms;
	int64_t producer;
	int16_t epoch;
};

struct kafka_init_producer_response {
	int32_t throttle_ms;
	int16_t error;
	int64_t producer;
	int16_t epoch;
};

extern const struct kafka_layout produced_topic, produced_partition, init_producer_request,
	init_producer_response;

#endif
