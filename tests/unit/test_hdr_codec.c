/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hdr_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "stats/percentile.h"
#include "util/base64.h"

/* What Java wrote. */
#define JAVA_EMPTY_PUBLISH "HISTFAAAAB94nJNpmSzMwMDAyAABrFAazGee3M5g/wEqAgBJwQOa"
#define JAVA_EMPTY_E2E     "HISTFAAAACB4nJNpmSzMwMDAyAABrFAaxOfie72Bwf4DVAQAUL8EMA=="
#define JAVA_TEN                                          \
	"HISTFAAAADF4nJNpmSzMwMAgyAABrFCaEUQwT25nsP8AEWB" \
	"iOszIdXUWI9PebkWm1cuqmACzjwkm"

static void decode(const char *text, struct hist_copy *out)
{
	struct error err = { 0 };

	if (!hdr_codec_decode(text, strlen(text), 1000, out, &err))
		fail_msg("%s", err.text);
}

static void assert_equal(const struct hist_copy *a, const struct hist_copy *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(hist_copy_layout(a)->bits, hist_copy_layout(b)->bits);
	assert_int_equal(hist_copy_layout(a)->digits, hist_copy_layout(b)->digits);
	assert_int_equal(hist_copy_layout(a)->highest, hist_copy_layout(b)->highest);
	size_t lo = a->lo < b->lo ? a->lo : b->lo;
	size_t hi = a->hi > b->hi ? a->hi : b->hi;
	for (size_t i = lo; i < hi; i++)
		assert_int_equal(hist_copy_count_at(a, i), hist_copy_count_at(b, i));
}

static void fill_ten(struct hist_copy *c)
{
	static const struct {
		uint64_t value, n;
	} values[] = {
		{ 0, 1 }, { 1, 1 }, { 100, 5 }, { 10000, 1 }, { 300001, 1 }, { 60000000, 1 }
	};

	hist_copy_init(c, &hist_layout_omb_publish);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		hist_copy_record(c, values[i].value, values[i].n);
}

static void java_s_blobs_decode(void **state)
{
	(void)state;
	struct hist_copy got = { 0 }, want;

	decode(JAVA_EMPTY_PUBLISH, &got);
	assert_int_equal(got.count, 0);
	assert_int_equal(got.layout.highest, 60000000);
	decode(JAVA_EMPTY_E2E, &got);
	assert_int_equal(got.count, 0);
	assert_int_equal(got.layout.highest, 43200000000);

	fill_ten(&want);
	decode(JAVA_TEN, &got);
	assert_equal(&got, &want);
	assert_int_equal(got.layout.unit_ns, 1000);
	assert_true(got.sum_unknown);
	assert_int_equal(percentile_value(&got, 75), 10000);
	assert_int_equal(percentile_max(&got), 60000255);
	assert_true(percentile_mean(&got) == 6031063.0);
	hist_copy_fini(&got);
	hist_copy_fini(&want);
}

static void the_same_histograms_encode_to_java_s_bytes(void **state)
{
	(void)state;
	struct hist_copy ten, publish, e2e;
	struct text out = { 0 };

	fill_ten(&ten);
	hist_copy_init(&publish, &hist_layout_omb_publish);
	hist_copy_init(&e2e, &hist_layout_omb_e2e);
	hdr_codec_encode(&ten, &out);
	text_add(&out, "\n");
	hdr_codec_encode(&publish, &out);
	text_add(&out, "\n");
	hdr_codec_encode(&e2e, &out);

	/* Another zlib may pack the same content in other bytes. */
	if (strcmp(zlibVersion(), "1.2.13") == 0)
		assert_string_equal(text_str(&out),
		                    JAVA_TEN "\n" JAVA_EMPTY_PUBLISH "\n" JAVA_EMPTY_E2E);
	struct hist_copy back = { 0 };
	*strchr(out.data, '\n') = '\0';
	decode(out.data, &back);
	assert_equal(&back, &ten);
	hist_copy_fini(&back);
	hist_copy_fini(&ten);
	text_fini(&out);
}

static void our_own_buckets_survive_unchanged(void **state)
{
	(void)state;
	struct hist_copy c = { 0 }, back = { 0 };
	struct text out = { 0 };
	struct error err = { 0 };

	for (uint64_t v = 0; v < UINT64_C(1) << 43; v += v / 50 + 1)
		hist_copy_record(&c, v, v % 100000 + 1);
	hist_copy_record(&c, 12345, UINT64_C(1) << 62); /* nine bytes, the last with 8 bits */
	hdr_codec_encode(&c, &out);
	assert_true(hdr_codec_decode(out.data, out.len, 1, &back, &err));
	assert_equal(&back, &c);
	assert_int_equal(back.layout.unit_ns, 1);
	text_fini(&out);
	hist_copy_fini(&c);
	hist_copy_fini(&back);
}

static void nanoseconds_travel_as_omb_s_microseconds(void **state)
{
	(void)state;
	struct hist_copy ns = { 0 }, back = { 0 };
	struct text out = { 0 };

	hist_copy_record(&ns, 950, 1);
	hist_copy_record(&ns, 1500, 2);
	hist_copy_record(&ns, UINT64_C(90) * 1000000000, 1);
	hdr_codec_encode_as(&ns, &hist_layout_omb_publish, &out);
	decode(text_str(&out), &back);
	assert_int_equal(back.layout.digits, 5);
	assert_int_equal(back.layout.highest, 60000000);
	assert_int_equal(back.count, 4);
	assert_int_equal(hist_copy_count_at(&back, 0), 1);
	assert_int_equal(hist_copy_count_at(&back, 1), 2);
	assert_int_equal(percentile_max(&back), 60000255);
	text_fini(&out);
	hist_copy_fini(&ns);
	hist_copy_fini(&back);
}

/* Packs a header and counts as a peer of bad will might. */
static void forge(const uint8_t *inner, size_t len, struct text *out)
{
	uint8_t bytes[1024] = { 0x1c, 0x84, 0x93, 0x14 };
	uLongf packed = sizeof(bytes) - 8;

	assert_int_equal(compress(bytes + 8, &packed, inner, len), Z_OK);
	for (int i = 0; i < 4; i++)
		bytes[4 + i] = (uint8_t)(packed >> (24 - 8 * i));
	base64_encode(bytes, packed + 8, BASE64_STANDARD, out);
}

/* Header of 40 bytes: 3 digits, up to 2^42 - 1, and a payload of 4 bytes: 1, 1, 1, 1. */
static const uint8_t good_inner[44] = {
	0x1c, 0x84, 0x93, 0x13, 0, 0, 0, 4, 0, 0, 0, 0, 0,    0,    0,
	3,    0,    0,    0,    0, 0, 0, 0, 1, 0, 0, 3, 0xff, 0xff, 0xff,
	0xff, 0xff, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 2, 2, 2,    2,
};

static bool decode_changed(size_t offset, const char *bytes, size_t len, uint64_t *count,
                           struct error *err)
{
	uint8_t inner[sizeof(good_inner)];
	struct text text = { 0 };
	struct hist_copy out = { 0 };

	memcpy(inner, good_inner, sizeof(inner));
	memcpy(inner + offset, bytes, len);
	forge(inner, sizeof(inner), &text);
	bool ok = hdr_codec_decode(text.data, text.len, 1, &out, err);
	*count = out.count;
	hist_copy_fini(&out);
	text_fini(&text);
	return ok;
}

static void what_a_blob_claims_is_checked(void **state)
{
	(void)state;
	static const struct {
		size_t offset;
		const char *bytes;
		size_t len;
		const char *want;
	} cases[] = {
		{ 3, "\x14", 1, "histogram: inner cookie 0x1c849314" },
		{ 7, "\x05", 1, "histogram: 1 bytes are missing" },
		{ 4, "\x7f", 1, "histogram: 2130706436 bytes of 33792 buckets" },
		{ 11, "\x01", 1, "histogram: normalizing offset is not 0" },
		{ 15, "\x00", 1, "histogram: 0 digits, expected 1 to 5" },
		{ 15, "\x06", 1, "histogram: 6 digits, expected 1 to 5" },
		{ 23, "\x02", 1, "histogram: range 2 to 4398046511103, expected 1 to below 2^62" },
		{ 24, "\x40", 1,
		  "histogram: range 1 to 4611690416473899007, expected 1 to below 2^62" },
		{ 15, "\x05\0\0\0\0\0\0\0\x01\x20", 10, "histogram: 4 bytes of 6029312 buckets" },
		/* A run of 33,793 zeros. */
		{ 40, "\x81\x90\x04", 3, "histogram: more than 33792 buckets" },
		{ 43, "\x80", 1, "histogram: a count is cut short" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { 0 };
		uint64_t count = 1;

		assert_false(decode_changed(cases[i].offset, cases[i].bytes, cases[i].len, &count,
		                            &err));
		assert_string_equal(err.text, cases[i].want);
		assert_int_equal(err.kind, ERROR_PROTOCOL);
		assert_int_equal(count, 0);
	}
}

static void the_unchanged_blob_and_the_longest_run_of_zeros_are_fine(void **state)
{
	(void)state;
	struct error err = { 0 };
	uint64_t count;

	assert_true(decode_changed(0, "", 0, &count, &err));
	assert_int_equal(count, 4);
	/* 33,791 zeros (zigzag 67,581) and one count in the last bucket. */
	assert_true(decode_changed(40, "\xfd\x8f\x04\x02", 4, &count, &err));
	assert_int_equal(count, 1);
	/* 33,792 zeros fill it: one more count is too much. */
	assert_false(decode_changed(40, "\xff\x8f\x04\x02", 4, &count, &err));
}

static void counts_that_do_not_fit_63_bits_are_refused(void **state)
{
	(void)state;
	uint8_t inner[40 + 18];
	struct text text = { 0 };
	struct hist_copy out = { 0 };
	struct error err = { 0 };

	memcpy(inner, good_inner, 40);
	inner[7] = 18;
	memset(inner + 40, 0xff, 18);
	inner[40] = inner[49] = 0xfe; /* twice the largest count, in the longest form */
	forge(inner, sizeof(inner), &text);
	assert_false(hdr_codec_decode(text.data, text.len, 1, &out, &err));
	assert_string_equal(err.text, "histogram: counts beyond 2^63");
	text_fini(&text);
}

static void no_part_of_a_blob_passes_for_the_whole(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(JAVA_TEN); len++) {
		struct hist_copy out = { 0 };
		struct error err = { 0 };

		assert_false(hdr_codec_decode(JAVA_TEN, len, 1000, &out, &err));
		assert_int_equal(err.kind, ERROR_PROTOCOL);
		assert_null(out.counts);
	}
}

static void other_text_is_refused_before_it_is_read(void **state)
{
	(void)state;
	struct hist_copy out = { 0 };
	struct error err = { 0 };
	const char *plain = "SElTVEZBQUE="; /* "HISTFAAA" */

	assert_false(hdr_codec_decode(plain, strlen(plain), 1, &out, &err));
	assert_string_equal(err.text, "histogram: cookie 0x48495354, expected 0x1c849314");
	/* Its length alone decides: the text is not even looked at. */
	assert_false(hdr_codec_decode(NULL, HDR_CODEC_TEXT_MAX + 1, 1, &out, &err));
	assert_string_equal(err.text, "histogram: 12582913 characters, at most 12582912");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(java_s_blobs_decode),
		cmocka_unit_test(the_same_histograms_encode_to_java_s_bytes),
		cmocka_unit_test(our_own_buckets_survive_unchanged),
		cmocka_unit_test(nanoseconds_travel_as_omb_s_microseconds),
		cmocka_unit_test(what_a_blob_claims_is_checked),
		cmocka_unit_test(the_unchanged_blob_and_the_longest_run_of_zeros_are_fine),
		cmocka_unit_test(counts_that_do_not_fit_63_bits_are_refused),
		cmocka_unit_test(no_part_of_a_blob_passes_for_the_whole),
		cmocka_unit_test(other_text_is_refused_before_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
