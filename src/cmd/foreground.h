/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_FOREGROUND_H
#define OMB_CMD_FOREGROUND_H

/*
 * foreground -- what the commands that serve until they are told to end have in common.
 */

#include "util/error.h"

/* A descriptor that is readable when the end is asked for (util/signals.h).  -1: failed. */
int foreground_open_signals(struct error *err);

#endif
