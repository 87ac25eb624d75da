/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_BROKER_CHILD_H
#define OMB_CMD_BROKER_CHILD_H

/*
 * broker_child -- the embedded broker as a child process, for commands that need one of their own.
 *
 * It listens on a free port of 127.0.0.1, prints nothing, and ends when it is stopped or when its
 * parent is gone in whatever way: it watches a pipe whose other end only the parent has.  Fork it
 * before anything else opens descriptors that it should not inherit.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/broker.h"

struct broker_child {
	pid_t pid;
	int port;
	int stop_fd;     /* the parent's end of the pipe */
	int said_fd;     /* what it says at its beginning and at its end */
	uint64_t cpu_ns; /* of its whole life, once it is stopped */
	/* What it did, once it is stopped; zeroes if it ended in another way. */
	struct broker_counts counts;
};

/* Returns when it listens. */
bool broker_child_start(const struct broker_options *options, struct broker_child *out,
                        struct error *err);

/* User and system time so far; 0: not known. */
uint64_t broker_child_cpu_ns(const struct broker_child *child);

/* Waits for its end and reaps it.  Does nothing when it is stopped already. */
void broker_child_stop(struct broker_child *child);

/* Once it is stopped.  False: messages were dropped that a consumer had not had, and *err says so. */
bool broker_child_kept_all(const struct broker_child *child, struct error *err);

#endif
