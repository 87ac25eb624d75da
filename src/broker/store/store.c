/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store.h"

#include <inttypes.h>
#include <string.h>

#include "broker/groups/groups.h"

/* How soon another look for room is worth it when there was none. */
#define SCARCE_NS     UINT64_C(1000000)
/* It may be full a hundred times a second. */
#define TELL_AGAIN_NS UINT64_C(10000000000)

bool store_init(struct store *s, struct error *err)
{
	topics_init(&s->topics, s->options->readers_max);
	return pool_init(&s->pool, s->options->memory_bytes, err);
}

void store_fini(struct store *s)
{
	topics_fini(&s->topics);
	pool_fini(&s->pool);
}

enum kafka_error store_create_topic(struct store *s, struct kafka_string name, int32_t partitions)
{
	if (!topic_name_is_legal(name))
		return KAFKA_INVALID_TOPIC;
	if (topics_find(&s->topics, name) != NULL)
		return KAFKA_TOPIC_ALREADY_EXISTS;
	if (partitions == -1)
		partitions = s->options->partitions > 0 ? s->options->partitions : 1;
	if (partitions < 1)
		return KAFKA_INVALID_PARTITIONS;
	if (s->topics.count >= s->options->topics_max ||
	    (size_t)partitions > s->options->partitions_max - s->topics.partitions)
		return KAFKA_POLICY_VIOLATION;

	const struct topic *topic = topics_add(&s->topics, name, partitions);
	notice_tell(&s->options->notices, "topic %s created: %" PRId32 " partition%s", topic->name,
	            partitions, partitions == 1 ? "" : "s");
	return KAFKA_NONE;
}

const char *store_topic_reason(enum kafka_error error)
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

static void tell_deleted(struct store *s, const struct topic *topic)
{
	if (topic->dropped > 0)
		notice_tell(&s->options->notices,
		            "topic %s deleted; %" PRIu64 " messages of it were dropped unread",
		            topic->name, topic->dropped);
	else
		notice_tell(&s->options->notices, "topic %s deleted", topic->name);
}

void store_tell_dropped(const struct store *s)
{
	for (const struct topic *t = s->topics.first; t != NULL; t = t->next)
		if (t->dropped > 0)
			notice_tell(&s->options->notices,
			            "topic %s: %" PRIu64 " messages dropped unread", t->name,
			            t->dropped);
}

void store_delete_topic(struct store *s, struct topic *topic)
{
	for (int32_t i = 0; i < topic->partitions_count; i++)
		wait_list_wake(&topic->partitions[i].data);
	groups_forget_topic(s->groups, topic->name);
	tell_deleted(s, topic);
	topics_remove(&s->topics, topic);
}

int32_t store_leader(const struct store *s, const struct topic *topic, int32_t partition)
{
	return (int32_t)((topic->hash + (uint32_t)partition) % (uint32_t)s->options->nodes);
}

struct owners_of {
	const struct store *s;
	const struct topic *topic;
	int32_t partition;
};

static int count_owners(const void *context, uint32_t client)
{
	const struct owners_of *of = context;

	return groups_count_owners(of->s->groups, of->topic->name, of->partition, client);
}

/* Below `held` nobody needs anything any more; below `had` nobody who reads lacks anything.  Who fell
 * silent is not asked. */
struct place {
	int64_t held, had;
};

static struct place place_of(struct store *s, const struct topic *topic, int32_t partition,
                             uint64_t now_ns)
{
	struct readers *readers = &topic->partitions[partition].readers;
	const struct owners_of of = { .s = s, .topic = topic, .partition = partition };
	const struct readers_look look = {
		.now_ns = now_ns,
		.count_owners = count_owners,
		.context = &of,
	};
	struct readers_front front;
	int64_t committed;
	bool has_reader = readers_lowest(readers, &look, &front);
	bool has_group = groups_lowest_offset(s->groups, topic->name, partition, &committed);

	if (!has_reader && !has_group)
		return (struct place){ readers->released, readers->released };
	if (!has_reader)
		return (struct place){ committed, committed };
	/* What a member was given and has not committed is held for it, and it has had it. */
	bool is_behind = has_group && committed < front.asked;
	return (struct place){ is_behind ? committed : front.asked, front.given };
}

/* Of a batch: what nobody was given, or a silent reader has not had. */
static uint64_t count_unread(const struct readers *readers, const struct log_batch *batch,
                             int64_t had)
{
	int64_t first = batch->base_offset, end = first + batch->offsets;

	if (had <= first)
		return batch->messages;
	if (had >= end)
		return readers_unread(readers, first, end);
	return readers_unread(readers, first, had) + (uint64_t)(end - had);
}

static void tell_dropped(struct store *s, const struct topic *t, uint64_t now_ns)
{
	if (s->drop_told_ns != 0 && now_ns - s->drop_told_ns < TELL_AGAIN_NS)
		return;
	s->drop_told_ns = now_ns;
	notice_tell(&s->options->notices,
	            "memory is full (%zu MB): messages of %s are dropped that a reader has not "
	            "had, %" PRIu64 " so far",
	            s->pool.count * POOL_CHUNK_BYTES / 1000000, t->name, t->dropped);
}

/* The first `count` batches go; what of them was unread is counted. */
static void drop(struct store *s, struct topic *t, int32_t partition, size_t count, int64_t had,
                 uint64_t now_ns)
{
	struct partition *p = &t->partitions[partition];
	uint64_t unread = 0;

	for (size_t i = 0; i < count; i++) {
		const struct log_batch *batch = log_batch_at(&p->log, i);
		uint64_t messages = count_unread(&p->readers, batch, had);
		unread += messages;
		s->counts->dropped_bytes += messages > 0 ? batch->len : 0;
	}
	log_drop(&p->log, count);
	readers_dropped(&p->readers, p->log.start);
	if (unread == 0)
		return;
	s->counts->dropped += unread;
	t->dropped += unread;
	tell_dropped(s, t, now_ns);
}

/* What everybody has had goes, until `wanted` chunks are free. */
static void drop_read(struct store *s, size_t wanted, uint64_t now_ns)
{
	for (struct topic *t = s->topics.first; t != NULL; t = t->next)
		for (int32_t i = 0; i < t->partitions_count; i++) {
			const struct log *log = &t->partitions[i].log;
			if (s->pool.free_count >= wanted)
				return;
			if (log->chunks_count == 0)
				continue;
			struct place place = place_of(s, t, i, now_ns);
			drop(s, t, i, log_find(log, place.held), place.had, now_ns);
		}
}

struct longest {
	struct topic *topic;
	int32_t partition;
	size_t chunks;
};

static struct longest find_longest(struct store *s)
{
	struct longest longest = { 0 };

	for (struct topic *t = s->topics.first; t != NULL; t = t->next)
		for (int32_t i = 0; i < t->partitions_count; i++) {
			size_t chunks = t->partitions[i].log.chunks_count;
			if (chunks > longest.chunks)
				longest = (struct longest){ t, i, chunks };
		}
	return longest;
}

/* What nobody has had goes too. */
static void drop_oldest(struct store *s, size_t wanted, uint64_t now_ns)
{
	/* Chunks that are just being sent are not free at once: no endless search. */
	for (size_t tries = 0; tries < s->pool.count && s->pool.free_count < wanted; tries++) {
		struct longest l = find_longest(s);
		if (l.chunks == 0)
			return;
		drop(s, l.topic, l.partition, log_oldest(&l.topic->partitions[l.partition].log),
		     place_of(s, l.topic, l.partition, now_ns).had, now_ns);
	}
}

/* The topic that holds most, to name it. */
static const char *largest_topic(const struct store *s)
{
	const char *name = "";
	size_t most = 0;

	for (struct topic *t = s->topics.first; t != NULL; t = t->next) {
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

bool store_make_room(struct store *s, size_t chunks, uint64_t now_ns)
{
	/* Some more than is asked for, so that the next ones find it. */
	size_t wanted = chunks + s->pool.count / 16;

	if (s->pool.free_count >= chunks)
		return true;
	if (s->scarce_ns != 0 && now_ns - s->scarce_ns < SCARCE_NS)
		return false;
	drop_read(s, wanted, now_ns);
	if (s->pool.free_count < chunks && s->options->full == BROKER_DROP_OLDEST)
		drop_oldest(s, wanted, now_ns);
	if (s->pool.free_count >= chunks) {
		s->scarce_ns = 0;
		return true;
	}
	s->scarce_ns = now_ns;
	if (s->full_told_ns == 0 || now_ns - s->full_told_ns >= TELL_AGAIN_NS) {
		s->full_told_ns = now_ns;
		notice_tell(&s->options->notices,
		            "memory is full (%zu MB): producers wait for the consumers of %s",
		            s->pool.count * POOL_CHUNK_BYTES / 1000000, largest_topic(s));
	}
	return false;
}
