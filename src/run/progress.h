/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PROGRESS_H
#define OMB_RUN_PROGRESS_H

/*
 * progress -- what the console is told of a run, and when.
 *
 * On a terminal every second.  Elsewhere every sample period, counted from the start of the phase,
 * and within the window exactly when a period of the series ends.
 */

#include <stdint.h>

#include "results/record.h"

struct run;
struct fact_events;

/* When progress_tick wants to be called. */
uint64_t progress_next_ns(const struct run *r);
void progress_tick(struct run *r);

/* Off a terminal, the line of a phase under load goes over the interval since the line before, with
 * its latencies.  When it is due the next sample must have them; progress_line comes after its feed. */
bool progress_line_is_due(const struct run *r);
void progress_line(struct run *r);

/* A period of the series is complete. */
void progress_period(struct run *r, const struct record_period *period);

/* Tells of agents that were lost, restarted or resumed since the last time. */
void progress_events(struct run *r, const struct fact_events *events);

/* A signal came. */
void progress_interrupted(struct run *r);

#endif
