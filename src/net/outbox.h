/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_OUTBOX_H
#define OMB_NET_OUTBOX_H

/*
 * outbox -- what a connection still has to write: pieces in order, bounded; no socket inside.
 *
 * A piece is copied (small things: headers, acknowledgements) or borrowed (payloads, batches of a
 * log), which stays where it is until `done` has given it back by its token, written or not.  When
 * there is no room for a piece nothing of it is taken: the caller keeps it and tries again when the
 * connection says that there is room.  That is the back-pressure; memory has no other bound.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "net/buffer.h"
#include "util/error.h"

struct outbox_piece {
	const void *data; /* NULL: the next `len` bytes of the copied ones */
	size_t len;
	uint64_t token;
};

struct outbox {
	struct outbox_piece *pieces; /* owned; a ring */
	size_t first, count, cap;
	size_t written;       /* of the first piece */
	size_t bytes, max;    /* not written yet, copied and borrowed */
	struct buffer copied; /* mapped when it is first needed */
	void (*done)(void *context, uint64_t token);
	void *context;
};

#define OUTBOX_PIECES_MAX 65536

/* `done` may be NULL where nothing is borrowed. */
void outbox_init(struct outbox *o, size_t max_bytes, void (*done)(void *context, uint64_t token),
                 void *context);
/* Gives back what is borrowed. */
void outbox_fini(struct outbox *o);

/* False: no room. */
bool outbox_copy(struct outbox *o, const void *data, size_t len);
bool outbox_borrow(struct outbox *o, const void *data, size_t len, uint64_t token);

/* The first pieces, at most `max`; returns how many.  What it has shown is shown again, as the
 * start of at least as many bytes, until it is written (TLS relies on that). */
int outbox_fill(const struct outbox *o, struct iovec *out, int max);
void outbox_written(struct outbox *o, size_t n);
void outbox_clear(struct outbox *o);

#endif
