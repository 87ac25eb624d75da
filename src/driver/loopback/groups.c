/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/groups.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

/* A member with several partitions takes so many messages from one before it is the next's turn. */
#define TURN 64

struct loop_member *loop_member_of(struct loop_link *link)
{
	return (struct loop_member *)link; /* its first member */
}

void *loop_member_owner(const struct loop_member *member)
{
	return member->owner;
}

void loop_member_mark_ready(struct loop_member *member, struct loop_list *ready)
{
	loop_list_add(ready, &member->link);
}

struct loop_group *loop_topic_group(const struct loop_topic *topic, const char *name)
{
	struct loop_group *group = topic->groups;

	while (group != NULL && strcmp(group->name, name) != 0)
		group = group->next;
	return group;
}

/* --- who has what ------------------------------------------------------------------------------- */

static struct loop_partition *partition_of(const struct loop_group *group,
                                           const struct loop_share *share)
{
	return &group->topic->partitions[share->partition];
}

static void offer(struct loop_group *group, struct loop_share *share, struct loop_list *ready)
{
	if (share->member == NULL || share->cursor.index >= partition_of(group, share)->visible_end)
		return;
	loop_list_add(&share->member->shares, &share->link);
	loop_member_mark_ready(share->member, ready);
}

static void give(struct loop_group *group, struct loop_share *share, struct loop_member *member,
                 struct loop_list *ready)
{
	if (share->member == member)
		return;
	loop_list_remove(&share->link);
	share->member = member;
	loop_log_seek(&partition_of(group, share)->log, &share->cursor, share->committed);
	offer(group, share, ready);
}

static void deal(struct loop_group *group, struct loop_list *ready)
{
	uint32_t members = group->members_count;

	for (uint32_t m = 0; m < members; m++) {
		group->members[m]->partitions = 0;
		group->members[m]->has_news = true;
		loop_member_mark_ready(group->members[m], ready);
	}
	for (uint32_t p = 0; p < group->topic->partitions_count; p++) {
		struct loop_member *member = members == 0 ? NULL : group->members[p % members];
		if (member != NULL)
			member->partitions++;
		give(group, &group->shares[p], member, ready);
	}
}

static struct loop_group *create_group(struct loop_topic *topic, const char *name)
{
	struct loop_group *group = xcalloc(1, sizeof(*group));

	group->topic = topic;
	group->name = xstrdup(name);
	group->shares = xcalloc(topic->partitions_count, sizeof(*group->shares));
	for (uint32_t p = 0; p < topic->partitions_count; p++) {
		struct loop_share *share = &group->shares[p];
		share->partition = p;
		share->committed = share->handed_out = topic->partitions[p].log.end;
		loop_log_seek(&topic->partitions[p].log, &share->cursor, share->committed);
	}
	group->next = topic->groups;
	topic->groups = group;
	return group;
}

static void destroy_group(struct loop_group *group)
{
	for (uint32_t m = 0; m < group->members_count; m++) {
		loop_list_remove(&group->members[m]->link);
		free(group->members[m]);
	}
	free(group->members);
	free(group->shares);
	free(group->name);
	free(group);
}

struct loop_member *loop_topic_join(struct loop_topic *topic, const char *name, void *owner,
                                    struct loop_list *ready)
{
	struct loop_group *group = loop_topic_group(topic, name);
	struct loop_member *member = xcalloc(1, sizeof(*member));

	assert(!topic->is_deleted);
	if (group == NULL)
		group = create_group(topic, name);
	if (group->members_count == group->members_cap) {
		group->members_cap = group->members_cap == 0 ? 4 : 2 * group->members_cap;
		group->members =
			xrealloc(group->members, group->members_cap * sizeof(struct loop_member *));
	}
	member->group = group;
	member->owner = owner;
	loop_list_init(&member->shares);
	group->members[group->members_count++] = member;
	deal(group, ready);
	return member;
}

void loop_member_leave(struct loop_member *member, struct loop_list *ready)
{
	struct loop_group *group = member->group;
	uint32_t kept = 0;

	if (group != NULL) {
		for (uint32_t m = 0; m < group->members_count; m++)
			if (group->members[m] != member)
				group->members[kept++] = group->members[m];
		group->members_count = kept;
		deal(group, ready);
	}
	loop_list_remove(&member->link);
	free(member);
}

void loop_topic_disown_members(struct loop_topic *topic, struct loop_list *ready)
{
	for (struct loop_group *group = topic->groups; group != NULL; group = group->next) {
		for (uint32_t m = 0; m < group->members_count; m++) {
			struct loop_member *member = group->members[m];
			loop_list_init(&member->shares); /* they are about to be freed */
			member->group = NULL;
			member->partitions = 0;
			member->has_news = true;
			loop_member_mark_ready(member, ready);
		}
		group->members_count = 0;
	}
}

void loop_held_destroy(struct loop_held *held)
{
	free(held->record);
	free(held);
}

static void forget_held(struct loop_partition *part)
{
	while (part->held != NULL) {
		struct loop_held *held = part->held;
		part->held = held->next;
		loop_held_destroy(held);
	}
}

void loop_topic_empty(struct loop_topic *topic, struct loop_pool *pool)
{
	while (topic->groups != NULL) {
		struct loop_group *group = topic->groups;
		topic->groups = group->next;
		destroy_group(group);
	}
	for (uint32_t p = 0; p < topic->partitions_count; p++) {
		loop_log_fini(&topic->partitions[p].log, pool);
		forget_held(&topic->partitions[p]);
	}
	free(topic->partitions);
	topic->partitions = NULL;
	topic->partitions_count = 0;
}

bool loop_member_take_assignment(struct loop_member *member, uint32_t *partitions)
{
	bool has_news = member->has_news;

	*partitions = member->partitions;
	member->has_news = false;
	return has_news;
}

/* --- reading ------------------------------------------------------------------------------------ */

void loop_topic_show(struct loop_topic *topic, uint32_t partition, uint64_t end,
                     struct loop_list *ready)
{
	if (topic->partitions[partition].visible_end >= end)
		return;
	topic->partitions[partition].visible_end = end;
	for (struct loop_group *group = topic->groups; group != NULL; group = group->next)
		offer(group, &group->shares[partition], ready);
}

bool loop_member_next(struct loop_member *member, struct loop_delivery *out)
{
	struct loop_share *share = (struct loop_share *)loop_list_first(&member->shares);

	if (share == NULL)
		return false;

	const struct loop_partition *part = partition_of(member->group, share);
	uint64_t offset = share->cursor.index;
	const struct loop_record *record = loop_log_next(&part->log, &share->cursor);
	assert(record != NULL && offset < part->visible_end);
	*out = (struct loop_delivery){
		.partition = share->partition,
		.offset = offset,
		.broker_ms = record->broker_ms,
		.payload = record->payload,
		.tail = record->payload + record->payload_len,
		.payload_len = record->payload_len,
		.tail_len = record->tail_len,
		.redelivered = offset < share->handed_out,
	};
	if (offset >= share->handed_out)
		share->handed_out = offset + 1;

	bool is_done = share->cursor.index >= part->visible_end;
	if (is_done || ++member->turn >= TURN) {
		member->turn = 0;
		loop_list_remove(&share->link);
		if (!is_done)
			loop_list_add(&member->shares, &share->link);
	}
	return true;
}

/* --- commits ------------------------------------------------------------------------------------ */

/* Drops what every group is done with. */
static void trim(struct loop_topic *topic, uint32_t partition, struct loop_pool *pool)
{
	uint64_t needed = UINT64_MAX;

	for (const struct loop_group *group = topic->groups; group != NULL; group = group->next)
		if (group->shares[partition].committed < needed)
			needed = group->shares[partition].committed;
	loop_log_drop_before(&topic->partitions[partition].log, pool, needed);
}

void loop_member_commit(struct loop_member *member, uint32_t partition, uint64_t offset,
                        struct loop_pool *pool)
{
	struct loop_group *group = member->group;

	if (group == NULL || partition >= group->topic->partitions_count)
		return;

	struct loop_share *share = &group->shares[partition];
	if (share->member != member || offset <= share->committed || offset > share->cursor.index)
		return;
	share->committed = offset;
	trim(group->topic, partition, pool);
}

void loop_topic_delete_group(struct loop_topic *topic, struct loop_group *group,
                             struct loop_pool *pool)
{
	struct loop_group **at = &topic->groups;

	assert(group->members_count == 0);
	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	destroy_group(group);
	for (uint32_t p = 0; p < topic->partitions_count; p++)
		trim(topic, p, pool);
}
