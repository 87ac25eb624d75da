/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_RUN_H
#define OMB_RUN_RUN_H

/*
 * run -- one workload on one broker, from the first verb to the result files.
 *
 *     initialize, create topics, consumers, producers -> probe until every subscription is ready
 *     -> [search] -> warm-up -> measure [build a backlog and drain it] -> drain -> finish
 *     -> delete topics and groups -> files
 *
 * These are phases, and phases.h has the table of them.  Whatever a phase waits for is waited for in
 * one loop (await.h) that also serves signals and the console.  Every phase is bounded.  Whatever happens, the load is stopped, the
 * worker is stopped and what the run created is deleted before run_one returns.
 *
 * A verb that fails once the window has begun ends the load; what was measured is drained and kept.
 *
 * The load stops and drains at the first SIGINT, SIGTERM or SIGHUP; a second one skips the drain and
 * hastens the closing of clients, a third one skips the deletion of topics (`omb cleanup` does it
 * later).  The signals must be blocked by the caller (run_block_signals) before agents are forked;
 * run_one reads them from a descriptor of its own.  A stream that cannot be written any more (a reader
 * that has gone, a full disk) ends nothing.
 *
 * One thread.  Several runs one after the other are fine, with one worker or several: a worker keeps
 * nothing from one run to the next.
 */

#include <stdbool.h>
#include <stdint.h>

#include "run/options.h"
#include "util/error.h"
#include "util/text.h"

enum run_outcome {
	/* A result exists and is VALID or SUSPECT. */
	RUN_GOOD,
	/* A result exists and is INVALID: `<name>.json.invalid`. */
	RUN_INVALID,
	/* A signal ended it; `<name>.json.partial` exists if anything was measured. */
	RUN_INTERRUPTED,
	/* The error says why; `<name>.json.partial` exists if anything was measured. */
	RUN_FAILED,
};

/* Of the measured window, for who needs no file; all 0: there was none. */
struct run_figures {
	double publish_per_s;
	double producer_cpu_ns, consumer_cpu_ns;           /* a message */
	uint64_t delay_p50_ns, delay_p99_ns, delay_max_ns; /* due -> send called */
};

struct run_report {
	enum run_outcome outcome;
	bool stop_wanted; /* a signal came, perhaps too late to interrupt: start nothing more */
	struct text result_path; /* OMB's JSON; empty when none was written */
	struct text side_path;   /* ours, `.omb` */
	struct run_figures figures;
};

/* 0, 3 or 130; of RUN_FAILED the error's own. */
int run_exit_code(const struct run_report *report, const struct error *err);

/* Blocks the signals that ask for the end (util/signals.h).  Before the first fork. */
bool run_block_signals(struct error *err);

/* `out` is overwritten and must be finished.  `err` is set for RUN_FAILED, and for RUN_INTERRUPTED
 * (ERROR_CANCELLED) with what is left to say. */
enum run_outcome run_one(const struct run_options *options, struct run_report *out,
                         struct error *err);

void run_report_fini(struct run_report *report);

#endif
