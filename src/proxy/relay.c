/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/relay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "net/socket.h"
#include "util/file.h"
#include "util/xalloc.h"

#define BUFFER_CAP  ((size_t)16 * 1024)
#define BUFFER_KEPT ((size_t)512 * 1024)
#define PART        ((size_t)256 * 1024) /* read or written at once */

/* --- ends ----------------------------------------------------------------------------------------- */

static struct flow *flow_from(const struct relay_end *e)
{
	return &e->relay->flows[e == &e->relay->ends[0] ? UP : DOWN];
}

static struct flow *flow_to(const struct relay_end *e)
{
	return &e->relay->flows[e == &e->relay->ends[0] ? DOWN : UP];
}

static void discard(struct flow *f)
{
	buffer_consume(&f->bytes, buffer_pending(&f->bytes));
	shape_drop(&f->shape);
}

static void close_end(struct relay_end *e, bool reset)
{
	if (e->fd < 0)
		return;
	poller_remove(e->relay->options->poller, &e->watch);
	if (reset)
		socket_reset(e->fd);
	else
		file_close(e->fd);
	e->fd = -1;
	discard(flow_to(e));
}

/* Nobody is there any more: the other side is to hear of it. */
static void lose_end(struct relay_end *e, uint64_t now_ns)
{
	struct flow *f = flow_from(e);

	close_end(e, false);
	f->has_ended = true;
	f->ending = ENDING_RESET;
	f->is_passed = false;
	f->end_due_ns = shape_due_ns(&f->shape, now_ns);
}

/* --- flows ---------------------------------------------------------------------------------------- */

/* What is read goes nowhere. */
static bool swallows(const struct flow *f)
{
	return f->settings->hole == HOLE_SWALLOW || f->is_half_closed || f->to->fd < 0;
}

static bool may_read(const struct flow *f)
{
	if (!f->relay->is_connected || f->from->fd < 0 || f->has_ended ||
	    f->settings->hole == HOLE_HOLD)
		return false;
	return swallows(f) ||
	       (buffer_pending(&f->bytes) < f->bytes.max && !shape_is_full(&f->shape));
}

static void end_reading(struct flow *f, uint64_t now_ns)
{
	f->has_ended = true;
	if (f->is_half_closed)
		return; /* the end was passed on by order, or will be */
	f->ending = ENDING_FIN;
	f->end_due_ns = shape_due_ns(&f->shape, now_ns);
}

/* Where to read to; NULL: no memory. */
static unsigned char *reading_room(struct flow *f, size_t *room)
{
	static unsigned char nowhere[PART];
	size_t left = f->bytes.max - buffer_pending(&f->bytes);

	*room = PART;
	if (swallows(f))
		return nowhere;
	if (*room > left)
		*room = left;
	return buffer_reserve(&f->bytes, *room);
}

static void read_in(struct flow *f, uint64_t now_ns)
{
	size_t room, n = 0;

	if (!f->is_readable || !may_read(f))
		return;
	f->is_readable = false; /* epoll says it again */
	unsigned char *at = reading_room(f, &room);
	if (at == NULL) {
		lose_end(f->from, now_ns);
		return;
	}
	switch (socket_read(f->from->fd, at, room, &n)) {
	case IO_DONE:
		if (swallows(f))
			break;
		f->bytes.tail += n;
		shape_came(&f->shape, n, now_ns);
		break;
	case IO_ENDED:
		end_reading(f, now_ns);
		break;
	case IO_FAILED:
		lose_end(f->from, now_ns);
		break;
	case IO_BLOCKED:
		break;
	}
}

static bool may_write(const struct flow *f)
{
	return f->relay->is_connected && f->to->fd >= 0 && !f->is_blocked &&
	       f->settings->hole == HOLE_NONE;
}

static void write_out(struct flow *f, uint64_t now_ns)
{
	size_t ready;

	while (may_write(f) && (ready = shape_ready(&f->shape, now_ns)) > 0) {
		struct iovec piece = { .iov_base = buffer_data(&f->bytes), .iov_len = ready };
		size_t n = 0;
		if (piece.iov_len > PART)
			piece.iov_len = PART;
		enum io io = socket_write(f->to->fd, &piece, 1, &n);
		if (io == IO_FAILED) {
			lose_end(f->to, now_ns);
			return;
		}
		buffer_consume(&f->bytes, n);
		shape_went(&f->shape, n);
		f->settings->bytes += n;
		f->is_blocked = n < piece.iov_len;
	}
	buffer_trim(&f->bytes, BUFFER_KEPT);
}

static void pass_the_end(struct flow *f, uint64_t now_ns)
{
	if (f->ending == ENDING_NONE || f->is_passed || f->settings->hole != HOLE_NONE ||
	    now_ns < f->end_due_ns)
		return;
	if (f->ending == ENDING_RESET) {
		f->is_passed = true;
		close_end(f->to, true);
	} else if (buffer_pending(&f->bytes) == 0) {
		f->is_passed = true;
		if (f->to->fd >= 0)
			socket_shut(f->to->fd);
		else
			close_end(f->from, false);
	}
}

static void set_timer(struct flow *f, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX;
	struct timers *timers = &f->relay->options->poller->timers;

	if (may_write(f))
		next_ns = shape_next_ns(&f->shape);
	if (f->ending != ENDING_NONE && !f->is_passed && f->settings->hole == HOLE_NONE &&
	    f->end_due_ns > now_ns && f->end_due_ns < next_ns)
		next_ns = f->end_due_ns;
	if (next_ns == UINT64_MAX)
		timers_cancel(timers, &f->timer);
	else
		timers_set(timers, &f->timer, next_ns);
}

/* --- the whole ------------------------------------------------------------------------------------ */

static uint32_t wanted(const struct relay_end *e)
{
	const struct relay *r = e->relay;
	uint32_t events = 0;

	if (!r->is_connected)
		return e == &r->ends[1] ? (uint32_t)EPOLLOUT : 0;
	if (may_read(flow_from(e)))
		events |= EPOLLIN;
	if (flow_to(e)->is_blocked && flow_to(e)->settings->hole == HOLE_NONE)
		events |= EPOLLOUT;
	return events;
}

static void watch(struct relay_end *e)
{
	struct poller *p = e->relay->options->poller;
	struct error err;

	if (e->fd < 0)
		return;
	if (e->watch.is_added)
		poller_change(p, &e->watch, wanted(e));
	else if (wanted(e) != 0 && !poller_add(p, &e->watch, e->fd, wanted(e), &err))
		e->relay->is_over = true; /* no memory in the kernel */
}

static bool is_over(const struct relay *r)
{
	return r->is_over || (r->ends[0].fd < 0 && r->ends[1].fd < 0) ||
	       (r->flows[UP].ending == ENDING_FIN && r->flows[UP].is_passed &&
	        r->flows[DOWN].ending == ENDING_FIN && r->flows[DOWN].is_passed);
}

/* Does what there is to do; always the last thing, as nothing may be left of `r` afterwards. */
static void settle(struct relay *r)
{
	uint64_t now_ns = poller_clock_ns();

	for (int d = 0; d < DIRECTIONS; d++) {
		read_in(&r->flows[d], now_ns);
		write_out(&r->flows[d], now_ns);
	}
	for (int d = 0; d < DIRECTIONS; d++)
		pass_the_end(&r->flows[d], now_ns);
	watch(&r->ends[0]);
	watch(&r->ends[1]);
	if (is_over(r)) {
		r->options->over(r, r->failure.kind != ERROR_NONE ? &r->failure : NULL);
		return;
	}
	for (int d = 0; d < DIRECTIONS; d++)
		set_timer(&r->flows[d], now_ns);
}

/* --- connecting ----------------------------------------------------------------------------------- */

static void try_target(struct relay *r)
{
	const struct relay_options *o = r->options;
	struct relay_end *e = &r->ends[1];

	close_end(e, false);
	timers_cancel(&o->poller->timers, &r->deadline);
	while (r->target < o->targets_count) {
		size_t left = o->targets_count - r->target;
		r->failure = (struct error){ 0 };
		e->fd = socket_connect(&o->targets[r->target++], &r->failure);
		if (e->fd < 0)
			continue;
		timers_set(&o->poller->timers, &r->deadline,
		           o->poller->now_ns + RELAY_CONNECT_NS / left);
		return;
	}
	close_end(&r->ends[0], true);
	r->is_over = true;
}

static void fail_target(struct relay *r, int number)
{
	char text[ADDRESS_TEXT];

	error_set_errno(&r->failure, number, "connecting to %s",
	                address_format(&r->options->targets[r->target - 1], text));
	try_target(r);
}

static void on_deadline(struct timer *t, uint64_t now_ns)
{
	struct relay *r = (struct relay *)((char *)t - offsetof(struct relay, deadline));

	(void)now_ns;
	fail_target(r, ETIMEDOUT);
	settle(r);
}

static void connected(struct relay *r)
{
	int number = socket_error(r->ends[1].fd);

	if (number != 0) {
		fail_target(r, number);
		return;
	}
	timers_cancel(&r->options->poller->timers, &r->deadline);
	r->failure = (struct error){ 0 };
	r->is_connected = true;
}

/* --- events --------------------------------------------------------------------------------------- */

static void serve_end(struct relay_end *e, uint32_t events)
{
	struct flow *from = flow_from(e), *to = flow_to(e);

	if (events & EPOLLERR) {
		lose_end(e, poller_clock_ns());
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		from->is_readable = true;
	if (events & EPOLLOUT && to->is_blocked) {
		to->is_blocked = false;
		shape_resumed(&to->shape, poller_clock_ns());
	}
	/* It would be said again and again to one that may not read yet. */
	if (events & EPOLLHUP && !may_read(from))
		poller_remove(e->relay->options->poller, &e->watch);
}

static void on_event(struct watch *w, uint32_t events)
{
	struct relay_end *e = (struct relay_end *)w;
	struct relay *r = e->relay;

	if (r->is_connected) {
		serve_end(e, events);
	} else if (e == &r->ends[1]) {
		connected(r);
	} else {
		/* The client is gone before the target was there. */
		close_end(e, false);
		r->is_over = true;
	}
	settle(r);
}

static void on_timer(struct timer *t, uint64_t now_ns)
{
	(void)now_ns;
	settle(((struct flow *)t)->relay);
}

/* --- what the owner calls ------------------------------------------------------------------------- */

static void init_flow(struct relay *r, int direction, uint64_t seed)
{
	struct flow *f = &r->flows[direction];

	f->timer.due = on_timer;
	f->relay = r;
	f->from = &r->ends[direction == UP ? 0 : 1];
	f->to = &r->ends[direction == UP ? 1 : 0];
	f->settings = &r->options->flows[direction];
	shape_init(&f->shape, &f->settings->shape, seed + (uint64_t)direction);
}

struct relay *relay_create(const struct relay_options *o, int fd, uint64_t seed, struct error *err)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	size_t cap = o->memory < BUFFER_CAP ? o->memory : BUFFER_CAP;
	bool ok = true;

	r->options = o;
	r->deadline.due = on_deadline;
	for (int d = 0; d < DIRECTIONS; d++) {
		r->ends[d] = (struct relay_end){ .watch.event = on_event, .relay = r, .fd = -1 };
		init_flow(r, d, seed);
		ok = ok && buffer_init(&r->flows[d].bytes, cap, o->memory, err);
	}
	r->ends[0].fd = fd;
	/* Without interest it tells of resets alone. */
	if (!ok || !poller_add(o->poller, &r->ends[0].watch, fd, 0, err)) {
		relay_destroy(r, true);
		return NULL;
	}
	try_target(r);
	/* What could not even begin to connect is told in the next turn. */
	if (r->is_over)
		timers_set(&o->poller->timers, &r->flows[UP].timer, 0);
	else
		watch(&r->ends[1]);
	return r;
}

void relay_destroy(struct relay *r, bool reset)
{
	struct timers *timers = &r->options->poller->timers;

	timers_cancel(timers, &r->deadline);
	for (int d = 0; d < DIRECTIONS; d++) {
		timers_cancel(timers, &r->flows[d].timer);
		close_end(&r->ends[d], reset);
	}
	for (int d = 0; d < DIRECTIONS; d++) {
		shape_fini(&r->flows[d].shape);
		buffer_fini(&r->flows[d].bytes);
	}
	free(r);
}

void relay_changed(struct relay *r)
{
	uint64_t now_ns = poller_clock_ns();

	for (int d = 0; d < DIRECTIONS; d++) {
		struct flow *f = &r->flows[d];
		shape_changed(&f->shape, now_ns);
		if (f->settings->hole == HOLE_SWALLOW)
			discard(f);
	}
	settle(r);
}

void relay_half_close(struct relay *r, int direction)
{
	struct flow *f = &r->flows[direction];

	f->is_half_closed = true;
	if (f->ending == ENDING_NONE) {
		f->ending = ENDING_FIN;
		f->end_due_ns = 0;
	}
	settle(r);
}

void relay_reset_receiver(struct relay *r, int direction)
{
	if (!r->is_connected) {
		close_end(&r->ends[0], true);
		r->is_over = true;
	} else {
		close_end(r->flows[direction].to, true);
	}
	settle(r);
}
