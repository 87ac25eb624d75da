/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_NET_CONN_H
#define OMB_NET_CONN_H

/*
 * conn -- one connection that never blocks: connecting, TLS, input, output, the end, and beginning
 * again.
 *
 *              conn_connect                 conn_adopt (accepted)
 *                   │                              │
 *      ┌──► WAITING ┴► CONNECTING ─► GREETING (TLS) ┴► OPEN ─┐
 *      └───────────── backoff ◄──── lost ◄───────────────────┴──► CLOSED
 *
 * Connecting tries the addresses in turn, each with its share of what is left of the time; TLS
 * belongs to it.  A connection that is lost is tried again after a while if the options say so.
 *
 * Input is contiguous and grows up to in_max; when it is full the connection does not read, so that
 * TCP slows the peer down.  At most one read is done in a turn.  Output is bounded by out_max: what
 * has no room is refused, and `drained` tells when half of it is free again.  What was sent during
 * a turn leaves in one write at its end; conn_flush hurries it.
 *
 * All functions of the handler are called from poller_turn and from nothing else, except
 * `returned`.  In each the owner may close the connection and free it.  One thread.
 *
 * What it is for: broker/serve.c has conn_adopt, `received` while a request is to be read,
 * conn_pause while one waits, and answers whose `pieces` lie in its log; proxy/control.c has small
 * texts both ways; wire clients (Kafka, Pulsar, RocketMQ, HTTP) have conn_connect with backoff and
 * TLS.  What moves bytes between buffers of its own (the loopback sessions) or two sockets (the
 * proxy) stands on poller.h, listener.h and socket.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/backoff.h"
#include "net/buffer.h"
#include "net/outbox.h"
#include "net/poller.h"
#include "net/tls.h"
#include "util/error.h"

enum conn_state { CONN_CLOSED, CONN_WAITING, CONN_CONNECTING, CONN_GREETING, CONN_OPEN };

struct conn;

struct conn_handler {
	/* Can be sent on.  Not called for one that was adopted without TLS: that is open.
	 * Optional. */
	void (*opened)(struct conn *c);
	/* More is in c->in, or c->in_ended. */
	void (*received)(struct conn *c);
	/* There is room again after a send was refused.  Optional. */
	void (*drained)(struct conn *c);
	/* The peer says nothing more, and the owner does not read (it is paused, or the input is
	 * full); once. Optional: who reads comes to the end by itself. */
	void (*deserted)(struct conn *c);
	/* Output that the owner keeps, instead of what it sends or behind it: the next pieces,
	 * at most `max`, 0 = none now; and how many bytes of them were written.  What was shown
	 * is shown again, as the start of at least as many bytes, until it is written.  Both or
	 * neither. */
	int (*pieces)(struct conn *c, struct iovec *out, int max);
	void (*written)(struct conn *c, size_t n);
	/* A borrowed piece is the owner's again, written or not; sends nothing.  Optional if
	 * nothing is. */
	void (*returned)(struct conn *c, uint64_t token);
	/* c->state says what follows: CONN_WAITING or CONN_CLOSED.  Kind NONE: both sides had
	 * finished. */
	void (*lost)(struct conn *c, const struct error *why);
};

/* Borrowed; the same for any number of connections. */
struct conn_options {
	const struct conn_handler *handler;
	const struct address *addresses; /* of conn_connect */
	size_t addresses_count;
	uint64_t timeout_ns;                       /* to be open, all addresses and TLS together */
	uint64_t backoff_first_ns, backoff_max_ns; /* first 0: what is lost stays lost */
	struct tls_context *tls;                   /* NULL: plain */
	const char *tls_peer;                      /* see tls_create */
	size_t in_max, out_max;
	bool half_close; /* the peer's end is told (in_ended) and is no loss */
};

struct conn {
	enum conn_state state;
	bool in_ended;    /* nothing more will come */
	bool is_deserted; /* the peer has said its end; perhaps not all was read */
	struct buffer in; /* read from buffer_data(); conn_consume when done */
	struct outbox out;
	void *owner;
	/* Of its own: */
	const struct conn_options *options;
	struct poller *poller;
	struct watch watch;
	struct timer timer; /* the deadline, or the end of the wait */
	struct backoff backoff;
	struct tls *tls;
	uint64_t deadline_ns;
	size_t address; /* the next to be tried */
	int fd;
	bool is_paused, is_blocked, is_refusing, is_finishing, is_shut;
	bool is_called;       /* conn_again */
	struct error failure; /* kind NONE: none */
	bool *is_gone;        /* told when it closes during a call of the handler */
};

/* `*c` is zeroed.  Begins at the next turn; what goes wrong is told by `lost`.  False: no
 * memory. */
bool conn_connect(struct conn *c, struct poller *p, const struct conn_options *o, uint64_t seed,
                  struct error *err);
/* A connected socket, which is the connection's from now on, also when this fails. */
bool conn_adopt(struct conn *c, struct poller *p, const struct conn_options *o, int fd,
                struct error *err);

/* At once: what has not been written is thrown away, borrowed pieces are returned.  Closed already:
 * nothing. */
void conn_close(struct conn *c);
void conn_reset(struct conn *c); /* the same, and the peer is told of a reset */
/* What was sent goes out, then our end; the peer may go on (see half_close). */
void conn_finish(struct conn *c);

/* False: not open, or no room; nothing was taken. */
bool conn_send(struct conn *c, const void *data, size_t len);
bool conn_lend(struct conn *c, const void *data, size_t len, uint64_t token);
void conn_flush(struct conn *c);

/* The first n bytes of c->in are done with. */
void conn_consume(struct conn *c, size_t n);
/* Reads nothing meanwhile, so c->in stays where it is.  Costs a system call only if something
 * comes. */
void conn_pause(struct conn *c, bool on);
/* `received` is called in the next turn, whether more came or not: for who leaves the rest of
 * his work for then, so that others get their turn. */
void conn_again(struct conn *c);

#endif
