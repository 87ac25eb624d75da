/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/origin.h"

#include <string.h>

#include "util/arena.h"

/* More would not fit the line of a summary. */
#define NAMED_MAX 4

bool origin_is_doubt(const char *origin)
{
	return strcmp(origin, ORIGIN_ALTERED) == 0 || strcmp(origin, ORIGIN_NO_EFFECT) == 0;
}

static bool says_the_same(const struct fact_row *a, const struct fact_row *b)
{
	return strcmp(a->key, b->key) == 0 && strcmp(a->value, b->value) == 0 &&
	       strcmp(a->origin, b->origin) == 0 && strcmp(a->note, b->note) == 0;
}

void origin_doubts_add(struct origin_doubts *list, const struct fact_row *row, struct arena *a)
{
	if (!origin_is_doubt(row->origin))
		return;
	for (size_t i = 0; i < list->count; i++) {
		struct origin_doubt *d = &list->items[i];
		if (says_the_same(&d->row, row)) {
			d->sections = arena_printf(a, "%s, %s", d->sections, row->section);
			return;
		}
	}
	if (list->count == list->cap) {
		list->cap = list->cap == 0 ? 8 : list->cap * 2;
		struct origin_doubt *items = arena_alloc(a, list->cap * sizeof(*items));
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
	}
	list->items[list->count++] = (struct origin_doubt){ row->section, *row };
}

const char *origin_doubt_text(const struct origin_doubt *doubt, struct arena *a)
{
	const struct fact_row *r = &doubt->row;

	if (strcmp(r->origin, ORIGIN_NO_EFFECT) == 0)
		return arena_printf(a, "%s: %s=%s has no effect (%s)", doubt->sections, r->key,
		                    r->value, r->note);
	return arena_printf(a, "%s: %s is %s, not as the driver file says (%s)", doubt->sections,
	                    r->key, r->value, r->note);
}

const char *origin_doubts_summary(const struct origin_doubts *list, struct arena *a)
{
	const char *text;

	if (list->count == 0)
		return NULL;
	text = list->count == 1 ? "a setting is not as the driver file says"
	                        : arena_printf(a, "%zu settings are not as the driver file says",
	                                       list->count);
	for (size_t i = 0; i < list->count && i < NAMED_MAX; i++)
		text = arena_printf(a, "%s%s %s", text, i == 0 ? ":" : ",", list->items[i].row.key);
	if (list->count > NAMED_MAX)
		text = arena_printf(a, "%s ...", text);
	return arena_printf(a, "%s (`omb check` says how)", text);
}
