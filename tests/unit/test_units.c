/* SPDX-License-Identifier: Apache-2.0 */
#include "util/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/arena.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void durations_have_units(void **state)
{
	(void)state;
	static const struct {
		const char *text, *bare;
		uint64_t ns;
	} cases[] = {
		{ "0", NULL, 0 },
		{ "1ns", NULL, 1 },
		{ "1us", NULL, 1000 },
		{ "1\xc2\xb5s", NULL, 1000 },
		{ "1ms", NULL, 1000000 },
		{ "90s", NULL, 90000000000 },
		{ "5m", NULL, 300000000000 },
		{ "5min", NULL, 300000000000 },
		{ "1h", NULL, 3600000000000 },
		{ "1h30m", NULL, 5400000000000 },
		{ "1m30s", NULL, 90000000000 },
		{ "1.5s", NULL, 1500000000 },
		{ "0.1ms", NULL, 100000 },
		{ "90 s", NULL, 90000000000 },
		{ "90", "s", 90000000000 },
		{ "200", "us", 200000 },
		{ "2.5", "ms", 2500000 },
		{ "9223372036854775807ns", NULL, 9223372036854775807 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t ns = 7;
		assert_int_equal(parse_duration(cases[i].text, cases[i].bare, &ns), UNITS_OK);
		assert_int_equal(ns, cases[i].ns);
	}
}

static void what_is_no_duration_is_refused_with_its_reason(void **state)
{
	(void)state;
	static const struct {
		const char *text, *bare;
		enum units_status want;
	} cases[] = {
		{ "", "s", UNITS_NOT_A_NUMBER },
		{ "s", "s", UNITS_NOT_A_NUMBER },
		{ "-1s", "s", UNITS_NOT_A_NUMBER },
		{ ".5s", "s", UNITS_NOT_A_NUMBER },
		{ "ten", "s", UNITS_NOT_A_NUMBER },
		{ "1", NULL, UNITS_NO_UNIT },
		{ "1m30", NULL, UNITS_NO_UNIT },
		{ "1m30", "s", UNITS_NO_UNIT },
		{ "1 fortnight", "s", UNITS_UNKNOWN_UNIT },
		{ "1S", "s", UNITS_UNKNOWN_UNIT },
		{ "1e5", "s", UNITS_UNKNOWN_UNIT },
		{ "1.s", "s", UNITS_NOT_A_NUMBER },
		{ "300000000h", NULL, UNITS_TOO_LARGE },
		{ "99999999999999999999999999999999999999999999", "s", UNITS_TOO_LARGE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t ns = 7;
		assert_int_equal(parse_duration(cases[i].text, cases[i].bare, &ns), cases[i].want);
		assert_int_equal(ns, 7);
	}
}

static void sizes_tell_thousands_from_1024(void **state)
{
	(void)state;
	static const struct {
		const char *text, *bare;
		uint64_t bytes;
	} cases[] = {
		{ "0", NULL, 0 },
		{ "7B", NULL, 7 },
		{ "1kB", NULL, 1000 },
		{ "1KB", NULL, 1000 },
		{ "1KiB", NULL, 1024 },
		{ "2MB", NULL, 2000000 },
		{ "2MiB", NULL, 2097152 },
		{ "1.5GiB", NULL, 1610612736 },
		{ "1TB", NULL, 1000000000000 },
		{ "512", "B", 512 },
	};
	uint64_t bytes;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse_bytes(cases[i].text, cases[i].bare, &bytes), UNITS_OK);
		assert_int_equal(bytes, cases[i].bytes);
	}
	assert_int_equal(parse_bytes("512", NULL, &bytes), UNITS_NO_UNIT);
	assert_int_equal(parse_bytes("1MB1kB", NULL, &bytes), UNITS_NOT_A_NUMBER);
	assert_int_equal(parse_bytes("1mb", NULL, &bytes), UNITS_UNKNOWN_UNIT);
	assert_int_equal(parse_bytes("10000000TiB", NULL, &bytes), UNITS_TOO_LARGE);
}

static void what_is_formatted_is_parsed_back(void **state)
{
	(void)state;
	static const uint64_t values[] = {
		0,
		1,
		999,
		1000,
		1024,
		1500,
		65536,
		1000000,
		2000000,
		90000000000,
		300000000000,
		3600000000000,
		5400000000000,
		3661000000000,
		1073741824,
		123456789012345,
		9007199254740992,
		9223372036854774784,
	};
	char text[UNITS_TEXT];

	for (size_t i = 0; i < COUNT(values); i++) {
		uint64_t back = 7;
		assert_int_equal(parse_duration(format_duration(values[i], text), NULL, &back),
		                 UNITS_OK);
		assert_int_equal(back, values[i]);
		assert_int_equal(parse_bytes(format_bytes(values[i], text), NULL, &back), UNITS_OK);
		assert_int_equal(back, values[i]);
	}
	assert_string_equal(format_duration(90000000000, text), "1m30s");
	assert_string_equal(format_duration(1500000000, text), "1500ms");
	assert_string_equal(format_duration(200000, text), "200us");
	assert_string_equal(format_duration(0, text), "0s");
	assert_string_equal(format_bytes(2000000, text), "2MB");
	assert_string_equal(format_bytes(65536, text), "64KiB");
	assert_string_equal(format_bytes(1234, text), "1234B");
}

static void short_forms_have_three_digits(void **state)
{
	(void)state;
	static const struct {
		uint64_t value;
		const char *duration, *size;
	} cases[] = {
		{ 0, "0s", "0B" },
		{ 7, "7ns", "7B" },
		{ 999, "999ns", "999B" },
		{ 1530, "1.53us", "1.53kB" },
		{ 15300, "15.3us", "15.3kB" },
		{ 153000, "153us", "153kB" },
		{ 999499, "999us", "999kB" },
		{ 999500, "1.00ms", "1.00MB" },
		{ 9996000, "10.0ms", "10.0MB" },
		{ 99960000, "100ms", "100MB" },
		{ 2100000000, "2.10s", "2.10GB" },
		{ 125400000000, "2m5s", "125GB" },
	};
	char text[UNITS_TEXT];

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(format_duration_short(cases[i].value, text), cases[i].duration);
		assert_string_equal(format_bytes_short(cases[i].value, text), cases[i].size);
	}
}

static void lists_of_cpus_are_ranges_and_numbers(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct cpu_list list;
	struct error err = { 0 };
	static const uint32_t want[] = { 5, 0, 1, 2, 3, 1023 };

	assert_true(cpu_list_parse("5,0-3,1023", &a, &list, &err));
	assert_int_equal(list.count, COUNT(want));
	assert_memory_equal(list.cpus, want, sizeof(want));

	assert_true(cpu_list_parse("", &a, &list, &err));
	assert_int_equal(list.count, 0);
	arena_fini(&a);
}

static void bad_lists_of_cpus_say_why(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "x", "\"x\" is not a list of CPUs such as 0-3,5" },
		{ "1,", "\"1,\" is not a list of CPUs such as 0-3,5" },
		{ "1,,2", "\"1,,2\" is not a list of CPUs such as 0-3,5" },
		{ "1-", "\"1-\" is not a list of CPUs such as 0-3,5" },
		{ "1 2", "\"1 2\" is not a list of CPUs such as 0-3,5" },
		{ "3-1", "CPUs 3-1 run backwards" },
		{ "0-3,2", "CPU 2 is named twice" },
		{ "1024", "CPU numbers are 0..1023, not as in \"1024\"" },
		{ "99999999999", "CPU numbers are 0..1023, not as in \"99999999999\"" },
	};
	struct arena a = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cpu_list list;
		struct error err = { 0 };
		assert_false(cpu_list_parse(cases[i].text, &a, &list, &err));
		assert_string_equal(err.text, cases[i].want);
	}
	arena_fini(&a);
}

static void counts_are_grouped_by_thousands(void **state)
{
	static const struct {
		uint64_t n;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 6000000, "6,000,000" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};
	char text[UNITS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(format_grouped(cases[i].n, text), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(what_is_no_duration_is_refused_with_its_reason),
		cmocka_unit_test(sizes_tell_thousands_from_1024),
		cmocka_unit_test(what_is_formatted_is_parsed_back),
		cmocka_unit_test(short_forms_have_three_digits),
		cmocka_unit_test(counts_are_grouped_by_thousands),
		cmocka_unit_test(lists_of_cpus_are_ranges_and_numbers),
		cmocka_unit_test(bad_lists_of_cpus_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
