/* SPDX-License-Identifier: Apache-2.0 */
/* Failures by what they say, and the commonest of them. */
#include "agent/note.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/reason.h"
#include "util/text.h"

static void texts_that_differ_in_numbers_alone_are_one(void **state)
{
	static const struct {
		const char *a, *b;
		size_t max;
		bool same;
	} cases[] = {
		{ "", "", 8, true },
		{ "a", "", 8, false },
		{ "took 9 ms", "took 1234 ms", 64, true },
		{ "took 9 ms", "took x ms", 64, false },
		{ "9", "10", 8, true },
		{ "h:9092", "h:9092/1", 64, false },
		{ "cut here and on", "cut here, else", 8, true },
		{ "1", "", 8, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(text_is_same_but_numbers(cases[i].a, cases[i].b, cases[i].max),
		                 cases[i].same);
		assert_int_equal(text_is_same_but_numbers(cases[i].b, cases[i].a, cases[i].max),
		                 cases[i].same);
	}
}

static void each_text_has_its_count(void **state)
{
	struct note n = { 0 };

	(void)state;
	note_add(&n, "rare", 10);
	for (unsigned i = 0; i < 60; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "too large (message %u)", i);
		note_add(&n, text, 20 + i);
	}
	assert_string_equal(n.texts[0].text, "rare");
	assert_int_equal(note_count(&n.texts[0].count), 1);
	assert_string_equal(n.texts[1].text, "too large (message 0)");
	assert_int_equal(note_count(&n.texts[1].count), 60);
	assert_int_equal(n.texts[1].first_ns, 20);
	assert_int_equal(note_total(&n), 61);
}

static void what_has_no_place_is_counted_all_the_same(void **state)
{
	static const char *const texts[] = { "a", "b", "c", "d", "e", "f" };
	struct note n = { 0 };

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		note_add(&n, texts[i], i + 1);
	note_add(&n, "a", 9);
	assert_int_equal(note_count(&n.others), 2);
	assert_int_equal(n.others_first_ns, 5);
	assert_int_equal(note_total(&n), 7);
}

static void a_long_text_is_recognised_again(void **state)
{
	char text[NOTE_TEXT_BYTES + 50];
	struct note n = { 0 };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	note_add(&n, text, 1);
	note_add(&n, text, 2);
	assert_int_equal(note_count(&n.texts[0].count), 2);
}

static void the_commonest_reason_is_named_and_rebalances_are_none(void **state)
{
	struct fact_event items[] = {
		{ .kind = EVENT_CLIENT, .name = "delivery", .count = 3, .text = "timed out" },
		{ .kind = EVENT_CLIENT, .name = "send", .count = 40, .text = "too large: 2000 B" },
		{ .kind = EVENT_CLIENT, .name = "delivery", .count = 20, .text = "too large: 9 B" },
		{ .kind = EVENT_CLIENT,
		  .name = "delivery",
		  .count = 99,
		  .text = "x",
		  .is_rest = true },
		{ .kind = EVENT_CLIENT, .name = "rebalance", .count = 500, .text = "moved" },
		{ .kind = EVENT_CLIENT, .name = "fatal", .count = 1, .text = "fenced" },
		{ .kind = EVENT_AGENT_LOST, .count = 1, .text = "killed" },
	};
	const struct fact_events events = { items, sizeof(items) / sizeof(items[0]) };

	(void)state;
	struct reason failed = reason_of(&events, REASON_MESSAGES);
	assert_int_equal(failed.count, 162);
	assert_int_equal(failed.often, 60);
	assert_string_equal(failed.text, "too large: 2000 B");
	assert_string_equal(reason_of(&events, REASON_FATAL).text, "fenced");
	struct reason clients = reason_of(&events, REASON_CLIENTS);
	assert_int_equal(clients.count, 0);
	assert_null(clients.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_that_differ_in_numbers_alone_are_one),
		cmocka_unit_test(each_text_has_its_count),
		cmocka_unit_test(what_has_no_place_is_counted_all_the_same),
		cmocka_unit_test(a_long_text_is_recognised_again),
		cmocka_unit_test(the_commonest_reason_is_named_and_rebalances_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
