/* SPDX-License-Identifier: Apache-2.0 */
#include "util/base64.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

static const char *const alphabets[] = {
	[BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void base64_encode(const void *bytes, size_t len, enum base64_form form, struct text *out)
{
	const uint8_t *in = bytes;
	const char *alphabet = alphabets[form];

	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t group = (uint32_t)in[i] << 16;
		char quad[4];

		if (have > 1)
			group |= (uint32_t)in[i + 1] << 8;
		if (have > 2)
			group |= in[i + 2];
		memset(quad, '=', sizeof(quad));
		for (unsigned k = 0; k <= have; k++)
			quad[k] = alphabet[group >> (18 - 6 * k) & 63];
		text_add_bytes(out, quad, form == BASE64_URL ? have + 1 : 4);
	}
}

/* 64 and more: not a digit. */
static uint32_t digit_value(char c, enum base64_form form)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	if (c == alphabets[form][62])
		return 62;
	if (c == alphabets[form][63])
		return 63;
	return 64;
}

/* How many digits stand before the padding; false when that is not a possible text. */
static bool digits_of(const char *text, size_t len, enum base64_form form, size_t *digits,
                      struct error *err)
{
	*digits = len;
	if (form == BASE64_STANDARD) {
		if (len % 4 != 0)
			return error_set(err, ERROR_PROTOCOL,
			                 "base64: %zu characters are not a multiple of 4", len);
		for (int pad = 0; pad < 2 && *digits > 0 && text[*digits - 1] == '='; pad++)
			(*digits)--;
	}
	if (*digits % 4 == 1)
		return error_set(err, ERROR_PROTOCOL, "base64: the text is cut short");
	return true;
}

bool base64_decode(const char *text, size_t len, enum base64_form form, struct text *out,
                   struct error *err)
{
	size_t digits, n = 0;
	uint32_t bits = 0; /* the last digits, of which `held` bits are not yet written */
	unsigned held = 0;

	if (!digits_of(text, len, form, &digits, err))
		return false;

	uint8_t *bytes = xmalloc(digits / 4 * 3 + 3);
	for (size_t i = 0; i < digits; i++) {
		uint32_t value = digit_value(text[i], form);
		if (value > 63) {
			free(bytes);
			return error_set(err, ERROR_PROTOCOL,
			                 "base64: character 0x%02x at offset %zu",
			                 (unsigned)(uint8_t)text[i], i);
		}
		bits = bits << 6 | value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			bytes[n++] = (uint8_t)(bits >> held);
			bits &= (1u << held) - 1;
		}
	}
	bool exact = bits == 0;
	if (exact)
		text_add_bytes(out, bytes, n);
	free(bytes);
	return exact || error_set(err, ERROR_PROTOCOL, "base64: bits left over at the end");
}
