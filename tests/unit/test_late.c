/* SPDX-License-Identifier: Apache-2.0 */
/* A hiccup counts as all that was due in it. */
#include "stats/late.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stats/percentile.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

static struct hist shared;

/* Both kinds have the same in them. */
static void record_until(struct hist_copy *copy, uint64_t late_ns, uint64_t tick_ns,
                         uint64_t end_ns)
{
	const struct late l = { 1000 * S, 1000 * S + late_ns, tick_ns, end_ns };

	late_record(&shared, &l);
	late_record_copy(copy, &l);
}

static void record(struct hist_copy *copy, uint64_t late_ns, uint64_t tick_ns)
{
	record_until(copy, late_ns, tick_ns, UINT64_MAX);
}

static void assert_same(const struct hist_copy *copy)
{
	struct hist_copy of_shared = { 0 }, left = { 0 };

	hist_snapshot(&shared, &of_shared);
	assert_int_equal(of_shared.count, copy->count);
	assert_int_equal(of_shared.sum, copy->sum);
	assert_int_equal(of_shared.max, copy->max);
	hist_copy_diff(&of_shared, copy, &left);
	assert_int_equal(left.lo, left.hi);
	hist_copy_fini(&of_shared);
	hist_copy_fini(&left);
}

static void set_up(void)
{
	memset(&shared, 0, sizeof(shared));
}

static void each_tick_that_was_missed_is_charged_what_was_left_of_it(void **state)
{
	static const struct {
		uint64_t late_ns, tick_ns, count, sum_ns;
	} cases[] = {
		{ 0, MS, 1, 0 },
		{ 50 * US, MS, 1, 50 * US },
		{ MS - 1, MS, 1, MS - 1 },
		{ MS, MS, 2, MS }, /* the next was due just then */
		{ 5 * MS / 2, MS, 3, 9 * MS / 2 },
		{ 20 * MS, 100 * US, 201, 2010 * MS },
		{ 20 * MS, S, 1, 20 * MS },
		{ 20 * MS, UINT64_MAX, 1, 20 * MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hist_copy copy = { 0 };
		set_up();
		record(&copy, cases[i].late_ns, cases[i].tick_ns);
		assert_int_equal(copy.count, cases[i].count);
		assert_int_equal(copy.sum, cases[i].sum_ns);
		assert_int_equal(copy.max, cases[i].late_ns);
		assert_same(&copy);
		hist_copy_fini(&copy);
	}
}

static void what_was_due_after_the_end_does_not_count(void **state)
{
	static const struct {
		uint64_t end_ns, count, sum_ns;
	} cases[] = {
		{ 1, 1, 20 * MS },
		{ 10 * MS, 10, 155 * MS },
		{ 10 * MS + 1, 11, 165 * MS },
		{ 20 * MS, 20, 210 * MS },
		{ 20 * MS + 1, 21, 210 * MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hist_copy copy = { 0 };
		set_up();
		record_until(&copy, 20 * MS, MS, 1000 * S + cases[i].end_ns);
		assert_int_equal(copy.count, cases[i].count);
		assert_int_equal(copy.sum, cases[i].sum_ns);
		assert_same(&copy);
		hist_copy_fini(&copy);
	}
}

/* As the messages see it that were due meanwhile. */
static void hiccups_show_where_they_are_of_the_time(void **state)
{
	static const double wanted[] = { 50, 99, 99.9 };
	struct hist_copy copy = { 0 };
	uint64_t found[3];

	(void)state;
	set_up();
	/* 10 s of ticks of 100 us, and ten hiccups of 20 ms: 2 % of the time. */
	for (int i = 0; i < 98000; i++)
		record(&copy, 50 * US, 100 * US);
	for (int i = 0; i < 10; i++)
		record(&copy, 20 * MS, 100 * US);
	assert_int_equal(copy.count, 98000 + 10 * 201);
	percentile_values(&copy, wanted, 3, found);
	assert_in_range(found[0], 50 * US, 50 * US + 100);
	assert_in_range(found[1], 9 * MS, 11 * MS); /* half of them is past it */
	assert_in_range(found[2], 18 * MS, 20 * MS);
	assert_same(&copy);
	hist_copy_fini(&copy);
}

/* An hour at ticks of 100 us is 36 million of them. */
static void a_long_stop_costs_little_and_counts_in_full(void **state)
{
	static const double wanted[] = { 10, 50, 90 };
	struct hist_copy copy = { 0 };
	uint64_t found[3];

	(void)state;
	set_up();
	record(&copy, 3600 * S, 100 * US);
	assert_int_equal(copy.count, 36000001);
	percentile_values(&copy, wanted, 3, found);
	for (int i = 0; i < 3; i++) {
		uint64_t right = (uint64_t)(wanted[i] * 36 * S);
		assert_in_range(found[i], right - 8 * S, right + 8 * S);
	}
	assert_same(&copy);
	hist_copy_fini(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tick_that_was_missed_is_charged_what_was_left_of_it),
		cmocka_unit_test(what_was_due_after_the_end_does_not_count),
		cmocka_unit_test(hiccups_show_where_they_are_of_the_time),
		cmocka_unit_test(a_long_stop_costs_little_and_counts_in_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
