/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_SAMPLE_H
#define OMB_RUN_SAMPLE_H

/*
 * sample -- looks at the counts of a run under load: takes snapshots, feeds the sampler with them, and
 * adds the seconds and the periods that are due to the series, the journal and the console.
 */

#include <stdbool.h>

struct arena;
struct record_period;
struct run;
struct fact_totals;

/* Counts cost next to nothing; histograms of a hundred agents cost milliseconds of a CPU that the
 * load needs, so they are read only where somebody looks at them. */
enum sample_depth { SAMPLE_COUNTS, SAMPLE_LATENCIES };

/* Takes a snapshot and feeds the sampler; a failure goes into the run. */
bool sample_take(struct run *r, enum sample_depth depth, struct fact_totals *out,
                 struct arena *arena);

/* The same for those who need what the sampler then knows alone. */
bool sample_counts(struct run *r);

/* To the onlooker, after the sampler was fed with them. */
void sample_show(struct run *r, const struct fact_totals *totals);

/* A snapshot, with the second and the period that end with it and the line of progress that is due;
 * always, or only if there are any. */
bool sample_now(struct run *r);
void sample_if_due(struct run *r);

/* After a snapshot. */
void sample_add_second(struct run *r);
const struct record_period *sample_add_period(struct run *r, const char *kind); /* borrowed */

#endif
