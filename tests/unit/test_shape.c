/* SPDX-License-Identifier: Apache-2.0 */

/* The proxy's wire, under a clock that the test moves. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/shape.h"

#define MS        UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)

static struct shape_settings settings;
static struct shape shape;

static int setup(void **state)
{
	(void)state;
	settings = (struct shape_settings){ 0 };
	shape_init(&shape, &settings, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	shape_fini(&shape);
	return 0;
}

/* Takes what is ready. */
static size_t take(uint64_t now_ns)
{
	size_t ready = shape_ready(&shape, now_ns);

	shape_went(&shape, ready);
	return ready;
}

static void without_settings_everything_goes_at_once(void **state)
{
	(void)state;
	assert_int_equal(shape_ready(&shape, 5), 0);
	assert_true(shape_next_ns(&shape) == UINT64_MAX);
	shape_came(&shape, 10, 5);
	shape_came(&shape, 20, 5);
	assert_int_equal(shape.count, 1); /* together: one mark */
	assert_int_equal(shape_next_ns(&shape), 5);
	assert_int_equal(take(5), 30);
	assert_true(shape_next_ns(&shape) == UINT64_MAX);
}

static void latency_delays_each_part_by_exactly_that(void **state)
{
	(void)state;
	settings.latency_ns = 20 * MS;
	shape_came(&shape, 10, 1 * MS);
	shape_came(&shape, 7, 5 * MS);
	assert_int_equal(shape_next_ns(&shape), 21 * MS);
	assert_int_equal(take(21 * MS - 1), 0);
	assert_int_equal(take(21 * MS), 10);
	assert_int_equal(shape_next_ns(&shape), 25 * MS);
	assert_int_equal(take(25 * MS - 1), 0);
	assert_int_equal(take(25 * MS), 7);
}

static void jitter_is_within_its_bounds_never_reorders_and_repeats_with_the_seed(void **state)
{
	uint64_t due[500], before = 0, least = UINT64_MAX, most = 0;

	(void)state;
	settings = (struct shape_settings){ .latency_ns = 10 * MS, .jitter_ns = 4 * MS };
	for (uint64_t i = 0; i < 500; i++) {
		/* Far apart: each has the jitter that it drew. */
		uint64_t now_ns = i * 100 * MS;
		shape_came(&shape, 1, now_ns);
		due[i] = shape_next_ns(&shape) - now_ns;
		assert_true(due[i] >= 10 * MS && due[i] <= 14 * MS);
		least = due[i] < least ? due[i] : least;
		most = due[i] > most ? due[i] : most;
		assert_int_equal(take(now_ns + 14 * MS), 1);
	}
	assert_true(least < 10 * MS + MS / 4 && most > 14 * MS - MS / 4);
	teardown(NULL);
	shape_init(&shape, &settings, 1);
	for (uint64_t i = 0; i < 500; i++) {
		/* Close together: in order. */
		shape_came(&shape, 1, i * MS / 10);
		uint64_t due_ns = shape.last_due_ns;
		assert_true(due_ns >= before && due_ns >= i * MS / 10 + 10 * MS);
		assert_true(due_ns <= i * MS / 10 + 14 * MS);
		if (i == 0)
			assert_int_equal(due_ns, due[0]);
		before = due_ns;
	}
}

/* At any time: what has gone is what the bandwidth allows, and less by a part at the most. */
static void bandwidth_is_exact_whenever_one_looks(void **state)
{
	static const uint64_t rates[] = { 1, 10, 999, 125000, 1000000, 1000000007, SHAPE_RATE_MAX };

	(void)state;
	for (size_t r = 0; r < sizeof(rates) / sizeof(*rates); r++) {
		uint64_t rate = settings.bytes_per_s = rates[r];
		uint64_t gone = 0, came = 0, start_ns = 7 * SECOND_NS, now_ns = start_ns;
		teardown(NULL);
		shape_init(&shape, &settings, 1);
		shape_came(&shape, (size_t)rate * 3, now_ns);
		came += rate * 3;
		while (gone < came) {
			uint64_t next_ns = shape_next_ns(&shape);
			assert_true(next_ns > now_ns || rate > SECOND_NS / 2);
			now_ns = next_ns + (now_ns % 7) * MS / 3; /* sometimes late */
			size_t n = take(now_ns);
			assert_true(n > 0);
			gone += n;
			double due = (double)(now_ns - start_ns) / 1e9 * (double)rate;
			assert_true((double)gone <= due * (1 + 1e-9) + 1);
			assert_true(gone == came || (double)gone >= due * (1 - 1e-4) - 2);
		}
		/* 3 s for 3 s worth of bytes. */
		assert_true(now_ns - start_ns >= 3 * SECOND_NS);
		assert_true(now_ns - start_ns <= 3 * SECOND_NS + 4 * MS);
	}
}

/* A part waits for the one before it, and an idle wire saves nothing up. */
static void parts_are_transmitted_one_behind_the_other(void **state)
{
	(void)state;
	settings.bytes_per_s = 1000; /* a byte in a millisecond */
	shape_came(&shape, 5, 100 * MS);
	shape_came(&shape, 5, 102 * MS);
	assert_int_equal(shape_ready(&shape, 100 * MS), 0);
	assert_int_equal(take(105 * MS), 5);
	assert_int_equal(take(106 * MS), 1);
	assert_int_equal(take(110 * MS), 4);
	shape_came(&shape, 5, 500 * MS);
	assert_int_equal(shape_ready(&shape, 500 * MS), 0);
	assert_int_equal(take(502 * MS), 2);
	/* The second one is late: what came behind a gap starts when it came. */
	shape_came(&shape, 5, 600 * MS);
	assert_int_equal(take(602 * MS), 3 + 2);
}

static void latency_and_bandwidth_add_up(void **state)
{
	(void)state;
	settings = (struct shape_settings){ .latency_ns = 50 * MS, .bytes_per_s = 1000 };
	shape_came(&shape, 10, 0);
	assert_int_equal(shape_ready(&shape, 50 * MS), 0);
	assert_int_equal(shape_ready(&shape, 55 * MS), 5);
	assert_int_equal(take(60 * MS), 10);
}

static void a_receiver_that_took_nothing_gets_no_burst_afterwards(void **state)
{
	(void)state;
	settings.bytes_per_s = 1000;
	shape_came(&shape, 1000, 0);
	assert_int_equal(take(10 * MS), 10);
	assert_int_equal(shape_ready(&shape, 510 * MS), 500);
	shape_resumed(&shape, 510 * MS);
	assert_int_equal(shape_ready(&shape, 510 * MS), 0);
	assert_int_equal(take(520 * MS), 10);
}

static void new_settings_hold_for_what_is_under_way(void **state)
{
	(void)state;
	settings.latency_ns = 10 * SECOND_NS;
	shape_came(&shape, 10, 0);
	settings.latency_ns = 5 * MS;
	shape_changed(&shape, 100 * MS);
	assert_int_equal(shape_next_ns(&shape), 105 * MS);
	shape_came(&shape, 10, 101 * MS);
	assert_int_equal(take(106 * MS), 20);
	/* A longer one is for what comes: nothing is called back. */
	shape_came(&shape, 10, 200 * MS);
	settings.latency_ns = 50 * MS;
	shape_changed(&shape, 201 * MS);
	assert_int_equal(take(205 * MS), 10);
	/* And bandwidth begins now, not when the bytes came. */
	settings = (struct shape_settings){ 0 };
	shape_changed(&shape, 300 * MS);
	shape_came(&shape, 1000, 300 * MS);
	settings.bytes_per_s = 1000;
	shape_changed(&shape, 800 * MS);
	assert_int_equal(shape_ready(&shape, 800 * MS), 0);
	assert_int_equal(take(900 * MS), 100);
	settings.bytes_per_s = 0;
	shape_changed(&shape, 901 * MS);
	assert_int_equal(take(901 * MS), 900);
}

static void what_is_under_way_is_bounded(void **state)
{
	uint64_t now_ns = 0;

	(void)state;
	settings.latency_ns = SECOND_NS;
	while (!shape_is_full(&shape))
		shape_came(&shape, 1, ++now_ns);
	assert_int_equal(shape.count, SHAPE_MARKS_MAX);
	assert_int_equal(take(now_ns + SECOND_NS), SHAPE_MARKS_MAX);
	assert_false(shape_is_full(&shape));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_settings_everything_goes_at_once),
		TEST(latency_delays_each_part_by_exactly_that),
		TEST(jitter_is_within_its_bounds_never_reorders_and_repeats_with_the_seed),
		TEST(bandwidth_is_exact_whenever_one_looks),
		TEST(parts_are_transmitted_one_behind_the_other),
		TEST(latency_and_bandwidth_add_up),
		TEST(a_receiver_that_took_nothing_gets_no_burst_afterwards),
		TEST(new_settings_hold_for_what_is_under_way),
		TEST(what_is_under_way_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
