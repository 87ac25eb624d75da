/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PROXY_TELL_H
#define OMB_PROXY_TELL_H

/*
 * tell -- the other side of control.h: one command to a proxy that runs.
 */

#include <stdbool.h>

#include "util/error.h"
#include "util/text.h"

/* Blocks until it has been obeyed; adds what was answered behind "ok".  False: nobody is there
 * (ERROR_SYSTEM), or what was answered behind "error:" (ERROR_USAGE). */
bool proxy_tell(const char *path, const char *command, struct text *answer, struct error *err);

#endif
