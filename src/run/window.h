/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_WINDOW_H
#define OMB_RUN_WINDOW_H

/*
 * window -- what is measured: [start, end) of due times, announced to the agents before it begins;
 * with a fixed rate even before the load, so that without a warm-up its first message is the first
 * of all.  At both ends the counts are looked at.
 */

#include <stdint.h>

struct run;

/* It begins a warm-up after `from_ns`, or at an instant that is not known any more. */
void window_plan(struct run *r, uint64_t from_ns);
void window_unplan(struct run *r);

/* At its start: the first sample of it. */
void window_begin(struct run *r);

/* The window and the load end then; for a backlog test, whose end is not known before. */
void window_end_at(struct run *r, uint64_t end_ns);

/* When the sample at the end is wanted; UINT64_MAX: it is not, or not known. */
uint64_t window_edge_ns(const struct run *r);
void window_end_if_due(struct run *r);

/* The load is over, as planned or not: so is the window. */
void window_end_now(struct run *r);

#endif
