/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/socket.h"
#include "util/clock.h"

#define LIMIT_NS UINT64_C(20000000000)

/* A server and what was asked of it, and callers on the same loop. */
struct scene {
	struct poller poller;
	struct http_server *server;
	struct http_request *waiting[4];
	unsigned asked, left, done, delivered, admitted;
	size_t body_len;
	bool later; /* answers come when the test gives them */
	bool refuses;
	bool is_closed_to_all;
	char path[64], header[64], method[16];
};

static void answer_text(struct http_request *r, const char *what)
{
	struct text body = { 0 };

	text_add(&body, what);
	http_answer(r,
	            &(struct http_answer){ .status = 200, .type = "text/x-test", .body = &body });
	assert_int_equal(body.len, 0);
}

static void on_asked(void *to, struct http_request *r)
{
	struct scene *s = to;
	const char *header = http_header(r, "x-COLOUR");

	snprintf(s->path, sizeof(s->path), "%s", r->path);
	snprintf(s->method, sizeof(s->method), "%s", r->method);
	snprintf(s->header, sizeof(s->header), "%s", header != NULL ? header : "none");
	s->body_len = r->body.len;
	s->waiting[s->asked++] = r;
	if (!s->later)
		answer_text(r, r->body.len > 0 ? text_str(&r->body) : "nothing");
}

static void on_left(void *to, struct http_request *r)
{
	struct scene *s = to;

	assert_true(r->has_left);
	s->left++;
}

static void on_done(void *to, struct http_request *r, bool delivered)
{
	struct scene *s = to;

	(void)r;
	s->done++;
	s->delivered += delivered;
}

static unsigned accepts(void *to, const struct http_request *r, size_t *body_max,
                        struct text *refusal)
{
	struct scene *s = to;

	if (strcmp(r->path, "/large") == 0)
		*body_max = (size_t)16 << 20;
	if (!s->refuses)
		return 0;
	text_add(refusal, "no token");
	return 401;
}

static bool admits(const void *gate, const struct address *from)
{
	struct scene *s = (struct scene *)(uintptr_t)gate;

	s->admitted++;
	return address_is_tcp(from) && !s->is_closed_to_all;
}

static void scene_open(struct scene *s)
{
	struct http_options o = { .poller = &s->poller,
		                  .calls = { .accepts = accepts,
		                             .asked = on_asked,
		                             .left = on_left,
		                             .done = on_done },
		                  .to = s,
		                  .admits = admits,
		                  .gate = s };
	struct error err;

	assert_true(poller_open(&s->poller, &err));
	assert_true(address_parse("127.0.0.1:0", &o.at, &err));
	s->server = http_server_open(&o, &err);
	assert_non_null(s->server);
	assert_true(address_port(http_server_address(s->server)) > 0);
}

static void scene_close(struct scene *s)
{
	http_server_close(s->server);
	poller_close(&s->poller);
}

static int call(struct scene *s)
{
	struct error err;
	int fd = socket_connect(http_server_address(s->server), &err);

	assert_true(fd >= 0);
	return fd;
}

static void turn(struct scene *s)
{
	struct error err;

	assert_true(poller_turn(&s->poller, poller_clock_ns() + 10000000, &err));
}

static void say(struct scene *s, int fd, const char *text, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		struct iovec piece = { (void *)(uintptr_t)(text + at), len - at };
		enum io io = socket_write(fd, &piece, 1, &n);
		assert_true(io == IO_DONE || io == IO_BLOCKED);
		if (io == IO_BLOCKED) {
			n = 0;
			turn(s);
		}
	}
}

static void ask(struct scene *s, int fd, const char *text)
{
	say(s, fd, text, strlen(text));
}

/* The next whole answer, as far as its body ends it; "closed" at the end of the connection. */
static const char *answer_of(struct scene *s, int fd)
{
	static char all[65536];
	uint64_t limit_ns = clock_ns() + LIMIT_NS;
	size_t len = 0;

	for (;;) {
		size_t n = 0;
		enum io io = socket_read(fd, all + len, sizeof(all) - len - 1, &n);
		len += io == IO_DONE ? n : 0;
		all[len] = '\0';
		const char *body = strstr(all, "\r\n\r\n");
		const char *length = strcasestr(all, "Content-Length: ");
		if (body != NULL && length != NULL &&
		    strlen(body + 4) >= strtoul(length + 16, NULL, 10))
			return all;
		if (io_is_over(io))
			return "closed";
		assert_true(clock_ns() < limit_ns);
		if (io == IO_BLOCKED)
			turn(s);
	}
}

static void wait_for(struct scene *s, const unsigned *count, unsigned wanted)
{
	uint64_t limit_ns = clock_ns() + LIMIT_NS;

	while (*count < wanted) {
		assert_true(clock_ns() < limit_ns);
		turn(s);
	}
}

/* --- the rules -------------------------------------------------------------------------------------- */

static void a_connection_is_kept_for_the_next_request(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s);
	int fd = call(&s);
	for (unsigned i = 1; i <= 3; i++) {
		ask(&s, fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
		const char *answer = answer_of(&s, fd);
		assert_non_null(strstr(answer, "HTTP/1.1 200"));
		assert_non_null(strstr(answer, "Content-Type: text/x-test\r\n"));
		assert_non_null(strstr(answer, "\r\n\r\nnothing"));
		assert_int_equal(s.asked, i);
	}
	wait_for(&s, &s.done, 3);
	assert_int_equal(s.delivered, 3);
	close(fd);
	scene_close(&s);
}

static void empty_parts_of_a_path_are_dropped(void **state)
{
	static const char *const cases[][2] = {
		{ "//create-topics", "/create-topics" },
		{ "/a//b/", "/a/b" },
		{ "/", "/" },
		{ "///", "/" },
		{ "/a%20b?x=1", "/a b" },
	};
	struct scene s = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char request[128];
		memset(&s, 0, sizeof(s));
		scene_open(&s);
		int fd = call(&s);
		snprintf(request, sizeof(request),
		         "DELETE %s HTTP/1.1\r\nHost: a\r\nX-Colour: red\r\n\r\n", cases[i][0]);
		ask(&s, fd, request);
		answer_of(&s, fd);
		assert_string_equal(s.path, cases[i][1]);
		assert_string_equal(s.method, "DELETE");
		assert_string_equal(s.header, "red");
		close(fd);
		scene_close(&s);
	}
}

static void answers_may_come_later_and_in_another_order(void **state)
{
	struct scene s = { .later = true };

	(void)state;
	scene_open(&s);
	int a = call(&s), b = call(&s);
	ask(&s, a, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
	wait_for(&s, &s.asked, 1);
	assert_int_equal(s.body_len, 5);
	ask(&s, b, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&s, &s.asked, 2);
	answer_text(s.waiting[1], "for b");
	assert_non_null(strstr(answer_of(&s, b), "for b"));
	wait_for(&s, &s.done, 1);
	answer_text(s.waiting[0], "for a");
	assert_non_null(strstr(answer_of(&s, a), "for a"));
	wait_for(&s, &s.done, 2);
	assert_int_equal(s.delivered, 2);
	close(a);
	close(b);
	scene_close(&s);
}

static void who_goes_away_while_an_answer_is_pending_is_told(void **state)
{
	struct scene s = { .later = true };

	(void)state;
	scene_open(&s);
	int fd = call(&s);
	ask(&s, fd, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&s, &s.asked, 1);
	close(fd);
	wait_for(&s, &s.left, 1);
	assert_int_equal(s.done, 0); /* the answer is still owed */
	answer_text(s.waiting[0], "to nobody");
	wait_for(&s, &s.done, 1);
	assert_int_equal(s.delivered, 0);
	assert_int_equal(s.left, 1);
	scene_close(&s);
}

static void a_server_that_closes_is_done_with_all(void **state)
{
	struct scene s = { .later = true };

	(void)state;
	scene_open(&s);
	int a = call(&s), b = call(&s);
	ask(&s, a, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
	ask(&s, b, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&s, &s.asked, 2);
	scene_close(&s);
	assert_int_equal(s.done, 2);
	close(a);
	close(b);
}

static void what_is_too_large_is_refused_before_it_is_read(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s);
	int fd = call(&s);
	ask(&s, fd, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n");
	assert_non_null(strstr(answer_of(&s, fd), "HTTP/1.1 413"));
	close(fd);
	/* Nothing is announced: the connection goes as soon as it is too much. */
	fd = call(&s);
	ask(&s, fd, "POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 9; i++) {
		static const char size[] = { '2', '0', '0', '0', '\r', '\n' };
		char chunk[8192 + 8];
		memset(chunk, 'x', sizeof(chunk));
		memcpy(chunk, size, sizeof(size));
		chunk[sizeof(chunk) - 2] = '\r';
		chunk[sizeof(chunk) - 1] = '\n';
		struct iovec piece = { chunk, sizeof(chunk) };
		size_t n;
		while (socket_write(fd, &piece, 1, &n) == IO_BLOCKED)
			turn(&s);
	}
	assert_string_equal(answer_of(&s, fd), "closed");
	assert_int_equal(s.asked, 0);
	close(fd);
	scene_close(&s);
}

static void a_route_may_allow_more(void **state)
{
	struct scene s = { .later = true };
	const size_t len = (size_t)10 << 20;
	char *body = malloc(len);

	(void)state;
	scene_open(&s);
	int fd = call(&s);
	memset(body, 'y', len);
	ask(&s, fd, "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 10485760\r\n\r\n");
	say(&s, fd, body, len);
	wait_for(&s, &s.asked, 1);
	assert_int_equal(s.body_len, len);
	assert_memory_equal(s.waiting[0]->body.data, body, len);
	answer_text(s.waiting[0], "thanks");
	assert_non_null(strstr(answer_of(&s, fd), "thanks"));
	free(body);
	close(fd);
	scene_close(&s);
}

static void who_may_not_ask_is_refused_unread(void **state)
{
	struct scene s = { .refuses = true };

	(void)state;
	scene_open(&s);
	int fd = call(&s);
	ask(&s, fd, "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
	const char *answer = answer_of(&s, fd);
	assert_non_null(strstr(answer, "HTTP/1.1 401"));
	assert_non_null(strstr(answer, "WWW-Authenticate: Bearer"));
	assert_non_null(strstr(answer, "no token"));
	assert_int_equal(s.asked, 0);
	close(fd);
	scene_close(&s);
}

static void who_may_not_connect_hears_nothing(void **state)
{
	struct scene s = { .is_closed_to_all = true };

	(void)state;
	scene_open(&s);
	int fd = call(&s);
	wait_for(&s, &s.admitted, 1);
	assert_string_equal(answer_of(&s, fd), "closed");
	assert_int_equal(s.asked, 0);
	close(fd);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_is_kept_for_the_next_request),
		cmocka_unit_test(empty_parts_of_a_path_are_dropped),
		cmocka_unit_test(answers_may_come_later_and_in_another_order),
		cmocka_unit_test(who_goes_away_while_an_answer_is_pending_is_told),
		cmocka_unit_test(a_server_that_closes_is_done_with_all),
		cmocka_unit_test(what_is_too_large_is_refused_before_it_is_read),
		cmocka_unit_test(a_route_may_allow_more),
		cmocka_unit_test(who_may_not_ask_is_refused_unread),
		cmocka_unit_test(who_may_not_connect_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
