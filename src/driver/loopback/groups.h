/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_GROUPS_H
#define OMB_DRIVER_LOOPBACK_GROUPS_H

/*
 * groups -- who reads which partition of a topic, and how far: the inside of core.h.
 *
 * `ready` is everywhere the core's list of members that have something to be told.
 */

#include <stdbool.h>
#include <stdint.h>

#include "driver/loopback/list.h"
#include "driver/loopback/log.h"
#include "driver/loopback/member.h"
#include "driver/loopback/queue.h"
#include "fault/subject.h"

/* Of all topics together; an acknowledgement has room for more. */
#define LOOP_PARTITIONS_MAX UINT64_C(1000000)

/* A message that waits to be overtaken by the next of its producer. */
struct loop_held {
	struct loop_held *next;
	uint64_t number; /* of all that were ever held */
	struct fault_subject who;
	struct loop_record *record; /* owned */
};

struct loop_partition {
	struct loop_log log;
	uint64_t visible_end;   /* consumers see what is below */
	struct loop_held *held; /* owned; of each producer one at most */
};

void loop_held_destroy(struct loop_held *held);

/* What a group knows about one partition. */
struct loop_share {
	struct loop_link link; /* in its member's list of shares that have something to fetch */
	struct loop_member *member;
	struct loop_cursor cursor;
	uint64_t committed;
	uint64_t handed_out; /* everything below was handed to some member once */
	uint32_t partition;
};

struct loop_group {
	struct loop_group *next;
	struct loop_topic *topic;
	char *name;
	struct loop_share *shares;    /* one for each partition */
	struct loop_member **members; /* in the order in which they joined */
	uint32_t members_count, members_cap;
};

struct loop_member {
	struct loop_link link;    /* in the core's list of ready members */
	struct loop_group *group; /* NULL: its topic was deleted */
	void *owner;
	struct loop_list shares; /* that have something to fetch */
	unsigned turn;           /* messages fetched from the first of them */
	uint32_t partitions;
	bool has_news; /* about its partitions */
};

struct loop_topic {
	char *name;
	struct loop_partition *partitions;
	uint32_t partitions_count;
	uint32_t next_partition; /* of messages without a key */
	struct loop_group *groups;
	bool is_deleted; /* holds no partitions and no groups any more */
};

struct loop_group *loop_topic_group(const struct loop_topic *topic, const char *name);

struct loop_member *loop_topic_join(struct loop_topic *topic, const char *name, void *owner,
                                    struct loop_list *ready);

/* Consumers see the partition's records below `end` from now on. */
void loop_topic_show(struct loop_topic *topic, uint32_t partition, uint64_t end,
                     struct loop_list *ready);

/* The topic is going away: its members have no group any more and are told so. */
void loop_topic_disown_members(struct loop_topic *topic, struct loop_list *ready);

/* Frees groups, with the members that are left, and messages. */
void loop_topic_empty(struct loop_topic *topic, struct loop_pool *pool);

/* The group has no members.  What only it had not read is dropped. */
void loop_topic_delete_group(struct loop_topic *topic, struct loop_group *group,
                             struct loop_pool *pool);

void loop_member_leave(struct loop_member *member, struct loop_list *ready);
void loop_member_mark_ready(struct loop_member *member, struct loop_list *ready);
bool loop_member_next(struct loop_member *member, struct loop_delivery *out);
void loop_member_commit(struct loop_member *member, uint32_t partition, uint64_t offset,
                        struct loop_pool *pool);
struct loop_member *loop_member_of(struct loop_link *link);

#endif
