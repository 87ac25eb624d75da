/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/remote_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"
#include "worker/remote_loss.h"

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

static void a_greeting_says_who_it_is_and_what_it_has(void **state)
{
	static const char text[] = "{\"program\":\"omb\",\"version\":\"0.2\",\"commit\":null,"
				   "\"protocol\":1,\"worker\":\"h7\",\"verbs\":[\"snapshot\","
				   "\"stop-all\",\"of-another-version\",3],\"inUse\":\"c 9\","
				   "\"more\":{}}";
	struct remote_hello hello;
	struct arena a = { 0 };
	struct error err;

	(void)state;
	assert_true(remote_hello_read(text, strlen(text), &a, &hello, &err));
	assert_string_equal(hello.version, "0.2");
	assert_string_equal(hello.commit, "");
	assert_string_equal(hello.name, "h7");
	assert_string_equal(hello.in_use, "c 9");
	assert_true(hello.has[WORKER_SNAPSHOT] && hello.has[WORKER_STOP_ALL]);
	assert_false(hello.has[WORKER_FINISH]);
	assert_true(remote_hello_check(&hello, "0.1", &err));
	arena_fini(&a);
}

static void who_is_too_old_or_too_new_is_told(void **state)
{
	struct remote_hello hello = { .version = "9", .protocol = 2 };
	struct error err;

	(void)state;
	assert_false(remote_hello_check(&hello, "1", &err));
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_string_equal(
		err.text, "it is too new: its omb 9 speaks version 2 of the workers' protocol, and "
			  "this one (1) version 1; all hosts need one version of omb");
	hello.protocol = 0;
	assert_false(remote_hello_check(&hello, "1", &err));
	assert_non_null(strstr(err.text, "too old"));
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const greetings[] = {
		"",
		"[]",
		"{}",
		"{\"program\":\"omb\"}",
		"{\"program\":\"x\",\"version\":\"1\",\"protocol\":1,\"verbs\":[]}",
		"{\"program\":\"omb\",\"version\":\"1\",\"protocol\":\"1\",\"verbs\":[]}",
		"{\"program\":\"omb\",\"version\":\"1\",\"protocol\":1}",
	};
	static const char *const sessions[] = {
		"{}",
		"{\"session\":\"short\",\"originNs\":1}",
		"{\"session\":\"0123456789abcdef0123456789abcdeF\",\"originNs\":1}",
		"{\"session\":\"0123456789abcdef0123456789abcdef\",\"originNs\":-1}",
		"{\"session\":\"0123456789abcdef0123456789abcdef\",\"originNs\":9e18}",
		"{\"session\":\"../../../../../../../../../../..\",\"originNs\":1}",
	};
	static const char *const readings[] = {
		"{}",
		"{\"receivedNs\":1}",
		"{\"receivedNs\":1,\"sentNs\":\"2\"}",
	};
	struct remote_session session;
	struct remote_reading reading;
	struct remote_hello hello;
	struct arena a = { 0 };
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++)
		assert_false(
			remote_hello_read(greetings[i], strlen(greetings[i]), &a, &hello, &err));
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		assert_false(remote_session_read(sessions[i], strlen(sessions[i]), &session, &err));
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++)
		assert_false(remote_reading_read(readings[i], strlen(readings[i]), &reading, &err));
	arena_fini(&a);
}

static void an_error_is_read_with_its_kind(void **state)
{
	static const char text[] = "{\"error\":{\"kind\":\"refused\",\"text\":\"a b\"}}";
	struct error err = { .kind = ERROR_SYSTEM };

	(void)state;
	assert_true(remote_error_read(text, strlen(text), &err));
	assert_int_equal(err.kind, ERROR_REFUSED);
	assert_string_equal(err.text, "a b");
	assert_false(remote_error_read("Not found", 9, &err));
	assert_false(remote_error_read("{}", 2, &err));
	assert_string_equal(err.text, "a b");
}

static void an_opening_is_json(void **state)
{
	struct text out = { 0 };

	(void)state;
	remote_opening_write(&(struct remote_opening){ .version = "1",
	                                               .coordinator = "a \"b\"",
	                                               .worker = 3,
	                                               .lease_ns = REMOTE_LEASE_NS },
	                     &out);
	assert_string_equal(text_str(&out),
	                    "{\"protocol\":1,\"version\":\"1\",\"coordinator\":\"a \\\"b\\\"\","
	                    "\"worker\":3,\"leaseNs\":30000000000}");
	text_fini(&out);
}

static void a_loss_says_who_when_and_why(void **state)
{
	struct remote_loss loss = { .url = "http://a:1",
		                    .what = "snapshot",
		                    .silence_ns = 10200000000,
		                    .wall_ns = 1000000000ull * (14 * 3600 + 3 * 60 + 11) };
	struct error err;

	(void)state;
	error_set(&err, ERROR_TIMEOUT, "no answer in time");
	remote_loss_tell(&err, &loss);
	assert_string_equal(err.text,
	                    "worker http://a:1 was lost at 14:03:11Z: snapshot: no answer in time; "
	                    "the last sign of life came 10.2 s before");
	loss.what = NULL;
	error_set(&err, ERROR_SYSTEM, "nobody listens there");
	remote_loss_tell_unreached(&err, &loss);
	assert_string_equal(err.text, "worker http://a:1: nobody listens there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_says_who_it_is_and_what_it_has),
		cmocka_unit_test(who_is_too_old_or_too_new_is_told),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(a_clock_is_told_with_or_without_the_time_of_day),
		cmocka_unit_test(what_is_no_reading_is_refused_by_its_member),
		cmocka_unit_test(a_greeting_may_name_the_clock),
		cmocka_unit_test(an_error_is_read_with_its_kind),
		cmocka_unit_test(an_opening_is_json),
		cmocka_unit_test(a_loss_says_who_when_and_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
