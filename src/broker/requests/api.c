/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/requests/api.h"

#include "broker/requests/call.h"
#include "kafka/api.h"
#include "kafka/codec.h"
#include "kafka/error.h"
#include "kafka/messages/data.h"
#include "kafka/messages/session.h"

struct served {
	int16_t key, last;
	request_handler *handle;
};

static request_handler handle_api_versions;

/* clang-format off */
static const struct served table[] = {
	{ KAFKA_PRODUCE,           7, handle_produce },
	{ KAFKA_FETCH,            11, handle_fetch },
	{ KAFKA_LIST_OFFSETS,      2, handle_list_offsets },
	{ KAFKA_METADATA,          4, handle_metadata },
	{ KAFKA_OFFSET_COMMIT,     7, handle_offset_commit },
	{ KAFKA_OFFSET_FETCH,      5, handle_offset_fetch },
	{ KAFKA_FIND_COORDINATOR,  2, handle_find_coordinator },
	{ KAFKA_JOIN_GROUP,        5, handle_join_group },
	{ KAFKA_HEARTBEAT,         3, handle_heartbeat },
	{ KAFKA_LEAVE_GROUP,       1, handle_leave_group },
	{ KAFKA_SYNC_GROUP,        3, handle_sync_group },
	{ KAFKA_DESCRIBE_GROUPS,   4, handle_describe_groups },
	{ KAFKA_LIST_GROUPS,       2, handle_list_groups },
	{ KAFKA_API_VERSIONS,      3, handle_api_versions },
	{ KAFKA_CREATE_TOPICS,     4, handle_create_topics },
	{ KAFKA_DELETE_TOPICS,     3, handle_delete_topics },
	{ KAFKA_INIT_PRODUCER_ID,  1, handle_init_producer_id },
	{ KAFKA_DELETE_GROUPS,     1, handle_delete_groups },
};
/* clang-format on */
#define SERVED (sizeof(table) / sizeof(table[0]))

static const struct served *find(int16_t key)
{
	for (size_t i = 0; i < SERVED; i++)
		if (table[i].key == key)
			return &table[i];
	return NULL;
}

bool api_is_of_groups(int16_t key)
{
	return (key >= KAFKA_OFFSET_COMMIT && key <= KAFKA_LIST_GROUPS) ||
	       key == KAFKA_DELETE_GROUPS;
}

static enum handled handle_api_versions(struct call *c, const void *in, void *out)
{
	struct kafka_api_versions_response *answer = out;
	bool is_known = c->req->version <= find(KAFKA_API_VERSIONS)->last;

	(void)in;
	answer->error = is_known ? KAFKA_NONE : KAFKA_UNSUPPORTED_VERSION;
	KAFKA_MAKE(answer->apis, c->memory, &api_range, SERVED);
	for (size_t i = 0; i < SERVED; i++)
		answer->apis.items[i] =
			(struct kafka_api_range){ .key = table[i].key, .last = table[i].last };
	return HANDLED_REPLY;
}

/* --- decode, act, encode -------------------------------------------------------------------------- */

struct answer {
	struct request *req;
	struct writer *out;
};

/* Records leave as they lie in their log. */
static void splice_records(void *context, const struct kafka_records *records)
{
	const struct answer *a = context;
	const struct log_span *span = records->source;
	uint64_t position = span->position;
	size_t left = records->len;

	while (left > 0) {
		struct chunk *chunk;
		size_t part;
		const uint8_t *data = log_piece(span->log, position, left, &chunk, &part);
		request_splice(a->req, a->out, chunk, data, part);
		position += part;
		left -= part;
	}
}

static void encode(struct request *req, const struct kafka_api *api, int16_t version,
                   const void *message, struct writer *out)
{
	struct answer a = { .req = req, .out = out };
	const struct kafka_encoder e = {
		.version = version,
		.is_flexible = kafka_api_is_flexible(api, version),
		.out = out,
		.put_records = splice_records,
		.context = &a,
	};

	kafka_encode(&e, api->answer, message);
}

/* Planted faults let it wait. */
static bool is_held(struct state *s, struct request *req, uint64_t now_ns)
{
	uint64_t due_ns = req->arrived_ns + faults_delay_ns(s->faults, req->arrived_ns);

	due_ns = faults_stall_end_ns(s->faults, FAULT_STALL, due_ns > now_ns ? due_ns : now_ns);
	if (due_ns > now_ns)
		sleeper_wait_until(&req->sleeper, due_ns);
	return due_ns > now_ns;
}

static enum handled act(struct call *c, const struct served *served, const struct kafka_api *api,
                        int16_t version, struct writer *out)
{
	struct request *req = c->req;
	void *in = kafka_memory_take(c->memory, api->request->size);
	void *answer = kafka_memory_items(c->memory, api->answer, 1);
	struct reader body = req->body;
	struct kafka_decoder d = {
		.version = version,
		.is_flexible = kafka_api_is_flexible(api, version),
		.memory = c->memory,
	};

	/* A client that is newer learns in the oldest encoding what there is, as Kafka does it. */
	if (version == req->version && !kafka_decode(&d, api->request, &body, in))
		return HANDLED_BAD;
	if (req->api == KAFKA_PRODUCE)
		req->one_way = ((const struct kafka_produce_request *)in)->acks == 0;
	if (is_held(c->state, req, c->now_ns))
		return HANDLED_WAIT;
	enum handled how = served->handle(c, in, answer);
	req->visits++;
	if (how == HANDLED_REPLY)
		encode(req, api, version, answer, out);
	return how;
}

enum handled api_handle(struct state *s, struct request *req, uint64_t now_ns, struct writer *out)
{
	const struct served *served = find(req->api);
	struct call c = { .state = s, .req = req, .memory = &s->memory, .now_ns = now_ns };

	if (served == NULL || req->version < 0)
		return HANDLED_BAD;
	bool is_too_new = req->version > served->last;
	if (is_too_new && req->api != KAFKA_API_VERSIONS)
		return HANDLED_BAD;
	kafka_memory_reset(&s->memory);
	return act(&c, served, kafka_api_find(req->api), (int16_t)(is_too_new ? 0 : req->version),
	           out);
}
