/* SPDX-License-Identifier: Apache-2.0 */
#include "net/buffer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

bool buffer_init(struct buffer *b, size_t cap, size_t max, struct error *err)
{
	assert(cap > 0 && cap <= max);

	void *data = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return error_set_errno(err, errno, "mapping a buffer of %zu bytes", cap);
	*b = (struct buffer){ .data = data, .cap = cap, .max = max };
	return true;
}

void buffer_fini(struct buffer *b)
{
	if (b->data != NULL)
		munmap(b->data, b->cap);
	*b = (struct buffer){ 0 };
}

static bool resize(struct buffer *b, size_t cap)
{
	void *data = mremap(b->data, b->cap, cap, MREMAP_MAYMOVE);

	if (data == MAP_FAILED)
		return false;
	b->data = data;
	b->cap = cap;
	return true;
}

static bool grow(struct buffer *b, size_t needed)
{
	size_t cap = b->cap;

	while (cap < needed)
		cap = cap > b->max / 2 ? b->max : 2 * cap;
	return resize(b, cap);
}

static unsigned char *overflow(struct buffer *b)
{
	b->overflowed = true;
	return NULL;
}

unsigned char *buffer_reserve(struct buffer *b, size_t n)
{
	size_t pending = buffer_pending(b);

	if (b->cap - b->tail >= n)
		return b->data + b->tail;
	if (n > b->max - pending)
		return overflow(b);

	bool worth_moving = b->cap - pending >= n && b->head >= pending;
	if (!worth_moving && b->tail + n <= b->max && !grow(b, b->tail + n))
		return overflow(b);
	if (b->cap - b->tail < n) {
		memmove(b->data, b->data + b->head, pending);
		b->head = 0;
		b->tail = pending;
	}
	if (b->cap - b->tail < n && !grow(b, b->tail + n))
		return overflow(b);
	return b->data + b->tail;
}

bool buffer_add(struct buffer *b, const void *bytes, size_t n)
{
	bool was_fine = !b->overflowed;
	unsigned char *at = buffer_reserve(b, n);

	if (at == NULL) {
		b->overflowed = !was_fine;
		return false;
	}
	if (n > 0)
		memcpy(at, bytes, n);
	b->tail += n;
	return true;
}

void buffer_consume(struct buffer *b, size_t n)
{
	assert(n <= buffer_pending(b));
	b->head += n;
	if (b->head == b->tail)
		b->head = b->tail = 0; /* the pages at the front are warm */
}

void buffer_trim(struct buffer *b, size_t kept)
{
	if (buffer_pending(b) == 0 && b->cap > kept && kept > 0)
		resize(b, kept);
}
