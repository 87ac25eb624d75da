/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_NATS_LINK_H
#define OMB_DRIVER_NATS_LINK_H

/*
 * link -- a connection of libnats without threads of libnats between the socket and the loop.
 *
 * libnats can be driven by somebody else's event loop: it says which socket to watch and when it
 * has something to write, and reads and writes when it is told to.  A link is that loop in one
 * descriptor: an epoll descriptor with the socket, a timer, and the news of the threads that
 * libnats has all the same (one that connects again, one for timers, one for reports of errors).
 *
 * While the connection is lost libnats holds its lock for as long as an attempt to connect takes.
 * So nobody may call it with a link that is not up; and one that is not up when it is closed is
 * left to the end of the process.  That is why a link lives on the heap: it may outlive its client.
 *
 * Threads: everything here is called by the thread of the loop.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/mailbox.h"
#include "driver/nats_library.h"
#include "util/error.h"

struct claims;
struct driver_core;
struct nats_config;

struct nats_link {
	natsConnection *nc;
	const struct nats_config *config;
	const struct driver_core *core; /* NULL once it is closed */
	void *owner;
	int epoll_fd, timer_fd;
	_Atomic int socket;
	atomic_bool is_up;
	bool is_over;               /* libnats has given it up */
	bool is_dirty;              /* libnats has something to write */
	bool is_armed;              /* the socket had no room; epoll tells when it has */
	bool is_new;                /* it has come up since nats_link_is_new was asked */
	natsStatistics *statistics; /* asked for; owned */
	size_t unsent;              /* bytes given to libnats and not to the socket */
	uint32_t tick;              /* counts by the timer */
	struct mailbox news;
	atomic_uint holders; /* its client, and libnats */
	uintptr_t thread;
};

struct nats_link_spec {
	const struct nats_config *config;
	const struct driver_core *core;
	void *owner;
	const char *client_id;
	uint64_t tick_ns; /* of the timer */
};

/* Options of a connection as the configuration has them, for links and for the administration. */
bool nats_link_options(const struct nats_config *config, const char *client_id, natsOptions **out,
                       struct error *err);

/* NULL: the configuration is refused.  A server that does not answer is connected to later. */
struct nats_link *nats_link_open(const struct nats_link_spec *spec, struct error *err);
/* What was given to libnats goes out if there is room for it. */
void nats_link_close(struct nats_link *l);

/* Looks at what there is: reads from the socket, writes to it, reports what happened.  False: there
 * was nothing. */
bool nats_link_look(struct nats_link *l);

/* True once after each time that the connection was made. */
bool nats_link_is_new(struct nats_link *l);

static inline bool nats_link_is_up(struct nats_link *l)
{
	return atomic_load_explicit(&l->is_up, memory_order_acquire) && !l->is_over;
}

/* To the socket, as much as there is room for. */
void nats_link_write(struct nats_link *l);

/* What libnats says of it, and of what waits in `waiting` (NULL: nothing can).  Nothing while it is not
 * up. */
void nats_link_claims(struct nats_link *l, natsSubscription *waiting, struct claims *out);

/* Makes its descriptor readable, though nothing came. */
void nats_link_nudge(struct nats_link *l);

/* `bytes` were given to libnats. */
static inline void nats_link_gave(struct nats_link *l, size_t bytes)
{
	l->unsent += bytes;
}

#endif
