/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/groups/groups.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/id.h"
#include "util/xalloc.h"

#define GROUPS_MAX_DEFAULT  1000
#define MEMBERS_MAX_DEFAULT 1000
#define OFFSETS_MAX_DEFAULT 250000
#define BYTES_MAX_DEFAULT   ((size_t)64 * 1024 * 1024)

static size_t or_default(size_t value, size_t fallback)
{
	return value > 0 ? value : fallback;
}

struct groups *groups_create(const struct groups_options *options)
{
	struct groups *groups = xcalloc(1, sizeof(*groups));
	struct groups_options *o = &groups->options;

	*o = *options;
	o->groups_max = or_default(o->groups_max, GROUPS_MAX_DEFAULT);
	groups->shared = (struct group_shared){
		.budget = {
			.offsets_max = or_default(o->offsets_max, OFFSETS_MAX_DEFAULT),
			.bytes_max = or_default(o->bytes_max, BYTES_MAX_DEFAULT),
		},
		.members_max = or_default(o->members_max, MEMBERS_MAX_DEFAULT),
		.initial_delay_ns = o->initial_delay_ns,
		.notice = o->notice,
		.notice_context = o->context,
	};
	groups->next_ns = UINT64_MAX;
	return groups;
}

void groups_destroy(struct groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < groups->count; i++)
		group_destroy(groups->items[i]);
	free(groups->items);
	free(groups);
}

/* ---- The table ---- */

static struct kafka_string id_of(const struct group *g)
{
	return (struct kafka_string){ .data = g->id, .len = g->id_len };
}

/* The index of the first group that is not below `id`. */
static size_t slot_of(const struct groups *groups, struct kafka_string id)
{
	size_t low = 0, high = groups->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (kafka_string_compare(id_of(groups->items[middle]), id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool group_id_is_legal(struct kafka_string id)
{
	return id.len > 0 && id.len <= GROUP_ID_MAX && !memchr(id.data, '\0', id.len);
}

struct group *groups_find(const struct groups *groups, struct kafka_string id)
{
	size_t at = slot_of(groups, id);

	if (at < groups->count && kafka_string_compare(id_of(groups->items[at]), id) == 0)
		return groups->items[at];
	return NULL;
}

int16_t groups_open(struct groups *groups, struct kafka_string id, struct group **out)
{
	if (!group_id_is_legal(id))
		return KAFKA_INVALID_GROUP_ID;
	*out = groups_find(groups, id);
	if (*out)
		return KAFKA_NONE;
	if (groups->count >= groups->options.groups_max)
		return KAFKA_POLICY_VIOLATION;

	if (groups->count == groups->cap) {
		groups->cap = groups->cap > 0 ? 2 * groups->cap : 8;
		groups->items = xrealloc(groups->items, groups->cap * sizeof(struct group *));
	}
	size_t at = slot_of(groups, id);
	memmove(&groups->items[at + 1], &groups->items[at],
	        (groups->count - at) * sizeof(struct group *));
	groups->count++;
	groups->items[at] = *out = group_create(&groups->shared, id);
	return KAFKA_NONE;
}

void groups_delete(struct groups *groups, struct group *g)
{
	size_t at = slot_of(groups, id_of(g));

	wait_list_wake(&g->waiting);
	groups->count--;
	memmove(&groups->items[at], &groups->items[at + 1],
	        (groups->count - at) * sizeof(struct group *));
	group_destroy(g);
}

void groups_settle(struct groups *groups, struct group *g)
{
	if (g->next_ns < groups->next_ns)
		groups->next_ns = g->next_ns;
	if (g->wake) {
		g->wake = false;
		wait_list_wake(&g->waiting);
	}
	if (group_is_idle(g))
		groups_delete(groups, g);
}

void groups_new_member_id(struct groups *groups, struct kafka_string client_id,
                          char out[MEMBER_ID_CAP])
{
	size_t len = client_id.len < 64 ? client_id.len : 64;

	for (size_t i = 0; i < len; i++)
		out[i] = isgraph((unsigned char)client_id.data[i]) ? client_id.data[i] : '_';
	snprintf(out + len, MEMBER_ID_CAP - len, "%s%016" PRIx64, len > 0 ? "-" : "",
	         id_scatter(groups->options.seed + ++groups->ids));
}

uint64_t groups_tick(struct groups *groups, uint64_t now_ns)
{
	if (now_ns < groups->next_ns)
		return groups->next_ns;

	groups->next_ns = UINT64_MAX;
	for (size_t i = groups->count; i-- > 0;) {
		struct group *g = groups->items[i];
		group_tick(g, now_ns);
		groups_settle(groups, g);
	}
	return groups->next_ns;
}

/* ---- Offsets ---- */

void groups_forget_topic(struct groups *groups, const char *topic)
{
	/* Groups that are idle now are dropped with their next request or tick. */
	for (size_t i = 0; i < groups->count; i++)
		offsets_forget_topic(&groups->items[i]->offsets, &groups->shared.budget,
		                     kafka_string_of(topic));
	groups->next_ns = 0;
}

bool groups_lowest_offset(struct groups *groups, const char *topic, int32_t partition, int64_t *out)
{
	struct kafka_string name = kafka_string_of(topic);
	bool found = false;

	for (size_t i = 0; i < groups->count; i++) {
		struct group *g = groups->items[i];
		if (g->member_count == 0)
			continue;
		const struct committed *c = offsets_find(&g->offsets, name, partition);
		if (!c || (found && c->offset >= *out) || !group_subscribes(g, name))
			continue;
		*out = c->offset;
		found = true;
	}
	return found;
}

/* Adds to *owners; false: it is not known what a member with this client id was assigned. */
static bool count_owners_in(const struct group *g, uint32_t client, struct kafka_string topic,
                            int32_t partition, int *owners)
{
	for (size_t i = 0; i < g->member_count; i++) {
		const struct group_member *m = g->members[i];
		if (kafka_string_hash(kafka_string_of(m->client_id)) != client)
			continue;
		if (!group_is_assigned(g))
			return false;
		*owners = (*owners < 0 ? 0 : *owners) + group_owns(m, topic, partition);
	}
	return true;
}

int groups_count_owners(const struct groups *groups, const char *topic, int32_t partition,
                        uint32_t client)
{
	int owners = -1;

	for (size_t i = 0; i < groups->count; i++)
		if (!count_owners_in(groups->items[i], client, kafka_string_of(topic), partition,
		                     &owners))
			return -1;
	return owners;
}
