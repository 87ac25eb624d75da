/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_MAILBOX_H
#define OMB_DRIVER_MAILBOX_H

/*
 * mailbox -- from the threads of a client library into the thread of a loop.
 *
 * For libraries that call back from threads of their own: those post, the hooks of the driver take.
 * Many post, one takes; what one thread posts is taken in its order.  The descriptor is what
 * producer_open and consumer_open hand out: it is written to when the box may have turned from empty
 * to not empty, and nobody reads it, so take until mailbox_take says that there is nothing.
 *
 * Bounded, and nothing is allocated after mailbox_init.  Posting and taking lock nothing; only who
 * waits for room in a full box sleeps, and is woken when half of it is free.
 *
 *     a callback (the library's thread)          consumer_serve (the loop's thread)
 *         mailbox_put(&c->box, &item);              while (n < max && mailbox_take(...))
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

struct mailbox {
	int fd;        /* readable once anything was posted; the edge is what counts */
	size_t stride; /* of a cell: its turn, then the item */
	size_t item_size;
	uint64_t mask;        /* cells - 1 */
	unsigned char *cells; /* owned */
	uint64_t taken;       /* of the taker alone */
	_Alignas(64) _Atomic uint64_t posted;
	_Alignas(64)
		atomic_bool is_told; /* the taker has an edge that it did not follow to the end */
	atomic_uint waiting;         /* for room */
	atomic_bool is_closed;
	pthread_mutex_t lock; /* of `room` */
	pthread_cond_t room;
};

/* For `capacity` items at least, a power of two or what is next.  False: nothing is to be freed. */
bool mailbox_init(struct mailbox *m, size_t item_size, uint32_t capacity, struct error *err);
/* When the library calls back no more.  What was not taken is gone: take it first. */
void mailbox_fini(struct mailbox *m);

/* Any thread: copies *item in.  False: full, or closed. */
bool mailbox_post(struct mailbox *m, const void *item);
/* As mailbox_post, but waits while the box is full: what the library does then with what comes
 * after is the back-pressure that a slow consumer is meant to make.  False: closed. */
bool mailbox_put(struct mailbox *m, const void *item);

/* The loop's thread: moves the oldest into *item.  False: there is none, and the next one makes an
 * edge. */
bool mailbox_take(struct mailbox *m, void *item);

/* Any thread: nothing gets in any more, and who waits for room returns.  What is in can be taken. */
void mailbox_close(struct mailbox *m);

#endif
