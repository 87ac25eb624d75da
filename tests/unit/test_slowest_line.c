/* SPDX-License-Identifier: Apache-2.0 */
#include "run/slowest_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)
#define T  (100 * S) /* the start of the window */

/* 0: unknown, or without a schedule. */
static struct fact_slow message(uint64_t sequence, uint64_t due_ns, uint64_t acknowledged_ns,
                                uint64_t received_ns)
{
	return (struct fact_slow){
		.producer = 2,
		.sequence = sequence,
		.due_ns = due_ns,
		.sent_ns = T + 500 * MS,
		.acknowledged_ns = acknowledged_ns,
		.received_ns = received_ns,
		.partition = sequence % 2 ? 3 : -1,
	};
}

static void add(struct record *r, enum fact_slow_by by, const struct fact_slow *m)
{
	fact_slow_add(&r->slowest.of[by], by, m);
}

static void assert_line(const struct record *r, const char *wanted)
{
	struct text line = { 0 };

	slowest_line_format(r, &line);
	assert_string_equal(text_str(&line), wanted);
	text_fini(&line);
}

static void one_message_that_was_the_slowest_both_ways_is_told_once(void **state)
{
	struct record r = { .started_ns = T - S, .window_start_ns = T };
	const struct fact_slow m = message(41, T + 300 * MS, T + 1300 * MS, T + 1800 * MS);

	(void)state;
	add(&r, FACT_SLOW_ACKNOWLEDGED, &m);
	add(&r, FACT_SLOW_RECEIVED, &m);
	assert_line(&r, "slowest: message 41 of producer 2 (partition 3, due at +0.300 s) "
	                "acknowledged after 1.00s, received after 1.50s");
}

static void two_messages_are_told_apart(void **state)
{
	struct record r = { .started_ns = T - S, .window_start_ns = T };
	const struct fact_slow sent = message(41, T + 300 * MS, T + 1300 * MS, 0);
	const struct fact_slow arrived = message(42, T - 100 * MS, 0, T + 1400 * MS);

	(void)state;
	add(&r, FACT_SLOW_ACKNOWLEDGED, &sent);
	assert_line(&r, "slowest: message 41 of producer 2 (partition 3, due at +0.300 s) "
	                "acknowledged after 1.00s");
	add(&r, FACT_SLOW_RECEIVED, &arrived);
	assert_line(&r, "slowest: message 41 of producer 2 (partition 3, due at +0.300 s) "
	                "acknowledged after 1.00s; message 42 of producer 2 (due at -0.100 s) "
	                "received after 1.50s");
}

static void without_a_schedule_it_is_told_when_it_was_sent(void **state)
{
	struct record r = { .started_ns = T - S, .window_start_ns = T };
	const struct fact_slow m = message(42, 0, T + 700 * MS, 0);

	(void)state;
	add(&r, FACT_SLOW_ACKNOWLEDGED, &m);
	assert_line(&r, "slowest: message 42 of producer 2 (sent at +0.500 s) acknowledged after "
	                "200ms");
}

static void where_none_is_known_there_is_no_line(void **state)
{
	const struct record r = { .window_start_ns = T };

	(void)state;
	assert_line(&r, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_message_that_was_the_slowest_both_ways_is_told_once),
		cmocka_unit_test(two_messages_are_told_apart),
		cmocka_unit_test(without_a_schedule_it_is_told_when_it_was_sent),
		cmocka_unit_test(where_none_is_known_there_is_no_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
