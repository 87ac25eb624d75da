/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/clock.h"
#include "util/text.h"
#include "util/xalloc.h"

#define S UINT64_C(1000000000)

/* --- a server that answers what the path says, and not always well -------------------------------- */

/* What does not fit is read all the same. */
static size_t read_request(int fd, char *buf, size_t size)
{
	size_t len = 0, got = 0, want = SIZE_MAX;
	char rest[65536];

	while (got < want) {
		bool fits = len + 1 < size;
		ssize_t n =
			fits ? read(fd, buf + len, size - 1 - len) : read(fd, rest, sizeof(rest));
		if (n <= 0)
			return 0;
		got += (size_t)n;
		len += fits ? (size_t)n : 0;
		buf[len] = '\0';
		const char *end = strstr(buf, "\r\n\r\n"),
			   *length = strstr(buf, "Content-Length: ");
		if (end != NULL)
			want = (size_t)(end + 4 - buf) +
			       (length != NULL ? strtoul(length + 16, NULL, 10) : 0);
	}
	return len;
}

static void say(int fd, const char *text)
{
	(void)!write(fd, text, strlen(text));
}

static void say_body(int fd, const char *status, const char *body, size_t len)
{
	char head[200];

	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, len);
	say(fd, head);
	(void)!write(fd, body, len);
}

static bool has(const char *request, const char *path)
{
	return strstr(request, path) != NULL;
}

/* True: the connection stays. */
static bool answer(int fd, const char *request, size_t len, unsigned asked)
{
	if (has(request, " /echo"))
		say_body(fd, "200 OK", request, len);
	else if (has(request, " /count"))
		say_body(fd, "200 OK", &"0123456789"[asked % 10], 1);
	else if (has(request, " /bad"))
		say_body(fd, "500 Oops", "it\nbroke \001 down\n", 16);
	else if (has(request, " /created"))
		say_body(fd, "201 Created", "", 0);
	else if (has(request, " /chunked"))
		say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	else if (has(request, " /endless"))
		for (int i = 0; i < 1000; i++)
			say(fd, i == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : "0123456789");
	else if (has(request, " /half"))
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	else if (has(request, " /garbage"))
		say(fd, "220 mail.example ESMTP\r\n");
	else if (has(request, " /silent"))
		pause();
	return has(request, " /count") || has(request, " /echo");
}

/* Requests that came on a kept connection; shared with the server's processes. */
static unsigned *came_on_kept;

/* The second request on a connection is never answered: the connection is closed under it. */
static _Noreturn void serve_for_ever(int listener)
{
	char buf[65536];
	unsigned asked = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			_exit(1);
		if (fork() == 0) { /* not to wait for one that is kept */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			size_t len = read_request(fd, buf, sizeof(buf));
			if (len > 0 && answer(fd, buf, len, asked) &&
			    read_request(fd, buf, sizeof(buf)) > 0)
				++*came_on_kept;
			_exit(0);
		}
		asked++;
		close(fd);
	}
}

struct bed {
	struct http_client *client;
	pid_t server;
	unsigned port;
};

static int listen_anywhere(unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	*port = ntohs(at.sin_port);
	return fd;
}

static int set_up(void **state)
{
	struct bed *b = xcalloc(1, sizeof(*b));
	struct error err;
	int listener = listen_anywhere(&b->port);

	came_on_kept = mmap(NULL, sizeof(*came_on_kept), PROT_READ | PROT_WRITE,
	                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(came_on_kept != MAP_FAILED);
	b->server = fork();
	if (b->server == 0)
		serve_for_ever(listener);
	close(listener);
	b->client = http_client_create(&err);
	*state = b;
	return b->client == NULL;
}

static int tear_down(void **state)
{
	struct bed *b = *state;

	http_client_destroy(b->client);
	kill(b->server, SIGKILL);
	waitpid(b->server, NULL, 0);
	munmap(came_on_kept, sizeof(*came_on_kept));
	free(b);
	return 0;
}

/* --- one request after the other ------------------------------------------------------------------- */

struct asked {
	struct http_ask ask;
	struct http_reply reply;
	struct text body;
	bool is_done;
};

static void keep(struct http_ask *r, const struct http_reply *a)
{
	struct asked *q = (struct asked *)(void *)r;

	q->reply = *a;
	text_fini(&q->body);
	text_add_bytes(&q->body, a->body, a->body_len);
	q->is_done = true;
}

static void await(struct http_client *c, const struct asked *q)
{
	while (!q->is_done) {
		struct pollfd fd = { .fd = http_client_fd(c), .events = POLLIN };
		poll(&fd, 1, -1);
		http_client_serve(c);
	}
}

static void ask(const struct bed *b, struct asked *q, const char *method, const char *path)
{
	char url[200];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", b->port, path);
	q->ask.method = method;
	q->ask.url = url;
	q->ask.done = keep;
	q->is_done = false;
	if (q->ask.answer_max == 0)
		q->ask.answer_max = 1000;
	if (q->ask.deadline_ns == 0)
		q->ask.deadline_ns = clock_ns() + 100 * S;
	http_client_start(b->client, &q->ask);
	await(b->client, q);
}

static void a_request_is_plain_and_has_its_length(void **state)
{
	struct asked q = { .ask = { .body = "{\"a\":1}", .body_len = 7 } };

	setenv("http_proxy", "http://127.0.0.1:1/", 1);
	ask(*state, &q, "POST", "/echo");
	unsetenv("http_proxy");
	assert_int_equal(q.reply.err.kind, ERROR_NONE);
	assert_int_equal(q.reply.status, 200);
	assert_non_null(strstr(text_str(&q.body), "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(text_str(&q.body), "Content-Length: 7\r\n"));
	assert_non_null(strstr(text_str(&q.body), "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(text_str(&q.body), "Expect"));
	assert_null(strstr(text_str(&q.body), "Transfer-Encoding"));
	assert_null(strstr(text_str(&q.body), "Content-Type"));
	assert_true(q.reply.sent_ns > 0 && q.reply.answered_ns >= q.reply.sent_ns);
	text_fini(&q.body);
}

/* libcurl would wait a second for "100 Continue", and send in pieces without a length. */
static void a_large_body_has_its_length_too(void **state)
{
	size_t len = 2000000;
	char *body = xmalloc(len);
	struct asked q = { .ask = { .body = body,
		                    .body_len = len,
		                    .content_type = "application/json",
		                    .answer_max = 100000 } };

	memset(body, 'x', len);
	ask(*state, &q, "POST", "/echo");
	assert_int_equal(q.reply.err.kind, ERROR_NONE);
	assert_non_null(strstr(text_str(&q.body), "Content-Length: 2000000\r\n"));
	assert_non_null(strstr(text_str(&q.body), "Content-Type: application/json\r\n"));
	assert_null(strstr(text_str(&q.body), "Expect"));
	text_fini(&q.body);
	free(body);
}

static void an_empty_post_has_the_length_0(void **state)
{
	struct asked q = { 0 };

	ask(*state, &q, "POST", "/echo");
	assert_non_null(strstr(text_str(&q.body), "Content-Length: 0\r\n"));
	text_fini(&q.body);
	ask(*state, &q, "DELETE", "/echo");
	assert_non_null(strstr(text_str(&q.body), "DELETE /echo HTTP/1.1\r\n"));
	text_fini(&q.body);
}

static void an_answer_in_chunks_is_whole(void **state)
{
	struct asked q = { 0 };

	ask(*state, &q, "GET", "/chunked");
	assert_int_equal(q.reply.err.kind, ERROR_NONE);
	assert_string_equal(text_str(&q.body), "abcde");
	text_fini(&q.body);
}

static void what_is_no_success_is_told_with_its_reason(void **state)
{
	static const struct {
		const char *path, *text;
		enum error_kind kind;
	} cases[] = {
		{ "/bad", "status 500: it broke down", ERROR_PROTOCOL },
		{ "/created", "status 201", ERROR_PROTOCOL },
		{ "/endless", "the answer is larger than 1000 bytes", ERROR_PROTOCOL },
		{ "/half", "transfer closed with 96 bytes remaining to read", ERROR_PROTOCOL },
		{ "/garbage", "Received HTTP/0.9 when not allowed", ERROR_PROTOCOL },
		{ "/nothing", "Empty reply from server", ERROR_PROTOCOL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct asked q = { 0 };
		ask(*state, &q, "GET", cases[i].path);
		assert_int_equal(q.reply.err.kind, cases[i].kind);
		assert_string_equal(q.reply.err.text, cases[i].text);
		assert_false(q.reply.is_refused);
		text_fini(&q.body);
	}
}

static void a_deadline_ends_what_is_never_answered(void **state)
{
	struct asked q = { .ask = { .deadline_ns = clock_ns() + S / 20 } };

	ask(*state, &q, "GET", "/silent");
	assert_int_equal(q.reply.err.kind, ERROR_TIMEOUT);
	assert_string_equal(q.reply.err.text, "no answer in time");
	text_fini(&q.body);
}

/* This process stood still: what has arrived meanwhile is looked at first. */
static void a_deadline_that_was_slept_through_gives_a_second_chance(void **state)
{
	struct asked q = { .ask = { .deadline_ns = clock_ns() - S } };

	ask(*state, &q, "GET", "/echo");
	assert_int_equal(q.reply.err.kind, ERROR_NONE);
	text_fini(&q.body);
}

static void nobody_there_is_told(void **state)
{
	struct bed *b = *state;
	struct asked q = { 0 };
	unsigned port = b->port;

	close(listen_anywhere(&b->port));
	ask(b, &q, "GET", "/echo");
	b->port = port;
	assert_true(q.reply.is_refused);
	assert_int_equal(q.reply.err.kind, ERROR_SYSTEM);
	assert_string_equal(q.reply.err.text, "nobody listens there: Connection refused");
	text_fini(&q.body);
}

/* Connections are counted from 0.  The first stays open, and is closed when it is used again. */
static void a_connection_that_went_stale_costs_nothing_where_repeating_is_harmless(void **state)
{
	struct asked q = { .ask = { .may_repeat = true } };

	ask(*state, &q, "GET", "/count");
	assert_string_equal(text_str(&q.body), "0");
	ask(*state, &q, "GET", "/count");
	assert_int_equal(q.reply.err.kind, ERROR_NONE);
	assert_string_equal(text_str(&q.body), "1");
	text_fini(&q.body);
}

static void what_must_not_arrive_twice_never_uses_a_kept_connection(void **state)
{
	struct asked kept = { .ask = { .may_repeat = true } }, q = { 0 };

	ask(*state, &kept, "GET", "/count");
	ask(*state, &q, "POST", "/count");
	assert_string_equal(text_str(&q.body), "1");
	assert_int_equal(*came_on_kept, 0);
	/* Nor does it leave one: this one finds the first, which is closed under it. */
	ask(*state, &kept, "GET", "/count");
	assert_string_equal(text_str(&kept.body), "2");
	assert_int_equal(*came_on_kept, 1);
	text_fini(&q.body);
	text_fini(&kept.body);
}

static void probes_have_connections_of_their_own(void **state)
{
	struct asked call = { .ask = { .may_repeat = true } };
	struct asked probe = { .ask = { .may_repeat = true, .lane = HTTP_LANE_PROBES } };

	ask(*state, &call, "GET", "/count");
	ask(*state, &probe, "GET", "/count");
	assert_string_equal(text_str(&probe.body), "1");
	text_fini(&call.body);
	text_fini(&probe.body);
}

static void what_was_cancelled_is_not_heard_of(void **state)
{
	const struct bed *b = *state;
	struct asked q = { .ask = { .method = "GET",
		                    .url = "http://127.0.0.1:9/",
		                    .done = keep,
		                    .answer_max = 10,
		                    .deadline_ns = clock_ns() } };
	struct asked other = { 0 };

	http_client_start(b->client, &q.ask);
	http_client_cancel(b->client, &q.ask);
	http_client_cancel(b->client, &q.ask);
	ask(b, &other, "GET", "/echo");
	assert_false(q.is_done);
	text_fini(&other.body);
}

struct rung {
	struct timer timer;
	bool has_rung;
};

static void ring(struct timer *t, uint64_t now_ns)
{
	assert_true(now_ns >= t->at_ns);
	((struct rung *)(void *)t)->has_rung = true;
}

static void a_timer_wakes_the_descriptor(void **state)
{
	const struct bed *b = *state;
	struct rung first = { .timer = { .due = ring } }, never = { .timer = { .due = ring } };
	struct pollfd fd = { .fd = http_client_fd(b->client), .events = POLLIN };

	http_client_set_timer(b->client, &never.timer, clock_ns() + 1000 * S);
	http_client_set_timer(b->client, &first.timer, clock_ns() + S / 100);
	while (!first.has_rung) {
		assert_int_equal(poll(&fd, 1, 100000), 1);
		http_client_serve(b->client);
	}
	assert_false(never.has_rung);
	http_client_cancel_timer(b->client, &never.timer);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_request_is_plain_and_has_its_length),
		T(a_large_body_has_its_length_too),
		T(an_empty_post_has_the_length_0),
		T(an_answer_in_chunks_is_whole),
		T(what_is_no_success_is_told_with_its_reason),
		T(a_deadline_ends_what_is_never_answered),
		T(a_deadline_that_was_slept_through_gives_a_second_chance),
		T(nobody_there_is_told),
		T(a_connection_that_went_stale_costs_nothing_where_repeating_is_harmless),
		T(what_must_not_arrive_twice_never_uses_a_kept_connection),
		T(probes_have_connections_of_their_own),
		T(what_was_cancelled_is_not_heard_of),
		T(a_timer_wakes_the_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
