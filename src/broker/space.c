/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space -- topics come and go, and what is dropped when the memory is full.
 */
#include <inttypes.h>
#include <string.h>

#include "broker/state.h"

/* How soon another look for room is worth it when there was none. */
#define SCARCE_NS     UINT64_C(1000000)
/* It may be full a hundred times a second. */
#define TELL_AGAIN_NS UINT64_C(10000000000)

enum kafka_error broker_create_topic(struct broker *b, struct kafka_string name, int32_t partitions)
{
	if (!topic_name_is_legal(name))
		return KAFKA_INVALID_TOPIC;
	if (topics_find(&b->topics, name) != NULL)
		return KAFKA_TOPIC_ALREADY_EXISTS;
	if (partitions == -1)
		partitions = b->options.partitions > 0 ? b->options.partitions : 1;
	if (partitions < 1)
		return KAFKA_INVALID_PARTITIONS;
	if (b->topics.count >= b->options.topics_max ||
	    (size_t)partitions > b->options.partitions_max - b->topics.partitions)
		return KAFKA_POLICY_VIOLATION;

	const struct topic *topic = topics_add(&b->topics, name, partitions);
	broker_notice(b, "topic %s created: %" PRId32 " partition%s", topic->name, partitions,
	              partitions == 1 ? "" : "s");
	return KAFKA_NONE;
}

const char *broker_topic_reason(enum kafka_error error)
{
	static const struct {
		enum kafka_error error;
		const char *reason;
	} reasons[] = {
		{ KAFKA_INVALID_TOPIC, "the name is not legal" },
		{ KAFKA_TOPIC_ALREADY_EXISTS, "there is such a topic" },
		{ KAFKA_INVALID_PARTITIONS, "a topic has at least one partition" },
		{ KAFKA_POLICY_VIOLATION, "the broker would have too many topics or partitions" },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].error == error)
			return reasons[i].reason;
	return NULL;
}

bool broker_add_topic(struct broker *b, const char *name, int32_t partitions, struct error *err)
{
	struct kafka_string s = { .data = name, .len = strlen(name) };
	enum kafka_error error = broker_create_topic(b, s, partitions);

	if (error == KAFKA_NONE)
		return true;
	return error_set(err, ERROR_USAGE, "topic \"%s\": %s", name, broker_topic_reason(error));
}

void broker_delete_topic(struct broker *b, struct topic *topic)
{
	for (int32_t i = 0; i < topic->partitions_count; i++)
		wait_list_wake(b, &topic->partitions[i].data);
	groups_forget_topic(b->groups, topic->name);
	broker_notice(b, "topic %s deleted", topic->name);
	topics_remove(&b->topics, topic);
}

int32_t broker_leader(const struct broker *b, const struct topic *topic, int32_t partition)
{
	return (int32_t)((topic->hash + (uint32_t)partition) % (uint32_t)b->options.nodes);
}

/* Below this offset nobody needs anything any more. */
static int64_t held_from(struct broker *b, const struct topic *topic, int32_t partition,
                         uint64_t now_ns)
{
	struct partition *p = &topic->partitions[partition];
	uint64_t since_ns = now_ns > READER_STALE_NS ? now_ns - READER_STALE_NS : 0;
	int64_t read, committed;
	bool has_reader = partition_lowest_reader(p, since_ns, &read);
	bool has_group = groups_lowest_offset(b->groups, topic->name, partition, &committed);

	if (has_reader && has_group)
		return read < committed ? read : committed;
	if (has_reader || has_group)
		return has_reader ? read : committed;
	return p->released;
}

/* What everybody has had goes, until `wanted` chunks are free. */
static void drop_read(struct broker *b, size_t wanted, uint64_t now_ns)
{
	for (struct topic *t = b->topics.first; t != NULL; t = t->next)
		for (int32_t i = 0; i < t->partitions_count; i++) {
			struct log *log = &t->partitions[i].log;
			if (b->pool.free_count >= wanted)
				return;
			if (log->chunks_count > 0)
				log_drop_to(log, held_from(b, t, i, now_ns));
		}
}

static struct log *find_longest(struct broker *b)
{
	struct log *longest = NULL;

	for (struct topic *t = b->topics.first; t != NULL; t = t->next)
		for (int32_t i = 0; i < t->partitions_count; i++) {
			struct log *log = &t->partitions[i].log;
			if (log->chunks_count > 0 &&
			    (longest == NULL || log->chunks_count > longest->chunks_count))
				longest = log;
		}
	return longest;
}

/* What nobody has had goes too. */
static void drop_oldest(struct broker *b, size_t wanted)
{
	/* Chunks that are just being sent are not free at once: no endless search. */
	for (size_t tries = 0; tries < b->pool.count && b->pool.free_count < wanted; tries++) {
		struct log *log = find_longest(b);
		if (log == NULL)
			return;
		int64_t start = log->start;
		log_drop_oldest(log);
		b->counts.dropped += (uint64_t)(log->start - start);
	}
}

/* The topic that holds most, to name it. */
static const char *largest_topic(const struct broker *b)
{
	const char *name = "";
	size_t most = 0;

	for (struct topic *t = b->topics.first; t != NULL; t = t->next) {
		size_t chunks = 0;
		for (int32_t i = 0; i < t->partitions_count; i++)
			chunks += t->partitions[i].log.chunks_count;
		if (chunks > most) {
			most = chunks;
			name = t->name;
		}
	}
	return name;
}

bool broker_make_room(struct broker *b, size_t chunks, uint64_t now_ns)
{
	/* Some more than is asked for, so that the next ones find it. */
	size_t wanted = chunks + b->pool.count / 16;

	if (b->pool.free_count >= chunks)
		return true;
	if (b->scarce_ns != 0 && now_ns - b->scarce_ns < SCARCE_NS)
		return false;
	drop_read(b, wanted, now_ns);
	if (b->pool.free_count < chunks && b->options.full == BROKER_DROP_OLDEST)
		drop_oldest(b, wanted);
	if (b->pool.free_count >= chunks) {
		b->scarce_ns = 0;
		return true;
	}
	b->scarce_ns = now_ns;
	if (b->full_told_ns == 0 || now_ns - b->full_told_ns >= TELL_AGAIN_NS) {
		b->full_told_ns = now_ns;
		broker_notice(b, "memory is full (%zu MB): producers wait for the consumers of %s",
		              b->pool.count * POOL_CHUNK_BYTES / 1000000, largest_topic(b));
	}
	return false;
}
