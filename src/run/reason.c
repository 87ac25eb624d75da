/* SPDX-License-Identifier: Apache-2.0 */
#include "run/reason.h"

#include <string.h>

#include "util/text.h"

#define TEXT_MAX 512

/* A file of somebody else's may have an event without a text. */
static bool says_something(const struct fact_event *e)
{
	return !e->is_rest && e->text != NULL;
}

static bool is_about(const struct fact_event *e, enum reason_about about)
{
	static const char *const messages[] = { "send", "delivery", "blocked" };

	if (e->kind != EVENT_CLIENT || !e->name || strcmp(e->name, "rebalance") == 0)
		return false;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (strcmp(e->name, messages[i]) == 0)
			return about == REASON_MESSAGES;
	return about == (strcmp(e->name, "fatal") == 0 ? REASON_FATAL : REASON_CLIENTS);
}

/* Producers and consumers may say the same, and so may kinds of errors. */
static uint64_t times(const struct fact_events *events, enum reason_about about, const char *text)
{
	uint64_t count = 0;

	for (size_t i = 0; i < events->count; i++) {
		const struct fact_event *e = &events->items[i];

		if (is_about(e, about) && says_something(e) &&
		    text_is_same_but_numbers(e->text, text, TEXT_MAX))
			count += e->count;
	}
	return count;
}

struct reason reason_of(const struct fact_events *events, enum reason_about about)
{
	struct reason out = { 0 };

	for (size_t i = 0; i < events->count; i++) {
		const struct fact_event *e = &events->items[i];

		if (!is_about(e, about))
			continue;
		out.count += e->count;
		uint64_t often = says_something(e) ? times(events, about, e->text) : 0;
		if (often > out.often) {
			out.often = often;
			out.text = e->text;
		}
	}
	return out;
}
