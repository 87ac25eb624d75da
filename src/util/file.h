/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_FILE_H
#define OMB_UTIL_FILE_H

/*
 * file -- whole files in and out.
 *
 * file_write_atomic never leaves a half-written file under its final name: it writes a neighbour
 * `<path>.tmp.<pid>`, syncs it and renames it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

/* Whole content plus a NUL that is not counted in *len.  Caller frees.  A file larger than
 * `max_bytes` is an error. */
char *file_read(const char *path, size_t max_bytes, size_t *len, struct error *err);

bool file_write_atomic(const char *path, const void *data, size_t len, struct error *err);

/* Creates `path` and its parents (mode 0777 less the umask); existing is fine. */
bool file_make_dirs(const char *path, struct error *err);

/* close() unless fd is negative. */
void file_close(int fd);

/* The part of `path` behind the last slash; borrowed. */
const char *file_base(const char *path);

#endif
