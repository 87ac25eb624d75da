/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/show_slowest.h"

#include <inttypes.h>
#include <stdio.h>

#include "results/record.h"
#include "util/text.h"

#define CELL_TEXT 32

/* "+1.041000000": seconds after the start of the measured window. */
static const char *instant(const struct record *r, uint64_t at_ns, char out[CELL_TEXT])
{
	bool is_before = at_ns < r->window_start_ns;
	uint64_t apart_ns = is_before ? r->window_start_ns - at_ns : at_ns - r->window_start_ns;

	if (at_ns == 0)
		return "-";
	(void)snprintf(out, CELL_TEXT, "%c%" PRIu64 ".%09" PRIu64, is_before ? '-' : '+',
	               apart_ns / 1000000000u, apart_ns % 1000000000u);
	return out;
}

static const char *number(int value, char out[CELL_TEXT])
{
	if (value < 0)
		return "-";
	(void)snprintf(out, CELL_TEXT, "%d", value);
	return out;
}

/* "2", and of one that took the place of a dead one "2.1". */
static const char *receiver(const struct fact_slow *m, char out[CELL_TEXT])
{
	if (m->consumer_agent < 0 || m->consumer_generation <= 0)
		return number(m->consumer_agent, out);
	(void)snprintf(out, CELL_TEXT, "%d.%d", m->consumer_agent, m->consumer_generation);
	return out;
}

static void add_message(const struct record *r, const struct fact_slow *m, enum fact_slow_by by,
                        struct text *out)
{
	char partition[CELL_TEXT], due[CELL_TEXT], sent[CELL_TEXT], acknowledged[CELL_TEXT];
	char received[CELL_TEXT], from[CELL_TEXT], to[CELL_TEXT];
	uint64_t ns = fact_slow_ns(m, by);

	text_addf(out, "%-12s  %4" PRIu64 ".%09" PRIu64 "  %8" PRIu32 "  %10" PRIu64 "  %9s",
	          by == FACT_SLOW_ACKNOWLEDGED ? "acknowledged" : "received", ns / 1000000000u,
	          ns % 1000000000u, m->producer, m->sequence, number(m->partition, partition));
	text_addf(out, "  %15s  %15s  %15s  %15s  %5s  %5s  %s\n", instant(r, m->due_ns, due),
	          instant(r, m->sent_ns, sent), instant(r, m->acknowledged_ns, acknowledged),
	          instant(r, m->received_ns, received), number(m->producer_agent, from),
	          receiver(m, to), m->subscription[0] != '\0' ? m->subscription : "-");
}

void show_slowest_add(const struct record *r, struct text *out)
{
	text_addf(out, "%-12s  %14s  %8s  %10s  %9s  %15s  %15s  %15s  %15s  %5s  %5s  %s\n", "by",
	          "after_s", "producer", "sequence", "partition", "due_s", "sent_s",
	          "acknowledged_s", "received_s", "from", "to", "subscription");
	for (int by = 0; by < FACT_SLOW_KINDS; by++)
		for (size_t i = 0; i < r->slowest.of[by].count; i++)
			add_message(r, &r->slowest.of[by].items[i], (enum fact_slow_by)by, out);
}
