/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SPOILED_H
#define OMB_AGENT_SPOILED_H

/*
 * spoiled -- the messages of a loop whose contents are not what was sent (contents.h), one by one.
 *
 * The first SPOILED_NAMED receipts of a loop are kept by name, COUNTER_SPOILED counts all.  A place is
 * written once, before the count that includes it (release): what a reader counts is there, also of a
 * loop that was killed.  Untouched places take no memory.
 */

#include <stdatomic.h>
#include <stdint.h>

#define SPOILED_NAMED 1000

struct spoiled_message {
	uint64_t sequence, due_ns;
	uint32_t producer; /* number, as in its stamp */
	uint32_t client;   /* of the agent: who received it */
	int64_t partition; /* -1 = unknown */
};

struct shm_spoiled {
	_Atomic uint64_t named; /* at most SPOILED_NAMED */
	struct spoiled_message messages[SPOILED_NAMED];
};

/* Owner loop only. */
static inline void spoiled_put(struct shm_spoiled *s, const struct spoiled_message *m)
{
	uint64_t at = atomic_load_explicit(&s->named, memory_order_relaxed);

	if (at == SPOILED_NAMED)
		return;
	s->messages[at] = *m;
	/* The partner is spoiled_named. */
	atomic_store_explicit(&s->named, at + 1, memory_order_release);
}

/* The parent: so many of the messages may be read. */
static inline uint64_t spoiled_named(const struct shm_spoiled *s)
{
	return atomic_load_explicit(&s->named, memory_order_acquire);
}

#endif
