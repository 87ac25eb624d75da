/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/groups/offsets.h"

#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

/* Kafka's codes for a commit that is too large. */
enum {
	OFFSET_METADATA_TOO_LARGE = 12,
	INVALID_COMMIT_OFFSET_SIZE = 28,
};

bool budget_take(struct group_budget *budget, size_t len)
{
	if (len > budget->bytes_max || budget->bytes > budget->bytes_max - len)
		return false;
	budget->bytes += len;
	return true;
}

void budget_give(struct group_budget *budget, size_t len)
{
	budget->bytes -= len;
}

/* The index of the first topic that is not below `name`. */
static size_t topic_slot(const struct offsets *o, struct kafka_string name)
{
	size_t low = 0, high = o->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kafka_string_compare(o->topics[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct offset_topic *find_topic(const struct offsets *o, struct kafka_string name)
{
	size_t at = topic_slot(o, name);

	if (at < o->count && kafka_string_compare(o->topics[at].name, name) == 0)
		return &o->topics[at];
	return NULL;
}

static size_t partition_slot(const struct offset_topic *t, int32_t partition)
{
	size_t low = 0, high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->items[middle].partition < partition)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct committed *find_partition(const struct offset_topic *t, int32_t partition)
{
	size_t at = partition_slot(t, partition);

	return at < t->count && t->items[at].partition == partition ? &t->items[at] : NULL;
}

static size_t topic_bytes(struct kafka_string name)
{
	return sizeof(struct offset_topic) + name.len;
}

static struct offset_topic *add_topic(struct offsets *o, struct kafka_string name)
{
	size_t at = topic_slot(o, name);

	if (o->count == o->cap) {
		o->cap = o->cap > 0 ? 2 * o->cap : 4;
		o->topics = xrealloc(o->topics, o->cap * sizeof(*o->topics));
	}
	memmove(&o->topics[at + 1], &o->topics[at], (o->count - at) * sizeof(*o->topics));
	o->count++;
	o->topics[at] = (struct offset_topic){ .name = kafka_string_copy(name) };
	return &o->topics[at];
}

static struct committed *add_partition(struct offset_topic *t, int32_t partition)
{
	size_t at = partition_slot(t, partition);

	if (t->count == t->cap) {
		t->cap = t->cap > 0 ? 2 * t->cap : 4;
		t->items = xrealloc(t->items, t->cap * sizeof(*t->items));
	}
	memmove(&t->items[at + 1], &t->items[at], (t->count - at) * sizeof(*t->items));
	t->count++;
	t->items[at] = (struct committed){ .partition = partition };
	return &t->items[at];
}

int16_t offsets_set(struct offsets *o, struct group_budget *budget, struct kafka_string topic,
                    const struct committed *value)
{
	struct offset_topic *t = find_topic(o, topic);
	struct committed *c = t ? find_partition(t, value->partition) : NULL;
	size_t cost = value->metadata.len + (t ? 0 : topic_bytes(topic));

	if (value->metadata.len > OFFSET_METADATA_MAX)
		return OFFSET_METADATA_TOO_LARGE;
	if (!c && budget->offsets >= budget->offsets_max)
		return INVALID_COMMIT_OFFSET_SIZE;
	if (!budget_take(budget, cost))
		return INVALID_COMMIT_OFFSET_SIZE;

	if (!t)
		t = add_topic(o, topic);
	if (!c) {
		c = add_partition(t, value->partition);
		budget->offsets++;
	}
	budget_give(budget, c->metadata.len);
	free((void *)c->metadata.data);
	*c = *value;
	c->metadata = kafka_string_copy(value->metadata);
	return KAFKA_NONE;
}

const struct committed *offsets_find(const struct offsets *o, struct kafka_string topic,
                                     int32_t partition)
{
	const struct offset_topic *t = find_topic(o, topic);

	return t ? find_partition(t, partition) : NULL;
}

static void topic_fini(struct offset_topic *t, struct group_budget *budget)
{
	budget_give(budget, topic_bytes(t->name));
	budget->offsets -= t->count;
	for (size_t i = 0; i < t->count; i++) {
		budget_give(budget, t->items[i].metadata.len);
		free((void *)t->items[i].metadata.data);
	}
	free(t->items);
	free((void *)t->name.data);
}

void offsets_forget_topic(struct offsets *o, struct group_budget *budget, struct kafka_string topic)
{
	struct offset_topic *t = find_topic(o, topic);

	if (!t)
		return;
	topic_fini(t, budget);
	o->count--;
	size_t at = (size_t)(t - o->topics);
	memmove(t, t + 1, (o->count - at) * sizeof(*t));
}

void offsets_fini(struct offsets *o, struct group_budget *budget)
{
	for (size_t i = 0; i < o->count; i++)
		topic_fini(&o->topics[i], budget);
	free(o->topics);
	*o = (struct offsets){ 0 };
}
