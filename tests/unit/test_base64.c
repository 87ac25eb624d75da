/* SPDX-License-Identifier: Apache-2.0 */
#include "util/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *bytes, *standard, *url;
} vectors[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/", "-_-_" },
};

static void the_vectors_of_rfc_4648_encode_and_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		for (int form = BASE64_STANDARD; form <= BASE64_URL; form++) {
			const char *want =
				form == BASE64_URL ? vectors[i].url : vectors[i].standard;
			struct text encoded = { 0 }, decoded = { 0 };
			struct error err = { 0 };

			base64_encode(vectors[i].bytes, strlen(vectors[i].bytes),
			              (enum base64_form)form, &encoded);
			assert_string_equal(text_str(&encoded), want);
			assert_true(base64_decode(want, strlen(want), (enum base64_form)form,
			                          &decoded, &err));
			assert_string_equal(text_str(&decoded), vectors[i].bytes);
			assert_int_equal(decoded.len, strlen(vectors[i].bytes));
			text_fini(&encoded);
			text_fini(&decoded);
		}
	}
}

static void every_byte_survives_at_every_length(void **state)
{
	(void)state;
	unsigned char bytes[256];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);

	for (size_t len = 1; len <= sizeof(bytes); len++) {
		struct text encoded = { 0 }, decoded = { 0 };
		struct error err = { 0 };

		base64_encode(bytes, len, BASE64_STANDARD, &encoded);
		assert_true(
			base64_decode(encoded.data, encoded.len, BASE64_STANDARD, &decoded, &err));
		assert_int_equal(decoded.len, len);
		assert_memory_equal(decoded.data, bytes, len);
		text_fini(&encoded);
		text_fini(&decoded);
	}
}

static void text_that_no_encoder_writes_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum base64_form form;
		const char *want;
	} cases[] = {
		{ "Zg=", BASE64_STANDARD, "base64: 3 characters are not a multiple of 4" },
		{ "Zg", BASE64_STANDARD, "base64: 2 characters are not a multiple of 4" },
		{ "Z===", BASE64_STANDARD, "base64: character 0x3d at offset 1" },
		{ "====", BASE64_STANDARD, "base64: character 0x3d at offset 0" },
		{ "Zg==Zg==", BASE64_STANDARD, "base64: character 0x3d at offset 2" },
		{ "Zm9\n", BASE64_STANDARD, "base64: character 0x0a at offset 3" },
		{ "Zm-v", BASE64_STANDARD, "base64: character 0x2d at offset 2" },
		{ "Zm+v", BASE64_URL, "base64: character 0x2b at offset 2" },
		{ "Zh==", BASE64_STANDARD, "base64: bits left over at the end" },
		{ "Zm9", BASE64_STANDARD, "base64: 3 characters are not a multiple of 4" },
		{ "Zm9vY", BASE64_URL, "base64: the text is cut short" },
		{ "Zg==", BASE64_URL, "base64: character 0x3d at offset 2" },
		{ "\xc3\xa9gg", BASE64_URL, "base64: character 0xc3 at offset 0" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text out = { 0 };
		struct error err = { 0 };

		text_add(&out, "before");
		assert_false(base64_decode(cases[i].text, strlen(cases[i].text), cases[i].form,
		                           &out, &err));
		assert_string_equal(err.text, cases[i].want);
		assert_int_equal(err.kind, ERROR_PROTOCOL);
		assert_string_equal(text_str(&out), "before");
		text_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_rfc_4648_encode_and_decode),
		cmocka_unit_test(every_byte_survives_at_every_length),
		cmocka_unit_test(text_that_no_encoder_writes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
