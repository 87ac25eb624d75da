/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_ADDRESS_H
#define OMB_DRIVER_LOOPBACK_ADDRESS_H

/*
 * address -- where the loopback broker is: "@name" is an abstract unix socket (it needs no file and
 * is gone with its process), "127.0.0.1:5999" or "[::1]:5999" is TCP.  No address means
 * "@omb-loopback-<run id>".
 */

#include <stdbool.h>

#include "net/address.h"
#include "util/error.h"

/* `text` NULL = no address.  Resolves nothing: hosts are numbers. */
bool loop_address_parse(const char *text, const char *run_id, struct address *out,
                        struct error *err);

/* Waits until the kernel has connected, which needs no help of the broker's process.  The caller
 * closes; -1: failed. */
int loop_address_connect(const struct address *a, struct error *err);

/* Makes a socket of either side fast: one write takes a whole batch. */
void loop_address_tune(const struct address *a, int fd);

#endif
