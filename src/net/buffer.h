/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_BUFFER_H
#define OMB_NET_BUFFER_H

/*
 * buffer -- bytes that came and were not used yet, or that are to go and have not gone yet.
 *
 * Contiguous: what is pending can be parsed where it lies.  The memory is a mapping that grows as
 * far as `max` and whose pages cost nothing until they are touched; nothing is copied to grow it,
 * and a length that a peer only announces takes no memory.  Bytes are moved to the front only when
 * at least as many were consumed since, so each is moved once at the most on average.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct buffer {
	unsigned char *data; /* a mapping of `cap` bytes, owned */
	size_t head, tail;   /* pending are those between */
	size_t cap, max;
	bool overflowed; /* more than max was asked for; sticks */
};

bool buffer_init(struct buffer *b, size_t cap, size_t max, struct error *err);
void buffer_fini(struct buffer *b); /* zeroed: nothing */

static inline size_t buffer_pending(const struct buffer *b)
{
	return b->tail - b->head;
}

/* What is pending. */
static inline unsigned char *buffer_data(const struct buffer *b)
{
	return b->data + b->head;
}

/* Room for n more bytes behind the pending ones; b->tail does not move.  NULL: beyond max. */
unsigned char *buffer_reserve(struct buffer *b, size_t n);
/* False: beyond max, and nothing was taken. */
bool buffer_add(struct buffer *b, const void *bytes, size_t n);

/* The first n pending bytes are done with. */
void buffer_consume(struct buffer *b, size_t n);
/* Gives memory beyond `kept` bytes back if nothing is pending. */
void buffer_trim(struct buffer *b, size_t kept);

#endif
