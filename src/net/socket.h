/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_SOCKET_H
#define OMB_NET_SOCKET_H

/*
 * socket -- the system calls of stream sockets, with everything that goes wrong by nature sorted
 * out.
 *
 * All sockets are non-blocking and close on exec; TCP sends at once (TCP_NODELAY).  EINTR is tried
 * again here and nowhere above; a peer that is gone is IO_FAILED, never SIGPIPE.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "net/address.h"
#include "net/buffer.h"
#include "util/error.h"

enum io {
	IO_DONE,    /* some bytes, perhaps not all */
	IO_BLOCKED, /* nothing to read, or no room to write, for now */
	IO_ENDED,   /* read: the peer has sent all it ever will */
	IO_FAILED,  /* errno says why */
};

/* The caller closes.  -1: failed. */
int socket_listen(const struct address *a, struct error *err);
/* The port stays ours while nobody listens on it.  -1: failed. */
int socket_reserve(const struct address *a, struct error *err);
bool socket_name(int fd, struct address *out);

/* -1: errno is EAGAIN (nobody waits), or what hinders (EMFILE, ...).  A caller that went away
 * before it was accepted is passed over. */
int socket_accept(int listen_fd, struct address *from);

/* Begins to connect.  Writable, or in error: it has come to an end, which socket_error tells. */
int socket_connect(const struct address *a, struct error *err);
/* errno of what happened to it; 0 = nothing bad. */
int socket_error(int fd);

enum io socket_read(int fd, void *data, size_t room, size_t *n);
enum io socket_write(int fd, const struct iovec *pieces, int count, size_t *n);

static inline bool io_is_over(enum io io)
{
	return io == IO_ENDED || io == IO_FAILED;
}

/* Reads once, into room for at least `least` bytes; without that memory IO_FAILED (ENOMEM). */
enum io socket_receive(int fd, struct buffer *b, size_t least);
/* Writes what is pending: IO_DONE = all of it. */
enum io socket_send(int fd, struct buffer *b);

/* Half-close: the peer reads to the end of what was sent, and may go on sending. */
void socket_shut(int fd);
/* Closes so that the peer is told of a reset (RST); what was not sent yet is thrown away. */
void socket_reset(int fd);

#endif
