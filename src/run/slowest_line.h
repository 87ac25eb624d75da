/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_SLOWEST_LINE_H
#define OMB_RUN_SLOWEST_LINE_H

/*
 * slowest_line -- the slowest message of the window, in words.
 */

#include "results/record.h"
#include "util/text.h"

/* Appends, without a newline; nothing where none is known.  Seconds count from the start of the window:
 *
 *     slowest: message 1041 of producer 2 (partition 3, due at +12.300 s) acknowledged after 1.20s,
 *     received after 1.21s */
void slowest_line_format(const struct record *r, struct text *out);

#endif
