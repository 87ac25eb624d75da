/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_WORKERS_FILE_H
#define OMB_CONFIG_WORKERS_FILE_H

/*
 * workers_file -- the workers that make a load: OMB's `workers.yaml`, or a list of the command line.
 *
 *     workers:
 *       - http://10.0.0.11:8080
 *       - http://10.0.0.12:8080
 *
 * Addresses are absolute, with scheme and port; slashes at the end are dropped.  No worker stands
 * there twice: it would have to make two loads at once.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/override.h"
#include "util/error.h"

struct arena;

/* What OMB's coordinator reads without being told to. */
#define WORKERS_FILE_NAME "workers.yaml"

struct workers_list {
	const char **urls; /* "http://a:8080"; in the arena */
	size_t count;      /* 0: the host of the coordinator makes the load */
};

/* Appends nothing and fails if it is no worker's address, or one that the list has already; `out` has
 * room for it. */
bool workers_list_add(struct workers_list *out, const char *url, struct arena *a,
                      struct error *err);

/* False = something was added to *errors.  What is added to either list begins with
 * "workers file w.yaml:2:5: ". */
bool workers_file_load(const char *path, const struct config_mode *mode, struct arena *a,
                       struct workers_list *out, struct error_list *errors,
                       struct error_list *warnings);

/* The same from memory, without that beginning. */
bool workers_file_parse(const char *text, size_t len, const struct config_mode *mode,
                        struct arena *a, struct workers_list *out, struct error_list *errors,
                        struct error_list *warnings);

#endif
