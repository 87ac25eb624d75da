/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that cannot work are told from those that can. */
#include "driver/kafka/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void addresses_that_may_work_are_taken(void **state)
{
	static const char *const lists[] = {
		"localhost:9092",
		"a:1,b:65535",
		" a:1 ,\tb:2 ",
		"a:1,",
		",a:1,,b:2",
		"[::1]:9092",
		"[fe80::1%eth0]:9092",
		"10.0.0.1:9092",
		"broker_1.my-net.example:9092",
		"SASL_SSL://h:9092",
		"sasl_ssl://[::1]:9092",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct error err = { 0 };

		if (!address_check(lists[i], "sasl_ssl", &err))
			fail_msg("%s: %s", lists[i], err.text);
		assert_string_equal(err.text, "");
	}
}

static void addresses_that_cannot_work_say_why(void **state)
{
	static const struct {
		const char *list, *why;
	} cases[] = {
		{ "", "it is empty" },
		{ " \t", "it is empty" },
		{ " , ,", "it is empty" },
		{ "h", "\"h\" has no port" },
		{ "h:", "has no port" },
		{ "[::1]", "has no port" },
		{ ":9092", "has no host" },
		{ "PLAINTEXT://:9092", "has no host" },
		{ "PLAINTEXT://", "has no host" },
		{ "h:0", "outside 1..65535" },
		{ "h:65536", "outside 1..65535" },
		{ "h:99999999999999999999999", "outside 1..65535" },
		{ "h:-1", "no number" },
		{ "h:9092x", "no number" },
		{ "h:90 92", "no number" },
		{ "http://h:9092", "is a URL" },
		{ "kafka://h:9092", "is a URL" },
		{ "://h:9092", "is a URL" },
		{ "SSL://h:9092", "another protocol than security.protocol=plaintext" },
		{ "::1:9092", "in brackets" },
		{ "[::1:9092", "no IPv6 address" },
		{ "[]:9092", "no IPv6 address" },
		{ "[::1]9092", "goes on behind the bracket" },
		{ "h:9092 g:9092", "a comma parts" },
		{ "h:9092;g:9092", "a comma parts" },
		{ "h/x:9092", "no host name has" },
		{ "{{ servers }}:9092", "no host name has" },
		{ "good:9092,h", "\"h\" has no port" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { 0 };

		assert_false(address_check(cases[i].list, "plaintext", &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("\"%s\": %s", cases[i].list, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_that_may_work_are_taken),
		cmocka_unit_test(addresses_that_cannot_work_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
