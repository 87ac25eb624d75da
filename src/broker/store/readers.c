/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/readers.h"

#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

/* So many readers of one partition are not looked through for those that are gone. */
#define SWEEP_MIN 64

struct presence *presence_create(uint64_t number)
{
	struct presence *p = xcalloc(1, sizeof(*p));

	*p = (struct presence){ .number = number, .holds = 1 };
	return p;
}

static void let_go(struct presence *p)
{
	if (--p->holds == 0)
		free(p);
}

void presence_end(struct presence *p)
{
	p->gone = true;
	let_go(p);
}

void readers_fini(struct readers *r)
{
	for (size_t i = 0; i < r->count; i++)
		let_go(r->items[i].who);
	r->budget->count -= r->count;
	free(r->items);
	free(r->lacks);
	*r = (struct readers){ 0 };
}

/* --- who reads ---------------------------------------------------------------------------------- */

/* The first whose number is not below. */
static size_t place_of(const struct readers *r, uint64_t number)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->items[middle].who->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void forget(struct readers *r, size_t i)
{
	let_go(r->items[i].who);
	r->count--;
	r->budget->count--;
	memmove(&r->items[i], &r->items[i + 1], (r->count - i) * sizeof(*r->items));
}

/* A new reader that begins at `offset` goes on for the one that was nearest before it went. */
static void succeed(struct readers *r, int64_t offset)
{
	size_t nearest = r->count;

	for (size_t i = 0; i < r->count; i++) {
		const struct partition_reader *old = &r->items[i];
		if (old->who->gone && old->offset >= offset &&
		    (nearest == r->count || old->offset < r->items[nearest].offset))
			nearest = i;
	}
	if (nearest == r->count)
		return;
	if (r->items[nearest].offset > r->released)
		r->released = r->items[nearest].offset;
	forget(r, nearest);
}

/* --- what silent ones lack ----------------------------------------------------------------------- */

static bool is_silent(const struct partition_reader *p, uint64_t now_ns)
{
	return now_ns > READER_STALE_NS && p->seen_ns < now_ns - READER_STALE_NS;
}

static struct readers_lack lack_of(const struct partition_reader *p)
{
	if (p->who->gone)
		return (struct readers_lack){ .from = p->offset, .until = p->end };
	return (struct readers_lack){ .from = p->next, .until = INT64_MAX };
}

static void add_lack(struct readers *r, struct readers_lack lack)
{
	if (r->lacks_count == r->lacks_cap) {
		r->lacks_cap = r->lacks_cap > 0 ? 2 * r->lacks_cap : 4;
		r->lacks = xrealloc(r->lacks, r->lacks_cap * sizeof(*r->lacks));
	}
	r->lacks[r->lacks_count++] = lack;
}

static int by_from(const void *a, const void *b)
{
	const struct readers_lack *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

/* All members of its name that were given the partition read it: it was given to one of them. */
static bool has_moved(const struct readers *r, const struct readers_look *look, uint32_t client)
{
	int owners = look->count_owners != NULL ? look->count_owners(look->context, client) : -1;

	if (owners < 0)
		return false;
	for (size_t i = 0; i < r->count && owners > 0; i++)
		owners -=
			r->items[i].who->client == client && !is_silent(&r->items[i], look->now_ns);
	return owners == 0;
}

/* False: it is no reader any more. */
static bool look_at_silent(struct readers *r, const struct readers_look *look,
                           const struct partition_reader *p)
{
	struct readers_lack lack = lack_of(p);

	if (p->offset > r->released)
		r->released = p->offset;
	if (lack.from >= lack.until)
		return false;
	if (!p->who->gone && has_moved(r, look, p->who->client))
		return false;
	add_lack(r, lack);
	return true;
}

static bool look_at(struct readers *r, const struct readers_look *look,
                    const struct partition_reader *p, bool *found, struct readers_front *out)
{
	if (is_silent(p, look->now_ns))
		return look_at_silent(r, look, p);
	if (!*found || p->offset < out->asked)
		out->asked = p->offset;
	if (!*found || p->next < out->given)
		out->given = p->next;
	*found = true;
	return true;
}

bool readers_lowest(struct readers *r, const struct readers_look *look, struct readers_front *out)
{
	bool found = false;
	size_t i = 0;

	r->lacks_count = 0;
	while (i < r->count) {
		if (look_at(r, look, &r->items[i], &found, out))
			i++;
		else
			forget(r, i);
	}
	if (r->lacks_count > 1)
		qsort(r->lacks, r->lacks_count, sizeof(*r->lacks), by_from);
	return found;
}

uint64_t readers_unread(const struct readers *r, int64_t first, int64_t end)
{
	int64_t at = first;
	uint64_t unread = 0;

	for (size_t i = 0; i < r->lacks_count && at < end; i++) {
		const struct readers_lack *lack = &r->lacks[i];
		int64_t from = lack->from > at ? lack->from : at;
		int64_t until = lack->until < end ? lack->until : end;
		if (until <= from)
			continue;
		unread += (uint64_t)(until - from);
		at = until;
	}
	return unread;
}

void readers_dropped(struct readers *r, int64_t start)
{
	for (size_t i = 0; i < r->count; i++) {
		struct partition_reader *p = &r->items[i];
		if (p->offset < start)
			p->offset = start;
		if (p->next < start)
			p->next = start;
	}
}

/* --- noting ------------------------------------------------------------------------------------ */

/* Both are gone, and what they lack is one piece: the first stands for both. */
static bool is_merged(struct partition_reader *into, const struct partition_reader *p)
{
	if (!into->who->gone || p->offset > into->end || into->offset > p->end)
		return false;
	into->offset = p->offset < into->offset ? p->offset : into->offset;
	into->end = p->end > into->end ? p->end : into->end;
	return true;
}

/* Those that are gone would pile up where clients come and go and the memory is never full. */
static void sweep(struct readers *r, uint64_t now_ns)
{
	struct readers_look look = { .now_ns = now_ns };
	struct readers_front front;
	size_t kept = 0;

	readers_lowest(r, &look, &front);
	for (size_t i = 0; i < r->count; i++) {
		struct partition_reader p = r->items[i];
		bool merged = false;
		if (p.who->gone && is_silent(&p, now_ns))
			for (size_t k = 0; k < kept && !merged; k++)
				merged = is_silent(&r->items[k], now_ns) &&
				         is_merged(&r->items[k], &p);
		if (merged)
			let_go(p.who);
		else
			r->items[kept++] = p;
	}
	r->budget->count -= r->count - kept;
	r->count = kept;
}

/* Room for one more. */
static bool make_room(struct readers *r, uint64_t now_ns)
{
	if (r->count == r->cap && r->cap >= SWEEP_MIN)
		sweep(r, now_ns);
	if (r->budget->count >= r->budget->max)
		return false;
	if (r->count == r->cap) {
		r->cap = r->cap > 0 ? 2 * r->cap : 2;
		r->items = xrealloc(r->items, r->cap * sizeof(*r->items));
	}
	return true;
}

struct partition_reader *readers_note(struct readers *r, const struct partition_reader *seen)
{
	size_t at = place_of(r, seen->who->number);

	if (at < r->count && r->items[at].who == seen->who) {
		r->items[at] = *seen;
		return &r->items[at];
	}
	succeed(r, seen->offset);
	if (!make_room(r, seen->seen_ns))
		return NULL;
	at = place_of(r, seen->who->number);
	memmove(&r->items[at + 1], &r->items[at], (r->count - at) * sizeof(*r->items));
	r->count++;
	r->budget->count++;
	r->items[at] = *seen;
	seen->who->holds++;
	return &r->items[at];
}
