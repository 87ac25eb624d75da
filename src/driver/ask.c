/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/ask.h"

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "net/address.h"
#include "net/socket.h"
#include "util/clock.h"
#include "util/file.h"

#define HOST_MAX   256
#define READ_LEAST 4096

struct asking {
	int fd;
	uint64_t end_ns;
	struct buffer out;
	struct tls_context *context;
	struct tls *tls; /* NULL: in clear */
};

static bool wait_for(const struct asking *a, uint32_t events)
{
	/* What epoll and tls.h call EPOLLIN and EPOLLOUT has the same numbers here. */
	struct pollfd p = { .fd = a->fd, .events = (short)events };
	uint64_t now_ns = clock_ns();

	if (now_ns >= a->end_ns)
		return false;
	/* Interrupted: whoever called looks again and comes back. */
	return poll(&p, 1, (int)((a->end_ns - now_ns) / 1000000) + 1) != 0;
}

static bool connect_to(struct asking *a, const char *address)
{
	struct address found[ADDRESSES_MAX];
	struct error err;
	size_t count = address_resolve(address, found, &err);

	for (size_t i = 0; i < count; i++) {
		a->fd = socket_connect(&found[i], &err);
		if (a->fd < 0)
			continue;
		if (wait_for(a, POLLOUT) && socket_error(a->fd) == 0)
			return true;
		file_close(a->fd);
		a->fd = -1;
	}
	return false;
}

/* "[::1]:9093" names ::1. */
static void host_of(const char *address, char out[HOST_MAX])
{
	const char *colon = strrchr(address, ':');
	size_t len = colon != NULL ? (size_t)(colon - address) : strlen(address);
	bool is_bracketed = len > 1 && address[0] == '[' && address[len - 1] == ']';

	(void)snprintf(out, HOST_MAX, "%.*s", (int)(is_bracketed ? len - 2 : len),
	               is_bracketed ? address + 1 : address);
}

static bool greet(struct asking *a, const struct ask_whom *whom)
{
	char host[HOST_MAX];
	struct error err;
	enum io io;

	if (whom->tls == NULL)
		return true;
	host_of(whom->address, host);
	a->context = tls_client_create(whom->tls, &err);
	a->tls = a->context != NULL ? tls_create(a->context, a->fd, host, &err) : NULL;
	if (a->tls == NULL)
		return false;
	while ((io = tls_handshake(a->tls, &err)) == IO_BLOCKED)
		if (!wait_for(a, tls_read_wants(a->tls)))
			return false;
	return !io_is_over(io);
}

/* Writes once; *wants is what it waits for when it is blocked. */
static enum io write_some(struct asking *a, uint32_t *wants)
{
	struct error err;
	size_t n = 0;

	*wants = POLLOUT;
	if (a->tls == NULL)
		return socket_send(a->fd, &a->out);
	enum io io = tls_write(a->tls, buffer_data(&a->out), buffer_pending(&a->out), &n, &err);
	buffer_consume(&a->out, n);
	*wants = tls_write_wants(a->tls);
	return io;
}

static enum io read_some(struct asking *a, struct buffer *answer, uint32_t *wants)
{
	struct error err;
	size_t n = 0;

	*wants = POLLIN;
	if (a->tls == NULL)
		return socket_receive(a->fd, answer, READ_LEAST);
	unsigned char *room = buffer_reserve(answer, READ_LEAST);
	if (room == NULL)
		return IO_FAILED;
	enum io io = tls_read(a->tls, room, READ_LEAST, &n, &err);
	answer->tail += n;
	*wants = tls_read_wants(a->tls);
	return io;
}

static bool say(struct asking *a)
{
	uint32_t wants;

	while (buffer_pending(&a->out) > 0) {
		enum io io = write_some(a, &wants);
		if (io_is_over(io) || (io == IO_BLOCKED && !wait_for(a, wants)))
			return false;
	}
	return true;
}

static bool hear(struct asking *a, ask_whole_fn *is_whole, struct buffer *answer)
{
	uint32_t wants;

	while (!is_whole(buffer_data(answer), buffer_pending(answer))) {
		enum io io = read_some(a, answer, &wants);
		if (io_is_over(io) || (io == IO_BLOCKED && !wait_for(a, wants)))
			return false;
	}
	return true;
}

bool ask_server(const struct ask_whom *whom, const void *question, size_t len,
                ask_whole_fn *is_whole, struct buffer *answer)
{
	struct asking a = { .fd = -1, .end_ns = clock_ns() + ASK_MS * UINT64_C(1000000) };
	struct error err;

	*answer = (struct buffer){ 0 };
	bool ok = buffer_init(answer, READ_LEAST, ASK_MAX, &err) &&
	          buffer_init(&a.out, READ_LEAST, ASK_MAX, &err) &&
	          buffer_add(&a.out, question, len) && connect_to(&a, whom->address) &&
	          greet(&a, whom) && say(&a) && hear(&a, is_whole, answer);
	tls_destroy(a.tls);
	tls_context_destroy(a.context);
	file_close(a.fd);
	buffer_fini(&a.out);
	return ok;
}
