/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever text arrives as a histogram, decoding ends with an error or with a histogram whose
 * figures can be computed and that survives being encoded and decoded again.
 *
 * The input is tried as the text, and again as what is packed inside: no fuzzer finds its way
 * through base64 and zlib by chance.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#include "stats/hdr_codec.h"
#include "stats/percentile.h"
#include "util/base64.h"
#include "util/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_point(void *arg, double percentile, uint64_t value)
{
	double *last = arg;

	(void)value;
	assert(percentile >= *last);
	*last = percentile;
}

static void check_figures(const struct hist_copy *c)
{
	double last = 0;

	percentile_curve(c, 100, check_point, &last);
	assert(percentile_value(c, 50) <= percentile_value(c, 99.9));
	assert(percentile_value(c, 100) <= percentile_max(c));
	/* Beyond, ranks no longer fit a double; HdrHistogram has it so. */
	if (c->count < UINT64_C(1) << 50)
		assert(percentile_value(c, 100) == percentile_max(c));
}

static void check_survives(const struct hist_copy *c)
{
	struct hist_copy back = { 0 };
	struct text text = { 0 };
	struct error err;

	hdr_codec_encode(c, &text);
	bool ok = hdr_codec_decode(text.data, text.len, 1000, &back, &err);
	assert(ok);
	assert(c->count == back.count);
	for (size_t i = c->lo; i < c->hi; i++)
		assert(hist_copy_count_at(c, i) == hist_copy_count_at(&back, i));
	text_fini(&text);
	hist_copy_fini(&back);
}

static void try_text(const char *text, size_t len)
{
	struct hist_copy c = { 0 };
	struct error err;

	if (hdr_codec_decode(text, len, 1000, &c, &err)) {
		check_figures(&c);
		check_survives(&c);
	}
	hist_copy_fini(&c);
}

/* cookie, length, zlib stream: as in hdr_codec.c */
static void try_inner(const uint8_t *data, size_t len)
{
	uLongf packed = compressBound(len);
	uint8_t *bytes = xcalloc(1, packed + 8);
	struct text text = { 0 };

	int rc = compress(bytes + 8, &packed, data, len);
	assert(rc == Z_OK);
	uint8_t head[8] = { 0x1c, 0x84, 0x93, 0x14 };
	for (size_t i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(packed >> (24 - 8 * i));
	for (size_t i = 0; i < sizeof(head); i++)
		bytes[i] = head[i];
	base64_encode(bytes, packed + 8, BASE64_STANDARD, &text);
	try_text(text.data, text.len);
	free(bytes);
	text_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	try_text((const char *)data, len);
	try_inner(data, len);
	return 0;
}
