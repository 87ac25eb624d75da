/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_API_H
#define OMB_BROKER_API_H

/*
 * api -- which requests the broker knows, in which versions.  The table is the whole truth: the
 * answer to ApiVersions, the dispatch and the documentation read it.
 *
 * Versions are those that librdkafka 2.0 to 2.15 send.  The oldest is always 0, because librdkafka
 * derives features from old versions.  All are non-flexible but ApiVersions 3.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/request.h"
#include "kafka/string.h"

struct api {
	int16_t key, max_version;
	const char *name;
	request_handler *handle;
};

extern const struct api apis[];
extern const size_t apis_count;

/* NULL: unknown. */
const struct api *api_find(int16_t key);

/* Members, generations, offsets. */
bool api_is_of_groups(int16_t key);

/* A Produce with acks=0. */
bool produce_is_one_way(const struct request *req);

/* The node that coordinates a group: groups are spread over the nodes, as on Kafka. */
int32_t group_coordinator(const struct state *s, struct kafka_string id);

request_handler handle_api_versions, handle_metadata, handle_produce, handle_fetch,
	handle_list_offsets, handle_create_topics, handle_delete_topics, handle_init_producer_id,
	handle_find_coordinator, handle_join_group, handle_sync_group, handle_heartbeat,
	handle_leave_group, handle_offset_commit, handle_offset_fetch, handle_list_groups,
	handle_describe_groups, handle_delete_groups;

#define API_PRODUCE      0
#define API_API_VERSIONS 18

#endif
