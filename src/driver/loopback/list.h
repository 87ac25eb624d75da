/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_LIST_H
#define OMB_DRIVER_LOOPBACK_LIST_H

/*
 * list -- a doubly linked ring through the items themselves.  The link is an item's first member.
 */

#include <stdbool.h>
#include <stddef.h>

struct loop_link { /* zeroed: in no list */
	struct loop_link *next, *prev;
};

struct loop_list {
	struct loop_link ring;
};

static inline void loop_list_init(struct loop_list *list)
{
	list->ring.next = list->ring.prev = &list->ring;
}

static inline bool loop_list_is_empty(const struct loop_list *list)
{
	return list->ring.next == &list->ring;
}

static inline void loop_list_remove(struct loop_link *link)
{
	if (link->next == NULL)
		return;
	link->next->prev = link->prev;
	link->prev->next = link->next;
	link->next = link->prev = NULL;
}

/* Without effect when the link is in a list already. */
static inline void loop_list_add(struct loop_list *list, struct loop_link *link)
{
	if (link->next != NULL)
		return;
	link->next = &list->ring;
	link->prev = list->ring.prev;
	link->prev->next = link;
	list->ring.prev = link;
}

static inline struct loop_link *loop_list_first(const struct loop_list *list)
{
	return loop_list_is_empty(list) ? NULL : list->ring.next;
}

static inline struct loop_link *loop_list_take_first(struct loop_list *list)
{
	struct loop_link *link = loop_list_first(list);

	if (link != NULL)
		loop_list_remove(link);
	return link;
}

#endif
