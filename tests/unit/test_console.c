/* SPDX-License-Identifier: Apache-2.0 */
#include "run/console.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/account_line.h"
#include "run/summary.h"
#include "util/secret.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

static void counts_have_three_digits_and_a_unit(void **state)
{
	static const struct {
		double n;
		const char *want;
	} cases[] = {
		{ 0, "0" },           { 0.1, "0.1" },     { 999, "999" },     { 999.4, "999" },
		{ 999.6, "1k" },      { 12345, "12.3k" }, { 999499, "999k" }, { 999600, "1M" },
		{ 1250000, "1.25M" }, { 3e12, "3T" },
	};
	char out[CONSOLE_COUNT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(console_format_count(cases[i].n, out), cases[i].want);
}

static struct console_progress measuring(void)
{
	return (struct console_progress){
		.phase = "measure",
		.elapsed_ns = 12 * S + 300 * MS,
		.total_ns = 60 * S,
		.has_rates = true,
		.publish_per_s = 100000,
		.consume_per_s = 99800,
		.has_publish = true,
		.has_e2e = true,
		.publish_p50_ns = 3900000,
		.publish_p99_ns = 18 * MS,
		.e2e_p50_ns = 4200000,
		.e2e_p99_ns = 21 * MS,
		.backlog = 1234,
	};
}

static void the_progress_line_has_phase_rates_latencies_backlog_and_errors(void **state)
{
	struct console_progress p = measuring();
	struct text line = { 0 };

	(void)state;
	console_format_progress(&p, &line);
	assert_string_equal(text_str(&line),
	                    "measure 12/60.0s 100k/s > 99.8k/s p50/p99 pub 3.90ms/18.0ms "
	                    "e2e 4.20ms/21.0ms backlog 1.23k err 0");
	text_fini(&line);
}

static void the_longest_progress_line_fits_the_screen(void **state)
{
	struct console_progress p = measuring();
	struct text line = { 0 };

	(void)state;
	p.elapsed_ns = 3599 * S;
	p.total_ns = 3600 * S;
	p.publish_per_s = p.consume_per_s = 1.25e6;
	p.publish_p50_ns = p.publish_p99_ns = p.e2e_p50_ns = p.e2e_p99_ns = 12300 * MS;
	p.backlog = p.errors = 123456;
	console_format_progress(&p, &line);
	assert_true(line.len < CONSOLE_COLUMNS);
	assert_non_null(strstr(text_str(&line), "err 123k"));
	text_fini(&line);
}

static void before_the_load_the_line_counts_what_is_created(void **state)
{
	struct console_progress p = { .phase = "settle",
		                      .elapsed_ns = 2 * S,
		                      .total_ns = 60 * S,
		                      .done = 3,
		                      .wanted = 1000 };
	struct text line = { 0 };

	(void)state;
	console_format_progress(&p, &line);
	assert_string_equal(text_str(&line), "settle 2/60.0s 3 of 1000");
	text_fini(&line);
}

static void a_latency_without_a_value_is_not_0(void **state)
{
	struct console_progress p = measuring();
	struct text line = { 0 };

	(void)state;
	p.has_e2e = false;
	console_format_progress(&p, &line);
	assert_non_null(strstr(text_str(&line), " pub 3.90ms/18.0ms e2e -/- backlog"));
	text_fini(&line);
	console_format_progress_json(&p, 0, &line);
	json_t *o = json_loads(text_str(&line), 0, NULL);
	assert_true(json_is_null(json_object_get(o, "endToEndP50Ns")));
	assert_true(json_is_integer(json_object_get(o, "publishP50Ns")));
	json_decref(o);
	text_fini(&line);
}

static void a_search_tells_the_rate_on_trial(void **state)
{
	struct console_progress p = { .phase = "search",
		                      .elapsed_ns = 4 * S,
		                      .tried_per_s = 40000 };
	struct text line = { 0 };

	(void)state;
	console_format_progress(&p, &line);
	assert_string_equal(text_str(&line), "search 4s at 40k/s");
	text_fini(&line);
}

static void a_json_line_is_one_object_with_time_and_event(void **state)
{
	struct console_progress p = measuring();
	struct text line = { 0 };

	(void)state;
	console_format_progress_json(&p, UINT64_C(1700000000) * S + 5 * MS, &line);
	json_t *o = json_loads(text_str(&line), 0, NULL);
	assert_non_null(o);
	assert_null(strchr(text_str(&line), '\n'));
	assert_string_equal(json_string_value(json_object_get(o, "time")),
	                    "2023-11-14T22:13:20.005Z");
	assert_string_equal(json_string_value(json_object_get(o, "event")), "progress");
	assert_string_equal(json_string_value(json_object_get(o, "phase")), "measure");
	assert_int_equal(json_integer_value(json_object_get(o, "publishP99Ns")), 18 * MS);
	json_decref(o);
	text_fini(&line);
}

struct screen {
	struct console console;
	char *text;
	size_t len;
	FILE *file;
};

static void open_screen(struct screen *s, struct console_options options)
{
	*s = (struct screen){ 0 };
	s->file = open_memstream(&s->text, &s->len);
	assert_non_null(s->file);
	options.progress = options.summary = s->file;
	console_init(&s->console, &options);
}

static void close_screen(struct screen *s)
{
	console_fini(&s->console);
	(void)fclose(s->file);
	free(s->text);
}

static void a_live_line_is_rewritten_and_left_clean(void **state)
{
	struct console_progress longer = measuring(), shorter = { .phase = "drain" };
	struct screen s;

	(void)state;
	open_screen(&s, (struct console_options){ 0 });
	s.console.live = true;
	console_progress(&s.console, &longer, 0);
	size_t first = s.len;
	console_progress(&s.console, &shorter, 0);
	assert_null(strchr(s.text, '\n'));
	/* The rest of the longer line is overwritten with blanks. */
	assert_int_equal(s.len - first, first);
	console_say(&s.console, CONSOLE_WARNING, 0, "look");
	assert_non_null(strstr(s.text, "\rlook\n"));
	close_screen(&s);
}

static void quiet_shows_warnings_only(void **state)
{
	struct console_progress p = measuring();
	struct screen s;

	(void)state;
	open_screen(&s, (struct console_options){ .quiet = true });
	console_progress(&s.console, &p, 0);
	console_say(&s.console, CONSOLE_INFO, 0, "hello");
	console_say(&s.console, CONSOLE_WARNING, 0, "careful");
	assert_string_equal(s.text, "careful\n");
	close_screen(&s);
}

static void messages_are_objects_too_where_json_is_wanted(void **state)
{
	struct screen s;

	(void)state;
	open_screen(&s, (struct console_options){ .format = CONSOLE_JSON });
	console_say(&s.console, CONSOLE_WARNING, 0, "a \"quoted\" word");
	json_t *o = json_loads(s.text, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "event")), "warning");
	assert_string_equal(json_string_value(json_object_get(o, "text")), "a \"quoted\" word");
	json_decref(o);
	close_screen(&s);
}

/* --- summary ---------------------------------------------------------------------------------------- */

static void fill_record(struct record *r)
{
	*r = (struct record){
		.workload_name = "1-topic-16-partitions-1kb",
		.driver_name = "Kafka",
		.rate = RECORD_FIXED,
		.asked_per_s = 100000,
		.message_bytes = 1024,
		.subscriptions = 1,
		.stamped = true,
		.window_start_ns = 10 * S,
		.window_end_ns = 70 * S,
		.counted_start_ns = 10 * S + S / 4, /* late, and as much at the end */
		.counted_end_ns = 70 * S + S / 4,
		.window_messages = 65536,
		.producer_cpu_ns = 6000000 * UINT64_C(5120),
		.consumer_cpu_ns = 6000000 * UINT64_C(1710),
	};
	r->window_counters[COUNTER_ACKNOWLEDGED] = 6000000;
	r->window_counters[COUNTER_RECEIVED] = 6000000;
	r->totals.counters[COUNTER_SENT] = 9000000;
	r->totals.counters[COUNTER_ACKNOWLEDGED] = 9000000;
	r->totals.counters[COUNTER_RECEIVED] = 9000000;
	for (unsigned i = 0; i < LATENCY_COUNT; i++)
		hist_copy_record(&r->totals.latencies[WINDOW_MEASURED][i], 3900000, 6000000);
}

static char *summarize(struct record *r)
{
	struct text out = { 0 };

	summary_format(r, "w.json", "w.omb", &out);
	snapshot_fini(&r->totals);
	return text_take(&out);
}

static void assert_fits(const char *text)
{
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		if (len > CONSOLE_COLUMNS)
			fail_msg("%zu columns: %.*s", len, (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void the_summary_has_rates_latencies_accounting_cost_and_verdict(void **state)
{
	static const char *const wanted[] = {
		"1-topic-16-partitions-1kb on Kafka: 100,000 msg/s asked for, measured for 60.0s\n",
		"published       100,000 msg/s     97.66 MiB/s\n",
		"corrected publish    due -> ack",
		"3.90ms",
		"9,000,000 acknowledged, 9,000,000 received (1 subscription): as many received",
		"5.12 us to publish, 1.71 us to consume\n",
		"\n  VALID\n",
		"  w.json\n  w.omb\n",
	};
	struct record r;

	(void)state;
	fill_record(&r);
	char *text = summarize(&r);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!strstr(text, wanted[i]))
			fail_msg("\"%s\" is not in\n%s", wanted[i], text);
	}
	assert_fits(text);
	free(text);
}

static void what_is_missing_is_counted_over_all_subscriptions(void **state)
{
	struct record r;

	(void)state;
	fill_record(&r);
	r.subscriptions = 2;
	char *text = summarize(&r);
	assert_non_null(strstr(text, "(2 subscriptions): 9,000,000 missing\n"));
	free(text);
}

/* --- the line of accounting ------------------------------------------------------------------------- */

/* The line, without its breaks. */
static char *account_line(struct record *r)
{
	struct text line = { 0 };

	account_line_format(r, "w.omb", &line);
	snapshot_fini(&r->totals);
	return text_take(&line);
}

static void expect_line(struct record *r, const char *want)
{
	char *line = account_line(r);

	assert_string_equal(line, want);
	free(line);
}

static void fill_account(struct record *r)
{
	fill_record(r);
	r->account =
		(struct fact_account){ .is_kept = true, .is_exact = true, .is_order_known = true };
	r->account.all.received = 9000000;
}

#define SUMS "9,000,000 sent, 9,000,000 acknowledged, 9,000,000 received (1 subscription)"

static void what_was_proven_is_told_and_no_more(void **state)
{
	static const struct {
		struct book_counts all;
		uint64_t subscriptions;
		const char *want;
	} cases[] = {
		{ { 0 }, 1, SUMS ": every acknowledged message was received once, in order" },
		{ { .redelivered = 4 },
		  1,
		  SUMS ": every acknowledged message was received in order" },
		{ { .duplicated = 4 },
		  1,
		  "4 duplicated; " SUMS ": every acknowledged message was received in order" },
		{ { .out_of_order = 4 },
		  1,
		  "4 out of order; " SUMS ": every acknowledged message was received once" },
		{ { .out_of_order = 4, .duplicated = 1000 },
		  1,
		  "1,000 duplicated, 4 out of order; " SUMS
		  ": every acknowledged message was received" },
		{ { .delivered_though_failed = 1 },
		  1,
		  "1 delivered though failed; " SUMS
		  ": every acknowledged message was received once, in order" },
		{ { .never_sent = 1 },
		  1,
		  "1 received that nobody sent; " SUMS
		  ": every acknowledged message was received once, in order" },
		/* Sums are equal, and nothing is proven by that. */
		{ { .lost = 1, .duplicated = 1 }, 1, "1 lost, 1 duplicated; " SUMS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record r;

		fill_account(&r);
		r.account.all = cases[i].all;
		r.subscriptions = cases[i].subscriptions;
		expect_line(&r, cases[i].want);
	}

	struct record r;
	fill_account(&r);
	r.account.is_order_known = false;
	expect_line(&r,
	            SUMS ": every acknowledged message was received once; in which order is not "
	                 "known");

	fill_account(&r);
	r.subscriptions = 2;
	char *line = account_line(&r);
	assert_non_null(strstr(line, "(2 subscriptions): every acknowledged message was received "
	                             "by each subscription once, in order"));
	free(line);
}

static void what_was_lost_is_named_first_and_the_rest_of_it_is_in_the_file(void **state)
{
	struct fact_range lost[] = {
		{ .producer = 2, .subscription = "a", .partition = 0, .first = 1041, .last = 1042 },
		{ .producer = 2, .subscription = "a", .partition = 1, .first = 1043, .last = 1043 },
		{ .producer = 2, .subscription = "a", .partition = 1, .first = 1050, .last = 1050 },
		{ .producer = 3, .subscription = "a", .partition = -1, .first = 0, .last = 9 },
		{ .producer = 3, .subscription = "b", .partition = -1, .first = 10, .last = 19 },
	};
	struct record r;

	(void)state;
	fill_account(&r);
	r.account.lost = lost;
	r.account.lost_count = 2;
	r.account.all.lost = 3;
	r.account.all.duplicated = 1;
	r.totals.counters[COUNTER_RECEIVED] -= 2;
	expect_line(&r, "3 lost (producer 2: 1041-1043), 1 duplicated; 9,000,000 sent, "
	                "9,000,000 acknowledged, 8,999,998 received (1 subscription)");

	/* What is damaged has a name, unless its stamp is. */
	fill_account(&r);
	r.totals.counters[COUNTER_CORRUPT] = r.account.all.corrupted = 1;
	expect_line(&r, "1 corrupted; " SUMS
	                ": every acknowledged message was received once, in order");
	fill_account(&r);
	r.spoiled = lost;
	r.spoiled_count = 2;
	r.totals.counters[COUNTER_SPOILED] = r.account.all.corrupted = 3;
	expect_line(&r, "3 corrupted (producer 2: 1041-1043); " SUMS
	                ": every acknowledged message was received once, in order");
	fill_account(&r);
	r.spoiled = lost;
	r.spoiled_count = 2;
	r.totals.counters[COUNTER_SPOILED] = 1003;
	r.totals.counters[COUNTER_CORRUPT] = 2;
	r.account.all.corrupted = 1005;
	expect_line(&r, "1,005 corrupted (producer 2: 1041-1043 and 1,000 more, see omb show "
	                "--corrupted w.omb; of 2 the stamp); " SUMS
	                ": every acknowledged message was received once, in order");

	fill_account(&r);
	r.account.lost = lost;
	r.account.lost_count = 5;
	r.account.all.lost = 1024;
	r.account.lost_left_off = 1;
	char *line = account_line(&r);
	assert_non_null(strstr(line, "1,024 lost (producer 2: 1041-1043, 1050; producer 3: 0-9 and "
	                             "1,010 more, see omb show --lost w.omb); "));
	free(line);

	fill_account(&r);
	r.subscriptions = 2;
	r.account.lost = lost + 3;
	r.account.lost_count = 2;
	r.account.all.lost = 20;
	line = account_line(&r);
	assert_non_null(strstr(line, "20 lost (producer 3 at a: 0-9; producer 3 at b: 10-19); "));
	free(line);
}

static void an_account_that_is_not_exact_says_at_least_and_from_where_on(void **state)
{
	const struct fact_producer producers[] = {
		{ .exact_below = ACCOUNT_EXACT },
		{ .exact_below = 4096 },
	};
	struct record r;

	(void)state;
	fill_account(&r);
	r.account.is_exact = false;
	r.account.all.duplicated = 4;
	r.producer_totals = producers;
	r.producer_totals_count = 2;
	r.totals.counters[COUNTER_RECEIVED] -= 7;
	expect_line(&r, "at least 4 duplicated; 9,000,000 sent, 9,000,000 acknowledged, 8,999,993 "
	                "received (1 subscription): 7 missing. The account is exact up to message "
	                "4095 of each producer; beyond, every count may be higher");
}

static void what_no_account_knows_is_unknown_and_not_0(void **state)
{
	struct record r;

	(void)state;
	fill_record(&r);
	r.account_lack = "accounting: off";
	expect_line(&r, SUMS ": as many received as acknowledged. No account was kept (accounting: "
	                     "off): lost messages are unknown");

	/* Of a run that was killed nothing is said at all. */
	fill_record(&r);
	r.recovered = true;
	r.account_lack = "the run did not end";
	expect_line(&r, SUMS);
}

static void messages_of_others_are_named_and_in_no_count(void **state)
{
	struct record r;

	(void)state;
	fill_account(&r);
	r.totals.counters[COUNTER_FOREIGN] = 7;
	r.totals.counters[COUNTER_UNSTAMPED] = 2;
	r.totals.counters[COUNTER_CORRUPT] = 1;
	expect_line(&r, "1 corrupted; " SUMS ", besides 7 of another run, besides 2 without a stamp"
	                ": every acknowledged message was received once, in order");
}

static void why_messages_failed_stands_beside_their_number(void **state)
{
	struct record r;

	(void)state;
	secret_learn("password", "hunter2");
	fill_account(&r);
	r.totals.counters[COUNTER_SENT] += 2000;
	r.totals.counters[COUNTER_FAILED] = 2000;
	r.failure_cause = "hunter2 was refused";
	r.failure_often = 1999;
	expect_line(&r,
	            "9,002,000 sent, 9,000,000 acknowledged, 2,000 failed (\"**** was refused\" "
	            "1,999 times), 9,000,000 received (1 subscription): every acknowledged "
	            "message was received once, in order");
}

static void percentiles_with_too_few_samples_are_marked(void **state)
{
	struct record r;

	(void)state;
	fill_record(&r);
	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		hist_copy_clear(&r.totals.latencies[WINDOW_MEASURED][i]);
		hist_copy_record(&r.totals.latencies[WINDOW_MEASURED][i], 1000, 20);
	}
	char *text = summarize(&r);
	assert_non_null(strstr(text, "1.00us*"));
	assert_non_null(strstr(text, "too few samples"));
	free(text);
}

static void long_reasons_are_wrapped(void **state)
{
	struct record r;

	(void)state;
	fill_record(&r);
	r.verdict.verdict = VERDICT_INVALID;
	r.verdict.count = 1;
	r.verdict.reasons[0].weight = VERDICT_INVALID;
	r.verdict.reasons[0].name = "missing";
	memset(r.verdict.reasons[0].text, 'x', sizeof(r.verdict.reasons[0].text) - 1);
	for (size_t i = 7; i < sizeof(r.verdict.reasons[0].text); i += 8)
		r.verdict.reasons[0].text[i] = ' ';
	r.verdict.reasons[0].text[sizeof(r.verdict.reasons[0].text) - 1] = '\0';
	char *text = summarize(&r);
	assert_fits(text);
	assert_non_null(strstr(text, "INVALID"));
	free(text);
}

static const struct fact_event outages[] = {
	{ .kind = EVENT_STDERR, .text = "a line" },
	{
		.kind = EVENT_OUTAGE,
		.role = AGENT_PRODUCER,
		.at_ns = 22 * S,
		.gap_ns = 6 * S + S / 5,
		.count = 2,
		.text = "partition 3 of t, 2 producers",
	},
	{
		.kind = EVENT_OUTAGE,
		.role = AGENT_CONSUMER,
		.at_ns = 22 * S + S / 10,
		.gap_ns = 48 * S,
		.is_open = true,
		.count = 1,
		.text = "t",
	},
};

static void outages_are_told_with_their_length_and_their_place(void **state)
{
	struct record r;

	(void)state;
	fill_record(&r);
	r.started_ns = 10 * S;
	r.events = outages;
	r.events_count = 3;
	char *text = summarize(&r);
	assert_fits(text);
	assert_non_null(strstr(text,
	                       "\n  outage: no acknowledgement for 6.20s from 12.0s on (partition 3"
	                       " of t, 2 producers)\n"
	                       "  outage: no message received for 48.0s from 12.1s on until the "
	                       "end (t)\n"));
	free(text);
	fill_record(&r);
	text = summarize(&r);
	assert_null(strstr(text, "outage"));
	free(text);
}

static void what_clocks_may_be_wrong_by_stands_below_the_latencies(void **state)
{
	struct record r;

	(void)state;
	fill_record(&r);
	char *text = summarize(&r);
	assert_null(strstr(text, "clocks"));
	free(text);

	/* All latencies are 3.9 ms. */
	fill_record(&r);
	r.clocks = (struct fact_clocks){ 2, true, 3800000, 0 };
	text = summarize(&r);
	assert_non_null(strstr(text, "end to end: \xc2\xb1 3.80ms, between 2 clocks"));
	assert_null(strchr(text, '~'));
	free(text);

	fill_record(&r);
	r.clocks = (struct fact_clocks){ 3, true, 4000000, 0 };
	text = summarize(&r);
	const char *row = strstr(text, "end to end     send");
	assert_non_null(row);
	assert_non_null(strstr(row, "3.90ms~"));
	assert_null(memchr(text, '~', (size_t)(row - text)));
	assert_non_null(strstr(text, "  ~ less than the clocks may be wrong by"));
	assert_fits(text);
	free(text);

	fill_record(&r);
	r.clocks = (struct fact_clocks){ 2, false, 0, 0 };
	text = summarize(&r);
	assert_non_null(strstr(text, "between 2 clocks; how far they are apart is not known"));
	free(text);
}

static void the_summary_is_one_json_line_where_json_is_wanted(void **state)
{
	struct record r;
	struct text out = { 0 };

	(void)state;
	fill_record(&r);
	r.started_ns = 10 * S;
	r.events = outages;
	r.events_count = 3;
	summary_format_json(&r, "w.json", "w.omb", &out);
	json_t *o = json_loads(text_str(&out), 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "verdict")), "VALID");
	assert_int_equal(json_integer_value(json_object_get(o, "received")), 9000000);
	assert_int_equal(json_array_size(json_object_get(o, "outages")), 2);
	const json_t *outage = json_array_get(json_object_get(o, "outages"), 0);
	assert_string_equal(json_string_value(json_object_get(outage, "role")), "producer");
	assert_true(json_integer_value(json_object_get(outage, "atNs")) == 12 * S);
	assert_true(json_integer_value(json_object_get(outage, "gapNs")) == 6 * S + S / 5);
	json_t *account = json_object_get(o, "accounting");
	assert_true(json_is_false(json_object_get(account, "kept")));
	assert_null(json_object_get(account, "lost"));
	assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
	json_decref(o);
	text_fini(&out);
	snapshot_fini(&r.totals);
}

static void the_json_line_has_the_counts_of_the_account(void **state)
{
	struct fact_range lost = { .first = 1, .last = 3 };
	struct record r;
	struct text out = { 0 };

	(void)state;
	fill_account(&r);
	r.account.all.lost = 3;
	r.account.lost = &lost;
	r.account.lost_count = 1;
	summary_format_json(&r, "w.json", "w.omb", &out);
	json_t *o = json_loads(text_str(&out), 0, NULL);
	json_t *account = json_object_get(o, "accounting");
	assert_true(json_is_true(json_object_get(account, "exact")));
	assert_int_equal(json_integer_value(json_object_get(account, "lost")), 3);
	assert_int_equal(json_integer_value(json_object_get(account, "receivedOnce")), 9000000);
	assert_null(json_object_get(account, "lostRanges"));
	json_decref(o);
	text_fini(&out);
	snapshot_fini(&r.totals);
}

/* A socket of packets keeps each write apart: what comes is what a reader may meet. */
static void a_line_is_written_at_once_whatever_its_length(void **state)
{
	static const size_t lengths[] = { 10, 5000, 20000, 60000 };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
		size_t len = lengths[i / 2];
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
		FILE *stream = fdopen(pair[0], "w");
		setvbuf(stream, NULL, _IONBF, 0); /* as stderr is */
		char *text = malloc(len + 1), *got = malloc(2 * len + 1000);
		memset(text, 'x', len);
		text[len] = '\0';

		struct console c;
		console_init(&c, &(struct console_options){ .format = i % 2 ? CONSOLE_JSON
		                                                            : CONSOLE_TEXT,
		                                            .progress = stream });
		console_say(&c, CONSOLE_WARNING, S, "%s", text);
		ssize_t n = recv(pair[1], got, 2 * len + 1000, MSG_DONTWAIT);
		assert_true(n > (ssize_t)len);
		assert_int_equal(got[n - 1], '\n');
		assert_int_equal(recv(pair[1], got, 1, MSG_DONTWAIT), -1);
		free(text);
		free(got);
		console_fini(&c);
		fclose(stream);
		close(pair[1]);
	}
}

/* A log that nobody reads for a while: objects alone, and one of them says what is not there. */
static void a_run_does_not_wait_for_who_reads_its_log(void **state)
{
	static char got[1 << 20];
	struct console_progress p = measuring();
	struct console c;
	int fds[2];

	(void)state;
	for (int format = CONSOLE_TEXT; format <= CONSOLE_JSON; format++) {
		assert_int_equal(pipe(fds), 0);
		FILE *stream = fdopen(fds[1], "w");
		console_init(&c, &(struct console_options){ .format = (enum console_format)format,
		                                            .progress = stream });
		for (int i = 0; i < 2000; i++)
			console_progress(&c, &p, (uint64_t)i * S);
		ssize_t n = read(fds[0], got, sizeof(got));
		assert_in_range(n, 1000, sizeof(got) / 2);
		console_say(&c, CONSOLE_WARNING, 2000 * S, "look");
		n = read(fds[0], got, sizeof(got) - 1);
		got[n] = '\0';
		assert_non_null(strstr(got, " lines were not written"));
		char *line = strchr(got, '\n');
		if (format == CONSOLE_JSON) {
			json_t *o = json_loadb(got, (size_t)(line - got), 0, NULL);
			assert_string_equal(json_string_value(json_object_get(o, "event")),
			                    "warning");
			assert_string_equal(json_string_value(json_object_get(o, "time")),
			                    "1970-01-01T00:33:20.000Z");
			json_decref(o);
		} else {
			assert_string_equal(line + 1, "look\n");
		}
		console_fini(&c);
		fclose(stream);
		close(fds[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_have_three_digits_and_a_unit),
		cmocka_unit_test(the_progress_line_has_phase_rates_latencies_backlog_and_errors),
		cmocka_unit_test(the_longest_progress_line_fits_the_screen),
		cmocka_unit_test(before_the_load_the_line_counts_what_is_created),
		cmocka_unit_test(a_latency_without_a_value_is_not_0),
		cmocka_unit_test(a_search_tells_the_rate_on_trial),
		cmocka_unit_test(a_json_line_is_one_object_with_time_and_event),
		cmocka_unit_test(a_live_line_is_rewritten_and_left_clean),
		cmocka_unit_test(quiet_shows_warnings_only),
		cmocka_unit_test(a_line_is_written_at_once_whatever_its_length),
		cmocka_unit_test(a_run_does_not_wait_for_who_reads_its_log),
		cmocka_unit_test(messages_are_objects_too_where_json_is_wanted),
		cmocka_unit_test(the_summary_has_rates_latencies_accounting_cost_and_verdict),
		cmocka_unit_test(what_is_missing_is_counted_over_all_subscriptions),
		cmocka_unit_test(what_was_proven_is_told_and_no_more),
		cmocka_unit_test(what_was_lost_is_named_first_and_the_rest_of_it_is_in_the_file),
		cmocka_unit_test(an_account_that_is_not_exact_says_at_least_and_from_where_on),
		cmocka_unit_test(what_no_account_knows_is_unknown_and_not_0),
		cmocka_unit_test(messages_of_others_are_named_and_in_no_count),
		cmocka_unit_test(why_messages_failed_stands_beside_their_number),
		cmocka_unit_test(percentiles_with_too_few_samples_are_marked),
		cmocka_unit_test(long_reasons_are_wrapped),
		cmocka_unit_test(outages_are_told_with_their_length_and_their_place),
		cmocka_unit_test(what_clocks_may_be_wrong_by_stands_below_the_latencies),
		cmocka_unit_test(the_summary_is_one_json_line_where_json_is_wanted),
		cmocka_unit_test(the_json_line_has_the_counts_of_the_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
