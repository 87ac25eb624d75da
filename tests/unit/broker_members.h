/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_BROKER_MEMBERS_H
#define OMB_TESTS_BROKER_MEMBERS_H

/*
 * broker_members -- members of a consumer group "g" that read a topic "t", for tests: each is a
 * client of a broker_harness with its own connection.
 */

#include "broker_harness.h"

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

enum {
	FETCH_OFFSETS = 9,
	COMMIT_OFFSETS = 8,
	FIND_COORDINATOR = 10,
	JOIN = 11,
	HEARTBEAT = 12,
	LEAVE = 13,
	SYNC = 14,
	DESCRIBE = 15,
	LIST = 16,
	DELETE = 42,
};

enum { FENCED_INSTANCE = 82, COORDINATOR_LOST = -1000 };

struct member {
	struct broker_client *c;
	char id[128], leader[128], protocol[32], assignment[64];
	int16_t code;
	int32_t generation;
	size_t known; /* members that it was told of */
};

struct fixture {
	struct broker_harness h;
	struct member m[8];
};

struct join {
	int16_t version;                       /* 0: 5 */
	const char *instance, *first, *second; /* protocols; NULL: "range" alone */
	int32_t session_ms, rebalance_ms;      /* 0: 10 s and 30 s */
};

extern const struct join plain;

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Copies a string of an answer as text. */
void keep_text(char *out, size_t cap, struct kafka_string s);
void begin_join(struct member *m, const struct join *j);
/* Reads the answer, which is there, into `m`. */
void read_join(struct member *m, int16_t version);
/* Sends it; the answer may have to wait. */
void send_join(struct fixture *f, struct member *m, const struct join *j);
/* Asks for an id and comes back with it. */
void join_group(struct fixture *f, struct member *m);
void read_sync(struct member *m);
/* The leader gives each of `count` members "for <n>". */
void send_sync(struct fixture *f, struct member *m, struct member *members, int count);
int16_t beat(struct fixture *f, struct member *m);
int16_t leave_group(struct fixture *f, struct member *m);
/* One partition of "t". */
void begin_commit(struct member *m, const char *group, int32_t partition, int64_t offset);
int16_t commit(struct fixture *f, struct member *m, int32_t partition, int64_t offset);
/* -1: nothing. */
int64_t committed(struct fixture *f, struct member *m, int32_t partition);
/* Members 0 .. count-1 join one after the other and are stable with one generation in the end. */
void make_stable(struct fixture *f, int count);

#endif
