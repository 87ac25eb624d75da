/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_SLOW_H
#define OMB_AGENT_SLOW_H

/*
 * slow -- the slowest messages of a loop, one by one: a histogram has only their times.
 *
 * A producer loop keeps those whose acknowledgement took the longest since they were due, a consumer
 * loop those whose receipt did (without a schedule: since send was called), of each window, round by
 * round.  The parent ends a round whenever it likes; the loop begins the next one at its next reading
 * of the clock.
 *
 *     kept     SLOW_MESSAGES of a window, and some that were among them before: they go when there is no
 *              place left, many at once, because a loop that falls behind has a new slowest message
 *              every time.  A message that is no slower than SLOW_MESSAGES others costs one comparison;
 *              what took no time at all is never kept.
 *     rounds   The messages of round r are written into set r % 2.  The parent that ends it takes from
 *              the other set what came late there, says r + 1, and takes the set of r.  So no set is
 *              used again before the parent is through with it, and a message of a loop that had not
 *              heard of the new round comes with the next one.  Nothing is taken twice.
 *     places   A message is numbered, and the number of its place is 0 while it is written: a reader
 *              that finds one number before and after has read one message.
 *
 * A loop that is killed at any instruction loses the message that it was putting in, and no other.
 *
 * No allocation, no lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/counter.h"
#include "stats/snapshot.h"

#define SLOW_MESSAGES  20 /* of a window, in a round */
#define SLOW_PLACES    64 /* for them, and for those that were */
#define SLOW_SETS      2
#define SLOW_TAKEN_MAX ((size_t)SLOW_SETS * WINDOW_COUNT * SLOW_PLACES) /* of one loop at once */

struct slow_message {
	uint64_t due_ns;  /* 0 = there is no schedule */
	uint64_t sent_ns; /* send was called */
	uint64_t done_ns; /* it was acknowledged, or received */
	uint64_t sequence;
	uint32_t producer; /* number, as in its stamp */
	uint32_t client;   /* of the loop: who sent, or received it; once taken, of the agent */
	int32_t partition; /* -1 = unknown */
};

/* --- shared words --------------------------------------------------------------------------------- */

struct shm_slow_place {
	_Alignas(64) _Atomic uint64_t number; /* 0 = nothing is there, or it is being written */
	_Atomic uint64_t due_ns, sent_ns, done_ns, sequence;
	_Atomic uint64_t who;       /* producer, and the client in the upper half */
	_Atomic uint64_t partition; /* and 1; 0 = unknown */
};

struct shm_slow {
	_Atomic uint64_t count; /* the number of the latest message: written after it (release) */
	struct shm_slow_place places[SLOW_SETS][WINDOW_COUNT][SLOW_PLACES];
	_Alignas(64) _Atomic uint64_t taken[SLOW_SETS]; /* the parent's: up to which number */
};

/* --- the loop ------------------------------------------------------------------------------------- */

/* Of one window, in the round at hand. */
struct slow_table {
	uint8_t order[SLOW_PLACES]; /* all places: those in use, and those that are free */
	uint32_t used;
	uint64_t most_ns;         /* of all of this round */
	uint64_t ns[SLOW_PLACES]; /* by place; how long its message took */
};

struct slow {
	struct shm_slow *words;
	uint64_t round;
	/* SLOW_MESSAGES others took at least so long; 0 = as long as there are places. */
	uint64_t least_ns[WINDOW_COUNT];
	struct slow_table tables[WINDOW_COUNT];
};

void slow_init(struct slow *s, struct shm_slow *words);
/* Another round: the sets before are the parent's. */
void slow_begin(struct slow *s, uint64_t round);
/* There is no place left. */
void slow_make_room(struct slow *s, enum window window);

/* Is a message that took so long one of the slowest so far? */
static inline bool slow_is_kept(const struct slow *s, enum window window, uint64_t ns)
{
	return __builtin_expect(ns > s->least_ns[window], 0);
}

/* The partner is read_place: no word of the message is seen before the 0 is. */
static inline void slow_put_word(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_release);
}

/* One that is. */
static inline void slow_put(struct slow *s, enum window window, uint64_t ns,
                            const struct slow_message *m)
{
	struct slow_table *t = &s->tables[window];
	uint32_t place = t->order[t->used++];
	struct shm_slow_place *to = &s->words->places[s->round % SLOW_SETS][window][place];
	uint64_t number = counter_read(&s->words->count) + 1;

	t->ns[place] = ns;
	t->most_ns = ns > t->most_ns ? ns : t->most_ns;
	counter_set(&to->number, 0);
	slow_put_word(&to->due_ns, m->due_ns);
	slow_put_word(&to->sent_ns, m->sent_ns);
	slow_put_word(&to->done_ns, m->done_ns);
	slow_put_word(&to->sequence, m->sequence);
	slow_put_word(&to->who, (uint64_t)m->client << 32 | m->producer);
	slow_put_word(&to->partition, (uint64_t)((int64_t)m->partition + 1));
	slow_put_word(&to->number, number);
	/* The partner is slow_take: what is counted is there. */
	slow_put_word(&s->words->count, number);
	if (t->used == SLOW_PLACES)
		slow_make_room(s, window);
}

/* --- the parent ----------------------------------------------------------------------------------- */

struct slow_taken {
	enum window window;
	struct slow_message message;
};

/* What the set of this round has that was not taken yet, in no order; how many.  Of each window the
 * slowest are among them. */
size_t slow_take(struct shm_slow *from, uint64_t round, struct slow_taken *to);

#endif
