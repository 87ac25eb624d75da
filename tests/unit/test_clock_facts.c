/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "facts/fact_fields.h"
#include "results/record.h"
#include "results/record_fields.h"
#include "results/side_file.h"
#include "util/arena.h"
#include "util/file.h"

static json_t *format(const struct record *r)
{
	struct file_draft out = { 0 };
	struct error err = { 0 };

	assert_true(side_file_write(r, &out, &err));
	json_t *root = json_loads(text_str(&out.text), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	file_draft_fini(&out);
	return root;
}

static struct record one_run(void)
{
	struct record r = { .run_id = "1", .workload_name = "w", .driver_name = "d" };
	struct hist_copy *h = r.totals.latencies[WINDOW_MEASURED];

	r.environment.version = r.environment.commit = r.environment.build = "x";
	hist_copy_record(&h[LATENCY_E2E], 200000, 90);
	hist_copy_record(&h[LATENCY_E2E], 1000000, 10);
	return r;
}

static const json_t *latency_of(const json_t *root, const char *name)
{
	return json_object_get(json_object_get(root, "latencies"), name);
}

static void on_one_clock_nothing_is_said(void **state)
{
	(void)state;
	struct record r = one_run();
	json_t *root = format(&r);

	assert_null(json_object_get(root, "clocks"));
	assert_null(json_object_get(latency_of(root, "endToEnd"), "errorNs"));
	json_decref(root);
	snapshot_fini(&r.totals);
}

/* 200 us are nothing where clocks may be wrong by 300. */
static void latencies_between_clocks_say_by_how_much_they_may_be_wrong(void **state)
{
	(void)state;
	struct record r = one_run();
	r.clocks = (struct fact_clocks){ 2, true, 300000, 1 };
	json_t *root = format(&r);

	const json_t *clocks = json_object_get(root, "clocks");
	assert_int_equal(json_integer_value(json_object_get(clocks, "count")), 2);
	assert_int_equal(json_integer_value(json_object_get(clocks, "errorNs")), 300000);
	assert_int_equal(json_integer_value(json_object_get(clocks, "steps")), 1);
	static const struct {
		const char *latency;
		bool has_error;
	} cases[] = { { "endToEnd", true },
		      { "correctedEndToEnd", true },
		      { "publish", false },
		      { "publishDelay", false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const json_t *error =
			json_object_get(latency_of(root, cases[i].latency), "errorNs");
		assert_int_equal(json_integer_value(error), cases[i].has_error ? 300000 : 0);
		assert_int_equal(error != NULL, cases[i].has_error);
	}
	const json_t *p = json_object_get(latency_of(root, "endToEnd"), "percentiles");
	assert_true(json_is_true(json_object_get(json_array_get(p, 0), "unresolved")));
	assert_null(json_object_get(json_array_get(p, 3), "unresolved"));
	json_decref(root);
	snapshot_fini(&r.totals);
}

static void an_unknown_error_is_null_and_resolves_nothing(void **state)
{
	(void)state;
	struct record r = one_run();
	r.clocks = (struct fact_clocks){ 2, false, 0, 0 };
	json_t *root = format(&r);

	const json_t *e2e = latency_of(root, "endToEnd");
	assert_true(json_is_null(json_object_get(e2e, "errorNs")));
	const json_t *p = json_object_get(e2e, "percentiles");
	assert_true(json_is_true(json_object_get(json_array_get(p, 3), "unresolved")));
	json_decref(root);
	snapshot_fini(&r.totals);
}

/* What workers and results say of a clock is read as it was written; signs, too. */
static void a_clock_is_read_as_it_was_written(void **state)
{
	(void)state;
	const struct fact_clock was = { .is_known = true,
		                        .source = CLOCK_BY_SYSTEM,
		                        .offset_ns = -INT64_C(123456789012345678),
		                        .drift_ppm = -12.5,
		                        .error_ns = 4711,
		                        .probes = 99,
		                        .lost = 3,
		                        .round_trip_min_ns = 1234,
		                        .steps = 2,
		                        .bends = 1,
		                        .step_most_ns = -2000000 };
	struct fact_clock is;
	struct arena arena = { 0 };
	struct error err = { 0 };
	struct text text = { 0 };
	struct fields_out out = { .text = &text };
	struct fields_in in = { .arena = &arena, .err = &err };

	fields_write(&fact_clock_fields, &was, &out);
	json_t *root = json_loads(text_str(&text), 0, NULL);
	assert_true(fields_read(&fact_clock_fields, root, &is, &in));
	assert_true(is.is_known && is.source == was.source && is.drift_ppm == was.drift_ppm);
	assert_true(is.offset_ns == was.offset_ns && is.step_most_ns == was.step_most_ns);
	assert_int_equal(is.error_ns, was.error_ns);
	assert_int_equal(is.probes, was.probes);
	assert_int_equal(is.lost, was.lost);
	assert_int_equal(is.round_trip_min_ns, was.round_trip_min_ns);
	assert_int_equal(is.steps, was.steps);
	assert_int_equal(is.bends, was.bends);
	json_object_set_new(root, "offsetNs", json_string("far"));
	assert_false(fields_read(&fact_clock_fields, root, &is, &in));
	assert_non_null(strstr(err.text, "offsetNs"));
	json_decref(root);
	text_fini(&text);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_one_clock_nothing_is_said),
		cmocka_unit_test(latencies_between_clocks_say_by_how_much_they_may_be_wrong),
		cmocka_unit_test(an_unknown_error_is_null_and_resolves_nothing),
		cmocka_unit_test(a_clock_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
