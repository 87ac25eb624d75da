/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_HOST_CLOCK_H
#define OMB_UTIL_HOST_CLOCK_H

/*
 * host_clock -- which clock a process reads, and how well its host follows the time of day.
 *
 * Hosts that are synchronised (NTP, PTP) know of their time of day by how much it may be wrong: the kernel
 * keeps the bound that the daemon tells, and lets it grow while nothing is heard (adjtimex, maxerror).
 * Where that is good the clocks of two hosts can be compared without a message between them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct timex;

/* One instant by both clocks, and by how much the time of day may be wrong then. */
struct host_clock {
	uint64_t monotonic_ns; /* clock_ns() */
	uint64_t wall_ns;
	uint64_t error_ns;  /* at most: the kernel's bound, and what reading both clocks took */
	uint64_t likely_ns; /* what the daemon takes for likely (esterror) */
};

/* False: the host is not synchronised, or does not say: ERROR_UNSUPPORTED, with what it says. */
bool host_clock_read(struct host_clock *out, struct error *err);

/* The judging part: of an answer of adjtimex to a question that was asked at `before_ns`, and answered by
 * `after_ns` (both clock_ns()). */
bool host_clock_judge(const struct timex *t, int state, uint64_t before_ns, uint64_t after_ns,
                      struct host_clock *out, struct error *err);

#define HOST_CLOCK_NAME 96

/*
 * Processes that read the same name have one monotonic clock: it says which boot of which kernel, and which
 * time namespace.  "" where the kernel does not tell.
 */
void host_clock_name(char out[HOST_CLOCK_NAME]);

#endif
