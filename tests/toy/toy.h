/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TOY_TOY_H
#define OMB_TOY_TOY_H

/*
 * toy -- the driver that docs/write-a-driver.md shows, and the broker that it brings along.
 *
 * A packet of a unix socket is a message.  The first one of a connection says who it is:
 * "P topic" or "C topic subscription".  Then a producer sends payloads and gets one byte back for
 * each, in order; a consumer gets payloads.
 */

#include <stdbool.h>

#include "driver/driver.h"

#define TOY_MESSAGE_MAX 65536
#define TOY_NAME_MAX    128

/* A connected socket that has said `hello`; -1 and *err on failure. */
int toy_dial(const char *run_id, const char *hello, struct error *err);

bool toy_broker_run(const struct driver_context *ctx, int stop_fd, void (*ready)(void *to),
                    void *to, struct error *err);

#endif
