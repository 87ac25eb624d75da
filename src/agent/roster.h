/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_ROSTER_H
#define OMB_AGENT_ROSTER_H

/*
 * roster -- whose messages an account is kept of: producers and their topics, by the numbers of the book.
 *
 * The book (account/book.h) counts producers from 0; their numbers in stamps come in ranges, one for each
 * worker that has some of them.  Topics are those that producers send to, in the order of their names; the
 * messages of any other are nobody's here.
 *
 * From it follow the keys (account/area.h) that the loops of an agent keep: in a producers' loop one for
 * each of them; in a consumers' loop, for each subscription that its consumers have, one for each
 * producer of the topic, side by side.  So a loop of 500 members of a group on a topic of 1,000
 * producers keeps 1,000 of them.
 *
 * Made in the parent before agents are forked, who read it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/area.h"
#include "facts/role.h"
#include "load/producer_ids.h"
#include "load/stamp.h"

struct agent_shm;
struct agent_spec;
struct arena;
struct client_spec;

/* In the place of a topic: nobody sends to it; of a producer: there is none. */
#define ROSTER_NONE UINT32_MAX

struct roster_producer {
	uint32_t topic;
	uint32_t place; /* among those of the topic */
};

/* Numbers with the same high bits, those of one worker. */
struct roster_ids {
	uint32_t base, count;
	uint32_t first; /* producer of the book */
};

struct roster {
	uint32_t producers, topics;
	const struct roster_ids *ids;        /* by the high bits of a number: STAMP_WORKERS */
	const uint32_t *id_of;               /* of each producer: its number in stamps */
	const struct roster_producer *items; /* of each producer */
	const uint32_t *topic_of;            /* the same, for the book */
	const uint32_t
		*members; /* producers by topic: those of topic t are members[first_of[t]] ... */
	const uint32_t *first_of; /* ... to members[first_of[t + 1] - 1] */
	const char *const *names; /* of topics */
};

/* Producer i sends to topics[i]; the ranges are as many as there are producers, in their order.  False: a
 * worker has two ranges, and nothing was made. */
bool roster_make_of(struct roster *r, const char *const *topics, const struct producer_ids *ranges,
                    size_t ranges_count, struct arena *arena);
/* The same of one range, of so many producers from id_base on: no more than there are numbers. */
void roster_make(struct roster *r, const char *const *topics, uint32_t producers, uint32_t id_base,
                 struct arena *arena);

/* Producer of the book with this number in stamps, or ROSTER_NONE. */
static inline uint32_t roster_find(const struct roster *r, uint32_t id)
{
	const struct roster_ids *ids = &r->ids[id >> STAMP_PRODUCER_BITS];
	uint32_t i = id - ids->base;

	return i < ids->count ? ids->first + i : ROSTER_NONE;
}

uint32_t roster_topic(const struct roster *r, const char *name);
/* Of a topic; 0 of ROSTER_NONE. */
uint32_t roster_producers(const struct roster *r, uint32_t topic);

/* Gives the clients of one agent their first_key.  Keys of the loop that has most: beyond
 * LOAD_ACCOUNT_KEYS_MAX no account can be kept. */
uint64_t roster_deal_keys(const struct roster *r, enum agent_role role, struct client_spec *clients,
                          uint32_t count, uint32_t loops);

/* Of each loop of the agent; without keys where no account is kept. */
struct account_shape roster_shape(const struct agent_spec *spec);
/* Fills in whose keys they are; before the fork. */
void roster_put_keys(const struct agent_spec *spec, struct agent_shm *shm);

#endif
