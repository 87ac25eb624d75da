/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/topics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

#define BUCKETS_AT_FIRST 64

void topics_init(struct topics *t, size_t readers_max)
{
	*t = (struct topics){
		.buckets_count = BUCKETS_AT_FIRST,
		.readers.max = readers_max,
	};
	t->buckets = xcalloc(t->buckets_count, sizeof(struct topic *));
	t->last = &t->first;
}

static void topic_destroy(struct topic *topic)
{
	for (int32_t i = 0; i < topic->partitions_count; i++) {
		struct partition *p = &topic->partitions[i];
		assert(p->data.first == NULL);
		log_fini(&p->log);
		producers_fini(&p->producers);
		readers_fini(&p->readers);
		held_fini(&p->held);
	}
	free(topic->partitions);
	free(topic);
}

void topics_fini(struct topics *t)
{
	while (t->first != NULL) {
		struct topic *topic = t->first;
		t->first = topic->next;
		topic_destroy(topic);
	}
	free(t->buckets);
	*t = (struct topics){ 0 };
}

static bool is_legal(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

bool topic_name_is_legal(struct kafka_string name)
{
	if (name.data == NULL || name.len == 0 || name.len > TOPIC_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_legal(name.data[i]))
			return false;
	return !(name.len <= 2 && memcmp(name.data, "..", name.len) == 0);
}

static struct topic **bucket_of(const struct topics *t, uint32_t hash)
{
	return &t->buckets[hash & (t->buckets_count - 1)];
}

struct topic *topics_find(const struct topics *t, struct kafka_string name)
{
	uint32_t hash = kafka_string_hash(name);

	if (name.data == NULL)
		return NULL;
	for (struct topic *c = *bucket_of(t, hash); c != NULL; c = c->next_in_bucket)
		if (c->hash == hash && strlen(c->name) == name.len &&
		    memcmp(c->name, name.data, name.len) == 0)
			return c;
	return NULL;
}

struct partition *topic_partition(struct topic *topic, int32_t partition)
{
	if (topic == NULL || partition < 0 || partition >= topic->partitions_count)
		return NULL;
	return &topic->partitions[partition];
}

struct partition *topics_partition(const struct topics *t, struct kafka_string name,
                                   int32_t partition)
{
	return topic_partition(topics_find(t, name), partition);
}

static void put_into_bucket(struct topics *t, struct topic *topic)
{
	struct topic **bucket = bucket_of(t, topic->hash);

	topic->next_in_bucket = *bucket;
	*bucket = topic;
}

static void grow(struct topics *t)
{
	free(t->buckets);
	t->buckets_count *= 2;
	t->buckets = xcalloc(t->buckets_count, sizeof(struct topic *));
	for (struct topic *topic = t->first; topic != NULL; topic = topic->next)
		put_into_bucket(t, topic);
}

struct topic *topics_add(struct topics *t, struct kafka_string name, int32_t partitions)
{
	struct topic *topic = xcalloc(1, sizeof(*topic));

	assert(name.len <= TOPIC_NAME_MAX && partitions > 0);
	if (t->count >= t->buckets_count)
		grow(t);
	memcpy(topic->name, name.data, name.len);
	topic->hash = kafka_string_hash(name);
	topic->partitions_count = partitions;
	topic->max_batch_bytes = UINT32_MAX;
	topic->partitions = xcalloc((size_t)partitions, sizeof(*topic->partitions));
	for (int32_t i = 0; i < partitions; i++)
		topic->partitions[i].readers.budget = &t->readers;
	put_into_bucket(t, topic);
	*t->last = topic;
	t->last = &topic->next;
	t->count++;
	t->partitions += (size_t)partitions;
	return topic;
}

void topics_remove(struct topics *t, struct topic *topic)
{
	struct topic **at = &t->first;

	while (*at != topic)
		at = &(*at)->next;
	*at = topic->next;
	if (t->last == &topic->next)
		t->last = at;
	at = bucket_of(t, topic->hash);
	while (*at != topic)
		at = &(*at)->next_in_bucket;
	*at = topic->next_in_bucket;
	t->count--;
	t->partitions -= (size_t)topic->partitions_count;
	topic_destroy(topic);
}
