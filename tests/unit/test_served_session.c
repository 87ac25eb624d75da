/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/served_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static const unsigned char random_bytes[SESSION_ID_CHARS / 2] = { 1, 2, 0xab };

static void begin(struct session *s)
{
	session_begin(s, random_bytes, "host 1", 30 * S, 100 * S);
}

static void answered(struct session *s, uint64_t ask, bool is_stop, const char *line)
{
	struct text text = { 0 };

	text_add(&text, line);
	session_answered(s, ask, is_stop, &text);
	assert_int_equal(text.len, 0);
}

static void it_is_known_by_its_id_alone(void **state)
{
	struct session s = { 0 };

	(void)state;
	assert_false(session_is_id(&s, "0102ab00000000000000000000000000"));
	begin(&s);
	assert_true(session_is_id(&s, "0102ab00000000000000000000000000"));
	assert_false(session_is_id(&s, "0102ab00000000000000000000000001"));
	assert_false(session_is_id(&s, "1102ab00000000000000000000000000"));
	assert_false(session_is_id(&s, "0102ab"));
	assert_false(session_is_id(&s, ""));
	session_end(&s);
	assert_false(session_is_id(&s, "0102ab00000000000000000000000000"));
}

static void a_lease_runs_from_the_last_request(void **state)
{
	struct session s = { 0 };

	(void)state;
	assert_int_equal(session_over_ns(&s), UINT64_MAX); /* there is none */
	begin(&s);
	assert_int_equal(session_over_ns(&s), 130 * S);
	session_renew(&s, 120 * S);
	assert_int_equal(session_over_ns(&s), 150 * S);
	session_end(&s);
}

static void one_call_at_a_time_and_the_stop_that_ends_it(void **state)
{
	const struct text *known = NULL;
	struct session s = { 0 };

	(void)state;
	begin(&s);
	assert_int_equal(session_ask(&s, 1, false, &known), SESSION_START);
	assert_int_equal(session_ask(&s, 2, false, &known), SESSION_BUSY);
	assert_int_equal(session_ask(&s, 3, true, &known), SESSION_START);
	assert_int_equal(session_ask(&s, 4, true, &known), SESSION_BUSY);
	answered(&s, 1, false, "cancelled");
	assert_int_equal(session_ask(&s, 5, false, &known), SESSION_BUSY); /* it stops */
	assert_true(session_is_busy(&s));
	answered(&s, 3, true, "stopped");
	assert_false(session_is_busy(&s));
	assert_int_equal(session_ask(&s, 5, false, &known), SESSION_START);
	session_end(&s);
}

static void what_is_asked_again_is_carried_out_once(void **state)
{
	const struct text *known = NULL;
	struct session s = { 0 };

	(void)state;
	begin(&s);
	assert_int_equal(session_ask(&s, 7, false, &known), SESSION_START);
	assert_int_equal(session_ask(&s, 7, false, &known), SESSION_JOIN);
	answered(&s, 7, false, "seven");
	assert_int_equal(session_ask(&s, 7, false, &known), SESSION_REPEAT);
	assert_string_equal(text_str(known), "seven");
	/* Also while another one is under way. */
	assert_int_equal(session_ask(&s, 8, false, &known), SESSION_START);
	assert_int_equal(session_ask(&s, 7, false, &known), SESSION_REPEAT);
	answered(&s, 8, false, "eight");
	session_end(&s);
}

static void what_comes_after_a_later_one_is_not_carried_out(void **state)
{
	const struct text *known = NULL;
	struct session s = { 0 };

	(void)state;
	begin(&s);
	for (uint64_t ask = 2; ask < 8; ask++) {
		assert_int_equal(session_ask(&s, ask, false, &known), SESSION_START);
		answered(&s, ask, false, "done");
	}
	assert_int_equal(session_ask(&s, 1, false, &known),
	                 SESSION_OLD); /* it comes for the first time */
	assert_int_equal(session_ask(&s, 2, false, &known),
	                 SESSION_OLD); /* its answer is forgotten */
	assert_int_equal(session_ask(&s, 7, false, &known), SESSION_REPEAT);
	assert_int_equal(session_ask(&s, 9, true, &known), SESSION_START);
	assert_int_equal(session_ask(&s, 8, false, &known), SESSION_OLD);
	session_end(&s);
}

static void the_last_four_answers_are_kept(void **state)
{
	const struct text *known = NULL;
	struct session s = { 0 };

	(void)state;
	begin(&s);
	for (uint64_t ask = 1; ask <= SESSION_ANSWERS + 1; ask++) {
		assert_int_equal(session_ask(&s, ask, false, &known), SESSION_START);
		answered(&s, ask, false, "an answer");
	}
	assert_int_equal(session_ask(&s, 2, false, &known), SESSION_REPEAT);
	assert_int_equal(session_ask(&s, SESSION_ANSWERS + 1, false, &known), SESSION_REPEAT);
	assert_int_equal(session_ask(&s, 1, false, &known), SESSION_OLD); /* forgotten */
	session_end(&s);
}

static void it_knows_the_topics_that_it_has_to_delete(void **state)
{
	static const char *const created[] = { "c", "a", "b" }, *const more[] = { "d" };
	static const char *const deleted[] = { "b", "nobody's", "a" };
	struct session s = { 0 };

	(void)state;
	begin(&s);
	session_has_deleted(&s, deleted, 3);
	assert_int_equal(s.topics_count, 0);
	session_has_created(&s, created, 3);
	session_has_created(&s, more, 1);
	session_has_deleted(&s, deleted, 3);
	assert_int_equal(s.topics_count, 2);
	assert_string_equal(s.topics[0], "c");
	assert_string_equal(s.topics[1], "d");
	session_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_known_by_its_id_alone),
		cmocka_unit_test(a_lease_runs_from_the_last_request),
		cmocka_unit_test(one_call_at_a_time_and_the_stop_that_ends_it),
		cmocka_unit_test(what_is_asked_again_is_carried_out_once),
		cmocka_unit_test(what_comes_after_a_later_one_is_not_carried_out),
		cmocka_unit_test(the_last_four_answers_are_kept),
		cmocka_unit_test(it_knows_the_topics_that_it_has_to_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
