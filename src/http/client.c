/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/text.h"
#include "util/xalloc.h"

#define EVENTS         64
#define ROUNDS_MAX     64 /* of one turn: a server that never stops sending has to wait */
#define TEXT_SHOWN     160
#define CONNECTIONS    4096L
#define IDLE_S         25L /* OMB's workers close what was idle for 30 s */
#define MS             UINT64_C(1000000)

/* Noticed by so much too late, a deadline says nothing about the server. */
#define STOOD_STILL_NS (500 * MS)

struct lane {
	CURLM *multi;
	struct http_client *client;
	struct timer timer; /* libcurl's own */
};

struct http_client {
	char *authorization; /* a whole header; owned */
	int epoll_fd, timer_fd;
	uint64_t armed_ns; /* what the descriptor of timers is set to */
	struct timers timers;
	struct lane lanes[HTTP_LANES];
	struct http_exchange *all;
};

/* One request under way. */
struct http_exchange {
	struct http_client *client;
	struct http_ask *request;
	CURL *easy;
	struct curl_slist *headers;
	struct timer deadline;
	bool had_second_chance, is_too_big;
	char why[CURL_ERROR_SIZE];
	struct text body;
	uint64_t sent_ns, answered_ns;
	struct http_exchange *next, *prev;
};

/* --- sockets and timers, as libcurl asks for them ----------------------------------------------- */

static uint64_t tag_of(const struct lane *lane, int fd)
{
	return (uint64_t)(lane - lane->client->lanes) << 32 | (uint32_t)fd;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *to, void *known)
{
	struct lane *lane = to;
	struct epoll_event event = { .data.u64 = tag_of(lane, fd) };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(lane->client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events |= what & CURL_POLL_IN ? EPOLLIN : 0;
	event.events |= what & CURL_POLL_OUT ? EPOLLOUT : 0;
	int operation = known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(lane->client->epoll_fd, operation, fd, &event) < 0)
		return -1;
	curl_multi_assign(lane->multi, fd, lane); /* known from now on */
	return 0;
}

static int set_curl_timer(CURLM *multi, long ms, void *to)
{
	struct lane *lane = to;

	(void)multi;
	if (ms < 0)
		timers_cancel(&lane->client->timers, &lane->timer);
	else
		timers_set(&lane->client->timers, &lane->timer, clock_ns() + (uint64_t)ms * MS);
	return 0;
}

static void curl_timer_due(struct timer *t, uint64_t now_ns)
{
	struct lane *lane = (struct lane *)(void *)((char *)t - offsetof(struct lane, timer));
	int running;

	(void)now_ns;
	curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static void arm(struct http_client *c)
{
	uint64_t next_ns = timers_next_ns(&c->timers);
	struct itimerspec at = { 0 };

	if (next_ns == c->armed_ns)
		return;
	c->armed_ns = next_ns;
	if (next_ns != UINT64_MAX) {
		at.it_value.tv_sec = (time_t)(next_ns / 1000000000u);
		at.it_value.tv_nsec = (long)(next_ns % 1000000000u);
	}
	if (next_ns == 0)
		at.it_value.tv_nsec = 1; /* 0 would be never */
	timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

void http_client_set_timer(struct http_client *c, struct timer *t, uint64_t at_ns)
{
	timers_set(&c->timers, t, at_ns);
	arm(c);
}

void http_client_cancel_timer(struct http_client *c, struct timer *t)
{
	timers_cancel(&c->timers, t);
}

/* --- one request --------------------------------------------------------------------------------- */

static size_t take_body(char *bytes, size_t size, size_t count, void *to)
{
	struct http_exchange *x = to;

	(void)size; /* is 1 */
	if (count > x->request->answer_max - x->body.len) {
		x->is_too_big = true;
		return 0;
	}
	text_add_bytes(&x->body, bytes, count);
	return count;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *to)
{
	struct http_exchange *x = to;

	(void)bytes;
	(void)size;
	if (x->answered_ns == 0)
		x->answered_ns = clock_ns();
	return count;
}

/* Connected, and about to send. */
static int begin_to_send(void *to, char *their_ip, char *our_ip, int their_port, int our_port)
{
	struct http_exchange *x = to;

	(void)their_ip;
	(void)our_ip;
	(void)their_port;
	(void)our_port;
	x->sent_ns = clock_ns();
	return CURL_PREREQFUNC_OK;
}

static struct curl_slist *headers_of(const struct http_client *c, const struct http_ask *r)
{
	/* Without a value: libcurl's own is left out. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	struct text type = { 0 };

	text_addf(&type, "Content-Type:%s%s", r->content_type ? " " : "",
	          r->content_type ? r->content_type : "");
	list = curl_slist_append(list, text_str(&type));
	text_fini(&type);
	return c->authorization != NULL ? curl_slist_append(list, c->authorization) : list;
}

static void describe_body(struct http_exchange *x)
{
	const struct http_ask *r = x->request;
	CURL *e = x->easy;

	if (strcmp(r->method, "POST") == 0 || r->body_len > 0) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body_len > 0 ? r->body : "");
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
	if (!r->may_repeat) {
		/* libcurl repeats what found a kept connection closed, whatever the method. */
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	}
}

static void describe(struct http_exchange *x)
{
	CURL *e = x->easy;

	x->headers = headers_of(x->client, x->request);
	curl_easy_setopt(e, CURLOPT_URL, x->request->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, IDLE_S);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "omb");
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->why);
	curl_easy_setopt(e, CURLOPT_PRIVATE, (char *)x);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, begin_to_send);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, x);
	describe_body(x);
}

static CURLM *multi_of(const struct http_exchange *x)
{
	return x->client->lanes[x->request->lane].multi;
}

/* Out of libcurl's and our lists; the request is free again. */
static void detach(struct http_exchange *x)
{
	curl_multi_remove_handle(multi_of(x), x->easy);
	timers_cancel(&x->client->timers, &x->deadline);
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		x->client->all = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	x->request->exchange = NULL;
}

static void discard(struct http_exchange *x)
{
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->headers);
	text_fini(&x->body);
	free(x);
}

/* The beginning of what was answered, on one line. */
static void add_shown(const struct text *body, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < body->len && len + 1 < size; i++) {
		unsigned char byte = (unsigned char)body->data[i];
		bool is_blank = isspace(byte) || !isprint(byte);
		if (is_blank && (len == 0 || out[len - 1] == ' '))
			continue;
		out[len++] = (char)(is_blank ? ' ' : byte);
	}
	while (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static enum error_kind kind_of(CURLcode code)
{
	switch ((unsigned)code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return ERROR_SYSTEM;
	case CURLE_OPERATION_TIMEDOUT:
		return ERROR_TIMEOUT;
	case CURLE_URL_MALFORMAT:
		return ERROR_CONFIG;
	default:
		return ERROR_PROTOCOL;
	}
}

static void judge(const struct http_exchange *x, CURLcode code, struct http_reply *out)
{
	char shown[TEXT_SHOWN];
	long status = 0, os_error = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os_error);
	out->status = (unsigned)status;
	out->is_refused = code == CURLE_COULDNT_CONNECT && os_error == ECONNREFUSED;
	out->body = text_str(&x->body);
	out->body_len = x->body.len;
	out->sent_ns = x->sent_ns;
	out->answered_ns = x->answered_ns;
	if (x->is_too_big) {
		error_set(&out->err, ERROR_PROTOCOL, "the answer is larger than %zu bytes",
		          x->request->answer_max);
	} else if (out->is_refused) {
		error_set(&out->err, ERROR_SYSTEM, "nobody listens there: %s",
		          strerror((int)os_error));
	} else if (code != CURLE_OK) {
		error_set(&out->err, kind_of(code), "%s",
		          x->why[0] != '\0' ? x->why : curl_easy_strerror(code));
	} else if (status != 200) {
		add_shown(&x->body, shown, sizeof(shown));
		error_set(&out->err, ERROR_PROTOCOL, "status %ld%s%s", status,
		          shown[0] != '\0' ? ": " : "", shown);
	}
}

static void complete(struct http_exchange *x, CURLcode code)
{
	struct http_ask *r = x->request;
	struct http_reply answer = { 0 };

	judge(x, code, &answer);
	detach(x);
	r->done(r, &answer);
	discard(x);
}

static void deadline_due(struct timer *t, uint64_t now_ns)
{
	struct http_exchange *x =
		(struct http_exchange *)(void *)((char *)t -
	                                         offsetof(struct http_exchange, deadline));
	struct http_ask *r = x->request;
	struct http_reply answer = { 0 };

	if (now_ns - t->at_ns > STOOD_STILL_NS && !x->had_second_chance) {
		x->had_second_chance = true;
		timers_set(&x->client->timers, t, now_ns + HTTP_CLIENT_SECOND_CHANCE_NS);
		return;
	}
	judge(x, CURLE_OPERATION_TIMEDOUT, &answer);
	error_set(&answer.err, ERROR_TIMEOUT, "no %sanswer in time",
	          x->answered_ns != 0 ? "whole " : "");
	detach(x);
	r->done(r, &answer);
	discard(x);
}

void http_client_start(struct http_client *c, struct http_ask *r)
{
	struct http_exchange *x = xcalloc(1, sizeof(*x));

	assert(r->exchange == NULL && r->deadline_ns != 0);
	x->client = c;
	x->request = r;
	x->easy = curl_easy_init();
	x->deadline.due = deadline_due;
	r->exchange = x;
	x->next = c->all;
	if (c->all != NULL)
		c->all->prev = x;
	c->all = x;
	describe(x);
	/* Without libcurl's part the deadline alone would tell: at once. */
	bool ok = curl_multi_add_handle(multi_of(x), x->easy) == CURLM_OK;
	timers_set(&c->timers, &x->deadline, ok ? r->deadline_ns : clock_ns());
	arm(c);
}

void http_client_cancel(struct http_client *c, struct http_ask *r)
{
	struct http_exchange *x = r->exchange;

	(void)c;
	if (x == NULL)
		return;
	detach(x);
	discard(x);
}

/* --- the loop's side ------------------------------------------------------------------------------ */

static bool open_lane(struct http_client *c, struct lane *lane)
{
	lane->client = c;
	lane->timer.due = curl_timer_due;
	lane->multi = curl_multi_init();
	if (lane->multi == NULL)
		return false;
	curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
	curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, set_curl_timer);
	curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
	curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
	curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return true;
}

static bool open_all(struct http_client *c, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = UINT64_MAX };

	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (c->epoll_fd < 0 || c->timer_fd < 0 ||
	    epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->timer_fd, &event) < 0)
		return error_set_errno(err, errno, "epoll");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERROR_SYSTEM, "libcurl cannot be started");
	for (size_t i = 0; i < HTTP_LANES; i++)
		if (!open_lane(c, &c->lanes[i]))
			return error_set(err, ERROR_SYSTEM, "libcurl cannot be started");
	return true;
}

struct http_client *http_client_create(struct error *err)
{
	struct http_client *c = xcalloc(1, sizeof(*c));

	c->epoll_fd = c->timer_fd = -1;
	c->armed_ns = UINT64_MAX;
	if (open_all(c, err))
		return c;
	error_wrap(err, "HTTP client");
	http_client_destroy(c);
	return NULL;
}

void http_client_destroy(struct http_client *c)
{
	if (c == NULL)
		return;
	for (struct http_exchange *next, *x = c->all; x != NULL; x = next) {
		next = x->next;
		http_client_cancel(c, x->request);
	}
	for (size_t i = 0; i < HTTP_LANES; i++)
		if (c->lanes[i].multi != NULL)
			curl_multi_cleanup(c->lanes[i].multi);
	timers_fini(&c->timers);
	file_close(c->timer_fd);
	file_close(c->epoll_fd);
	free(c->authorization);
	free(c);
}

void http_client_set_token(struct http_client *c, const char *token)
{
	struct text header = { 0 };

	free(c->authorization);
	c->authorization = NULL;
	if (token == NULL)
		return;
	text_addf(&header, "Authorization: Bearer %s", token);
	c->authorization = text_take(&header);
}

int http_client_fd(const struct http_client *c)
{
	return c->epoll_fd;
}

static void collect(struct http_client *c)
{
	int left;

	for (size_t i = 0; i < HTTP_LANES; i++) {
		CURLMsg *m;
		while ((m = curl_multi_info_read(c->lanes[i].multi, &left)) != NULL) {
			char *x = NULL;
			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
			complete((struct http_exchange *)(void *)x, m->data.result);
		}
	}
}

static void serve_event(struct http_client *c, const struct epoll_event *e)
{
	int fd = (int)(uint32_t)e->data.u64, mask = 0, running;
	uint64_t expirations;

	if (e->data.u64 == UINT64_MAX) {
		(void)!read(c->timer_fd, &expirations, sizeof(expirations));
		c->armed_ns = UINT64_MAX; /* it has rung; whatever is next is set anew */
		return;
	}
	mask |= e->events & EPOLLIN ? CURL_CSELECT_IN : 0;
	mask |= e->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
	mask |= e->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
	curl_multi_socket_action(c->lanes[e->data.u64 >> 32].multi, fd, mask, &running);
}

/* What has arrived comes before what is due: an answer that is there is not late. */
void http_client_serve(struct http_client *c)
{
	struct epoll_event events[EVENTS];

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		int n = epoll_wait(c->epoll_fd, events, EVENTS, 0);
		for (int i = 0; i < n; i++)
			serve_event(c, &events[i]);
		collect(c);
		if (n <= 0)
			break;
	}
	timers_run(&c->timers, clock_ns());
	collect(c);
	arm(c);
}
