/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PLAN_RESULT_SIZE_H
#define OMB_PLAN_RESULT_SIZE_H

/*
 * result_size -- what the files of a run will weigh, before it begins.
 *
 * A sample period has up to six histograms, and what one takes grows with the square root of its messages
 * until all its buckets are in use.  The constants are measured; tests/e2e/test_20_loopback.py holds them
 * against real files.  Pure.
 */

#include <stdbool.h>
#include <stdint.h>

/* A period names its slowest messages: so many, by acknowledgement and by receipt.  Of a run with more
 * periods than RESULT_SLOWEST_ALL / RESULT_SLOWEST_EACH each names fewer, at least one, so that all of
 * them together are no more than RESULT_SLOWEST_ALL. */
#define RESULT_SLOWEST_EACH 20
#define RESULT_SLOWEST_ALL  200000

struct plan;
struct workload;

struct result_size {
	uint64_t periods, period_bytes;
	unsigned slowest;       /* messages that a period names, of each kind */
	uint64_t side_bytes;    /* .omb */
	uint64_t json_bytes;    /* OMB's file */
	uint64_t journal_bytes; /* beside them, until they are complete */
	bool is_daily;          /* a test without end: all of it for a day */
	bool is_most;           /* the rate is not known: of a fast broker */
};

unsigned result_size_slowest(const struct workload *w);
void result_size_estimate(const struct plan *plan, struct result_size *out);

#endif
