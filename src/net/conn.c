/* SPDX-License-Identifier: Apache-2.0 */
#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/socket.h"
#include "util/file.h"

#define IN_CAP              ((size_t)16 * 1024)
#define IN_KEPT             ((size_t)4 * 1024 * 1024) /* memory that an empty input keeps */
#define READ_BYTES          ((size_t)1024 * 1024) /* at once: a batch of the largest usual size */
#define PIECES              256
#define RECORD              ((size_t)16 * 1024) /* of TLS: what one record holds */
#define WRITE_TURNS         8                   /* writes before the others get their turn */

#define CONN_OF(member, at) ((struct conn *)((char *)(at)-offsetof(struct conn, member)))

/* --- reading and writing, plain or not ------------------------------------------------------------ */

static enum io read_into(struct conn *c, void *data, size_t room, size_t *n)
{
	if (c->tls != NULL)
		return tls_read(c->tls, data, room, n, &c->failure);
	enum io io = socket_read(c->fd, data, room, n);
	if (io == IO_FAILED)
		error_set_errno(&c->failure, errno, "reading");
	return io;
}

/* Small pieces would be records of their own. */
static enum io write_record(struct conn *c, const struct iovec *pieces, int count, size_t *n)
{
	unsigned char record[RECORD];
	size_t len = 0;

	for (int i = 0; i < count && len < RECORD; i++) {
		size_t part = pieces[i].iov_len;
		if (part > RECORD - len)
			part = RECORD - len;
		memcpy(record + len, pieces[i].iov_base, part);
		len += part;
	}
	return tls_write(c->tls, record, len, n, &c->failure);
}

static enum io write_pieces(struct conn *c, const struct iovec *pieces, int count, size_t *n)
{
	if (c->tls != NULL)
		return write_record(c, pieces, count, n);
	enum io io = socket_write(c->fd, pieces, count, n);
	if (io == IO_FAILED)
		error_set_errno(&c->failure, errno, "writing");
	return io;
}

/* What was sent first, then what the owner keeps.  False: there is nothing to write. */
static bool write_some(struct conn *c, enum io *io)
{
	const struct conn_handler *h = c->options->handler;
	struct iovec pieces[PIECES];
	bool is_sent = c->out.bytes > 0;
	int count = 0;
	size_t n;

	if (is_sent)
		count = outbox_fill(&c->out, pieces, PIECES);
	else if (h->pieces != NULL)
		count = h->pieces(c, pieces, PIECES);
	if (count == 0)
		return false;
	*io = write_pieces(c, pieces, count, &n);
	if (is_sent)
		outbox_written(&c->out, n);
	else if (n > 0)
		h->written(c, n);
	return true;
}

/* --- what it waits for ---------------------------------------------------------------------------- */

static bool may_read(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->is_paused && !c->in_ended &&
	       buffer_pending(&c->in) < c->in.max;
}

static uint32_t wanted(const struct conn *c)
{
	uint32_t events = 0;

	switch (c->state) {
	case CONN_CONNECTING:
		return EPOLLOUT;
	case CONN_GREETING:
		return tls_read_wants(c->tls);
	case CONN_OPEN:
		if (c->options->handler->deserted != NULL && !c->is_deserted)
			events |= EPOLLRDHUP;
		if (may_read(c))
			events |= c->tls != NULL ? tls_read_wants(c->tls) : (uint32_t)EPOLLIN;
		if (c->is_blocked)
			events |= c->tls != NULL ? tls_write_wants(c->tls) : (uint32_t)EPOLLOUT;
		return events;
	case CONN_CLOSED:
	case CONN_WAITING:
		break;
	}
	return 0;
}

/* Who stops reading is seldom told anything before he reads on: that costs no call, and an event
 * that comes all the same (`told`) ends it. */
static void watch_lazily(struct conn *c, uint32_t told)
{
	uint32_t kept = c->state == CONN_OPEN && c->tls == NULL ? c->watch.events & EPOLLIN : 0;
	struct error err;

	if (c->watch.is_added) {
		poller_change(c->poller, &c->watch, wanted(c) | (kept & ~told));
	} else if (may_read(c) && !poller_add(c->poller, &c->watch, c->fd, wanted(c), &err)) {
		c->failure = err;
		poller_again(c->poller, &c->watch);
	}
}

/* During its own event that is done once, at the end. */
static void watch_what_is_wanted(struct conn *c)
{
	if (c->is_gone == NULL)
		watch_lazily(c, 0);
}

/* --- the end -------------------------------------------------------------------------------------- */

static void drop_socket(struct conn *c, bool reset)
{
	timers_cancel(&c->poller->timers, &c->timer);
	poller_remove(c->poller, &c->watch);
	tls_destroy(c->tls);
	c->tls = NULL;
	if (reset)
		socket_reset(c->fd);
	else
		file_close(c->fd);
	c->fd = -1;
}

static void empty(struct conn *c)
{
	outbox_clear(&c->out);
	buffer_consume(&c->in, buffer_pending(&c->in));
	c->in_ended = c->is_paused = c->is_blocked = false;
	c->is_refusing = c->is_finishing = c->is_shut = c->is_deserted = c->is_called = false;
}

static const struct address *current_address(const struct conn *c)
{
	return c->address > 0 ? &c->options->addresses[c->address - 1] : NULL;
}

/* Calls `lost`, after which there may be no connection any more. */
static void lose(struct conn *c)
{
	char text[ADDRESS_TEXT];
	struct error why = c->failure;
	uint64_t again_ns = backoff_failed(&c->backoff, c->poller->now_ns);

	if (why.kind != ERROR_NONE && c->state != CONN_CONNECTING && current_address(c) != NULL)
		error_wrap(&why, "connection to %s", address_format(current_address(c), text));
	drop_socket(c, false);
	c->state = again_ns == UINT64_MAX ? CONN_CLOSED : CONN_WAITING;
	empty(c);
	c->failure = (struct error){ 0 };
	if (c->state == CONN_WAITING)
		timers_set(&c->poller->timers, &c->timer, again_ns);
	c->options->handler->lost(c, &why);
}

static void close_with(struct conn *c, bool reset)
{
	if (c->poller == NULL)
		return;
	drop_socket(c, reset);
	c->state = CONN_CLOSED;
	empty(c);
	outbox_fini(&c->out);
	buffer_fini(&c->in);
	c->poller = NULL;
	if (c->is_gone != NULL)
		*c->is_gone = true;
}

void conn_close(struct conn *c)
{
	close_with(c, false);
}

void conn_reset(struct conn *c)
{
	close_with(c, true);
}

/* --- connecting ----------------------------------------------------------------------------------- */

static void wait_for_socket(struct conn *c)
{
	struct error err;

	if (!poller_add(c->poller, &c->watch, c->fd, wanted(c), &err))
		c->failure = err;
}

/* Goes on with the next address; when there is none the failure of the last one stays. */
static void try_address(struct conn *c)
{
	const struct conn_options *o = c->options;
	uint64_t now_ns = c->poller->now_ns;

	while (c->address < o->addresses_count) {
		size_t left = o->addresses_count - c->address;
		c->failure = (struct error){ 0 };
		c->fd = socket_connect(&o->addresses[c->address++], &c->failure);
		if (c->fd < 0)
			continue;
		wait_for_socket(c);
		uint64_t left_ns = c->deadline_ns > now_ns ? c->deadline_ns - now_ns : 0;
		timers_set(&c->poller->timers, &c->timer, now_ns + left_ns / left);
		return;
	}
	if (c->failure.kind == ERROR_NONE)
		error_set(&c->failure, ERROR_CONFIG, "no address to connect to");
}

static void begin(struct conn *c)
{
	c->state = CONN_CONNECTING;
	c->address = 0;
	c->deadline_ns = c->poller->now_ns + c->options->timeout_ns;
	try_address(c);
}

/* The address at hand has failed; c->failure says how. */
static void try_next_address(struct conn *c)
{
	bool was_adopted = c->address == 0;

	drop_socket(c, false);
	c->state = CONN_CONNECTING;
	if (!was_adopted && c->address < c->options->addresses_count)
		try_address(c);
}

static void become_open(struct conn *c)
{
	timers_cancel(&c->poller->timers, &c->timer);
	c->state = CONN_OPEN;
	backoff_succeeded(&c->backoff);
	if (c->options->handler->opened != NULL)
		c->options->handler->opened(c);
}

static void greet(struct conn *c)
{
	enum io io = tls_handshake(c->tls, &c->failure);

	if (io == IO_DONE)
		become_open(c);
	else if (io == IO_ENDED)
		error_set(&c->failure, ERROR_BROKER, "closed by the peer before TLS began");
}

static void connected(struct conn *c)
{
	char text[ADDRESS_TEXT];
	int number = socket_error(c->fd);

	if (number != 0) {
		error_set_errno(&c->failure, number, "connecting to %s",
		                address_format(current_address(c), text));
		try_next_address(c);
		return;
	}
	if (c->options->tls == NULL) {
		become_open(c);
		return;
	}
	c->tls = tls_create(c->options->tls, c->fd, c->options->tls_peer, &c->failure);
	if (c->tls == NULL)
		return;
	c->state = CONN_GREETING;
	greet(c);
}

/* --- input and output ----------------------------------------------------------------------------- */

/* True: the handler has something to look at. */
static bool take_input(struct conn *c)
{
	size_t free_bytes = c->in.max - buffer_pending(&c->in);
	size_t room = free_bytes < READ_BYTES ? free_bytes : READ_BYTES, n = 0;

	if (buffer_reserve(&c->in, room) == NULL) {
		error_set_errno(&c->failure, ENOMEM, "room to read");
		return false;
	}
	switch (read_into(c, c->in.data + c->in.tail, room, &n)) {
	case IO_DONE:
		c->in.tail += n;
		/* Epoll does not know of what TLS has decrypted already. */
		if (c->tls != NULL && tls_has_pending(c->tls))
			poller_again(c->poller, &c->watch);
		return true;
	case IO_ENDED:
		c->in_ended = true;
		if (!c->options->half_close)
			error_set(&c->failure, ERROR_BROKER, "closed by the peer");
		return c->options->half_close;
	case IO_BLOCKED:
	case IO_FAILED:
		break;
	}
	return false;
}

static void shut_when_written(struct conn *c)
{
	enum io io = IO_DONE;

	if (!c->is_finishing || c->is_shut || c->out.bytes > 0)
		return;
	if (c->tls != NULL)
		io = tls_shut(c->tls, &c->failure);
	c->is_blocked = io == IO_BLOCKED;
	if (io == IO_BLOCKED)
		return;
	c->is_shut = true;
	socket_shut(c->fd);
}

void conn_flush(struct conn *c)
{
	enum io io = IO_DONE;
	bool is_more = true;

	if (c->state != CONN_OPEN || c->failure.kind != ERROR_NONE)
		return;
	c->is_blocked = false;
	for (int i = 0; i < WRITE_TURNS && is_more && io == IO_DONE; i++)
		is_more = write_some(c, &io);
	c->is_blocked = io == IO_BLOCKED;
	if (io == IO_ENDED)
		error_set(&c->failure, ERROR_BROKER, "closed by the peer");
	if (!is_more)
		shut_when_written(c);
	/* More to write, or something to tell: not from here. */
	if (c->failure.kind != ERROR_NONE || (io == IO_DONE && is_more))
		poller_again(c->poller, &c->watch);
	watch_what_is_wanted(c);
}

static bool has_room_again(struct conn *c)
{
	if (!c->is_refusing || c->out.bytes > c->out.max / 2)
		return false;
	c->is_refusing = false;
	return c->options->handler->drained != NULL;
}

/* --- the turn of a connection --------------------------------------------------------------------- */

static bool is_readable(const struct conn *c, uint32_t events)
{
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		return true;
	return c->tls != NULL && (tls_has_pending(c->tls) || tls_read_wants(c->tls) == EPOLLOUT);
}

/* Epoll tells it again and again to one that does not read, and would never see it. */
static void heed_the_end(struct conn *c)
{
	int number = socket_error(c->fd);

	if (number != 0 && c->failure.kind == ERROR_NONE)
		error_set_errno(&c->failure, number, "connection");
	/* Both have finished; what came before that can be read when the owner wants it. */
	if (number == 0)
		poller_remove(c->poller, &c->watch);
}

/* False: the owner has closed it. */
static bool serve_input(struct conn *c, uint32_t events, const bool *gone)
{
	const struct conn_handler *h = c->options->handler;
	bool is_new = is_readable(c, events) && may_read(c) && take_input(c);

	if (is_new || c->is_called) {
		c->is_called = false;
		h->received(c);
		if (*gone)
			return false;
	}
	if (events & EPOLLRDHUP && !c->is_deserted) {
		c->is_deserted = true;
		if (h->deserted != NULL && !may_read(c) && !c->in_ended)
			h->deserted(c);
	}
	return !*gone;
}

static void serve_open(struct conn *c, uint32_t events, const bool *gone)
{
	if (!serve_input(c, events, gone))
		return;
	if ((events & (EPOLLERR | EPOLLHUP)) && !may_read(c))
		heed_the_end(c);
	conn_flush(c);
	if (has_room_again(c))
		c->options->handler->drained(c);
}

static bool has_ended(const struct conn *c)
{
	return c->state == CONN_OPEN && c->is_shut && c->in_ended;
}

static void on_event(struct watch *w, uint32_t events)
{
	struct conn *c = CONN_OF(watch, w);
	bool gone = false;
	uint32_t told = may_read(c) ? 0 : events & EPOLLIN;

	c->is_gone = &gone;
	if (c->failure.kind == ERROR_NONE && c->state == CONN_CONNECTING)
		connected(c);
	else if (c->failure.kind == ERROR_NONE && c->state == CONN_GREETING)
		greet(c);
	if (!gone && c->failure.kind == ERROR_NONE && c->state == CONN_OPEN)
		serve_open(c, events, &gone);
	if (!gone && c->state != CONN_WAITING && c->state != CONN_CLOSED &&
	    (c->failure.kind != ERROR_NONE || has_ended(c)))
		lose(c);
	if (gone)
		return;
	watch_lazily(c, told);
	c->is_gone = NULL;
}

static void on_timer(struct timer *t, uint64_t now_ns)
{
	struct conn *c = CONN_OF(timer, t);
	char text[ADDRESS_TEXT] = "the peer", limit[32];
	bool gone = false;

	(void)now_ns;
	c->is_gone = &gone;
	if (c->state == CONN_WAITING) {
		begin(c);
	} else {
		if (current_address(c) != NULL)
			address_format(current_address(c), text);
		snprintf(limit, sizeof(limit), "%.3g s", (double)c->options->timeout_ns / 1e9);
		error_set(&c->failure, ERROR_TIMEOUT, "no connection to %s within %s", text, limit);
		try_next_address(c);
	}
	if (c->failure.kind != ERROR_NONE)
		lose(c);
	if (!gone)
		c->is_gone = NULL;
}

/* --- what the owner calls ------------------------------------------------------------------------- */

static void returned(void *context, uint64_t token)
{
	struct conn *c = context;

	c->options->handler->returned(c, token);
}

static bool init(struct conn *c, struct poller *p, const struct conn_options *o, struct error *err)
{
	size_t cap = o->in_max < IN_CAP ? o->in_max : IN_CAP;
	void *owner = c->owner;

	*c = (struct conn){ .options = o, .fd = -1, .owner = owner };
	c->watch.event = on_event;
	c->timer.due = on_timer;
	if (!buffer_init(&c->in, cap, o->in_max, err))
		return false;
	outbox_init(&c->out, o->out_max, o->handler->returned != NULL ? returned : NULL, c);
	c->poller = p;
	return true;
}

bool conn_connect(struct conn *c, struct poller *p, const struct conn_options *o, uint64_t seed,
                  struct error *err)
{
	if (!init(c, p, o, err))
		return false;
	c->backoff = (struct backoff){ .first_ns = o->backoff_first_ns,
		                       .max_ns = o->backoff_max_ns,
		                       .rng.state = seed };
	c->state = CONN_WAITING;
	timers_set(&p->timers, &c->timer, p->now_ns);
	return true;
}

bool conn_adopt(struct conn *c, struct poller *p, const struct conn_options *o, int fd,
                struct error *err)
{
	if (!init(c, p, o, err)) {
		file_close(fd);
		return false;
	}
	c->fd = fd;
	c->state = CONN_OPEN;
	if (o->tls != NULL) {
		c->tls = tls_create(o->tls, fd, NULL, err);
		c->state = CONN_GREETING;
	}
	if ((o->tls != NULL && c->tls == NULL) ||
	    !poller_add(p, &c->watch, fd, c->tls != NULL ? EPOLLIN : wanted(c), err)) {
		conn_close(c);
		return false;
	}
	if (c->state == CONN_GREETING)
		timers_set(&p->timers, &c->timer, p->now_ns + o->timeout_ns);
	return true;
}

void conn_finish(struct conn *c)
{
	c->is_finishing = true;
	if (c->state == CONN_OPEN)
		poller_again(c->poller, &c->watch);
}

static bool taken(struct conn *c, bool fits)
{
	if (!fits)
		c->is_refusing = true;
	else
		poller_again(c->poller, &c->watch); /* written at the end of the turn */
	return fits;
}

static bool may_send(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->is_finishing && c->failure.kind == ERROR_NONE;
}

bool conn_send(struct conn *c, const void *data, size_t len)
{
	return may_send(c) && taken(c, outbox_copy(&c->out, data, len));
}

bool conn_lend(struct conn *c, const void *data, size_t len, uint64_t token)
{
	return may_send(c) && taken(c, outbox_borrow(&c->out, data, len, token));
}

void conn_consume(struct conn *c, size_t n)
{
	buffer_consume(&c->in, n);
	buffer_trim(&c->in, IN_KEPT);
	if (c->tls != NULL && tls_has_pending(c->tls))
		poller_again(c->poller, &c->watch);
	watch_what_is_wanted(c);
}

void conn_pause(struct conn *c, bool on)
{
	c->is_paused = on;
	if (!on && c->tls != NULL && tls_has_pending(c->tls))
		poller_again(c->poller, &c->watch);
	watch_what_is_wanted(c);
}

void conn_again(struct conn *c)
{
	c->is_called = true;
	poller_again(c->poller, &c->watch);
}
