/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_PROCESS_LIMITS_H
#define OMB_CMD_PROCESS_LIMITS_H

/*
 * process_limits -- what this process may use of the machine.
 */

#include <stdint.h>

#include "plan/resources.h"


void process_limits_read(struct resource_limits *out);

/* Open files: as many as the hard limit allows, for this process and its agents.  A soft limit
 * protects programs that use select(); this one does not. */
void process_limits_raise(void);

#endif
