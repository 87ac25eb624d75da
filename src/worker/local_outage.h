/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_OUTAGE_H
#define OMB_WORKER_LOCAL_OUTAGE_H

/*
 * local_outage -- the longest silence of all clients of a role (agent/silence.h), and how many of them had it.
 *
 * It is told where it is long against what is ordinary in this run: 1 s at least, and fifteen times what a
 * tenth of the messages took at the most, from the call of `send` to the acknowledgement, or to the
 * receipt.  A client that collects messages for seconds before it sends them has silences as long as
 * that (its messages take from nothing to all of it, a tenth of them a tenth), and no outage.  A tenth, because
 * an outage may be most of a short run.
 */

#include <stdbool.h>
#include <stdint.h>

#include "agent/silence.h"

#define OUTAGE_TIMES 15
#define OUTAGE_TENTH 10.0

struct outage {
	struct silence_found longest;
	const char *topic; /* of the client that had it; NULL: there was none */
	unsigned agent, generation;
	uint64_t clients; /* whose own longest silence overlaps it */
};

/* First of every client, then, in a second round, outage_count. */
void outage_take(struct outage *o, const struct silence_found *found, const struct outage *whose);
void outage_count(struct outage *o, const struct silence_found *found);

/* `ordinary_ns`: what a tenth of the messages took at the most; 0 = none came. */
bool outage_is_told(const struct outage *o, uint64_t ordinary_ns);

#endif
