/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_CSV_H
#define OMB_CMD_CSV_H

/*
 * csv -- a folder of results as a table; `omb csv` and OMB's `run -c`.
 */

#include <stdbool.h>

struct args;

/* `path` NULL: results-<seconds since 1970>.csv in the current folder, as OMB; "-": standard
 * output.  `full`: our columns instead of OMB's.  Prints the name of the table; returns the exit code. */
int csv_convert(const struct args *args, const char *folder, const char *path, bool full);

#endif
