/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wait.h"

#include <stdlib.h>

#include "util/xalloc.h"

struct waiter {
	struct sleeper *sleeper;
	struct waiter *next, **link; /* in the list */
	struct waiter *next_of_sleeper;
};

void sleeper_wait_on(struct sleeper *s, struct wait_list *list)
{
	struct waiter *w = xmalloc(sizeof(*w));

	*w = (struct waiter){
		.sleeper = s,
		.next = list->first,
		.link = &list->first,
		.next_of_sleeper = s->waiters,
	};
	if (list->first != NULL)
		list->first->link = &w->next;
	list->first = w;
	s->waiters = w;
}

void sleeper_wait_until(struct sleeper *s, uint64_t deadline_ns)
{
	if (s->wake_ns == 0 || deadline_ns < s->wake_ns)
		s->wake_ns = deadline_ns;
}

bool sleeper_waits(const struct sleeper *s)
{
	return s->waiters != NULL || s->wake_ns != 0;
}

void sleeper_forget(struct sleeper *s)
{
	while (s->waiters != NULL) {
		struct waiter *w = s->waiters;
		s->waiters = w->next_of_sleeper;
		*w->link = w->next;
		if (w->next != NULL)
			w->next->link = w->link;
		free(w);
	}
	s->wake_ns = 0;
}

void sleeper_wake(struct sleeper *s)
{
	sleeper_forget(s);
	if (s->is_woken)
		return;
	s->is_woken = true;
	s->next_woken = s->woken->first;
	s->woken->first = s;
}

void sleeper_fini(struct sleeper *s)
{
	struct sleeper **at = &s->woken->first;

	sleeper_forget(s);
	if (!s->is_woken)
		return;
	while (*at != s)
		at = &(*at)->next_woken;
	*at = s->next_woken;
	s->is_woken = false;
}

void wait_list_wake(struct wait_list *list)
{
	while (list->first != NULL)
		sleeper_wake(list->first->sleeper);
}

struct sleeper *woken_take(struct woken *w)
{
	struct sleeper *s = w->first;

	if (s == NULL)
		return NULL;
	w->first = s->next_woken;
	s->is_woken = false;
	return s;
}
