/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_TEXT_RUN_H
#define OMB_CMD_TEXT_RUN_H

/*
 * text_run -- a run of a workload and a driver that are texts of the program: examples/ has them as
 * files, cmd/texts.h is made from those.
 */

#include <stddef.h>

#include "config/override.h"
#include "run/run.h"

struct args;

struct text_run {
	const char *name;            /* of the workload, in file names and messages */
	const char *workload;        /* YAML */
	const char *driver;          /* YAML */
	const struct override *sets; /* as --set has them */
	size_t sets_count;
	const char *output; /* a folder, with its slash; NULL = the report is all that remains */
	bool silent;        /* prints nothing at all; else as `omb run` */
};

/* As run_one; the signals are blocked by the caller.  RUN_FAILED with *err when the texts are wrong,
 * which is a bug. */
enum run_outcome text_run(const struct args *args, const struct text_run *q,
                          struct run_report *report, struct error *err);

#endif
