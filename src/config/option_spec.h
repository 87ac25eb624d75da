/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_OPTION_SPEC_H
#define OMB_CONFIG_OPTION_SPEC_H

/*
 * option_spec -- a row of a table of options, and what a row can store.  What reads them is in
 * option.h, what prints them in option_doc.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/units.h"

struct override;
struct yaml_line;

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
	/* Its value names a file or a folder of this host, or what is run there: who reads the
	 * configuration of somebody else may not want that (option_each_marked). */
	OPTION_FILE = 1 << 4,
	OPTION_COMMAND = 1 << 5,
	/* Java cuts fractions off, we take them: lenient reading says so. */
	OPTION_JAVA_WHOLE = 1 << 3,
};

/* Rows of the largest table, with room. */
#define OPTION_ROWS_MAX 96

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

#endif
