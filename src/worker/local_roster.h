/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_ROSTER_H
#define OMB_WORKER_LOCAL_ROSTER_H

/*
 * local_roster -- whose messages the local worker keeps an account of.
 *
 * Consumers come first and keep keys of the producers to come (agent/roster.h): they are told of them.
 * A worker without consumers has the roster of its producers alone.
 */

#include <stdbool.h>

#include "agent/roster.h"
#include "util/error.h"
#include "worker/call.h"

/* How the account numbers a subscription. */
struct local_number {
	uint32_t topic;        /* of the roster; ROSTER_NONE: nobody sends to it */
	uint32_t subscription; /* among those of the topic */
};

struct local_roster {
	bool is_share;                /* other workers have some of the producers */
	const struct roster *of;      /* NULL: no account is kept */
	struct local_number *numbers; /* of each of the worker's subscriptions */
	uint32_t subscriptions;       /* of the topic that has most */
};

/* As consumers are told; `subscriptions` are theirs, in the order of topics. */
bool local_roster_expect(struct local_roster *r, const struct worker_create_consumers *c,
                         const struct worker_subscription *subscriptions, size_t count,
                         struct arena *arena, struct error *err);
/* The producers as they come: as consumers were told, if there are any, or an error. */
bool local_roster_meet(struct local_roster *r, const struct worker_create_producers *p,
                       bool has_consumers, struct arena *arena, struct error *err);

#endif
