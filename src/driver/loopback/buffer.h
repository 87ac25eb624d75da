/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_BUFFER_H
#define OMB_DRIVER_LOOPBACK_BUFFER_H

/*
 * buffer -- bytes between a stream socket and the frames in them.
 *
 * Contiguous: what is pending can be parsed where it lies.  The memory is a mapping that grows as
 * far as `max` and whose pages cost nothing until they are touched; nothing is copied to grow it.
 * Bytes are moved to the front only when at least as many were consumed since, so each is moved
 * once at the most on average.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct loop_buffer {
	unsigned char *data; /* a mapping of `cap` bytes, owned */
	size_t head, tail;   /* pending are those between */
	size_t cap, max;
	bool overflowed; /* more than max was asked for; sticks */
};

enum loop_io {
	LOOP_IO_DONE,    /* read: some bytes, and there may be more; written: everything */
	LOOP_IO_BLOCKED, /* the socket has nothing, or no room for all */
	LOOP_IO_CLOSED,  /* the other side is gone */
};

bool loop_buffer_init(struct loop_buffer *b, size_t cap, size_t max, struct error *err);
void loop_buffer_fini(struct loop_buffer *b);

static inline size_t loop_buffer_pending(const struct loop_buffer *b)
{
	return b->tail - b->head;
}

/* Room for n more bytes behind the pending ones; b->tail does not move.  NULL: beyond max. */
unsigned char *loop_buffer_reserve(struct loop_buffer *b, size_t n);

/* The first n pending bytes are done with. */
void loop_buffer_consume(struct loop_buffer *b, size_t n);

/* Reads once, into room for at least `least` bytes.  CLOSED also for an error of the socket. */
enum loop_io loop_buffer_read(struct loop_buffer *b, int fd, size_t least);

/* Writes what is pending. */
enum loop_io loop_buffer_write(struct loop_buffer *b, int fd);

#endif
