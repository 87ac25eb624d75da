/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_SUMMARY_H
#define OMB_RUN_SUMMARY_H

/*
 * summary -- what a person reads at the end of a run: 100 columns of plain text.
 *
 * Rates, the six latencies with their percentiles, what became of every message, what a message cost
 * the client, and whether to believe it.  Pure.
 */

#include "results/record.h"
#include "util/text.h"

/* Both append.  `side_path` NULL: the result could not be written; `result_path` NULL besides it: OMB's
 * file is not there (any more). */
void summary_format(const struct record *r, const char *result_path, const char *side_path,
                    struct text *out);

/* One line: {"event":"summary",...}, with its newline. */
void summary_format_json(const struct record *r, const char *result_path, const char *side_path,
                         struct text *out);

#endif
