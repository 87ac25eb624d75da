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
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"
#include "util/units.h"

struct arena;
struct override;
struct text;
struct yaml_line;
struct yaml_node;

/* clang-format off */
enum option_type {                /* the member at `offset` is ... */
	OPTION_BOOL,              /* bool */
	OPTION_COUNT,             /* uint32_t */
	OPTION_COUNT64,           /* uint64_t */
	OPTION_INT,               /* int32_t */
	OPTION_REAL,              /* double */
	OPTION_RATE,              /* double: per second */
	OPTION_TEXT,              /* const char *: one line; NULL = absent */
	OPTION_BLOCK,             /* struct option_block: lines of text */
	OPTION_ENUM,              /* an enum, or int: the value of one of `choices` */
	OPTION_DURATION,          /* uint64_t: ns */
	OPTION_BYTES,             /* uint64_t: bytes */
	OPTION_CHOICE_OR_COUNT,   /* struct option_pick: a choice, or a whole number */
	OPTION_CHOICE_OR_RATE,    /* struct option_pick: a choice, or a number per second */
	OPTION_COUNT_OR_DURATION, /* struct option_amount: a bare number is a count */
	OPTION_COUNT_OR_BYTES,    /* struct option_amount: a bare number is a count */
	OPTION_CPUS,              /* struct cpu_list: 0-3,5 */
	OPTION_LIST,              /* struct option_list: texts; one alone needs no brackets */
	OPTION_NODE,              /* const struct yaml_node *: anything; NULL = absent */
};
/* clang-format on */

struct option_choice {
	const char *name;
	int value;  /* not negative */
	bool alias; /* accepted, not documented: a second name of the same value */
};

struct option_block {
	const char *text; /* NULL = absent */
	size_t len;
	int line;                   /* of its first line in the file; 0 = not from a file */
	int head_line, head_column; /* of its `|` or `>`, or where a text without one begins */
	/* Lines of the file that YAML made one text of (yaml.h); NULL = lines are as in the file. */
	const struct yaml_line *lines;
	size_t line_count;
	bool folded; /* by a `>`; else it is a plain or quoted text that goes on */
	/* Properties set from outside, which replace those of the text; see properties.h. */
	const struct override *sets;
	size_t set_count;
};

struct option_pick {
	int choice; /* value of the choice, or OPTION_NUMBER */
	double number;
};
#define OPTION_NUMBER (-1)

struct option_amount { /* one of them at most is not 0 */
	uint64_t count, ns, bytes;
};

struct option_list {
	const char *const *items;
	size_t count;
};

enum option_flag {
	OPTION_REQUIRED = 1 << 0, /* absent is an error */
	OPTION_OMB = 1 << 1,      /* OMB has this key: lenient reading is as Java's */
	OPTION_SECRET = 1 << 2,   /* option_format writes **** */
	/* Java cuts fractions off, we take them: lenient reading says so. */
	OPTION_JAVA_WHOLE = 1 << 3,
};

struct option_spec {
	const char *name; /* NULL ends the table */
	enum option_type type;
	size_t offset;
	double min, max;      /* inclusive; of a duration in ns; max 0 = as far as the type goes */
	const char *fallback; /* the default, as one would write it; NULL = the member stays zero */
	const char *unit;     /* what a bare number means: "s", "B", "messages/s" */
	const struct option_choice *choices; /* { NULL } ends */
	unsigned flags;
	const char *excludes; /* another key of the table: never both */
	const char *help;     /* lower case, no stop; may be several sentences */
};

struct option_reader {
	const struct option_spec *table;
	const struct option_spec *elsewhere; /* keys of the same file that others read; or NULL */
	bool lenient;
	struct arena *arena;
	struct error_list *errors, *warnings;
};

/* Stores every default, then what `map` has.  False = something was added to *errors. */
bool option_read(const struct option_reader *r, const struct yaml_node *map, void *out);

/* Stores one value, strictly.  `name` unknown: the error names the nearest. */
bool option_apply(const struct option_spec *table, struct arena *a, void *out, const char *name,
                  const char *value, struct error *err);

/* Stores the defaults alone.  A fallback that its own row refuses is a programmer's error. */
void option_defaults(const struct option_spec *table, struct arena *a, void *out);

const struct option_spec *option_find(const struct option_spec *table, const char *name);

/* The name nearest to a mistyped one (upper and lower case are the same), NULL = none is near. */
const char *option_nearest(const struct option_spec *table, const char *name);

/* `unknown option "topisc", did you mean "topics"?`  `more`: a second table to look in, or NULL. */
bool option_unknown(struct error *err, const struct option_spec *table,
                    const struct option_spec *more, const char *name);

/* The member's value as one would write it in a file. */
void option_format(const struct option_spec *spec, const void *in, struct text *out);

/* --- documentation from the same rows: option_doc.c ------------------------------------------ */

/* "topics          number of topics to create (1..1000000, required)": lines for a terminal. */
void option_help(const struct option_spec *table, struct text *out);
/* A table: key, type, range, default, meaning. */
void option_markdown(const struct option_spec *table, struct text *out);
/* .TP paragraphs of a man page. */
void option_roff(const struct option_spec *table, struct text *out);

/* "whole number", "duration", "NO_KEY | KEY_ROUND_ROBIN | ...": what may be written. */
void option_type_text(const struct option_spec *spec, struct text *out);
/* "1..1000000", ">= 1s"; nothing when there is no limit. */
void option_range_text(const struct option_spec *spec, struct text *out);

#endif
