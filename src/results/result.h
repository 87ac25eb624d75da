/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_RESULT_H
#define OMB_RESULTS_RESULT_H

/*
 * result -- from the record of a run to its two files.
 */

#include "results/omb_result.h"
#include "results/pair.h"
#include "results/record.h"
#include "util/error.h"
#include "util/text.h"

/* Adds what OMB's file says of a sample period, if it says something: its series is that of the window,
 * where OMB stops counting.  28 numbers. */
void result_add_period(struct omb_result *series, const struct record_period *p);

/* OMB's file.  Appends. */
void result_write_omb(const struct record *r, struct file_draft *out);

/* Writes both under the names that are reserved.  `json_path` is where OMB's file is. */
bool result_write(struct pair *pair, const struct record *r, struct text *json_path,
                  struct error *err);

#endif
