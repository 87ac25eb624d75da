/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_SERVER_H
#define OMB_DRIVER_LOOPBACK_SERVER_H

/*
 * server -- the loopback broker as a process: one thread, one epoll, sessions around one core.
 *
 * What is due is never done early, and late only by the wake-up of the thread (timer slack is set
 * to 1 ns).
 */

#include <stdbool.h>

#include "driver/loopback/address.h"
#include "driver/loopback/script.h"
#include "util/error.h"

struct loop_server_spec {
	struct address address;
	struct loop_script script;
	const char *report_file; /* struct loop_counts as JSON when it ends; NULL = none */
	const char *fault_log;   /* file, see fault/fault_log.h; NULL = none */
};

/* Serves until `stop_fd` turns readable.  ready(to): clients may connect. */
bool loop_server_run(const struct loop_server_spec *spec, int stop_fd, void (*ready)(void *to),
                     void *to, struct error *err);

#endif
