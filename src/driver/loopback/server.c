/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/server.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "driver/loopback/session.h"
#include "util/file.h"
#include "util/os.h"
#include "util/text.h"
#include "util/xalloc.h"

#define EVENTS         256

#define SLOTS_AT_FIRST 64

/* Room made for one read. */
#define READ_BYTES     131072

/* What epoll reports for the two descriptors that are not connections. */
#define EVENT_LISTEN   UINT64_MAX
#define EVENT_STOP     (UINT64_MAX - 1)

struct conn {
	struct loop_session session; /* first: a session's link leads to its conn */
	int fd;
	uint32_t slot;
	uint32_t watched; /* epoll events asked for */
};

struct slot {
	struct conn *conn;   /* owned; NULL = free */
	uint32_t generation; /* so that acknowledgements of a closed connection find nobody */
};

struct server {
	struct loop_core *core;
	int epoll_fd, listen_fd;
	struct slot *slots;
	uint32_t slots_count;
	uint32_t full; /* connections may wait for room in the core */
	bool refuses_sends;
	struct loop_list dirty; /* sessions with something to write */
};

static uint64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static uint64_t now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

static struct conn *conn_of(struct loop_link *link)
{
	return (struct conn *)link; /* first member of its first member */
}

/* --- connections --------------------------------------------------------------------------------- */

static uint32_t free_slot(struct server *s)
{
	uint32_t slot = 0;

	while (slot < s->slots_count && s->slots[slot].conn != NULL)
		slot++;
	if (slot == s->slots_count) {
		uint32_t count = 2 * s->slots_count;
		s->slots = xrealloc(s->slots, count * sizeof(*s->slots));
		for (uint32_t i = s->slots_count; i < count; i++)
			s->slots[i] = (struct slot){ 0 };
		s->slots_count = count;
	}
	return slot;
}

static void open_conn(struct server *s, int fd)
{
	struct error err;
	uint32_t slot = free_slot(s);
	struct conn *c = xcalloc(1, sizeof(*c));
	uint64_t id = (uint64_t)++s->slots[slot].generation << 32 | slot;
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = id };

	if (!loop_session_init(&c->session, s->core, id, &err)) {
		free(c);
		file_close(fd);
		return;
	}
	c->fd = fd;
	c->slot = slot;
	c->watched = ev.events;
	s->slots[slot].conn = c;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		abort(); /* memory only: nothing a broker for tests has to survive */
}

static void close_conn(struct server *s, struct conn *c)
{
	s->slots[c->slot].conn = NULL;
	loop_session_fini(&c->session);
	file_close(c->fd);
	free(c);
}

/* NULL: closed since. */
static struct conn *find_conn(const struct server *s, uint64_t id)
{
	uint32_t slot = (uint32_t)id;

	if (slot >= s->slots_count || s->slots[slot].generation != (uint32_t)(id >> 32))
		return NULL;
	return s->slots[slot].conn;
}

static void watch(struct server *s, struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = c->session.id };

	if (c->watched == events)
		return;
	c->watched = events;
	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) < 0)
		abort(); /* the descriptor is ours and was added */
}

/* A client that is not let in would wait for ever: without descriptors the broker ends and says so. */
static bool accept_all(struct server *s, struct error *err)
{
	int fd;

	while ((fd = loop_address_accept(s->listen_fd)) >= 0)
		open_conn(s, fd);
	if (errno == EMFILE || errno == ENFILE)
		return error_set_errno(err, errno,
		                       "a client more than the loopback broker can have");
	return true;
}

/* --- input --------------------------------------------------------------------------------------- */

static void handle_input(struct server *s, struct conn *c)
{
	struct error err;

	if (!loop_session_input(&c->session, now(), &err)) {
		close_conn(s, c);
		return;
	}
	loop_session_pump(&c->session, now()); /* credit may have come */
	loop_list_add(&s->dirty, &c->session.link);
	if (c->session.is_full)
		s->full++;
}

static void handle_event(struct server *s, const struct epoll_event *ev)
{
	struct conn *c = find_conn(s, ev->data.u64);

	if (c == NULL)
		return;
	if (ev->events & EPOLLIN && !c->session.is_full) {
		if (loop_buffer_read(&c->session.in, c->fd, READ_BYTES) == LOOP_IO_CLOSED)
			close_conn(s, c);
		else
			handle_input(s, c);
	} else if (ev->events & (EPOLLHUP | EPOLLERR)) {
		close_conn(s, c);
	} else if (ev->events & EPOLLOUT) {
		loop_list_add(&s->dirty, &c->session.link);
	}
}

/* Consumers may have made room for those that wait. */
static void retry_full(struct server *s)
{
	if (s->full == 0)
		return;
	s->full = 0;
	for (uint32_t i = 0; i < s->slots_count; i++) {
		struct conn *c = s->slots[i].conn;
		if (c != NULL && c->session.is_full)
			handle_input(s, c);
	}
}

/* --- output -------------------------------------------------------------------------------------- */

static void tell_producers(struct server *s, uint64_t now_ns)
{
	bool refuses = loop_core_refuses_sends(s->core, now_ns);

	if (refuses == s->refuses_sends)
		return;
	s->refuses_sends = refuses;
	for (uint32_t i = 0; i < s->slots_count; i++) {
		struct conn *c = s->slots[i].conn;
		if (c == NULL || c->session.kind != LOOP_SESSION_PRODUCER)
			continue;
		loop_session_busy(&c->session, refuses);
		loop_list_add(&s->dirty, &c->session.link);
	}
}

/* Hands out everything that is due. */
static void hand_out(struct server *s, uint64_t now_ns)
{
	struct loop_member *member;
	struct loop_ack ack;

	while (loop_core_take_ack(s->core, now_ns, &ack)) {
		struct conn *c = find_conn(s, ack.owner);
		if (c == NULL)
			continue;
		loop_session_ack(&c->session, &ack);
		loop_list_add(&s->dirty, &c->session.link);
	}
	while ((member = loop_core_take_ready(s->core, now_ns)) != NULL) {
		struct loop_session *session = loop_member_owner(member);
		loop_session_pump(session, now_ns);
		loop_list_add(&s->dirty, &session->link);
	}
	tell_producers(s, now_ns);
}

static void flush_conn(struct server *s, struct conn *c)
{
	struct loop_buffer *out = &c->session.out;
	enum loop_io io = LOOP_IO_DONE;

	loop_session_seal(&c->session);
	while (io == LOOP_IO_DONE && loop_buffer_pending(out) > 0) {
		io = loop_buffer_write(out, c->fd);
		loop_session_pump(&c->session, now()); /* there is room again */
		loop_session_seal(&c->session);
	}
	if (io == LOOP_IO_CLOSED || out->overflowed) {
		close_conn(s, c);
		return;
	}
	watch(s, c, (io == LOOP_IO_BLOCKED ? EPOLLOUT : 0u) | (c->session.is_full ? 0u : EPOLLIN));
}

static void flush(struct server *s)
{
	struct loop_link *link;

	while ((link = loop_list_take_first(&s->dirty)) != NULL)
		flush_conn(s, conn_of(link));
}

/* --- the loop ------------------------------------------------------------------------------------ */

static int wait_for_events(struct server *s, struct epoll_event *events)
{
	uint64_t now_ns = now();
	uint64_t next_ns = loop_core_next_event_ns(s->core, now_ns);
	uint64_t left_ns = next_ns > now_ns ? next_ns - now_ns : 0;

	if (next_ns == UINT64_MAX)
		left_ns = OS_WAIT_FOREVER;
	return os_epoll_wait(s->epoll_fd, events, EVENTS, left_ns);
}

static bool handle_events(struct server *s, const struct epoll_event *events, int count,
                          bool *stops, struct error *err)
{
	bool ok = true;

	for (int i = 0; i < count && ok; i++) {
		if (events[i].data.u64 == EVENT_STOP)
			*stops = true;
		else if (events[i].data.u64 == EVENT_LISTEN)
			ok = accept_all(s, err);
		else
			handle_event(s, &events[i]);
	}
	return ok;
}

static bool serve(struct server *s, struct error *err)
{
	struct epoll_event events[EVENTS];
	bool stops = false;

	while (!stops) {
		int count = wait_for_events(s, events);
		if (count < 0 && errno != EINTR)
			return error_set_errno(err, errno,
			                       "waiting for clients of the loopback broker");
		if (!handle_events(s, events, count, &stops, err))
			return false;
		retry_full(s);
		hand_out(s, now());
		flush(s);
	}
	return true;
}

static bool add(struct server *s, int fd, uint64_t what, struct error *err)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = what };

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return error_set_errno(err, errno, "epoll_ctl");
	return true;
}

static bool start(struct server *s, const struct loop_server_spec *spec, int stop_fd,
                  struct error *err)
{
	struct rlimit files;

	/* Hundreds of agents, thousands of clients: as many descriptors as we may have. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_TIMERSLACK, 1UL);

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return error_set_errno(err, errno, "epoll_create1");
	s->listen_fd = loop_address_listen(&spec->address, err);
	return s->listen_fd >= 0 && add(s, s->listen_fd, EVENT_LISTEN, err) &&
	       add(s, stop_fd, EVENT_STOP, err);
}

static void stop(struct server *s)
{
	for (uint32_t i = 0; i < s->slots_count; i++)
		if (s->slots[i].conn != NULL)
			close_conn(s, s->slots[i].conn);
	free(s->slots);
	file_close(s->listen_fd);
	file_close(s->epoll_fd);
}

static bool write_report(const char *path, const struct loop_counts *c, struct error *err)
{
	struct text t = { 0 };

	text_addf(&t, "{\"accepted\": %" PRIu64 ", \"stored\": %" PRIu64 ", \"lost\": %" PRIu64,
	          c->accepted, c->stored, c->lost);
	text_addf(&t, ", \"duplicated\": %" PRIu64 ", \"reordered\": %" PRIu64, c->duplicated,
	          c->reordered);
	text_addf(&t, ", \"refused\": %" PRIu64 ", \"corrupted\": %" PRIu64, c->refused,
	          c->corrupted);
	text_addf(&t, ", \"stallClockNs\": %" PRIu64 "}\n", c->stall_clock_ns);
	bool ok = file_write_atomic(path, t.data, t.len, err);
	text_fini(&t);
	return ok;
}

bool loop_server_run(const struct loop_server_spec *spec, int stop_fd, void (*ready)(void *to),
                     void *to, struct error *err)
{
	struct server s = { .epoll_fd = -1, .listen_fd = -1, .slots_count = SLOTS_AT_FIRST };
	int64_t wall_offset_ns = (int64_t)(clock_read(CLOCK_REALTIME) - now());
	bool ok = false;

	s.core = loop_core_create(&spec->script, wall_offset_ns);
	s.slots = xcalloc(s.slots_count, sizeof(*s.slots));
	loop_list_init(&s.dirty);
	if (start(&s, spec, stop_fd, err)) {
		ready(to);
		ok = serve(&s, err);
	}
	stop(&s);
	if (ok && spec->report_file != NULL)
		ok = write_report(spec->report_file, loop_core_counts(s.core), err);
	loop_core_destroy(s.core);
	return ok;
}
