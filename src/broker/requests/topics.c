/* SPDX-License-Identifier: Apache-2.0 */
/* topics -- Metadata, CreateTopics and DeleteTopics. */
#include <stdlib.h>
#include <string.h>

#include "broker/requests/call.h"
#include "kafka/messages/topics.h"

/* --- Metadata --------------------------------------------------------------------------------------- */

static void tell_nodes(struct call *c, struct kafka_metadata_response *out)
{
	const struct state *s = c->state;

	KAFKA_MAKE(out->nodes, c->memory, &node, (size_t)s->options.nodes);
	for (int32_t i = 0; i < s->options.nodes; i++)
		out->nodes.items[i] = (struct kafka_node){
			.id = i,
			.host = kafka_string_of(s->host),
			.port = s->ports[i],
		};
}

static void tell_topic(struct call *c, const struct topic *topic, struct kafka_topic_state *out)
{
	out->name = kafka_string_of(topic->name);
	KAFKA_MAKE(out->partitions, c->memory, &partition_state, (size_t)topic->partitions_count);
	for (int32_t i = 0; i < topic->partitions_count; i++) {
		struct kafka_partition_state *p = &out->partitions.items[i];
		p->index = i;
		p->leader = store_leader(&c->state->store, topic, i);
		/* The only replica. */
		p->replicas.items = p->in_sync.items = &p->leader;
		p->replicas.count = p->in_sync.count = 1;
	}
}

static void answer_topic(struct call *c, struct kafka_string name, bool may_create,
                         struct kafka_topic_state *out)
{
	struct store *store = &c->state->store;
	int32_t partitions = c->state->options.partitions;
	struct topic *topic = topics_find(&store->topics, name);
	enum kafka_error error =
		topic_name_is_legal(name) ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_INVALID_TOPIC;

	if (topic == NULL && may_create && partitions > 0) {
		error = store_create_topic(store, name, partitions);
		topic = topics_find(&store->topics, name);
	}
	out->name = name;
	if (topic != NULL)
		tell_topic(c, topic, out);
	else
		out->error = (int16_t)error;
}

static void tell_all_topics(struct call *c, struct kafka_metadata_response *out)
{
	const struct topics *topics = &c->state->store.topics;
	size_t i = 0;

	KAFKA_MAKE(out->topics, c->memory, &topic_state, topics->count);
	for (const struct topic *t = topics->first; t != NULL; t = t->next)
		tell_topic(c, t, &out->topics.items[i++]);
}

enum handled handle_metadata(struct call *c, const void *in, void *out)
{
	const struct kafka_metadata_request *request = in;
	struct kafka_metadata_response *answer = out;
	/* All of them: an empty list in version 0, and null later. */
	bool all =
		c->req->version == 0 ? request->topics.count == 0 : request->topics.items == NULL;

	tell_nodes(c, answer);
	answer->cluster = kafka_string_of(c->state->cluster_id);
	answer->controller = 0;
	if (all) {
		tell_all_topics(c, answer);
		return HANDLED_REPLY;
	}
	KAFKA_MAKE(answer->topics, c->memory, &topic_state, request->topics.count);
	for (size_t i = 0; i < request->topics.count; i++)
		answer_topic(c, request->topics.items[i].name, request->may_create,
		             &answer->topics.items[i]);
	return HANDLED_REPLY;
}

/* --- CreateTopics and DeleteTopics -------------------------------------------------------------------- */

/* Where replicas should be, and all other configuration, means nothing here. */
static uint32_t max_batch_bytes(const struct kafka_new_topic *t)
{
	static const char wanted[] = "max.message.bytes";
	uint32_t bytes = UINT32_MAX;

	for (size_t i = 0; i < t->configs.count; i++) {
		const struct kafka_topic_config *config = &t->configs.items[i];
		char digits[16] = "";
		if (kafka_string_compare(config->name, kafka_string_of(wanted)) != 0 ||
		    config->value.data == NULL || config->value.len >= sizeof(digits))
			continue;
		memcpy(digits, config->value.data, config->value.len);
		bytes = (uint32_t)strtoul(digits, NULL, 10);
	}
	return bytes;
}

static enum kafka_error create_topic(struct store *store, const struct kafka_new_topic *t,
                                     bool only_try)
{
	int32_t partitions = t->places.count > 0 ? (int32_t)t->places.count : t->partitions;

	if (!only_try) {
		enum kafka_error error = store_create_topic(store, t->name, partitions);
		if (error == KAFKA_NONE)
			topics_find(&store->topics, t->name)->max_batch_bytes = max_batch_bytes(t);
		return error;
	}
	if (!topic_name_is_legal(t->name))
		return KAFKA_INVALID_TOPIC;
	return topics_find(&store->topics, t->name) != NULL ? KAFKA_TOPIC_ALREADY_EXISTS
	                                                    : KAFKA_NONE;
}

enum handled handle_create_topics(struct call *c, const void *in, void *out)
{
	const struct kafka_create_topics_request *request = in;
	struct kafka_create_topics_response *answer = out;

	KAFKA_MAKE(answer->topics, c->memory, &created_topic, request->topics.count);
	for (size_t i = 0; i < request->topics.count; i++) {
		const struct kafka_new_topic *t = &request->topics.items[i];
		enum kafka_error error = create_topic(&c->state->store, t, request->only_try);
		answer->topics.items[i].name = t->name;
		answer->topics.items[i].error = (int16_t)error;
		answer->topics.items[i].error_message = kafka_string_of(store_topic_reason(error));
	}
	return HANDLED_REPLY;
}

/* As Kafka: the word for it came with version 3. */
static enum kafka_error delete_topic(struct call *c, struct kafka_string name)
{
	struct store *store = &c->state->store;
	struct topic *topic = topics_find(&store->topics, name);

	if (c->state->options.keeps_topics)
		return c->req->version >= 3 ? KAFKA_TOPIC_DELETION_DISABLED : KAFKA_INVALID_REQUEST;
	if (topic == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	store_delete_topic(store, topic);
	return KAFKA_NONE;
}

enum handled handle_delete_topics(struct call *c, const void *in, void *out)
{
	const struct kafka_delete_topics_request *request = in;
	struct kafka_delete_topics_response *answer = out;

	KAFKA_MAKE(answer->topics, c->memory, &deleted_topic, request->names.count);
	for (size_t i = 0; i < request->names.count; i++) {
		answer->topics.items[i].name = request->names.items[i];
		answer->topics.items[i].error = (int16_t)delete_topic(c, request->names.items[i]);
	}
	return HANDLED_REPLY;
}
