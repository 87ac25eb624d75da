/* SPDX-License-Identifier: Apache-2.0 */
/* What libraries say of themselves, over clients and over time. */
#include "stats/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct claims three(uint64_t requests, uint64_t queue, uint64_t longest)
{
	struct claims c = { 0 };

	claims_say(&c, CLAIM_REQUESTS, requests);
	claims_say(&c, CLAIM_QUEUE_MESSAGES, queue);
	claims_say(&c, CLAIM_ROUND_TRIP_MAX_NS, longest);
	return c;
}

static void assert_three(const struct claims *c, uint64_t requests, uint64_t queue,
                         uint64_t longest)
{
	assert_int_equal(c->values[CLAIM_REQUESTS], requests);
	assert_int_equal(c->values[CLAIM_QUEUE_MESSAGES], queue);
	assert_int_equal(c->values[CLAIM_ROUND_TRIP_MAX_NS], longest);
}

static void clients_add_up_and_the_highest_peak_stays(void **state)
{
	struct claims sum = { 0 };
	const struct claims a = three(10, 3, 700), b = three(5, 4, 900);

	(void)state;
	claims_add(&sum, &a);
	claims_add(&sum, &b);
	assert_three(&sum, 15, 7, 900);
	claims_add(&sum, &a);
	assert_three(&sum, 25, 10, 900);
}

static void an_interval_has_what_grew_and_the_latest_levels(void **state)
{
	const struct claims before = three(10, 3, 700), after = three(25, 1, 200);
	struct claims interval;

	(void)state;
	claims_diff(&after, &before, &interval);
	assert_three(&interval, 15, 1, 200);
	/* A library that counts backwards is not believed. */
	claims_diff(&before, &after, &interval);
	assert_three(&interval, 0, 3, 700);
}

static void intervals_follow_one_another(void **state)
{
	struct claims all = three(15, 1, 200);
	const struct claims next = three(5, 9, 100);

	(void)state;
	claims_follow(&all, &next);
	assert_three(&all, 20, 9, 200);
}

static void what_nobody_said_is_not_zero_but_unsaid(void **state)
{
	struct claims c = { 0 };
	const struct claims some = three(0, 0, 0);

	(void)state;
	claims_add(&c, &some);
	assert_int_equal(c.said, UINT64_C(1) << CLAIM_REQUESTS |
	                                 UINT64_C(1) << CLAIM_QUEUE_MESSAGES |
	                                 UINT64_C(1) << CLAIM_ROUND_TRIP_MAX_NS);
	for (unsigned i = 0; i < CLAIM_COUNT; i++)
		assert_true(strlen(claim_name((enum claim)i)) > 0 &&
		            strlen(claim_help((enum claim)i)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_add_up_and_the_highest_peak_stays),
		cmocka_unit_test(an_interval_has_what_grew_and_the_latest_levels),
		cmocka_unit_test(intervals_follow_one_another),
		cmocka_unit_test(what_nobody_said_is_not_zero_but_unsaid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
