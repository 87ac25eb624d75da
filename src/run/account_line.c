/* SPDX-License-Identifier: Apache-2.0 */
#include "run/account_line.h"

#include <inttypes.h>
#include <string.h>

#include "util/secret.h"
#include "util/units.h"

/* Ranges that are named. */
#define RANGES_SHOWN 3

/* --- what was lost ---------------------------------------------------------------------------------- */

static bool is_same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool is_same_key(const struct fact_range *a, const struct fact_range *b)
{
	return a->producer == b->producer && is_same_text(a->subscription, b->subscription);
}

/* Neighbours that only their partitions part are one range; of how many that is made. */
static size_t join(const struct fact_range *lost, size_t count, struct fact_range *out)
{
	size_t joined = 1;

	*out = lost[0];
	while (joined < count && is_same_key(out, &lost[joined]) &&
	       lost[joined].first == out->last + 1)
		out->last = lost[joined++].last;
	return joined;
}

/* " (producer 2: 1041-1043, 1050"; whose subscription it is only where there are several. */
static void add_range(const struct record *r, const struct fact_range *range,
                      const struct fact_range *before, struct text *line)
{
	if (before == NULL || !is_same_key(before, range)) {
		text_addf(line, "%sproducer %" PRIu32, before != NULL ? "; " : "", range->producer);
		if (r->subscriptions > 1 && range->subscription != NULL)
			text_addf(line, " at %s", range->subscription);
		text_add(line, ": ");
	} else {
		text_add(line, ", ");
	}
	text_addf(line, "%" PRIu64, range->first);
	if (range->last > range->first)
		text_addf(line, "-%" PRIu64, range->last);
}

/* The first of them; how many messages were named. */
static uint64_t add_ranges(const struct record *r, const struct fact_range *ranges, size_t count,
                           struct text *line)
{
	struct fact_range range, before = { .producer = 0 };
	uint64_t named = 0;
	size_t at = 0;

	for (size_t shown = 0; shown < RANGES_SHOWN && at < count; shown++) {
		at += join(ranges + at, count - at, &range);
		add_range(r, &range, shown > 0 ? &before : NULL, line);
		named += range.last - range.first + 1;
		before = range;
	}
	return named;
}

static void add_more(uint64_t more, const char *option, const char *side_path, struct text *line)
{
	char n[UNITS_TEXT];

	if (more == 0)
		return;
	text_addf(line, " and %s more", format_grouped(more, n));
	if (side_path != NULL)
		text_addf(line, ", see omb show %s %s", option, side_path);
}

static void add_lost(const struct record *r, const char *side_path, struct text *line)
{
	const struct fact_account *a = &r->account;

	if (a->lost_count == 0)
		return;
	text_add(line, " (");
	uint64_t named = add_ranges(r, a->lost, a->lost_count, line);
	add_more(a->all.lost > named ? a->all.lost - named : 0, "--lost", side_path, line);
	text_add(line, ")");
}

/* A damaged stamp names nobody. */
static void add_spoiled(const struct record *r, const char *side_path, struct text *line)
{
	uint64_t stamps = r->totals.counters[COUNTER_CORRUPT];
	uint64_t spoiled = r->totals.counters[COUNTER_SPOILED];
	char n[UNITS_TEXT];

	if (r->spoiled_count == 0)
		return;
	text_add(line, " (");
	uint64_t named = add_ranges(r, r->spoiled, r->spoiled_count, line);
	add_more(spoiled > named ? spoiled - named : 0, "--corrupted", side_path, line);
	if (stamps > 0)
		text_addf(line, "; of %s the stamp", format_grouped(stamps, n));
	text_add(line, ")");
}

/* --- what went wrong -------------------------------------------------------------------------------- */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void add_wrong(const struct record *r, const char *side_path, struct text *line)
{
	const struct fact_account *a = &r->account;
	const struct book_counts *c = &a->all;
	/* Counted by the loops as well, which keep no account. */
	uint64_t corrupted =
		larger(r->totals.counters[COUNTER_CORRUPT] + r->totals.counters[COUNTER_SPOILED],
	               c->corrupted);
	const char *least = a->is_kept && !a->is_exact ? "at least " : "";
	const char *least_of_order = a->is_kept && !a->is_order_known ? "at least " : least;
	const struct {
		uint64_t count;
		const char *least, *what;
		void (*name)(const struct record *r, const char *side_path, struct text *line);
	} wrongs[] = {
		{ c->lost, least, "lost", add_lost },
		{ corrupted, least, "corrupted", add_spoiled },
		{ c->never_sent, least, "received that nobody sent", NULL },
		{ c->duplicated, least, "duplicated", NULL },
		{ c->out_of_order, least_of_order, "out of order", NULL },
		{ c->delivered_though_failed, least, "delivered though failed", NULL },
	};
	bool any = false;
	char n[UNITS_TEXT];

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		if (wrongs[i].count == 0)
			continue;
		text_addf(line, "%s%s%s %s", any ? ", " : "", wrongs[i].least,
		          format_grouped(wrongs[i].count, n), wrongs[i].what);
		if (wrongs[i].name != NULL)
			wrongs[i].name(r, side_path, line);
		any = true;
	}
	if (any)
		text_add(line, "; ");
}

/* --- what was counted ------------------------------------------------------------------------------- */

static void add_received(const struct record *r, struct text *line)
{
	const uint64_t *c = r->totals.counters;
	char n[UNITS_TEXT];

	if (r->subscriptions == 0)
		return;
	text_addf(line, ", %s received (%" PRIu64 " subscription%s)",
	          format_grouped(c[COUNTER_RECEIVED], n), r->subscriptions,
	          r->subscriptions == 1 ? "" : "s");
	if (c[COUNTER_REDELIVERED])
		text_addf(line, ", %s of these again, says the broker",
		          format_grouped(c[COUNTER_REDELIVERED], n));
	if (c[COUNTER_FOREIGN])
		text_addf(line, ", besides %s of another run",
		          format_grouped(c[COUNTER_FOREIGN], n));
	if (c[COUNTER_UNSTAMPED] && r->stamped)
		text_addf(line, ", besides %s without a stamp",
		          format_grouped(c[COUNTER_UNSTAMPED], n));
}

static void add_counts(const struct record *r, struct text *line)
{
	const uint64_t *c = r->totals.counters;
	char n[UNITS_TEXT];

	text_addf(line, "%s sent", format_grouped(c[COUNTER_SENT], n));
	text_addf(line, ", %s acknowledged", format_grouped(c[COUNTER_ACKNOWLEDGED], n));
	if (c[COUNTER_FAILED])
		text_addf(line, ", %s failed", format_grouped(c[COUNTER_FAILED], n));
	if (c[COUNTER_FAILED] && r->failure_cause) {
		text_add(line, " (\"");
		secret_add(line, r->failure_cause);
		text_addf(line, "\" %s times)", format_grouped(r->failure_often, n));
	}
	if (c[COUNTER_UNACKNOWLEDGED])
		text_addf(line, ", %s unanswered", format_grouped(c[COUNTER_UNACKNOWLEDGED], n));
	if (c[COUNTER_UNSENT])
		text_addf(line, ", %s never sent", format_grouped(c[COUNTER_UNSENT], n));
	add_received(r, line);
}

/* --- what is proven --------------------------------------------------------------------------------- */

/* Of sums: one that is lost and another that came twice cancel. */
static void compare_sums(const struct record *r, struct text *line)
{
	const uint64_t *c = r->totals.counters;
	uint64_t expected = c[COUNTER_ACKNOWLEDGED] * r->subscriptions;
	uint64_t received = c[COUNTER_RECEIVED];
	uint64_t unsure = (c[COUNTER_FAILED] + c[COUNTER_UNACKNOWLEDGED]) * r->subscriptions;
	char n[UNITS_TEXT];

	if (!r->stamped)
		return;
	if (received == expected)
		text_addf(line, ": as many received as acknowledged%s",
		          r->subscriptions == 1 ? "" : ", for each subscription");
	else if (received < expected)
		text_addf(line, ": %s missing", format_grouped(expected - received, n));
	else if (received - expected <= unsure)
		text_addf(line, ": %s arrived without an acknowledgement",
		          format_grouped(received - expected, n));
	else
		text_addf(line, ": %s too many", format_grouped(received - expected, n));
}

static void tell_limit(const struct record *r, struct text *line)
{
	uint64_t below = record_exact_below(r);

	if (below == 0 || below == ACCOUNT_EXACT)
		text_add(line, ". The account is not exact: every count may be higher");
	else
		text_addf(line,
		          ". The account is exact up to message %" PRIu64
		          " of each producer; beyond, every count may be higher",
		          below - 1);
}

static void prove(const struct record *r, struct text *line)
{
	const struct book_counts *c = &r->account.all;

	if (c->lost > 0 || r->totals.counters[COUNTER_ACKNOWLEDGED] == 0)
		return;
	text_addf(line, ": every acknowledged message was received%s",
	          r->subscriptions == 1 ? "" : " by each subscription");
	if (c->duplicated + c->redelivered == 0)
		text_add(line, " once");
	if (!r->account.is_order_known)
		text_add(line, "; in which order is not known");
	else if (c->out_of_order == 0)
		text_addf(line, "%s in order", c->duplicated + c->redelivered == 0 ? "," : "");
}

void account_line_format(const struct record *r, const char *side_path, struct text *line)
{
	add_wrong(r, side_path, line);
	add_counts(r, line);
	/* What was under way when a run was killed is neither lost nor delivered. */
	if (r->subscriptions == 0 || r->recovered)
		return;
	if (r->account.is_kept && r->account.is_exact) {
		prove(r, line);
		return;
	}
	compare_sums(r, line);
	if (r->account.is_kept)
		tell_limit(r, line);
	else if (r->account_lack != NULL)
		text_addf(line, ". No account was kept (%s): lost messages are unknown",
		          r->account_lack);
}
