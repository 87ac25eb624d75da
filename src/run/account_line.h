/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_ACCOUNT_LINE_H
#define OMB_RUN_ACCOUNT_LINE_H

/*
 * account_line -- what became of every message, in a sentence of the summary.
 *
 *     3 lost (producer 2: 1041-1043), 1 duplicated; 9,000 sent, 9,000 acknowledged, ...
 *
 * What is wrong comes first, the worst of it foremost, and the first few messages that were lost are
 * named.  Of a healthy run it says what was proven, and no more: where an account of every message was
 * kept and is exact, that each arrived once and in order; where there are sums alone, that they are
 * equal.  Pure.
 */

#include "results/record.h"
#include "util/text.h"

/* Appends, without a newline.  `side_path`: the file that names all that was lost; NULL = none does. */
void account_line_format(const struct record *r, const char *side_path, struct text *line);

#endif
