/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hdr_codec.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "util/base64.h"
#include "util/xalloc.h"

/*
 * Big-endian throughout:
 *
 *     u32 cookie | u32 length | zlib stream of:
 *         u32 cookie | u32 payload length | u32 normalizing index offset (0) | u32 digits
 *         u64 lowest discernible value (1) | u64 highest trackable value | f64 ratio (1.0)
 *         payload: counts from bucket 0 to the last one in use, each a ZigZag LEB128 number of at
 *                  most 9 bytes (the 9th has 8 bits); n >= 0 is a count, -k a run of k zeros
 */
#define COOKIE_OUTER 0x1c849314u
#define COOKIE_INNER 0x1c849313u
#define OUTER_SIZE   8
#define INNER_SIZE   40
#define NUMBER_SIZE  9 /* bytes of the longest number */

/* OMB's largest has 2.6 M; 4 M buckets are 32 MiB of counts, and the window may have some slack. */
#define BUCKETS_MAX  ((size_t)1 << 22)

static void put_be(struct text *out, uint64_t value, unsigned bytes)
{
	uint8_t b[8];

	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
	text_add_bytes(out, b, bytes);
}

static uint64_t get_be(const uint8_t *b, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | b[i];
	return value;
}

static void put_number(struct text *out, int64_t value)
{
	uint64_t zigzag = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
	uint8_t b[NUMBER_SIZE];
	size_t n = 0;

	while (zigzag > 0x7f && n < NUMBER_SIZE - 1) {
		b[n++] = (uint8_t)(zigzag | 0x80);
		zigzag >>= 7;
	}
	b[n++] = (uint8_t)zigzag;
	text_add_bytes(out, b, n);
}

static bool get_number(const uint8_t **at, const uint8_t *end, int64_t *value)
{
	uint64_t zigzag = 0;

	for (unsigned i = 0; i < NUMBER_SIZE; i++) {
		if (*at == end)
			return false;
		uint8_t b = *(*at)++;
		bool last = i == NUMBER_SIZE - 1;
		zigzag |= (uint64_t)(last ? b : b & 0x7f) << (7 * i);
		if (last || b < 0x80)
			break;
	}
	*value = (int64_t)(zigzag >> 1 ^ (zigzag & 1 ? UINT64_MAX : 0));
	return true;
}

static void put_counts(const struct hist_copy *c, struct text *out)
{
	/* Java writes at least bucket 0, also of an empty histogram. */
	size_t end = c->count > 0 ? c->hi : 1;

	for (size_t i = 0; i < end;) {
		size_t zeros = 0;
		while (i + zeros < end && hist_copy_count_at(c, i + zeros) == 0)
			zeros++;
		i += zeros;
		if (zeros > 0) {
			put_number(out, zeros == 1 ? 0 : -(int64_t)zeros);
			continue;
		}
		uint64_t n = hist_copy_count_at(c, i++);
		assert(n <= INT64_MAX);
		put_number(out, (int64_t)n);
	}
}

void hdr_codec_encode(const struct hist_copy *c, struct text *out)
{
	const struct hist_layout *l = hist_copy_layout(c);
	struct text counts = { 0 }, inner = { 0 }, outer = { 0 };
	const double ratio = 1.0;
	uint64_t ratio_bits;

	memcpy(&ratio_bits, &ratio, sizeof(ratio_bits));
	put_counts(c, &counts);
	put_be(&inner, COOKIE_INNER, 4);
	put_be(&inner, counts.len, 4);
	put_be(&inner, 0, 4);
	put_be(&inner, l->digits, 4);
	put_be(&inner, 1, 8);
	put_be(&inner, l->highest, 8);
	put_be(&inner, ratio_bits, 8);
	text_add_bytes(&inner, counts.data, counts.len);

	uLongf len = compressBound(inner.len);
	Bytef *packed = xmalloc(len);
	int rc = compress(packed, &len, (const Bytef *)inner.data, inner.len);
	assert(rc == Z_OK); /* the buffer is large enough, and memory is all else that can lack */
	put_be(&outer, COOKIE_OUTER, 4);
	put_be(&outer, len, 4);
	text_add_bytes(&outer, packed, len);
	base64_encode(outer.data, outer.len, BASE64_STANDARD, out);

	free(packed);
	text_fini(&counts);
	text_fini(&inner);
	text_fini(&outer);
}

void hdr_codec_encode_as(const struct hist_copy *c, const struct hist_layout *to, struct text *out)
{
	struct hist_copy converted = { 0 };

	hist_copy_convert(c, to, &converted);
	hdr_codec_encode(&converted, out);
	hist_copy_fini(&converted);
}

/* The next `len` bytes of the stream.  The header comes first and says how much may follow. */
static bool unpack(z_stream *z, uint8_t *out, size_t len, struct error *err)
{
	z->next_out = out;
	z->avail_out = (uInt)len;
	while (z->avail_out > 0) {
		int rc = inflate(z, Z_NO_FLUSH);
		if (rc == Z_STREAM_END)
			break;
		if (rc != Z_OK)
			return error_set(err, ERROR_PROTOCOL, "histogram: zlib: %s",
			                 z->msg ? z->msg : zError(rc));
	}
	if (z->avail_out > 0)
		return error_set(err, ERROR_PROTOCOL, "histogram: %u bytes are missing",
		                 z->avail_out);
	return true;
}

static bool parse_header(const uint8_t *h, uint32_t unit_ns, struct hist_layout *layout,
                         size_t *payload_len, struct error *err)
{
	uint64_t cookie = get_be(h, 4), digits = get_be(h + 12, 4);
	uint64_t lowest = get_be(h + 16, 8), highest = get_be(h + 24, 8);

	if (cookie != COOKIE_INNER)
		return error_set(err, ERROR_PROTOCOL, "histogram: inner cookie 0x%08x",
		                 (unsigned)cookie);
	if (get_be(h + 8, 4) != 0)
		return error_set(err, ERROR_PROTOCOL, "histogram: normalizing offset is not 0");
	if (digits < 1 || digits > 5)
		return error_set(err, ERROR_PROTOCOL, "histogram: %u digits, expected 1 to 5",
		                 (unsigned)digits);
	if (lowest != 1 || highest < 2 || highest >= UINT64_C(1) << 62)
		return error_set(err, ERROR_PROTOCOL,
		                 "histogram: range %llu to %llu, expected 1 to below 2^62",
		                 (unsigned long long)lowest, (unsigned long long)highest);

	*layout = (struct hist_layout){
		.highest = highest,
		.unit_ns = unit_ns,
		.digits = (uint16_t)digits,
		.bits = hist_layout_bits((unsigned)digits),
	};
	*payload_len = get_be(h + 4, 4);
	size_t buckets = hist_layout_buckets(layout);
	if (buckets > BUCKETS_MAX || *payload_len > buckets * NUMBER_SIZE)
		return error_set(err, ERROR_PROTOCOL, "histogram: %zu bytes of %zu buckets",
		                 *payload_len, buckets);
	return true;
}

static bool parse_counts(const uint8_t *at, size_t len, struct hist_copy *out, struct error *err)
{
	const uint8_t *end = at + len;
	size_t buckets = hist_layout_buckets(hist_copy_layout(out));
	size_t i = 0;

	while (at < end) {
		int64_t n;
		if (!get_number(&at, end, &n))
			return error_set(err, ERROR_PROTOCOL, "histogram: a count is cut short");
		uint64_t skip = n < 0 ? 0 - (uint64_t)n : 1;
		if (skip > buckets - i)
			return error_set(err, ERROR_PROTOCOL, "histogram: more than %zu buckets",
			                 buckets);
		if (n > 0) {
			if ((uint64_t)n > INT64_MAX - out->count)
				return error_set(err, ERROR_PROTOCOL,
				                 "histogram: counts beyond 2^63");
			hist_copy_put(out, i, (uint64_t)n);
		}
		i += skip;
	}
	out->sum_unknown = true;
	return true;
}

static bool parse_inner(z_stream *z, uint32_t unit_ns, struct hist_copy *out, struct error *err)
{
	uint8_t header[INNER_SIZE];
	struct hist_layout layout;
	size_t len = 0;

	if (!unpack(z, header, sizeof(header), err) ||
	    !parse_header(header, unit_ns, &layout, &len, err))
		return false;

	uint8_t *payload = xmalloc(len + 1);
	hist_copy_init(out, &layout);
	bool ok = unpack(z, payload, len, err) && parse_counts(payload, len, out, err);
	free(payload);
	return ok;
}

static bool parse_outer(const struct text *bytes, uint32_t unit_ns, struct hist_copy *out,
                        struct error *err)
{
	z_stream z = { 0 };

	if (bytes->len < OUTER_SIZE)
		return error_set(err, ERROR_PROTOCOL, "histogram: only %zu bytes", bytes->len);
	const uint8_t *b = (const uint8_t *)bytes->data;
	if (get_be(b, 4) != COOKIE_OUTER)
		return error_set(err, ERROR_PROTOCOL, "histogram: cookie 0x%08x, expected 0x%08x",
		                 (unsigned)get_be(b, 4), COOKIE_OUTER);
	if (get_be(b + 4, 4) > bytes->len - OUTER_SIZE)
		return error_set(err, ERROR_PROTOCOL, "histogram: %zu bytes of %zu",
		                 bytes->len - OUTER_SIZE, (size_t)get_be(b + 4, 4));

	z.next_in = (Bytef *)bytes->data + OUTER_SIZE;
	z.avail_in = (uInt)get_be(b + 4, 4);
	if (inflateInit(&z) != Z_OK)
		return error_set(err, ERROR_PROTOCOL, "histogram: zlib does not start");
	bool ok = parse_inner(&z, unit_ns, out, err);
	inflateEnd(&z);
	return ok;
}

bool hdr_codec_decode(const char *base64, size_t len, uint32_t unit_ns, struct hist_copy *out,
                      struct error *err)
{
	struct text bytes = { 0 };

	hist_copy_fini(out);
	if (len > HDR_CODEC_TEXT_MAX)
		return error_set(err, ERROR_PROTOCOL, "histogram: %zu characters, at most %zu", len,
		                 HDR_CODEC_TEXT_MAX);

	bool ok = base64_decode(base64, len, BASE64_STANDARD, &bytes, err) &&
	          parse_outer(&bytes, unit_ns, out, err);
	if (!ok)
		hist_copy_fini(out);
	text_fini(&bytes);
	return ok;
}
