/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <assert.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "net/socket.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"

#define BODY_MAX         ((size_t)64 << 10)
#define BODIES_MAX       ((size_t)1 << 30)
#define CONNECTIONS_MAX  512
#define IDLE_S           120
#define MS               UINT64_C(1000000)

/* Of the library, for the head and as the window that a body is read through. */
#define CONNECTION_BYTES ((size_t)128 << 10)

enum state {
	READING,  /* its body */
	REFUSED,  /* an answer went out before the body was read */
	ASKED,    /* the caller has it; within `asked` */
	WAITING,  /* suspended until the answer comes */
	ANSWERED, /* the answer is known, and with the library soon */
	SENDING,  /* the library has it */
};

struct request {
	struct http_request base;
	struct http_server *server;
	struct MHD_Connection *connection;
	enum state state;
	size_t body_max;
	struct MHD_Response *response;
	unsigned status;
	bool was_asked;
	struct watch hangup;          /* while it waits: the library does not look then */
	struct request *next, **link; /* of all that wait */
};

struct http_server {
	struct http_options options;
	struct address address;
	struct MHD_Daemon *daemon;
	struct watch watch;  /* of the library's descriptor */
	struct watch resume; /* never added: only asks to be called again */
	struct timer timer;
	struct request *waiting;
	size_t bodies_bytes;
	bool is_running; /* within the library */
};

static struct request *request_of(const struct http_request *r)
{
	return (struct request *)(uintptr_t)r; /* base is its first member */
}

/* --- the turn --------------------------------------------------------------------------------------- */

static void set_timer(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG left_ms = 0;

	if (MHD_get_timeout(s->daemon, &left_ms) != MHD_YES)
		timers_cancel(&s->options.poller->timers, &s->timer);
	else
		timers_set(&s->options.poller->timers, &s->timer, poller_clock_ns() + left_ms * MS);
}

static void run(struct http_server *s)
{
	if (s->is_running)
		return;
	s->is_running = true;
	MHD_run(s->daemon);
	s->is_running = false;
	set_timer(s);
}

static void on_events(struct watch *w, uint32_t events)
{
	(void)events;
	run((struct http_server *)((char *)w - offsetof(struct http_server, watch)));
}

static void on_resume(struct watch *w, uint32_t events)
{
	(void)events;
	run((struct http_server *)((char *)w - offsetof(struct http_server, resume)));
}

static void on_timer(struct timer *t, uint64_t now_ns)
{
	(void)now_ns;
	run((struct http_server *)((char *)t - offsetof(struct http_server, timer)));
}

/* --- waiting ---------------------------------------------------------------------------------------- */

static void wait_no_more(struct request *r)
{
	if (r->link == NULL)
		return;
	poller_remove(r->server->options.poller, &r->hangup);
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	r->link = NULL;
}

static void resume(struct request *r)
{
	wait_no_more(r);
	MHD_resume_connection(r->connection);
	poller_again(r->server->options.poller, &r->server->resume);
}

static void on_hangup(struct watch *w, uint32_t events)
{
	struct request *r = (struct request *)((char *)w - offsetof(struct request, hangup));
	struct http_server *s = r->server;

	(void)events;
	poller_remove(s->options.poller, w);
	r->base.has_left = true;
	if (s->options.calls.left != NULL)
		s->options.calls.left(s->options.to, &r->base);
}

/* Suspended: from here on only the answer, or its own end, brings the connection back. */
static void begin_to_wait(struct request *r)
{
	struct http_server *s = r->server;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct error ignored; /* then nobody tells that the caller has gone */

	r->state = WAITING;
	MHD_suspend_connection(r->connection);
	r->next = s->waiting;
	r->link = &s->waiting;
	if (r->next != NULL)
		r->next->link = &r->next;
	s->waiting = r;
	r->hangup = (struct watch){ .event = on_hangup };
	if (info != NULL)
		(void)poller_add(s->options.poller, &r->hangup, info->connect_fd, EPOLLRDHUP,
		                 &ignored);
}

/* --- answers ---------------------------------------------------------------------------------------- */

static struct MHD_Response *response_of(const struct http_answer *a)
{
	size_t len = a->body != NULL ? a->body->len : 0;
	char *bytes = a->body != NULL ? text_take(a->body) : NULL;
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);

	if (response == NULL)
		abort(); /* no memory, as in xmalloc */
	if (a->type != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
	if (a->challenge != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, a->challenge);
	return response;
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
	struct request *r = request_of(request);

	assert(r->response == NULL && (r->state == ASKED || r->state == WAITING));
	r->response = response_of(answer);
	r->status = answer->status;
	bool is_suspended = r->state == WAITING;
	r->state = ANSWERED;
	if (is_suspended)
		resume(r);
}

static enum MHD_Result send_response(struct request *r)
{
	r->state = r->state == READING ? REFUSED : SENDING;
	enum MHD_Result result = MHD_queue_response(r->connection, r->status, r->response);
	MHD_destroy_response(r->response);
	r->response = NULL;
	return result;
}

static enum MHD_Result refuse(struct request *r, unsigned status, struct text *why)
{
	struct http_answer answer = { .status = status,
		                      .type = "text/plain;charset=utf-8",
		                      .body = why };

	if (status == 401)
		answer.challenge = "Bearer";
	r->response = response_of(&answer);
	r->status = status;
	return send_response(r);
}

static enum MHD_Result refuse_saying(struct request *r, unsigned status, const char *why)
{
	struct text text = { 0 };

	text_add(&text, why);
	return refuse(r, status, &text);
}

/* --- requests --------------------------------------------------------------------------------------- */

static char *clean_path(const char *url)
{
	struct text path = { 0 };

	for (const char *at = url; *at != '\0';) {
		size_t len = strcspn(at, "/");
		if (len > 0) {
			text_add(&path, "/");
			text_add_bytes(&path, at, len);
		}
		at += len + (at[len] == '/');
	}
	if (path.len == 0)
		text_add(&path, "/");
	return text_take(&path);
}

static struct request *request_create(struct http_server *s, struct MHD_Connection *connection,
                                      const char *url, const char *method)
{
	struct request *r = xcalloc(1, sizeof(*r));

	r->server = s;
	r->connection = connection;
	r->base.method = xstrdup(method);
	r->base.path = clean_path(url);
	r->base.came_ns = clock_ns();
	return r;
}

/* What it says of its length; 0 where it says nothing. */
static size_t announced(const struct request *r)
{
	const char *text = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
	                                               MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

/* The head is there.  An answer that is queued now goes out in place of reading the body. */
static enum MHD_Result take_head(struct request *r)
{
	const struct http_options *o = &r->server->options;
	struct text why = { 0 };
	unsigned status = 0;

	r->body_max = BODY_MAX;
	if (o->calls.accepts != NULL)
		status = o->calls.accepts(o->to, &r->base, &r->body_max, &why);
	if (status != 0)
		return refuse(r, status, &why);
	text_fini(&why);
	if (announced(r) > r->body_max)
		return refuse_saying(r, 413, "the body is too large");
	if (announced(r) > o->bodies_max - r->server->bodies_bytes)
		return refuse_saying(r, 503, "too many bodies at once");
	return MHD_YES;
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t *len)
{
	struct http_server *s = r->server;

	if (r->base.body.len + *len > r->body_max || *len > s->options.bodies_max - s->bodies_bytes)
		return MHD_NO; /* more than it announced, or it announced nothing: the connection goes */
	text_add_bytes(&r->base.body, data, *len);
	s->bodies_bytes += *len;
	*len = 0;
	return MHD_YES;
}

static enum MHD_Result hand_over(struct request *r)
{
	const struct http_options *o = &r->server->options;

	r->state = ASKED;
	r->was_asked = true;
	o->calls.asked(o->to, &r->base);
	if (r->state == ANSWERED)
		return send_response(r);
	begin_to_wait(r);
	return MHD_YES;
}

/* NOLINTNEXTLINE(readability-function-size): its arguments are libmicrohttpd's */
static enum MHD_Result on_access(void *to, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *len, void **context)
{
	struct request *r = *context;

	(void)version;
	if (r == NULL) {
		r = *context = request_create(to, connection, url, method);
		return take_head(r);
	}
	switch (r->state) {
	case READING:
		return *len > 0 ? take_body(r, data, len) : hand_over(r);
	case ANSWERED:
		return send_response(r);
	case REFUSED: /* the body of one that has its answer */
		*len = 0;
		return MHD_YES;
	case ASKED:
	case WAITING:
	case SENDING:
		break;
	}
	return MHD_NO;
}

static void on_completed(void *to, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
	struct http_server *s = to;
	struct request *r = *context;

	(void)connection;
	if (r == NULL)
		return;
	*context = NULL;
	wait_no_more(r);
	if (r->was_asked && s->options.calls.done != NULL)
		s->options.calls.done(s->options.to, &r->base,
		                      r->state == SENDING && !r->base.has_left &&
		                              code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	if (r->response != NULL)
		MHD_destroy_response(r->response);
	s->bodies_bytes -= r->base.body.len;
	text_fini(&r->base.body);
	free((char *)(uintptr_t)r->base.method);
	free((char *)(uintptr_t)r->base.path);
	free(r);
}

const char *http_header(const struct http_request *r, const char *name)
{
	return MHD_lookup_connection_value(request_of(r)->connection, MHD_HEADER_KIND, name);
}

static bool address_from(const struct sockaddr *at, socklen_t len, struct address *out)
{
	if (at == NULL || len > sizeof(out->at))
		return false;
	*out = (struct address){ .len = len };
	memcpy(&out->at, at, len);
	return true;
}

bool http_from(const struct http_request *r, struct address *out)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		request_of(r)->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (info == NULL || info->client_addr == NULL)
		return false;
	return address_from(info->client_addr,
	                    info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
	                                                             : sizeof(struct sockaddr_in),
	                    out);
}

/* --- the server ------------------------------------------------------------------------------------- */

static enum MHD_Result on_connection(void *to, const struct sockaddr *from, socklen_t len)
{
	const struct http_server *s = to;
	struct address address;

	if (s->options.admits == NULL)
		return MHD_YES;
	return address_from(from, len, &address) && s->options.admits(s->options.gate, &address)
	               ? MHD_YES
	               : MHD_NO;
}

static void set_defaults(struct http_options *o)
{
	if (o->bodies_max == 0)
		o->bodies_max = BODIES_MAX;
	if (o->connections == 0)
		o->connections = CONNECTIONS_MAX;
	if (o->idle_s == 0)
		o->idle_s = IDLE_S;
}

/* Takes the descriptor, whatever comes of it. */
static bool start_daemon(struct http_server *s, int fd, struct error *err)
{
	const struct http_options *o = &s->options;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem tls[4];
	unsigned n = 0;

	if (o->tls.certificate != NULL) {
		if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
			file_close(fd);
			return error_set(err, ERROR_UNSUPPORTED,
			                 "libmicrohttpd was built without TLS");
		}
		flags |= MHD_USE_TLS;
		tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0,
			                            (void *)(uintptr_t)o->tls.certificate };
		tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0,
			                            (void *)(uintptr_t)o->tls.key };
		if (o->tls.client_ca != NULL)
			tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
				                            (void *)(uintptr_t)o->tls.client_ca };
	}
	tls[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	s->daemon = MHD_start_daemon(flags, 0, on_connection, s, on_access, s,
	                             MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
	                             on_completed, s, MHD_OPTION_CONNECTION_LIMIT, o->connections,
	                             MHD_OPTION_CONNECTION_TIMEOUT, o->idle_s,
	                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
	                             MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (s->daemon != NULL)
		return true;
	file_close(fd);
	return error_set(err, ERROR_SYSTEM, "the HTTP server does not start%s",
	                 o->tls.certificate != NULL ? ": are certificate and key a pair in PEM?"
	                                            : "");
}

static bool open_all(struct http_server *s, struct error *err)
{
	char where[ADDRESS_TEXT];
	int fd = socket_listen(&s->options.at, err);

	if (fd < 0)
		return error_wrap(err, "listening on %s", address_format(&s->options.at, where));
	if (!socket_name(fd, &s->address))
		s->address = s->options.at;
	if (!start_daemon(s, fd, err))
		return false;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL)
		return error_set(err, ERROR_UNSUPPORTED, "libmicrohttpd was built without epoll");
	s->watch.event = on_events;
	s->resume.event = on_resume;
	s->timer.due = on_timer;
	return poller_add(s->options.poller, &s->watch, info->epoll_fd, EPOLLIN, err);
}

struct http_server *http_server_open(const struct http_options *options, struct error *err)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	s->options = *options;
	set_defaults(&s->options);
	if (open_all(s, err)) {
		set_timer(s);
		return s;
	}
	http_server_close(s);
	return NULL;
}

void http_server_close(struct http_server *s)
{
	struct http_answer gone = { .status = 503 };

	if (s == NULL)
		return;
	if (s->daemon != NULL) {
		while (s->waiting != NULL)
			http_answer(&s->waiting->base, &gone);
		MHD_run(s->daemon); /* they are resumed, and told */
		MHD_stop_daemon(s->daemon);
	}
	timers_cancel(&s->options.poller->timers, &s->timer);
	poller_remove(s->options.poller, &s->watch);
	poller_remove(s->options.poller, &s->resume);
	free(s);
}

const struct address *http_server_address(const struct http_server *s)
{
	return &s->address;
}
