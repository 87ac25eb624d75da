/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SILENCE_H
#define OMB_AGENT_SILENCE_H

/*
 * silence -- the longest time in which a client heard nothing good of a partition although a message
 * was under way there: what an outage of a broker looks like to it.
 *
 * A silence ends with a good answer (acknowledged, received) and begins with the one before it on the
 * same partition, or with the call of `send` for the message that is answered, whichever is later: before
 * that nothing was owed.  So it is never longer than that message took, and slow answers one after the
 * other are no silence.  A message that fails ends none: from then on an answer is owed, until the next
 * good one on that partition.  Where none comes any more, the silence stays open.
 *
 * What stops the client itself (its agent stands still, its thread waits for a CPU) is in it.
 *
 * Owner loop only; the words in shared memory are read by the parent at any time.  Nothing allocates.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Shorter ones are nobody's outage, and are not looked at. */
#define SILENCE_LEAST_NS UINT64_C(1000000000)

struct silence_found {
	uint64_t from_ns, until_ns;
	int32_t partition; /* -1: the broker has none, or it is unknown */
	bool is_open;      /* nothing good came by `until_ns` */
};

/* The longest so far.  Two copies, so that one is whole at any instant: that of told - 1, modulo 2. */
struct shm_silence {
	_Atomic uint64_t told; /* how often one was the longest; 0 = there was none */
	struct shm_silence_copy {
		_Atomic uint64_t from_ns, until_ns;
		_Atomic uint64_t where; /* partition + 1, and SILENCE_OPEN */
	} copies[2];
};

struct silence {
	struct shm_silence *words;
	uint64_t *heard_ns;  /* by partition, and behind those for answers without one; 0 = never */
	uint32_t partitions; /* of heard_ns, without that one */
	bool from_the_start; /* the first answer on a partition counts, too: silence_init */
	uint64_t limit_ns;   /* what took no longer ends none; 0 as long as something is owed */
	uint64_t longest_ns; /* the longest so far, or the least that counts */
	uint64_t owed_ns; /* since when an answer is owed for a message that failed; 0 = none is */
	uint32_t owed_slot; /* where */
};

/*
 * `heard_ns` has room for partitions + 1, all 0.  `from_the_start`: a producer's first answer on a
 * partition ends a silence like any other.  A consumer's does not: it may be a message that another
 * member of the group had long ago.
 */
void silence_init(struct silence *s, struct shm_silence *words, uint64_t *heard_ns,
                  uint32_t partitions, bool from_the_start);
/* Only longer ones are told: the client waits so long by itself. */
void silence_set_least(struct silence *s, uint64_t ns);
/* What came before says nothing of what comes next: the client was paused. */
void silence_forget(struct silence *s);

/* Behind silence_heard: the message took long, and so may a silence have. */
void silence_heard_late(struct silence *s, int32_t partition, uint64_t called_ns, uint64_t now_ns);

static inline uint32_t silence_slot(const struct silence *s, int32_t partition)
{
	return (uint32_t)partition < s->partitions ? (uint32_t)partition : s->partitions;
}

/* A good answer, for a message that was sent at `called_ns`. */
static inline void silence_heard(struct silence *s, int32_t partition, uint64_t called_ns,
                                 uint64_t now_ns)
{
	if (__builtin_expect(now_ns - called_ns > s->limit_ns, 0))
		silence_heard_late(s, partition, called_ns, now_ns);
	else
		s->heard_ns[silence_slot(s, partition)] = now_ns;
}

/* The message has failed, or will never be answered. */
void silence_failed(struct silence *s, int32_t partition, uint64_t called_ns, uint64_t now_ns);

/* Any process.  False: there was none. */
bool silence_read(const struct shm_silence *words, struct silence_found *out);

#endif
