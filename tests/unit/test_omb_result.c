/* SPDX-License-Identifier: Apache-2.0 */
#include "results/omb_result.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/file.h"

#define MS UINT64_C(1000000)

/* 1000 publications of 1 ms, one of 250 ms; delays of 0.5 us and 80 us; end to end 0.3 ms. */
struct known {
	struct hist_copy publish, delay, e2e;
};

static void fill_known(struct known *k)
{
	*k = (struct known){ .publish = { .count = 0 } };
	hist_copy_record(&k->publish, 1 * MS, 999);
	hist_copy_record(&k->publish, 250 * MS, 1);
	hist_copy_record(&k->delay, 500, 750);
	hist_copy_record(&k->delay, 80000, 250);
	hist_copy_record(&k->e2e, 300000, 1000);
}

static void fini_known(struct known *k)
{
	hist_copy_fini(&k->publish);
	hist_copy_fini(&k->delay);
	hist_copy_fini(&k->e2e);
}

static void fill_result(struct omb_result *r, size_t samples)
{
	struct known k;

	fill_known(&k);
	struct omb_latencies latencies = { &k.publish, &k.delay, &k.e2e };
	struct omb_sample sample = {
		.elapsed_ns = UINT64_C(4000000000),
		.acknowledged = 1000,
		.failed = 2,
		.received = 998,
		.backlog = 2,
		.latencies = latencies,
	};
	*r = (struct omb_result){
		.workload = strdup("1 topic \"quoted\""),
		.driver = strdup("Kafka"),
		.message_size = 1024,
		.topics = 1,
		.partitions = 16,
		.producers_per_topic = 2,
		.consumers_per_topic = 3,
	};
	for (size_t i = 0; i < samples; i++)
		omb_result_add_sample(r, &sample);
	omb_result_set_totals(r, &latencies);
	fini_known(&k);
}

static const char *type_name(const json_t *j)
{
	if (json_is_string(j))
		return "text";
	return json_is_real(j) ? "double" : json_is_integer(j) ? "whole" : "other";
}

static void describe(const char *name, json_t *value, char *out, size_t size)
{
	if (json_is_array(value))
		snprintf(out, size, "%s\tlist of %s\n", name, type_name(json_array_get(value, 0)));
	else if (json_is_object(value))
		snprintf(out, size, "%s\tmap of %s\n", name,
		         type_name(json_object_iter_value(json_object_iter(value))));
	else
		snprintf(out, size, "%s\t%s\n", name, type_name(value));
}

static void format(const struct omb_result *r, struct text *out)
{
	struct file_draft draft = { 0 };

	omb_result_write(r, &draft);
	*out = draft.text;
}

static void fields_their_order_and_types_are_those_of_java(void **state)
{
	(void)state;
	struct omb_result r;
	struct text out = { 0 };
	struct error err = { 0 };
	size_t len = 0, fields = 0;
	const char *name;
	json_t *value;

	fill_result(&r, 2);
	format(&r, &out);
	json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	char *golden = file_read("tests/golden/omb-result-fields.txt", 1 << 20, &len, &err);
	assert_non_null(golden);
	const char *want = strchr(golden, '\n') + 1; /* behind the comment */

	json_object_foreach(root, name, value)
	{
		char line[160];
		describe(name, value, line, sizeof(line));
		if (strncmp(want, line, strlen(line)) != 0)
			fail_msg("got %sexpected %.*s", line, (int)strcspn(want, "\n"), want);
		want += strlen(line);
		fields++;
	}
	assert_string_equal(want, "");
	assert_int_equal(fields, 62);
	json_decref(root);
	free(golden);
	text_fini(&out);
	omb_result_fini(&r);
}

static void figures_follow_from_the_histograms_by_hand(void **state)
{
	(void)state;
	struct omb_result r;

	fill_result(&r, 2);
	assert_int_equal(r.publish_rate.count, 2);
	assert_true(r.publish_rate.items[0] == 250.0);
	assert_true(r.publish_error_rate.items[1] == 0.5);
	assert_true(r.consume_rate.items[1] == 249.5);
	assert_true(r.backlog.items[1] == 2);

	/* (999 * 1 ms + 250 ms) / 1000 */
	assert_true(r.aggregated_publish_ms[OMB_AVG] == 1.249);
	assert_true(r.aggregated_publish_ms[OMB_P50] == 1.0);
	assert_true(r.aggregated_publish_ms[OMB_P999] == 1.0);
	assert_true(r.aggregated_publish_ms[OMB_P9999] == 250.0);
	assert_true(r.aggregated_publish_ms[OMB_MAX] == 250.0);
	/* 0.5 us counts as 0: (750 * 0 + 250 * 80) / 1000 */
	assert_true(r.aggregated_publish_delay_us[OMB_AVG] == 20.0);
	assert_true(r.aggregated_publish_delay_us[OMB_P50] == 0);
	assert_true(r.aggregated_publish_delay_us[OMB_P75] == 0);
	assert_true(r.aggregated_publish_delay_us[OMB_P95] == 80);
	/* Below a millisecond, where OMB has nothing. */
	assert_true(r.aggregated_end_to_end_ms[OMB_P50] == 0.3);
	assert_true(r.aggregated_end_to_end_ms[OMB_AVG] == 0.3);

	for (int i = 0; i < OMB_FIGURES; i++) {
		assert_int_equal(r.publish_ms[i].count, 2);
		assert_true(r.publish_ms[i].items[1] == r.aggregated_publish_ms[i]);
		assert_true(r.publish_delay_us[i].items[0] == r.aggregated_publish_delay_us[i]);
		assert_true(r.end_to_end_ms[i].items[0] == r.aggregated_end_to_end_ms[i]);
	}
	assert_int_equal(r.publish_quantiles_ms.count, 2);
	assert_true(r.publish_quantiles_ms.items[0].percentile == 99.9);
	assert_true(r.publish_quantiles_ms.items[0].value == 1.0);
	assert_true(r.publish_quantiles_ms.items[1].percentile == 100.0);
	assert_true(r.publish_quantiles_ms.items[1].value == 250.0);
	assert_true(r.publish_delay_quantiles_us.items[0].percentile == 75.0);
	assert_int_equal(r.end_to_end_quantiles_ms.count, 1);
	omb_result_fini(&r);
}

static void latencies_above_a_minute_are_not_clipped(void **state)
{
	(void)state;
	struct hist_copy h = { 0 }, none = { 0 };
	struct omb_latencies latencies = { &h, &none, &none };
	struct omb_result r = { .workload = NULL };

	hist_copy_record(&h, 90000 * MS, 1);
	omb_result_set_totals(&r, &latencies);
	/* 5 digits: the bucket of 90 s is 512 us wide. */
	assert_true(r.aggregated_publish_ms[OMB_MAX] >= 90000.0);
	assert_true(r.aggregated_publish_ms[OMB_MAX] < 90000.512);
	hist_copy_fini(&h);
	omb_result_fini(&r);
}

static void text_is_jackson_s_to_the_byte(void **state)
{
	(void)state;
	struct omb_result r;
	struct text out = { 0 };

	fill_result(&r, 2);
	format(&r, &out);
	static const char start[] = "{\n"
				    "  \"workload\" : \"1 topic \\\"quoted\\\"\",\n"
				    "  \"driver\" : \"Kafka\",\n"
				    "  \"messageSize\" : 1024,\n"
				    "  \"topics\" : 1,\n"
				    "  \"partitions\" : 16,\n"
				    "  \"producersPerTopic\" : 2,\n"
				    "  \"consumersPerTopic\" : 3,\n"
				    "  \"publishRate\" : [ 250.0, 250.0 ],\n"
				    "  \"publishErrorRate\" : [ 0.5, 0.5 ],\n"
				    "  \"consumeRate\" : [ 249.5, 249.5 ],\n"
				    "  \"backlog\" : [ 2, 2 ],\n"
				    "  \"publishLatencyAvg\" : [ 1.249, 1.249 ],\n";
	static const char middle[] = "  \"aggregatedPublishLatencyQuantiles\" : {\n"
				     "    \"99.9\" : 1.0,\n"
				     "    \"100.0\" : 250.0\n"
				     "  },\n"
				     "  \"aggregatedPublishDelayLatencyQuantiles\" : {\n"
				     "    \"75.0\" : 0,\n"
				     "    \"100.0\" : 80\n"
				     "  },\n"
				     "  \"endToEndLatencyAvg\" : [ 0.3, 0.3 ],\n";
	static const char end[] = "  \"aggregatedEndToEndLatencyMax\" : 0.3\n}";

	assert_memory_equal(out.data, start, strlen(start));
	assert_non_null(strstr(out.data, middle));
	assert_string_equal(out.data + out.len - strlen(end), end);
	text_fini(&out);
	omb_result_fini(&r);
}

static void an_empty_result_is_still_complete(void **state)
{
	(void)state;
	struct omb_result r = { .workload = NULL };
	struct hist_copy none = { 0 };
	struct omb_latencies latencies = { &none, &none, &none };
	struct text out = { 0 };

	omb_result_set_totals(&r, &latencies);
	r.aggregated_publish_ms[OMB_AVG] = NAN;
	format(&r, &out);
	assert_non_null(strstr(out.data, "\"workload\" : null,\n"));
	assert_non_null(strstr(out.data, "\"publishRate\" : [ ],\n"));
	assert_non_null(strstr(out.data, "\"aggregatedPublishLatencyQuantiles\" : { },\n"));
	assert_non_null(strstr(out.data, "\"aggregatedPublishLatencyAvg\" : \"NaN\",\n"));
	assert_non_null(strstr(out.data, "\"aggregatedPublishDelayLatencyAvg\" : 0.0,\n"));
	assert_non_null(strstr(out.data, "\"aggregatedPublishDelayLatency50pct\" : 0,\n"));
	text_fini(&out);
	omb_result_fini(&r);
	omb_result_fini(&r); /* a second time is harmless */
}

static void control_characters_are_escaped_and_other_letters_are_not(void **state)
{
	(void)state;
	struct omb_result r = {
		.workload = strdup("a\\b\"c/\b\f\n\r\t\x01\x1f\x7f é"),
	};
	struct text out = { 0 };

	format(&r, &out);
	assert_non_null(strstr(out.data, "\"workload\" : \"a\\\\b\\\"c/\\b\\f\\n\\r\\t"
	                                 "\\u0001\\u001F\x7f é\",\n"));
	text_fini(&out);
	omb_result_fini(&r);
}

static void what_is_written_reads_back(void **state)
{
	(void)state;
	struct omb_result r, back;
	struct text out = { 0 }, again = { 0 };
	struct error err = { 0 };

	fill_result(&r, 3);
	r.publish_rate.items[1] = INFINITY;
	format(&r, &out);
	assert_true(omb_result_parse(out.data, out.len, &back, &err));
	format(&back, &again);
	assert_string_equal(again.data, out.data);
	text_fini(&out);
	text_fini(&again);
	omb_result_fini(&r);
	omb_result_fini(&back);
}

static void files_that_are_no_results_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *json, *want;
		int line;
	} cases[] = {
		{ "[ ]", "not a JSON object", 0 },
		{ "{ \"topics\" : \"one\" }", "topics: the value has a wrong type", 0 },
		{ "{ \"publishRate\" : 1 }", "publishRate: the value has a wrong type", 0 },
		{ "{ \"publishRate\" : [ 1, {} ] }", "publishRate: the value has a wrong type", 0 },
		{ "{ \"aggregatedPublishLatencyQuantiles\" : { \"x\" : 1 } }",
		  "aggregatedPublishLatencyQuantiles: the value has a wrong type", 0 },
		{ "{ \"version\" : 2 }", "\"version\" is not a field of a result file", 0 },
		{ "{ \"topics\" : 1,\n \"topics\" : 2 }", NULL, 2 },
		{ "{ \"topics\" : 1", NULL, 1 },
		{ "", NULL, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct omb_result r;
		struct error err = { 0 };
		assert_false(omb_result_parse(cases[i].json, strlen(cases[i].json), &r, &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_int_equal(err.line, cases[i].line);
		if (cases[i].want != NULL)
			assert_string_equal(err.text, cases[i].want);
		assert_null(r.publish_rate.items);
	}
}

static void missing_fields_are_fine(void **state)
{
	(void)state;
	const char *json =
		"{ \"topics\" : 3, \"driver\" : null, \"publishRate\" : [ 1, 2.5 ],"
		"  \"aggregatedPublishLatencyQuantiles\" : { \"100.0\" : 2, \"1.0E-4\" : 1 } }";
	struct omb_result r;
	struct error err = { 0 };

	assert_true(omb_result_parse(json, strlen(json), &r, &err));
	assert_int_equal(r.topics, 3);
	assert_null(r.driver);
	assert_true(r.publish_rate.items[0] == 1.0);
	assert_true(r.publish_quantiles_ms.items[0].percentile == 1e-4); /* sorted */
	omb_result_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_their_order_and_types_are_those_of_java),
		cmocka_unit_test(figures_follow_from_the_histograms_by_hand),
		cmocka_unit_test(latencies_above_a_minute_are_not_clipped),
		cmocka_unit_test(text_is_jackson_s_to_the_byte),
		cmocka_unit_test(an_empty_result_is_still_complete),
		cmocka_unit_test(control_characters_are_escaped_and_other_letters_are_not),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(files_that_are_no_results_are_refused),
		cmocka_unit_test(missing_fields_are_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
