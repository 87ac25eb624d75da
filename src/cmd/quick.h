/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_QUICK_H
#define OMB_CMD_QUICK_H

/*
 * quick -- a run whose workload and driver are texts in the program, not files.
 */

#include "run/run.h"

struct args;

struct quick {
	const char *name;     /* of the workload, in file names and messages */
	const char *workload; /* YAML */
	const char *driver;   /* YAML */
	const char *output;   /* a folder, with its slash */
	bool silent;          /* prints nothing at all; else as `omb run` */
};

/* As run_one; the signals are blocked by the caller.  RUN_FAILED with *err when the texts are wrong,
 * which is a bug. */
enum run_outcome quick_run(const struct args *args, const struct quick *q,
                           struct run_report *report, struct error *err);

#endif
