/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/buffer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

bool loop_buffer_init(struct loop_buffer *b, size_t cap, size_t max, struct error *err)
{
	assert(cap > 0 && cap <= max);

	void *data = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return error_set_errno(err, errno, "mapping a buffer of %zu bytes", cap);
	*b = (struct loop_buffer){ .data = data, .cap = cap, .max = max };
	return true;
}

void loop_buffer_fini(struct loop_buffer *b)
{
	if (b->data != NULL)
		munmap(b->data, b->cap);
	*b = (struct loop_buffer){ 0 };
}

static bool grow(struct loop_buffer *b, size_t needed)
{
	size_t cap = b->cap;

	while (cap < needed)
		cap = cap > b->max / 2 ? b->max : 2 * cap;
	void *data = mremap(b->data, b->cap, cap, MREMAP_MAYMOVE);
	if (data == MAP_FAILED)
		return false;
	b->data = data;
	b->cap = cap;
	return true;
}

unsigned char *loop_buffer_reserve(struct loop_buffer *b, size_t n)
{
	size_t pending = loop_buffer_pending(b);

	if (b->cap - b->tail >= n)
		return b->data + b->tail;
	if (n > b->max - pending) {
		b->overflowed = true;
		return NULL;
	}

	bool fits = b->cap - pending >= n;
	if (!(fits && b->head >= pending) && b->tail + n <= b->max && !grow(b, b->tail + n)) {
		b->overflowed = true;
		return NULL;
	}
	if (b->cap - b->tail < n) {
		memmove(b->data, b->data + b->head, pending);
		b->head = 0;
		b->tail = pending;
	}
	if (b->cap - b->tail < n && !grow(b, b->tail + n)) {
		b->overflowed = true;
		return NULL;
	}
	return b->data + b->tail;
}

void loop_buffer_consume(struct loop_buffer *b, size_t n)
{
	assert(n <= loop_buffer_pending(b));
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0; /* the pages at the front are warm */
}

enum loop_io loop_buffer_read(struct loop_buffer *b, int fd, size_t least)
{
	if (loop_buffer_reserve(b, least) == NULL)
		return LOOP_IO_CLOSED;

	for (;;) {
		ssize_t n = recv(fd, b->data + b->tail, b->cap - b->tail, MSG_DONTWAIT);
		if (n > 0) {
			b->tail += (size_t)n;
			return LOOP_IO_DONE;
		}
		if (n == 0)
			return LOOP_IO_CLOSED;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return LOOP_IO_BLOCKED;
		if (errno != EINTR)
			return LOOP_IO_CLOSED;
	}
}

enum loop_io loop_buffer_write(struct loop_buffer *b, int fd)
{
	while (b->head < b->tail) {
		ssize_t n =
			send(fd, b->data + b->head, b->tail - b->head, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0) {
			loop_buffer_consume(b, (size_t)n);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return LOOP_IO_BLOCKED;
		if (errno != EINTR)
			return LOOP_IO_CLOSED;
	}
	return LOOP_IO_DONE;
}
