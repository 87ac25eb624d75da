/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_GROUP_H
#define OMB_BROKER_GROUP_H

/*
 * group -- one consumer group: its members, its generation and what each member was assigned.
 *
 *              first join                all joined, or limit       the leader's SyncGroup
 *     EMPTY ---------------> PREPARING ----------------> COMPLETING ----------------> STABLE
 *       ^                     |  ^  ^                        |                          |
 *       +---- nobody left ----+  |  +--- join, leave, -------+                          |
 *                                +------ session end -----------------------------------+
 *
 * The rules are Kafka's, with the clock and the numbers of new members given by the caller, and
 * no I/O.  A JoinGroup waits while its member is `joined`, a SyncGroup while the group completes;
 * whoever waits keeps its member alive.  When `wake` is set, those who wait must look again.
 *
 * Where it differs from Kafka: an id that was given out (MEMBER_ID_REQUIRED) holds a rebalance for
 * half a second and not for a session.  A client comes back with its id at once, and the wait
 * brings clients that start together into one generation; one that died must not stop the others.
 *
 * Strings given in are copied.  Errors are Kafka's codes (int16_t), KAFKA_NONE when it went well.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/groups/group_data.h"
#include "kafka/error.h"
#include "kafka/string.h"

/* `shared` is borrowed and outlives the group. */
struct group *group_create(struct group_shared *shared, struct kafka_string id);
/* Nobody may be waiting any more. */
void group_destroy(struct group *g);

/*
 * `*out` is the member when it went well: it waits while `joined`, else the answer is the group as
 * it stands.  With KAFKA_MEMBER_ID_REQUIRED the new id was remembered.
 */
int16_t group_join(struct group *g, const struct group_join *join, uint64_t now_ns,
                   struct group_member **out);

/* What a request says about its sender. */
struct group_sender {
	struct kafka_string member_id, instance_id;
	int32_t generation;
};

struct group_assignment {
	struct kafka_string member_id, data;
};

/* Went well and state COMPLETING: it waits.  Else `(*out)->assignment` is the answer. */
int16_t group_sync(struct group *g, const struct group_sender *sender,
                   const struct group_assignment *assignments, size_t count, uint64_t now_ns,
                   struct group_member **out);
int16_t group_heartbeat(struct group *g, const struct group_sender *sender, uint64_t now_ns);
int16_t group_leave(struct group *g, struct kafka_string member_id, uint64_t now_ns);
/* May the sender commit offsets now?  It counts as a sign of life. */
int16_t group_may_commit(struct group *g, const struct group_sender *sender, uint64_t now_ns);

/* Ends sessions and rebalances whose time has come. */
void group_tick(struct group *g, uint64_t now_ns);

struct group_member *group_member_numbered(const struct group *g, uint64_t number);
/* The metadata of `m` for the protocol that was chosen; empty when none is. */
struct kafka_string group_metadata(const struct group *g, const struct group_member *m);
/* A member of it reads the topic ("consumer" groups only). */
bool group_subscribes(struct group *g, struct kafka_string topic);
/* Who was assigned what is settled, and written so that it can be read ("consumer" groups only). */
bool group_is_assigned(const struct group *g);
bool group_owns(const struct group_member *m, struct kafka_string topic, int32_t partition);
/* No members, no ids given out, no offsets: nothing would be lost with it. */
bool group_is_idle(const struct group *g);
/* As Kafka writes it: "Stable". */
const char *group_state_name(enum group_state state);
/* Tells "group <id>: <text>" to whoever listens. */
void group_say(const struct group *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
