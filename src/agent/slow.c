/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slow.h"

#include <string.h>

void slow_init(struct slow *s, struct shm_slow *words)
{
	*s = (struct slow){ .words = words };
	for (int w = 0; w < WINDOW_COUNT; w++)
		for (uint8_t i = 0; i < SLOW_PLACES; i++)
			s->tables[w].order[i] = i;
}

void slow_begin(struct slow *s, uint64_t round)
{
	s->round = round;
	for (int w = 0; w < WINDOW_COUNT; w++) {
		s->tables[w].used = 0;
		s->tables[w].most_ns = 0;
		s->least_ns[w] = 0;
	}
}

static uint32_t count_above(const struct slow_table *t, uint64_t ns)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < SLOW_PLACES; i++)
		count += t->ns[i] > ns;
	return count;
}

/* SLOW_MESSAGES took longer and not many more; or many took equally long, and fewer longer. */
static uint64_t find_bound(const struct slow_table *t, uint64_t least_ns)
{
	uint64_t low_ns = least_ns, high_ns = t->most_ns; /* too many above; too few */

	while (high_ns - low_ns > 1) {
		uint64_t middle_ns = low_ns + (high_ns - low_ns) / 2;
		uint32_t above = count_above(t, middle_ns);
		if (above >= SLOW_MESSAGES && above <= SLOW_PLACES / 2)
			return middle_ns;
		if (above < SLOW_MESSAGES)
			high_ns = middle_ns;
		else
			low_ns = middle_ns;
	}
	return high_ns;
}

/* Those above the bound stay; so many places are in use then. */
static uint32_t keep_above(struct slow_table *t, uint64_t bound_ns)
{
	uint8_t going[SLOW_PLACES];
	uint32_t stay = 0, go = 0;

	for (uint32_t place = 0; place < SLOW_PLACES; place++) {
		uint32_t stays = t->ns[place] > bound_ns;
		t->order[stay] = (uint8_t)place;
		going[go] = (uint8_t)place;
		stay += stays;
		go += 1 - stays;
	}
	memcpy(&t->order[stay], going, go);
	return stay;
}

/*
 * A message whose place is free is there until another one is written over it, which took longer.  So
 * where fewer than SLOW_MESSAGES stay, the others that a reader wants are among the many at the bound.
 */
void slow_make_room(struct slow *s, enum window window)
{
	struct slow_table *t = &s->tables[window];
	uint64_t bound_ns = find_bound(t, s->least_ns[window]);

	t->used = keep_above(t, bound_ns);
	s->least_ns[window] = bound_ns;
}

/* The partner is slow_put_word. */
static uint64_t word_of(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

/* False: it is of another number, or became so while it was read. */
static bool read_place(const struct shm_slow_place *from, uint64_t after, uint64_t until,
                       struct slow_message *out)
{
	uint64_t number = word_of(&from->number);

	if (number <= after || number > until)
		return false;
	out->due_ns = word_of(&from->due_ns);
	out->sent_ns = word_of(&from->sent_ns);
	out->done_ns = word_of(&from->done_ns);
	out->sequence = word_of(&from->sequence);
	uint64_t who = word_of(&from->who);
	out->producer = (uint32_t)who;
	out->client = (uint32_t)(who >> 32);
	out->partition = (int32_t)((int64_t)word_of(&from->partition) - 1);
	return counter_read(&from->number) == number;
}

size_t slow_take(struct shm_slow *from, uint64_t round, struct slow_taken *to)
{
	_Atomic uint64_t *taken = &from->taken[round % SLOW_SETS];
	uint64_t after = counter_read(taken);
	/* One that comes while this looks waits: else one before it might be overlooked for ever. */
	uint64_t until = word_of(&from->count);
	size_t count = 0;

	if (until == after)
		return 0; /* reading untouched pages would make them memory */
	for (int w = 0; w < WINDOW_COUNT; w++)
		for (int i = 0; i < SLOW_PLACES; i++) {
			const struct shm_slow_place *place = &from->places[round % SLOW_SETS][w][i];
			if (!read_place(place, after, until, &to[count].message))
				continue;
			to[count++].window = (enum window)w;
		}
	counter_set(taken, until);
	return count;
}
