/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_RESULT_H
#define OMB_RESULTS_RESULT_H

/*
 * result -- from the record of a run to its two files.
 */

#include "results/pair.h"
#include "results/record.h"
#include "util/error.h"
#include "util/text.h"

/* OMB's file: the series is that of the window, where OMB stops counting.  Appends. */
void result_format_omb(const struct record *r, struct text *out);

/* Writes both under the names that are reserved.  `json_path` is where OMB's file is. */
bool result_write(struct pair *pair, const struct record *r, struct text *json_path,
                  struct error *err);

#endif
