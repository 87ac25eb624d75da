/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_ARENA_H
#define OMB_UTIL_ARENA_H

/*
 * arena -- memory for things that live exactly as long as one run: configuration and plan.
 *
 * Zeroed is valid and empty.  Nothing is freed one by one; arena_fini frees all of it.
 */

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* owned, newest first */
};

/* Zeroed memory aligned for any type; lives until arena_fini.  Aborts on exhaustion. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strdup(struct arena *a, const char *text);
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* All that is in *from lives as long as *to from now on; *from is empty then. */
void arena_adopt(struct arena *to, struct arena *from);
void arena_fini(struct arena *a);

#endif
