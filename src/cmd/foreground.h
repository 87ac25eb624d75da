/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_FOREGROUND_H
#define OMB_CMD_FOREGROUND_H

/*
 * foreground -- what the commands that serve until they are told to end have in common.
 *
 * They say things on standard output, which may be a pipe that nobody reads: who serves does not wait for
 * that (util/outlet.h).
 */

#include <stdbool.h>

#include "util/error.h"
#include "util/outlet.h"

/* A descriptor that is readable when the end is asked for (util/signals.h).  -1: failed. */
int foreground_open_signals(struct error *err);
/* How many have come since it was asked before. */
unsigned foreground_signals(int fd);

/* A line that somebody waits for: where it listens, the totals.  Written within a second, or not. */
void foreground_say(struct outlet *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line about something that happened, without its end.  Never waits. */
void foreground_notice(struct outlet *o, const char *text);

/* Closes the outlet at the end of a command that went well or, by *err, did not.  False: it has failed;
 * lines that were not written, and of which not even that could be said, are a failure, too. */
bool foreground_end(struct outlet *o, bool ok, struct error *err);

#endif
