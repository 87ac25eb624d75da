/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_PROPERTIES_H
#define OMB_CONFIG_PROPERTIES_H

/*
 * properties -- the text of java.util.Properties, read as Java reads it.
 *
 * A line is a key, then `=`, `:` or blanks, then a value.  Blanks before key and value are
 * dropped, those behind a value are kept (Java does).  `#` and `!` start a comment line; a
 * backslash at the end continues the line and swallows the next one's indentation; a key alone has
 * an empty value; only the first separator counts; \t \n \r \f \uXXXX are escapes and a backslash
 * before anything else is dropped.  \u becomes UTF-8.  Of duplicates the last wins.
 *
 * What Java makes of a text is not always what its writer meant: a line that YAML or a backslash
 * joined to the one before it is part of that one's value.  Such places are told (`joins`); whoever
 * knows the names decides whether a property went lost there.
 *
 * Pure.  All of it lives in the arena.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct arena;
struct option_block;

struct property {
	const char *key, *value; /* never NULL; UTF-8 without NUL */
	int line;                /* in the file, of the line that won; 0 = from --set */
	int replaced_line;       /* of the duplicate that lost; 0 = none */
	const char *replaced;    /* its value; NULL = none */
};

/* A line of the file that is no line of its own. */
struct property_join {
	const char *key;  /* of the property whose value it is part of; NULL = a comment's */
	const char *text; /* what stands in that line, escapes still in it */
	int line, column;
	bool by_backslash; /* that ends the line before; else by YAML */
};

struct properties {
	struct property *items; /* in the order of their first appearance */
	size_t count, cap;
	struct property_join *joins; /* in the order of the file */
	size_t join_count, join_cap;
};

/* Adds to *out (zeroed, or filled before: later ones win).  `first_line`: the line of the file that
 * the text begins on.  An error carries its line. */
bool properties_parse(const char *text, size_t len, int first_line, struct arena *a,
                      struct properties *out, struct error *err);

/* The same for an option, with what --set says on top.  An absent block adds nothing. */
bool properties_parse_block(const struct option_block *block, struct arena *a,
                            struct properties *out, struct error *err);

/* Later entries win: common, then producer. */
void properties_add_all(struct properties *out, const struct properties *more, struct arena *a);
void properties_set(struct properties *p, const char *key, const char *value, int line,
                    struct arena *a);

const struct property *properties_find(const struct properties *p, const char *key);

#endif
