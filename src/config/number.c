/* SPDX-License-Identifier: Apache-2.0 */
#include "config/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More digits than any number that means something here. */
#define NUMBER_TEXT_MAX 64

/* `text` without its underscores; false when it is too long for a number. */
static bool drop_underscores(const char *text, char *out, bool *dropped)
{
	size_t len = 0;

	*dropped = false;
	for (; *text != '\0'; text++) {
		if (*text == '_') {
			*dropped = true;
			continue;
		}
		if (len == NUMBER_TEXT_MAX)
			return false;
		out[len++] = *text;
	}
	out[len] = '\0';
	return len > 0;
}

static bool consists_of(const char *s, const char *set)
{
	return *s != '\0' && s[strspn(s, set)] == '\0';
}

static void store_whole(struct number *out, const char *digits, int base)
{
	errno = 0;
	unsigned long long magnitude = strtoull(digits, NULL, base);

	out->whole = true;
	out->magnitude = errno == ERANGE ? UINT64_MAX : magnitude;
	out->value = (double)out->magnitude;
}

/* Digits, a point, digits, an exponent; at least one digit before the exponent. */
static bool is_decimal(const char *s, bool *plain, bool *exponent)
{
	size_t before = strspn(s, "0123456789");
	size_t after = 0;

	s += before;
	*exponent = false;
	*plain = before > 0;
	if (*s == '.') {
		after = strspn(++s, "0123456789");
		s += after;
		*plain = *plain && after > 0;
	}
	if (before + after == 0)
		return false;
	if (*s == 'e' || *s == 'E') {
		*exponent = true;
		s++;
		if (*s == '+' || *s == '-')
			s++;
		return consists_of(s, "0123456789");
	}
	return *s == '\0';
}

static bool is_hexadecimal(const char *s)
{
	return s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
	       consists_of(s + 2, "0123456789abcdefABCDEF");
}

/* 010, and 01.5: other readers may see something else in it. */
static bool has_leading_zero(const char *s)
{
	return s[0] == '0' && isdigit((unsigned char)s[1]);
}

static bool parse_unsigned(const char *s, struct number *out)
{
	bool plain = true, exponent = false;

	if (is_hexadecimal(s)) {
		store_whole(out, s + 2, 16);
		plain = false;
	} else if (consists_of(s, "0123456789")) {
		bool octal = has_leading_zero(s) && consists_of(s, "01234567");
		store_whole(out, s, octal ? 8 : 10);
	} else if (is_decimal(s, &plain, &exponent)) {
		out->value = strtod(s, NULL);
	} else {
		return false;
	}
	if (exponent)
		out->form = NUMBER_EXPONENT;
	if (!plain || has_leading_zero(s))
		out->form = NUMBER_OTHER;
	return true;
}

bool number_parse(const char *text, struct number *out)
{
	struct number n = { .form = NUMBER_PLAIN };
	char copy[NUMBER_TEXT_MAX + 1];
	bool dropped;

	if (!drop_underscores(text, copy, &dropped) || text[0] == '_')
		return false;

	const char *s = copy;
	if (*s == '+' || *s == '-')
		n.negative = *s++ == '-';
	if (!parse_unsigned(s, &n))
		return false;
	if (dropped)
		n.form = NUMBER_OTHER;
	if (n.negative)
		n.value = -n.value;
	*out = n;
	return true;
}
