/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_CORE_H
#define OMB_DRIVER_LOOPBACK_CORE_H

/*
 * core -- the loopback broker: topics, partitions, groups and messages in memory, and what a script
 * does to them.  No clock, no I/O: every function that depends on time takes now_ns, which never
 * goes back.
 *
 * Groups: a group belongs to one topic and exists from its first member until it is deleted.  A new
 * group begins at the end of every partition.  Partition p belongs to member p % members, in the
 * order in which they joined; joining and leaving deal again at once.  A partition that changes
 * hands is read again from where its group has committed, and what was handed out before says that
 * it is redelivered.
 *
 * Memory: a message is kept until every group of its topic has committed it, and not at all when
 * there is no group.  At max_bytes nothing more is accepted until something is committed.
 *
 * Ownership: topics, groups and members belong to the core.  A topic stays readable after it was
 * deleted (appending to it fails); a member lives until it leaves.  Everything here belongs to one
 * thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/loopback/member.h"
#include "driver/loopback/script.h"
#include "util/error.h"

struct loop_core;
struct loop_topic;

/* What became of all messages so far: tests compare it with what a run has found. */
struct loop_counts {
	uint64_t accepted; /* taken in, whatever became of them */
	uint64_t stored;   /* into partitions that a group reads, copies included */
	uint64_t lost, duplicated, reordered, refused, corrupted, spoiled;
};

/* wall_offset_ns: from now_ns to nanoseconds since 1970, for the publish time of messages. */
struct loop_core *loop_core_create(const struct loop_script *script, uint64_t now_ns,
                                   int64_t wall_offset_ns);
void loop_core_destroy(struct loop_core *core);
const struct loop_counts *loop_core_counts(const struct loop_core *core);

/* --- topics and groups ------------------------------------------------------------------------ */

/* True also when it exists already with as many partitions. */
bool loop_core_create_topic(struct loop_core *core, const char *name, uint32_t partitions,
                            struct error *err);
/* Takes its members' partitions away.  What does not exist counts as deleted. */
void loop_core_delete_topic(struct loop_core *core, const char *name);
/* False: it has members. */
bool loop_core_delete_group(struct loop_core *core, const char *topic, const char *name);
/* NULL: there is none of this name. */
struct loop_topic *loop_core_topic(struct loop_core *core, const char *name);
uint32_t loop_topic_partitions(const struct loop_topic *topic);

/* Names that start with `prefix`; no group that has members and no topic that such a group reads. */
typedef void loop_name_fn(void *to, const char *topic, const char *group); /* NULL: the topic */
void loop_core_list(const struct loop_core *core, const char *prefix, loop_name_fn *fn, void *to);

/* --- messages in ------------------------------------------------------------------------------- */

struct loop_incoming {
	struct loop_topic *topic;
	uint64_t owner;                      /* comes back with the acknowledgement */
	int32_t partition;                   /* -1: by the key, or round-robin without one */
	const void *payload, *key, *headers; /* copied; key NULL = none */
	uint32_t payload_len, key_len, headers_len;
};

enum loop_append_status {
	LOOP_APPENDED,
	LOOP_FULL, /* nothing happened: offer it again when loop_core_has_room */
};

struct loop_receipt {
	uint64_t ack_ns; /* its acknowledgement, good or bad, is due then */
	int32_t partition;
	bool drop_connection; /* the script wants the producer cut off, before any answer */
};

enum loop_append_status loop_core_append(struct loop_core *core, const struct loop_incoming *in,
                                         uint64_t now_ns, struct loop_receipt *out);
bool loop_core_has_room(const struct loop_core *core, uint32_t len);

struct loop_ack {
	uint64_t ack_ns;
	uint64_t owner;
	int32_t partition;
	bool acknowledged;
};

/* The next acknowledgement that is due, in the order of receipt.  False: none is. */
bool loop_core_take_ack(struct loop_core *core, uint64_t now_ns, struct loop_ack *out);

/* --- messages out ------------------------------------------------------------------------------ */

struct loop_member *loop_core_join(struct loop_core *core, struct loop_topic *topic,
                                   const char *group, void *owner);
void loop_core_leave(struct loop_core *core, struct loop_member *member);

/* A member that has a new assignment or messages to fetch.  Each is told once: fetch until there
 * is nothing, or remember it.  NULL: none. */
struct loop_member *loop_core_take_ready(struct loop_core *core, uint64_t now_ns);

/* The member's next visible message.  False: none now. */
bool loop_core_fetch(struct loop_core *core, struct loop_member *member, uint64_t now_ns,
                     struct loop_delivery *out);

/* Everything below `offset` is done with.  Without effect where the member does not have the
 * partition, or has not fetched so far. */
void loop_core_commit(struct loop_core *core, struct loop_member *member, uint32_t partition,
                      uint64_t offset);

/* --- time -------------------------------------------------------------------------------------- */

/* Producers are to answer BUSY now. */
bool loop_core_refuses_sends(const struct loop_core *core, uint64_t now_ns);

/* When there is something to do again if nobody calls before; now_ns or earlier: at once;
 * UINT64_MAX: never. */
uint64_t loop_core_next_event_ns(const struct loop_core *core, uint64_t now_ns);

#endif
