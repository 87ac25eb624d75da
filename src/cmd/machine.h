/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_MACHINE_H
#define OMB_CMD_MACHINE_H

/*
 * machine -- what this process may use of the machine, and what the generator can do on it.
 */

#include <stdint.h>

#include "plan/host_settings.h"
#include "plan/resources.h"

struct driver;

void machine_limits_read(struct resource_limits *out);

/* `root` stands before every path: "" but in tests. */
void machine_settings_read(const char *root, struct host_settings *out);

/* Open files: as many as the hard limit allows, for this process and its agents.  A soft limit
 * protects programs that use select(); this one does not. */
void machine_limits_raise(void);

/* Messages/s through this driver, as `omb calibrate` found; 0: it was never run here. */
double machine_ceiling_per_s(const struct driver *driver, const void *config,
                             uint64_t message_bytes);

#endif
