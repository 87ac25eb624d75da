/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/counter.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/clock.h"

#define STEPS 200000

static void adding_bumping_and_setting_are_seen_by_reading(void **state)
{
	(void)state;
	_Atomic uint64_t c = 0;

	counter_bump(&c);
	assert_int_equal(counter_read(&c), 1);
	counter_add(&c, 41);
	assert_int_equal(counter_read(&c), 42);
	counter_set(&c, 7);
	assert_int_equal(counter_read(&c), 7);
	counter_add(&c, UINT64_MAX - 7);
	assert_true(counter_read(&c) == UINT64_MAX);
}

/* Steps that change both halves of the word at once: a torn read would show as going backwards. */
static void *count_up(void *arg)
{
	_Atomic uint64_t *c = arg;

	for (int i = 0; i < STEPS; i++)
		counter_add(c, UINT64_C(0x00000000ffffffff));
	return NULL;
}

static void a_reader_never_sees_a_counter_go_back(void **state)
{
	(void)state;
	_Atomic uint64_t c = 0;
	const uint64_t end = STEPS * UINT64_C(0x00000000ffffffff);
	pthread_t writer;
	uint64_t seen = 0;

	assert_int_equal(pthread_create(&writer, NULL, count_up, &c), 0);
	while (seen != end) {
		uint64_t now = counter_read(&c);
		assert_true(now >= seen && now <= end);
		assert_true(now % UINT64_C(0x00000000ffffffff) == 0);
		seen = now;
	}
	assert_int_equal(pthread_join(writer, NULL), 0);
}

static void clocks_run_forward_and_the_wall_clock_knows_the_century(void **state)
{
	(void)state;
	uint64_t before = clock_ns();

	assert_true(before > 0);
	assert_true(clock_ns() >= before);
	assert_true(clock_wall_ns() > UINT64_C(1700000000) * 1000000000); /* 2023 */
	assert_true(clock_wall_ns() < UINT64_C(4102444800) * 1000000000); /* 2100 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding_bumping_and_setting_are_seen_by_reading),
		cmocka_unit_test(a_reader_never_sees_a_counter_go_back),
		cmocka_unit_test(clocks_run_forward_and_the_wall_clock_knows_the_century),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
