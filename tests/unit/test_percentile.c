/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/percentile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct curve {
	double percentiles[1000];
	uint64_t values[1000];
	size_t len;
};

static void collect(void *arg, double percentile, uint64_t value)
{
	struct curve *curve = arg;

	assert_true(curve->len < 1000);
	curve->percentiles[curve->len] = percentile;
	curve->values[curve->len++] = value;
}

/* The third test blob of the reference: 0, 1, 100 five times, 10000, 300001, 60 s. */
static void fill_reference(struct hist_copy *c)
{
	hist_copy_init(c, &hist_layout_omb_publish);
	hist_copy_record(c, 0, 1);
	hist_copy_record(c, 1, 1);
	hist_copy_record(c, 100, 5);
	hist_copy_record(c, 10000, 1);
	hist_copy_record(c, 300001, 1);
	hist_copy_record(c, 60000000, 1);
}

static void fill_thousand(struct hist_copy *c)
{
	hist_copy_init(c, &hist_layout_omb_publish);
	for (uint64_t v = 0; v < 1000; v++)
		hist_copy_record(c, v, 1);
}

static void figures_are_those_of_java(void **state)
{
	(void)state;
	struct hist_copy c;
	static const struct {
		double percentile;
		uint64_t want;
	} cases[] = {
		{ 0, 0 },         { 10, 0 },         { 10.0001, 1 }, { 50, 100 },
		{ 75, 10000 },    { 80, 10000 },     { 90, 300001 }, { 95, 60000255 },
		{ 99, 60000255 }, { 100, 60000255 }, { -5, 0 },      { 200, 60000255 },
	};

	fill_reference(&c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(percentile_value(&c, cases[i].percentile), cases[i].want);
	assert_int_equal(percentile_max(&c), 60000255);
	assert_true(percentile_bucket_mean(&c) == 6031063.0);
	assert_true(percentile_mean(&c) == (1 + 500 + 10000 + 300001 + 60000000) / 10.0);
	hist_copy_fini(&c);
}

static void ranks_do_not_suffer_from_rounding(void **state)
{
	(void)state;
	struct hist_copy c;
	static const struct {
		double percentile;
		uint64_t want;
	} cases[] = {
		{ 0.1, 0 }, { 50, 499 }, { 99, 989 }, { 99.9, 998 }, { 99.99, 999 }, { 100, 999 },
	};

	fill_thousand(&c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(percentile_value(&c, cases[i].percentile), cases[i].want);

	/* The percentile of a rank leads back to the rank, though 100.0 * 8 / 11 * 11 is above 800. */
	hist_copy_clear(&c);
	for (uint64_t rank = 1; rank <= 11; rank++)
		hist_copy_record(&c, rank, 1);
	for (uint64_t rank = 1; rank <= 11; rank++)
		assert_int_equal(percentile_value(&c, 100.0 * (double)rank / 11), rank);
	hist_copy_fini(&c);
}

static void percentile_zero_is_the_lower_edge_of_the_smallest(void **state)
{
	(void)state;
	struct hist_copy c = { 0 };

	hist_copy_record(&c, 300000, 2);
	assert_int_equal(percentile_value(&c, 0), 299776);
	assert_int_equal(percentile_value(&c, 0.001), 300031);
	hist_copy_fini(&c);
}

static void many_at_once_are_the_same_as_one_by_one(void **state)
{
	(void)state;
	struct hist_copy c;
	const double p[] = { 0, 10, 50, 75, 90, 90, 95, 100 };
	uint64_t out[8];

	fill_reference(&c);
	percentile_values(&c, p, 8, out);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(out[i], percentile_value(&c, p[i]));
	hist_copy_clear(&c);
	percentile_values(&c, p, 8, out);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(out[i], 0);
	hist_copy_fini(&c);
}

static void deviation_is_that_of_the_bucket_middles(void **state)
{
	(void)state;
	struct hist_copy c = { 0 };

	assert_true(percentile_bucket_deviation(&c) == 0.0);
	hist_copy_record(&c, 10, 3);
	hist_copy_record(&c, 14, 1);
	assert_true(percentile_bucket_mean(&c) == 11.0);
	assert_true(percentile_bucket_deviation(&c) == sqrt(3.0));
	hist_copy_fini(&c);
}

static void the_curve_of_the_reference_blob_has_java_s_points(void **state)
{
	(void)state;
	struct hist_copy c;
	struct curve curve = { .len = 0 };
	static const struct {
		double percentile;
		uint64_t value;
	} want[] = {
		{ 10, 0 }, { 20, 1 }, { 70, 100 }, { 80, 10000 }, { 90, 300001 }, { 100, 60000255 },
	};

	fill_reference(&c);
	percentile_curve(&c, 100, collect, &curve);
	assert_int_equal(curve.len, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_true(curve.percentiles[i] == want[i].percentile);
		assert_int_equal(curve.values[i], want[i].value);
	}
	hist_copy_fini(&c);
}

static void the_curve_of_a_thousand_values_has_426_points(void **state)
{
	(void)state;
	struct hist_copy c;
	struct curve curve = { .len = 0 };

	fill_thousand(&c);
	percentile_curve(&c, 100, collect, &curve);
	assert_int_equal(curve.len, 426);
	assert_true(curve.percentiles[0] == 0.1);
	assert_true(curve.percentiles[425] == 100.0);
	assert_int_equal(curve.values[425], 999);
	for (size_t i = 1; i < curve.len; i++)
		assert_true(curve.percentiles[i] > curve.percentiles[i - 1]);
	hist_copy_fini(&c);
}

static void the_curve_ends_also_with_absurd_counts(void **state)
{
	(void)state;
	struct hist_copy c = { 0 };
	struct curve curve = { .len = 0 };

	hist_copy_record(&c, 1, UINT64_C(1) << 62);
	hist_copy_record(&c, 2, 1);
	hist_copy_record(&c, 3, 1);
	percentile_curve(&c, 100, collect, &curve);
	assert_true(curve.len >= 2);
	assert_true(curve.percentiles[curve.len - 1] == 100.0);
	assert_int_equal(curve.values[curve.len - 1], 3);

	curve.len = 0;
	hist_copy_clear(&c);
	percentile_curve(&c, 100, collect, &curve);
	assert_int_equal(curve.len, 0);
	hist_copy_fini(&c);
}

/* Ranks from the binomial distribution in exact fractions. */
static void intervals_are_those_of_the_binomial_distribution(void **state)
{
	(void)state;
	static const struct {
		uint64_t n;
		double percentile;
		uint64_t lower, upper;
		bool open;
	} cases[] = {
		{ 10, 50, 2, 9, false },       { 100, 50, 40, 61, false },
		{ 1000, 50, 469, 532, false }, { 1000, 99, 983, 997, false },
		{ 100, 99, 97, 100, true },    { 368, 99, 360, 368, false },
		{ 1, 50, 1, 1, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hist_copy c = { 0 };
		for (uint64_t v = 1; v <= cases[i].n; v++)
			hist_copy_record(&c, v, 1); /* the value is its rank */

		struct percentile_interval got = percentile_interval(&c, cases[i].percentile);
		assert_int_equal(got.lower, cases[i].lower);
		assert_int_equal(got.upper, cases[i].upper);
		assert_int_equal(got.open_above, cases[i].open);
		hist_copy_fini(&c);
	}
}

static void large_samples_have_intervals_too(void **state)
{
	(void)state;
	struct hist_copy c;

	hist_copy_init(&c, &hist_layout_omb_publish);
	for (uint64_t v = 1; v <= 200000; v++)
		hist_copy_record(&c, v, 1);
	struct percentile_interval half = percentile_interval(&c, 50);
	assert_in_range(half.lower, 100000 - 440, 100000 - 436); /* 1.96 * 223.6 = 438.3 */
	assert_in_range(half.upper, 100000 + 436, 100000 + 441);
	struct percentile_interval tail = percentile_interval(&c, 99.999);
	assert_true(tail.open_above); /* two samples above it */
	assert_int_equal(tail.upper, 200000);
	assert_false(percentile_interval(&c, 99.99).open_above); /* twenty */

	hist_copy_clear(&c);
	assert_true(percentile_interval(&c, 50).open_above);
	hist_copy_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_are_those_of_java),
		cmocka_unit_test(ranks_do_not_suffer_from_rounding),
		cmocka_unit_test(percentile_zero_is_the_lower_edge_of_the_smallest),
		cmocka_unit_test(many_at_once_are_the_same_as_one_by_one),
		cmocka_unit_test(deviation_is_that_of_the_bucket_middles),
		cmocka_unit_test(the_curve_of_the_reference_blob_has_java_s_points),
		cmocka_unit_test(the_curve_of_a_thousand_values_has_426_points),
		cmocka_unit_test(the_curve_ends_also_with_absurd_counts),
		cmocka_unit_test(intervals_are_those_of_the_binomial_distribution),
		cmocka_unit_test(large_samples_have_intervals_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
