/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hist_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats/percentile.h"

static void a_window_grows_to_both_sides(void **state)
{
	(void)state;
	struct hist_copy c = { 0 };
	static const uint64_t values[] = { 1000000, 5, 2000000000, 70000, 0, 4000000000000 };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		hist_copy_record(&c, values[i], i + 1);
	assert_int_equal(c.count, 21);
	assert_int_equal(c.min, 0);
	assert_int_equal(c.max, 4000000000000);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(
			hist_copy_count_at(&c, hist_layout_index(&hist_layout_ns, values[i])),
			i + 1);
	assert_int_equal(hist_copy_count_at(&c, 6), 0);
	assert_int_equal(hist_copy_count_at(&c, SIZE_MAX), 0);
	hist_copy_fini(&c);
}

static void cleared_is_empty_and_may_be_used_elsewhere(void **state)
{
	(void)state;
	struct hist_copy c = { 0 };

	hist_copy_record(&c, 1000000, 7);
	hist_copy_record(&c, 1500000, 7);
	hist_copy_clear(&c);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.sum, 0);
	hist_copy_record(&c, 3, 1);
	hist_copy_record(&c, 200, 2);
	assert_int_equal(c.count, 3);
	uint64_t sum = 0;
	for (size_t i = 0; i < hist_layout_buckets(&hist_layout_ns); i++)
		sum += hist_copy_count_at(&c, i);
	assert_int_equal(sum, 3);
	assert_int_equal(c.max, 200);
	hist_copy_fini(&c);
	hist_copy_fini(&c); /* a second time is harmless */
}

static void a_merge_is_the_histogram_of_all_values(void **state)
{
	(void)state;
	struct hist_copy a = { 0 }, b = { 0 }, both = { 0 }, empty = { 0 };

	hist_copy_record(&a, 100, 2);
	hist_copy_record(&a, 90000, 1);
	hist_copy_record(&b, 7, 1);
	hist_copy_record(&b, UINT64_C(1) << 43, 1);
	hist_copy_add(&both, &empty);
	assert_int_equal(both.count, 0);
	hist_copy_add(&both, &a);
	hist_copy_add(&both, &b);
	hist_copy_add(&both, &empty);

	assert_int_equal(both.count, 5);
	assert_int_equal(both.sum, 200 + 90000 + 7 + (UINT64_C(1) << 43));
	assert_int_equal(both.min, 7);
	assert_int_equal(both.max, UINT64_C(1) << 43);
	assert_int_equal(both.overflow, 1);
	assert_int_equal(hist_copy_count_at(&both, 100), 2);

	hist_copy_assign(&a, &both);
	assert_int_equal(a.count, 5);
	assert_int_equal(a.min, 7);
	hist_copy_fini(&a);
	hist_copy_fini(&b);
	hist_copy_fini(&both);
	hist_copy_fini(&empty);
}

static void an_interval_knows_its_maximum_as_well_as_can_be(void **state)
{
	(void)state;
	struct hist_copy first = { 0 }, second = { 0 }, third = { 0 }, interval = { 0 };

	hist_copy_record(&first, 5000000, 1);
	hist_copy_diff(&first, &interval, &third);
	assert_int_equal(third.max, 5000000); /* since the beginning: exact */

	hist_copy_assign(&second, &first);
	hist_copy_record(&second, 300000, 4);
	hist_copy_diff(&second, &first, &interval);
	assert_int_equal(interval.count, 4);
	assert_int_equal(interval.sum, 1200000);
	assert_int_equal(interval.max, 300031); /* no new maximum: the bucket's upper edge */
	assert_int_equal(interval.min, 300000); /* a new minimum: exact */

	hist_copy_assign(&third, &second);
	hist_copy_record(&third, 4999999, 1); /* the bucket of the old maximum */
	hist_copy_record(&third, 400, 1);
	hist_copy_diff(&third, &second, &interval);
	assert_int_equal(interval.max, 5000000); /* never above the whole's */
	assert_int_equal(interval.min, 400);
	assert_int_equal(percentile_max(&interval), 5001215);

	hist_copy_diff(&third, &third, &(struct hist_copy){ 0 });
	hist_copy_fini(&first);
	hist_copy_fini(&second);
	hist_copy_fini(&third);
	hist_copy_fini(&interval);
}

/* A snapshot may come between a writer's count and its sum. */
static void a_sum_that_comes_after_its_count_is_in_the_next_interval(void **state)
{
	(void)state;
	struct hist_copy none = { 0 }, early = { 0 }, late = { 0 }, interval = { 0 }, all = { 0 };

	hist_copy_record(&late, 1234, 5);
	hist_copy_assign(&early, &late);
	early.sum -= 1234;
	hist_copy_diff(&early, &none, &interval);
	hist_copy_add(&all, &interval);
	hist_copy_diff(&late, &early, &interval);
	assert_int_equal(interval.count, 0);
	hist_copy_add(&all, &interval);
	assert_int_equal(all.count, 5);
	assert_int_equal(all.sum, 5 * 1234);
	hist_copy_fini(&early);
	hist_copy_fini(&late);
	hist_copy_fini(&interval);
	hist_copy_fini(&all);
}

static void an_interval_without_values_is_empty(void **state)
{
	(void)state;
	struct hist_copy a = { 0 }, b = { 0 }, interval = { 0 };

	hist_copy_record(&interval, 9, 9); /* what it held is replaced */
	hist_copy_record(&a, 1234, 5);
	hist_copy_assign(&b, &a);
	hist_copy_diff(&b, &a, &interval);
	assert_int_equal(interval.count, 0);
	assert_int_equal(interval.max, 0);
	assert_int_equal(percentile_value(&interval, 50), 0);
	hist_copy_fini(&a);
	hist_copy_fini(&b);
	hist_copy_fini(&interval);
}

static void nanoseconds_become_whole_microseconds_rounded_down(void **state)
{
	(void)state;
	static const struct {
		uint64_t ns, us;
	} cases[] = {
		{ 0, 0 },          { 999, 0 },        { 1000, 1 },       { 1999, 1 },
		{ 2000, 2 },       { 300000, 300 },   { 5000000, 5000 }, { 70000000000, 60000000 },
		{ 1999999, 1999 }, { 1500000, 1500 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hist_copy ns = { 0 }, us = { 0 };

		hist_copy_record(&ns, cases[i].ns, 3);
		hist_copy_convert(&ns, &hist_layout_omb_publish, &us);
		assert_int_equal(us.count, 3);
		size_t index = hist_layout_index(&hist_layout_omb_publish, cases[i].us);
		assert_int_equal(hist_copy_count_at(&us, index), 3);
		assert_int_equal(us.overflow, cases[i].ns > 60000000000 ? 3 : 0);
		assert_true(us.sum_unknown);
		hist_copy_fini(&ns);
		hist_copy_fini(&us);
	}
}

static void a_converted_value_is_never_too_small_nor_a_thousandth_too_large(void **state)
{
	(void)state;
	for (uint64_t ns = 1; ns < UINT64_C(3600) * 1000000000; ns += ns / 7 + 1) {
		struct hist_copy in = { 0 }, us = { 0 };

		hist_copy_record(&in, ns, 1);
		hist_copy_record(&in, UINT64_C(4000) * 1000000000,
		                 1); /* so that it is not the max */
		hist_copy_convert(&in, &hist_layout_omb_e2e, &us);
		uint64_t got = us.min;
		assert_true(got >= ns / 1000);
		assert_true((double)got <= (double)ns / 1000 * 1.001);
		hist_copy_fini(&in);
		hist_copy_fini(&us);
	}
}

static void microseconds_of_a_remote_worker_become_nanoseconds(void **state)
{
	(void)state;
	struct hist_copy us = { 0 }, ns = { 0 };

	hist_copy_init(&us, &hist_layout_omb_publish);
	hist_copy_record(&us, 57, 2);
	hist_copy_convert(&us, &hist_layout_ns, &ns);
	assert_int_equal(ns.count, 2);
	assert_int_equal(ns.max, 57000);
	hist_copy_fini(&us);
	hist_copy_fini(&ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_grows_to_both_sides),
		cmocka_unit_test(cleared_is_empty_and_may_be_used_elsewhere),
		cmocka_unit_test(a_merge_is_the_histogram_of_all_values),
		cmocka_unit_test(an_interval_knows_its_maximum_as_well_as_can_be),
		cmocka_unit_test(a_sum_that_comes_after_its_count_is_in_the_next_interval),
		cmocka_unit_test(an_interval_without_values_is_empty),
		cmocka_unit_test(nanoseconds_become_whole_microseconds_rounded_down),
		cmocka_unit_test(a_converted_value_is_never_too_small_nor_a_thousandth_too_large),
		cmocka_unit_test(microseconds_of_a_remote_worker_become_nanoseconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
