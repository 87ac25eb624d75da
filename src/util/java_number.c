/* SPDX-License-Identifier: Apache-2.0 */
#include "util/java_number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 17 digits tell any two doubles apart; Java writes at least 2. */
#define DIGITS_MIN 2
#define DIGITS_MAX 17

/* d.ddd times 10^exponent, without the point. */
struct decimal {
	char digits[DIGITS_MAX + 1];
	int exponent;
};

static struct decimal round_to(double value, int digits)
{
	char text[DIGITS_MAX + 8];
	struct decimal d;

	snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	d.digits[0] = text[0];
	memcpy(d.digits + 1, text + 2, (size_t)digits - 1);
	d.digits[digits] = '\0';
	d.exponent = (int)strtol(text + digits + 2, NULL, 10);
	return d;
}

static bool reads_back(const struct decimal *d, double value)
{
	char text[DIGITS_MAX + 16];

	snprintf(text, sizeof(text), "%c.%se%d", d->digits[0], d->digits + 1, d->exponent);
	return strtod(text, NULL) == value;
}

/* The next larger decimal of the same length. */
static void step_up(struct decimal *d)
{
	size_t i = strlen(d->digits);

	while (i > 0 && d->digits[i - 1] == '9')
		d->digits[--i] = '0';
	if (i > 0) {
		d->digits[i - 1]++;
	} else {
		d->digits[0] = '1';
		d->exponent++;
	}
}

/*
 * The nearest decimal of each length is tried, shortest first.  At a power of two the doubles
 * below lie closer than those above, so there the next decimal above may read back when the
 * nearest, below, does not (2^-44 is 5.684341886080802E-14).
 */
static struct decimal shortest(double value)
{
	struct decimal d = { .exponent = 0 };

	for (int digits = DIGITS_MIN; digits <= DIGITS_MAX; digits++) {
		d = round_to(value, digits);
		if (reads_back(&d, value))
			break;
		struct decimal above = d;
		step_up(&above);
		if (reads_back(&above, value))
			return above;
	}
	return d;
}

static void trim_zeros(char *digits)
{
	for (size_t n = strlen(digits); n > 2 && digits[n - 1] == '0'; n--)
		digits[n - 1] = '\0';
}

/* 0.001 to below 10^7: no exponent, and a digit at least on both sides of the point. */
static void format_plain(const struct decimal *d, char *out, size_t size)
{
	static const char zeros[] = "000000000";
	const char *digits = d->digits;
	int len = (int)strlen(digits);
	int whole = d->exponent + 1; /* this many digits stand before the point */

	if (whole <= 0)
		/* 0.0<digits>; "10" stands for the 1 of 0.001 */
		snprintf(out, size, "0.%.*s%.*s", -whole, zeros,
		         len == 2 && digits[1] == '0' ? 1 : len, digits);
	else if (whole >= len)
		snprintf(out, size, "%s%.*s.0", digits, whole - len, zeros);
	else
		snprintf(out, size, "%.*s.%s", whole, digits, digits + whole);
}

char *java_number_format(double value, char out[JAVA_NUMBER_SIZE])
{
	size_t sign = signbit(value) && !isnan(value) ? 1 : 0;
	char *rest = out + sign;
	size_t size = JAVA_NUMBER_SIZE - sign;

	out[0] = '-';
	if (isnan(value) || isinf(value) || value == 0.0) {
		snprintf(rest, size, "%s",
		         isnan(value)   ? "NaN"
		         : isinf(value) ? "Infinity"
		                        : "0.0");
		return out;
	}

	double magnitude = fabs(value);
	struct decimal d = shortest(magnitude);
	trim_zeros(d.digits);
	if (magnitude >= 1e-3 && magnitude < 1e7)
		format_plain(&d, rest, size);
	else
		snprintf(rest, size, "%c.%sE%d", d.digits[0], d.digits + 1, d.exponent);
	return out;
}
