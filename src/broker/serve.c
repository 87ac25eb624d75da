/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/serve.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/bytes.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/poller.h"
#include "net/socket.h"
#include "util/file.h"
#include "util/xalloc.h"

#define LENGTH    ((size_t)4)
#define SECOND_NS UINT64_C(1000000000)
#define ROUND_MAX 64 /* frames of one connection before the others get their turn */

struct node {
	struct listener listener; /* first */
	struct serve *serve;
	int number;
};

struct peer {
	struct conn conn; /* first; its input: frames that came, the current one first */
	struct serve *serve;
	struct connection *c;
	size_t frame_len; /* of the frame being handled, with its length in front */
	size_t sent;      /* of the answer */
	bool sending;
	bool is_served; /* now: whoever does that looks for the next frame */
	struct peer *next, **link;
};

struct serve {
	const struct serve_options *options;
	struct broker *broker;
	struct poller poller;
	struct watch stop;
	struct timer second;
	struct node nodes[SERVE_PORTS_MAX];
	int ports[SERVE_PORTS_MAX];
	struct peer *peers;
	bool starved_told, is_over;
};

/* --- peers ---------------------------------------------------------------------------------------- */

static void end_peer(struct peer *p)
{
	broker_disconnect(p->serve->broker, p->c);
	*p->link = p->next;
	if (p->next != NULL)
		p->next->link = p->link;
	conn_close(&p->conn);
	free(p);
}

/* The frame at hand was handled; false: badly, and the peer has to end. */
static bool finish_frame(struct peer *p, enum handled how)
{
	switch (how) {
	case HANDLED_WAIT:
		return true;
	case HANDLED_BAD:
		return false;
	case HANDLED_REPLY:
		p->sending = true;
		p->sent = 0;
		break;
	case HANDLED_SILENT:
		break;
	}
	conn_consume(&p->conn, p->frame_len);
	p->frame_len = 0;
	return true;
}

/* Length of the frame in front, with its length field; 0: not known yet; SIZE_MAX: too large. */
static size_t frame_length(const struct peer *p)
{
	struct reader r = reader_over(buffer_data(&p->conn.in), buffer_pending(&p->conn.in));
	uint32_t len = read_u32(&r);

	if (r.broken)
		return 0;
	return len > BROKER_FRAME_MAX ? SIZE_MAX : len + LENGTH;
}

enum step { STEP_DONE, STEP_PAUSE, STEP_READ, STEP_END };

/* One that waits reads nothing, and would not notice that nobody is there. */
static enum step wait_for_answer(const struct peer *p)
{
	bool is_alone = p->conn.is_deserted || p->conn.in_ended;

	return is_alone && !broker_must_finish(p->c) ? STEP_END : STEP_PAUSE;
}

static enum step step(struct peer *p)
{
	if (p->sending) {
		conn_flush(&p->conn);
		return p->sending ? STEP_PAUSE : STEP_DONE;
	}
	if (p->c->waits)
		return wait_for_answer(p);
	size_t frame = frame_length(p);
	if (frame == SIZE_MAX)
		return STEP_END;
	if (frame == 0 || buffer_pending(&p->conn.in) < frame)
		return p->conn.in_ended ? STEP_END : STEP_READ;
	p->frame_len = frame;
	enum handled how = broker_frame(p->serve->broker, p->c, buffer_data(&p->conn.in) + LENGTH,
	                                frame - LENGTH, p->serve->poller.now_ns);
	return finish_frame(p, how) ? STEP_DONE : STEP_END;
}

/* A frame that waits, or whose answer is not sent, stays where it is: nothing is read meanwhile. */
static void serve_peer(struct peer *p)
{
	enum step next = STEP_DONE;

	p->is_served = true;
	for (int i = 0; i < ROUND_MAX && next == STEP_DONE; i++)
		next = step(p);
	p->is_served = false;
	if (next == STEP_END) {
		end_peer(p);
		return;
	}
	conn_pause(&p->conn, next != STEP_READ);
	if (next == STEP_DONE)
		conn_again(&p->conn);
}

/* --- what happens to connections ------------------------------------------------------------------ */

static void received(struct conn *conn)
{
	serve_peer((struct peer *)conn);
}

static int pieces(struct conn *conn, struct iovec *out, int max)
{
	const struct peer *p = (const struct peer *)conn;

	return p->sending ? broker_answer_pieces(p->c, p->sent, out, max) : 0;
}

static void written(struct conn *conn, size_t n)
{
	struct peer *p = (struct peer *)conn;

	p->sent += n;
	if (p->sent < broker_answer_bytes(p->c))
		return;
	broker_answer_sent(p->c);
	p->sending = false;
	if (!p->is_served)
		conn_again(conn);
}

static void lost(struct conn *conn, const struct error *why)
{
	(void)why;
	end_peer((struct peer *)conn);
}

static const struct conn_handler handler = {
	.received = received,
	.deserted = received,
	.pieces = pieces,
	.written = written,
	.lost = lost,
};

static const struct conn_options conn_options = {
	.handler = &handler,
	.in_max = BROKER_FRAME_MAX + LENGTH,
	.out_max = 1,       /* answers are pieces */
	.half_close = true, /* what was sent before the end is handled */
};

/* --- listening ------------------------------------------------------------------------------------ */

static void accepted(struct listener *l, int fd, const struct address *from)
{
	struct node *node = (struct node *)l;
	struct serve *s = node->serve;
	char name[ADDRESS_TEXT];
	struct error err;

	struct connection *c = broker_connect(s->broker, node->number, address_format(from, name),
	                                      s->poller.now_ns);
	if (c == NULL) {
		file_close(fd);
		return;
	}
	struct peer *p = xcalloc(1, sizeof(*p));
	if (!conn_adopt(&p->conn, &s->poller, &conn_options, fd, &err)) {
		broker_disconnect(s->broker, c);
		free(p);
		return;
	}
	p->serve = s;
	p->c = c;
	c->owner = p;
	p->next = s->peers;
	p->link = &s->peers;
	if (s->peers != NULL)
		s->peers->link = &p->next;
	s->peers = p;
}

static void starved(struct listener *l, int error)
{
	struct serve *s = ((struct node *)l)->serve;

	if (s->starved_told)
		return;
	s->starved_told = true;
	notice_tell(&s->options->broker.notices,
	            "new clients wait until others go: %zu are connected (%s)",
	            broker_connections(s->broker), strerror(error));
}

static bool listen_on(struct serve *s, int number, struct error *err)
{
	const char *bind_to = s->options->bind != NULL ? s->options->bind : "127.0.0.1";
	int port = s->options->port > 0 ? s->options->port + number : 0;
	struct node *node = &s->nodes[number];
	char text[ADDRESS_TEXT];
	struct address at;

	snprintf(text, sizeof(text), "%s:%d", bind_to, port);
	node->serve = s;
	node->number = number;
	node->listener.accepted = accepted;
	node->listener.starved = starved;
	if (!address_parse(text, &at, err) || at.at.ss_family != AF_INET)
		return error_set(err, ERROR_USAGE, "\"%s\" is not an IPv4 address", bind_to);
	if (!listener_open(&node->listener, &s->poller, &at, err))
		return false;
	s->ports[number] = address_port(&node->listener.address);
	return true;
}

/* --- the loop ------------------------------------------------------------------------------------- */

static void on_stop(struct watch *w, uint32_t events)
{
	(void)events;
	((struct serve *)((char *)w - offsetof(struct serve, stop)))->is_over = true;
}

static void on_second(struct timer *t, uint64_t now_ns)
{
	struct serve *s = (struct serve *)((char *)t - offsetof(struct serve, second));
	bool is_starved = false;

	timers_set(&s->poller.timers, t, now_ns + SECOND_NS);
	for (int i = 0; i < s->options->broker.nodes; i++)
		is_starved |= s->nodes[i].listener.is_starved;
	s->starved_told &= is_starved;
	if (s->options->every_second != NULL)
		s->options->every_second(s->options->context, s->broker);
}

static bool create_broker(struct serve *s, struct error *err)
{
	struct broker_options options = s->options->broker;
	int ports[SERVE_PORTS_MAX]; /* that clients are told */

	for (int i = 0; i < options.nodes; i++)
		ports[i] = s->options->advertised_port > 0 ? s->options->advertised_port + i
		                                           : s->ports[i];
	s->broker = broker_create(&options, ports, s->poller.now_ns, err);
	return s->broker != NULL;
}

static bool open_all(struct serve *s, struct error *err)
{
	const struct serve_options *o = s->options;

	if (!poller_open(&s->poller, err))
		return false;
	s->stop.event = on_stop;
	s->second.due = on_second;
	if (o->stop_fd >= 0 && !poller_add(&s->poller, &s->stop, o->stop_fd, EPOLLIN, err))
		return false;
	for (int i = 0; i < o->broker.nodes; i++)
		if (!listen_on(s, i, err))
			return false;
	if (!create_broker(s, err))
		return false;
	timers_set(&s->poller.timers, &s->second, s->poller.now_ns + SECOND_NS);
	return o->prepare == NULL || o->prepare(o->context, s->broker, err);
}

static void close_all(struct serve *s)
{
	for (struct peer *p = s->peers, *next; p != NULL; p = next) {
		next = p->next;
		end_peer(p);
	}
	for (int i = 0; i < s->options->broker.nodes; i++)
		listener_close(&s->nodes[i].listener);
	poller_remove(&s->poller, &s->stop);
	broker_destroy(s->broker);
	poller_close(&s->poller);
}

/* Requests that had to wait and have their answer now, or end their connection. */
static void take_answers(struct serve *s)
{
	struct connection *c;
	enum handled how;

	while ((c = broker_step(s->broker, s->poller.now_ns, &how)) != NULL) {
		struct peer *p = c->owner;
		if (finish_frame(p, how))
			conn_again(&p->conn);
		else
			end_peer(p);
	}
}

/*
 * When the core wants to be called again is asked last: a frame that was served behind an answer of
 * the core may wait for something earlier, or have woken who waits.
 */
static uint64_t tick(struct serve *s)
{
	take_answers(s);
	if (poller_is_asked(&s->poller)) {
		poller_call_again(
			&s->poller); /* what the core has answered leaves before it sleeps */
		take_answers(s);
	}
	return broker_next_ns(s->broker, s->poller.now_ns);
}

static bool run(struct serve *s, struct error *err)
{
	uint64_t next_ns = 0;

	while (!s->is_over) {
		if (!poller_turn(&s->poller, next_ns, err))
			return false;
		next_ns = tick(s);
	}
	return true;
}

bool serve_run(const struct serve_options *options, struct broker_counts *counts, struct error *err)
{
	struct serve s = { .options = options, .poller.epoll_fd = -1 };
	bool ok = open_all(&s, err);

	if (ok) {
		if (options->ready != NULL)
			options->ready(options->context, s.ports, options->broker.nodes);
		ok = run(&s, err);
		broker_tell_dropped(s.broker);
		*counts = *broker_counts(s.broker);
	}
	close_all(&s);
	return ok;
}
