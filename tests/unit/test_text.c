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

static void words_are_wrapped_before_the_width(void **state)
{
	static const struct {
		const char *text;
		size_t indent;
		const char *want;
	} cases[] = {
		{ "", 0, "\n" },
		{ "one two three", 0, "one two\nthree\n" },
		{ "one two three", 2, "one two\n  three\n" },
		{ "12345678 9", 0, "12345678\n9\n" },
		{ "longer-than-a-line x", 2, "longer-than-a-line\n  x\n" },
		{ "a  b", 0, "a b\n" },
		{ "a\nb\n\nc", 2, "a\n  b\n\n  c\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text t = { 0 };
		text_add_wrapped(&t, cases[i].text, cases[i].indent, 9);
		assert_string_equal(text_str(&t), cases[i].want);
		text_fini(&t);
	}
}

static void note_line(void *to, const char *line, size_t len)
{
	text_addf(to, "<%.*s>", (int)len, line);
}

static void whole_lines_are_taken_and_the_rest_stays(void **state)
{
	struct text in = { 0 }, out = { 0 };

	(void)state;
	text_add(&in, "half");
	text_take_lines(&in, note_line, &out);
	assert_string_equal(text_str(&out), "");
	text_add(&in, " a line\n\nanother\nrest");
	text_take_lines(&in, note_line, &out);
	assert_string_equal(text_str(&out), "<half a line><><another>");
	assert_string_equal(text_str(&in), "rest");
	text_add(&in, "\n");
	text_take_lines(&in, note_line, &out);
	assert_string_equal(text_str(&out), "<half a line><><another><rest>");
	assert_int_equal(in.len, 0);
	text_fini(&in);
	text_fini(&out);
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
		cmocka_unit_test(words_are_wrapped_before_the_width),
		cmocka_unit_test(whole_lines_are_taken_and_the_rest_stays),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
