/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/kafka/settle.h"

static void a_share_is_fair_when_all_members_have_as_many_or_one_less(void **state)
{
	static const struct {
		uint32_t partitions, members, share;
	} cases[] = {
		{ 8, 1, 8 }, { 8, 2, 4 },          { 8, 3, 3 },          { 8, 8, 1 },
		{ 8, 9, 1 }, { 0, 4, UINT32_MAX }, { 8, 0, UINT32_MAX }, { 9, 8, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(settle_fair_share(cases[i].partitions, cases[i].members),
		                 cases[i].share);
}

static void a_member_with_more_than_its_share_joins_again_and_more_and_more_seldom(void **state)
{
	(void)state;
	for (uint32_t look = 1; look <= SETTLE_LOOKS; look++) {
		bool is_its_turn = look == 1 || look == 2 || look == 4 || look == 8 || look == 16;
		assert_int_equal(settle_step(look, 5, 4), is_its_turn ? SETTLE_JOIN : SETTLE_REST);
	}
}

static void a_member_with_its_share_or_less_rests(void **state)
{
	(void)state;
	for (uint32_t look = 1; look <= SETTLE_LOOKS; look++) {
		assert_int_equal(settle_step(look, 4, 4), SETTLE_REST);
		assert_int_equal(settle_step(look, 1, 4), SETTLE_REST);
		assert_int_equal(settle_step(look, 1000, UINT32_MAX), SETTLE_REST);
	}
}

static void a_member_without_any_pokes_at_every_look(void **state)
{
	(void)state;
	for (uint32_t look = 1; look <= SETTLE_LOOKS; look++) {
		assert_int_equal(settle_step(look, 0, 4), SETTLE_POKE);
		assert_int_equal(settle_step(look, 0, UINT32_MAX), SETTLE_POKE);
	}
}

static void it_ends_after_its_last_look(void **state)
{
	(void)state;
	assert_true(settle_goes_on(1));
	assert_true(settle_goes_on(24));
	assert_false(settle_goes_on(25)); /* 2.5 s: a heartbeat after 3 s does the rest */
	assert_false(settle_goes_on(26));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_is_fair_when_all_members_have_as_many_or_one_less),
		cmocka_unit_test(
			a_member_with_more_than_its_share_joins_again_and_more_and_more_seldom),
		cmocka_unit_test(a_member_with_its_share_or_less_rests),
		cmocka_unit_test(a_member_without_any_pokes_at_every_look),
		cmocka_unit_test(it_ends_after_its_last_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
