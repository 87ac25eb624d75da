/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void zeroed_is_an_empty_string(void **state)
{
	(void)state;
	struct text t = { 0 };

	assert_string_equal(text_str(&t), "");
	text_fini(&t);

	char *taken = text_take(&t);
	assert_string_equal(taken, "");
	free(taken);
}

static void pieces_are_joined_in_order(void **state)
{
	(void)state;
	struct text t = { 0 };

	text_add(&t, "one");
	text_add(&t, "");
	text_addf(&t, " %s=%d", "two", 2);
	text_add_bytes(&t, " three, not four", 6);
	assert_string_equal(text_str(&t), "one two=2 three");
	assert_int_equal(t.len, strlen("one two=2 three"));
	text_fini(&t);
}

static void it_is_terminated_at_every_length(void **state)
{
	(void)state;
	struct text t = { 0 };

	for (size_t len = 1; len <= 1000; len++) {
		text_add(&t, "x");
		assert_int_equal(t.len, len);
		assert_int_equal(strlen(text_str(&t)), len);
		assert_true(t.cap > t.len);
	}
	text_fini(&t);
}

static void a_formatted_piece_may_be_longer_than_all_before(void **state)
{
	(void)state;
	struct text t = { 0 };

	text_add(&t, "a");
	text_addf(&t, "%5000d", 7);
	assert_int_equal(t.len, 5001);
	assert_int_equal(t.data[5000], '7');
	assert_int_equal(t.data[5001], '\0');
	text_fini(&t);
}

static void bytes_may_contain_zeros(void **state)
{
	(void)state;
	struct text t = { 0 };

	text_add_bytes(&t, "a\0b", 3);
	text_add(&t, "c");
	assert_int_equal(t.len, 4);
	assert_memory_equal(t.data, "a\0bc", 5);
	text_fini(&t);
}

static void what_is_taken_belongs_to_the_taker(void **state)
{
	(void)state;
	struct text t = { 0 };

	text_add(&t, "mine");
	char *taken = text_take(&t);
	text_add(&t, "next");
	assert_string_equal(taken, "mine");
	assert_string_equal(text_str(&t), "next");
	free(taken);
	text_fini(&t);
	assert_null(t.data);
	assert_int_equal(t.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_is_an_empty_string),
		cmocka_unit_test(pieces_are_joined_in_order),
		cmocka_unit_test(it_is_terminated_at_every_length),
		cmocka_unit_test(a_formatted_piece_may_be_longer_than_all_before),
		cmocka_unit_test(bytes_may_contain_zeros),
		cmocka_unit_test(what_is_taken_belongs_to_the_taker),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
