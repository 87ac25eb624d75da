/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_GROUP_MEMBERS_H
#define OMB_BROKER_GROUP_MEMBERS_H

/*
 * group_members -- who is in a group and what they support, without its states: for group.c only.
 *
 * Everything that a member or an id given out uses is counted in the group's shared budget.
 */

#include "broker/groups/group_data.h"

struct group_member *members_find(const struct group *g, struct kafka_string id);
struct group_member *members_find_instance(const struct group *g, struct kafka_string instance_id);

/* NULL: the limits are reached.  The member has the id `id`, and `join` says the rest. */
struct group_member *members_add(struct group *g, const struct group_join *join,
                                 struct kafka_string id);
/* The member joins again; false: the limits are reached, and nothing changed. */
bool members_update(struct group *g, struct group_member *m, const struct group_join *join);
/* A static member came back as a new process: a new id and number, and the rest as it was. */
bool members_rename(struct group *g, struct group_member *m, const char *id);
void members_remove(struct group *g, struct group_member *m);
/* false: the limits are reached; the assignment is as it was. */
bool members_assign(struct group *g, struct group_member *m, struct kafka_string assignment);

/* A protocol of `join` is supported by everybody but `except`. */
bool members_support(const struct group *g, const struct group_join *join,
                     const struct group_member *except);
bool members_same_protocols(const struct group_member *m, const struct group_join *join);
/* The protocol that all support and most prefer.  There is one: members_support() saw to it. */
struct kafka_string members_choose(const struct group *g);

/* An id is given out; false: the limits are reached. */
bool pending_add(struct group *g, const char *id, uint64_t hold_ns, uint64_t deadline_ns);
/* The id came back, or is forgotten; false: it was not given out. */
bool pending_take(struct group *g, struct kafka_string id);

#endif
