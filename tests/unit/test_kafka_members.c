/* SPDX-License-Identifier: Apache-2.0 */
/* Whose a member of a group is. */
#include "driver/kafka/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void members_of_this_run_are_told_from_those_of_others(void **state)
{
	static const struct {
		const char *client_id, *set;
		bool is_of_run;
	} cases[] = {
		{ "omb-01lg22la7e2p-consumer-3.0", NULL, true },
		{ "omb-01lg22la7e2q-consumer-3.0", NULL, false },
		{ "omb-01lg22la7e2p", NULL, false },
		{ "omb-01lg22la7e2p0-consumer-3.0", NULL, false },
		{ "01lg22la7e2p-consumer", NULL, false },
		{ "omb-e2e", NULL, false },
		{ "rdkafka", NULL, false },
		{ "", NULL, false },
		/* What the driver file says is what its consumers say. */
		{ "mine", "mine", true },
		{ "mine2", "mine", false },
		{ "omb-01lg22la7e2p-consumer-3.0", "mine", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (kafka_member_is_of_run(cases[i].client_id, "01lg22la7e2p", cases[i].set) !=
		    cases[i].is_of_run)
			fail_msg("%s", cases[i].client_id);
}

static void without_a_run_nobody_is_of_it(void **state)
{
	(void)state;
	assert_false(kafka_member_is_of_run("omb--consumer-0.0", "", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_of_this_run_are_told_from_those_of_others),
		cmocka_unit_test(without_a_run_nobody_is_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
