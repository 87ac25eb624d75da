/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_COURSE_H
#define OMB_RUN_COURSE_H

/*
 * course -- where a run stands, and its first failure.
 */

#include <stdint.h>

#include "run/phase.h"

struct error;
struct run;

/* Goes to the phase `id`, which is `row` of the table: for journal and result its stage begins, or
 * goes on. */
void course_enter(struct run *r, enum phase_id id, const struct phase *row);

/* Remembers the first failure, and that the phase has one.  What a signal cancelled is none. */
void course_fail(struct run *r, const struct error *err);

/* The first failure in better words. */
void course_reword_failure(struct run *r, const struct error *err);

/* When the limit of the phase passes; UINT64_MAX: never. */
uint64_t course_limit_ns(const struct run *r);

#endif
