/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/closing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

/* Told to close at 100 s; 10 s for the answer, 15 s between two clients, 40 s in all. */
static const struct closing_limits limits = { 10 * S, 15 * S, 40 * S };

static void an_agent_is_waited_for_as_long_as_it_gets_on(void **state)
{
	static const struct {
		uint64_t answered_s, closed_s, killed_s, now_s;
		enum closing_step step;
		uint64_t next_s;
	} cases[] = {
		{ 0, 0, 0, 100, CLOSING_WAIT, 110 },
		{ 0, 0, 0, 109, CLOSING_WAIT, 110 },
		{ 0, 0, 0, 110, CLOSING_KILL_HUNG, 0 },
		{ 101, 0, 0, 110, CLOSING_WAIT, 116 },
		{ 101, 0, 0, 116, CLOSING_KILL_SLOW, 0 },
		{ 101, 112, 0, 116, CLOSING_WAIT, 127 },
		{ 101, 130, 0, 139, CLOSING_WAIT, 140 },
		{ 101, 139, 0, 140, CLOSING_KILL_SLOW, 0 },
		{ 0, 0, 110, 114, CLOSING_WAIT, 115 },
		{ 0, 0, 110, 115, CLOSING_GIVE_UP, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct closing_agent a = {
			.asked_ns = 100 * S,
			.answered_ns = cases[i].answered_s * S,
			.closed_ns = cases[i].closed_s * S,
			.killed_ns = cases[i].killed_s * S,
		};
		uint64_t next_ns = 0;
		if (closing_step(&limits, &a, cases[i].now_s * S, &next_ns) != cases[i].step)
			fail_msg("case %zu", i);
		if (cases[i].step == CLOSING_WAIT)
			assert_int_equal(next_ns, cases[i].next_s * S);
	}
}

/* A second for each client was measured; 100 of them must not end as lost. */
static void the_limit_grows_with_the_clients(void **state)
{
	(void)state;
	for (uint64_t clients = 1; clients <= 100000; clients *= 10) {
		struct closing_limits l = closing_limits(clients, 0);
		assert_true(l.whole_ns > clients * S + l.answer_ns);
		assert_true(closing_bound_ns(&l) > l.whole_ns);
	}
}

static void who_is_in_a_hurry_bounds_all_limits(void **state)
{
	struct closing_limits l = closing_limits(5000, 2000);

	(void)state;
	assert_int_equal(l.answer_ns, 2 * S);
	assert_int_equal(l.stall_ns, 2 * S);
	assert_int_equal(l.whole_ns, 2 * S);
}

/* Whatever happens, asking when it says so ends within the bound. */
static void every_agent_is_gone_within_the_bound(void **state)
{
	(void)state;
	for (unsigned answers = 0; answers < 2; answers++) {
		struct closing_limits l = closing_limits(20, 0);
		struct closing_agent a = { .asked_ns = 100 * S };
		uint64_t now = a.asked_ns, next = 0;
		for (;;) {
			enum closing_step step = closing_step(&l, &a, now, &next);
			if (step == CLOSING_GIVE_UP)
				break;
			if (step == CLOSING_WAIT) {
				assert_true(next > now);
				now = next - now > S ? now + S : next;
			} else {
				a.killed_ns = now;
			}
			if (answers)
				a.answered_ns = 101 * S, a.closed_ns = now; /* and never ends */
		}
		assert_true(now <= a.asked_ns + closing_bound_ns(&l));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_agent_is_waited_for_as_long_as_it_gets_on),
		cmocka_unit_test(the_limit_grows_with_the_clients),
		cmocka_unit_test(who_is_in_a_hurry_bounds_all_limits),
		cmocka_unit_test(every_agent_is_gone_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
