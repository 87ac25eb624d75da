/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_OUTPUT_H
#define OMB_RUN_OUTPUT_H

/*
 * output -- the files of a result: where they go, and under which name.
 *
 *     <workload>-<driver>-<yyyy-MM-dd-HH-mm-ss>.json       OMB's result
 *                                          .json.invalid   the verdict is INVALID
 *                                          .json.partial   a signal or a failure ended it
 *     <the same>.omb                                       everything else
 *
 * A name that is taken gets the run's id (results/pair.h).
 */

#include <stdbool.h>

struct error;
struct record;
struct run;
struct text;

/* The folder that the result goes to; created if it is missing.  In the run's arena. */
const char *output_folder(struct run *r, struct error *err);

/* Reserves the name of the result: before the load. */
bool output_reserve(struct run *r, const char *folder, struct error *err);

/* Writes both files under it and adds their names to the texts. */
bool output_write(struct run *r, const struct record *record, struct text *result_path,
                  struct text *side_path, struct error *err);

#endif
