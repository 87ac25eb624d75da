/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/server.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "driver/loopback/session.h"
#include "net/listener.h"
#include "net/poller.h"
#include "net/socket.h"
#include "util/file.h"
#include "util/text.h"
#include "util/xalloc.h"

#define SLOTS_AT_FIRST 64

/* Room made for one read. */
#define READ_BYTES     131072

struct conn {
	struct loop_session session; /* first: a session's link leads to its conn */
	struct server *server;
	struct watch watch;
	uint32_t slot;
};

struct slot {
	struct conn *conn;   /* owned; NULL = free */
	uint32_t generation; /* so that acknowledgements of a closed connection find nobody */
};

struct server {
	struct loop_core *core;
	struct poller poller;
	struct listener listener;
	struct watch stop;
	bool stops;
	struct error failure; /* kind NONE: none */
	struct slot *slots;
	uint32_t slots_count;
	uint32_t full; /* connections may wait for room in the core */
	bool refuses_sends;
	struct loop_list dirty; /* sessions with something to write */
};

static uint64_t wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static uint64_t now(void)
{
	return poller_clock_ns();
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

static void on_event(struct watch *w, uint32_t events);

static void open_conn(struct server *s, int fd)
{
	struct error err;
	uint32_t slot = free_slot(s);
	struct conn *c = xcalloc(1, sizeof(*c));
	uint64_t id = (uint64_t)++s->slots[slot].generation << 32 | slot;

	if (!loop_session_init(&c->session, s->core, id, &err)) {
		free(c);
		file_close(fd);
		return;
	}
	c->server = s;
	c->slot = slot;
	c->watch.event = on_event;
	s->slots[slot].conn = c;
	if (!poller_add(&s->poller, &c->watch, fd, EPOLLIN, &err))
		abort(); /* memory only: nothing a broker for tests has to survive */
}

static void close_conn(struct server *s, struct conn *c)
{
	s->slots[c->slot].conn = NULL;
	loop_session_fini(&c->session);
	poller_remove(&s->poller, &c->watch);
	file_close(c->watch.fd);
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

static void accepted(struct listener *l, int fd, const struct address *from)
{
	(void)from;
	loop_address_tune(&l->address, fd);
	open_conn(l->context, fd);
}

/* A client that is not let in would wait for ever: without descriptors the broker ends and says
 * so. */
static void starved(struct listener *l, int error)
{
	struct server *s = l->context;

	error_set_errno(&s->failure, error, "a client more than the loopback broker can have");
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

static void on_event(struct watch *w, uint32_t events)
{
	struct conn *c = (struct conn *)((char *)w - offsetof(struct conn, watch));
	struct server *s = c->server;

	if (events & EPOLLIN && !c->session.is_full) {
		if (io_is_over(socket_receive(w->fd, &c->session.in, READ_BYTES)))
			close_conn(s, c);
		else
			handle_input(s, c);
	} else if (events & (EPOLLHUP | EPOLLERR)) {
		close_conn(s, c);
	} else if (events & EPOLLOUT) {
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
	struct buffer *out = &c->session.out;
	enum io io = IO_DONE;

	loop_session_seal(&c->session);
	while (io == IO_DONE && buffer_pending(out) > 0) {
		io = socket_send(c->watch.fd, out);
		loop_session_pump(&c->session, now()); /* there is room again */
		loop_session_seal(&c->session);
	}
	if (io_is_over(io) || out->overflowed) {
		close_conn(s, c);
		return;
	}
	poller_change(&s->poller, &c->watch,
	              (io == IO_BLOCKED ? EPOLLOUT : 0u) | (c->session.is_full ? 0u : EPOLLIN));
}

static void flush(struct server *s)
{
	struct loop_link *link;

	while ((link = loop_list_take_first(&s->dirty)) != NULL)
		flush_conn(s, conn_of(link));
}

/* --- the loop ------------------------------------------------------------------------------------ */

static void on_stop(struct watch *w, uint32_t events)
{
	(void)events;
	((struct server *)((char *)w - offsetof(struct server, stop)))->stops = true;
}

static bool serve(struct server *s, struct error *err)
{
	while (!s->stops && s->failure.kind == ERROR_NONE) {
		uint64_t next_ns = loop_core_next_event_ns(s->core, now());
		if (!poller_turn(&s->poller, next_ns, err))
			return false;
		retry_full(s);
		hand_out(s, now());
		flush(s);
	}
	if (s->failure.kind != ERROR_NONE)
		*err = s->failure;
	return s->failure.kind == ERROR_NONE;
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

	if (!poller_open(&s->poller, err))
		return false;
	s->stop.event = on_stop;
	s->listener.accepted = accepted;
	s->listener.starved = starved;
	s->listener.context = s;
	return poller_add(&s->poller, &s->stop, stop_fd, EPOLLIN, err) &&
	       listener_open(&s->listener, &s->poller, &spec->address, err);
}

static void stop(struct server *s)
{
	for (uint32_t i = 0; i < s->slots_count; i++)
		if (s->slots[i].conn != NULL)
			close_conn(s, s->slots[i].conn);
	free(s->slots);
	listener_close(&s->listener);
	poller_remove(&s->poller, &s->stop);
	poller_close(&s->poller);
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
	text_addf(&t, ", \"spoiled\": %" PRIu64 "}\n", c->spoiled);
	bool ok = file_write_atomic(path, t.data, t.len, err);
	text_fini(&t);
	return ok;
}

/* What stands in the way of the report is told before the load: at its end nobody would hear of it. */
static bool can_write_report(const char *path, struct error *err)
{
	struct file_draft draft = { .path = NULL };
	bool ok = file_check_output(path, err) && file_draft_begin(&draft, path, err);

	file_draft_fini(&draft);
	return ok || error_wrap(err, "reportFile");
}

static bool open_fault_log(const struct loop_server_spec *spec, struct loop_script *script,
                           struct error *err)
{
	if (spec->fault_log == NULL)
		return true;
	script->fault_log = fault_log_open(spec->fault_log, err);
	return script->fault_log != NULL || error_wrap(err, "brokerFaultLog");
}

bool loop_server_run(const struct loop_server_spec *spec, int stop_fd, void (*ready)(void *to),
                     void *to, struct error *err)
{
	struct server s = { .poller.epoll_fd = -1, .slots_count = SLOTS_AT_FIRST };
	struct loop_script script = spec->script;
	struct error log_err;
	int64_t wall_offset_ns = (int64_t)(wall_clock() - now());
	bool ok = false;

	if (spec->report_file != NULL && !can_write_report(spec->report_file, err))
		return false;
	if (!open_fault_log(spec, &script, err))
		return false;
	s.core = loop_core_create(&script, now(), wall_offset_ns);
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
	if (!fault_log_close(script.fault_log, &log_err) && ok)
		return error_set(err, log_err.kind, "brokerFaultLog: %s", log_err.text);
	return ok;
}
