/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/omb_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "stats/hdr_codec.h"
#include "stats/percentile.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/rng.h"
#include "util/xalloc.h"

/* What Java wrote: nothing in 60 s and in 12 h, and 0, 1, 100 five times, 10000, 300001, 60000000. */
#define JAVA_EMPTY     "HISTFAAAAB94nJNpmSzMwMDAyAABrFAazGee3M5g/wEqAgBJwQOa"
#define JAVA_EMPTY_E2E "HISTFAAAACB4nJNpmSzMwMDAyAABrFAaxOfie72Bwf4DVAQAUL8EMA=="
#define JAVA_TEN                                          \
	"HISTFAAAADF4nJNpmSzMwMAgyAABrFCaEUQwT25nsP8AEWB" \
	"iOszIdXUWI9PebkWm1cuqmACzjwkm"

#define JAVA_LATENCIES                                      \
	"{\n  \"publishLatency\" : \"" JAVA_TEN "\",\n"     \
	"  \"publishDelayLatency\" : \"" JAVA_EMPTY "\",\n" \
	"  \"endToEndLatency\" : \"" JAVA_EMPTY_E2E "\"\n}"

/* --- requests ----------------------------------------------------------------------------------- */

static void topics_info_is_read_as_jackson_does(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		uint32_t topics, partitions;
	} rows[] = {
		{ "{ \"numberOfTopics\" : 2, \"numberOfPartitionsPerTopic\" : 16 }", 2, 16 },
		{ "{\"numberOfPartitionsPerTopic\":16,\"numberOfTopics\":2}", 2, 16 },
		{ "\n{\r\n\t\"numberOfTopics\"\n:\n\"2\" ,\"numberOfPartitionsPerTopic\":\" 16 \"}\n",
		  2, 16 },
		{ "{\"numberOfTopics\":2.9,\"numberOfPartitionsPerTopic\":1.6E1}", 2, 16 },
		{ "{\"numberOfTopics\":-0.5,\"numberOfPartitionsPerTopic\":\"\"}", 0, 0 },
		{ "{}", 0, 0 },
		{ "{\"numberOfTopics\":null,\"numberOfPartitionsPerTopic\":3}", 0, 3 },
		{ "{\"numberOfTopics\":1,\"numberOfTopics\":2}", 2, 0 },
		{ "{\"number\\u004ffTopics\":2}", 2, 0 },
		{ "{\"other\":[1,{\"numberOfTopics\":9},\"]}\\\"\",1e999,99999999999999999999],"
		  "\"numberOfTopics\":2,\"x\":{},\"y\":null,\"z\":-1.5e3}",
		  2, 0 },
		{ "{\"numberOfTopics\":10000000,\"numberOfPartitionsPerTopic\":1000000}", 10000000,
		  1000000 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct omb_topics_info got;
		struct error err = { 0 };

		if (!omb_topics_info_read(rows[i].body, strlen(rows[i].body), &got, &err))
			fail_msg("%s: %s", rows[i].body, err.text);
		assert_int_equal(got.topics, rows[i].topics);
		assert_int_equal(got.partitions, rows[i].partitions);
	}
}

/* One row for each way to be wrong: the reader, the body, what the error ends with. */
enum reader { INFO, TOPICS, CONSUMERS, ASSIGNMENT, RATE, COUNTERS, PERIOD, LATENCIES_OF_ALL };

union any {
	struct omb_topics_info info;
	struct omb_topics topics;
	struct omb_consumers consumers;
	struct omb_assignment assignment;
	double rate;
	struct worker_counters counters;
	struct omb_period period;
	struct omb_latencies latencies;
};

static bool read_any(enum reader which, const char *body, size_t len, struct arena *arena,
                     union any *out, struct error *err)
{
	switch (which) {
	case INFO:
		return omb_topics_info_read(body, len, &out->info, err);
	case TOPICS:
		return omb_topics_read(body, len, arena, &out->topics, err);
	case CONSUMERS:
		return omb_consumers_read(body, len, arena, &out->consumers, err);
	case ASSIGNMENT:
		return omb_assignment_read(body, len, arena, &out->assignment, err);
	case RATE:
		return omb_rate_read(body, len, &out->rate, err);
	case COUNTERS:
		return omb_counters_read(body, len, &out->counters, err);
	case PERIOD:
		return omb_period_read(body, len, &out->period, err);
	case LATENCIES_OF_ALL:
		return omb_latencies_read(body, len, &out->latencies, err);
	}
	abort();
}

#define LOAD(payloads, rate, keys) \
	"{\"payloadData\":" payloads ",\"publishRate\":" rate ",\"keyDistributorType\":" keys "}"

static const struct {
	enum reader which;
	const char *body, *why;
} wrong[] = {
	{ INFO, "", "TopicsInfo:1:1: it ends too early" },
	{ INFO, "[]", "a { is missing" },
	{ INFO, "null", "a { is missing" },
	{ INFO, "{\"numberOfTopics\":2", "it ends too early" },
	{ INFO, "{\"numberOfTopics\":2}}", "something stands behind its end" },
	{ INFO, "{\"numberOfTopics\":2} {}", "something stands behind its end" },
	{ INFO, "{\"numberOfTopics\":-1}",
	  "TopicsInfo: numberOfTopics:1:21: -1 is outside 0..10000000" },
	{ INFO, "{\"numberOfTopics\":10000001}", "10000001 is outside 0..10000000" },
	{ INFO, "{\"numberOfTopics\":4294967298}", "4294967298 is outside 0..10000000" },
	{ INFO, "{\"numberOfTopics\":1e300}", "1e+300 is outside 0..10000000" },
	{ INFO, "{\"numberOfTopics\":\"NaN\"}", "nan is outside 0..10000000" },
	{ INFO, "{\"numberOfTopics\":\"Infinity\"}", "inf is outside 0..10000000" },
	{ INFO, "{\"numberOfTopics\":\"two\"}", "\"two\" is no number" },
	{ INFO, "{\"numberOfTopics\":\"0x10\"}", "\"0x10\" is no number" },
	{ INFO, "{\"numberOfTopics\":\"1-2\"}", "\"1-2\" is no number" },
	{ INFO, "{\"numberOfTopics\":\"99999999999999999999\"}",
	  "\"99999999999999999999\" is no number" },
	{ INFO, "{\"numberOfTopics\":true}", "a number is missing" },
	{ INFO, "{\"numberOfTopics\":[1]}", "a number is missing" },
	{ INFO, "{\"numberOfTopics\":nil}", "invalid token near 'nil'" },
	{ INFO, "{\"numberOfTopics\":NaN}", "invalid token near 'NaN'" },
	{ TOPICS, "{}", "the list of topics:1:1: a [ is missing" },
	{ TOPICS, "[ \"a\", null ]", "a text is missing" },
	{ TOPICS, "[ \"a\", 1 ]", "a text is missing" },
	{ TOPICS, "[ \"a\", \"\" ]", "a name is empty" },
	{ TOPICS, "[ \"a\" \"b\" ]", "a , is missing" },
	{ TOPICS, "[ \"a\", ]", "a text is missing" },
	{ TOPICS, "[ \"a", "it ends too early" },
	{ TOPICS, "[ \"a\\u0000b\" ]", "\\u0000 is not allowed without JSON_ALLOW_NUL" },
	{ TOPICS, "[ \"\xff\" ]", "unable to decode byte 0xff" },
	{ TOPICS, "[ \"a\nb\" ]", "unexpected newline near '\"a'" },
	{ CONSUMERS, "{\"topicsSubscriptions\":{}}", "a [ is missing" },
	{ CONSUMERS, "{\"topicsSubscriptions\":[null]}", "a { is missing" },
	{ CONSUMERS, "{\"topicsSubscriptions\":[{\"topic\":\"t\"}]}",
	  "a consumer without a subscription" },
	{ CONSUMERS, "{\"topicsSubscriptions\":[{\"topic\":null,\"subscription\":\"s\"}]}",
	  "a consumer without a topic" },
	{ ASSIGNMENT, "{}", "ProducerWorkAssignment: payloadData: there is none" },
	{ ASSIGNMENT, LOAD("[]", "1", "\"NO_KEY\""), "payloadData: there is none" },
	{ ASSIGNMENT, LOAD("null", "1", "\"NO_KEY\""), "payloadData: there is none" },
	{ ASSIGNMENT, LOAD("[\"\"]", "1", "\"NO_KEY\""), "an empty payload" },
	{ ASSIGNMENT, LOAD("[\"QQ\"]", "1", "\"NO_KEY\""),
	  "base64: 2 characters are not a multiple of 4" },
	{ ASSIGNMENT, LOAD("[\"QQ==\"]", "0", "\"NO_KEY\""),
	  "publishRate: 0 is not above 0 and finite" },
	{ ASSIGNMENT, LOAD("[\"QQ==\"]", "-1", "\"NO_KEY\""),
	  "publishRate: -1 is not above 0 and finite" },
	{ ASSIGNMENT, LOAD("[\"QQ==\"]", "\"NaN\"", "\"NO_KEY\""),
	  "publishRate: nan is not above 0 and finite" },
	{ ASSIGNMENT, LOAD("[\"QQ==\"]", "\"Infinity\"", "\"NO_KEY\""),
	  "publishRate: inf is not above 0 and finite" },
	{ ASSIGNMENT, LOAD("[\"QQ==\"]", "null", "\"NO_KEY\""),
	  "publishRate: 0 is not above 0 and finite" },
	{ ASSIGNMENT, LOAD("[\"QQ==\"]", "1", "null"), "keyDistributorType is missing" },
	{ ASSIGNMENT, LOAD("[\"QQ==\"]", "1", "\"SOME_KEY\""),
	  "\"SOME_KEY\" is none of NO_KEY, KEY_ROUND_ROBIN, RANDOM_NANO" },
	{ RATE, "\"NaN\"", "the rate:1:6: nan is not finite" },
	{ RATE, "\"Infinity\"", "inf is not finite" },
	{ RATE, "\"-Infinity\"", "-inf is not finite" },
	{ RATE, "[1]", "a number is missing" },
	{ RATE, "1 2", "something stands behind its end" },
	{ RATE, "", "it ends too early" },
	{ COUNTERS, "{\"messagesSent\":-1}",
	  "CountersStats: messagesSent:1:19: -1 is outside 0..9223372036854775807" },
	{ PERIOD, "{\"publishLatency\":\"HIST\"}",
	  "PeriodStats: publishLatency: histogram: only 3 bytes" },
	{ LATENCIES_OF_ALL, "{\"endToEndLatency\":7}",
	  "CumulativeLatencies: endToEndLatency:1:20: a text is missing" },
};

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct arena arena = { 0 };
		struct error err = { 0 };
		union any out;

		if (read_any(wrong[i].which, wrong[i].body, strlen(wrong[i].body), &arena, &out,
		             &err))
			fail_msg("%s was taken", wrong[i].body);
		assert_int_equal(err.kind, ERROR_PROTOCOL);
		error_wrap(&err, "body");
		if (strstr(err.text, wrong[i].why) == NULL)
			fail_msg("%s: %s", wrong[i].body, err.text);
		arena_fini(&arena);
	}
}

static void lists_of_topics_keep_order_repeats_and_letters(void **state)
{
	(void)state;
	static const char body[] = "[\"t-1\" ,\"t-0\",\n \"t-1\",\"caf\\u00e9\",\"caf\xc3\xa9\","
				   "\"a\\/b\\\"\\\\\"]";
	static const char *const want[] = { "t-1",         "t-0",         "t-1",
		                            "caf\xc3\xa9", "caf\xc3\xa9", "a/b\"\\" };
	struct arena arena = { 0 };
	struct omb_topics got;
	struct error err = { 0 };
	struct text out = { 0 };

	assert_true(omb_topics_read(body, strlen(body), &arena, &got, &err));
	assert_int_equal(got.count, 6);
	for (size_t i = 0; i < got.count; i++)
		assert_string_equal(got.names[i], want[i]);
	omb_topics_write(&got, &out);
	assert_string_equal(text_str(&out), "[ \"t-1\", \"t-0\", \"t-1\", \"caf\xc3\xa9\", "
	                                    "\"caf\xc3\xa9\", \"a/b\\\"\\\\\" ]");
	text_fini(&out);

	assert_true(omb_topics_read("[ ]", 3, &arena, &got, &err));
	assert_int_equal(got.count, 0);
	assert_non_null(got.names);
	omb_topics_write(&got, &out);
	assert_string_equal(text_str(&out), "[ ]");
	text_fini(&out);
	arena_fini(&arena);
}

static void consumers_may_be_none(void **state)
{
	(void)state;
	static const char *const bodies[] = { "{}", "{\"topicsSubscriptions\":null}",
		                              "{ \"topicsSubscriptions\" : [ ] }" };
	struct arena arena = { 0 };
	struct omb_consumers got;
	struct error err = { 0 };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_true(omb_consumers_read(bodies[i], strlen(bodies[i]), &arena, &got, &err));
		assert_int_equal(got.count, 0);
		assert_non_null(got.items);
	}
	arena_fini(&arena);
}

static void payloads_of_several_sizes_have_no_common_one(void **state)
{
	(void)state;
	static const char same[] = LOAD("[\"QUJD\",\"REVG\"]", "\"1E2\"", "\"RANDOM_NANO\"");
	static const char other[] = LOAD("[\"QUJD\",\"QQ==\"]", "0.25", "\"NO_KEY\"");
	struct arena arena = { 0 };
	struct omb_assignment got;
	struct error err = { 0 };

	assert_true(omb_assignment_read(same, strlen(same), &arena, &got, &err));
	assert_int_equal(got.count, 2);
	assert_int_equal(got.size, 3);
	assert_memory_equal(got.contents[1], "DEF", 3);
	assert_true(got.rate_per_s == 100.0);
	assert_int_equal(got.keys, KEY_RANDOM);

	assert_true(omb_assignment_read(other, strlen(other), &arena, &got, &err));
	assert_int_equal(got.size, 0);
	assert_int_equal(got.sizes[0], 3);
	assert_int_equal(got.sizes[1], 1);
	assert_true(got.rate_per_s == 0.25);
	arena_fini(&arena);
}

static void rates_below_one_are_one(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		double rate;
	} rows[] = {
		{ "12500.0", 12500 }, { " 1.0E7\n", 1e7 },
		{ "12500", 12500 },   { "\"300.5\"", 300.5 },
		{ "0.25", 1 },        { "0", 1 },
		{ "-7", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = { 0 };
		double rate;

		assert_true(omb_rate_read(rows[i].body, strlen(rows[i].body), &rate, &err));
		assert_true(rate == rows[i].rate);
	}
}

/* --- limits ------------------------------------------------------------------------------------- */

static void sizes_beyond_the_limits_are_refused(void **state)
{
	(void)state;
	char *name = xmalloc(OMB_NAME_BYTES_MAX + 8);
	struct arena arena = { 0 };
	struct omb_topics got;
	struct error err = { 0 };

	memset(name, 'n', OMB_NAME_BYTES_MAX + 8);
	name[0] = '[';
	name[1] = '"';
	name[2 + OMB_NAME_BYTES_MAX] = '"';
	name[3 + OMB_NAME_BYTES_MAX] = ']';
	assert_true(omb_topics_read(name, OMB_NAME_BYTES_MAX + 4, &arena, &got, &err));
	assert_int_equal(strlen(got.names[0]), OMB_NAME_BYTES_MAX);
	memset(name + 2, 'n', OMB_NAME_BYTES_MAX + 1);
	name[3 + OMB_NAME_BYTES_MAX] = '"';
	name[4 + OMB_NAME_BYTES_MAX] = ']';
	assert_false(omb_topics_read(name, OMB_NAME_BYTES_MAX + 5, &arena, &got, &err));
	assert_non_null(strstr(err.text, "a text is too long"));

	/* Not looked at: there are no such bytes. */
	assert_false(omb_topics_read(name, OMB_BODY_MAX + 1, &arena, &got, &err));
	assert_non_null(strstr(err.text, "536870913 bytes, at most 536870912"));
	arena_fini(&arena);
	free(name);
}

static void one_topic_more_than_the_most_is_refused(void **state)
{
	(void)state;
	struct text body = { 0 };
	struct arena arena = { 0 };
	struct omb_assignment got;
	struct error err = { 0 };

	text_add(&body, "{\"payloadData\":[\"QQ==\"");
	for (size_t i = 0; i < OMB_PAYLOADS_MAX; i++)
		text_add(&body, ",\"QQ==\"");
	text_add(&body, "]}");
	assert_false(omb_assignment_read(body.data, body.len, &arena, &got, &err));
	error_wrap(&err, "body");
	assert_non_null(strstr(err.text, "a list of more than 1000000"));
	text_fini(&body);
	arena_fini(&arena);
}

/* Anything quadratic takes hours: the program has a minute. */
static void a_million_names_pass(void **state)
{
	(void)state;
	enum { MANY = 1000000 };
	struct text topics = { 0 }, consumers = { 0 };
	struct arena arena = { 0 };
	struct omb_topics names;
	struct omb_consumers items;
	struct error err = { 0 };

	for (unsigned i = 0; i < MANY; i++)
		text_addf(&topics, "%s\"test-topic-%07u-Zk3_9aQ\"", i > 0 ? ", " : "[ ", i);
	text_add(&topics, " ]");
	assert_true(omb_topics_read(topics.data, topics.len, &arena, &names, &err));
	assert_int_equal(names.count, MANY);
	assert_string_equal(names.names[MANY - 1], "test-topic-0999999-Zk3_9aQ");

	struct worker_subscription *all = xcalloc(MANY, sizeof(*all));
	for (unsigned i = 0; i < MANY; i++)
		all[i] = (struct worker_subscription){ names.names[i], "sub-000-hh7_A2c" };
	omb_consumers_write(&(struct omb_consumers){ all, MANY }, &consumers);
	assert_true(omb_consumers_read(consumers.data, consumers.len, &arena, &items, &err));
	assert_int_equal(items.count, MANY);
	assert_string_equal(items.items[MANY / 2].topic, names.names[MANY / 2]);
	assert_string_equal(items.items[MANY - 1].subscription, "sub-000-hh7_A2c");

	free(all);
	text_fini(&topics);
	text_fini(&consumers);
	arena_fini(&arena);
}

static void a_pool_of_20_mb_survives(void **state)
{
	(void)state;
	enum { PAYLOADS = 20, SIZE = 1000000 };
	unsigned char *bytes = xmalloc(SIZE + PAYLOADS);
	const void *contents[PAYLOADS];
	uint32_t sizes[PAYLOADS];
	struct text body = { 0 };
	struct arena arena = { 0 };
	struct omb_assignment got;
	struct error err = { 0 };
	struct rng seed = { 5 };

	for (size_t i = 0; i < SIZE + PAYLOADS; i++)
		bytes[i] = (unsigned char)rng_next(&seed);
	for (size_t i = 0; i < PAYLOADS; i++) {
		contents[i] = bytes + i;
		sizes[i] = SIZE;
	}
	omb_assignment_write(&(struct omb_assignment){ .contents = contents,
	                                               .sizes = sizes,
	                                               .count = PAYLOADS,
	                                               .rate_per_s = 1e7 },
	                     &body);
	assert_true(omb_assignment_read(body.data, body.len, &arena, &got, &err));
	assert_int_equal(got.size, SIZE);
	assert_int_equal(got.count, PAYLOADS);
	for (size_t i = 0; i < PAYLOADS; i++)
		assert_memory_equal(got.contents[i], contents[i], SIZE);
	assert_true(got.rate_per_s == 1e7);
	text_fini(&body);
	arena_fini(&arena);
	free(bytes);
}

/* --- answers ------------------------------------------------------------------------------------ */

static void java_s_histograms_are_read_and_written_again(void **state)
{
	(void)state;
	struct omb_latencies got;
	struct error err = { 0 };
	struct text out = { 0 };

	assert_true(omb_latencies_read(JAVA_LATENCIES, strlen(JAVA_LATENCIES), &got, &err));
	assert_int_equal(got.publish.count, 10);
	assert_int_equal(percentile_value(&got.publish, 75), 10000);
	assert_int_equal(percentile_max(&got.publish), 60000255);
	assert_true(percentile_mean(&got.publish) == 6031063.0);
	assert_int_equal(got.delay.count, 0);
	assert_int_equal(hist_copy_layout(&got.e2e)->highest, hist_layout_omb_e2e.highest);

	struct omb_latencies again;
	omb_latencies_write(&got, &out);
	assert_ptr_equal(strstr(out.data, "{\n  \"publishLatency\" : \"HISTFAAA"), out.data);
	assert_true(omb_latencies_read(out.data, out.len, &again, &err));
	assert_int_equal(again.publish.count, 10);
	for (size_t i = got.publish.lo; i < got.publish.hi; i++)
		assert_int_equal(hist_copy_count_at(&got.publish, i),
		                 hist_copy_count_at(&again.publish, i));
	omb_latencies_fini(&got);
	omb_latencies_fini(&again);
	text_fini(&out);
}

static void histograms_of_other_layouts_become_omb_s(void **state)
{
	(void)state;
	const struct hist_layout coarse = { .highest = UINT64_C(1) << 40,
		                            .unit_ns = 1000,
		                            .digits = 3,
		                            .bits = hist_layout_bits(3) };
	struct hist_copy h;
	struct omb_latencies got;
	struct error err = { 0 };
	struct text body = { 0 };

	hist_copy_init(&h, &coarse);
	hist_copy_record(&h, 1000, 3);
	hist_copy_record(&h, UINT64_C(90) * 1000000, 1); /* beyond OMB's 60 s */
	text_add(&body, "{\"publishLatencyBytes\":\"");
	hdr_codec_encode(&h, &body);
	text_add(&body, "\",\"scheduleLatencyBytes\":\"?\",\"endToEndLatency\":null}");
	assert_true(omb_latencies_read(body.data, body.len, &got, &err));
	assert_int_equal(got.publish.count, 4);
	assert_int_equal(hist_copy_layout(&got.publish)->digits, 5);
	assert_int_equal(percentile_value(&got.publish, 50), 1000);
	assert_int_equal(percentile_max(&got.publish), 60000255);
	assert_int_equal(got.e2e.count, 0);
	omb_latencies_fini(&got);
	hist_copy_fini(&h);
	text_fini(&body);
}

static void a_period_says_what_omb_s_worker_would(void **state)
{
	(void)state;
	struct worker_period ours = { .totals = { .sent = 11, .received = 12, .send_errors = 13 } };
	struct omb_period period, got;
	struct error err = { 0 };
	struct text out = { 0 };

	ours.interval.counters[COUNTER_SENT] = 99; /* without an answer yet */
	ours.interval.counters[COUNTER_ACKNOWLEDGED] = 1;
	ours.interval.counters[COUNTER_FAILED] = 2;
	ours.interval.counters[COUNTER_BYTES_ACKED] = 3;
	ours.interval.counters[COUNTER_RECEIVED] = 4;
	ours.interval.counters[COUNTER_PROBES_RECEIVED] = 5;
	ours.interval.counters[COUNTER_PROBES_ACKED] = 99;
	ours.interval.counters[COUNTER_BYTES_RECEIVED] = 6;
	for (int w = 0; w < WINDOW_COUNT; w++) {
		hist_copy_record(&ours.interval.latencies[w][LATENCY_PUBLISH], 7999, 1);
		hist_copy_record(&ours.interval.latencies[w][LATENCY_DELAY], UINT64_C(61000000000),
		                 1);
	}
	hist_copy_record(&ours.interval.latencies[WINDOW_MEASURED][LATENCY_E2E],
	                 UINT64_C(61000000000), 1);
	omb_period_of(&ours, &period);
	omb_period_write(&period, &out);
	const char *histograms = strstr(text_str(&out), "  \"publishLatency\" : \"HISTFAAA");
	assert_non_null(histograms);
	char *counts = xstrndup(out.data, (size_t)(histograms - out.data));
	assert_string_equal(counts, "{\n  \"messagesSent\" : 1,\n  \"messageSendErrors\" : 2,\n"
	                            "  \"bytesSent\" : 3,\n  \"messagesReceived\" : 9,\n"
	                            "  \"bytesReceived\" : 6,\n  \"totalMessagesSent\" : 11,\n"
	                            "  \"totalMessageSendErrors\" : 13,\n"
	                            "  \"totalMessagesReceived\" : 12,\n");
	free(counts);

	assert_true(omb_period_read(out.data, out.len, &got, &err));
	assert_int_equal(got.received, 9);
	assert_int_equal(got.bytes_received, 6);
	assert_int_equal(got.totals.send_errors, 13);
	assert_int_equal(got.latencies.publish.count, 2);
	assert_int_equal(percentile_max(&got.latencies.publish), 7);
	assert_int_equal(percentile_max(&got.latencies.delay), 60000255);
	assert_in_range(percentile_max(&got.latencies.e2e), 61000000, 61061000);

	omb_period_fini(&period);
	omb_period_fini(&got);
	snapshot_fini(&ours.interval);
	text_fini(&out);
}

static void redpanda_s_names_of_errors_are_read(void **state)
{
	(void)state;
	static const char body[] = "{\"messagesSent\":1,\"errors\":2,\"pollErrors\":3,"
				   "\"totalErrors\":4,\"publishLatencyBytes\":\"" JAVA_TEN "\"}";
	struct omb_period got;
	struct error err = { 0 };

	assert_true(omb_period_read(body, strlen(body), &got, &err));
	assert_int_equal(got.send_errors, 2);
	assert_int_equal(got.totals.send_errors, 4);
	assert_int_equal(got.latencies.publish.count, 10);
	omb_period_fini(&got);
}

static void counters_are_written_as_java_writes_them(void **state)
{
	(void)state;
	const struct worker_counters from = { .sent = 120000, .received = INT64_MAX };
	struct worker_counters got;
	struct error err = { 0 };
	struct text out = { 0 };

	omb_counters_write(&from, &out);
	assert_string_equal(text_str(&out), "{\n  \"messagesSent\" : 120000,\n"
	                                    "  \"messagesReceived\" : 9223372036854775807,\n"
	                                    "  \"messageSendErrors\" : 0\n}");
	assert_true(omb_counters_read(out.data, out.len, &got, &err));
	assert_memory_equal(&got, &from, sizeof(got));
	text_fini(&out);
}

/* --- what Java's programs sent ------------------------------------------------------------------- */

static void write_any(enum reader which, const union any *from, struct text *out)
{
	switch (which) {
	case INFO:
		omb_topics_info_write(&from->info, out);
		break;
	case TOPICS:
		omb_topics_write(&from->topics, out);
		break;
	case CONSUMERS:
		omb_consumers_write(&from->consumers, out);
		break;
	case ASSIGNMENT:
		omb_assignment_write(&from->assignment, out);
		break;
	case RATE:
		omb_rate_write(from->rate, out);
		break;
	case COUNTERS:
		omb_counters_write(&from->counters, out);
		break;
	case PERIOD:
		omb_period_write(&from->period, out);
		break;
	case LATENCIES_OF_ALL:
		omb_latencies_write(&from->latencies, out);
		break;
	}
}

/* Histograms are compared by what they say where another zlib packs them. */
static void assert_same_histograms(const struct omb_latencies *a, const char *body, size_t len)
{
	const struct hist_copy *one[] = { &a->publish, &a->delay, &a->e2e };
	struct omb_latencies b;
	struct error err = { 0 };

	assert_true(omb_latencies_read(body, len, &b, &err));
	const struct hist_copy *other[] = { &b.publish, &b.delay, &b.e2e };
	for (size_t k = 0; k < 3; k++) {
		assert_int_equal(one[k]->count, other[k]->count);
		for (size_t i = one[k]->lo; i < one[k]->hi; i++)
			assert_int_equal(hist_copy_count_at(one[k], i),
			                 hist_copy_count_at(other[k], i));
	}
	omb_latencies_fini(&b);
}

static const struct {
	enum reader which;
	const char *file;
} recorded[] = {
	{ INFO, "create-topics.request" },
	{ TOPICS, "create-topics.answer" },
	{ CONSUMERS, "create-consumers.request" },
	{ TOPICS, "create-producers.request" },
	{ ASSIGNMENT, "start-load.request" },
	{ RATE, "adjust-publish-rate.request" },
	{ COUNTERS, "counters-stats.answer" },
	{ PERIOD, "period-stats-producers.answer" },
	{ PERIOD, "period-stats-consumers.answer" },
	{ LATENCIES_OF_ALL, "cumulative-latencies.answer" },
};

static void what_java_sent_is_written_again_to_the_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		struct arena arena = { 0 };
		struct error err = { 0 };
		struct text out = { 0 };
		union any got;
		size_t len = 0;
		char *path = arena_printf(&arena, "tests/golden/omb-protocol/%s", recorded[i].file);
		char *body = file_read(path, 1 << 20, &len, &err);

		assert_non_null(body);
		if (!read_any(recorded[i].which, body, len, &arena, &got, &err))
			fail_msg("%s: %s", path, err.text);
		write_any(recorded[i].which, &got, &out);
		struct omb_latencies *histograms =
			recorded[i].which == PERIOD             ? &got.period.latencies
			: recorded[i].which == LATENCIES_OF_ALL ? &got.latencies
								: NULL;
		if (histograms == NULL || strcmp(zlibVersion(), "1.2.13") == 0)
			assert_string_equal(text_str(&out), body);
		if (histograms != NULL) {
			assert_same_histograms(histograms, out.data, out.len);
			omb_latencies_fini(histograms);
		}
		text_fini(&out);
		free(body);
		arena_fini(&arena);
	}
}

/* --- the worst -------------------------------------------------------------------------------------- */

/* Every bucket in use, with counts that cannot be packed: as large as the sum of all allows. */
static void fill_worst(struct hist_copy *h)
{
	const struct hist_layout *l = hist_copy_layout(h);
	struct rng seed = { 7 };

	for (size_t i = hist_layout_index(l, l->highest); i-- > 0;)
		hist_copy_put(h, i, (rng_next(&seed) >> 23 | 1));
}

static void no_histogram_is_larger_than_java_s_decoder_takes(void **state)
{
	(void)state;
	static const char name[] = "\"endToEndLatency\" : \"";
	struct omb_latencies worst = { 0 };
	struct hist_copy got = { 0 };
	struct text out = { 0 };
	struct error err = { 0 };

	hist_copy_init(&worst.e2e, &hist_layout_omb_e2e);
	fill_worst(&worst.e2e);
	omb_latencies_write(&worst, &out);
	const char *text = strstr(out.data, name);
	assert_non_null(text);
	text += strlen(name);
	size_t len = (size_t)(strchr(text, '"') - text);
	assert_true(len / 4 * 3 <= OMB_HISTOGRAM_MAX);

	assert_true(hdr_codec_decode(text, len, 1000, &got, &err));
	assert_int_equal(got.layout.digits, 4); /* so it was too large with 5 */
	assert_int_equal(got.count, worst.e2e.count);
	double shift = percentile_mean(&got) / percentile_mean(&worst.e2e);
	assert_true(shift > 1 - 1e-4 && shift < 1 + 1e-4);
	omb_latencies_fini(&worst);
	hist_copy_fini(&got);
	text_fini(&out);
}

/* Whatever agents count, each of their buckets is one of OMB's at most, and a number has 9 bytes. */
static void the_worst_of_our_own_histograms_is_a_twentieth_of_that(void **state)
{
	(void)state;
	struct snapshot s = { 0 };
	struct omb_latencies l;
	struct text out = { 0 };

	fill_worst(&s.latencies[WINDOW_MEASURED][LATENCY_E2E]);
	omb_latencies_of(&s, &l);
	omb_latencies_write(&l, &out);
	assert_true(out.len / 4 * 3 < OMB_HISTOGRAM_MAX / 20);
	omb_latencies_fini(&l);
	snapshot_fini(&s);
	text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topics_info_is_read_as_jackson_does),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(lists_of_topics_keep_order_repeats_and_letters),
		cmocka_unit_test(consumers_may_be_none),
		cmocka_unit_test(payloads_of_several_sizes_have_no_common_one),
		cmocka_unit_test(rates_below_one_are_one),
		cmocka_unit_test(sizes_beyond_the_limits_are_refused),
		cmocka_unit_test(one_topic_more_than_the_most_is_refused),
		cmocka_unit_test(a_million_names_pass),
		cmocka_unit_test(a_pool_of_20_mb_survives),
		cmocka_unit_test(java_s_histograms_are_read_and_written_again),
		cmocka_unit_test(histograms_of_other_layouts_become_omb_s),
		cmocka_unit_test(a_period_says_what_omb_s_worker_would),
		cmocka_unit_test(redpanda_s_names_of_errors_are_read),
		cmocka_unit_test(counters_are_written_as_java_writes_them),
		cmocka_unit_test(what_java_sent_is_written_again_to_the_byte),
		cmocka_unit_test(no_histogram_is_larger_than_java_s_decoder_takes),
		cmocka_unit_test(the_worst_of_our_own_histograms_is_a_twentieth_of_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
