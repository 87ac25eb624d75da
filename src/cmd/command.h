/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_COMMAND_H
#define OMB_CMD_COMMAND_H

/*
 * command -- a subcommand as a row: its name, its flags, its documentation, and what it does.
 *
 * Parsing, help, the man page and docs/ all read the same tables.  A command reports what goes
 * wrong through `complain`, which main.c owns: it is the only place that prints errors.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct arena;
struct args;

enum flag_kind {
	FLAG_SWITCH, /* takes nothing */
	FLAG_VALUE,  /* takes one value; at most once */
	FLAG_LIST,   /* takes a list with commas, and may be repeated: all are gathered */
	FLAG_REPEAT, /* takes one value, commas included, and may be repeated */
};

struct flag {
	const char *name;  /* without its dashes; NULL ends the table */
	const char *brief; /* "d" for -d, "wf" for -wf as OMB has it; NULL = none */
	enum flag_kind kind;
	const char *argument; /* what its value is called in the help; NULL for a switch */
	const char *help;     /* lower case, no stop */
};

/* How a command says what went wrong; warnings let it go on. */
enum complaint { COMPLAINT_ERROR, COMPLAINT_WARNING };

struct command {
	const char *name;
	const char *summary; /* one line for the list of commands */
	const char *words; /* synopsis of what is not a flag: "workload.yaml..."; NULL = nothing */
	const char *text;  /* paragraphs for help and man page, separated by empty lines */
	const char *examples; /* lines; NULL = none */
	const struct flag *flags;
	/* Returns the exit code.  Has complained of everything that made it fail. */
	int (*run)(const struct args *args);
};

/* All of them, in the order of the help; NULL ends.  Named by main alone: a command that tells about
 * the others (help) gets the table with its arguments. */
extern const struct command *const all_commands[];

#endif
