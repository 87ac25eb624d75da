/* SPDX-License-Identifier: Apache-2.0 */
#include "run/growth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S     UINT64_C(1000000000)
#define LOOKS 20

/* Looks at these backlogs, one every 10 s, of consumers that received so many in each period;
 * returns after how many seconds it was proven, 0 = never. */
struct series {
	uint64_t backlogs[LOOKS];
	uint64_t received; /* in each period */
	unsigned disturbed_at;
	uint64_t proven_s;
};

static uint64_t proven_after_s(const struct series *s, uint64_t standing_s)
{
	struct growth_look look = { .at_ns = 1000 * S, .backlog = s->backlogs[0] };
	struct growth g;

	growth_begin(&g, &look, standing_s * S);
	for (unsigned i = 1; i < LOOKS && s->backlogs[i] > 0; i++) {
		look = (struct growth_look){
			.at_ns = (1000 + 10 * i) * S,
			.backlog = s->backlogs[i],
			.received = i * s->received,
			.is_disturbed = i == s->disturbed_at,
		};
		if (growth_look(&g, &look))
			return (uint64_t)10 * i;
	}
	return 0;
}

static void three_periods_of_growth_under_work_are_proof(void **state)
{
	static const struct series cases[] = {
		{ { 1000, 1100, 1200, 1300 }, 50, 0, 30 },
		{ { 1000, 900, 800, 700, 600 }, 50, 0, 0 },
		/* It starts slowly. */
		{ { 1000, 1500, 1400, 1300, 1200 }, 50, 0, 0 },
		{ { 1000, 1400, 1600, 1700, 1700, 1500, 1000 }, 50, 0, 0 },
		{ { 1000, 1400, 1500, 1600, 1700, 1800 }, 50, 0, 40 },
		/* It grows less and less: they are about to catch up. */
		{ { 1000, 1400, 1500, 1550, 1540, 1000 }, 50, 0, 0 },
		/* As many come as are taken. */
		{ { 1000, 1000, 1000, 1000 }, 50, 0, 30 },
		/* A shrinking period starts over. */
		{ { 1000, 1100, 1200, 1150, 1250, 1350, 1450 }, 50, 0, 60 },
		/* A consumer that died and is not back. */
		{ { 1000, 1100, 1200, 1300, 1400, 1500 }, 50, 3, 0 },
		{ { 1000, 1100, 1200, 1300, 1400, 1500, 1600 }, 50, 3, 60 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (proven_after_s(&cases[i], 0) != cases[i].proven_s)
			fail_msg("case %zu: after %llu s", i,
			         (unsigned long long)proven_after_s(&cases[i], 0));
}

static void a_group_that_receives_nothing_may_only_stand_still(void **state)
{
	static const struct series growing = {
		{ 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000 }, .received = 0
	};
	static const struct series idle = { { 100, 100, 100, 100, 100, 100, 100, 100, 100, 100 },
		                            .received = 0 };

	(void)state;
	assert_int_equal(proven_after_s(&growing, 0), 60);
	assert_int_equal(proven_after_s(&growing, 75), 80);
	assert_int_equal(proven_after_s(&idle, 0), 0); /* the broker may be away */
}

static void what_was_found_is_said_in_rates(void **state)
{
	struct growth_look look = { .at_ns = 5 * S, .backlog = 1000, .received = 500 };
	struct growth g;

	(void)state;
	growth_begin(&g, &look, 0);
	for (unsigned i = 1; i <= 3; i++) {
		look.at_ns += 10 * S;
		look.backlog += 2000;
		look.received += 5000;
		assert_int_equal(growth_look(&g, &look), i == 3);
	}
	assert_true(growth_per_s(&g) == 200);
	assert_true(growth_received_per_s(&g) == 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_periods_of_growth_under_work_are_proof),
		cmocka_unit_test(a_group_that_receives_nothing_may_only_stand_still),
		cmocka_unit_test(what_was_found_is_said_in_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
