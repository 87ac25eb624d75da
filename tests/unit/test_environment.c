/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_host_and_the_program_are_told(void **state)
{
	struct environment e;

	(void)state;
	environment_read(&e);
	assert_true(e.cpus_online >= 1);
	assert_true(e.cpus_allowed >= 1);
	assert_true(e.memory_bytes > 0);
	assert_true(e.kernel[0] != '\0');
	assert_true(e.version[0] != '\0');
	assert_true(e.commit[0] != '\0');
	assert_true(e.build[0] != '\0');
	assert_true(e.open_files_max > 0);
}

static void steal_is_a_share_of_all_cpu_time_in_between(void **state)
{
	struct host_usage older = { 0 }, newer = { 0 };

	(void)state;
	assert_true(host_usage_parse_stat("cpu  100 0 100 700 50 0 0 50 0 0\ncpu0 1 2\n", &older));
	assert_true(host_usage_parse_stat("cpu  150 0 150 750 50 0 0 100 0 0\ncpu0 1 2\n", &newer));
	assert_int_equal(older.ticks, 1000);
	assert_int_equal(older.idle_ticks, 750);
	assert_int_equal(newer.steal_ticks, 100);
	assert_true(host_usage_steal_share(&newer, &older) == 0.25);
	assert_true(host_usage_steal_share(&older, &older) == 0);
	assert_true(host_usage_steal_share(&older, &newer) == 0);
}

static void what_does_not_parse_changes_nothing(void **state)
{
	struct host_usage u = { .ticks = 7, .throttled_periods = 8 };

	(void)state;
	assert_false(host_usage_parse_stat("", &u));
	assert_false(host_usage_parse_stat("cpu 1 2 3", &u));
	assert_false(host_usage_parse_throttled("nr_periods 5\n", &u));
	assert_int_equal(u.ticks, 7);
	assert_int_equal(u.throttled_periods, 8);
}

static void throttled_periods_are_read_from_the_cgroup(void **state)
{
	struct host_usage u = { 0 };

	(void)state;
	assert_true(host_usage_parse_throttled(
		"usage_usec 5\nnr_periods 10\nnr_throttled 3\nthrottled_usec 9\n", &u));
	assert_int_equal(u.throttled_periods, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_host_and_the_program_are_told),
		cmocka_unit_test(steal_is_a_share_of_all_cpu_time_in_between),
		cmocka_unit_test(what_does_not_parse_changes_nothing),
		cmocka_unit_test(throttled_periods_are_read_from_the_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
