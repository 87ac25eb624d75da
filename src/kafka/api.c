/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/api.h"

#include "kafka/messages/configs.h"
#include "kafka/messages/data.h"
#include "kafka/messages/group_admin.h"
#include "kafka/messages/groups.h"
#include "kafka/messages/positions.h"
#include "kafka/messages/session.h"
#include "kafka/messages/topics.h"
#include "kafka/wire.h"

#define NEVER INT16_MAX

/* clang-format off */
const struct kafka_api kafka_apis[] = {
	{ KAFKA_PRODUCE,          12,  9, "Produce",         &produce_request,           &produce_response },
	{ KAFKA_FETCH,            12, 12, "Fetch",           &fetch_request,             &fetch_response },
	{ KAFKA_LIST_OFFSETS,      9,  6, "ListOffsets",     &list_offsets_request,      &list_offsets_response },
	{ KAFKA_METADATA,         12,  9, "Metadata",        &metadata_request,          &metadata_response },
	{ KAFKA_OFFSET_COMMIT,     9,  8, "OffsetCommit",    &offset_commit_request,     &offset_commit_response },
	{ KAFKA_OFFSET_FETCH,      7,  6, "OffsetFetch",     &offset_fetch_request,      &offset_fetch_response },
	{ KAFKA_FIND_COORDINATOR,  6,  3, "FindCoordinator", &find_coordinator_request,  &find_coordinator_response },
	{ KAFKA_JOIN_GROUP,        9,  6, "JoinGroup",       &join_group_request,        &join_group_response },
	{ KAFKA_HEARTBEAT,         4,  4, "Heartbeat",       &heartbeat_request,         &heartbeat_response },
	{ KAFKA_LEAVE_GROUP,       5,  4, "LeaveGroup",      &leave_group_request,       &leave_group_response },
	{ KAFKA_SYNC_GROUP,        5,  4, "SyncGroup",       &sync_group_request,        &sync_group_response },
	{ KAFKA_DESCRIBE_GROUPS,   6,  5, "DescribeGroups",  &describe_groups_request,   &describe_groups_response },
	{ KAFKA_LIST_GROUPS,       5,  3, "ListGroups",      &list_groups_request,       &list_groups_response },
	{ KAFKA_SASL_HANDSHAKE,    1, NEVER, "SaslHandshake", &sasl_handshake_request,   &sasl_handshake_response },
	{ KAFKA_API_VERSIONS,      4,  3, "ApiVersions",     &api_versions_request,      &api_versions_response },
	{ KAFKA_CREATE_TOPICS,     7,  5, "CreateTopics",    &create_topics_request,     &create_topics_response },
	{ KAFKA_DELETE_TOPICS,     5,  4, "DeleteTopics",    &delete_topics_request,     &delete_topics_response },
	{ KAFKA_INIT_PRODUCER_ID,  5,  2, "InitProducerId",  &init_producer_request,     &init_producer_response },
	{ KAFKA_LEADER_EPOCH,      4,  4, "OffsetForLeaderEpoch", &leader_epoch_request, &leader_epoch_response },
	{ KAFKA_DESCRIBE_CONFIGS,  4,  4, "DescribeConfigs", &describe_configs_request,  &describe_configs_response },
	{ KAFKA_SASL_AUTHENTICATE, 2,  2, "SaslAuthenticate", &sasl_authenticate_request, &sasl_authenticate_response },
	{ KAFKA_CREATE_PARTITIONS, 3,  2, "CreatePartitions", &create_partitions_request, &create_partitions_response },
	{ KAFKA_DELETE_GROUPS,     2,  2, "DeleteGroups",    &delete_groups_request,     &delete_groups_response },
};
/* clang-format on */
const size_t kafka_apis_count = sizeof(kafka_apis) / sizeof(kafka_apis[0]);

const struct kafka_api *kafka_api_find(int16_t key)
{
	for (size_t i = 0; i < kafka_apis_count; i++)
		if (kafka_apis[i].key == key)
			return &kafka_apis[i];
	return NULL;
}

bool kafka_api_is_flexible(const struct kafka_api *api, int16_t version)
{
	return version >= api->flexible;
}

static void skip_tags(struct reader *r)
{
	for (uint32_t count = read_uvarint(r); count > 0 && !r->broken; count--) {
		(void)read_uvarint(r);
		uint32_t len = read_uvarint(r);
		(void)read_bytes(r, len);
	}
}

bool kafka_head_read(struct reader *r, struct kafka_head *out)
{
	out->key = read_i16(r);
	out->version = read_i16(r);
	out->correlation = read_i32(r);
	out->client_id = read_string(r);
	const struct kafka_api *api = kafka_api_find(out->key);
	if (api != NULL && out->version <= api->last && kafka_api_is_flexible(api, out->version))
		skip_tags(r);
	return !r->broken;
}

void kafka_head_write(struct writer *w, const struct kafka_head *head)
{
	const struct kafka_api *api = kafka_api_find(head->key);

	write_i16(w, head->key);
	write_i16(w, head->version);
	write_i32(w, head->correlation);
	write_string_n(w, head->client_id);
	if (api != NULL && kafka_api_is_flexible(api, head->version))
		write_uvarint(w, 0);
}

static bool has_tags(const struct kafka_api *api, int16_t version)
{
	return api->key != KAFKA_API_VERSIONS && kafka_api_is_flexible(api, version);
}

int32_t kafka_answer_head_read(struct reader *r, const struct kafka_api *api, int16_t version)
{
	int32_t correlation = read_i32(r);

	if (has_tags(api, version))
		skip_tags(r);
	return correlation;
}

void kafka_answer_head_write(struct writer *w, const struct kafka_api *api, int16_t version,
                             int32_t correlation)
{
	write_i32(w, correlation);
	if (has_tags(api, version))
		write_uvarint(w, 0);
}
