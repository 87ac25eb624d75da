/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/note.h"

#include <stdio.h>

#include "stats/counter.h"
#include "util/text.h"

const char *note_name(enum note_kind kind)
{
	static const char *const names[] = {
		[DRIVER_EVENT_CONNECTION] = "connection",
		[DRIVER_EVENT_CLIENT] = "client",
		[DRIVER_EVENT_COMMIT] = "commit",
		[DRIVER_EVENT_POLL] = "poll",
		[DRIVER_EVENT_REBALANCE] = "rebalance",
		[DRIVER_EVENT_FATAL] = "fatal",
		[NOTE_SEND] = "send",
		[NOTE_DELIVERY] = "delivery",
		[NOTE_BLOCKED] = "blocked",
		[NOTE_TWINS] = "twins",
	};

	return names[kind];
}

/* Release: a reader that sees a count sees what was stored before. */
static void count_one(_Atomic uint64_t *count)
{
	atomic_store_explicit(count, counter_read(count) + 1, memory_order_release);
}

void note_add(struct note *n, const char *text, uint64_t now_ns)
{
	for (unsigned i = 0; i < NOTE_TEXTS; i++) {
		struct note_text *t = &n->texts[i];
		bool is_free = counter_read(&t->count) == 0;

		if (is_free) {
			t->first_ns = now_ns;
			snprintf(t->text, sizeof(t->text), "%s", text);
		}
		if (is_free || text_is_same_but_numbers(t->text, text, sizeof(t->text) - 1)) {
			count_one(&t->count);
			return;
		}
	}
	if (counter_read(&n->others) == 0)
		n->others_first_ns = now_ns;
	count_one(&n->others);
}

uint64_t note_total(const struct note *n)
{
	uint64_t total = note_count(&n->others);

	for (unsigned i = 0; i < NOTE_TEXTS; i++)
		total += note_count(&n->texts[i].count);
	return total;
}
