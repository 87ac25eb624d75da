/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PROXY_CONTROL_H
#define OMB_PROXY_CONTROL_H

/*
 * control -- a unix socket on which a proxy takes commands: a line each, answered by a line each.
 *
 *     set down latency=20ms          ok 3 connections
 *     cutt                           error: "cutt" is no command; there are: set ...
 *
 * proxy/tell.h is a client.  Any number of clients; a command has been obeyed when its answer
 * comes.  The socket is for the user who started the proxy alone.
 */

#include <stdbool.h>

#include "net/poller.h"
#include "proxy/proxy.h"
#include "util/error.h"

struct control;

/* A socket that nobody listens on any more is replaced.  NULL: failed. */
struct control *control_open(struct poller *p, const char *path, struct proxy *x,
                             struct error *err);
void control_close(struct control *k); /* removes the socket */

#endif
