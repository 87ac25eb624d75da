/* SPDX-License-Identifier: Apache-2.0 */
#include "config/properties.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/option.h"
#include "config/override.h"
#include "config/yaml.h"
#include "util/arena.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena arena;

static int empty_arena(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static struct properties parse(const char *text)
{
	struct properties p = { 0 };
	struct error err = { 0 };

	if (!properties_parse(text, strlen(text), 1, &arena, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static void one(const char *text, const char *key, const char *value)
{
	struct properties p = parse(text);

	assert_int_equal(p.count, 1);
	assert_string_equal(p.items[0].key, key);
	assert_string_equal(p.items[0].value, value);
}

static void separators_are_equals_colon_and_blanks(void **state)
{
	(void)state;
	one("a=b", "a", "b");
	one("a:b", "a", "b");
	one("a b", "a", "b");
	one("a\tb", "a", "b");
	one("a\fb", "a", "b");
	one("a = b", "a", "b");
	one("a : b", "a", "b");
	one("a   b", "a", "b");
}

static void only_the_first_separator_counts(void **state)
{
	(void)state;
	one("f==v", "f", "=v");
	one("f=:v", "f", ":v");
	one("f = = v", "f", "= v");
	one("f v=w", "f", "v=w");
	one("jaas=a b=\"c\";", "jaas", "a b=\"c\";");
}

static void leading_blanks_are_dropped_and_trailing_ones_kept(void **state)
{
	(void)state;
	one("  \t a =\t b \t \n", "a", "b \t ");
	one("a=b  ", "a", "b  ");
}

static void a_key_alone_has_an_empty_value(void **state)
{
	(void)state;
	one("a", "a", "");
	one("a=", "a", "");
	one("a   \n", "a", "");
	one("=v", "", "v");
}

static void comments_and_blank_lines_are_skipped(void **state)
{
	(void)state;
	struct properties p = parse("# a=1\n  ! b=2\n\n \t\nc=3 # not a comment\n#\n");

	assert_int_equal(p.count, 1);
	assert_string_equal(p.items[0].value, "3 # not a comment");
	assert_int_equal(p.items[0].line, 5);
	/* A backslash does not continue a comment. */
	one("# x \\\na=1\n", "a", "1");
}

static void a_backslash_continues_a_line_and_swallows_the_indentation(void **state)
{
	(void)state;
	one("a=one \\\n   two\\\n\t three\n", "a", "one twothree");
	one("a\\\n  b=c", "ab", "c");
	one("a=1\\\r\n 2\r\n", "a", "12");
	/* Two are an escaped one. */
	struct properties p = parse("a=1\\\\\nb=2\n");
	assert_int_equal(p.count, 2);
	assert_string_equal(p.items[0].value, "1\\");
	/* A continued line may begin with a comment sign; a blank one ends it. */
	one("a=1\\\n#2\n", "a", "1#2");
	p = parse("a=1\\\n\nb=2\n");
	assert_int_equal(p.count, 2);
	/* At the very end it is dropped. */
	one("a=1\\", "a", "1");
}

static void lines_end_in_any_way(void **state)
{
	(void)state;
	struct properties p = parse("a=1\rb=2\r\nc=3\nd=4");

	assert_int_equal(p.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(p.items[i].line, i + 1);
}

static void escapes_are_resolved(void **state)
{
	(void)state;
	one("a=\\t\\n\\r\\f\\\\\\q\\=\\ x", "a", "\t\n\r\f\\q= x");
	one("a\\ b\\=\\:=c", "a b=:", "c");
	one("\\#a=b", "#a", "b");
	one("a=\\ b", "a", " b");
}

static void unicode_escapes_become_utf8(void **state)
{
	(void)state;
	one("a=\\u0041\\u00e9\\u20AC", "a", "A\xc3\xa9\xe2\x82\xac");
	one("a=\\ud83d\\ude00", "a", "\xf0\x9f\x98\x80");
	one("a=\\ud83dx", "a", "\xef\xbf\xbdx");
	one("a=\\ud83d\\u0041", "a",
	    "\xef\xbf\xbd"
	    "A");
	one("a=\xc3\xa9", "a", "\xc3\xa9");
	one("\\u0061=b", "a", "b");
}

static void broken_unicode_escapes_are_errors_with_their_line(void **state)
{
	(void)state;
	static const char *const values[] = { "\\u", "\\u12", "\\u12g4", "\\u0000",
		                              "\\ud83d\\u12" };

	for (size_t i = 0; i < COUNT(values); i++) {
		struct properties p = { 0 };
		struct error err = { 0 };
		char *text = arena_printf(&arena, "ok=1\nb=%s\n", values[i]);

		assert_false(properties_parse(text, strlen(text), 10, &arena, &p, &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_int_equal(err.line, 11);
	}
}

static void the_last_of_duplicates_wins_and_both_lines_are_known(void **state)
{
	(void)state;
	struct properties p = parse("a=1\nb=2\na=3\n");

	assert_int_equal(p.count, 2);
	assert_string_equal(properties_find(&p, "a")->value, "3");
	assert_int_equal(properties_find(&p, "a")->line, 3);
	assert_int_equal(properties_find(&p, "a")->replaced_line, 1);
	assert_int_equal(properties_find(&p, "b")->replaced_line, 0);
	assert_null(properties_find(&p, "c"));
}

static void lines_are_those_of_the_file(void **state)
{
	(void)state;
	struct properties p = { 0 };
	struct error err = { 0 };
	static const char text[] = "# c\na=1\\\n 2\n\nb=3\n";

	assert_true(properties_parse(text, strlen(text), 7, &arena, &p, &err));
	assert_int_equal(properties_find(&p, "a")->line, 8);
	assert_int_equal(properties_find(&p, "b")->line, 11);
}

static void a_line_that_a_backslash_joins_to_another_is_told(void **state)
{
	(void)state;
	struct properties p = parse("a=1\n# c\\\nb=2\\\n  c=3\\\n\nd=4\n");

	assert_int_equal(p.count, 3);
	assert_int_equal(p.join_count, 1);
	assert_string_equal(p.joins[0].key, "b");
	assert_string_equal(p.joins[0].text, "c=3\\");
	assert_int_equal(p.joins[0].line, 4);
	assert_true(p.joins[0].by_backslash);
}

/* `>` of "# c", "a=1" and of "b=2", "c=3" with a line between them that is empty. */
static void lines_that_yaml_joined_are_told_with_their_place(void **state)
{
	(void)state;
	static const struct yaml_line lines[] = {
		{ 0, 5, 3, false }, { 4, 6, 3, true }, { 8, 8, 3, false }, { 12, 9, 3, true }
	};
	struct option_block block = {
		.text = "# c a=1\nb=2 c=3\n",
		.len = 16,
		.line = 5,
		.lines = lines,
		.line_count = COUNT(lines),
	};
	struct properties p = { 0 };
	struct error err = { 0 };

	assert_true(properties_parse_block(&block, &arena, &p, &err));
	assert_int_equal(p.count, 1);
	assert_string_equal(p.items[0].value, "2 c=3");
	assert_int_equal(p.items[0].line, 8);
	assert_int_equal(p.join_count, 2);
	assert_null(p.joins[0].key);
	assert_string_equal(p.joins[0].text, "a=1");
	assert_int_equal(p.joins[0].line, 6);
	assert_string_equal(p.joins[1].key, "b");
	assert_string_equal(p.joins[1].text, "c=3");
	assert_int_equal(p.joins[1].line, 9);
	assert_int_equal(p.joins[1].column, 3);
	assert_false(p.joins[1].by_backslash);
}

static void set_replaces_and_adds_to_a_block(void **state)
{
	(void)state;
	static const struct override sets[] = { { "linger.ms", "5" }, { "acks", "1" } };
	struct option_block block = {
		.text = "acks=all\nretries=3\n",
		.len = 19,
		.line = 4,
		.sets = sets,
		.set_count = 2,
	};
	struct properties p = { 0 };
	struct error err = { 0 };

	assert_true(properties_parse_block(&block, &arena, &p, &err));
	assert_int_equal(p.count, 3);
	assert_string_equal(properties_find(&p, "acks")->value, "1");
	assert_int_equal(properties_find(&p, "acks")->line, 0);
	assert_string_equal(properties_find(&p, "linger.ms")->value, "5");
	assert_int_equal(properties_find(&p, "retries")->line, 5);

	struct option_block absent = { .sets = sets, .set_count = 1 };
	struct properties only_set = { 0 };
	assert_true(properties_parse_block(&absent, &arena, &only_set, &err));
	assert_int_equal(only_set.count, 1);
}

static void of_two_blocks_the_later_wins(void **state)
{
	(void)state;
	struct properties common = parse("a=1\nb=2\n"), producer = parse("b=3\nc=4\n"), all = { 0 };

	properties_add_all(&all, &common, &arena);
	properties_add_all(&all, &producer, &arena);
	assert_int_equal(all.count, 3);
	assert_string_equal(properties_find(&all, "a")->value, "1");
	assert_string_equal(properties_find(&all, "b")->value, "3");
	assert_string_equal(properties_find(&common, "b")->value, "2");
}

static void too_many_are_refused(void **state)
{
	(void)state;
	struct properties p = { 0 };
	struct error err = { 0 };
	char text[6000 * 6 + 1];
	size_t len = 0;

	for (int i = 0; i < 6000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "k%04d\n", i);
	assert_false(properties_parse(text, len, 1, &arena, &p, &err));
	assert_string_equal(err.text, "more than 5000 properties");
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, empty_arena)
	const struct CMUnitTest tests[] = {
		T(separators_are_equals_colon_and_blanks),
		T(only_the_first_separator_counts),
		T(leading_blanks_are_dropped_and_trailing_ones_kept),
		T(a_key_alone_has_an_empty_value),
		T(comments_and_blank_lines_are_skipped),
		T(a_backslash_continues_a_line_and_swallows_the_indentation),
		T(lines_end_in_any_way),
		T(escapes_are_resolved),
		T(unicode_escapes_become_utf8),
		T(broken_unicode_escapes_are_errors_with_their_line),
		T(the_last_of_duplicates_wins_and_both_lines_are_known),
		T(lines_are_those_of_the_file),
		T(a_line_that_a_backslash_joins_to_another_is_told),
		T(lines_that_yaml_joined_are_told_with_their_place),
		T(set_replaces_and_adds_to_a_block),
		T(of_two_blocks_the_later_wins),
		T(too_many_are_refused),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
