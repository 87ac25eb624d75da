/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_GROUP_DATA_H
#define OMB_BROKER_GROUP_DATA_H

/* group_data -- what a group and its members are made of; group.h has what they do. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/groups/offsets.h"
#include "broker/wait.h"
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

#endif
