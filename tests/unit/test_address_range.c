/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void an_address_is_in_a_block_or_not(void **state)
{
	static const struct {
		const char *range, *address;
		bool is_in;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.1.2:1", true },
		{ "10.0.0.0/8", "11.0.0.0:1", false },
		{ "10.1.2.128/25", "10.1.2.200:1", true },
		{ "10.1.2.128/25", "10.1.2.127:1", false },
		{ "10.1.2.3", "10.1.2.3:9", true },
		{ "10.1.2.3", "10.1.2.2:9", false },
		{ "0.0.0.0/0", "1.2.3.4:1", true },
		{ "0.0.0.0/0", "[::1]:1", false },
		{ "10.0.0.0/8", "[::ffff:10.1.1.1]:1", true },
		{ "10.0.0.0/8", "[::ffff:11.1.1.1]:1", false },
		{ "fd00::/8", "[fd12::1]:1", true },
		{ "fd00::/8", "[fe80::1]:1", false },
		{ "10.0.0.0/8", "@name", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address_range r;
		struct address a;
		struct error err;
		assert_true(address_range_parse(cases[i].range, &r, &err));
		assert_true(address_parse(cases[i].address, &a, &err));
		if (address_range_has(&r, &a) != cases[i].is_in)
			fail_msg("%s in %s", cases[i].address, cases[i].range);
	}
}

static void what_is_no_block_says_why(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "\"\" is not a block" },
		{ "host", "\"host\" is not a block" },
		{ "10.0.0/8", "is not a block" },
		{ "10.0.0.0/33", "the length is a number up to 32" },
		{ "10.0.0.0/", "the length is a number up to 32" },
		{ "10.0.0.0/-1", "the length is a number up to 32" },
		{ "::/129", "the length is a number up to 128" },
		{ "10.0.0.1/8", "there are bits set behind the first 8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address_range r;
		struct error err = { 0 };
		assert_false(address_range_parse(cases[i].text, &r, &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void loopback_is_this_host_alone(void **state)
{
	static const struct {
		const char *text;
		bool is_it;
	} cases[] = { { "127.0.0.1:1", true },    { "127.9.9.9:1", true },
		      { "[::1]:1", true },        { "[::ffff:127.0.0.1]:1", true },
		      { "0.0.0.0:1", false },     { "[::]:1", false },
		      { "192.168.0.1:1", false }, { "@name", true } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address a;
		struct error err;
		assert_true(address_parse(cases[i].text, &a, &err));
		if (address_is_loopback(&a) != cases[i].is_it)
			fail_msg("%s", cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_a_block_or_not),
		cmocka_unit_test(what_is_no_block_says_why),
		cmocka_unit_test(loopback_is_this_host_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
