/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_XALLOC_H
#define OMB_UTIL_XALLOC_H

/*
 * xalloc -- allocation for set-up code that ends the process when memory is exhausted.
 *
 * Never used in a producer or consumer loop: those do not allocate.  Sizes that come from outside
 * are checked against a range before they reach these functions.  The caller frees with free().
 */

#include <stddef.h>

/* Called when memory is exhausted, before the process ends: the place for its last words.  It must not
 * allocate.  NULL, as at first: a line on stderr is all. */
void xalloc_set_last_words(void (*say)(size_t size));

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
