/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_ADDRESS_H
#define OMB_DRIVER_LOOPBACK_ADDRESS_H

/*
 * address -- where the loopback broker is: "@name" is an abstract unix socket (it needs no file and
 * is gone with its process), "127.0.0.1:5999" or "[::1]:5999" is TCP.  No address means
 * "@omb-loopback-<run id>".
 */

#include <stdbool.h>
#include <sys/socket.h>

#include "util/error.h"

struct loop_address {
	struct sockaddr_storage at;
	socklen_t len;
};

/* `text` NULL = no address.  Resolves nothing: hosts are numbers. */
bool loop_address_parse(const char *text, const char *run_id, struct loop_address *out,
                        struct error *err);

/* Non-blocking sockets; the caller closes.  -1: failed. */
int loop_address_listen(const struct loop_address *a, struct error *err);
/* Waits until the kernel has connected, which needs no help of the broker's process. */
int loop_address_connect(const struct loop_address *a, struct error *err);
/* -1: nobody is waiting. */
int loop_address_accept(int listen_fd);

#endif
