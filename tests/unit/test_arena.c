/* SPDX-License-Identifier: Apache-2.0 */
#include "util/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned_for_any_type(void **state)
{
	(void)state;
	struct arena a = { 0 };

	for (size_t size = 1; size < 300; size++) {
		unsigned char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_fini(&a);
}

static void pieces_never_overlap(void **state)
{
	(void)state;
	enum {
		PIECES = 5000,
		SIZE = 80
	}; /* several blocks, none of which ends with a whole piece */
	struct arena a = { 0 };
	static unsigned char *pieces[PIECES];

	for (int i = 0; i < PIECES; i++) {
		pieces[i] = arena_alloc(&a, SIZE);
		memset(pieces[i], i & 0xff, SIZE);
	}
	for (int i = 0; i < PIECES; i++) {
		for (int j = 0; j < SIZE; j++)
			assert_int_equal(pieces[i][j], i & 0xff);
	}
	arena_fini(&a);
}

static void a_piece_may_be_larger_than_a_block(void **state)
{
	(void)state;
	enum { LARGE = 3 * 1024 * 1024 };
	struct arena a = { 0 };

	char *before = arena_strdup(&a, "before");
	unsigned char *large = arena_alloc(&a, LARGE);
	memset(large, 1, LARGE);
	char *after = arena_strdup(&a, "after");
	assert_string_equal(before, "before");
	assert_string_equal(after, "after");
	assert_int_equal(large[LARGE - 1], 1);
	arena_fini(&a);
}

static void strings_are_copied(void **state)
{
	(void)state;
	struct arena a = { 0 };
	char original[] = "orders";

	char *whole = arena_strdup(&a, original);
	char *part = arena_strndup(&a, original, 3);
	char *made = arena_printf(&a, "%s-%03d", original, 7);
	memset(original, 'x', sizeof(original) - 1);
	assert_string_equal(whole, "orders");
	assert_string_equal(part, "ord");
	assert_string_equal(made, "orders-007");
	assert_string_equal(arena_strdup(&a, ""), "");
	arena_fini(&a);
}

static void what_is_adopted_lives_as_long_as_its_new_arena(void **state)
{
	struct arena to = { 0 }, from = { 0 }, none = { 0 };

	(void)state;
	char *own = arena_strdup(&to, "own");
	char *moved = arena_strdup(&from, "moved");
	memset(arena_alloc(&from, (size_t)1024 * 1024), 1, (size_t)1024 * 1024);
	arena_adopt(&to, &from);
	arena_adopt(&to, &none);
	assert_null(from.blocks);
	arena_fini(&from);
	assert_string_equal(own, "own");
	assert_string_equal(moved, "moved");
	assert_string_equal(arena_strdup(&to, "more"), "more");
	arena_fini(&to);
}

static void an_arena_can_be_used_again_after_fini(void **state)
{
	(void)state;
	struct arena a = { 0 };

	arena_fini(&a);
	arena_strdup(&a, "first life");
	arena_fini(&a);
	assert_null(a.blocks);
	assert_string_equal(arena_strdup(&a, "second life"), "second life");
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_adopted_lives_as_long_as_its_new_arena),
		cmocka_unit_test(memory_is_zeroed_and_aligned_for_any_type),
		cmocka_unit_test(pieces_never_overlap),
		cmocka_unit_test(a_piece_may_be_larger_than_a_block),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(an_arena_can_be_used_again_after_fini),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
