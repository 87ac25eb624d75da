/* SPDX-License-Identifier: Apache-2.0 */
#include "run/slowest_line.h"

#include <inttypes.h>

#include "util/units.h"

static const char *const done_names[FACT_SLOW_KINDS] = {
	[FACT_SLOW_ACKNOWLEDGED] = "acknowledged",
	[FACT_SLOW_RECEIVED] = "received",
};

/* NULL: there is none. */
static const struct fact_slow *first_of(const struct record *r, enum fact_slow_by by)
{
	const struct fact_slow_list *list = &r->slowest.of[by];

	return list->count > 0 ? &list->items[0] : NULL;
}

static bool is_same(const struct fact_slow *a, const struct fact_slow *b)
{
	return a != NULL && b != NULL && a->producer == b->producer && a->sequence == b->sequence;
}

static void add_which(const struct record *r, const struct fact_slow *m, struct text *out)
{
	uint64_t since_ns = m->due_ns != 0 ? m->due_ns : m->sent_ns;
	int64_t at_ns = (int64_t)(since_ns - r->window_start_ns);

	text_addf(out, "message %" PRIu64 " of producer %" PRIu32 " (", m->sequence, m->producer);
	if (m->partition >= 0)
		text_addf(out, "partition %d, ", m->partition);
	text_addf(out, "%s at %+.3f s)", m->due_ns != 0 ? "due" : "sent", (double)at_ns / 1e9);
}

static void add_after(const struct fact_slow *m, enum fact_slow_by by, struct text *out)
{
	char text[UNITS_TEXT];

	text_addf(out, " %s after %s", done_names[by],
	          format_duration_short(fact_slow_ns(m, by), text));
}

void slowest_line_format(const struct record *r, struct text *out)
{
	const struct fact_slow *sent = first_of(r, FACT_SLOW_ACKNOWLEDGED);
	const struct fact_slow *arrived = first_of(r, FACT_SLOW_RECEIVED);
	const char *before = "slowest: ";

	if (is_same(sent, arrived)) {
		text_add(out, before);
		add_which(r, sent, out);
		add_after(sent, FACT_SLOW_ACKNOWLEDGED, out);
		text_add(out, ",");
		add_after(arrived, FACT_SLOW_RECEIVED, out);
		return;
	}
	for (int by = 0; by < FACT_SLOW_KINDS; by++) {
		const struct fact_slow *m = first_of(r, (enum fact_slow_by)by);
		if (m == NULL)
			continue;
		text_add(out, before);
		add_which(r, m, out);
		add_after(m, (enum fact_slow_by)by, out);
		before = "; ";
	}
}
