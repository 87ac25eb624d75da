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

#include "broker/groups/offsets.h"
#include "broker/wait.h"
#include "kafka/error.h"
#include "kafka/string.h"

enum { GROUP_PROTOCOLS_MAX = 64 };

enum group_state {
	GROUP_EMPTY,      /* no members; there may be offsets */
	GROUP_PREPARING,  /* waits for the JoinGroup of every member */
	GROUP_COMPLETING, /* has a generation; waits for the leader's assignment */
	GROUP_STABLE,
};

/* What all groups have in common: what was used of the limits, and who hears what happens. */
struct group_shared {
	struct group_budget budget;
	size_t members_max; /* of one group, ids that were only given out included */
	uint64_t numbers;   /* the last number that a member or a JoinGroup got */
	uint64_t initial_delay_ns;
	void (*notice)(void *context, const char *text); /* NULL: nobody */
	void *notice_context;
};

/* One way to assign partitions that a member offers, with its subscription. */
struct group_protocol {
	struct kafka_string name, metadata;
};

struct group_member {
	uint64_t number; /* never used again */
	char *id;
	char *instance_id; /* NULL: a dynamic member */
	char *client_id, *client_host;
	struct group_protocol *protocols; /* owned, with the bytes they point to behind them */
	size_t protocol_count, protocols_len;
	struct kafka_string assignment; /* owned */
	uint64_t session_ns, rebalance_ns;
	uint64_t deadline_ns; /* its session ends, unless it waits */
	uint64_t ticket;      /* number of its latest JoinGroup */
	bool joined;          /* PREPARING: its JoinGroup waits */
	bool synced;          /* COMPLETING: its SyncGroup came */
};

/* An id that was given out with MEMBER_ID_REQUIRED. */
struct group_pending {
	char *id;
	uint64_t hold_ns;     /* a rebalance waits for it so long */
	uint64_t deadline_ns; /* forgotten then */
};

struct group {
	struct group_shared *shared;
	char *id;
	size_t id_len;
	enum group_state state;
	int32_t generation;
	char *protocol_type;           /* NULL: never had a member */
	char *protocol;                /* NULL: none chosen */
	struct group_member **members; /* in the order of joining */
	size_t member_count;
	struct group_member *leader;
	struct group_pending *pending;
	size_t pending_count;
	struct offsets offsets;

	uint64_t hold_ns;  /* PREPARING: does not complete before */
	uint64_t limit_ns; /* PREPARING and COMPLETING: does not wait longer */
	uint64_t next_ns;  /* group_tick() has nothing to do before; may be too early */
	bool wake;
	struct wait_list waiting; /* JoinGroup and SyncGroup requests */

	struct kafka_string *topics; /* subscribed, sorted; borrowed from the members */
	size_t topic_count;
	bool topics_known, topics_all;
};

/* `shared` is borrowed and outlives the group. */
struct group *group_create(struct group_shared *shared, struct kafka_string id);
/* Nobody may be waiting any more. */
void group_destroy(struct group *g);

/* A JoinGroup as decoded. */
struct group_join {
	struct kafka_string member_id; /* empty: a new member */
	struct kafka_string instance_id;
	struct kafka_string client_id;
	const char *client_host;
	const char *new_id; /* the id of a new member */
	struct kafka_string protocol_type;
	const struct group_protocol *protocols;
	size_t protocol_count;
	uint64_t session_ns, rebalance_ns;
	bool id_required; /* version 4 and up: a new member must come back with its id */
};

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
