/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"

static void only_what_is_altered_or_without_effect_is_a_doubt(void **state)
{
	(void)state;
	static const struct fact_row rows[] = {
		{ "producer", "a", "1", ORIGIN_FILE, "" },
		{ "producer", "b", "1", ORIGIN_JAVA, "" },
		{ "producer", "c", "1", ORIGIN_LIBRARY, "" },
		{ "producer", "d", "1", ORIGIN_OMB, "why" },
		{ "producer", "e", "1", ORIGIN_IGNORED, "why" },
		{ "meaning", "f", "1", "", "" },
		{ "producer", "g", "2", ORIGIN_ALTERED, "g=3: no" },
		{ "consumer", "h", "4", ORIGIN_NO_EFFECT, "why" },
	};
	struct origin_doubts list = { 0 };
	struct arena a = { 0 };

	assert_null(origin_doubts_summary(&list, &a));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		origin_doubts_add(&list, &rows[i], &a);
	assert_int_equal(list.count, 2);
	assert_string_equal(origin_doubt_text(&list.items[0], &a),
	                    "producer: g is 2, not as the driver file says (g=3: no)");
	assert_string_equal(origin_doubt_text(&list.items[1], &a),
	                    "consumer: h=4 has no effect (why)");
	assert_string_equal(origin_doubts_summary(&list, &a),
	                    "2 settings are not as the driver file says: g, h (`omb check` says "
	                    "how)");
	arena_fini(&a);
}

static void the_same_in_two_sections_is_one_doubt(void **state)
{
	(void)state;
	struct fact_row row = { "producer", "a", "1", ORIGIN_ALTERED, "why" };
	struct origin_doubts list = { 0 };
	struct arena a = { 0 };

	origin_doubts_add(&list, &row, &a);
	row.section = "consumer";
	origin_doubts_add(&list, &row, &a);
	row.value = "2";
	origin_doubts_add(&list, &row, &a);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].sections, "producer, consumer");
	assert_string_equal(list.items[1].sections, "consumer");
	arena_fini(&a);
}

static void a_summary_names_a_few_of_many(void **state)
{
	(void)state;
	static const char *const keys[] = { "a", "b", "c", "d", "e" };
	struct origin_doubts list = { 0 };
	struct arena a = { 0 };

	for (size_t i = 0; i < 5; i++)
		origin_doubts_add(
			&list, &(struct fact_row){ "producer", keys[i], "1", ORIGIN_ALTERED, "" },
			&a);
	assert_string_equal(origin_doubts_summary(&list, &a),
	                    "5 settings are not as the driver file says: a, b, c, d ... (`omb "
	                    "check` says how)");
	arena_fini(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_altered_or_without_effect_is_a_doubt),
		cmocka_unit_test(the_same_in_two_sections_is_one_doubt),
		cmocka_unit_test(a_summary_names_a_few_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
