/* SPDX-License-Identifier: Apache-2.0 */
#include "net/outbox.h"

#include <assert.h>
#include <stdlib.h>

#include "util/xalloc.h"

#define COPIED_CAP  ((size_t)16 * 1024)
#define COPIED_KEPT ((size_t)256 * 1024)
#define PIECES_CAP  16

void outbox_init(struct outbox *o, size_t max_bytes, void (*done)(void *context, uint64_t token),
                 void *context)
{
	assert(max_bytes > 0);
	*o = (struct outbox){ .max = max_bytes, .done = done, .context = context };
}

void outbox_fini(struct outbox *o)
{
	outbox_clear(o);
	buffer_fini(&o->copied);
	free(o->pieces);
	*o = (struct outbox){ 0 };
}

static struct outbox_piece *piece_at(const struct outbox *o, size_t i)
{
	return &o->pieces[(o->first + i) & (o->cap - 1)];
}

/* A power of two, so that the ring needs no division. */
static void grow(struct outbox *o)
{
	size_t cap = o->cap > 0 ? 2 * o->cap : PIECES_CAP;
	struct outbox_piece *pieces = xmalloc(cap * sizeof(*pieces));

	for (size_t i = 0; i < o->count; i++)
		pieces[i] = *piece_at(o, i);
	free(o->pieces);
	o->pieces = pieces;
	o->first = 0;
	o->cap = cap;
}

static bool has_room(const struct outbox *o, size_t len)
{
	return len <= o->max - o->bytes && o->count < OUTBOX_PIECES_MAX;
}

static void add(struct outbox *o, const void *data, size_t len, uint64_t token)
{
	if (o->count == o->cap)
		grow(o);
	*piece_at(o, o->count++) =
		(struct outbox_piece){ .data = data, .len = len, .token = token };
	o->bytes += len;
}

bool outbox_copy(struct outbox *o, const void *data, size_t len)
{
	struct error err;
	size_t cap = o->max < COPIED_CAP ? o->max : COPIED_CAP;

	if (len == 0)
		return true;
	if (!has_room(o, len))
		return false;
	if (o->copied.data == NULL && !buffer_init(&o->copied, cap, o->max, &err))
		return false;
	if (!buffer_add(&o->copied, data, len))
		return false;
	struct outbox_piece *last = o->count > 0 ? piece_at(o, o->count - 1) : NULL;
	if (last == NULL || last->data != NULL) {
		add(o, NULL, len, 0);
	} else {
		last->len += len;
		o->bytes += len;
	}
	return true;
}

bool outbox_borrow(struct outbox *o, const void *data, size_t len, uint64_t token)
{
	assert(len > 0 && data != NULL && o->done != NULL);
	if (!has_room(o, len))
		return false;
	add(o, data, len, token);
	return true;
}

int outbox_fill(const struct outbox *o, struct iovec *out, int max)
{
	size_t skip = o->written, copied = 0;
	int n = 0;

	for (size_t i = 0; i < o->count && n < max; i++) {
		const struct outbox_piece *p = piece_at(o, i);
		/* Of the copied ones what was written is gone already. */
		const unsigned char *at = p->data != NULL ? (const unsigned char *)p->data + skip
		                                          : buffer_data(&o->copied) + copied;
		if (p->data == NULL)
			copied += p->len - skip;
		out[n++] = (struct iovec){ .iov_base = (void *)at, .iov_len = p->len - skip };
		skip = 0;
	}
	return n;
}

static void drop_first(struct outbox *o)
{
	struct outbox_piece p = *piece_at(o, 0);

	o->first = (o->first + 1) & (o->cap - 1);
	o->count--;
	o->written = 0;
	if (p.data != NULL)
		o->done(o->context, p.token);
}

void outbox_written(struct outbox *o, size_t n)
{
	assert(n <= o->bytes);
	while (n > 0) {
		struct outbox_piece *p = piece_at(o, 0);
		size_t part = p->len - o->written < n ? p->len - o->written : n;
		o->written += part;
		o->bytes -= part;
		n -= part;
		if (p->data == NULL)
			buffer_consume(&o->copied, part);
		if (o->written == p->len)
			drop_first(o);
	}
	if (o->bytes == 0 && o->copied.data != NULL)
		buffer_trim(&o->copied, COPIED_KEPT);
}

void outbox_clear(struct outbox *o)
{
	buffer_consume(&o->copied, buffer_pending(&o->copied));
	o->bytes = 0;
	while (o->count > 0)
		drop_first(o);
}
