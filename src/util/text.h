/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_TEXT_H
#define OMB_UTIL_TEXT_H

/*
 * text -- a string that grows while it is written.
 *
 * Zeroed is valid and empty.  `data` is always NUL-terminated once something was added, and NULL
 * before.  For set-up and reports, never for the loops (it allocates, and aborts on exhaustion).
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* owned */
	size_t len, cap;
};

void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const void *bytes, size_t len);
void text_addf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vaddf(struct text *t, const char *fmt, va_list ap);

/* Words of `s` on lines that end before column `width`; a line break stays one, and lines after the first
 * begin with `indent` blanks, which the first has already.  Ends with a line break. */
void text_add_wrapped(struct text *t, const char *s, size_t indent, size_t width);

/* Takes the whole lines out of `t`, without their newlines. */
typedef void text_line_fn(void *to, const char *line, size_t len);
void text_take_lines(struct text *t, text_line_fn *take, void *to);

/* Never NULL; borrowed until the next change. */
const char *text_str(const struct text *t);

/* Gives the string away; the caller frees it.  `t` is empty afterwards. */
char *text_take(struct text *t);
void text_fini(struct text *t);

/* Do two strings differ in the digits of their numbers alone?  What is behind the first `max` bytes of
 * either does not count. */
bool text_is_same_but_numbers(const char *a, const char *b, size_t max);

#endif
