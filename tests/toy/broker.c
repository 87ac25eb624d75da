/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The toy's broker: one thread that passes each packet of a producer on to one consumer of each
 * subscription of its topic, and keeps nothing.  A consumer that does not read stops everything.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "toy/toy.h"

#define PEERS_MAX 256
#define POLL_STOP 0
#define POLL_DOOR 1
#define POLL_PEER 2 /* from here on, in the order of `peers` */

struct peer {
	char role; /* 'P', 'C'; 0 = has not said yet */
	char topic[TOY_NAME_MAX], subscription[TOY_NAME_MAX];
	uint64_t turn; /* the last message that it had */
};

struct toy_broker {
	struct pollfd fds[POLL_PEER + PEERS_MAX];
	struct peer peers[PEERS_MAX];
	unsigned count;
	uint64_t turn; /* messages so far */
	char packet[TOY_MESSAGE_MAX];
};

/* In the abstract namespace: nothing is left on a disk. */
static socklen_t address_of(const char *run_id, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	int len = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "omb-toy-%s",
	                   run_id);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

int toy_dial(const char *run_id, const char *hello, struct error *err)
{
	struct sockaddr_un address;
	socklen_t len = address_of(run_id, &address);

	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, len) < 0 ||
	    send(fd, hello, strlen(hello) + 1, MSG_NOSIGNAL) < 0) {
		error_set_errno(err, errno, "connecting to the toy's broker");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool is_same_group(const struct peer *a, const struct peer *b)
{
	return a->role == 'C' && b->role == 'C' && strcmp(a->topic, b->topic) == 0 &&
	       strcmp(a->subscription, b->subscription) == 0;
}

static bool group_has_had_it(const struct toy_broker *b, const struct peer *consumer)
{
	for (unsigned i = 0; i < b->count; i++)
		if (b->peers[i].turn == b->turn && is_same_group(&b->peers[i], consumer))
			return true;
	return false;
}

/* Members of a subscription take turns, because the search for one begins at another each time. */
static void pass_on(struct toy_broker *b, const char *topic, size_t len)
{
	b->turn++;
	for (unsigned k = 0; k < b->count; k++) {
		unsigned i = (unsigned)((b->turn + k) % b->count);
		struct peer *c = &b->peers[i];
		if (c->role != 'C' || strcmp(c->topic, topic) != 0 || group_has_had_it(b, c))
			continue;
		if (send(b->fds[POLL_PEER + i].fd, b->packet, len, MSG_NOSIGNAL) >= 0)
			c->turn = b->turn;
	}
}

static void let_in(struct toy_broker *b)
{
	int fd = accept4(b->fds[POLL_DOOR].fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (b->count == PEERS_MAX) {
		close(fd);
		return;
	}
	b->fds[POLL_PEER + b->count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	b->peers[b->count++] = (struct peer){ 0 };
}

static void let_go(struct toy_broker *b, unsigned i)
{
	close(b->fds[POLL_PEER + i].fd);
	b->count--;
	b->fds[POLL_PEER + i] = b->fds[POLL_PEER + b->count];
	b->peers[i] = b->peers[b->count];
}

/* False: it has gone, or is none of ours. */
static bool serve_peer(struct toy_broker *b, unsigned i)
{
	struct peer *p = &b->peers[i];
	int fd = b->fds[POLL_PEER + i].fd;
	ssize_t len = recv(fd, b->packet, sizeof(b->packet) - 1, MSG_DONTWAIT);

	if (len <= 0)
		return len < 0 && errno == EAGAIN;
	if (p->role == 'P') {
		pass_on(b, p->topic, (size_t)len);
		return send(fd, "", 1, MSG_NOSIGNAL) == 1;
	}
	b->packet[len] = '\0';
	return sscanf(b->packet, "%c %127s %127s", &p->role, p->topic, p->subscription) >= 2;
}

static int listen_at(const char *run_id, struct error *err)
{
	struct sockaddr_un address;
	socklen_t len = address_of(run_id, &address);

	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
	    listen(fd, PEERS_MAX) == 0)
		return fd;
	error_set_errno(err, errno, "opening the toy's broker");
	if (fd >= 0)
		close(fd);
	return -1;
}

bool toy_broker_run(const struct driver_context *ctx, int stop_fd, void (*ready)(void *to),
                    void *to, struct error *err)
{
	static struct toy_broker b; /* of this process, which is for the broker alone */
	int door = listen_at(ctx->run_id, err);

	if (door < 0)
		return false;
	b.fds[POLL_STOP] = (struct pollfd){ .fd = stop_fd, .events = POLLIN };
	b.fds[POLL_DOOR] = (struct pollfd){ .fd = door, .events = POLLIN };
	ready(to);
	while (poll(b.fds, POLL_PEER + b.count, -1) >= 0 && b.fds[POLL_STOP].revents == 0) {
		for (unsigned i = b.count; i-- > 0;)
			if (b.fds[POLL_PEER + i].revents != 0 && !serve_peer(&b, i))
				let_go(&b, i);
		if (b.fds[POLL_DOOR].revents != 0)
			let_in(&b);
	}
	close(door);
	return true;
}
