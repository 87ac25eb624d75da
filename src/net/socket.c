/* SPDX-License-Identifier: Apache-2.0 */
#include "net/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/file.h"

#define BACKLOG 4096

static int open_socket(const struct address *a, struct error *err)
{
	int fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		error_set_errno(err, errno, "opening a socket");
	return fd;
}

static void send_at_once(int fd, const struct address *a)
{
	const int on = 1;

	/* It only makes things faster; failing is no failure. */
	if (address_is_tcp(a))
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int socket_reserve(const struct address *a, struct error *err)
{
	char text[ADDRESS_TEXT];
	const int on = 1;
	int fd = open_socket(a, err);

	if (fd < 0)
		return -1;
	if (address_is_tcp(a))
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&a->at, a->len) < 0) {
		error_set_errno(err, errno, "listening on %s", address_format(a, text));
		file_close(fd);
		return -1;
	}
	return fd;
}

int socket_listen(const struct address *a, struct error *err)
{
	char text[ADDRESS_TEXT];
	int fd = socket_reserve(a, err);

	if (fd >= 0 && listen(fd, BACKLOG) < 0) {
		error_set_errno(err, errno, "listening on %s", address_format(a, text));
		file_close(fd);
		return -1;
	}
	return fd;
}

bool socket_name(int fd, struct address *out)
{
	*out = (struct address){ .len = sizeof(out->at) };
	return getsockname(fd, (struct sockaddr *)&out->at, &out->len) == 0;
}

/* Linux hands errors of the new connection's network to accept: the next one may be fine. */
static bool is_of_the_caller(int number)
{
	switch (number) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENOPROTOOPT:
	case ENONET:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

int socket_accept(int listen_fd, struct address *from)
{
	int fd;

	do {
		*from = (struct address){ .len = sizeof(from->at) };
		fd = accept4(listen_fd, (struct sockaddr *)&from->at, &from->len,
		             SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && is_of_the_caller(errno));
	if (fd >= 0)
		send_at_once(fd, from);
	return fd;
}

int socket_connect(const struct address *a, struct error *err)
{
	char text[ADDRESS_TEXT];
	int fd = open_socket(a, err);

	if (fd < 0)
		return -1;
	send_at_once(fd, a);
	/* Interrupted, it goes on by itself as one that is under way does. */
	if (connect(fd, (const struct sockaddr *)&a->at, a->len) < 0 && errno != EINPROGRESS &&
	    errno != EINTR) {
		error_set_errno(err, errno, "connecting to %s", address_format(a, text));
		file_close(fd);
		return -1;
	}
	return fd;
}

int socket_error(int fd)
{
	int number = 0;
	socklen_t len = sizeof(number);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &len) == 0 ? number : errno;
}

enum io socket_read(int fd, void *data, size_t room, size_t *n)
{
	ssize_t got;

	do
		got = recv(fd, data, room, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	*n = got > 0 ? (size_t)got : 0;
	if (got > 0)
		return IO_DONE;
	if (got == 0)
		return room > 0 ? IO_ENDED : IO_BLOCKED;
	return errno == EAGAIN || errno == EWOULDBLOCK ? IO_BLOCKED : IO_FAILED;
}

enum io socket_write(int fd, const struct iovec *pieces, int count, size_t *n)
{
	const struct msghdr m = { .msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count };
	ssize_t put;

	do
		put = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (put < 0 && errno == EINTR);
	*n = put > 0 ? (size_t)put : 0;
	if (put >= 0)
		return IO_DONE;
	return errno == EAGAIN || errno == EWOULDBLOCK ? IO_BLOCKED : IO_FAILED;
}

enum io socket_receive(int fd, struct buffer *b, size_t least)
{
	size_t n;

	if (buffer_reserve(b, least) == NULL) {
		errno = ENOMEM;
		return IO_FAILED;
	}
	enum io io = socket_read(fd, b->data + b->tail, b->cap - b->tail, &n);
	b->tail += n;
	return io;
}

enum io socket_send(int fd, struct buffer *b)
{
	enum io io = IO_DONE;

	while (io == IO_DONE && buffer_pending(b) > 0) {
		const struct iovec piece = { .iov_base = buffer_data(b),
			                     .iov_len = buffer_pending(b) };
		size_t n;
		io = socket_write(fd, &piece, 1, &n);
		buffer_consume(b, n);
	}
	return io;
}

void socket_shut(int fd)
{
	/* Fails only where the connection is gone, which the next read tells. */
	(void)shutdown(fd, SHUT_WR);
}

void socket_reset(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	file_close(fd);
}
