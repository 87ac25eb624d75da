/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_TWINS_H
#define OMB_AGENT_TWINS_H

/*
 * twins -- whether two producers have one number.
 *
 * Under a coordinator that gives no numbers each worker draws its own (worker/served.h), and two may draw
 * the same.  A message keeps its stamp however often it is delivered: where one number and one sequence
 * come with two due times there are two producers.  Few messages are looked at, the first of each producer
 * and one in TWINS_EVERY after it; those of the latest TWINS_KEPT are kept.  Producers that send alike are
 * found at their first message, if one loop receives both, else soon after.
 *
 * What is found is found for certain; two of which one starts much later than the other may be missed.
 *
 * Owner loop only.  Nothing allocates after twins_open.
 */

#include <stdbool.h>
#include <stdint.h>

#include "load/stamp.h"

#define TWINS_EVERY 64
#define TWINS_KEPT  4096

struct twins {
	struct twins_seen {
		uint64_t sequence, due_ns;
		uint32_t producer;
		bool is_used;
	} * seen; /* TWINS_KEPT; NULL = nobody looks */
};

void twins_open(struct twins *t);
void twins_close(struct twins *t);

bool twins_look(struct twins *t, const struct stamp *s);

/* The stamp is as its producer made it.  True: of its number there is another one. */
static inline bool twins_found(struct twins *t, const struct stamp *s)
{
	return s->sequence % TWINS_EVERY == 0 && t->seen != NULL && twins_look(t, s);
}

#endif
