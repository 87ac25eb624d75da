/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_SERVE_H
#define OMB_BROKER_SERVE_H

/*
 * serve -- sockets and a clock around a broker: one thread, one epoll.
 *
 * Listens on every node's port, moves frames in and answers out, and ends when it is told to by a
 * descriptor.  Requests of a connection are handled in order, one at a time; one read of at most
 * READ_BYTES for each connection in turn, so that none starves the others.
 */

#include "broker/broker.h"

#define SERVE_PORTS_MAX BROKER_NODES_MAX

struct serve_options {
	struct broker_options broker;
	const char *bind;    /* address to listen on; NULL: 127.0.0.1 */
	int port;            /* of the first node, the others behind it; 0: free ones */
	int advertised_port; /* that clients are told, as `port`; 0: where it listens */
	int stop_fd;         /* readable: end */
	/* Every second while it serves.  Optional. */
	void (*every_second)(void *context, const struct broker *b);
	/* Listening; clients may come.  Optional. */
	void (*ready)(void *context, const int *ports, int count);
	/* The broker can be filled (topics) before clients come.  Optional. */
	bool (*prepare)(void *context, struct broker *b, struct error *err);
	void *context; /* of all of these */
};

/* Returns when stop_fd is readable; *counts is what was done.  False: it could not begin. */
bool serve_run(const struct serve_options *options, struct broker_counts *counts,
               struct error *err);

#endif
