/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_OUTCOME_H
#define OMB_RUN_OUTCOME_H

/*
 * outcome -- from a run that is over to its record, its verdict and its files.
 *
 *     <workload>-<driver>-<yyyy-MM-dd-HH-mm-ss>.json       OMB's result
 *                                          .json.invalid   the verdict is INVALID
 *                                          .json.partial   a signal or a failure ended it
 *     <the same>.omb                                       everything else
 *
 * A name that is taken gets the run's id (results/pair.h).
 */

#include <stdbool.h>

#include "results/record.h"
#include "run/run.h"
#include "util/error.h"

struct run;

/* What is known before the run: for the journal's first line and as the base of the rest. */
void outcome_begin(struct run *r, struct record *out);

/* The whole record, with its verdict.  Borrows from the run. */
void outcome_fill(struct run *r, struct record *out);

/* Reserves the name of the result: before the load. */
bool outcome_reserve(struct run *r, const char *folder, struct error *err);

/* Writes both files under it and puts their names into *out. */
bool outcome_write(struct run *r, const struct record *record, struct run_report *out,
                   struct error *err);

/* The folder that the result goes to; created if it is missing.  In the run's arena. */
const char *outcome_folder(struct run *r, struct error *err);

#endif
