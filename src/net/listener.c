/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <errno.h>

#include "net/socket.h"
#include "util/file.h"

#define LISTENER_OF(member, at) \
	((struct listener *)((char *)(at)-offsetof(struct listener, member)))

static void wait_a_while(struct listener *l, int error)
{
	l->is_starved = true;
	if (l->starved != NULL)
		l->starved(l, error);
	poller_change(l->poller, &l->watch, 0);
	timers_set(&l->poller->timers, &l->retry, l->poller->now_ns + LISTENER_RETRY_NS);
}

static void on_event(struct watch *w, uint32_t events)
{
	struct listener *l = LISTENER_OF(watch, w);
	struct address from;

	(void)events;
	for (int i = 0; i < LISTENER_ROUND && l->fd >= 0; i++) {
		int fd = socket_accept(l->fd, &from);
		if (fd >= 0) {
			l->accepted(l, fd, &from);
			continue;
		}
		/* Anything but "nobody waits" would be said again at once. */
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			wait_a_while(l, errno);
		else
			l->is_starved = false;
		return;
	}
}

static void on_retry(struct timer *t, uint64_t now_ns)
{
	struct listener *l = LISTENER_OF(retry, t);

	(void)now_ns;
	poller_change(l->poller, &l->watch, EPOLLIN);
}

bool listener_hear(struct listener *l, struct error *err)
{
	if (l->fd >= 0)
		return true;
	l->fd = socket_listen(&l->address, err);
	if (l->fd < 0)
		return false;
	if (poller_add(l->poller, &l->watch, l->fd, EPOLLIN, err))
		return true;
	file_close(l->fd);
	l->fd = -1;
	return false;
}

void listener_deafen(struct listener *l)
{
	if (l->fd < 0)
		return;
	timers_cancel(&l->poller->timers, &l->retry);
	poller_remove(l->poller, &l->watch);
	file_close(l->fd);
	l->fd = -1;
}

bool listener_open(struct listener *l, struct poller *p, const struct address *at,
                   struct error *err)
{
	l->poller = p;
	l->address = *at;
	l->watch = (struct watch){ .event = on_event };
	l->retry = (struct timer){ .due = on_retry };
	l->fd = l->guard_fd = -1;
	if (address_is_tcp(at)) {
		l->guard_fd = socket_reserve(at, err);
		if (l->guard_fd < 0)
			return false;
		if (!socket_name(l->guard_fd, &l->address)) {
			error_set_errno(err, errno, "asking for the port");
			listener_close(l);
			return false;
		}
	}
	if (listener_hear(l, err))
		return true;
	listener_close(l);
	return false;
}

void listener_close(struct listener *l)
{
	if (l->poller == NULL)
		return;
	listener_deafen(l);
	file_close(l->guard_fd);
	l->guard_fd = -1;
	l->poller = NULL;
}
