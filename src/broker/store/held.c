/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/held.h"

#include <stdlib.h>

#include "util/xalloc.h"

struct held *held_add(struct held **list, const struct fault_subject *who, uint64_t until_ns,
                      size_t len)
{
	struct held *h = xmalloc(sizeof(*h) + len);

	h->next = *list;
	h->who = *who;
	h->until_ns = until_ns;
	h->len = len;
	*list = h;
	return h;
}

struct held **held_find(struct held **list, const struct fault_subject *who)
{
	struct held **at = list;

	while (*at != NULL && !fault_subjects_are_alike(&(*at)->who, who))
		at = &(*at)->next;
	return at;
}

void held_remove(struct held **at)
{
	struct held *h = *at;

	*at = h->next;
	free(h);
}

size_t held_bytes(const struct held *list)
{
	size_t bytes = 0;

	for (; list != NULL; list = list->next)
		bytes += list->len;
	return bytes;
}

void held_fini(struct held **list)
{
	while (*list != NULL)
		held_remove(list);
}
