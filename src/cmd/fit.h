/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_FIT_H
#define OMB_CMD_FIT_H

/*
 * fit -- what a workload and a driver file come to together, as far as it can be told beforehand:
 * messages that are too large for the client, keys of one file that the other makes void.
 *
 * Pure.  `omb check` lists all of it, `omb run` warns of what will fail and goes on: the result has
 * the reason then, too.
 */

#include "plan/resources.h"

struct arena;
struct input_driver;
struct plan;

struct doubts fit_doubts(const struct plan *plan, const struct input_driver *d,
                         struct arena *arena);

#endif
