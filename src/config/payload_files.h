/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_PAYLOAD_FILES_H
#define OMB_CONFIG_PAYLOAD_FILES_H

/*
 * payload_files -- the contents of messages, from a file or from all files of a folder.
 *
 * In a folder every regular file whose name has no leading dot is a payload, in the order of their
 * names (byte by byte, so that every machine has the same order).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct arena;

#define PAYLOAD_FILES_MAX 100000

struct payload_files {
	const char **paths;
	const void **contents; /* NULL until loaded; each `size` bytes */
	size_t count;
	uint32_t size; /* bytes of each */
};

/* The path under which `name` exists: as it is, below `beside`'s folder, or below the folder above
 * that.  NULL = nowhere; *err says where it was looked for. */
const char *payload_files_find(const char *name, const char *beside, struct arena *a,
                               struct error *err);

/* Lists the files and checks that each has exactly `size` bytes; reads nothing. */
bool payload_files_list(const char *path, uint32_t size, struct arena *a, struct payload_files *out,
                        struct error *err);

/* Lists and reads.  Everything lives in the arena. */
bool payload_files_load(const char *path, uint32_t size, struct arena *a, struct payload_files *out,
                        struct error *err);

#endif
