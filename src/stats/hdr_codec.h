/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_HDR_CODEC_H
#define OMB_STATS_HDR_CODEC_H

/*
 * hdr_codec -- histograms as text: HdrHistogram's compressed V2 form in base64.
 *
 * Any HdrHistogram library reads it.  The text does not say the unit: whoever stores it does.
 * In result files our own buckets are written as they are (nanoseconds, 3 digits, lossless); on
 * OMB's wire they become microseconds with 5 digits first (hdr_codec_encode_as).
 */

#include <stdbool.h>
#include <stddef.h>

#include "stats/hist_copy.h"
#include "util/error.h"
#include "util/text.h"

/* More text than this is refused by the decoder.  Java's own limit is 8 MiB before base64; real
 * histograms have some kB. */
#define HDR_CODEC_TEXT_MAX ((size_t)12 << 20)

/* Appends to `out`. */
void hdr_codec_encode(const struct hist_copy *c, struct text *out);

/* The same after hist_copy_convert to layout `to`: hist_layout_omb_publish or _e2e. */
void hdr_codec_encode_as(const struct hist_copy *c, const struct hist_layout *to, struct text *out);

/*
 * Replaces what `out` held; `out` is empty after a failure (ERROR_PROTOCOL).  The layout is the one
 * in the text with `unit_ns` beside it.  Any bytes are safe: what the text claims is checked before
 * memory is taken for it, and at most 128 MiB are.
 */
bool hdr_codec_decode(const char *base64, size_t len, uint32_t unit_ns, struct hist_copy *out,
                      struct error *err);

#endif
