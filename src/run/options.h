/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_OPTIONS_H
#define OMB_RUN_OPTIONS_H

/*
 * options -- what a run is given.
 */

#include <stdbool.h>
#include <stdint.h>

#include "run/console.h"

struct driver_file;
struct fact_totals;
struct plan;
struct prometheus_about;
struct run_platform;
struct worker;
struct workload;

/* Who is shown what a run has done so far, with every look at its counts.  Both are borrowed for the call. */
struct run_onlooker {
	void *to;
	void (*seen)(void *to, const struct prometheus_about *about,
	             const struct fact_totals *totals);
};

struct run_options {
	const struct workload *workload;
	const struct driver_file *driver;
	const struct plan *plan; /* who produces and consumes what; made from the two */
	struct worker *worker;   /* borrowed; stopped but not destroyed when run_one returns */
	const char *run_id;      /* letters and digits; a file name */
	uint16_t run;            /* of the stamp */

	const char *workload_path; /* for the result's file name and the manifest */
	const char *driver_path;
	const char *output;       /* -o: a file, or a folder; NULL = the current folder */
	bool without_files;       /* no result and no journal: what remains is the run's report */
	const char *command_line; /* for the manifest; may be NULL */
	struct console_options console;
	double ceiling_per_s; /* of the generator on this host for this load; 0 = not known */

	const struct run_onlooker *onlooker; /* NULL = nobody */

	const struct run_platform *platform; /* clock and poll; NULL = the real ones (tests) */
};

#endif
