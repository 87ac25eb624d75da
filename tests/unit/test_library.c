/* SPDX-License-Identifier: Apache-2.0 */
/* A library that is loaded late: the C library, which is there, and one that nobody has. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver/library.h"
#include "driver/registry.h"

static struct {
	size_t (*strlen)(const char *);
	int (*strcmp)(const char *, const char *);
} functions;

static void nothing_to_load_is_loaded(void **state)
{
	struct error err;

	(void)state;
	assert_true(library_load(NULL, &err));
}

static void a_call_goes_to_the_function_of_its_name(void **state)
{
	static const char *const names[] = { "strlen", "strcmp" };
	const struct driver_library c = { "libc.so.6", names, 2, &functions };
	struct error err;

	(void)state;
	assert_true(library_load(&c, &err));
	assert_int_equal(functions.strlen("three"), 5);
	assert_int_equal(functions.strcmp("same", "same"), 0);
}

static void what_is_missing_is_named_with_its_package(void **state)
{
	const struct driver_library none = { "libomb-nowhere.so.3", NULL, 0, NULL };
	struct driver absent = { .name = "absent", .library = &none };
	struct error err;

	(void)state;
	assert_false(driver_load_library(&absent, &err));
	assert_int_equal(err.kind, ERROR_SYSTEM);
	assert_non_null(strstr(err.text, "driver absent: library missing: libomb-nowhere.so.3: "
	                                 "install the package libomb-nowhere3 ("));
}

static void a_library_without_one_of_the_functions_is_too_old(void **state)
{
	static const char *const names[] = { "strlen", "omb_comes_next_year" };
	const struct driver_library c = { "libc.so.6", names, 2, &functions };
	struct error err;

	(void)state;
	assert_false(library_load(&c, &err));
	assert_string_equal(err.text, "library too old: libc.so.6 lacks omb_comes_next_year: "
	                              "install a newer package libc6");
}

static void packages_are_named_by_the_rule_of_debian(void **state)
{
	static const char *const cases[][2] = {
		{ "librdkafka.so.1", "librdkafka1" },   { "libnats.so.3.4", "libnats3.4" },
		{ "libfoo2.so.1", "libfoo2-1" },        { "libbar-1.0.so.0", "libbar-1.0-0" },
		{ "plugin-of-ours", "plugin-of-ours" },
	};
	char out[LIBRARY_PACKAGE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(library_package(cases[i][0], out), cases[i][1]);
}

/* Parents read files and plan runs without it: if it were linked it would be here. */
static void no_driver_brings_its_library_before_it_is_loaded(void **state)
{
	(void)state;
	for (size_t i = 0; drivers[i] != NULL; i++) {
		const struct driver_library *l = drivers[i]->library;
		if (l == NULL)
			continue;
		assert_null(dlopen(l->soname, RTLD_NOW | RTLD_NOLOAD));
		struct error err;
		assert_true(driver_load_library(drivers[i], &err));
		assert_non_null(dlopen(l->soname, RTLD_NOW | RTLD_NOLOAD));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_load_is_loaded),
		cmocka_unit_test(a_call_goes_to_the_function_of_its_name),
		cmocka_unit_test(what_is_missing_is_named_with_its_package),
		cmocka_unit_test(a_library_without_one_of_the_functions_is_too_old),
		cmocka_unit_test(packages_are_named_by_the_rule_of_debian),
		cmocka_unit_test(no_driver_brings_its_library_before_it_is_loaded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
