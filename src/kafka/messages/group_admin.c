/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/messages/group_admin.h"

#include "kafka/messages/topics.h"

/* clang-format off */

static const struct kafka_field describe_groups_request_fields[] = {
	STRINGS(describe_groups_request, groups, 0),
	BOOL(describe_groups_request, wants_operations, 3),
};
KAFKA_LAYOUT(describe_groups_request);

static const struct kafka_field described_member_fields[] = {
	STRING(described_member, member, 0),
	STRING(described_member, instance, 4, NULL_FROM(4)),
	STRING(described_member, client_id, 0),
	STRING(described_member, client_host, 0),
	BYTES(described_member, metadata, 0),
	BYTES(described_member, assignment, 0),
};
KAFKA_LAYOUT(described_member);

static const struct kafka_field described_group_fields[] = {
	I16(described_group, error, 0),
	STRING(described_group, error_message, 6, NULL_FROM(6)),
	STRING(described_group, group, 0),
	STRING(described_group, state, 0),
	STRING(described_group, protocol_type, 0),
	STRING(described_group, protocol, 0),
	STRUCTS(described_group, members, described_member, 0),
	I32(described_group, operations, 3, MISSING(KAFKA_OPERATIONS_UNKNOWN)),
};
KAFKA_LAYOUT(described_group);

static const struct kafka_field describe_groups_response_fields[] = {
	I32(describe_groups_response, throttle_ms, 1),
	STRUCTS(describe_groups_response, groups, described_group, 0),
};
KAFKA_LAYOUT(describe_groups_response);

static const struct kafka_field list_groups_request_fields[] = {
	STRINGS(list_groups_request, states, 4),
	STRINGS(list_groups_request, types, 5),
};
KAFKA_LAYOUT(list_groups_request);

static const struct kafka_field listed_group_fields[] = {
	STRING(listed_group, group, 0),
	STRING(listed_group, protocol_type, 0),
	STRING(listed_group, state, 4),
	STRING(listed_group, type, 5),
};
KAFKA_LAYOUT(listed_group);

static const struct kafka_field list_groups_response_fields[] = {
	I32(list_groups_response, throttle_ms, 1),
	I16(list_groups_response, error, 0),
	STRUCTS(list_groups_response, groups, listed_group, 0),
};
KAFKA_LAYOUT(list_groups_response);

static const struct kafka_field delete_groups_request_fields[] = {
	STRINGS(delete_groups_request, groups, 0),
};
KAFKA_LAYOUT(delete_groups_request);

static const struct kafka_field deleted_group_fields[] = {
	STRING(deleted_group, group, 0),
	I16(deleted_group, error, 0),
};
KAFKA_LAYOUT(deleted_group);

static const struct kafka_field delete_groups_response_fields[] = {
	I32(delete_groups_response, throttle_ms, 0),
	STRUCTS(delete_groups_response, groups, deleted_group, 0),
};
KAFKA_LAYOUT(delete_groups_response);
/* clang-format on */
