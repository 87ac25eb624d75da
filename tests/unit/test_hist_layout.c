/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hist_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct hist_layout *const layouts[] = {
	&hist_layout_ns,
	&hist_layout_omb_publish,
	&hist_layout_omb_e2e,
};

static void digits_decide_the_sub_buckets(void **state)
{
	(void)state;
	static const uint16_t bits[] = { 0, 5, 8, 11, 15, 18 };

	for (unsigned digits = 1; digits <= 5; digits++)
		assert_int_equal(hist_layout_bits(digits), bits[digits]);
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		assert_int_equal(layouts[i]->bits, hist_layout_bits(layouts[i]->digits));
}

static void omb_has_as_many_buckets_as_its_java(void **state)
{
	(void)state;
	assert_int_equal(hist_layout_buckets(&hist_layout_omb_publish), 1310720);
	assert_int_equal(hist_layout_buckets(&hist_layout_omb_e2e), 2621440);
	assert_int_equal(hist_layout_limit(&hist_layout_omb_publish), 67108863);
	assert_int_equal(hist_layout_limit(&hist_layout_omb_e2e), 68719476735);
}

static void known_values_have_known_buckets(void **state)
{
	(void)state;
	static const struct {
		const struct hist_layout *layout;
		uint64_t value, lowest, median, highest;
	} cases[] = {
		{ &hist_layout_omb_publish, 60000000, 60000000, 60000128, 60000255 },
		{ &hist_layout_omb_publish, 262143, 262143, 262143, 262143 },
		{ &hist_layout_omb_publish, 262145, 262144, 262145, 262145 },
		{ &hist_layout_omb_publish, 300001, 300000, 300001, 300001 },
		{ &hist_layout_ns, 0, 0, 0, 0 },
		{ &hist_layout_ns, 2047, 2047, 2047, 2047 },
		{ &hist_layout_ns, 2048, 2048, 2049, 2049 },
		{ &hist_layout_ns, 300000, 299776, 299904, 300031 },
		{ &hist_layout_ns, (UINT64_C(1) << 42) - 1, (UINT64_C(1) << 42) - (1u << 31),
		  (UINT64_C(1) << 42) - (1u << 30), (UINT64_C(1) << 42) - 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct hist_layout *l = cases[i].layout;
		size_t index = hist_layout_index(l, cases[i].value);

		assert_int_equal(hist_layout_lowest(l, index), cases[i].lowest);
		assert_int_equal(hist_layout_median(l, index), cases[i].median);
		assert_int_equal(hist_layout_highest(l, index), cases[i].highest);
	}
}

static void buckets_follow_each_other_without_gap_or_overlap(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof(layouts) / sizeof(layouts[0]); k++) {
		const struct hist_layout *l = layouts[k];
		size_t buckets = hist_layout_buckets(l);
		uint64_t next = 0;

		for (size_t i = 0; i < buckets; i++) {
			assert_true(hist_layout_lowest(l, i) == next);
			assert_true(hist_layout_index(l, next) == i);
			next = hist_layout_highest(l, i) + 1;
			assert_true(hist_layout_index(l, next - 1) == i);
		}
		assert_true(next - 1 == hist_layout_limit(l));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_decide_the_sub_buckets),
		cmocka_unit_test(omb_has_as_many_buckets_as_its_java),
		cmocka_unit_test(known_values_have_known_buckets),
		cmocka_unit_test(buckets_follow_each_other_without_gap_or_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
