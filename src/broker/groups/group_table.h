/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_GROUP_TABLE_H
#define OMB_BROKER_GROUP_TABLE_H

/*
 * group_table -- the groups of a broker by their id: for groups.c and the handlers of requests.
 *
 * A handler finds its group, does one thing to it and calls groups_settle() before it registers
 * its own wait: that wakes who waits, and the group may be gone afterwards.
 */

#include "broker/groups/group.h"
#include "broker/groups/groups.h"

enum { GROUP_ID_MAX = 255 };

/* An answer does not grow beyond this: a small question could name the same large group again and
 * again.  What does not fit is answered with an error. */
#define GROUP_ANSWER_MAX ((size_t)16 * 1024 * 1024)

enum { MEMBER_ID_CAP = 96 };

struct groups {
	struct groups_options options;
	struct group_shared shared;
	struct group **items; /* owned, sorted by id */
	size_t count, cap;
	uint64_t next_ns; /* no group has anything to do before; may be too early */
	uint64_t ids;     /* given out */
};

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
