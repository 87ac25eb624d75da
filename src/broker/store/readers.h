/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_READERS_H
#define OMB_BROKER_READERS_H

/*
 * readers -- who reads a partition, up to where, and what those that fell silent have not had.
 *
 * A reader is a connection that has fetched the partition.  What it has not asked beyond is held for
 * it as long as it goes on fetching.  One that has been silent for too long holds nothing any more,
 * but it is not forgotten: when something is dropped that it has not had, that is counted.
 *
 *   connected    it lacks all from where its last answer ended.  If its client is a member of groups,
 *                and every member of that name that was given the partition reads it, then the
 *                partition was given to another one, and it is forgotten.
 *   gone         it lacks what was there when it last asked.  Another connection that begins at or
 *                below its place afterwards is its successor, and it is forgotten.
 *
 * Zeroed is valid and empty but for `budget`.  Broker thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a reader that does not fetch holds what it has not fetched. */
#define READER_STALE_NS UINT64_C(10000000000)

/* A connection as its readers know it: it stays until the last of them is forgotten. */
struct presence {
	uint64_t number; /* of the connection */
	uint32_t client; /* hash of its client id */
	bool gone;
	size_t holds;
};

struct presence *presence_create(uint64_t number);
void presence_end(struct presence *p);

struct partition_reader {
	struct presence *who;
	int64_t offset; /* it has everything below: it asked for this one */
	int64_t next;   /* behind what it was given then */
	int64_t end;    /* of the log then */
	uint64_t seen_ns;
};

/* Offsets that somebody lacks: from..until-1. */
struct readers_lack {
	int64_t from, until;
};

/* Of all partitions together. */
struct readers_budget {
	size_t count, max;
};

struct readers {
	struct readers_budget *budget;  /* borrowed */
	struct partition_reader *items; /* owned, by number of the connection */
	size_t count, cap;
	int64_t released;           /* what silent readers had: held for nobody */
	struct readers_lack *lacks; /* owned, as of the last look, by `from` */
	size_t lacks_count, lacks_cap;
};

void readers_fini(struct readers *r);

/* `seen` is what a fetch said just now.  Returns what is kept of it, valid until the next call; NULL:
 * there are as many readers as may be. */
struct partition_reader *readers_note(struct readers *r, const struct partition_reader *seen);

struct readers_look {
	uint64_t now_ns;
	/*
	 * How many members of groups with this client id the partition was given to; -1: no member
	 * has it, or it is not settled.  Optional.
	 */
	int (*count_owners)(const void *context, uint32_t client);
	const void *context;
};

/* Up to where all readers are that are not silent. */
struct readers_front {
	int64_t asked; /* they have everything below */
	int64_t given; /* they were given everything below, though they need not have done with it */
};

/* False: there is none.  What silent ones lack stands ready for readers_unread. */
bool readers_lowest(struct readers *r, const struct readers_look *look, struct readers_front *out);
/* How many of the offsets first..end-1 a silent reader has not had, as of the last look. */
uint64_t readers_unread(const struct readers *r, int64_t first, int64_t end);
/* What is below `start` was dropped and counted: nobody lacks it any more. */
void readers_dropped(struct readers *r, int64_t start);

#endif
