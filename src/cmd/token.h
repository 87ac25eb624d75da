/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_TOKEN_H
#define OMB_CMD_TOKEN_H

/*
 * token -- what a coordinator shows to workers so that they obey it: the contents of a file, because a
 * command line is everybody's to read.
 */

#include <stdbool.h>

#include "cmd/args.h"
#include "util/error.h"

#define TOKEN_MIN 16

#define TOKEN_FLAG(help)                                     \
	{                                                    \
		"token-file", NULL, FLAG_VALUE, "FILE", help \
	}

/* Of --token-file, in the arena of the arguments; NULL without it.  It is known as a secret from then on. */
bool token_read(const struct args *args, const char **out, struct error *err);

#endif
