/* SPDX-License-Identifier: Apache-2.0 */
#include "util/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void (*last_words)(size_t size);

void xalloc_set_last_words(void (*say)(size_t size))
{
	last_words = say;
}

static void *checked(void *p, size_t size)
{
	if (p == NULL && size > 0) {
		fprintf(stderr, "omb: out of memory (%zu bytes asked)\n", size);
		if (last_words != NULL)
			last_words(size);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size), size);
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count, size), count * size);
}

void *xrealloc(void *old, size_t size)
{
	return checked(realloc(old, size), size);
}

char *xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t len)
{
	char *copy = xmalloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		abort(); /* only a broken format string gets here */

	char *text = xmalloc((size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}
