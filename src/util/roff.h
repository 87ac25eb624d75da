/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_ROFF_H
#define OMB_UTIL_ROFF_H

/*
 * roff -- text for a man page.
 */

#include "util/text.h"

/* Neither a request nor an escape, whatever it holds.  Each sentence begins a line, as roff wants it. */
void roff_add(struct text *out, const char *text);

/* An item of a list: its name in bold, what it is below. */
void roff_add_item(struct text *out, const char *name, const char *text);

#endif
