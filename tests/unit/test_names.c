/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/names.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define STARTED_S UINT64_C(1795230378)

static void run_ids_are_lower_case_letters_and_digits(void **state)
{
	(void)state;
	char id[RUN_ID_CHARS + 1];

	for (uint64_t i = 0; i < 1000; i++) {
		run_id_format(id, STARTED_S + i * 977, i * UINT64_C(0x9e3779b97f4a7c15));
		assert_int_equal(strlen(id), RUN_ID_CHARS);
		for (const char *c = id; *c != '\0'; c++)
			assert_true(isdigit((unsigned char)*c) || islower((unsigned char)*c));
	}
}

static void run_ids_sort_by_time_whatever_chance_says(void **state)
{
	(void)state;
	static const uint64_t times[] = { 0,
		                          1,
		                          31,
		                          32,
		                          1023,
		                          1024,
		                          STARTED_S,
		                          STARTED_S + 1,
		                          UINT64_C(1) << 39,
		                          (UINT64_C(1) << 40) - 1 };
	char last[RUN_ID_CHARS + 1] = "", id[RUN_ID_CHARS + 1];

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		run_id_format(id, times[i], ~(uint64_t)0 >> i * 3);
		assert_true(strcmp(last, id) < 0);
		memcpy(last, id, sizeof(last));
	}
}

static void a_run_id_tells_when_it_was_given(void **state)
{
	(void)state;
	char id[RUN_ID_CHARS + 1];
	uint64_t started_s = 0;

	run_id_format(id, STARTED_S, 12345);
	assert_true(run_id_parse(id, &started_s));
	assert_int_equal(started_s, STARTED_S);
}

static void what_is_no_run_id_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "01lg22la7e2", "01lg22la7e2pq", "01LG22LA7E2P", "01lg22la7e2z", "01lg22la-e2p"
	};
	uint64_t started_s;

	assert_true(run_id_parse("01lg22la7e2p", &started_s));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(run_id_parse(bad[i], &started_s));
}

static void a_topic_reads_back(void **state)
{
	(void)state;
	char name[NAME_MAX_BYTES];
	struct name_parts parts;

	name_topic(name, "01lg22la7e2p", 999999, 0);
	assert_string_equal(name, "omb-01lg22la7e2p-0999999-0000000");
	assert_true(name_parse(name, &parts));
	assert_int_equal(parts.kind, NAME_TOPIC);
	assert_string_equal(parts.run_id, "01lg22la7e2p");
	assert_int_equal(parts.number, 999999);
	assert_int_equal(parts.run_started_s, STARTED_S);
}

static void a_group_reads_back(void **state)
{
	(void)state;
	char name[NAME_MAX_BYTES];
	struct name_parts parts;

	name_group(name, "01lg22la7e2p", 7, ~(uint64_t)0);
	assert_string_equal(name, "omb-01lg22la7e2p-sub-007-vvvvvvv");
	assert_true(name_parse(name, &parts));
	assert_int_equal(parts.kind, NAME_GROUP);
	assert_int_equal(parts.number, 7);

	name_group(name, "01lg22la7e2p", 4321, 1);
	assert_true(name_parse(name, &parts));
	assert_int_equal(parts.number, 4321);
}

static void the_longest_names_fit(void **state)
{
	(void)state;
	char name[NAME_MAX_BYTES];
	struct name_parts parts;

	name_topic(name, "vvvvvvvvvvvv", 9999999, ~(uint64_t)0);
	assert_true(name_parse(name, &parts));
	name_group(name, "vvvvvvvvvvvv", 9999999, ~(uint64_t)0);
	assert_true(name_parse(name, &parts));
	assert_int_equal(parts.number, 9999999);
}

static void names_of_others_are_never_taken_for_ours(void **state)
{
	(void)state;
	static const char *const others[] = {
		"",
		"omb",
		"omb-",
		"omb-orders",
		"orders",
		"__consumer_offsets",
		"omb-01lg22la7e2p",
		"omb-01lg22la7e2p-",
		"omb-01lg22la7e2p-0000001",
		"omb-01lg22la7e2p-0000001-",
		"omb-01lg22la7e2p-0000001-abc",
		"omb-01lg22la7e2p-0000001-abcdefgh",
		"omb-01lg22la7e2p-0000001-ABCDEFG",
		"omb-01lg22la7e2p-000001-abcdefg",
		"omb-01lg22la7e2p-00000x1-abcdefg",
		"omb-01lg22la7e2p-00000000000000000001-abcdefg",
		"omb-01lg22la7e2p-sub-01-abcdefg",
		"omb-01lg22la7e2p-sub-abcdefg",
		"omb-01lg22la7e2z-0000001-abcdefg",
		"OMB-01lg22la7e2p-0000001-abcdefg",
		"xomb-01lg22la7e2p-0000001-abcdefg",
		"test-topic-0000001-abcdefg", /* of OMB's own Kafka driver */
	};
	struct name_parts parts;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (name_parse(others[i], &parts))
			fail_msg("\"%s\" was taken for ours", others[i]);
}

static void stamps_of_different_runs_differ_nearly_always(void **state)
{
	(void)state;
	char id[RUN_ID_CHARS + 1], first[RUN_ID_CHARS + 1];
	unsigned same = 0;

	run_id_format(first, STARTED_S, 0);
	for (unsigned i = 1; i <= 10000; i++) {
		run_id_format(id, STARTED_S + i, i * UINT64_C(0x9e3779b97f4a7c15) >> 40);
		same += run_id_stamp(id) == run_id_stamp(first);
	}
	assert_in_range(same, 0, 3); /* 10,000 / 65,536 are expected */
}

static void chance_does_not_repeat_itself(void **state)
{
	(void)state;
	assert_true(name_chance() != name_chance());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_ids_are_lower_case_letters_and_digits),
		cmocka_unit_test(run_ids_sort_by_time_whatever_chance_says),
		cmocka_unit_test(a_run_id_tells_when_it_was_given),
		cmocka_unit_test(what_is_no_run_id_is_refused),
		cmocka_unit_test(a_topic_reads_back),
		cmocka_unit_test(a_group_reads_back),
		cmocka_unit_test(the_longest_names_fit),
		cmocka_unit_test(names_of_others_are_never_taken_for_ours),
		cmocka_unit_test(stamps_of_different_runs_differ_nearly_always),
		cmocka_unit_test(chance_does_not_repeat_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
