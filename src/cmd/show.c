/* SPDX-License-Identifier: Apache-2.0 */
/*
 * omb show -- tells again what a result says, and which messages were lost or the slowest.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmd/args.h"
#include "cmd/input_files.h"
#include "cmd/show_slowest.h"
#include "results/pair.h"
#include "results/side_reader.h"
#include "run/reason.h"
#include "run/summary.h"
#include "util/text.h"
#include "util/units.h"

static const struct flag show_flags[] = {
	{ "lost", NULL, FLAG_SWITCH, NULL,
	  "which messages were lost after their acknowledgement, a range on each line" },
	{ "corrupted", NULL, FLAG_SWITCH, NULL,
	  "which messages arrived with other contents than were sent, a range on each line" },
	{ "slowest", NULL, FLAG_SWITCH, NULL,
	  "which messages were the slowest to be acknowledged and to be received, one on each line" },
	INPUT_FLAG_HELP,
	{ 0 },
};

/* --- what was lost ---------------------------------------------------------------------------------- */

/* Room for both. */
#define DUE_TEXT 64

/* "+1.041000000": seconds after the start of the measured window. */
static const char *format_due(const struct record *r, uint64_t due_ns, char out[DUE_TEXT])
{
	uint64_t start_ns = r->window_start_ns;
	bool is_before = due_ns < start_ns;
	uint64_t apart_ns = is_before ? start_ns - due_ns : due_ns - start_ns;

	(void)snprintf(out, DUE_TEXT, "%c%" PRIu64 ".%09" PRIu64, is_before ? '-' : '+',
	               apart_ns / 1000000000u, apart_ns % 1000000000u);
	return out;
}

/* "2026-11-28T14:51:18.626123456Z" */
static const char *format_date(const struct record *r, uint64_t due_ns, char out[DUE_TEXT])
{
	uint64_t wall_ns = r->wall_started_ns + (due_ns - r->started_ns);
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	char date[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out, DUE_TEXT, "%s.%09" PRIu64 "Z", date, wall_ns % 1000000000u);
	return out;
}

static const char *or_dash(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : "-";
}

static void add_range(const struct record *r, const struct fact_range *lost, struct text *out)
{
	char sequences[64], partition[16] = "-", due[DUE_TEXT], last_due[DUE_TEXT], date[DUE_TEXT];

	int len = snprintf(sequences, sizeof(sequences), "%" PRIu64, lost->first);
	if (lost->last > lost->first)
		(void)snprintf(sequences + len, sizeof(sequences) - (size_t)len, "-%" PRIu64,
		               lost->last);
	if (lost->partition >= 0)
		(void)snprintf(partition, sizeof(partition), "%" PRId32, lost->partition);
	text_addf(out, "%-8" PRIu32 "  %-21s  %8" PRIu64 "  %9s  %15s  %15s  %30s  %s  %s\n",
	          lost->producer, sequences, lost->last - lost->first + 1, partition,
	          format_due(r, lost->first_due_ns, due),
	          format_due(r, lost->last_due_ns, last_due),
	          format_date(r, lost->first_due_ns, date), or_dash(lost->topic),
	          or_dash(lost->subscription));
}

static void add_ranges(const struct record *r, const struct fact_range *ranges, size_t count,
                       struct text *out)
{
	if (count > 0)
		text_addf(out, "\n%-8s  %-21s  %8s  %9s  %15s  %15s  %30s  %s  %s\n", "producer",
		          "sequences", "messages", "partition", "due_s", "last_due_s", "due",
		          "topic", "subscription");
	for (size_t i = 0; i < count; i++)
		add_range(r, &ranges[i], out);
}

/* Seconds count from the start of the measured window. */
static void add_lost(const struct record *r, struct text *out)
{
	const struct fact_account *a = &r->account;
	uint64_t acknowledged = r->totals.counters[COUNTER_ACKNOWLEDGED];
	char lost[UNITS_TEXT], of[UNITS_TEXT];

	text_addf(out, "%s%s of %s acknowledged messages were lost (%" PRIu64 " subscription%s)\n",
	          a->is_exact ? "" : "at least ", format_grouped(a->all.lost, lost),
	          format_grouped(acknowledged * r->subscriptions, of), r->subscriptions,
	          r->subscriptions == 1 ? "" : "s");
	if (!a->is_exact && record_exact_below(r) != ACCOUNT_EXACT)
		text_addf(out,
		          "the account is not exact: of messages from %" PRIu64
		          " on of a producer it may be unknown\n",
		          record_exact_below(r));
	add_ranges(r, a->lost, a->lost_count, out);
	if (a->lost_left_off > 0)
		text_addf(out, "and %" PRIu64 " ranges more, which the result does not name\n",
		          a->lost_left_off);
}

static bool show_corrupted(const struct side_reader *r, const char *side, struct text *out,
                           struct error *err)
{
	const struct record *of = &r->record;
	const uint64_t *c = of->totals.counters;
	uint64_t named = 0;
	char n[UNITS_TEXT];

	if (!of->verified)
		return error_set(err, ERROR_SYSTEM,
		                 "result %s: contents were not compared (verifyPayload): which "
		                 "were damaged is unknown",
		                 side);
	text_addf(out, "%s messages were received with other contents than were sent\n",
	          format_grouped(c[COUNTER_SPOILED], n));
	if (c[COUNTER_CORRUPT] > 0)
		text_addf(out, "%s besides had a damaged stamp, which names nobody\n",
		          format_grouped(c[COUNTER_CORRUPT], n));
	add_ranges(of, of->spoiled, of->spoiled_count, out);
	for (size_t i = 0; i < of->spoiled_count; i++)
		named += of->spoiled[i].last - of->spoiled[i].first + 1;
	if (c[COUNTER_SPOILED] > named)
		text_addf(out, "and %s receipts more, which the result does not name\n",
		          format_grouped(c[COUNTER_SPOILED] - named, n));
	return true;
}

static bool show_lost(const struct side_reader *r, const char *side, struct text *out,
                      struct error *err)
{
	const char *why = r->record.account_lack;

	if (!r->record.account.is_kept)
		return error_set(err, ERROR_SYSTEM,
		                 "result %s: no account of every message was kept (%s): which were "
		                 "lost is unknown",
		                 side, why != NULL ? why : "it was made by an earlier omb");
	add_lost(&r->record, out);
	return true;
}

static bool show_slowest(const struct side_reader *r, const char *side, struct text *out,
                         struct error *err)
{
	if (fact_slowest_is_empty(&r->record.slowest))
		return error_set(err, ERROR_SYSTEM,
		                 "result %s: no message is named: nothing was acknowledged or "
		                 "received in the window, or it was made by an earlier omb",
		                 side);
	show_slowest_add(&r->record, out);
	return true;
}

/* --- the summary ------------------------------------------------------------------------------------ */

/* The file has all but what the run derived: why messages failed. */
static void show_summary(struct side_reader *r, const char *side, struct text *out)
{
	const struct fact_events events = {
		.items = (struct fact_event *)(uintptr_t)r->record.events,
		.count = r->record.events_count,
	};
	struct reason failed = reason_of(&events, REASON_MESSAGES);
	char *json = pair_json_beside(side);

	r->record.failure_cause = failed.text;
	r->record.failure_often = failed.often;
	summary_format(&r->record, json, side, out);
	free(json);
}

/* --- the command ------------------------------------------------------------------------------------ */

static bool show(const struct args *args, const char *side, struct text *out, struct error *err)
{
	struct side_reader r;
	bool ok = side_reader_load(&r, side, NULL, NULL, err);

	if (ok && args_has(args, "lost"))
		ok = show_lost(&r, side, out, err);
	else if (ok && args_has(args, "corrupted"))
		ok = show_corrupted(&r, side, out, err);
	else if (ok && args_has(args, "slowest"))
		ok = show_slowest(&r, side, out, err);
	else if (ok)
		show_summary(&r, side, out);
	side_reader_fini(&r);
	return ok;
}

static int show_run(const struct args *args)
{
	struct text out = { 0 };
	struct error err;

	if (args->words.count != 1) {
		error_set(&err, ERROR_USAGE, "expected one result, NAME.omb, got %zu",
		          args->words.count);
		return args_fail(args, &err);
	}
	if (args_has(args, "lost") + args_has(args, "corrupted") + args_has(args, "slowest") > 1) {
		error_set(&err, ERROR_USAGE,
		          "--lost, --corrupted and --slowest are tables: one at a time");
		return args_fail(args, &err);
	}
	char *side = pair_side_of(args->words.items[0]);
	bool ok = show(args, side, &out, &err);
	fputs(text_str(&out), stdout);
	text_fini(&out);
	free(side);
	return ok ? 0 : args_fail(args, &err);
}

extern const struct command command_show;
const struct command command_show = {
	.name = "show",
	.summary = "tells again what a result says, and which messages were lost or slow",
	.words = "RESULT",
	.text = "Prints the summary of a result, as the run did at its end. RESULT is its NAME.omb, "
		"or the NAME.json (.json.invalid, .json.partial) beside it.\n"
		"\n"
		"--lost: the messages that the broker had acknowledged and a subscription never "
		"received. Neighbours of one producer and partition are a line: producer, "
		"sequences, how many, partition (- where it is unknown), when the first and the "
		"last of them were due, in seconds after the start of the measured window and (the "
		"first) as a date, topic, subscription. Of a run that kept no account of every "
		"message they are unknown: that is an error, exit code 1. That nothing was lost is "
		"none.\n"
		"\n"
		"--corrupted: the same of the messages that were received with other contents than "
		"their producer had sent, as a run with verifyPayload finds them: the first 1,000 of "
		"each consumer thread. Of any other run that is unknown: an error, exit code 1.\n"
		"\n"
		"--slowest: up to 20 messages due in the window that were acknowledged the latest "
		"after they were due, and as many that were received the latest (without a "
		"schedule: after they were sent): how long it took, producer, sequence, partition, "
		"when it was due, sent, acknowledged and received, in seconds after the start of the "
		"window, the producer agent (from), the consumer agent (to; 2.1 is the first one "
		"that took the place of agent 2) and the subscription. - is unknown: the other end "
		"did not keep that message among its slowest.",
	.examples = "omb show results/NAME.omb\nomb show --lost results/NAME.json.invalid\n"
		    "omb show --slowest results/NAME.omb",
	.flags = show_flags,
	.run = show_run,
};
