/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/messages/groups.h"

/* clang-format off */

/* --- OffsetCommit and OffsetFetch --------------------------------------------------------------- */

static const struct kafka_field commit_partition_fields[] = {
	I32(commit_partition, index, 0),
	I64(commit_partition, offset, 0),
	I32(commit_partition, leader_epoch, 6, MISSING(-1)),
	I64(commit_partition, time_ms, 1, UNTIL(2), MISSING(-1)),
	STRING(commit_partition, metadata, 0, NULL_FROM(0)),
};
static KAFKA_LAYOUT(commit_partition);

static const struct kafka_field commit_topic_fields[] = {
	STRING(commit_topic, name, 0),
	STRUCTS(commit_topic, partitions, commit_partition, 0),
};
static KAFKA_LAYOUT(commit_topic);

static const struct kafka_field offset_commit_request_fields[] = {
	STRING(offset_commit_request, group, 0),
	I32(offset_commit_request, generation, 1, MISSING(-1)),
	STRING(offset_commit_request, member, 1),
	STRING(offset_commit_request, instance, 7, NULL_FROM(7)),
	I64(offset_commit_request, retention_ms, 2, UNTIL(5), MISSING(-1)),
	STRUCTS(offset_commit_request, topics, commit_topic, 0),
};
KAFKA_LAYOUT(offset_commit_request);

static const struct kafka_field committed_partition_fields[] = {
	I32(committed_partition, index, 0),
	I16(committed_partition, error, 0),
};
KAFKA_LAYOUT(committed_partition);

static const struct kafka_field committed_topic_fields[] = {
	STRING(committed_topic, name, 0),
	STRUCTS(committed_topic, partitions, committed_partition, 0),
};
KAFKA_LAYOUT(committed_topic);

static const struct kafka_field offset_commit_response_fields[] = {
	I32(offset_commit_response, throttle_ms, 3),
	STRUCTS(offset_commit_response, topics, committed_topic, 0),
};
KAFKA_LAYOUT(offset_commit_response);

static const struct kafka_field position_topic_fields[] = {
	STRING(position_topic, name, 0),
	I32S(position_topic, partitions, 0),
};
static KAFKA_LAYOUT(position_topic);

static const struct kafka_field offset_fetch_request_fields[] = {
	STRING(offset_fetch_request, group, 0),
	STRUCTS(offset_fetch_request, topics, position_topic, 0, NULL_FROM(2)),
	BOOL(offset_fetch_request, must_be_stable, 7),
};
KAFKA_LAYOUT(offset_fetch_request);

static const struct kafka_field position_fields[] = {
	I32(position, index, 0),
	I64(position, offset, 0),
	I32(position, leader_epoch, 5, MISSING(-1)),
	STRING(position, metadata, 0, NULL_FROM(0)),
	I16(position, error, 0),
};
KAFKA_LAYOUT(position);

static const struct kafka_field positions_topic_fields[] = {
	STRING(positions_topic, name, 0),
	STRUCTS(positions_topic, partitions, position, 0),
};
KAFKA_LAYOUT(positions_topic);

static const struct kafka_field offset_fetch_response_fields[] = {
	I32(offset_fetch_response, throttle_ms, 3),
	STRUCTS(offset_fetch_response, topics, positions_topic, 0),
	I16(offset_fetch_response, error, 2),
};
KAFKA_LAYOUT(offset_fetch_response);

/* --- FindCoordinator ---------------------------------------------------------------------------- */

static const struct kafka_field find_coordinator_request_fields[] = {
	STRING(find_coordinator_request, key, 0, UNTIL(4)),
	I8(find_coordinator_request, type, 1),
	STRINGS(find_coordinator_request, keys, 4),
};
KAFKA_LAYOUT(find_coordinator_request);

static const struct kafka_field coordinator_fields[] = {
	STRING(coordinator, key, 4),
	I32(coordinator, node, 4),
	STRING(coordinator, host, 4),
	I32(coordinator, port, 4),
	I16(coordinator, error, 4),
	STRING(coordinator, error_message, 4, NULL_FROM(4)),
};
static KAFKA_LAYOUT(coordinator);

static const struct kafka_field find_coordinator_response_fields[] = {
	I32(find_coordinator_response, throttle_ms, 1),
	I16(find_coordinator_response, error, 0, UNTIL(4)),
	STRING(find_coordinator_response, error_message, 1, UNTIL(4), NULL_FROM(1)),
	I32(find_coordinator_response, node, 0, UNTIL(4)),
	STRING(find_coordinator_response, host, 0, UNTIL(4)),
	I32(find_coordinator_response, port, 0, UNTIL(4)),
	STRUCTS(find_coordinator_response, coordinators, coordinator, 4),
};
KAFKA_LAYOUT(find_coordinator_response);

/* --- JoinGroup, SyncGroup, Heartbeat, LeaveGroup ------------------------------------------------ */

static const struct kafka_field join_protocol_fields[] = {
	STRING(join_protocol, name, 0),
	BYTES(join_protocol, metadata, 0),
};
static KAFKA_LAYOUT(join_protocol);

static const struct kafka_field join_group_request_fields[] = {
	STRING(join_group_request, group, 0),
	I32(join_group_request, session_ms, 0),
	I32(join_group_request, rebalance_ms, 1, MISSING(-1)),
	STRING(join_group_request, member, 0),
	STRING(join_group_request, instance, 5, NULL_FROM(5)),
	STRING(join_group_request, protocol_type, 0),
	STRUCTS(join_group_request, protocols, join_protocol, 0),
	STRING(join_group_request, reason, 8, NULL_FROM(8)),
};
KAFKA_LAYOUT(join_group_request);

static const struct kafka_field joined_member_fields[] = {
	STRING(joined_member, member, 0),
	STRING(joined_member, instance, 5, NULL_FROM(5)),
	BYTES(joined_member, metadata, 0),
};
KAFKA_LAYOUT(joined_member);

static const struct kafka_field join_group_response_fields[] = {
	I32(join_group_response, throttle_ms, 2),
	I16(join_group_response, error, 0),
	I32(join_group_response, generation, 0, MISSING(-1)),
	STRING(join_group_response, protocol_type, 7, NULL_FROM(7)),
	STRING(join_group_response, protocol, 0, NULL_FROM(7)),
	STRING(join_group_response, leader, 0),
	BOOL(join_group_response, skips_assignment, 9),
	STRING(join_group_response, member, 0),
	STRUCTS(join_group_response, members, joined_member, 0),
};
KAFKA_LAYOUT(join_group_response);

static const struct kafka_field sync_assignment_fields[] = {
	STRING(sync_assignment, member, 0),
	BYTES(sync_assignment, assignment, 0),
};
static KAFKA_LAYOUT(sync_assignment);

static const struct kafka_field sync_group_request_fields[] = {
	STRING(sync_group_request, group, 0),
	I32(sync_group_request, generation, 0),
	STRING(sync_group_request, member, 0),
	STRING(sync_group_request, instance, 3, NULL_FROM(3)),
	STRING(sync_group_request, protocol_type, 5, NULL_FROM(5)),
	STRING(sync_group_request, protocol, 5, NULL_FROM(5)),
	STRUCTS(sync_group_request, assignments, sync_assignment, 0),
};
KAFKA_LAYOUT(sync_group_request);

static const struct kafka_field sync_group_response_fields[] = {
	I32(sync_group_response, throttle_ms, 1),
	I16(sync_group_response, error, 0),
	STRING(sync_group_response, protocol_type, 5, NULL_FROM(5)),
	STRING(sync_group_response, protocol, 5, NULL_FROM(5)),
	BYTES(sync_group_response, assignment, 0),
};
KAFKA_LAYOUT(sync_group_response);

static const struct kafka_field heartbeat_request_fields[] = {
	STRING(heartbeat_request, group, 0),
	I32(heartbeat_request, generation, 0),
	STRING(heartbeat_request, member, 0),
	STRING(heartbeat_request, instance, 3, NULL_FROM(3)),
};
KAFKA_LAYOUT(heartbeat_request);

static const struct kafka_field heartbeat_response_fields[] = {
	I32(heartbeat_response, throttle_ms, 1),
	I16(heartbeat_response, error, 0),
};
KAFKA_LAYOUT(heartbeat_response);

static const struct kafka_field leaving_member_fields[] = {
	STRING(leaving_member, member, 3),
	STRING(leaving_member, instance, 3, NULL_FROM(3)),
	STRING(leaving_member, reason, 5, NULL_FROM(5)),
};
static KAFKA_LAYOUT(leaving_member);

static const struct kafka_field leave_group_request_fields[] = {
	STRING(leave_group_request, group, 0),
	STRING(leave_group_request, member, 0, UNTIL(3)),
	STRUCTS(leave_group_request, members, leaving_member, 3),
};
KAFKA_LAYOUT(leave_group_request);

static const struct kafka_field left_member_fields[] = {
	STRING(left_member, member, 3),
	STRING(left_member, instance, 3, NULL_FROM(3)),
	I16(left_member, error, 3),
};
static KAFKA_LAYOUT(left_member);

static const struct kafka_field leave_group_response_fields[] = {
	I32(leave_group_response, throttle_ms, 1),
	I16(leave_group_response, error, 0),
	STRUCTS(leave_group_response, members, left_member, 3),
};
KAFKA_LAYOUT(leave_group_response);
/* clang-format on */
