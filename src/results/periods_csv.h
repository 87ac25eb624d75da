/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_PERIODS_CSV_H
#define OMB_RESULTS_PERIODS_CSV_H

/*
 * periods_csv -- the sample periods of one `.omb` as a table, one line each, however many there are.
 */

#include <stdbool.h>

#include "util/error.h"

/* `path` NULL: to standard output; else the file is there as a whole or as it was before. */
bool periods_csv_write(const char *side_path, const char *path, struct error *err);

#endif
