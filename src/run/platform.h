/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PLATFORM_H
#define OMB_RUN_PLATFORM_H

/*
 * platform -- time, waiting and signals, as a run sees them.
 *
 * The real one reads the clocks, polls, and learns of SIGINT, SIGTERM and SIGHUP from a signalfd.  Tests put
 * a simulated clock in its place and so run a whole benchmark in no time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct run_platform {
	void *to;
	uint64_t (*now_ns)(void *to);  /* clock_ns() */
	uint64_t (*wall_ns)(void *to); /* clock_wall_ns() */
	/* Returns when the descriptor is readable (-1: none), when a signal came, or at until_ns. */
	void (*wait)(void *to, int worker_fd, uint64_t until_ns);
	unsigned (*signals)(void *to); /* that ask for the end, so far */
};

struct run_platform_real {
	int signal_fd;
	unsigned signals;
};

/* The signals are blocked already: run_block_signals. */
bool run_platform_open(struct run_platform_real *real, struct run_platform *out, struct error *err);
void run_platform_close(struct run_platform_real *real);

#endif
