/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_GROUPS_H
#define OMB_BROKER_GROUPS_H

/*
 * groups -- consumer groups: who is a member, which generation, what each was assigned, and the
 * offsets that were committed.
 *
 * The rules of one group are in group.h, its offsets in offsets.h; this is the table of all groups
 * and the requests about them.
 *
 * Memory is bounded whatever clients send: the number of groups, of members of each and of
 * committed offsets have limits, and everything of variable length (ids, subscriptions,
 * assignments, metadata of commits) is counted against `bytes_max`.  What exceeds a limit is
 * answered with an error and changes nothing.  A group without members, ids given out and offsets
 * is dropped.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/groups/group.h"
#include "kafka/string.h"

enum { GROUP_ID_MAX = 255 };

/* An answer does not grow beyond this: a small question could name the same large group again and
 * again.  What does not fit is answered with an error. */
#define GROUP_ANSWER_MAX ((size_t)16 * 1024 * 1024)

enum { MEMBER_ID_CAP = 96 };

struct groups_options {
	uint64_t
		initial_delay_ns; /* how long an empty group waits for more members; 0: not at all */
	/* Limits; 0: the default. */
	size_t groups_max;  /* 1,000 */
	size_t members_max; /* of each group: 1,000 */
	size_t offsets_max; /* committed partitions of all groups: 250,000 */
	size_t bytes_max;   /* everything of variable length: 64 MiB */
	uint64_t seed;      /* of member ids */
	/* "group g: 3 members, generation 2", without an end of line.  Optional. */
	void (*notice)(void *context, const char *text);
	void *context;
};

struct groups {
	struct groups_options options;
	struct group_shared shared;
	struct group **items; /* owned, sorted by id */
	size_t count, cap;
	uint64_t next_ns; /* no group has anything to do before; may be too early */
	uint64_t ids;     /* given out */
};

struct groups *groups_create(const struct groups_options *options);
/* No request may be waiting any more: the connections are closed first. */
void groups_destroy(struct groups *groups);

/*
 * Members whose session has ended leave, and rebalances that waited long enough go on.  Returns
 * when it wants to be called again (monotonic clock), UINT64_MAX: not before a request.  A request
 * about a group may make it earlier.  Cheap before that time.
 */
uint64_t groups_tick(struct groups *groups, uint64_t now_ns);

/* Drops the offsets committed for a topic that was deleted. */
void groups_forget_topic(struct groups *groups, const char *topic);

/*
 * The lowest offset that a group with members that subscribe to the topic has committed for the
 * partition: what is below was read and will not be asked for by it.  False: there is none.  A
 * group that reads but has not committed yet does not count; nor do consumers without a group:
 * for those the positions of their fetches have to speak.  Two binary searches for each group.
 */
bool groups_lowest_offset(struct groups *groups, const char *topic, int32_t partition,
                          int64_t *out);

/*
 * How many members with this client id (its hash, kafka_string_hash) the partition was assigned to;
 * -1: no member has it, or a group that one is in is not settled.
 */
int groups_count_owners(const struct groups *groups, const char *topic, int32_t partition,
                        uint32_t client);

/* --- for the handlers of requests -----------------------------------------------------------------
 *
 * A handler finds its group, does one thing to it and calls groups_settle() before it registers
 * its own wait: that wakes who waits, and the group may be gone afterwards.
 */

/* Not empty, not too long, no NUL in it. */
bool group_id_is_legal(struct kafka_string id);
/* NULL: there is none. */
struct group *groups_find(const struct groups *groups, struct kafka_string id);
/* Finds or makes it; KAFKA_NONE, or the code to answer when the id or the number is illegal. */
int16_t groups_open(struct groups *groups, struct kafka_string id, struct group **out);
/* Wakes who waits for a change of the group, and drops it when it is idle. */
void groups_settle(struct groups *groups, struct group *g);
/* Who waits is woken and will not find it. */
void groups_delete(struct groups *groups, struct group *g);
/* A new member's id, which begins with the client's: never given out before, and not to be guessed
 * by a client of an earlier broker. */
void groups_new_member_id(struct groups *groups, struct kafka_string client_id,
                          char out[MEMBER_ID_CAP]);

#endif
