/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_PAIR_DOUBTS_H
#define OMB_CMD_PAIR_DOUBTS_H

/*
 * pair_doubts -- what is doubtful about a workload and a driver file together, as far as it can be
 * told beforehand: messages that are too large for the client, keys of one file that the other makes
 * void.
 *
 * Pure.  `omb check` lists all of it, `omb run` warns of what will fail and goes on: the result has
 * the reason then, too.
 */

#include "plan/resources.h"

struct arena;
struct input_driver;
struct plan;

struct doubts pair_doubts(const struct plan *plan, const struct input_driver *d,
                          struct arena *arena);

#endif
