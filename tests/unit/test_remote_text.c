/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/remote_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"

static bool read(const char *text, struct remote_reading *out, struct error *err)
{
	*err = (struct error){ 0 };
	return remote_reading_read(text, strlen(text), out, err);
}

static void a_clock_is_told_with_or_without_the_time_of_day(void **state)
{
	(void)state;
	struct remote_reading r;
	struct error err;

	assert_true(read("{\"receivedNs\":5,\"sentNs\":7}", &r, &err));
	assert_int_equal(r.received_ns, 5);
	assert_int_equal(r.sent_ns, 7);
	assert_false(r.has_system);
	assert_string_equal(r.system_lack, "");

	assert_true(read("{\"receivedNs\":5,\"sentNs\":7,\"system\":{\"monotonicNs\":6,\"wallNs\":"
	                 "1700000000123456789,\"errorNs\":2500000}}",
	                 &r, &err));
	assert_true(r.has_system);
	assert_int_equal(r.system.monotonic_ns, 6);
	assert_true(r.system.wall_ns == UINT64_C(1700000000123456789));
	assert_int_equal(r.system.error_ns, 2500000);

	assert_true(read("{\"receivedNs\":5,\"sentNs\":7,\"systemLack\":\"not synchronised\"}", &r,
	                 &err));
	assert_false(r.has_system);
	assert_string_equal(r.system_lack, "not synchronised");
}

static void what_is_no_reading_is_refused_by_its_member(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "[]", "the reading of its clock is no JSON object" },
		{ "{\"sentNs\":7}", "receivedNs is no instant" },
		{ "{\"receivedNs\":-1,\"sentNs\":7}", "receivedNs is no instant" },
		{ "{\"receivedNs\":5,\"sentNs\":4611686018427387904}", "sentNs is no instant" },
		{ "{\"receivedNs\":5,\"sentNs\":7,\"system\":{}}", "monotonicNs is no instant" },
		{ "{\"receivedNs\":5,\"sentNs\":7,\"system\":{\"monotonicNs\":1,\"wallNs\":2}}",
		  "errorNs is no instant" },
		{ "{\"receivedNs\":5,\"sentNs\":7,\"system\":7}", "monotonicNs is no instant" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct remote_reading r;
		struct error err;
		assert_false(read(cases[i].text, &r, &err));
		if (strstr(err.text, cases[i].want) == NULL)
			fail_msg("case %zu: %s", i, err.text);
	}
}

static void a_greeting_may_name_the_clock(void **state)
{
	(void)state;
	static const char with[] =
		"{\"program\":\"omb\",\"version\":\"1\",\"protocol\":1,\"verbs\":[],"
		"\"clock\":\"a boot\"}";
	static const char without[] =
		"{\"program\":\"omb\",\"version\":\"1\",\"protocol\":1,\"verbs\":[]}";
	struct arena arena = { 0 };
	struct remote_hello hello;
	struct error err;

	assert_true(remote_hello_read(with, sizeof(with) - 1, &arena, &hello, &err));
	assert_string_equal(hello.clock, "a boot");
	assert_true(remote_hello_read(without, sizeof(without) - 1, &arena, &hello, &err));
	assert_null(hello.clock);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_is_told_with_or_without_the_time_of_day),
		cmocka_unit_test(what_is_no_reading_is_refused_by_its_member),
		cmocka_unit_test(a_greeting_may_name_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
