/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_LINES_H
#define OMB_UTIL_LINES_H

/*
 * lines -- the lines of an open file, from its first byte on, one in memory at a time.
 *
 * The descriptor's position is neither used nor moved, so who appends to a file may read it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* A longer line is an error. */
#define LINES_MAX_BYTES ((size_t)64 << 20)

/* A line without its newline; the last one may have had none.  False: *err is set, and there are no
 * more. */
typedef bool lines_take(void *to, const char *line, size_t len, bool has_newline,
                        struct error *err);

bool lines_each(int fd, lines_take *take, void *to, struct error *err);

#endif
