/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/ask.h"

#include <poll.h>
#include <stdint.h>

#include "net/address.h"
#include "net/socket.h"
#include "util/clock.h"
#include "util/file.h"

struct asking {
	int fd;
	uint64_t end_ns;
	struct buffer out;
};

static bool wait_for(const struct asking *a, short events)
{
	struct pollfd p = { .fd = a->fd, .events = events };
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

static bool say(struct asking *a)
{
	enum io io;

	while ((io = socket_send(a->fd, &a->out)) == IO_BLOCKED)
		if (!wait_for(a, POLLOUT))
			return false;
	return !io_is_over(io);
}

static bool hear(struct asking *a, ask_whole_fn *is_whole, struct buffer *answer)
{
	while (!is_whole(buffer_data(answer), buffer_pending(answer)))
		if (!wait_for(a, POLLIN) || io_is_over(socket_receive(a->fd, answer, 4096)))
			return false;
	return true;
}

bool ask_server(const char *address, const void *question, size_t len, ask_whole_fn *is_whole,
                struct buffer *answer)
{
	struct asking a = { .fd = -1, .end_ns = clock_ns() + ASK_MS * UINT64_C(1000000) };
	struct error err;

	*answer = (struct buffer){ 0 };
	bool ok = buffer_init(answer, 4096, ASK_MAX, &err) &&
	          buffer_init(&a.out, 4096, ASK_MAX, &err) && buffer_add(&a.out, question, len) &&
	          connect_to(&a, address) && (len == 0 || say(&a)) && hear(&a, is_whole, answer);
	file_close(a.fd);
	buffer_fini(&a.out);
	return ok;
}
