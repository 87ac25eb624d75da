/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/requests/api.h"

#include "kafka/error.h"

/* clang-format off */
const struct api apis[] = {
	{  0,  7, "Produce",         handle_produce },
	{  1, 11, "Fetch",           handle_fetch },
	{  2,  2, "ListOffsets",     handle_list_offsets },
	{  3,  4, "Metadata",        handle_metadata },
	{  8,  7, "OffsetCommit",    handle_offset_commit },
	{  9,  5, "OffsetFetch",     handle_offset_fetch },
	{ 10,  2, "FindCoordinator", handle_find_coordinator },
	{ 11,  5, "JoinGroup",       handle_join_group },
	{ 12,  3, "Heartbeat",       handle_heartbeat },
	{ 13,  1, "LeaveGroup",      handle_leave_group },
	{ 14,  3, "SyncGroup",       handle_sync_group },
	{ 15,  4, "DescribeGroups",  handle_describe_groups },
	{ 16,  2, "ListGroups",      handle_list_groups },
	{ 18,  3, "ApiVersions",     handle_api_versions },
	{ 19,  4, "CreateTopics",    handle_create_topics },
	{ 20,  3, "DeleteTopics",    handle_delete_topics },
	{ 22,  1, "InitProducerId",  handle_init_producer_id },
	{ 42,  1, "DeleteGroups",    handle_delete_groups },
};
/* clang-format on */
const size_t apis_count = sizeof(apis) / sizeof(apis[0]);

const struct api *api_find(int16_t key)
{
	for (size_t i = 0; i < apis_count; i++)
		if (apis[i].key == key)
			return &apis[i];
	return NULL;
}

bool api_is_of_groups(int16_t key)
{
	return (key >= 8 && key <= 16) || key == 42;
}

/* Version 3 is flexible: counts are one more as a varint (ours fit into a byte), and each structure
 * ends in its tagged fields, of which there are none. */
static void write_versions(struct writer *out, int16_t version, enum kafka_error error)
{
	write_i16(out, (int16_t)error);
	if (version >= 3)
		write_u8(out, (uint8_t)(apis_count + 1));
	else
		write_u32(out, (uint32_t)apis_count);
	for (size_t i = 0; i < apis_count; i++) {
		write_i16(out, apis[i].key);
		write_i16(out, 0);
		write_i16(out, apis[i].max_version);
		if (version >= 3)
			write_u8(out, 0);
	}
	if (version >= 1)
		write_u32(out, 0); /* throttle time */
	if (version >= 3)
		write_u8(out, 0);
}

/* A client that is newer learns in the oldest encoding what there is, as Kafka does it. */
enum handled handle_api_versions(struct state *b, struct request *req, uint64_t now_ns,
                                 struct writer *out)
{
	bool known = req->version >= 0 && req->version <= api_find(API_API_VERSIONS)->max_version;
	int16_t version = 0;

	(void)b;
	(void)now_ns;
	_Static_assert(sizeof(apis) / sizeof(apis[0]) < 127, "the count is one byte");
	if (known)
		version = req->version;
	write_versions(out, version, known ? KAFKA_NONE : KAFKA_UNSUPPORTED_VERSION);
	return HANDLED_REPLY;
}
