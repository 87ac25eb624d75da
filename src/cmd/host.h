/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_HOST_H
#define OMB_CMD_HOST_H

/*
 * host -- what this process may use of the machine.
 */

#include <stdint.h>

#include "driver/driver.h"
#include "plan/resources.h"

void host_limits_read(struct resource_limits *out);

/* Open files: as many as the hard limit allows, for this process and its agents.  A soft limit
 * protects programs that use select(); this one does not. */
void host_raise_limits(void);

/* Messages/s that the generator can make here through this driver, as `omb calibrate` found; 0: it
 * was never run on this machine. */
double host_ceiling_per_s(const struct driver *driver, uint64_t message_bytes);

#endif
