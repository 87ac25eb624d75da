/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_LISTENER_H
#define OMB_NET_LISTENER_H

/*
 * listener -- an address on which connections are accepted.
 *
 * When the process is out of descriptors or the kernel out of memory (EMFILE, ENFILE, ...) the
 * waiting connections stay with the kernel and are asked for again every RETRY_NS: no busy loop,
 * and each listener by itself, so that none is forgotten because another one could accept.  In one
 * turn at most ROUND are accepted.
 *
 * A listener can be deaf for a while: connections are refused by the kernel then (ECONNREFUSED),
 * and the port stays ours all the same.
 */

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"
#include "net/poller.h"
#include "util/error.h"

#define LISTENER_RETRY_NS UINT64_C(50000000)
#define LISTENER_ROUND    64

struct listener {
	/* Owns fd from now on. */
	void (*accepted)(struct listener *l, int fd, const struct address *from);
	/* Connections wait that no descriptor is left for; errno.  Each time it is tried in
	 * vain.  Optional. */
	void (*starved)(struct listener *l, int error);
	void *context;
	bool is_starved;
	struct address address; /* with the port that the kernel chose */
	struct poller *poller;
	struct watch watch;
	struct timer retry;
	int fd;       /* -1: deaf */
	int guard_fd; /* keeps the port; -1: a unix socket needs none */
};

/* The functions and context are filled in.  Port 0: a free one, then in l->address. */
bool listener_open(struct listener *l, struct poller *p, const struct address *at,
                   struct error *err);
void listener_close(struct listener *l); /* zeroed, or one that failed to open: nothing */

/* Those that were not accepted yet are reset. */
void listener_deafen(struct listener *l);
bool listener_hear(struct listener *l, struct error *err);

#endif
