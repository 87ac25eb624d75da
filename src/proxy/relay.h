/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PROXY_RELAY_H
#define OMB_PROXY_RELAY_H

/*
 * relay -- one connection through the proxy: two sockets, and a flow of bytes each way.
 *
 *      client ── ends[0] ══ flows[UP] ═══► ends[1] ── target
 *                        ◄═ flows[DOWN] ══
 *
 * A flow reads while it has room (`memory`, and SHAPE_MARKS_MAX parts); beyond that its source is
 * slowed down by TCP.  The end of a stream (FIN) goes on behind the last byte, a reset as soon as
 * its latency is over, whatever is under way.
 *
 * A hole lets nothing through, ends included, and neither side learns anything: HOLD reads nothing,
 * so that the sender's own buffers fill up; SWALLOW reads and forgets.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/buffer.h"
#include "net/poller.h"
#include "proxy/shape.h"
#include "util/error.h"

enum { UP, DOWN, DIRECTIONS }; /* to the target, from the target */

enum hole { HOLE_NONE, HOLE_HOLD, HOLE_SWALLOW };

/* Of all relays of a listener; relay_changed tells each. */
struct flow_settings {
	struct shape_settings shape;
	enum hole hole;
	uint64_t bytes; /* that went on; counted by the relays */
};

struct relay;

struct relay_options { /* borrowed */
	struct poller *poller;
	const struct address *targets; /* tried in turn */
	size_t targets_count;
	size_t memory;               /* bytes under way in a direction */
	struct flow_settings *flows; /* DIRECTIONS of them */
	/* It is over and has to be destroyed.  `why`: the target could not be reached; NULL: it
	 * ended. */
	void (*over)(struct relay *r, const struct error *why);
	void *owner;
};

enum ending { ENDING_NONE, ENDING_FIN, ENDING_RESET };

struct relay_end {
	struct watch watch; /* first */
	struct relay *relay;
	int fd; /* -1: gone */
};

struct flow {
	struct timer timer; /* first */
	struct relay *relay;
	struct relay_end *from, *to;
	struct flow_settings *settings;
	struct shape shape;
	struct buffer bytes; /* under way */
	bool is_readable, is_blocked;
	bool has_ended;      /* the source says nothing more */
	bool is_half_closed; /* by order: the source talks to nobody */
	bool is_passed;      /* the end went on */
	enum ending ending;
	uint64_t end_due_ns;
};

struct relay {
	const struct relay_options *options;
	struct relay_end ends[DIRECTIONS];
	struct flow flows[DIRECTIONS];
	struct timer deadline; /* of connecting */
	size_t target;         /* the next to be tried */
	bool is_connected, is_over;
	struct error failure; /* kind NONE: none */
	/* The owner's list. */
	struct relay *next, **link;
};

#define RELAY_CONNECT_NS UINT64_C(10000000000)

/* Takes fd, a connection that was accepted; `over` is never called from here.  NULL: no memory. */
struct relay *relay_create(const struct relay_options *o, int fd, uint64_t seed, struct error *err);
/* Both ends are closed; with `reset` they are told of a reset. */
void relay_destroy(struct relay *r, bool reset);

/* Each may end with `over`: `*r` may be gone afterwards. */
void relay_changed(struct relay *r);                   /* the settings of its flows */
void relay_half_close(struct relay *r, int direction); /* our end, behind what is under way */
/* The receiver of this direction is told of a reset; the sender hears nothing and is listened to
 * until it ends. */
void relay_reset_receiver(struct relay *r, int direction);

#endif
