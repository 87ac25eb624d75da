/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_HELP_H
#define OMB_CMD_HELP_H

/*
 * help -- the tables of commands and options as text for a terminal, as a man page and as Markdown.
 *
 * Pure: the same build writes the same text, so CI can compare what is in the repository.
 */

#include "cmd/command.h"
#include "util/text.h"

void help_program(const struct command *const *commands, struct text *out);
void help_command(const struct command *command, struct text *out);

/* "-d, --drivers FILE,...": how a flag is written. */
void help_flag_form(const struct flag *flag, struct text *out);

/* omb.1 and docs/options.md (help_docs.c). */
void help_man(const struct command *const *commands, const char *version, struct text *out);
void help_markdown(const struct command *const *commands, struct text *out);

#endif
