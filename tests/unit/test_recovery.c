/* SPDX-License-Identifier: Apache-2.0 */
#include "results/recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "results/journal.h"
#include "results/result.h"
#include "results/side_file.h"
#include "stats/percentile.h"
#include "util/file.h"

#define S UINT64_C(1000000000)
#define T (100 * S) /* the start of the run, on its own clock */

static struct record sample_record(void)
{
	static const struct record_setting settings[] = { { "messageSize", "100" } };
	static const struct fact_row rows[] = { { "producer", "acks", "all", "file", "" } };

	return (struct record){
		.run_id = "01lg22la7e2p",
		.workload_name = "w",
		.driver_name = "Kafka",
		.worker = "local",
		.started_ns = T,
		.wall_started_ns = UINT64_C(1700000000) * S,
		.ended_ns = T,
		.pid = 42,
		.result = "w-Kafka-1.json",
		.environment = { .version = "0.1.0",
		                 .commit = "c",
		                 .build = "b",
		                 .cpus_online = 2 },
		.settings = settings,
		.settings_count = 1,
		.rows = rows,
		.rows_count = 1,
		.rate = RECORD_FIXED,
		.asked_per_s = 1000,
		.topics = 2,
		.partitions = 4,
		.subscriptions = 1,
		.producers = 2,
		.consumers = 2,
		.producers_per_topic = 1,
		.consumers_per_subscription = 1,
		.message_bytes = 100,
		.stamped = true,
		.wake_interval_ns = 100000,
		.sample_ns = S,
		.window_messages = 1000,
		.window_start_ns = T + 2 * S,
		.readiness_ns = S / 10,
	};
}

static void end_line(struct text *out)
{
	text_add(out, "\n");
}

static void add_phase(struct text *out, const struct record *r, const char *name, uint64_t at_s)
{
	const struct record_phase phase = { name, T + at_s * S, T + at_s * S };

	side_file_format_phase(r, &phase, out);
	end_line(out);
}

/* Messages so far, one received later than sent. */
static void add_second(struct text *out, const struct record *r, uint64_t at_s, uint64_t sent)
{
	const struct record_second second = {
		.at_ns = T + at_s * S,
		.phase = at_s > 2 ? "measure" : "warm-up",
		.sent = sent,
		.acknowledged = sent - 1,
		.received = sent - 2,
		.backlog = 1,
	};

	side_file_format_second(r, &second, out);
	end_line(out);
}

/* 1,000 messages, each published in `us` microseconds; every tenth was due before the window. */
static void add_period(struct text *out, const struct record *r, uint64_t start_s, const char *kind,
                       uint64_t us)
{
	struct record_period p = {
		.kind = kind,
		.start_ns = T + start_s * S,
		.end_ns = T + (start_s + 1) * S,
		.backlog = 1,
	};
	struct snapshot *i = &p.interval;

	i->counters[COUNTER_SENT] = i->counters[COUNTER_ACKNOWLEDGED] = 1000;
	i->counters[COUNTER_RECEIVED] = 1000;
	i->counters[COUNTER_BUSY] = 3;
	hist_copy_record(&i->latencies[WINDOW_MEASURED][LATENCY_PUBLISH], us * 1000, 900);
	hist_copy_record(&i->latencies[WINDOW_OUTSIDE][LATENCY_PUBLISH], us * 1000, 100);
	side_file_format_period(r, &p, out);
	end_line(out);
	snapshot_fini(i);
}

/* The same, with a message that took so long to be acknowledged. */
static void add_slow_period(struct text *out, const struct record *r, uint64_t start_s,
                            const char *kind, uint64_t ms)
{
	struct record_period p = {
		.kind = kind,
		.start_ns = T + start_s * S,
		.end_ns = T + (start_s + 1) * S,
	};
	const struct fact_slow m = {
		.sequence = start_s,
		.due_ns = p.start_ns,
		.sent_ns = p.start_ns,
		.acknowledged_ns = p.start_ns + ms * 1000000,
	};

	fact_slow_add(&p.slowest.of[FACT_SLOW_ACKNOWLEDGED], FACT_SLOW_ACKNOWLEDGED, &m);
	side_file_format_period(r, &p, out);
	end_line(out);
}

static void add_start(struct text *out, const struct record *r)
{
	side_file_format_start(r, out);
	end_line(out);
	side_file_format_driver(r, out);
	end_line(out);
	add_phase(out, r, "connect", 0);
	add_phase(out, r, "warm-up", 1);
	add_second(out, r, 2, 1001);
	add_phase(out, r, "measure", 2);
}

static void add_window(struct text *out, const struct record *r)
{
	struct record at_window = *r;

	(void)snprintf(at_window.environment.kernel, sizeof(at_window.environment.kernel),
	               "Linux 7");
	at_window.window_counters[COUNTER_SENT] = 1001;
	at_window.window_counters[COUNTER_ACKNOWLEDGED] = 1000;
	at_window.window_counters[COUNTER_RECEIVED] = 999;
	side_file_format_window(&at_window, out);
	end_line(out);
}

/* A run that was killed 0.5 s after its second period. */
static void make_journal(struct text *out)
{
	const struct record r = sample_record();
	const struct fact_event lost = { .kind = EVENT_AGENT_LOST,
		                         .role = AGENT_CONSUMER,
		                         .at_ns = T + 3 * S,
		                         .text = "signal 9" };
	const struct fact_event outage = { .kind = EVENT_OUTAGE,
		                           .role = AGENT_PRODUCER,
		                           .agent = 1,
		                           .at_ns = T + 2 * S,
		                           .gap_ns = 3 * S / 2,
		                           .count = 4,
		                           .text = "partition 3 of t, 4 producers" };

	add_start(out, &r);
	add_window(out, &r);
	add_second(out, &r, 3, 2001);
	side_file_format_event(&r, &lost, out);
	end_line(out);
	side_file_format_event(&r, &outage, out);
	end_line(out);
	add_period(out, &r, 2, "measure", 10);
	add_second(out, &r, 4, 3001);
	add_period(out, &r, 3, "measure", 20);
}

/* All lines of it; false at the first that is refused. */
static bool take_all(struct recovery *r, const char *text, size_t len, struct error *err)
{
	const char *end = text + len;

	recovery_init(r);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((newline != NULL ? newline : end) - text);
		if (!recovery_take(r, text, line, err))
			return newline == NULL && recovery_is_cut(r, text, line);
		text += line + 1;
	}
	return true;
}

static void recover(struct recovery *r, const struct text *journal)
{
	struct error err = { 0 };

	if (!take_all(r, journal->data, journal->len, &err) || !recovery_finish(r, &err))
		fail_msg("%s", err.text);
}

static void the_slowest_messages_are_those_of_the_periods_of_the_window(void **state)
{
	const struct record sample = sample_record();
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	add_start(&journal, &sample);
	add_window(&journal, &sample);
	add_slow_period(&journal, &sample, 2, "measure", 10);
	add_slow_period(&journal, &sample, 3, "measure", 30);
	add_slow_period(&journal, &sample, 4, "drain", 50);
	recover(&r, &journal);
	const struct fact_slow_list *list = &r.record.slowest.of[FACT_SLOW_ACKNOWLEDGED];
	assert_int_equal(list->count, 2);
	assert_int_equal(list->items[0].sequence, 3);
	assert_int_equal(list->items[0].acknowledged_ns, 3 * S + 30000000); /* since the start */
	assert_int_equal(list->items[1].sequence, 2);
	recovery_fini(&r);
	text_fini(&journal);
}

static void what_was_written_down_is_in_the_record(void **state)
{
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	make_journal(&journal);
	recover(&r, &journal);
	const struct record *got = &r.record;

	assert_string_equal(got->run_id, "01lg22la7e2p");
	assert_string_equal(got->result, "w-Kafka-1.json");
	assert_string_equal(got->environment.version, "0.1.0");
	/* Told by the worker, after the first line was written. */
	assert_string_equal(got->environment.kernel, "Linux 7");
	assert_int_equal(got->pid, 42);
	assert_int_equal(got->topics, 2);
	assert_true(got->stamped);
	assert_int_equal(got->settings_count, 1);
	assert_string_equal(got->settings[0].value, "100");
	assert_int_equal(got->rows_count, 1);
	assert_string_equal(got->rows[0].key, "acks");
	assert_int_equal(got->phases_count, 3);
	assert_int_equal(got->phases[1].end_ns, 2 * S);
	assert_int_equal(got->phases[2].end_ns, 4 * S);
	assert_int_equal(got->seconds_count, 3);
	assert_int_equal(r.periods, 2);
	assert_int_equal(got->events_count, 2);
	assert_string_equal(got->events[0].text, "signal 9");
	assert_int_equal(got->events[1].kind, EVENT_OUTAGE);
	assert_int_equal(got->events[1].role, AGENT_PRODUCER);
	assert_int_equal(got->events[1].agent, 1);
	assert_int_equal(got->events[1].at_ns, 2 * S);
	assert_int_equal(got->events[1].gap_ns, 3 * S / 2);
	assert_int_equal(got->events[1].count, 4);
	assert_false(got->events[1].is_open);
	assert_string_equal(got->events[1].text, "partition 3 of t, 4 producers");
	assert_int_equal(got->ended_ns, 4 * S);
	recovery_fini(&r);
	text_fini(&journal);
}

static void the_window_is_what_was_recorded_in_whole_periods(void **state)
{
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	make_journal(&journal);
	recover(&r, &journal);
	const struct record *got = &r.record;
	const struct hist_copy *publish = &got->totals.latencies[WINDOW_MEASURED][LATENCY_PUBLISH];

	assert_int_equal(got->window_start_ns, 2 * S);
	assert_int_equal(got->window_end_ns, 4 * S);
	assert_int_equal(got->window_counters[COUNTER_ACKNOWLEDGED], 2000);
	assert_int_equal(got->window_counters[COUNTER_BUSY], 6);
	assert_true(record_publish_per_s(got) == 1000);
	/* By recording time: those that were due before are among them. */
	assert_int_equal(publish->count, 2000);
	assert_in_range(percentile_value(publish, 40), 10000, 10010);
	assert_in_range(percentile_value(publish, 60), 20000, 20020);
	recovery_fini(&r);
	text_fini(&journal);
}

static void what_was_under_way_is_open_and_nothing_is_called_lost(void **state)
{
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	make_journal(&journal);
	recover(&r, &journal);
	const uint64_t *c = r.record.totals.counters;

	assert_int_equal(c[COUNTER_SENT], 3001);
	assert_int_equal(c[COUNTER_ACKNOWLEDGED], 3000);
	assert_int_equal(c[COUNTER_UNACKNOWLEDGED], 1);
	assert_int_equal(c[COUNTER_RECEIVED], 2999);
	assert_int_equal(r.record.verdict.verdict, VERDICT_INVALID);
	assert_string_equal(r.record.verdict.reasons[0].name, "recovered");
	assert_non_null(strstr(r.record.verdict.reasons[0].text, "4.0 s after its start"));
	for (size_t i = 0; i < r.record.verdict.count; i++)
		assert_string_not_equal(r.record.verdict.reasons[i].name, "missing");
	assert_false(r.record.account.is_kept);
	assert_string_equal(r.record.account_lack, "the run did not end");
	recovery_fini(&r);
	text_fini(&journal);
}

static void a_run_killed_in_its_first_period_has_the_counts_of_its_seconds(void **state)
{
	const struct record base = sample_record();
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	add_start(&journal, &base);
	add_window(&journal, &base);
	add_second(&journal, &base, 5, 4001);
	recover(&r, &journal);
	assert_int_equal(r.record.window_end_ns, 5 * S);
	assert_int_equal(r.record.window_counters[COUNTER_ACKNOWLEDGED], 3000);
	assert_int_equal(r.record.window_counters[COUNTER_RECEIVED], 3000);
	assert_int_equal(r.record.totals.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count, 0);
	const struct verdict_result *verdict = &r.record.verdict;
	bool is_said = false;
	for (size_t i = 0; i < verdict->count; i++)
		is_said |= strncmp(verdict->reasons[i].text, "there are no latencies", 22) == 0;
	assert_true(is_said);
	recovery_fini(&r);
	text_fini(&journal);
}

static void a_rate_that_was_searched_for_is_that_of_the_window(void **state)
{
	const struct record_reading readings[] = { { 2000, 1990, true }, { 4000, 2100, false } };
	struct record base = sample_record();
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	base.rate = RECORD_SEARCHED;
	base.asked_per_s = 500;
	add_start(&journal, &base);
	base.asked_per_s = 2000;
	base.search_converged = true;
	base.search_trials = 7;
	base.readings = readings;
	base.readings_count = 2;
	add_window(&journal, &base);
	add_period(&journal, &base, 2, "measure", 10);
	recover(&r, &journal);
	assert_int_equal(r.record.rate, RECORD_SEARCHED);
	assert_true(r.record.asked_per_s == 2000 && r.record.search_converged);
	assert_int_equal(r.record.search_trials, 7);
	assert_int_equal(r.record.readings_count, 2);
	assert_true(r.record.readings[1].carried_per_s == 2100);
	assert_false(r.record.readings[1].sustained);
	recovery_fini(&r);
	text_fini(&journal);
}

static void a_drain_counts_in_the_totals_and_not_in_the_window(void **state)
{
	const struct record base = sample_record();
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	make_journal(&journal);
	add_period(&journal, &base, 4, "drain", 7);
	recover(&r, &journal);
	assert_int_equal(r.record.window_end_ns, 4 * S);
	assert_int_equal(r.record.window_counters[COUNTER_SENT], 2000);
	assert_int_equal(r.record.totals.counters[COUNTER_SENT], 4001);
	assert_int_equal(r.record.ended_ns, 5 * S);
	recovery_fini(&r);
	text_fini(&journal);
}

/* Its own journal, as if it lay on a disk. */
static json_t *side_of(struct recovery *r, const struct text *lines)
{
	struct journal journal = { .fd = memfd_create("journal", 0), .lines = r->lines };
	struct file_draft out = { 0 };
	struct error err = { 0 };

	assert_int_equal(write(journal.fd, lines->data, lines->len), lines->len);
	r->record.journal = &journal;
	if (!side_file_write(&r->record, &out, &err))
		fail_msg("%s", err.text);
	json_t *side = json_loads(text_str(&out.text), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(side);
	close(journal.fd);
	r->record.journal = NULL;
	file_draft_fini(&out);
	return side;
}

static void both_files_can_be_made_of_it(void **state)
{
	struct text journal = { 0 };
	struct file_draft out = { 0 };
	struct recovery r;

	(void)state;
	make_journal(&journal);
	recover(&r, &journal);
	result_write_omb(&r.record, &out);
	json_t *omb = json_loads(text_str(&out.text), JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_object_size(omb), 62);
	assert_int_equal(json_array_size(json_object_get(omb, "publishRate")), 2);
	assert_int_equal(json_integer_value(json_object_get(omb, "messageSize")), 100);
	json_decref(omb);
	file_draft_fini(&out);

	/* Half a line at the end is not copied. */
	text_add(&journal, "{\"kind\":\"measure\",\"line\":\"period\"}");
	json_t *side = side_of(&r, &journal);
	json_t *periods = json_object_get(side, "periods");
	assert_true(json_is_true(json_object_get(json_object_get(side, "run"), "recovered")));
	assert_int_equal(json_array_size(periods), 2);
	assert_int_equal(json_object_size(json_array_get(periods, 1)), 7); /* without `line` */
	json_decref(side);
	recovery_fini(&r);
	text_fini(&journal);
}

static void a_journal_may_end_at_any_byte(void **state)
{
	struct text journal = { 0 };
	size_t lines = 0;

	(void)state;
	make_journal(&journal);
	/* Every byte of the last lines, every 7th of the others: decoding takes time. */
	for (size_t len = 0; len <= journal.len; len += len + 2000 < journal.len ? 7 : 1) {
		struct recovery r;
		struct error err = { 0 };
		char *cut = test_malloc(len + 1); /* reading past its end is noticed */
		memcpy(cut, journal.data, len);
		assert_true(take_all(&r, cut, len, &err));
		assert_true(r.lines >= lines);
		lines = r.lines;
		assert_int_equal(recovery_finish(&r, &err), r.measured);
		if (!r.measured)
			assert_non_null(strstr(err.text, r.started ? "before anything was measured"
			                                           : "it is empty"));
		recovery_fini(&r);
		test_free(cut);
	}
	text_fini(&journal);
}

static void what_is_no_journal_of_this_version_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "hello\n", "line 1: this is no journal of omb" },
		{ "hello", "line 1: this is no journal of omb" },
		{ "\n", "line 1: this is no journal of omb" },
		{ "{\"a\":1}\n", "line 1: this is no journal of omb" },
		{ "{\"format\": \"omb-reserved\", \"run\": \"01lg22la7e2p\"}\n",
		  "line 1: this is no journal of omb" },
		{ "{\"line\":\"second\"}\n", "line 1: this is no journal of omb" },
		{ "{\"line\":\"start\",\"format\":\"x\"}\n", "line 1: this is no journal of omb" },
		{ "{\"line\":\"start\",\"omb\":{\"version\":\"0.0.9\"}}\n",
		  "line 1: a journal of another version (0, of omb 0.0.9), this one reads 1" },
		{ "{\"line\":\"start\",\"format\":\"omb-journal\",\"formatVersion\":2}\n",
		  "line 1: a journal of another version (2, of omb ?), this one reads 1" },
		{ "{\"line\":\"start\",\"format\":\"omb-journal\",\"formatVersion\":1}\n",
		  "line 1: id is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct recovery r;
		struct error err = { 0 };
		assert_false(take_all(&r, cases[i].text, strlen(cases[i].text), &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_string_equal(err.text, cases[i].want);
		recovery_fini(&r);
	}
}

static void a_damaged_line_is_named_and_what_came_before_it_stays(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "{\"line\":\"sec", "it is damaged" },
		{ "{\"line\":7}", "it is damaged" },
		{ "{\"line\":\"start\"}", "a second run begins here: a journal is of one run" },
		{ "{\"line\":\"second\",\"phase\":\"measure\",\"atNs\":-1}", "atNs is no count" },
		{ "{\"line\":\"second\",\"phase\":\"measure\",\"atNs\":1.5}", "atNs is no count" },
		{ "{\"line\":\"phase\",\"atNs\":1}", "name is missing" },
		{ "{\"line\":\"period\",\"kind\":\"x\"}", "kind is none that is known" },
		{ "{\"line\":\"period\",\"kind\":\"measure\",\"startNs\":2,\"endNs\":1,\"backlog\":"
		  "0,"
		  "\"counters\":{},\"histograms\":{}}",
		  "it ends before it starts" },
		{ "{\"line\":\"period\",\"kind\":\"measure\",\"startNs\":1,\"endNs\":2,\"backlog\":"
		  "0,"
		  "\"counters\":{},\"histograms\":{\"publish\":\"AAAA\"}}",
		  "publish is no histogram" },
		{ "{\"line\":\"period\",\"kind\":\"measure\",\"startNs\":1,\"endNs\":2,\"backlog\":"
		  "0,"
		  "\"counters\":{},\"histograms\":{}}",
		  "its last member is not its kind" },
	};
	struct text journal = { 0 };
	struct recovery r;
	struct error err = { 0 };

	(void)state;
	make_journal(&journal);
	assert_true(take_all(&r, journal.data, journal.len, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[200];
		snprintf(want, sizeof(want), "line %zu: %s", r.lines + 1, cases[i].want);
		assert_false(recovery_take(&r, cases[i].line, strlen(cases[i].line), &err));
		assert_string_equal(err.text, want);
	}
	assert_true(recovery_finish(&r, &err));
	assert_int_equal(r.record.totals.counters[COUNTER_SENT], 3001);
	recovery_fini(&r);
	text_fini(&journal);
}

static void a_kind_of_line_that_is_not_known_yet_is_no_loss(void **state)
{
	static const char line[] = "{\"line\":\"weather\",\"rain\":true}\n";
	struct text journal = { 0 };
	struct recovery r;

	(void)state;
	make_journal(&journal);
	text_add(&journal, line);
	recover(&r, &journal);
	assert_int_equal(r.periods, 2);
	recovery_fini(&r);
	text_fini(&journal);
}

/* Written by a version that told the host in the first line alone. */
static void a_journal_of_an_earlier_version_is_read(void **state)
{
	struct text journal = { 0 };
	struct error err = { 0 };
	struct recovery r;
	size_t len = 0;
	char *bytes = file_read("tests/golden/format-1.journal", 1 << 20, &len, &err);

	(void)state;
	assert_non_null(bytes);
	text_add_bytes(&journal, bytes, len);
	recover(&r, &journal);
	assert_string_equal(r.record.environment.host, "host");
	assert_int_equal(r.record.environment.cpus_online, 2);
	assert_int_equal(r.record.environment.open_files_max, 20000);
	assert_int_equal(r.periods, 5);
	assert_int_equal(r.record.settings_count, 29);
	assert_int_equal(r.record.totals.counters[COUNTER_ACKNOWLEDGED], 501);
	json_t *side = side_of(&r, &journal);
	json_t *window = json_object_get(side, "window");
	assert_true(json_is_null(json_object_get(window, "hostCpuShare")));
	assert_int_equal(json_array_size(json_object_get(side, "periods")), 5);
	json_decref(side);
	recovery_fini(&r);
	text_fini(&journal);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_down_is_in_the_record),
		cmocka_unit_test(the_slowest_messages_are_those_of_the_periods_of_the_window),
		cmocka_unit_test(the_window_is_what_was_recorded_in_whole_periods),
		cmocka_unit_test(what_was_under_way_is_open_and_nothing_is_called_lost),
		cmocka_unit_test(a_run_killed_in_its_first_period_has_the_counts_of_its_seconds),
		cmocka_unit_test(a_rate_that_was_searched_for_is_that_of_the_window),
		cmocka_unit_test(a_drain_counts_in_the_totals_and_not_in_the_window),
		cmocka_unit_test(both_files_can_be_made_of_it),
		cmocka_unit_test(a_journal_may_end_at_any_byte),
		cmocka_unit_test(what_is_no_journal_of_this_version_is_refused_with_its_line),
		cmocka_unit_test(a_damaged_line_is_named_and_what_came_before_it_stays),
		cmocka_unit_test(a_kind_of_line_that_is_not_known_yet_is_no_loss),
		cmocka_unit_test(a_journal_of_an_earlier_version_is_read),
	};

	return cmocka_run_group_tests_name("recovery", tests, NULL, NULL);
}
