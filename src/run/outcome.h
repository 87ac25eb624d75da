/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_OUTCOME_H
#define OMB_RUN_OUTCOME_H

/*
 * outcome -- from a run that is over to its record and its verdict.
 */

#include "results/record.h"

struct run;

/* What is known before the run: for the journal's first line and as the base of the rest. */
void outcome_begin(struct run *r, struct record *out);

/* The whole record, with its verdict.  Borrows from the run. */
void outcome_fill(struct run *r, struct record *out);

#endif
