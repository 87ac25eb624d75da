/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_OPTION_H
#define OMB_CONFIG_OPTION_H

/*
 * option -- keys of a configuration file, described by a table: one row parses, checks, defaults
 * and documents a key.
 *
 *     static const struct option_spec table[] = {
 *             {
 *                     .name = "topics",
 *                     .type = OPTION_COUNT,
 *                     .offset = offsetof(struct sample, topics),
 *                     .min = 1,
 *                     .max = 1e6,
 *                     .flags = OPTION_REQUIRED,
 *                     .help = "number of topics to create",
 *             },
 *             { 0 },
 *     };
 *
 * All failures of a file are reported, each with its place.  Lenient reading takes for rows with
 * OPTION_OMB what the Java program takes (1e5, 10_000, 0x10, 010, quoted numbers, fractions cut
 * off, yes and no, numbers below the range as 0, unknown enum names) and for all rows unknown and
 * duplicate keys; it warns of each.
 *
 * Ownership: texts and lists that are stored live in the arena.
 */

#include <stdbool.h>

#include "config/option_spec.h"
#include "util/error.h"

struct arena;
struct nearest;
struct text;
struct yaml_node;

struct option_reader {
	const struct option_spec *table;
	const struct option_spec *elsewhere; /* keys of the same file that others read; or NULL */
	bool lenient;
	struct arena *arena;
	struct error_list *errors, *warnings;
	bool *failed; /* one for each row, set where an error was added about it; or NULL */
};

/* Stores every default, then what `map` has.  False = something was added to *errors. */
bool option_read(const struct option_reader *r, const struct yaml_node *map, void *out);

/* Stores one value, strictly.  `name` unknown: the error names the nearest. */
bool option_apply(const struct option_spec *table, struct arena *a, void *out, const char *name,
                  const char *value, struct error *err);

/* Stores the defaults alone.  A fallback that its own row refuses is a programmer's error. */
void option_defaults(const struct option_spec *table, struct arena *a, void *out);

const struct option_spec *option_find(const struct option_spec *table, const char *name);

/* The name nearest to a mistyped one (util/nearest.h), NULL = none is near. */
const char *option_nearest(const struct option_spec *table, const char *name);

/* Considers every name of the table. */
void option_consider(const struct option_spec *table, struct nearest *near);

/* `unknown option "topisc", did you mean "topics"?`  `more`: a second table to look in, or NULL. */
bool option_unknown(struct error *err, const struct option_spec *table,
                    const struct option_spec *more, const char *name);

/* The member's value as one would write it in a file. */
void option_format(const struct option_spec *spec, const void *in, struct text *out);

/* The rows with one of these marks (OPTION_FILE, ...) whose value is set in *in. */
typedef void option_marked_fn(void *to, const struct option_spec *spec, const char *value);
void option_each_marked(const struct option_spec *table, unsigned marks, const void *in,
                        option_marked_fn *fn, void *to);

#endif
