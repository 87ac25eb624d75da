/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MESSAGES_GROUPS_H
#define OMB_KAFKA_MESSAGES_GROUPS_H

/*
 * groups -- messages of consumer groups: who is a member, and where it has got to.  groups.c and
 * group_admin.c say which version has what.
 */

#include "kafka/schema.h"

/* --- OffsetCommit and OffsetFetch --------------------------------------------------------------- */

struct kafka_commit_partition {
	int32_t index;
	int64_t offset;
	int32_t leader_epoch;
	int64_t time_ms; /* of version 1 */
	struct kafka_string metadata;
};

struct kafka_commit_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_commit_partition) partitions;
};

struct kafka_offset_commit_request {
	struct kafka_string group;
	int32_t generation;
	struct kafka_string member, instance;
	int64_t retention_ms;
	KAFKA_LIST(struct kafka_commit_topic) topics;
};

struct kafka_committed_partition {
	int32_t index;
	int16_t error;
};

struct kafka_committed_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_committed_partition) partitions;
};

struct kafka_offset_commit_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_committed_topic) topics;
};

struct kafka_position_topic {
	struct kafka_string name;
	KAFKA_LIST(int32_t) partitions;
};

struct kafka_offset_fetch_request {
	struct kafka_string group;
	KAFKA_LIST(struct kafka_position_topic) topics; /* null: all */
	bool must_be_stable;
};

struct kafka_position {
	int32_t index;
	int64_t offset; /* -1: none */
	int32_t leader_epoch;
	struct kafka_string metadata;
	int16_t error;
};

struct kafka_positions_topic {
	struct kafka_string name;
	KAFKA_LIST(struct kafka_position) partitions;
};

struct kafka_offset_fetch_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_positions_topic) topics;
	int16_t error;
};

extern const struct kafka_layout offset_commit_request, committed_topic, committed_partition,
	offset_commit_response, offset_fetch_request, positions_topic, position,
	offset_fetch_response;

/* --- FindCoordinator ---------------------------------------------------------------------------- */

enum { KAFKA_COORDINATOR_GROUP = 0, KAFKA_COORDINATOR_TRANSACTION = 1 };

struct kafka_find_coordinator_request {
	struct kafka_string key;
	int8_t type;
	KAFKA_LIST(struct kafka_string) keys; /* from version 4 on instead of `key` */
};

struct kafka_coordinator {
	struct kafka_string key;
	int32_t node;
	struct kafka_string host;
	int32_t port;
	int16_t error;
	struct kafka_string error_message;
};

struct kafka_find_coordinator_response {
	int32_t throttle_ms;
	int16_t error;
	struct kafka_string error_message;
	int32_t node;
	struct kafka_string host;
	int32_t port;
	KAFKA_LIST(struct kafka_coordinator) coordinators; /* likewise instead of all of it */
};

extern const struct kafka_layout find_coordinator_request, find_coordinator_response;

/* --- JoinGroup, SyncGroup, Heartbeat, LeaveGroup ------------------------------------------------ */

struct kafka_join_protocol {
	struct kafka_string name, metadata;
};

struct kafka_join_group_request {
	struct kafka_string group;
	int32_t session_ms, rebalance_ms;
	struct kafka_string member, instance, protocol_type;
	KAFKA_LIST(struct kafka_join_protocol) protocols;
	struct kafka_string reason;
};

struct kafka_joined_member {
	struct kafka_string member, instance, metadata;
};

struct kafka_join_group_response {
	int32_t throttle_ms;
	int16_t error;
	int32_t generation;
	struct kafka_string protocol_type, protocol, leader;
	bool skips_assignment;
	struct kafka_string member;
	KAFKA_LIST(struct kafka_joined_member) members;
};

struct kafka_sync_assignment {
	struct kafka_string member, assignment;
};

struct kafka_sync_group_request {
	struct kafka_string group;
	int32_t generation;
	struct kafka_string member, instance, protocol_type, protocol;
	KAFKA_LIST(struct kafka_sync_assignment) assignments;
};

struct kafka_sync_group_response {
	int32_t throttle_ms;
	int16_t error;
	struct kafka_string protocol_type, protocol, assignment;
};

struct kafka_heartbeat_request {
	struct kafka_string group;
	int32_t generation;
	struct kafka_string member, instance;
};

struct kafka_heartbeat_response {
	int32_t throttle_ms;
	int16_t error;
};

struct kafka_leaving_member {
	struct kafka_string member, instance, reason;
};

struct kafka_leave_group_request {
	struct kafka_string group, member;
	KAFKA_LIST(struct kafka_leaving_member) members; /* from version 3 on instead of `member` */
};

struct kafka_left_member {
	struct kafka_string member, instance;
	int16_t error;
};

struct kafka_leave_group_response {
	int32_t throttle_ms;
	int16_t error;
	KAFKA_LIST(struct kafka_left_member) members;
};

extern const struct kafka_layout join_group_request, joined_member, join_group_response,
	sync_group_request, sync_group_response, heartbeat_request, heartbeat_response,
	leave_group_request, leave_group_response;

#endif
