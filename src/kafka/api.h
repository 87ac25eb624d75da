/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_KAFKA_API_H
#define OMB_KAFKA_API_H

/*
 * api -- which requests there are: their keys, versions, layouts and heads.
 *
 * All versions from 0 to `last` are known; which of them an end speaks is its own affair.  Left out are
 * the versions that name topics by id only.
 *
 * A frame is its length (u32, kept by whoever moves it) and then
 *
 *     request     key i16 | version i16 | correlation i32 | client id string | [tags] | body
 *     answer      correlation i32 | [tags] | body
 *
 * with tags in flexible versions, but not in the answer to ApiVersions, which has to be understood by
 * a client that does not know yet what it speaks to.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kafka/schema.h"
#include "net/bytes.h"

enum kafka_key {
	KAFKA_PRODUCE = 0,
	KAFKA_FETCH = 1,
	KAFKA_LIST_OFFSETS = 2,
	KAFKA_METADATA = 3,
	KAFKA_OFFSET_COMMIT = 8,
	KAFKA_OFFSET_FETCH = 9,
	KAFKA_FIND_COORDINATOR = 10,
	KAFKA_JOIN_GROUP = 11,
	KAFKA_HEARTBEAT = 12,
	KAFKA_LEAVE_GROUP = 13,
	KAFKA_SYNC_GROUP = 14,
	KAFKA_DESCRIBE_GROUPS = 15,
	KAFKA_LIST_GROUPS = 16,
	KAFKA_SASL_HANDSHAKE = 17,
	KAFKA_API_VERSIONS = 18,
	KAFKA_CREATE_TOPICS = 19,
	KAFKA_DELETE_TOPICS = 20,
	KAFKA_INIT_PRODUCER_ID = 22,
	KAFKA_LEADER_EPOCH = 23,
	KAFKA_DESCRIBE_CONFIGS = 32,
	KAFKA_SASL_AUTHENTICATE = 36,
	KAFKA_CREATE_PARTITIONS = 37,
	KAFKA_DELETE_GROUPS = 42,
};

struct kafka_api {
	int16_t key, last;
	int16_t flexible; /* from this version on; INT16_MAX: none */
	const char *name;
	const struct kafka_layout *request, *answer;
};

extern const struct kafka_api kafka_apis[];
extern const size_t kafka_apis_count;

/* NULL: unknown. */
const struct kafka_api *kafka_api_find(int16_t key);
bool kafka_api_is_flexible(const struct kafka_api *api, int16_t version);

/* In front of a request. */
struct kafka_head {
	int16_t key, version;
	int32_t correlation;
	struct kafka_string client_id;
};

/* False: malformed.  What it does not know it takes for one that is not flexible. */
bool kafka_head_read(struct reader *r, struct kafka_head *out);
void kafka_head_write(struct writer *w, const struct kafka_head *head);
/* Of an answer to a request of this kind. */
int32_t kafka_answer_head_read(struct reader *r, const struct kafka_api *api, int16_t version);
void kafka_answer_head_write(struct writer *w, const struct kafka_api *api, int16_t version,
                             int32_t correlation);

#endif
