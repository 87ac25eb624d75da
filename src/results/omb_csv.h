/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_OMB_CSV_H
#define OMB_RESULTS_OMB_CSV_H

/*
 * omb_csv -- a folder of OMB result files as one table.
 *
 * Two forms.  OMB's has OMB's header and its coarse figures: rates go through a histogram of one
 * significant digit, so a steady 500/s reads 496 (lower edge), 504 (middle), 0, 511 (upper edge).
 * Ours has names, exact means of the rates and all aggregated latencies.
 *
 * Every regular file of the folder whose name ends in `.json` is read (so neither `.json.invalid`
 * nor `.json.partial`).  Rows are sorted by message size, topics, partitions, then file name.
 */

#include <stdbool.h>

#include "util/error.h"
#include "util/text.h"

enum omb_csv_form {
	OMB_CSV_OMB,
	OMB_CSV_FULL,
};

/* Appends.  A file that cannot be read as a result fails the whole (the error names it), because a
 * table that silently lacks rows is worse than none; so does a folder without any. */
bool omb_csv_format(const char *folder, enum omb_csv_form form, struct text *out,
                    struct error *err);

/* Writes `path` atomically. */
bool omb_csv_write(const char *folder, enum omb_csv_form form, const char *path, struct error *err);

#endif
