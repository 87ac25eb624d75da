/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/producers.h"

#include <stdlib.h>

#include "util/xalloc.h"

struct known_batch {
	int32_t first, last; /* sequences */
	int64_t offset;
};

struct producer_state {
	int64_t id;
	int16_t epoch;
	uint8_t batches; /* known ones, newest first */
	struct known_batch known[PRODUCERS_BATCHES];
	uint64_t used;
};

void producers_fini(struct producers *p)
{
	free(p->items);
	*p = (struct producers){ 0 };
}

static struct producer_state *find(const struct producers *p, int64_t id)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].id == id)
			return &p->items[i];
	return NULL;
}

/* Sequences go from 0 to INT32_MAX and begin again. */
static int32_t sequence_behind(int32_t sequence, uint32_t messages)
{
	return (int32_t)(((uint32_t)sequence + messages) & INT32_MAX);
}

static int32_t last_sequence(const struct batch *b)
{
	return sequence_behind(b->first_sequence, b->messages - 1);
}

enum producers_answer producers_check(const struct producers *p, const struct batch *b,
                                      int64_t *offset)
{
	const struct producer_state *s = find(p, b->producer);

	if (s == NULL)
		return PRODUCERS_NEXT;
	if (s->epoch < b->epoch)
		return b->first_sequence == 0 ? PRODUCERS_NEXT : PRODUCERS_GAP;
	if (s->epoch > b->epoch)
		return PRODUCERS_FENCED;
	for (uint8_t i = 0; i < s->batches; i++) {
		const struct known_batch *k = &s->known[i];
		if (k->first == b->first_sequence && k->last == last_sequence(b)) {
			*offset = k->offset;
			return PRODUCERS_DUPLICATE;
		}
	}
	if (s->batches > 0 && b->first_sequence != sequence_behind(s->known[0].last, 1))
		return PRODUCERS_GAP;
	return PRODUCERS_NEXT;
}

static struct producer_state *find_oldest(const struct producers *p)
{
	struct producer_state *oldest = &p->items[0];

	for (size_t i = 1; i < p->count; i++)
		if (p->items[i].used < oldest->used)
			oldest = &p->items[i];
	return oldest;
}

static struct producer_state *make(struct producers *p)
{
	if (p->count == PRODUCERS_MAX)
		return find_oldest(p);
	if (p->count == p->cap) {
		p->cap = p->cap > 0 ? 2 * p->cap : 4;
		p->items = xrealloc(p->items, p->cap * sizeof(*p->items));
	}
	return &p->items[p->count++];
}

void producers_note(struct producers *p, const struct batch *b, int64_t offset)
{
	struct producer_state *s = find(p, b->producer);

	if (s == NULL || s->epoch != b->epoch) {
		s = s != NULL ? s : make(p);
		*s = (struct producer_state){ .id = b->producer, .epoch = b->epoch };
	}
	for (size_t i = PRODUCERS_BATCHES - 1; i > 0; i--)
		s->known[i] = s->known[i - 1];
	s->known[0] = (struct known_batch){
		.first = b->first_sequence,
		.last = last_sequence(b),
		.offset = offset,
	};
	if (s->batches < PRODUCERS_BATCHES)
		s->batches++;
	s->used = ++p->clock;
}
