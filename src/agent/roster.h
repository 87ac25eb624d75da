/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_ROSTER_H
#define OMB_AGENT_ROSTER_H

/*
 * roster -- whose messages an account is kept of: producers and their topics, by the numbers of the book.
 *
 * Producer i of the book (account/book.h) has the number id_base + i in stamps.  Topics are those that
 * producers send to, in the order of their names; the messages of any other are nobody's here.
 *
 * From it follow the keys (account/area.h) that the loops of an agent keep: in a producers' loop one for
 * each of them; in a consumers' loop, for each subscription that its consumers have, one for each
 * producer of the topic, side by side.  So a loop of 500 members of a group on a topic of 1,000
 * producers keeps 1,000 of them.
 *
 * Made in the parent before agents are forked, who read it.
 */

#include <stdint.h>

#include "account/area.h"
#include "facts/role.h"

struct agent_shm;
struct agent_spec;
struct arena;
struct client_spec;

/* In the place of a topic: nobody sends to it. */
#define ROSTER_NONE UINT32_MAX

struct roster_producer {
	uint32_t topic;
	uint32_t place; /* among those of the topic */
};

struct roster {
	uint32_t id_base, producers, topics;
	const struct roster_producer *items; /* of each producer */
	const uint32_t *topic_of;            /* the same, for the book */
	const uint32_t
		*members; /* producers by topic: those of topic t are members[first_of[t]] ... */
	const uint32_t *first_of; /* ... to members[first_of[t + 1] - 1] */
	const char *const *names; /* of topics */
};

/* Producer i sends to topics[i]. */
void roster_make(struct roster *r, const char *const *topics, uint32_t producers, uint32_t id_base,
                 struct arena *arena);
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
