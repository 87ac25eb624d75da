/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASES_H
#define OMB_RUN_PHASES_H

/*
 * phases -- a run as a table of phases, and the loop that goes through it.
 *
 * To add a phase: a name in enum phase_id (phase.h), a row in phases.c, its functions in a file
 * phase_<what>.c with a part of their own in state.h, a line in docs/limits.md, and rows in
 * tests/unit/test_run_phases.c: its limit, signals in it and its failure.
 */

#include "run/phase.h"

struct run;

extern const struct phase phases[PHASE_COUNT]; /* by id */

/* From the first phase to PHASE_END.  Bounded, whatever the worker does. */
void phases_go(struct run *r);

#endif
