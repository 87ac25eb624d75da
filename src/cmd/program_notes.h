/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_PROGRAM_NOTES_H
#define OMB_CMD_PROGRAM_NOTES_H

/*
 * program_notes -- what is true of every command, for help, man page and docs.
 */

struct program_note {
	const char *name, *text; /* NULL ends */
};

extern const struct program_note program_exit_codes[];
extern const struct program_note program_environment[]; /* variables */

#endif
