/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_ARGS_H
#define OMB_CMD_ARGS_H

/*
 * args -- the words behind a subcommand, taken apart by its table of flags.
 *
 * As OMB: flags and other words in any order; lists with commas and repeated flags gather; a flag
 * with one value may stand once.  Besides: `--name=value`, and `--` ends the flags.  Long names are
 * never abbreviated, because a script that abbreviates breaks with the next flag.
 */

#include <stdbool.h>
#include <stddef.h>

#include "cmd/command.h"
#include "util/error.h"

struct args_values {
	const char **items;
	size_t count;
};

struct args {
	const struct command *command;
	const struct command *const *commands; /* all there are; NULL ends */
	struct arena *arena;
	struct args_values *values; /* one for each row of the command's flags */
	struct args_values words;   /* what is neither a flag nor its value */
	const char *line;           /* the whole command line, for the manifest of a result */
	void (*complain)(enum complaint kind, const struct error *err);
};

/* `argv` begins behind the command's name.  What *out holds lives in the arena and in argv.
 * ERROR_USAGE, with the nearest name for an unknown flag. */
bool args_parse(const struct command *command, int argc, char *const *argv, struct arena *arena,
                struct args *out, struct error *err);

/* By the long name of a flag; asking for one that the command does not have is a bug. */
bool args_has(const struct args *args, const char *name);
const char *args_value(const struct args *args, const char *name); /* NULL = not given */
struct args_values args_values(const struct args *args, const char *name);

/* Complains; returns the exit code of the kind. */
int args_fail(const struct args *args, const struct error *err);
/* All of the list; returns the exit code of the first, 0 if there is none. */
int args_fail_all(const struct args *args, const struct error_list *errors);
void args_warn_all(const struct args *args, const struct error_list *warnings);

/* NULL = there is none. */
const struct command *args_command(const struct command *const *commands, const char *name);

#endif
