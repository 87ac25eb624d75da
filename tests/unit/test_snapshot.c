/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void record(struct snapshot *s, enum window window, uint64_t ns, uint64_t n)
{
	s->counters[COUNTER_SENT] += n;
	hist_copy_record(&s->latencies[window][LATENCY_PUBLISH], ns, n);
}

static void adding_sums_counts_cpu_and_histograms(void **state)
{
	struct snapshot a = { .taken_ns = 5, .cpu_ns = 10 };
	struct snapshot b = { .taken_ns = 9, .cpu_ns = 7 };
	struct snapshot sum = { 0 };

	(void)state;
	record(&a, WINDOW_MEASURED, 100, 3);
	record(&b, WINDOW_MEASURED, 200, 4);
	snapshot_add(&sum, &a);
	snapshot_add(&sum, &b);
	assert_int_equal(sum.taken_ns, 9);
	assert_int_equal(sum.cpu_ns, 17);
	assert_int_equal(sum.counters[COUNTER_SENT], 7);
	assert_int_equal(sum.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count, 7);
	assert_int_equal(sum.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].max, 200);
	assert_int_equal(sum.latencies[WINDOW_OUTSIDE][LATENCY_PUBLISH].count, 0);
	snapshot_fini(&a);
	snapshot_fini(&b);
	snapshot_fini(&sum);
}

static void an_interval_is_newer_minus_older_and_knows_its_length(void **state)
{
	struct snapshot older = { .taken_ns = 1000, .cpu_ns = 10 };
	struct snapshot newer = { 0 }, interval = { 0 };

	(void)state;
	record(&older, WINDOW_OUTSIDE, 50, 2);
	snapshot_add(&newer, &older);
	newer.taken_ns = 4000;
	newer.cpu_ns = 25;
	record(&newer, WINDOW_MEASURED, 70, 5);
	record(&newer, WINDOW_OUTSIDE, 50, 1);
	snapshot_diff(&newer, &older, &interval);
	assert_int_equal(interval.taken_ns, 3000);
	assert_int_equal(interval.cpu_ns, 15);
	assert_int_equal(interval.counters[COUNTER_SENT], 6);
	assert_int_equal(interval.latencies[WINDOW_OUTSIDE][LATENCY_PUBLISH].count, 1);
	assert_int_equal(interval.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count, 5);
	snapshot_fini(&older);
	snapshot_fini(&newer);
	snapshot_fini(&interval);
}

static void the_first_interval_is_the_whole(void **state)
{
	struct snapshot nothing = { 0 }, newer = { .taken_ns = 7 }, interval = { 0 };

	(void)state;
	record(&newer, WINDOW_MEASURED, 70, 5);
	snapshot_diff(&newer, &nothing, &interval);
	assert_int_equal(interval.taken_ns, 7);
	assert_int_equal(interval.counters[COUNTER_SENT], 5);
	assert_int_equal(interval.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count, 5);
	snapshot_fini(&newer);
	snapshot_fini(&interval);
}

static void both_windows_together_hold_every_sample(void **state)
{
	struct snapshot s = { 0 };
	struct hist_copy both = { 0 };

	(void)state;
	record(&s, WINDOW_MEASURED, 70, 5);
	record(&s, WINDOW_OUTSIDE, 30, 2);
	snapshot_latency(&s, LATENCY_PUBLISH, &both);
	assert_int_equal(both.count, 7);
	assert_int_equal(both.min, 30);
	assert_int_equal(both.max, 70);
	snapshot_latency(&s, LATENCY_E2E, &both);
	assert_int_equal(both.count, 0);
	hist_copy_fini(&both);
	snapshot_fini(&s);
}

static void names_are_those_of_the_result_files(void **state)
{
	(void)state;
	assert_string_equal(latency_name(LATENCY_CORRECTED_E2E), "correctedEndToEnd");
	assert_string_equal(latency_help(LATENCY_CALL), "send called -> send returned");
	assert_string_equal(counter_name(COUNTER_UNACKNOWLEDGED), "unacknowledged");
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		assert_true(counter_help((enum counter)i)[0] != '\0');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding_sums_counts_cpu_and_histograms),
		cmocka_unit_test(an_interval_is_newer_minus_older_and_knows_its_length),
		cmocka_unit_test(the_first_interval_is_the_whole),
		cmocka_unit_test(both_windows_together_hold_every_sample),
		cmocka_unit_test(names_are_those_of_the_result_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
