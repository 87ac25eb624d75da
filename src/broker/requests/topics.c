/* SPDX-License-Identifier: Apache-2.0 */
/* handle_topics -- Metadata, CreateTopics and DeleteTopics. */
#include <stdlib.h>
#include <string.h>

#include "broker/requests/api.h"
#include "broker/state.h"
#include "kafka/wire.h"

/* --- Metadata --------------------------------------------------------------------------------------- */

static void write_nodes(struct state *b, int16_t version, struct writer *out)
{
	write_u32(out, (uint32_t)b->options.nodes);
	for (int32_t node = 0; node < b->options.nodes; node++) {
		write_i32(out, node);
		write_string(out, b->host);
		write_i32(out, b->ports[node]);
		if (version >= 1)
			write_string(out, NULL); /* rack */
	}
}

static void write_topic(const struct state *b, int16_t version, const struct topic *topic,
                        struct writer *out)
{
	write_i16(out, KAFKA_NONE);
	write_string(out, topic->name);
	if (version >= 1)
		write_u8(out, 0); /* not internal */
	write_i32(out, topic->partitions_count);
	for (int32_t i = 0; i < topic->partitions_count; i++) {
		int32_t leader = store_leader(&b->store, topic, i);
		write_i16(out, KAFKA_NONE);
		write_i32(out, i);
		write_i32(out, leader);
		write_u32(out, 1); /* replicas */
		write_i32(out, leader);
		write_u32(out, 1); /* in sync */
		write_i32(out, leader);
	}
}

static void write_no_topic(int16_t version, struct kafka_string name, enum kafka_error error,
                           struct writer *out)
{
	write_i16(out, (int16_t)error);
	write_string_n(out, name);
	if (version >= 1)
		write_u8(out, 0);
	write_u32(out, 0);
}

static void answer_topic(struct state *b, int16_t version, struct kafka_string name, bool create,
                         struct writer *out)
{
	struct topic *topic = topics_find(&b->store.topics, name);
	enum kafka_error error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;

	if (name.data == NULL || !topic_name_is_legal(name))
		error = KAFKA_INVALID_TOPIC;
	if (topic == NULL && create && b->options.partitions > 0) {
		error = store_create_topic(&b->store, name, b->options.partitions);
		topic = topics_find(&b->store.topics, name);
	}
	if (topic != NULL)
		write_topic(b, version, topic, out);
	else
		write_no_topic(version, name, error, out);
}

static void write_all_topics(const struct state *b, int16_t version, struct writer *out)
{
	write_u32(out, (uint32_t)b->store.topics.count);
	for (const struct topic *t = b->store.topics.first; t != NULL; t = t->next)
		write_topic(b, version, t, out);
}

enum handled handle_metadata(struct state *b, struct request *req, uint64_t now_ns,
                             struct writer *out)
{
	struct reader peek = req->body;
	int32_t raw = read_i32(&peek);
	/* All of them: an empty list in version 0, and null later. */
	bool all = req->version == 0 ? raw == 0 : raw == -1;
	struct reader names = req->body;
	size_t count = read_count(&names, 2);
	struct reader flags = names;

	(void)now_ns;
	for (size_t i = 0; i < count; i++)
		(void)read_string(&flags);
	bool create = req->version < 4 || read_u8(&flags) != 0;
	if (flags.broken || peek.broken)
		return HANDLED_BAD;

	if (req->version >= 3)
		write_u32(out, 0); /* throttle time */
	write_nodes(b, req->version, out);
	if (req->version >= 2)
		write_string(out, b->cluster_id);
	if (req->version >= 1)
		write_i32(out, 0); /* controller */
	if (all) {
		write_all_topics(b, req->version, out);
		return HANDLED_REPLY;
	}
	write_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		answer_topic(b, req->version, read_string(&names), create, out);
	return HANDLED_REPLY;
}

/* --- CreateTopics and DeleteTopics -------------------------------------------------------------------- */

struct wanted_topic {
	struct kafka_string name;
	int32_t partitions;
	size_t assigned; /* partitions given one by one */
	uint32_t max_batch_bytes;
};

static void read_config(struct reader *r, struct wanted_topic *w)
{
	static const char wanted[] = "max.message.bytes";
	struct kafka_string key = read_string(r), value = read_string(r);
	char digits[16] = "";

	if (key.len != strlen(wanted) || memcmp(key.data, wanted, key.len) != 0 ||
	    value.data == NULL || value.len >= sizeof(digits))
		return;
	memcpy(digits, value.data, value.len);
	w->max_batch_bytes = (uint32_t)strtoul(digits, NULL, 10);
}

/* Where replicas should be, and all other configuration, means nothing here. */
static struct wanted_topic read_wanted(struct reader *r)
{
	struct wanted_topic w = { .name = read_string(r), .max_batch_bytes = UINT32_MAX };

	w.partitions = read_i32(r);
	(void)read_i16(r); /* replicas */
	w.assigned = read_count(r, 8);
	for (size_t i = 0; i < w.assigned && !r->broken; i++) {
		(void)read_i32(r);
		(void)read_bytes(r, read_count(r, 4) * 4);
	}
	for (size_t configs = read_count(r, 4); configs > 0 && !r->broken; configs--)
		read_config(r, &w);
	return w;
}

static enum kafka_error create_topic(struct state *b, const struct wanted_topic *w, bool only_try)
{
	int32_t partitions = w->assigned > 0 ? (int32_t)w->assigned : w->partitions;

	if (!only_try) {
		enum kafka_error error = store_create_topic(&b->store, w->name, partitions);
		if (error == KAFKA_NONE)
			topics_find(&b->store.topics, w->name)->max_batch_bytes =
				w->max_batch_bytes;
		return error;
	}
	if (!topic_name_is_legal(w->name))
		return KAFKA_INVALID_TOPIC;
	return topics_find(&b->store.topics, w->name) != NULL ? KAFKA_TOPIC_ALREADY_EXISTS
	                                                      : KAFKA_NONE;
}

enum handled handle_create_topics(struct state *b, struct request *req, uint64_t now_ns,
                                  struct writer *out)
{
	size_t count = read_count(&req->body, 14);
	struct reader flags = req->body;

	(void)now_ns;
	for (size_t i = 0; i < count && !flags.broken; i++)
		(void)read_wanted(&flags);
	(void)read_i32(&flags); /* timeout */
	bool only_try = req->version >= 1 && read_u8(&flags) != 0;
	if (flags.broken)
		return HANDLED_BAD;

	if (req->version >= 2)
		write_u32(out, 0); /* throttle time */
	write_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		struct wanted_topic w = read_wanted(&req->body);
		enum kafka_error error = create_topic(b, &w, only_try);
		write_string_n(out, w.name);
		write_i16(out, (int16_t)error);
		if (req->version >= 1)
			write_string(out, store_topic_reason(error));
	}
	return HANDLED_REPLY;
}

/* As Kafka: the word for it came with version 3. */
static enum kafka_error delete_topic(struct state *b, int16_t version, struct kafka_string name)
{
	struct topic *topic = topics_find(&b->store.topics, name);

	if (b->options.keeps_topics)
		return version >= 3 ? KAFKA_TOPIC_DELETION_DISABLED : KAFKA_INVALID_REQUEST;
	if (topic == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	store_delete_topic(&b->store, topic);
	return KAFKA_NONE;
}

enum handled handle_delete_topics(struct state *b, struct request *req, uint64_t now_ns,
                                  struct writer *out)
{
	size_t count = read_count(&req->body, 2);
	struct reader check = req->body;

	(void)now_ns;
	for (size_t i = 0; i < count; i++)
		(void)read_string(&check);
	(void)read_i32(&check); /* timeout */
	if (check.broken)
		return HANDLED_BAD;

	if (req->version >= 1)
		write_u32(out, 0); /* throttle time */
	write_u32(out, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		struct kafka_string name = read_string(&req->body);
		write_string_n(out, name);
		write_i16(out, (int16_t)delete_topic(b, req->version, name));
	}
	return HANDLED_REPLY;
}
