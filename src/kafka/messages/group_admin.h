/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_MESSAGES_GROUP_ADMIN_H
#define OMB_KAFKA_MESSAGES_GROUP_ADMIN_H

/* group_admin -- messages about groups from outside: DescribeGroups, ListGroups, DeleteGroups. */

#include "kafka/schema.h"

struct kafka_describe_groups_request {
	KAFKA_LIST(struct kafka_string) groups;
	bool wants_operations;
};

struct kafka_described_member {
	struct kafka_string member, instance, client_id, client_host, metadata, assignment;
};

struct kafka_described_group {
	int16_t error;
	struct kafka_string error_message, group, state, protocol_type, protocol;
	KAFKA_LIST(struct kafka_described_member) members;
	int32_t operations;
};

struct kafka_describe_groups_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_described_group) groups;
};

struct kafka_list_groups_request {
	KAFKA_LIST(struct kafka_string) states;
	KAFKA_LIST(struct kafka_string) types;
};

struct kafka_listed_group {
	struct kafka_string group, protocol_type, state, type;
};

struct kafka_list_groups_response {
	int32_t throttle_ms;
	int16_t error;
	KAFKA_LIST(struct kafka_listed_group) groups;
};

struct kafka_delete_groups_request {
	KAFKA_LIST(struct kafka_string) groups;
};

struct kafka_deleted_group {
	struct kafka_string group;
	int16_t error;
};

struct kafka_delete_groups_response {
	int32_t throttle_ms;
	KAFKA_LIST(struct kafka_deleted_group) groups;
};

extern const struct kafka_layout describe_groups_request, described_member, described_group,
	describe_groups_response, list_groups_request, listed_group, list_groups_response,
	delete_groups_request, deleted_group, delete_groups_response;

#endif
