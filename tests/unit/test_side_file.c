/* SPDX-License-Identifier: Apache-2.0 */
#include "results/side_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "results/side_reader.h"
#include "stats/hdr_codec.h"
#include "stats/percentile.h"
#include "util/secret.h"

#define S UINT64_C(1000000000)

/* A small run with one of everything. */
struct sample {
	struct record record;
	struct record_setting settings[1];
	struct fact_row rows[3];
	struct record_phase phases[2];
	struct record_second seconds[2];
	struct record_period periods[1];
	struct fact_agent agents[1];
	struct fact_producer producers[1];
	struct fact_partition partitions[1];
	struct fact_event events[1];
	struct snapshot agent_snapshot;
};

static void fill_lists(struct sample *s)
{
	struct record *r = &s->record;

	s->settings[0] = (struct record_setting){ "messageSize", "1024" };
	s->rows[0] = (struct fact_row){ "producer", "linger.ms", "5", "file", "" };
	s->rows[1] = (struct fact_row){ "producer", "sasl.password", "hunter2", "file", "" };
	s->rows[2] = (struct fact_row){ "library", "ssl.key.PASSWORD", "hunter2", "", "a note" };
	s->phases[0] = (struct record_phase){ "connect", 100 * S, 101 * S };
	s->phases[1] = (struct record_phase){ "measure", 101 * S, 103 * S };
	s->seconds[0] = (struct record_second){ 102 * S, "measure", 10, 9, 1, 8, 1 };
	s->seconds[1] = (struct record_second){ 103 * S, "measure", 20, 19, 1, 19, 0 };
	s->periods[0].kind = "measure";
	s->periods[0].start_ns = 101 * S;
	s->periods[0].end_ns = 103 * S;
	s->agents[0] = (struct fact_agent){ .role = AGENT_PRODUCER, .pid = 42, .lost = true };
	s->agents[0].snapshot = &s->agent_snapshot;
	s->producers[0] = (struct fact_producer){ "t", 7, 20, 19, 1, 0, 3, { 0 }, 0 };
	s->partitions[0] = (struct fact_partition){ "t", "g", 2, 19, { 0 } };
	s->events[0] = (struct fact_event){ .kind = EVENT_AGENT_LOST,
		                            .role = AGENT_PRODUCER,
		                            .at_ns = 102 * S,
		                            .text = "signal \xff 9" };
	r->settings = s->settings;
	r->rows = s->rows;
	r->phases = s->phases;
	r->seconds = s->seconds;
	r->periods = s->periods;
	r->agents = s->agents;
	r->producer_totals = s->producers;
	r->partition_totals = s->partitions;
	r->events = s->events;
	r->settings_count = r->periods_count = r->agents_count = 1;
	r->producer_totals_count = r->partition_totals_count = r->events_count = 1;
	r->phases_count = r->seconds_count = 2;
	r->rows_count = 3;
}

static void fill(struct sample *s)
{
	*s = (struct sample){ 0 };
	fill_lists(s);

	struct record *r = &s->record;
	r->run_id = "run1";
	r->workload_name = "w";
	r->driver_name = "Kafka";
	secret_learn("sasl.password", "hunter2");
	r->command_line = "omb run --set sasl.password=hunter2 --set topics=3";
	r->started_ns = 100 * S;
	r->wall_started_ns = UINT64_C(1700000000) * S;
	r->ended_ns = 104 * S;
	r->window_start_ns = 101 * S;
	r->window_end_ns = 103 * S;
	r->counted_start_ns = 101 * S + 1;
	r->counted_end_ns = 103 * S + 1;
	r->environment.version = r->environment.commit = r->environment.build = "x";
	r->rate = RECORD_FIXED;
	r->asked_per_s = 10;
	r->totals.counters[COUNTER_SENT] = 20;
	r->window_counters[COUNTER_ACKNOWLEDGED] = 20;
	r->producer_cpu_ns = 20000;
	hist_copy_record(&r->totals.latencies[WINDOW_MEASURED][LATENCY_PUBLISH], 5000, 20);

	struct snapshot *interval = &s->periods[0].interval;
	hist_copy_record(&interval->latencies[WINDOW_MEASURED][LATENCY_PUBLISH], 5000, 15);
	hist_copy_record(&interval->latencies[WINDOW_OUTSIDE][LATENCY_PUBLISH], 4000, 2);
	hist_copy_record(&s->agent_snapshot.latencies[WINDOW_OUTSIDE][LATENCY_CALL], 70, 9);
}

static void fini(struct sample *s)
{
	snapshot_fini(&s->record.totals);
	snapshot_fini(&s->periods[0].interval);
	snapshot_fini(&s->agent_snapshot);
}

static json_t *format(const struct record *r)
{
	struct file_draft out = { 0 };
	struct error failure = { 0 };
	json_error_t err;

	assert_true(side_file_write(r, &out, &failure));
	json_t *root = json_loads(text_str(&out.text), JSON_REJECT_DUPLICATES, &err);
	if (!root)
		fail_msg("%d:%d: %s", err.line, err.column, err.text);
	assert_null(strstr(text_str(&out.text), "hunter2"));
	file_draft_fini(&out);
	return root;
}

static json_int_t integer_at(json_t *root, const char *path)
{
	json_t *at = root;
	char copy[128];

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *part = copy, *next; part; part = next) {
		next = strchr(part, '/');
		if (next)
			*next++ = '\0';
		bool is_index = *part >= '0' && *part <= '9';
		at = is_index ? json_array_get(at, (size_t)strtoul(part, NULL, 10))
		              : json_object_get(at, part);
	}
	if (!json_is_integer(at))
		fail_msg("no integer at %s", path);
	return json_integer_value(at);
}

static void everything_that_is_known_gets_in(void **state)
{
	struct sample s;

	(void)state;
	fill(&s);
	json_t *root = format(&s.record);
	assert_int_equal(integer_at(root, "formatVersion"), SIDE_FILE_VERSION);
	assert_int_equal(integer_at(root, "totals/sent"), 20);
	assert_int_equal(integer_at(root, "latencies/publish/count"), 20);
	assert_int_equal(integer_at(root, "seconds/received/1"), 19);
	assert_int_equal(integer_at(root, "agents/0/pid"), 42);
	assert_int_equal(integer_at(root, "producers/rows/0/0"), 7);
	assert_int_equal(integer_at(root, "producers/rows/0/6"), 3);
	assert_int_equal(integer_at(root, "partitions/rows/0/3"), 19);
	assert_string_equal(json_string_value(json_object_get(json_object_get(root, "workload"),
	                                                      "messageSize")),
	                    "1024");
	json_decref(root);
	fini(&s);
}

static void instants_are_counted_from_the_start_of_the_run(void **state)
{
	struct sample s;

	(void)state;
	fill(&s);
	json_t *root = format(&s.record);
	assert_int_equal(integer_at(root, "window/startNs"), 1 * S);
	assert_int_equal(integer_at(root, "window/endNs"), 3 * S);
	assert_int_equal(integer_at(root, "phases/1/startNs"), 1 * S);
	assert_int_equal(integer_at(root, "seconds/atNs/0"), 2 * S);
	assert_int_equal(integer_at(root, "periods/0/endNs"), 3 * S);
	assert_int_equal(integer_at(root, "events/0/atNs"), 2 * S);
	assert_int_equal(integer_at(root, "run/durationNs"), 4 * S);
	json_t *run = json_object_get(root, "run");
	assert_string_equal(json_string_value(json_object_get(run, "started")),
	                    "2023-11-14T22:13:20.000Z");
	assert_string_equal(json_string_value(json_object_get(run, "ended")),
	                    "2023-11-14T22:13:24.000Z");
	json_decref(root);
	fini(&s);
}

static void histograms_can_be_decoded_again_and_periods_merge_both_windows(void **state)
{
	struct sample s;
	struct hist_copy h = { 0 };
	struct error err = { 0 };

	(void)state;
	fill(&s);
	json_t *root = format(&s.record);
	json_t *period = json_array_get(json_object_get(root, "periods"), 0);
	json_t *histograms = json_object_get(period, "histograms");
	const char *text = json_string_value(json_object_get(histograms, "publish"));

	assert_int_equal(json_object_size(histograms), 1); /* empty ones are left out */
	assert_non_null(text);
	assert_true(hdr_codec_decode(text, strlen(text), 1, &h, &err));
	assert_int_equal(h.count, 17);
	assert_in_range(percentile_value(&h, 10), 4000, 4003);
	hist_copy_fini(&h);
	json_decref(root);
	fini(&s);
}

static void secrets_are_masked_and_the_rest_is_left_alone(void **state)
{
	struct sample s;

	(void)state;
	fill(&s);
	json_t *root = format(&s.record); /* fails on the secret itself */
	json_t *driver = json_object_get(root, "driver");
	json_t *run = json_object_get(root, "run");

	assert_string_equal(json_string_value(json_object_get(json_array_get(driver, 0), "value")),
	                    "5");
	assert_string_equal(json_string_value(json_object_get(json_array_get(driver, 1), "value")),
	                    "****");
	assert_string_equal(json_string_value(json_object_get(json_array_get(driver, 2), "value")),
	                    "****");
	assert_string_equal(json_string_value(json_object_get(run, "commandLine")),
	                    "omb run --set sasl.password=**** --set topics=3");
	json_decref(root);
	fini(&s);
}

static void text_that_is_no_utf8_does_not_break_the_file(void **state)
{
	struct sample s;

	(void)state;
	fill(&s);
	json_t *root = format(&s.record);
	json_t *event = json_array_get(json_object_get(root, "events"), 0);
	assert_string_equal(json_string_value(json_object_get(event, "text")), "signal ? 9");
	json_decref(root);
	fini(&s);
}

static void without_a_schedule_no_rate_was_asked_and_delays_mean_nothing(void **state)
{
	struct sample s;

	(void)state;
	fill(&s);
	s.record.rate = RECORD_MAX;
	json_t *root = format(&s.record);
	json_t *load = json_object_get(root, "load");
	json_t *latencies = json_object_get(root, "latencies");
	assert_true(json_is_null(json_object_get(load, "askedPerS")));
	assert_true(json_is_false(
		json_object_get(json_object_get(latencies, "publishDelay"), "meaningful")));
	assert_true(
		json_is_true(json_object_get(json_object_get(latencies, "publish"), "meaningful")));
	json_decref(root);
	fini(&s);
}

/* 1 s, 1000 msg/s asked for. */
static void what_the_corrected_latencies_are_those_of_is_marked(void **state)
{
	static const struct {
		enum record_rate rate;
		uint64_t acknowledged;
		const char *want;
	} cases[] = {
		{ RECORD_FIXED, 1000, "load" },       { RECORD_FIXED, 950, "load" },
		{ RECORD_FIXED, 949, "overload" },    { RECORD_SEARCHED, 1000, "maximum" },
		{ RECORD_SEARCHED, 949, "overload" }, { RECORD_MAX, 949, "none" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sample s;
		fill(&s);
		s.record.rate = cases[i].rate;
		s.record.asked_per_s = 1000;
		s.record.counted_end_ns = s.record.counted_start_ns + 1000000000;
		s.record.window_counters[COUNTER_ACKNOWLEDGED] = cases[i].acknowledged;
		json_t *root = format(&s.record);
		json_t *load = json_object_get(root, "load");
		assert_string_equal(json_string_value(json_object_get(load, "corrected")),
		                    cases[i].want);
		json_decref(root);
		fini(&s);
	}
}

/* Keeps what it is given. */
struct kept {
	struct record_period periods[8];
	size_t count;
};

static bool keep(void *to, const struct side_reader *r, const struct record_period *p,
                 struct error *err)
{
	struct kept *kept = to;
	struct record_period *copy = &kept->periods[kept->count++];

	(void)r;
	(void)err;
	*copy = *p;
	copy->interval = (struct snapshot){ 0 };
	snapshot_add(&copy->interval, &p->interval);
	return true;
}

static bool read_text(const char *text, size_t len, struct side_reader *r, struct kept *kept,
                      struct error *err)
{
	struct json_stream from;

	*kept = (struct kept){ .count = 0 };
	json_stream_over(&from, text, len);
	bool ok = side_reader_read(r, &from, keep, kept, err);
	json_stream_fini(&from);
	return ok;
}

static void fini_kept(struct kept *kept)
{
	for (size_t i = 0; i < kept->count; i++)
		snapshot_fini(&kept->periods[i].interval);
}

/* Writes what was read, with the periods that came along. */
static void write_again(struct side_reader *r, const struct kept *kept, struct file_draft *out)
{
	struct error err = { 0 };

	r->record.periods = kept->periods;
	r->record.periods_count = kept->count;
	assert_true(side_file_write(&r->record, out, &err));
}

static void what_is_written_is_read_and_written_again_to_the_byte(void **state)
{
	static const struct record_reading readings[] = { { 100, 90.5, true }, { 200, 91, false } };
	struct sample s;
	struct file_draft out = { 0 }, again = { 0 };
	struct side_reader r;
	struct kept kept;
	struct error err = { 0 };

	(void)state;
	fill(&s);
	s.record.rate = RECORD_SEARCHED;
	s.record.readings = readings;
	s.record.readings_count = 2;
	s.record.backlog.asked_messages = 5;
	s.record.backlog.not_drained = true;
	s.record.failure = "it broke";
	s.record.clocks = (struct fact_clocks){ 3, true, 4711, 2 };
	hist_copy_record(&s.record.totals.latencies[WINDOW_MEASURED][LATENCY_E2E], 777777, 3);
	assert_true(side_file_write(&s.record, &out, &err));
	if (!read_text(out.text.data, out.text.len, &r, &kept, &err))
		fail_msg("%d:%d: %s", err.line, err.column, err.text);
	assert_int_equal(kept.count, 1);
	assert_int_equal(kept.periods[0].interval.counters[COUNTER_SENT], 0);
	assert_true(r.record.backlog.not_drained && !r.record.backlog.not_built);
	assert_int_equal(r.record.clocks.error_ns, 4711);
	assert_int_equal(r.record.agents[0].snapshot->latencies[WINDOW_OUTSIDE][LATENCY_CALL].count,
	                 9);
	write_again(&r, &kept, &again);
	assert_string_equal(text_str(&again.text), text_str(&out.text));
	file_draft_fini(&out);
	file_draft_fini(&again);
	fini_kept(&kept);
	side_reader_fini(&r);
	fini(&s);
}

static void the_slowest_messages_are_named_by_the_whole_and_by_each_period(void **state)
{
	const struct fact_slow m = {
		.producer = 2,
		.sequence = 1041,
		.due_ns = 102 * S,
		.sent_ns = 102 * S + 5,
		.acknowledged_ns = 103 * S,
		.partition = 3,
		.consumer_agent = -1,
		.consumer_generation = -1,
	};
	struct sample s;
	struct file_draft out = { 0 }, again = { 0 };
	struct side_reader r;
	struct kept kept;
	struct error err = { 0 };

	(void)state;
	fill(&s);
	json_t *root = format(&s.record);
	json_t *period = json_array_get(json_object_get(root, "periods"), 0);
	assert_true(json_is_null(json_object_get(root, "slowest")));
	assert_null(json_object_get(period, "slowest"));
	json_decref(root);

	fact_slow_add(&s.record.slowest.of[FACT_SLOW_ACKNOWLEDGED], FACT_SLOW_ACKNOWLEDGED, &m);
	fact_slow_add(&s.periods[0].slowest.of[FACT_SLOW_ACKNOWLEDGED], FACT_SLOW_ACKNOWLEDGED, &m);
	root = format(&s.record);
	assert_int_equal(integer_at(root, "slowest/acknowledged/rows/0/1"), 1041);
	assert_int_equal(integer_at(root, "slowest/acknowledged/rows/0/3"), 2 * S);
	assert_int_equal(integer_at(root, "periods/0/slowest/acknowledged/rows/0/5"), 3 * S);
	json_decref(root);
	assert_true(side_file_write(&s.record, &out, &err));
	if (!read_text(out.text.data, out.text.len, &r, &kept, &err))
		fail_msg("%d:%d: %s", err.line, err.column, err.text);
	assert_int_equal(r.record.slowest.of[FACT_SLOW_ACKNOWLEDGED].items[0].partition, 3);
	assert_int_equal(kept.periods[0].slowest.of[FACT_SLOW_ACKNOWLEDGED].count, 1);
	write_again(&r, &kept, &again);
	assert_string_equal(text_str(&again.text), text_str(&out.text));
	file_draft_fini(&out);
	file_draft_fini(&again);
	fini_kept(&kept);
	side_reader_fini(&r);
	fini(&s);
}

/* Its periods are one line, and two tables stand behind them. */
static void a_file_of_an_earlier_version_is_read(void **state)
{
	struct side_reader r;
	struct kept kept = { .count = 0 };
	struct error err = { 0 };

	(void)state;
	if (!side_reader_load(&r, "tests/golden/format-1.omb", keep, &kept, &err))
		fail_msg("%s", err.text);
	assert_string_equal(r.record.workload_name, "small");
	assert_string_equal(r.record.environment.host, "host");
	assert_int_equal(r.record.totals.counters[COUNTER_SENT], 1500);
	assert_int_equal(r.record.verdict.verdict, VERDICT_SUSPECT);
	assert_int_equal(r.record.seconds_count, 4);
	assert_int_equal(r.record.agents_count, 2);
	assert_int_equal(r.record.partition_totals_count, 2);
	assert_false(r.record.account.is_kept); /* nobody knew of one then */
	assert_int_equal(kept.count, 4);
	uint64_t sent = 0;
	for (size_t i = 0; i < kept.count; i++)
		sent += kept.periods[i].interval.counters[COUNTER_SENT];
	assert_int_equal(sent, 1500);
	fini_kept(&kept);
	side_reader_fini(&r);
}

static void what_is_no_result_of_this_version_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *from, *to, *want; /* replaced in a good file */
		int line;
	} cases[] = {
		{ "{", "", "this is no result of omb", 0 },
		{ "omb-result", "omb-reserved", "is not over, or was killed", 0 },
		{ "omb-result", "omb-journal", "this is no result of omb", 0 },
		{ "sion\": 1,", "sion\": 2,", "format version 2, this omb reads version 1", 0 },
		{ "\"id\":\"run1\",", "", "run: id is missing", 4 },
		{ "\"verdict\":\"VALID\"", "\"verdict\":7", "verdict: verdict is none that", 5 },
		{ "\"producers\":0", "\"producers\":-1", "load: producers is no count", 6 },
		{ "\"load\": ", "\"lead\": ", "load is missing", 0 },
		{ "\"periods\": [", "\"epochs\": [", "periods is missing", 0 },
		{ "\"histogram\":\"", "\"histogram\":\"x", "publishDelay is no histogram", 8 },
		{ "\"totals\": {", "\"totals\": {{", "string or '}' expected", 9 },
		{ "\"kind\":\"measure\"", "\"kind\":\"x\"", "kind is none that is known", 25 },
		{ "]\n}\n", "]\n}\n{", "something stands behind its end", 27 },
		{ "\"phases\": ", "\"totals\": ", "a member comes twice", 13 },
	};
	struct sample s;
	struct file_draft out = { 0 };
	struct error err = { 0 };

	(void)state;
	fill(&s);
	assert_true(side_file_write(&s.record, &out, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct side_reader r;
		struct kept kept;
		struct text bad = { 0 };
		const char *at = strstr(text_str(&out.text), cases[i].from);
		assert_non_null(at);
		text_add_bytes(&bad, out.text.data, (size_t)(at - out.text.data));
		text_add(&bad, cases[i].to);
		text_add(&bad, at + strlen(cases[i].from));
		assert_false(read_text(bad.data, bad.len, &r, &kept, &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		if (strstr(err.text, cases[i].want) == NULL || err.line != cases[i].line)
			fail_msg("case %zu: %d:%d: %s", i, err.line, err.column, err.text);
		fini_kept(&kept);
		side_reader_fini(&r);
		text_fini(&bad);
	}
	file_draft_fini(&out);
	fini(&s);
}

static void a_result_that_is_cut_anywhere_is_refused(void **state)
{
	struct sample s;
	struct file_draft out = { 0 };
	struct error err = { 0 };

	(void)state;
	fill(&s);
	assert_true(side_file_write(&s.record, &out, &err));
	for (size_t len = 0; len + 1 < out.text.len; len += len + 600 < out.text.len ? 29 : 1) {
		struct side_reader r;
		struct kept kept;
		char *cut = test_malloc(len + 1); /* reading past its end is noticed */
		memcpy(cut, out.text.data, len);
		bool ok = read_text(cut, len, &r, &kept, &err);
		if (ok)
			fail_msg("%zu of %zu bytes are read", len, out.text.len);
		fini_kept(&kept);
		side_reader_fini(&r);
		test_free(cut);
	}
	file_draft_fini(&out);
	fini(&s);
}

static struct fact_range ranges[] = {
	{ 7, "t", "g", 2, 5, 7, 101 * S + 5, 101 * S + 7 },
	{ 7, "t", "g", -1, 12, 12, 102 * S, 102 * S },
};

static void fill_account(struct sample *s)
{
	fill(s);
	s->record.account = (struct fact_account){
		.is_kept = true,
		.is_exact = true,
		.is_order_known = true,
		.all = { 16, 1, 2, 3, 4, 4, 5, 6, 7 },
		.bytes_most = 123456,
		.lost = ranges,
		.lost_count = 2,
		.lost_left_off = 9,
	};
	s->producers[0].account = s->record.account.all;
	s->producers[0].exact_below = ACCOUNT_EXACT;
	s->partitions[0].account.lost = 3;
}

/* The value in a row of a table; NULL: there is no such column. */
static json_t *cell(json_t *table, size_t row, const char *column)
{
	json_t *name;
	size_t i;

	json_array_foreach(
		json_object_get(table, "columns"), i,
		name) if (strcmp(json_string_value(name), column) ==
	                  0) return json_array_get(json_array_get(json_object_get(table, "rows"),
	                                                          row),
	                                           i);
	return NULL;
}

static void what_became_of_every_message_gets_in_with_the_ranges_of_what_was_lost(void **state)
{
	struct sample s;

	(void)state;
	fill_account(&s);
	json_t *root = format(&s.record);
	json_t *lost = json_object_get(json_object_get(root, "accounting"), "lostRanges");
	json_t *producers = json_object_get(root, "producers");
	json_t *partitions = json_object_get(root, "partitions");
	assert_int_equal(integer_at(root, "accounting/receivedOnce"), 16);
	assert_int_equal(integer_at(root, "accounting/lost"), 4);
	assert_int_equal(integer_at(root, "accounting/missing"), 5);
	assert_int_equal(integer_at(root, "accounting/neverSent"), 7);
	assert_int_equal(integer_at(root, "accounting/bytesMost"), 123456);
	assert_int_equal(integer_at(root, "accounting/lostRangesLeftOff"), 9);
	assert_int_equal(json_integer_value(cell(lost, 0, "producer")), 7);
	assert_string_equal(json_string_value(cell(lost, 0, "subscription")), "g");
	assert_int_equal(json_integer_value(cell(lost, 0, "partition")), 2);
	assert_int_equal(json_integer_value(cell(lost, 0, "first")), 5);
	assert_int_equal(json_integer_value(cell(lost, 0, "lastDueNs")), S + 7);
	assert_true(json_is_null(cell(lost, 1, "partition"))); /* unknown, not -1 */
	assert_int_equal(json_integer_value(cell(producers, 0, "lost")), 4);
	assert_true(json_is_null(cell(producers, 0, "exactBelow")));
	assert_int_equal(json_integer_value(cell(partitions, 0, "lost")), 3);
	assert_int_equal(json_integer_value(cell(partitions, 0, "received")), 19);
	json_decref(root);
	fini(&s);
}

static void without_an_account_what_was_lost_is_unknown_and_not_0(void **state)
{
	struct sample s;

	(void)state;
	fill(&s);
	s.record.account_lack = "accounting is off";
	s.producers[0].account = fact_counts_unknown;
	s.partitions[0].account = fact_counts_unknown;
	json_t *root = format(&s.record);
	json_t *account = json_object_get(root, "accounting");
	json_t *producers = json_object_get(root, "producers");
	assert_true(json_is_false(json_object_get(account, "kept")));
	assert_string_equal(json_string_value(json_object_get(account, "why")),
	                    "accounting is off");
	assert_int_equal(json_object_size(account), 2);
	assert_true(json_is_null(cell(producers, 0, "lost")));
	assert_true(json_is_null(cell(json_object_get(root, "partitions"), 0, "lost")));
	assert_int_equal(json_integer_value(cell(producers, 0, "sent")), 20);
	json_decref(root);
	fini(&s);
}

static void an_account_is_read_again_to_the_byte(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		bool is_kept = i > 0, is_exact = i > 1;
		struct sample s;
		struct file_draft out = { 0 }, again = { 0 };
		struct side_reader r;
		struct kept kept;
		struct error err = { 0 };

		fill_account(&s);
		s.record.account.is_kept = is_kept;
		s.record.account.is_exact = is_exact;
		s.record.account_lack = is_kept ? NULL : "why";
		s.producers[0].exact_below = is_exact ? ACCOUNT_EXACT : 4096;
		assert_true(side_file_write(&s.record, &out, &err));
		if (!read_text(out.text.data, out.text.len, &r, &kept, &err))
			fail_msg("%d:%d: %s", err.line, err.column, err.text);
		assert_int_equal(r.record.account.is_kept, is_kept);
		assert_int_equal(r.record.account.lost_count, is_kept ? 2 : 0);
		assert_int_equal(record_exact_below(&r.record), s.producers[0].exact_below);
		if (is_kept) {
			assert_int_equal(r.record.account.lost[0].first_due_ns, S + 5);
			assert_int_equal(r.record.account.lost[1].partition, -1);
		}
		write_again(&r, &kept, &again);
		assert_string_equal(text_str(&again.text), text_str(&out.text));
		file_draft_fini(&out);
		file_draft_fini(&again);
		fini_kept(&kept);
		side_reader_fini(&r);
		fini(&s);
	}
}

/* Whoever edits a file may leave members of an account that was not kept. */
static void what_stands_beside_no_account_is_not_read(void **state)
{
	struct sample s;
	struct file_draft out = { 0 };
	struct side_reader r;
	struct kept kept;
	struct error err = { 0 };

	(void)state;
	fill_account(&s);
	assert_true(side_file_write(&s.record, &out, &err));
	char *value = strstr(out.text.data, "\"kept\":true");
	assert_non_null(value);
	value += strlen("\"kept\":");
	for (size_t i = 0; i < strlen("null"); i++)
		value[i] = "null"[i];
	assert_true(read_text(out.text.data, out.text.len, &r, &kept, &err));
	assert_false(r.record.account.is_kept || r.record.account.is_exact);
	assert_int_equal(r.record.account.all.lost, 0);
	assert_int_equal(r.record.account.lost_count, 0);
	file_draft_fini(&out);
	fini_kept(&kept);
	side_reader_fini(&r);
	fini(&s);
}

static void an_account_that_cannot_be_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *from, *to, *want; /* replaced in a good file */
	} cases[] = {
		{ "\"kept\":true", "\"kept\":7", "accounting: kept is no truth value" },
		{ "\"g\",2,5,7,", "\"g\",2,8,7,", "a lost range ends before it starts" },
		{ "\"g\",2,5,7,", "\"g\",-2,5,7,", "accounting: partition is no number" },
		{ "\"bytesMost\":1", "\"bytesMost\":-1", "accounting: bytesMost is no count" },
	};
	struct sample s;
	struct file_draft out = { 0 };
	struct error err = { 0 };

	(void)state;
	fill_account(&s);
	assert_true(side_file_write(&s.record, &out, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct side_reader r;
		struct kept kept;
		struct text bad = { 0 };
		const char *at = strstr(text_str(&out.text), cases[i].from);
		assert_non_null(at);
		text_add_bytes(&bad, out.text.data, (size_t)(at - out.text.data));
		text_add(&bad, cases[i].to);
		text_add(&bad, at + strlen(cases[i].from));
		assert_false(read_text(bad.data, bad.len, &r, &kept, &err));
		if (strstr(err.text, cases[i].want) == NULL || err.line != 10)
			fail_msg("case %zu: %d:%d: %s", i, err.line, err.column, err.text);
		fini_kept(&kept);
		side_reader_fini(&r);
		text_fini(&bad);
	}
	file_draft_fini(&out);
	fini(&s);
}

static void cpu_is_told_for_each_message(void **state)
{
	struct sample s;

	(void)state;
	fill(&s);
	assert_true(record_producer_cpu_per_message_ns(&s.record) == 1000);
	assert_true(record_consumer_cpu_per_message_ns(&s.record) == 0); /* nothing received */
	assert_true(record_publish_per_s(&s.record) == 10);
	fini(&s);
}

static void journal_lines_are_single_objects_that_say_what_they_are(void **state)
{
	struct text lines[3] = { 0 };
	static const char *const kinds[] = { "start", "second", "period" };
	struct sample s;

	(void)state;
	fill(&s);
	side_file_format_start(&s.record, &lines[0]);
	side_file_format_second(&s.record, &s.seconds[0], &lines[1]);
	side_file_format_period(&s.record, &s.periods[0], &lines[2]);
	for (size_t i = 0; i < 3; i++) {
		json_t *o = json_loads(text_str(&lines[i]), 0, NULL);
		assert_non_null(o);
		assert_string_equal(json_string_value(json_object_get(o, "line")), kinds[i]);
		assert_null(strchr(text_str(&lines[i]), '\n'));
		json_decref(o);
		text_fini(&lines[i]);
	}
	fini(&s);
}

static void percentiles_carry_their_interval_and_a_mark_when_samples_are_few(void **state)
{
	struct sample s;
	struct record_latency l;

	(void)state;
	fill(&s);
	record_latency(&s.record, LATENCY_PUBLISH, &l);
	assert_int_equal(l.count, 20);
	assert_false(l.percentiles[0].too_few);
	assert_true(l.percentiles[5].too_few); /* 99.99 of 20 samples */
	assert_true(l.percentiles[0].lower_ns <= l.percentiles[0].ns);
	record_latency(&s.record, LATENCY_E2E, &l);
	assert_int_equal(l.count, 0);
	assert_true(l.percentiles[0].too_few);
	fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_is_known_gets_in),
		cmocka_unit_test(instants_are_counted_from_the_start_of_the_run),
		cmocka_unit_test(histograms_can_be_decoded_again_and_periods_merge_both_windows),
		cmocka_unit_test(secrets_are_masked_and_the_rest_is_left_alone),
		cmocka_unit_test(text_that_is_no_utf8_does_not_break_the_file),
		cmocka_unit_test(without_a_schedule_no_rate_was_asked_and_delays_mean_nothing),
		cmocka_unit_test(what_the_corrected_latencies_are_those_of_is_marked),
		cmocka_unit_test(
			what_became_of_every_message_gets_in_with_the_ranges_of_what_was_lost),
		cmocka_unit_test(without_an_account_what_was_lost_is_unknown_and_not_0),
		cmocka_unit_test(an_account_is_read_again_to_the_byte),
		cmocka_unit_test(what_stands_beside_no_account_is_not_read),
		cmocka_unit_test(an_account_that_cannot_be_is_refused_with_its_place),
		cmocka_unit_test(cpu_is_told_for_each_message),
		cmocka_unit_test(what_is_written_is_read_and_written_again_to_the_byte),
		cmocka_unit_test(the_slowest_messages_are_named_by_the_whole_and_by_each_period),
		cmocka_unit_test(a_file_of_an_earlier_version_is_read),
		cmocka_unit_test(what_is_no_result_of_this_version_is_refused_with_its_place),
		cmocka_unit_test(a_result_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(journal_lines_are_single_objects_that_say_what_they_are),
		cmocka_unit_test(percentiles_carry_their_interval_and_a_mark_when_samples_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
