/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASE_LOAD_H
#define OMB_RUN_PHASE_LOAD_H

/*
 * phase_load -- the phases under load: search, warm-up, measurement.
 *
 * Each wakes up for whatever is next: a second, a sample period, a decision of the search, a look at
 * the backlog, an end of the window (window.h).
 */

#include <stdbool.h>
#include <stdint.h>

struct run;

/* Search and warm-up, for a rate may still go down in the warm-up.  The first of them starts the load. */
void load_search_enter(struct run *r);
void load_warmup_enter(struct run *r);
uint64_t load_wake_ns(const struct run *r);
void load_look(struct run *r);
bool load_search_is_reached(const struct run *r);
bool load_warmup_is_reached(const struct run *r); /* the window begins */

void load_measure_enter(struct run *r);
uint64_t load_measure_wake_ns(const struct run *r);
void load_measure_look(struct run *r);
bool load_measure_is_reached(const struct run *r); /* the load has ended */

#endif
