/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/serve.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/bytes.h"
#include "util/file.h"
#include "util/os.h"
#include "util/xalloc.h"

#define BACKLOG    4096
#define EVENTS_MAX 256
#define PIECES_MAX 256
#define READ_BYTES ((size_t)256 * 1024)
#define IN_KEPT    ((size_t)2 * 1024 * 1024) /* memory for frames that a connection keeps */
#define LENGTH     4
#define SECOND_NS  UINT64_C(1000000000)
#define ROUND_MAX  64 /* frames of one connection before the others get their turn */

enum watched { WATCH_STOP, WATCH_LISTENER, WATCH_PEER };

/* The first member of everything that epoll knows. */
struct watch {
	enum watched what;
};

struct listener {
	struct watch watch;
	int fd, node;
	bool starved; /* clients wait that no descriptor was left for; there is no event for them */
};

struct peer {
	struct watch watch;
	struct serve *serve;
	int fd;
	struct connection *c;
	uint8_t *in; /* owned; frames that came, the current one first */
	size_t in_len, in_at, in_cap;
	size_t frame_len; /* of the frame being handled, with its length in front */
	size_t sent;      /* of the answer */
	bool sending, readable, gone;
	bool deserted; /* the other end sends no more; what it has sent is still read */
	bool is_ready; /* in the list below */
	struct peer *next_ready;
	struct peer *next, **link;
};

struct serve {
	const struct serve_options *options;
	struct broker *broker;
	int epoll_fd;
	struct watch stop;
	struct listener listeners[SERVE_PORTS_MAX];
	int ports[SERVE_PORTS_MAX];
	int listeners_count;
	struct peer *peers;
	struct peer *ready; /* have more to do than one turn */
	struct peer *ended; /* freed at the end of the turn: events may still name them */
	bool has_room;      /* a descriptor was given back: starved listeners may go on */
	bool starved_told;
	uint64_t now_ns;
};

static uint64_t read_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static bool watch_fd(struct serve *s, int fd, struct watch *w, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = w };

	return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* --- peers ---------------------------------------------------------------------------------------- */

static void end_peer(struct peer *p)
{
	struct serve *s = p->serve;

	if (p->gone)
		return;
	p->gone = true;
	broker_disconnect(s->broker, p->c);
	p->c = NULL;
	file_close(p->fd);
	s->has_room = true;
	*p->link = p->next;
	if (p->next != NULL)
		p->next->link = p->link;
	if (!p->is_ready) {
		p->next_ready = s->ended;
		s->ended = p;
	}
}

static void free_peer(struct peer *p)
{
	free(p->in);
	free(p);
}

static void free_ended(struct serve *s)
{
	while (s->ended != NULL) {
		struct peer *p = s->ended;
		s->ended = p->next_ready;
		free_peer(p);
	}
}

static void mark_ready(struct peer *p)
{
	if (p->is_ready || p->gone)
		return;
	p->is_ready = true;
	p->next_ready = p->serve->ready;
	p->serve->ready = p;
}

/* False: nothing more can be written now, or it has ended. */
static bool send_answer(struct peer *p)
{
	struct iovec pieces[PIECES_MAX];
	size_t all = broker_answer_bytes(p->c);

	while (p->sent < all) {
		struct msghdr m = { .msg_iov = pieces };
		m.msg_iovlen = (size_t)broker_answer_pieces(p->c, p->sent, pieces, PIECES_MAX);
		ssize_t n = sendmsg(p->fd, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN)
				end_peer(p);
			return false;
		}
		p->sent += (size_t)n;
	}
	broker_answer_sent(p->c);
	p->sending = false;
	return true;
}

/* The frame at hand was handled: the next one begins behind it. */
static void next_frame(struct peer *p)
{
	p->in_at += p->frame_len;
	p->frame_len = 0;
	if (p->in_at < p->in_len)
		return;
	p->in_at = p->in_len = 0;
	if (p->in_cap > IN_KEPT) {
		free(p->in);
		p->in = NULL;
		p->in_cap = 0;
	}
}

static void finish_frame(struct peer *p, enum handled how)
{
	switch (how) {
	case HANDLED_WAIT:
		return;
	case HANDLED_BAD:
		end_peer(p);
		return;
	case HANDLED_REPLY:
		p->sending = true;
		p->sent = 0;
		break;
	case HANDLED_SILENT:
		break;
	}
	next_frame(p);
}

/* Length of the frame in front, with its length field; 0: not known yet; SIZE_MAX: too large. */
static size_t frame_length(const struct peer *p)
{
	struct reader r = reader_over(p->in + p->in_at, p->in_len - p->in_at);
	uint32_t len = read_u32(&r);

	if (r.broken)
		return 0;
	return len > BROKER_FRAME_MAX ? SIZE_MAX : len + LENGTH;
}

/* Room for the rest of the frame in front, and for READ_BYTES at least. */
static void make_room(struct peer *p, size_t wanted)
{
	size_t kept = p->in_len - p->in_at;

	if (p->in_at > 0) {
		memmove(p->in, p->in + p->in_at, kept);
		p->in_at = 0;
		p->in_len = kept;
	}
	if (wanted < kept + READ_BYTES)
		wanted = kept + READ_BYTES;
	if (wanted <= p->in_cap)
		return;
	/* By doubling: a length alone must not take memory that no bytes stand for. */
	size_t cap = p->in_cap > 0 ? p->in_cap : READ_BYTES;
	while (cap < kept + READ_BYTES)
		cap *= 2;
	p->in = xrealloc(p->in, cap);
	p->in_cap = cap;
}

/* False: nothing came, and there will be an event when it does. */
static bool read_more(struct peer *p, size_t frame)
{
	make_room(p, frame);
	size_t room = p->in_cap - p->in_len;
	ssize_t n = recv(p->fd, p->in + p->in_len, room, 0);

	if (n > 0) {
		p->in_len += (size_t)n;
		return true;
	}
	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		p->readable = false;
	else
		end_peer(p);
	return false;
}

/* One step; false: there is nothing to do for now. */
static bool step(struct peer *p)
{
	if (p->sending)
		return send_answer(p);
	if (p->c->waits) {
		/* One that waits reads nothing, and would not notice that nobody is there. */
		if (p->deserted && !broker_must_finish(p->c))
			end_peer(p);
		return false;
	}
	size_t frame = frame_length(p);
	if (frame == SIZE_MAX) {
		end_peer(p);
		return false;
	}
	if (frame == 0 || p->in_len - p->in_at < frame)
		return p->readable && read_more(p, frame);
	p->frame_len = frame;
	finish_frame(p, broker_frame(p->serve->broker, p->c, p->in + p->in_at + LENGTH,
	                             frame - LENGTH, p->serve->now_ns));
	return !p->gone;
}

static void serve_peer(struct peer *p)
{
	for (int i = 0; i < ROUND_MAX; i++)
		if (p->gone || !step(p))
			return;
	mark_ready(p);
}

/* From broker_tick. */
static void answered(void *context, struct connection *c, enum handled how)
{
	struct peer *p = c->owner;

	(void)context;
	finish_frame(p, how);
	mark_ready(p);
}

static void peer_event(struct peer *p, uint32_t events)
{
	if (p->gone)
		return;
	p->deserted |= (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
	p->readable |= p->deserted || (events & EPOLLIN) != 0;
	serve_peer(p);
}

/* --- listening ------------------------------------------------------------------------------------ */

static void adopt(struct serve *s, int fd, int node, const struct sockaddr_in *from)
{
	char host[INET_ADDRSTRLEN] = "?", name[64];
	const int on = 1;

	inet_ntop(AF_INET, &from->sin_addr, host, sizeof(host));
	snprintf(name, sizeof(name), "%s:%d", host, ntohs(from->sin_port));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	struct connection *c = broker_connect(s->broker, node, name, s->now_ns);
	if (c == NULL) {
		file_close(fd);
		return;
	}
	struct peer *p = xcalloc(1, sizeof(*p));
	*p = (struct peer){
		.watch.what = WATCH_PEER, .serve = s, .fd = fd, .c = c, .next = s->peers
	};
	c->owner = p;
	p->link = &s->peers;
	if (s->peers != NULL)
		s->peers->link = &p->next;
	s->peers = p;
	if (!watch_fd(s, fd, &p->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
		end_peer(p);
}

/* It makes no new event for the clients that wait already. */
static void starve(struct serve *s, struct listener *l, int error)
{
	char text[128];

	l->starved = true;
	if (s->starved_told || s->options->broker.notice == NULL)
		return;
	s->starved_told = true;
	snprintf(text, sizeof(text), "new clients wait until others go: %zu are connected (%s)",
	         broker_connections(s->broker), strerror(error));
	s->options->broker.notice(s->options->context, text);
}

static void accept_all(struct serve *s, struct listener *l)
{
	l->starved = false;
	for (;;) {
		struct sockaddr_in from = { 0 };
		socklen_t len = sizeof(from);
		int fd = accept4(l->fd, (struct sockaddr *)&from, &len,
		                 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			adopt(s, fd, l->node, &from);
			continue;
		}
		if (errno == EAGAIN)
			return;
		/* These tell of one client that is gone already; more may be behind it. */
		if (errno == ECONNABORTED || errno == EPROTO || errno == EINTR)
			continue;
		starve(s, l, errno);
		return;
	}
}

static void accept_starved(struct serve *s)
{
	bool all = true;

	s->has_room = false;
	for (int i = 0; i < s->listeners_count; i++) {
		if (s->listeners[i].starved)
			accept_all(s, &s->listeners[i]);
		all &= !s->listeners[i].starved;
	}
	if (all)
		s->starved_told = false;
}

static bool listen_on(struct serve *s, int node, struct error *err)
{
	const char *bind_to = s->options->bind != NULL ? s->options->bind : "127.0.0.1";
	int port = s->options->port > 0 ? s->options->port + node : 0;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
	};
	socklen_t len = sizeof(address);
	const int on = 1;
	struct listener *l = &s->listeners[s->listeners_count];

	if (inet_pton(AF_INET, bind_to, &address.sin_addr) != 1)
		return error_set(err, ERROR_USAGE, "\"%s\" is not an IPv4 address", bind_to);
	*l = (struct listener){ .watch.what = WATCH_LISTENER, .node = node };
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return error_set_errno(err, errno, "opening a socket");
	s->listeners_count++;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(l->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(l->fd, BACKLOG) < 0)
		return error_set_errno(err, errno, "listening on %s:%d", bind_to, port);
	if (getsockname(l->fd, (struct sockaddr *)&address, &len) < 0 ||
	    !watch_fd(s, l->fd, &l->watch, EPOLLIN | EPOLLET))
		return error_set_errno(err, errno, "listening on %s:%d", bind_to, port);
	s->ports[node] = ntohs(address.sin_port);
	return true;
}

/* --- the loop ------------------------------------------------------------------------------------- */

static bool open_all(struct serve *s, struct error *err)
{
	struct broker_options options = s->options->broker;
	int ports[SERVE_PORTS_MAX]; /* that clients are told */

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return error_set_errno(err, errno, "opening epoll");
	if (s->options->stop_fd >= 0 && !watch_fd(s, s->options->stop_fd, &s->stop, EPOLLIN))
		return error_set_errno(err, errno, "watching a descriptor");
	for (int node = 0; node < options.nodes; node++)
		if (!listen_on(s, node, err))
			return false;
	for (int node = 0; node < options.nodes; node++)
		ports[node] = s->options->advertised_port > 0 ? s->options->advertised_port + node
		                                              : s->ports[node];
	options.answered = answered;
	options.context = s->options->context;
	s->now_ns = read_clock();
	s->broker = broker_create(&options, ports, s->now_ns, err);
	if (s->broker == NULL)
		return false;
	return s->options->prepare == NULL ||
	       s->options->prepare(s->options->context, s->broker, err);
}

static void close_all(struct serve *s)
{
	while (s->peers != NULL)
		end_peer(s->peers);
	while (s->ready != NULL) {
		struct peer *p = s->ready;
		s->ready = p->next_ready;
		free_peer(p);
	}
	free_ended(s);
	for (int i = 0; i < s->listeners_count; i++)
		file_close(s->listeners[i].fd);
	broker_destroy(s->broker);
	file_close(s->epoll_fd);
}

static void serve_ready(struct serve *s)
{
	struct peer *p = s->ready;

	s->ready = NULL;
	while (p != NULL) {
		struct peer *next = p->next_ready;
		p->is_ready = false;
		if (p->gone) {
			p->next_ready = s->ended;
			s->ended = p;
		} else {
			serve_peer(p);
		}
		p = next;
	}
}

/* False: it is time to end. */
static bool wait_and_serve(struct serve *s, uint64_t until_ns)
{
	struct epoll_event events[EVENTS_MAX];
	uint64_t now_ns = read_clock();
	uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	bool go_on = true;

	int n = os_epoll_wait(s->epoll_fd, events, EVENTS_MAX, left_ns);
	assert(n >= 0 || errno == EINTR);
	s->now_ns = read_clock();
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;
		switch (w->what) {
		case WATCH_STOP:
			go_on = false;
			break;
		case WATCH_LISTENER:
			accept_all(s, (struct listener *)w);
			break;
		case WATCH_PEER:
			peer_event((struct peer *)w, events[i].events);
			break;
		}
	}
	return go_on;
}

/*
 * Returns when the core wants to be called again.  That is asked for last: a frame that was served
 * behind an answer of the core may wait for something earlier, or have woken who waits.
 */
static uint64_t serve_and_tick(struct serve *s)
{
	serve_ready(s);
	uint64_t next_ns = broker_tick(s->broker, s->now_ns);

	if (s->ready == NULL)
		return next_ns;
	serve_ready(s); /* what the core has answered leaves before it sleeps */
	return broker_tick(s->broker, s->now_ns);
}

static void run(struct serve *s)
{
	uint64_t second_ns = read_clock() + SECOND_NS;
	uint64_t next_ns = 0;

	while (wait_and_serve(s,
	                      s->ready != NULL ? 0 : (next_ns < second_ns ? next_ns : second_ns))) {
		next_ns = serve_and_tick(s);
		free_ended(s);
		bool second_is_over = s->now_ns >= second_ns;
		if (s->has_room || second_is_over)
			accept_starved(s);
		if (!second_is_over)
			continue;
		second_ns = s->now_ns + SECOND_NS;
		if (s->options->every_second != NULL)
			s->options->every_second(s->options->context, s->broker);
	}
}

bool serve_run(const struct serve_options *options, struct broker_counts *counts, struct error *err)
{
	struct serve s = { .options = options, .epoll_fd = -1 };
	bool ok = open_all(&s, err);

	s.stop.what = WATCH_STOP;
	if (ok) {
		if (options->ready != NULL)
			options->ready(options->context, s.ports, options->broker.nodes);
		run(&s);
		broker_tell_dropped(s.broker);
		*counts = *broker_counts(s.broker);
	}
	close_all(&s);
	return ok;
}
