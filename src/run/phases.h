/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASES_H
#define OMB_RUN_PHASES_H

/*
 * phases -- a run as a table of phases, and the loop that goes through it.
 *
 * To add a phase:
 *   phase.h     a name in enum phase_id, in the order of a run: tests compare ids with < and <=
 *   phases.c    a row, and `.then` of the phase before it
 *   phase_<what>.c, .h   its functions; state.h: a part that this file alone writes
 *   progress.c  the phases that are named there: what the console shows, whether samples come
 *   docs/limits.md, docs/result-format.md (`phases`)   a row; a stage that is new
 *   tests/unit/test_run_phases.c   its limit, signals in it and its failure
 *
 * Until start_load (phase_load.c) there is no load and no sampler.  The first of search and warm-up
 * starts the load; a phase under load put before them has to do that instead.
 */

#include "run/phase.h"

struct run;

extern const struct phase phases[PHASE_COUNT]; /* by id */

/* From the first phase to PHASE_END.  Bounded, whatever the worker does. */
void phases_go(struct run *r);

#endif
