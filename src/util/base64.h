/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_BASE64_H
#define OMB_UTIL_BASE64_H

/*
 * base64 -- bytes as text and back (RFC 4648), standard and URL-safe.
 *
 * The decoder is strict: characters outside the alphabet (white space too), missing or superfluous
 * padding and bits that stand for nothing are errors.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"
#include "util/text.h"

enum base64_form {
	BASE64_STANDARD, /* + and /, padded with = */
	BASE64_URL,      /* - and _, no padding */
};

/* Both append to `out`. */
void base64_encode(const void *bytes, size_t len, enum base64_form form, struct text *out);

/* ERROR_PROTOCOL; `out` is unchanged then. */
bool base64_decode(const char *text, size_t len, enum base64_form form, struct text *out,
                   struct error *err);

#endif
