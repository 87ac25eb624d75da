/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_OFFER_H
#define OMB_RUN_OFFER_H

/*
 * offer -- the phases under load: search, warm-up, measurement, and the drain after them.
 *
 * The measured window is [start, end) of due times, announced before it begins: with a fixed rate
 * even before the load, so that without a warm-up its first message is the first of all.  While the
 * load runs, one loop waits for whatever is next: a second, a sample period, a decision of the
 * search, a look at the backlog, the end of the window.
 */

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct run;
struct fact_totals;

/* From the phase after PHASE_SETTLE to PHASE_DRAIN, or to an end. */
void offer_load(struct run *r);

/* PHASE_DRAIN to PHASE_DONE (or PHASE_FAILED). */
void offer_drain(struct run *r);

/* Counts cost next to nothing; histograms of a hundred agents cost milliseconds of a CPU that the
 * load needs, so they are read only where somebody looks at them. */
enum sample_depth { SAMPLE_COUNTS, SAMPLE_LATENCIES };

/* Takes a snapshot and feeds the sampler; a failure goes into the run. */
bool offer_sample(struct run *r, enum sample_depth depth, struct fact_totals *out,
                  struct arena *arena);

/* The window and the load end then; for a backlog test, whose end is not known before. */
void offer_end_window_at(struct run *r, uint64_t end_ns);

#endif
