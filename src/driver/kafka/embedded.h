/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_EMBEDDED_H
#define OMB_DRIVER_KAFKA_EMBEDDED_H

/*
 * embedded -- `broker: embedded` in a driver file: the broker of our own (broker/), which the run
 * starts for itself through the driver's broker hook.
 *
 * Where it listens is known before it runs: an address of 127.0.0.0/8 that follows from the number of
 * the process which read the configuration.  No two that run on a host have the same, and nobody has
 * to look for a free port that somebody else may take meanwhile.
 */

#include "config/option.h"
#include "driver/driver.h"
#include "driver/kafka/settings.h"

extern const struct option_choice kafka_broker_choices[];
extern const struct driver_broker kafka_embedded;

/* Checks what the file says about it, and where it will listen.  Nothing if none is wanted. */
void kafka_embedded_configure(struct kafka_config *c, struct arena *arena,
                              struct error_list *errors);

#endif
