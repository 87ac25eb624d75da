/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_POLLER_H
#define OMB_NET_POLLER_H

/*
 * poller -- one thread's loop over descriptors and timers: epoll, level-triggered.
 *
 * A watch is a member of what it belongs to; its function is called with what epoll said.  Watches
 * may be removed and their memory freed at any time, also by each other's functions in the same
 * turn: what epoll has said about them already is forgotten.  One that has more to do than one turn
 * should take asks to be called again (poller_again), so that none starves the others.
 *
 * Timers fire never early, and late by the wake-up of the thread alone (util/os.h: on old kernels
 * too).
 *
 * Who uses it: the proxy, broker/serve.c, the loopback server; a wire client's loop is to have it
 * inside of a driver's, whose descriptor is the poller's own (an epoll can be watched).
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "net/timers.h"
#include "util/error.h"

#define POLLER_EVENTS 256

struct poller;

struct watch {
	/* `events`: EPOLLIN | EPOLLOUT | ...; 0 when it has asked for another call. */
	void (*event)(struct watch *w, uint32_t events);
	int fd;
	uint32_t events; /* asked for */
	bool is_added;
	bool is_again;
	struct watch *next, *prev; /* of those that asked to be called again */
};

struct poller {
	int epoll_fd;
	uint64_t now_ns; /* CLOCK_MONOTONIC; read once in a turn */
	struct timers timers;
	struct watch *again; /* newest first */
	struct epoll_event events[POLLER_EVENTS];
	int count, at; /* of the events in hand */
};

bool poller_open(struct poller *p, struct error *err);
/* Everything must have been removed and cancelled, or is forgotten. */
void poller_close(struct poller *p);

/* `w->event` is filled in. */
bool poller_add(struct poller *p, struct watch *w, int fd, uint32_t events, struct error *err);
void poller_change(struct poller *p, struct watch *w,
                   uint32_t events);                   /* no call if it is the same */
void poller_remove(struct poller *p, struct watch *w); /* one that was not added: nothing */
void poller_again(struct poller *p, struct watch *w);

/* Somebody has asked to be called again. */
static inline bool poller_is_asked(const struct poller *p)
{
	return p->again != NULL;
}
/* Calls them now: a turn does it at its end. */
void poller_call_again(struct poller *p);

/* The clock now; for what has to be exact within a turn. */
uint64_t poller_clock_ns(void);

/* Waits for something to do until `until_ns` at the most (UINT64_MAX: for ever; a time that has
 * passed: not at all) and does it: events, timers, what asked to be called again. */
bool poller_turn(struct poller *p, uint64_t until_ns, struct error *err);

#endif
