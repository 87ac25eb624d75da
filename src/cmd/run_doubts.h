/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_RUN_DOUBTS_H
#define OMB_CMD_RUN_DOUBTS_H

/*
 * run_doubts -- what is doubtful about a run before it begins: a workload and a driver file together
 * (messages that are too large for the client, keys of one file that the other makes void), and what
 * this machine has too little of for it.
 *
 * `omb check` lists all of it, `omb run` warns of what will fail and goes on: the result has the
 * reason then, too.  All but machine_shortages is pure.
 */

#include <stdint.h>

#include "plan/host_settings.h"
#include "plan/resources.h"

struct arena;
struct driver;
struct input_driver;
struct plan;

struct doubts run_doubts(const struct plan *plan, const struct input_driver *d,
                         struct arena *arena);

/* What clients of this driver take, on a cluster of so many brokers. */
struct resource_driver resource_driver_of(const struct driver *d, const void *config,
                                          uint32_t brokers);

/* What its connections ask of a host. */
struct host_driver host_driver_of(const struct driver *d, const void *config);

/* What this machine has too little of, now: descriptors, local ports, threads, memory.  One broker
 * is presumed: the least. */
struct doubts machine_shortages(const struct plan *plan, const struct input_driver *d,
                                struct arena *arena);

#endif
