/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/messages/data.h"

/* clang-format off */

static const struct kafka_field leader_fields[] = {
	I32(leader, id, 0, MISSING(-1)),
	I32(leader, epoch, 0, MISSING(-1)),
};
static KAFKA_LAYOUT(leader);

static const struct kafka_field endpoint_fields[] = {
	I32(endpoint, node, 0),
	STRING(endpoint, host, 0),
	I32(endpoint, port, 0),
	STRING(endpoint, rack, 0, NULL_FROM(0)),
};
static KAFKA_LAYOUT(endpoint);

/* --- Produce ------------------------------------------------------------------------------------ */

static const struct kafka_field produce_partition_fields[] = {
	I32(produce_partition, index, 0),
	RECORDS(produce_partition, records, 0, NULL_FROM(0)),
};
static KAFKA_LAYOUT(produce_partition);

static const struct kafka_field produce_topic_fields[] = {
	STRING(produce_topic, name, 0),
	STRUCTS(produce_topic, partitions, produce_partition, 0),
};
static KAFKA_LAYOUT(produce_topic);

static const struct kafka_field produce_request_fields[] = {
	STRING(produce_request, transactional_id, 3, NULL_FROM(3)),
	I16(produce_request, acks, 0),
	I32(produce_request, timeout_ms, 0),
	STRUCTS(produce_request, topics, produce_topic, 0),
};
KAFKA_LAYOUT(produce_request);

static const struct kafka_field record_error_fields[] = {
	I32(record_error, index, 8),
	STRING(record_error, message, 8, NULL_FROM(8)),
};
static KAFKA_LAYOUT(record_error);

static const struct kafka_field produced_partition_fields[] = {
	I32(produced_partition, index, 0),
	I16(produced_partition, error, 0),
	I64(produced_partition, base_offset, 0),
	I64(produced_partition, append_time_ms, 2, MISSING(-1)),
	I64(produced_partition, log_start, 5, MISSING(-1)),
	STRUCTS(produced_partition, record_errors, record_error, 8),
	STRING(produced_partition, error_message, 8, NULL_FROM(8)),
	STRUCT(produced_partition, leader, leader, 10, TAG(0)),
};
KAFKA_TAGGED_LAYOUT(produced_partition);

static const struct kafka_field produced_topic_fields[] = {
	STRING(produced_topic, name, 0),
	STRUCTS(produced_topic, partitions, produced_partition, 0),
};
KAFKA_LAYOUT(produced_topic);

static const struct kafka_field produce_response_fields[] = {
	STRUCTS(produce_response, topics, produced_topic, 0),
	I32(produce_response, throttle_ms, 1),
	STRUCTS(produce_response, endpoints, endpoint, 10, TAG(0)),
};
KAFKA_TAGGED_LAYOUT(produce_response);

/* --- Fetch -------------------------------------------------------------------------------------- */

static const struct kafka_field fetch_partition_fields[] = {
	I32(fetch_partition, index, 0),
	I32(fetch_partition, leader_epoch, 9, MISSING(-1)),
	I64(fetch_partition, offset, 0),
	I32(fetch_partition, last_epoch, 12, MISSING(-1)),
	I64(fetch_partition, log_start, 5, MISSING(-1)),
	I32(fetch_partition, max_bytes, 0),
};
static KAFKA_LAYOUT(fetch_partition);

static const struct kafka_field fetch_topic_fields[] = {
	STRING(fetch_topic, name, 0),
	STRUCTS(fetch_topic, partitions, fetch_partition, 0),
};
static KAFKA_LAYOUT(fetch_topic);

static const struct kafka_field forgotten_topic_fields[] = {
	STRING(forgotten_topic, name, 7),
	I32S(forgotten_topic, partitions, 7),
};
static KAFKA_LAYOUT(forgotten_topic);

static const struct kafka_field fetch_request_fields[] = {
	STRING(fetch_request, cluster, 12, NULL_FROM(12), TAG(0)),
	I32(fetch_request, replica, 0, MISSING(-1)),
	I32(fetch_request, max_wait_ms, 0),
	I32(fetch_request, min_bytes, 0),
	I32(fetch_request, max_bytes, 3, MISSING(INT32_MAX)),
	I8(fetch_request, isolation, 4),
	I32(fetch_request, session, 7),
	I32(fetch_request, session_epoch, 7, MISSING(-1)),
	STRUCTS(fetch_request, topics, fetch_topic, 0),
	STRUCTS(fetch_request, forgotten, forgotten_topic, 7),
	STRING(fetch_request, rack, 11),
};
KAFKA_TAGGED_LAYOUT(fetch_request);

static const struct kafka_field epoch_end_fields[] = {
	I32(epoch_end, epoch, 0, MISSING(-1)),
	I64(epoch_end, offset, 0, MISSING(-1)),
};
static KAFKA_LAYOUT(epoch_end);

static const struct kafka_field snapshot_fields[] = {
	I64(snapshot, offset, 0, MISSING(-1)),
	I32(snapshot, epoch, 0, MISSING(-1)),
};
static KAFKA_LAYOUT(snapshot);

static const struct kafka_field aborted_fields[] = {
	I64(aborted, producer, 4),
	I64(aborted, first_offset, 4),
};
static KAFKA_LAYOUT(aborted);

static const struct kafka_field fetched_partition_fields[] = {
	I32(fetched_partition, index, 0),
	I16(fetched_partition, error, 0),
	I64(fetched_partition, high_watermark, 0),
	I64(fetched_partition, last_stable, 4, MISSING(-1)),
	I64(fetched_partition, log_start, 5, MISSING(-1)),
	STRUCT(fetched_partition, diverging, epoch_end, 12, TAG(0)),
	STRUCT(fetched_partition, leader, leader, 12, TAG(1)),
	STRUCT(fetched_partition, snapshot, snapshot, 12, TAG(2)),
	STRUCTS(fetched_partition, aborted, aborted, 4, NULL_FROM(4)),
	I32(fetched_partition, preferred_replica, 11, MISSING(-1)),
	RECORDS(fetched_partition, records, 0, NULL_FROM(0)),
};
KAFKA_TAGGED_LAYOUT(fetched_partition);

static const struct kafka_field fetched_topic_fields[] = {
	STRING(fetched_topic, name, 0),
	STRUCTS(fetched_topic, partitions, fetched_partition, 0),
};
KAFKA_LAYOUT(fetched_topic);

static const struct kafka_field fetch_response_fields[] = {
	I32(fetch_response, throttle_ms, 1),
	I16(fetch_response, error, 7),
	I32(fetch_response, session, 7),
	STRUCTS(fetch_response, topics, fetched_topic, 0),
};
KAFKA_LAYOUT(fetch_response);

/* --- InitProducerId ----------------------------------------------------------------------------- */

static const struct kafka_field init_producer_request_fields[] = {
	STRING(init_producer_request, transactional_id, 0, NULL_FROM(0)),
	I32(init_producer_request, timeout_ms, 0),
	I64(init_producer_request, producer, 3, MISSING(-1)),
	I16(init_producer_request, epoch, 3, MISSING(-1)),
};
KAFKA_LAYOUT(init_producer_request);

static const struct kafka_field init_producer_response_fields[] = {
	I32(init_producer_response, throttle_ms, 0),
	I16(init_producer_response, error, 0),
	I64(init_producer_response, producer, 0, MISSING(-1)),
	I16(init_producer_response, epoch, 0),
};
KAFKA_LAYOUT(init_producer_response);
/* clang-format on */
