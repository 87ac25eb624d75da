/* SPDX-License-Identifier: Apache-2.0 */
#include "net/timers.h"

#include <assert.h>
#include <stdlib.h>

#include "util/xalloc.h"

void timers_fini(struct timers *all)
{
	for (size_t i = 0; i < all->count; i++)
		all->heap[i]->place = 0;
	free(all->heap);
	*all = (struct timers){ 0 };
}

static void put(struct timers *all, size_t at, struct timer *t)
{
	all->heap[at] = t;
	t->place = at + 1;
}

static void sift_up(struct timers *all, size_t at)
{
	struct timer *moved = all->heap[at];

	while (at > 0 && all->heap[(at - 1) / 2]->at_ns > moved->at_ns) {
		put(all, at, all->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(all, at, moved);
}

static void sift_down(struct timers *all, size_t at)
{
	struct timer *moved = all->heap[at];

	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= all->count)
			break;
		if (child + 1 < all->count && all->heap[child + 1]->at_ns < all->heap[child]->at_ns)
			child++;
		if (moved->at_ns <= all->heap[child]->at_ns)
			break;
		put(all, at, all->heap[child]);
		at = child;
	}
	put(all, at, moved);
}

void timers_set(struct timers *all, struct timer *t, uint64_t at_ns)
{
	t->at_ns = at_ns;
	if (t->place == 0) {
		if (all->count == all->cap) {
			all->cap = all->cap > 0 ? 2 * all->cap : 16;
			all->heap = xrealloc(all->heap, all->cap * sizeof(struct timer *));
		}
		put(all, all->count++, t);
	}
	sift_up(all, t->place - 1);
	sift_down(all, t->place - 1);
}

void timers_cancel(struct timers *all, struct timer *t)
{
	if (t->place == 0)
		return;

	size_t at = t->place - 1;
	struct timer *last = all->heap[--all->count];

	assert(all->heap[at] == t);
	t->place = 0;
	if (last == t)
		return;
	put(all, at, last);
	sift_up(all, at);
	sift_down(all, last->place - 1);
}

uint64_t timers_next_ns(const struct timers *all)
{
	return all->count > 0 ? all->heap[0]->at_ns : UINT64_MAX;
}

void timers_run(struct timers *all, uint64_t now_ns)
{
	for (size_t left = all->count; left > 0 && timers_next_ns(all) <= now_ns; left--) {
		struct timer *t = all->heap[0];
		timers_cancel(all, t);
		t->due(t, now_ns);
	}
}
