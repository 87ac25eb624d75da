/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_CEILING_H
#define OMB_CMD_CEILING_H

/*
 * ceiling -- what the generator can do on this machine, as `omb calibrate` found.
 */

#include <stdint.h>

struct driver;

/* Messages/s through this driver; 0: it was never calibrated here. */
double ceiling_per_s(const struct driver *driver, uint64_t message_bytes);

#endif
