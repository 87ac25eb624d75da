/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/xalloc.h"

static void reserve(struct text *t, size_t more)
{
	size_t need = t->len + more + 1;

	if (need <= t->cap)
		return;
	size_t cap = t->cap ? t->cap * 2 : 64;
	while (cap < need)
		cap *= 2;
	t->data = xrealloc(t->data, cap);
	t->cap = cap;
}

void text_add(struct text *t, const char *s)
{
	text_add_bytes(t, s, strlen(s));
}

void text_add_bytes(struct text *t, const void *bytes, size_t len)
{
	reserve(t, len);
	memcpy(t->data + t->len, bytes, len);
	t->len += len;
	t->data[t->len] = '\0';
}

void text_addf(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_vaddf(t, fmt, ap);
	va_end(ap);
}

void text_vaddf(struct text *t, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	if (len < 0)
		abort(); /* only a broken format string gets here */
	reserve(t, (size_t)len);
	vsnprintf(t->data + t->len, (size_t)len + 1, fmt, again);
	va_end(again);
	t->len += (size_t)len;
}

const char *text_str(const struct text *t)
{
	return t->data ? t->data : "";
}

char *text_take(struct text *t)
{
	char *data = t->data ? t->data : xstrdup("");

	*t = (struct text){ 0 };
	return data;
}

void text_fini(struct text *t)
{
	free(t->data);
	*t = (struct text){ 0 };
}

void text_add_wrapped(struct text *t, const char *s, size_t indent, size_t width)
{
	size_t column = indent;

	while (*s != '\0') {
		size_t word = strcspn(s, " \n");
		if (column > indent && column + 1 + word > width) {
			text_addf(t, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			text_add(t, " ");
			column++;
		}
		text_add_bytes(t, s, word);
		column += word;
		s += word + strspn(s + word, " ");
		if (*s == '\n') {
			bool is_empty = s[1] == '\n' || s[1] == '\0';
			text_addf(t, "\n%*s", is_empty ? 0 : (int)indent, "");
			column = indent;
			s++;
		}
	}
	text_add(t, "\n");
}

void text_take_lines(struct text *t, text_line_fn *take, void *to)
{
	size_t from = 0;

	for (size_t i = 0; i < t->len; i++) {
		if (t->data[i] != '\n')
			continue;
		take(to, t->data + from, i - from);
		from = i + 1;
	}
	if (from == 0)
		return;
	memmove(t->data, t->data + from, t->len - from + 1);
	t->len -= from;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool text_is_same_but_numbers(const char *a, const char *b, size_t max)
{
	const char *a_end = a + max, *b_end = b + max;

	for (;;) {
		if (a >= a_end || b >= b_end)
			return true;
		if (is_digit(*a) && is_digit(*b)) {
			while (a < a_end && is_digit(*a))
				a++;
			while (b < b_end && is_digit(*b))
				b++;
			continue;
		}
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}
