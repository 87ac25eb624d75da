/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_PLAN_TEXT_H
#define OMB_CMD_PLAN_TEXT_H

/*
 * plan_text -- a plan in words: for `omb check`.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

#include "plan/plan.h"
#include "plan/resources.h"
#include "util/text.h"

/* Topics, clients, rate, payload, windows, times. */
void plan_text_load(const struct plan *plan, struct text *out);

/* Which agent holds which clients of which topics; at most `lines_max` agents of each role. */
void plan_text_agents(const struct plan *plan, size_t lines_max, struct arena *arena,
                      struct text *out);

void plan_text_resources(const struct resources *need, const struct resource_limits *limits,
                         struct text *out);

/* What the files of its result will weigh. */
void plan_text_files(const struct plan *plan, struct text *out);

/* `none` is said where there are none. */
void plan_text_doubts(const struct doubts *doubts, const char *none, struct text *out);

#endif
