/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/twins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Sends `count` messages from `first` on; how often another one of the number was found. */
static unsigned send(struct twins *t, uint32_t producer, uint64_t first, uint64_t count,
                     uint64_t start_ns)
{
	unsigned found = 0;

	for (uint64_t i = first; i < first + count; i++) {
		const struct stamp s = { .producer = producer,
			                 .sequence = i,
			                 .due_ns = start_ns + i * 1000 };
		found += twins_found(t, &s);
	}
	return found;
}

static void one_producer_is_none_however_often_its_messages_come(void **state)
{
	(void)state;
	struct twins t;

	twins_open(&t);
	assert_int_equal(send(&t, 7, 0, 1000, 5000), 0);
	assert_int_equal(send(&t, 7, 0, 1000, 5000), 0);
	for (uint32_t producer = 8; producer < 20000; producer++)
		assert_int_equal(send(&t, producer, 0, 130, 5000 + producer), 0);
	twins_close(&t);
}

static void two_are_found_at_their_first_message(void **state)
{
	(void)state;
	struct twins t;

	twins_open(&t);
	assert_int_equal(send(&t, 7, 0, 1, 5000), 0);
	assert_int_equal(send(&t, 7, 0, 1, 5001), 1);
	twins_close(&t);
}

/* To this loop came the first message of one of them alone. */
static void two_are_found_soon_after(void **state)
{
	(void)state;
	struct twins t;

	twins_open(&t);
	assert_int_equal(send(&t, 7, 0, UINT64_C(20) * TWINS_EVERY, 5000), 0);
	assert_true(send(&t, 7, 5, UINT64_C(20) * TWINS_EVERY, 77) > 0);
	twins_close(&t);
}

static void nobody_looks_where_numbers_were_given(void **state)
{
	(void)state;
	struct twins t = { 0 };

	assert_int_equal(send(&t, 7, 0, 1, 5000) + send(&t, 7, 0, 1, 5001), 0);
	twins_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_producer_is_none_however_often_its_messages_come),
		cmocka_unit_test(two_are_found_at_their_first_message),
		cmocka_unit_test(two_are_found_soon_after),
		cmocka_unit_test(nobody_looks_where_numbers_were_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
