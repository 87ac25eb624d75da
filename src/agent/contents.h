/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_CONTENTS_H
#define OMB_AGENT_CONTENTS_H

/*
 * contents -- compares what arrives, byte by byte, with what its producer has sent: `verifyPayload`.
 *
 * Which payload of the pool a message carries follows from the seed, its producer and its sequence
 * (load/payload.h), which its stamp says; that a stamp is damaged is found without this.  Consumers map
 * the pool that the producers have: nobody writes into it, so it is in memory once.
 *
 * Owner loop only.  Nothing allocates after contents_open.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/spec.h"
#include "load/payload.h"
#include "load/stamp.h"

struct contents {
	const unsigned char *pool; /* owned; NULL: nothing is compared */
	uint32_t size, count;      /* of a payload, and how many there are */
	uint64_t seed;
};

bool contents_open(struct contents *c, const struct agent_verify *verify, struct error *err);
void contents_close(struct contents *c);

/* A message of this run that is no probe: is all of it in front of its stamp as it was sent? */
static inline bool contents_are_good(const struct contents *c, const struct received *m,
                                     const struct stamp *s)
{
	if (c->pool == NULL)
		return true;
	if (m->payload_len != c->size)
		return false;
	uint32_t which = payload_index(payload_mix(c->seed, s->producer, s->sequence), c->count);
	return memcmp(m->payload, c->pool + (size_t)which * c->size, c->size - STAMP_BYTES) == 0;
}

#endif
