/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"
#include "util/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena arena;

static int empty_arena(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

static struct yaml_node *parse(const char *text)
{
	struct yaml_doc doc;
	struct error err = { 0 };

	if (!yaml_parse(text, strlen(text), &arena, &doc, &err))
		fail_msg("%s", err.text);
	assert_int_equal(doc.more_line, 0);
	return doc.root;
}

static struct error failure(const char *text)
{
	struct yaml_doc doc;
	struct error err = { 0 };

	assert_false(yaml_parse(text, strlen(text), &arena, &doc, &err));
	assert_int_equal(err.kind, ERROR_CONFIG);
	return err;
}

static void keys_and_values_know_their_place(void **state)
{
	(void)state;
	struct yaml_node *root = parse("# head\na: 1\nlist:\n  - x\n  - {k: v}\n");

	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->count, 2);
	assert_int_equal(root->pairs[0].key->line, 2);
	assert_int_equal(root->pairs[0].key->column, 1);
	assert_int_equal(root->pairs[0].value->line, 2);
	assert_int_equal(root->pairs[0].value->column, 4);

	struct yaml_node *list = yaml_find(root, "list");
	assert_int_equal(list->kind, YAML_LIST);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->items[0]->line, 4);
	assert_int_equal(list->items[0]->column, 5);
	assert_string_equal(yaml_find(list->items[1], "k")->text, "v");
	assert_int_equal(yaml_find(list->items[1], "k")->column, 9);
}

static void scalars_tell_how_they_were_written(void **state)
{
	(void)state;
	struct yaml_node *root =
		parse("a: 010\nb: '010'\nc: \"x\\ty\"\nd: |\n  one \n  two\ne: >\n  one\n  two\n");

	assert_int_equal(yaml_find(root, "a")->style, YAML_PLAIN);
	assert_string_equal(yaml_find(root, "a")->text, "010");
	assert_int_equal(yaml_find(root, "b")->style, YAML_QUOTED);
	assert_string_equal(yaml_find(root, "c")->text, "x\ty");
	assert_int_equal(yaml_find(root, "d")->style, YAML_BLOCK);
	assert_string_equal(yaml_find(root, "d")->text, "one \ntwo\n");
	assert_int_equal(yaml_find(root, "d")->line, 4);
	assert_int_equal(yaml_text_line(yaml_find(root, "d")), 5);
	assert_int_equal(yaml_text_line(yaml_find(root, "a")), 1);
	assert_string_equal(yaml_find(root, "e")->text, "one two\n");
}

/* Where each line of the file begins in a text that was put together from several. */
static void assert_lines(const char *text, const struct yaml_line *want, size_t count)
{
	struct yaml_node *node = yaml_find(parse(text), "k");

	if (node->line_count != count)
		fail_msg("%zu lines instead of %zu in: %s", node->line_count, count, text);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(node->lines[i].offset, want[i].offset);
		assert_int_equal(node->lines[i].line, want[i].line);
		assert_int_equal(node->lines[i].column, want[i].column);
		assert_int_equal(node->lines[i].joined, want[i].joined);
	}
}

#define LINES(text, ...)                                              \
	assert_lines(text, (const struct yaml_line[]){ __VA_ARGS__ }, \
	             sizeof((const struct yaml_line[]){ __VA_ARGS__ }) / sizeof(struct yaml_line))

static void lines_that_became_one_text_are_known(void **state)
{
	(void)state;
	LINES("k: >\n  ab \n  cd\nz: 1\n", { 0, 2, 3, false }, { 4, 3, 3, true });
	LINES("k: >-\n  ab\n  cd\n", { 0, 2, 3, false }, { 3, 3, 3, true });
	LINES("k: >+\r\n\r\n  ab\r\n\r\n  cd\r\n\r\n", { 1, 3, 3, false }, { 4, 5, 3, false });
	LINES("k: >2\n  ab\n    cd\n", { 0, 2, 3, false }, { 5, 3, 5, false });
	LINES("k: ab\n  cd # c\n", { 0, 1, 4, false }, { 3, 2, 3, true });
	LINES("k:\n  ab\n  cd\n", { 0, 2, 3, false }, { 3, 3, 3, true });
	LINES("k: \"ab\n  cd\"\n", { 0, 1, 4, false }, { 3, 2, 3, true });
	LINES("k: 'ab\n  cd' # x\n", { 0, 1, 4, false }, { 3, 2, 3, true });
	LINES("\u00e4: \u00fc\nk: >\n  ab\n  cd", { 0, 3, 3, false }, { 3, 4, 3, true });
	/* An end of line that is written as such joins nothing. */
	assert_lines("k: \"ab\\n\\\n  cd\"\n", NULL, 0);
	assert_lines("k: |\n  ab\n  cd\n", NULL, 0);
	assert_lines("k: ab\n", NULL, 0);
}

static void nothing_is_null_and_an_empty_text_is_not(void **state)
{
	(void)state;
	struct yaml_node *root = parse("a:\nb: ~\nc: null\nd: ''\ne: nil\nf: 'null'\n");

	assert_true(yaml_is_null(yaml_find(root, "a")));
	assert_true(yaml_is_null(yaml_find(root, "b")));
	assert_true(yaml_is_null(yaml_find(root, "c")));
	assert_false(yaml_is_null(yaml_find(root, "d")));
	assert_false(yaml_is_null(yaml_find(root, "e")));
	assert_false(yaml_is_null(yaml_find(root, "f")));
	assert_null(yaml_find(root, "g"));
}

static void the_last_of_duplicate_keys_is_found_and_all_stay(void **state)
{
	(void)state;
	struct yaml_node *root = parse("a: 1\na: 2\n");

	assert_int_equal(root->count, 2);
	assert_string_equal(yaml_find(root, "a")->text, "2");
}

static void an_alias_is_the_node_of_its_anchor(void **state)
{
	(void)state;
	struct yaml_node *root = parse("a: &x {k: v}\nb: *x\nc: &x other\nd: *x\n");

	assert_ptr_equal(yaml_find(root, "a"), yaml_find(root, "b"));
	assert_string_equal(yaml_find(root, "d")->text, "other");
}

static void an_alias_without_an_anchor_before_it_is_refused(void **state)
{
	(void)state;
	struct error err = failure("a: *x\nb: &x 1\n");

	assert_string_equal(err.text, "this alias has no anchor before it");
	assert_int_equal(err.line, 1);
	assert_int_equal(err.column, 4);
	/* A node inside itself would be a cycle. */
	assert_string_equal(failure("a: &x [*x]\n").text, "this alias has no anchor before it");
}

static void aliases_of_aliases_do_not_explode(void **state)
{
	(void)state;
	struct text bomb = { 0 };

	text_add(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 9; i++) {
		text_addf(&bomb, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			text_addf(&bomb, "%s*a%d", j > 0 ? ", " : "", i - 1);
		text_add(&bomb, "]\n");
	}
	assert_string_equal(failure(text_str(&bomb)).text, "there is too much in this document");
	text_fini(&bomb);
}

static void too_deep_is_refused(void **state)
{
	(void)state;
	char deep[2 * YAML_MAX_DEPTH + 2];
	const size_t depth = YAML_MAX_DEPTH;

	memset(deep, '[', depth);
	memset(deep + depth, ']', depth);
	deep[2 * depth] = '\0';
	parse(deep);
	memset(deep, '[', depth + 1);
	deep[depth + 1] = '\0';
	assert_string_equal(failure(deep).text, "this is nested too deeply");
}

static void too_long_is_refused(void **state)
{
	(void)state;
	struct yaml_doc doc;
	struct error err = { 0 };
	char *text = calloc(1, YAML_MAX_BYTES + 1);

	memset(text, '#', YAML_MAX_BYTES + 1);
	assert_false(yaml_parse(text, YAML_MAX_BYTES + 1, &arena, &doc, &err));
	assert_non_null(strstr(err.text, "more than the limit"));
	free(text);
}

static void a_second_document_is_noticed(void **state)
{
	(void)state;
	struct yaml_doc doc;
	struct error err = { 0 };
	static const char two[] = "---\na: 1\n---\nb: 2\n";

	assert_true(yaml_parse(two, strlen(two), &arena, &doc, &err));
	assert_string_equal(yaml_find(doc.root, "a")->text, "1");
	assert_int_equal(doc.more_line, 3);
}

static void errors_have_a_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int line, column;
	} cases[] = {
		{ "a: 1\n  b: 2\n", 2, 4 },     { "a: [1, 2\n", 2, 1 },
		{ "a: \"x\n", 2, 1 },           { "ok: 1\n? [a]\n: 1\n", 2, 3 },
		{ "a: 1\nb: \"\\0\"\n", 2, 4 }, { "a: 1\nb: \xff\n", 2, 4 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct error err = failure(cases[i].text);
		assert_int_equal(err.line, cases[i].line);
		assert_int_equal(err.column, cases[i].column);
		assert_true(strlen(err.text) > 0);
	}
}

static void a_file_with_nothing_in_it_is_an_error(void **state)
{
	(void)state;
	assert_string_equal(failure("").text, "there is nothing in it");
	assert_string_equal(failure("# only words\n").text, "there is nothing in it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(keys_and_values_know_their_place, empty_arena),
		cmocka_unit_test_teardown(scalars_tell_how_they_were_written, empty_arena),
		cmocka_unit_test_teardown(lines_that_became_one_text_are_known, empty_arena),
		cmocka_unit_test_teardown(nothing_is_null_and_an_empty_text_is_not, empty_arena),
		cmocka_unit_test_teardown(the_last_of_duplicate_keys_is_found_and_all_stay,
		                          empty_arena),
		cmocka_unit_test_teardown(an_alias_is_the_node_of_its_anchor, empty_arena),
		cmocka_unit_test_teardown(an_alias_without_an_anchor_before_it_is_refused,
		                          empty_arena),
		cmocka_unit_test_teardown(aliases_of_aliases_do_not_explode, empty_arena),
		cmocka_unit_test_teardown(too_deep_is_refused, empty_arena),
		cmocka_unit_test_teardown(too_long_is_refused, empty_arena),
		cmocka_unit_test_teardown(a_second_document_is_noticed, empty_arena),
		cmocka_unit_test_teardown(errors_have_a_place, empty_arena),
		cmocka_unit_test_teardown(a_file_with_nothing_in_it_is_an_error, empty_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
