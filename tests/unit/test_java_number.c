/* SPDX-License-Identifier: Apache-2.0 */
#include "util/java_number.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void numbers_read_as_java_writes_them(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *want;
	} cases[] = {
		{ 0.0, "0.0" },
		{ -0.0, "-0.0" },
		{ 1.0, "1.0" },
		{ -1.5, "-1.5" },
		{ 10.0, "10.0" },
		{ 100.0, "100.0" },
		{ 120.0, "120.0" },
		{ 0.954, "0.954" },
		{ 0.1, "0.1" },
		{ 0.01, "0.01" },
		{ 12345.678, "12345.678" },
		{ 10268.650203595786, "10268.650203595786" },
		{ 99.9998341008932, "99.9998341008932" },
		/* The borders of plain notation. */
		{ 0.001, "0.001" },
		{ 0.002, "0.002" },
		{ 9.99e-4, "9.99E-4" },
		{ 1.65899106799209e-4, "1.65899106799209E-4" },
		{ 1e-4, "1.0E-4" },
		{ 9999999.0, "9999999.0" },
		{ 9999999.999, "9999999.999" },
		{ 1e7, "1.0E7" },
		{ 12345678.0, "1.2345678E7" },
		{ 1e23, "1.0E23" },
		{ 9007199254740992.0, "9.007199254740992E15" },
		/* At a power of two the nearest decimal of 16 digits is not the right one. */
		{ 0x1p-44, "5.684341886080802E-14" },
		{ DBL_MAX, "1.7976931348623157E308" },
		{ DBL_MIN, "2.2250738585072014E-308" },
		/* At least two digits, so that it is not 5E-324. */
		{ 0x1p-1074, "4.9E-324" },
		{ NAN, "NaN" },
		{ INFINITY, "Infinity" },
		{ -INFINITY, "-Infinity" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[JAVA_NUMBER_SIZE];
		assert_ptr_equal(java_number_format(cases[i].value, out), out);
		assert_string_equal(out, cases[i].want);
	}
}

static void every_number_reads_back_as_itself(void **state)
{
	(void)state;
	uint64_t bits = 1;

	for (int i = 0; i < 20000; i++) {
		char out[JAVA_NUMBER_SIZE];
		double value;

		bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		java_number_format(value, out);
		assert_true(strlen(out) < JAVA_NUMBER_SIZE - 1);
		assert_true(strtod(out, NULL) == value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_read_as_java_writes_them),
		cmocka_unit_test(every_number_reads_back_as_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
