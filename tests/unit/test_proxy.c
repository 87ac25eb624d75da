/* SPDX-License-Identifier: Apache-2.0 */

/* The proxy between a client and a target that are sockets of the test, and its control socket. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/socket.h"
#include "proxy/command.h"
#include "proxy/control.h"
#include "proxy/proxy.h"
#include "turning.h"
#include "util/file.h"

#define MS     UINT64_C(1000000)
#define MEMORY ((size_t)64 * 1024)

static struct world {
	struct poller poller;
	struct proxy_options options;
	struct proxy *proxy;
	struct control *control;
	struct address at;  /* where the proxy listens */
	int target_fd;      /* listens */
	int client, server; /* both ends of one connection through it */
	char path[64];      /* of the control socket */
	char notices[1000];
} w;

static void on_notice(void *context, const char *text)
{
	(void)context;
	snprintf(w.notices + strlen(w.notices), sizeof(w.notices) - strlen(w.notices), "%s\n",
	         text);
}

static int setup(void **state)
{
	char target[ADDRESS_TEXT];
	struct address any;
	struct error err;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	w = (struct world){ .client = -1, .server = -1 };
	w.options = (struct proxy_options){ .memory = MEMORY, .seed = 1, .notice = on_notice };
	assert_true(poller_open(&w.poller, &err));
	w.proxy = proxy_create(&w.poller, &w.options);
	assert_true(address_parse("127.0.0.1:0", &any, &err));
	w.target_fd = socket_listen(&any, &err);
	assert_true(w.target_fd >= 0);
	assert_true(socket_name(w.target_fd, &any));
	assert_true(address_parse("127.0.0.1:0", &w.at, &err));
	assert_true(proxy_listen(w.proxy, &w.at, address_format(&any, target), &err));
	snprintf(w.path, sizeof(w.path), "/tmp/omb-test-proxy-%d", (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	control_close(w.control);
	proxy_destroy(w.proxy);
	poller_close(&w.poller);
	file_close(w.target_fd);
	file_close(w.client);
	file_close(w.server);
	return 0;
}

static int dial(void)
{
	struct error err;
	int fd = socket_connect(&w.at, &err);

	assert_true(fd >= 0);
	return fd;
}

/* One connection through the proxy. */
static void join(void)
{
	struct address from;

	w.client = dial();
	UNTIL((w.server = socket_accept(w.target_fd, &from)) >= 0);
}

static void leave(void)
{
	file_close(w.client);
	file_close(w.server);
	w.client = w.server = -1;
}

static const char *tell(const char *line)
{
	static char said[2000];
	struct proxy_command c;
	struct text answer = { 0 };
	struct error err;

	if (!proxy_command_parse(line, &c, &err) || !proxy_command(w.proxy, &c, &answer, &err))
		fail_msg("%s: %s", line, err.text);
	snprintf(said, sizeof(said), "%s", text_str(&answer));
	text_fini(&answer);
	return said;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What comes next, when it comes: a text, "<end>" or "<reset>". */
static const char *next(int fd)
{
	static char got[256];
	ssize_t n = -1;

	UNTIL((n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT)) >= 0 || errno != EAGAIN);
	if (n < 0)
		return errno == ECONNRESET ? "<reset>" : "<error>";
	got[n] = '\0';
	return n == 0 ? "<end>" : got;
}

/* Nothing comes, although the proxy had its turns. */
static void assert_silent(int fd)
{
	char byte;

	for (int i = 0; i < 5; i++) {
		turn();
		assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
	}
}

static uint64_t connections(void)
{
	unsigned long n = 0;
	const char *at = strstr(tell("status"), "\"connections\":");

	assert_int_equal(sscanf(at, "\"connections\":%lu", &n), 1);
	return n;
}

/* --- what goes through ---------------------------------------------------------------------------- */

static void megabytes_go_both_ways_at_once_and_are_the_same(void **state)
{
	static uint8_t out[3 * 1024 * 1024], in[2][sizeof(out)];
	size_t sent[2] = { 0 }, got[2] = { 0 };

	(void)state;
	join();
	const int fds[2] = { w.client, w.server };
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 + (i >> 8));
	while (got[0] < sizeof(out) || got[1] < sizeof(out)) {
		for (int i = 0; i < 2; i++) {
			ssize_t n = send(fds[i], out + sent[i], sizeof(out) - sent[i],
			                 MSG_DONTWAIT | MSG_NOSIGNAL);
			sent[i] += n > 0 ? (size_t)n : 0;
			n = recv(fds[i], in[i] + got[i], sizeof(out) - got[i], MSG_DONTWAIT);
			got[i] += n > 0 ? (size_t)n : 0;
		}
		turn();
	}
	assert_memory_equal(in[0], out, sizeof(out));
	assert_memory_equal(in[1], out, sizeof(out));
	assert_int_equal(proxy_counts(w.proxy).bytes[UP], sizeof(out));
	assert_int_equal(proxy_counts(w.proxy).bytes[DOWN], sizeof(out));
}

static void latency_is_that_of_its_direction_and_never_less(void **state)
{
	(void)state;
	tell("set up latency=30ms");
	tell("set down latency=10ms");
	join();
	for (int i = 0; i < 3; i++) {
		uint64_t began_ns = poller_clock_ns();
		put(w.client, "ping");
		assert_string_equal(next(w.server), "ping");
		uint64_t there_ns = poller_clock_ns();
		put(w.server, "pong");
		assert_string_equal(next(w.client), "pong");
		assert_true(there_ns - began_ns >= 30 * MS);
		assert_true(poller_clock_ns() - there_ns >= 10 * MS);
	}
}

/* In all buffers between a sender and a reader that does not read: no more than they hold. */
static void a_reader_that_does_not_read_stops_the_sender(void **state)
{
	static char bytes[64 * 1024];
	size_t sent = 0, got = 0;
	int idle = 0;

	(void)state;
	join();
	tell("set latency=1h"); /* all of it is under way */
	while (idle < 20) {
		ssize_t n = send(w.client, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_true(sent >= MEMORY && sent < ((size_t)32 << 20));
	assert_int_equal(proxy_counts(w.proxy).bytes[UP], 0);
	/* And nothing of it is lost. */
	tell("set latency=0");
	while (got < sent) {
		ssize_t n = recv(w.server, bytes, sizeof(bytes), MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_int_equal(proxy_counts(w.proxy).bytes[UP], sent);
}

/* --- ends ----------------------------------------------------------------------------------------- */

static void the_end_goes_on_behind_the_last_byte_and_one_way(void **state)
{
	(void)state;
	tell("set latency=10ms");
	join();
	put(w.client, "last words");
	shutdown(w.client, SHUT_WR);
	assert_string_equal(next(w.server), "last words");
	assert_string_equal(next(w.server), "<end>");
	put(w.server, "answer");
	assert_string_equal(next(w.client), "answer");
	shutdown(w.server, SHUT_WR);
	assert_string_equal(next(w.client), "<end>");
	UNTIL(connections() == 0);
}

static void a_reset_of_one_side_is_one_for_the_other_after_the_latency(void **state)
{
	(void)state;
	tell("set latency=20ms");
	for (int i = 0; i < 2; i++) {
		join();
		put(w.client, "x");
		assert_string_equal(next(w.server), "x");
		uint64_t began_ns = poller_clock_ns();
		socket_reset(i == 0 ? w.client : w.server);
		*(i == 0 ? &w.client : &w.server) = -1;
		assert_string_equal(next(i == 0 ? w.server : w.client), "<reset>");
		assert_true(poller_clock_ns() - began_ns >= 20 * MS);
		UNTIL(connections() == 0);
		leave();
	}
}

static void a_target_that_is_not_there_resets_the_client_and_is_told_once(void **state)
{
	(void)state;
	file_close(w.target_fd);
	w.target_fd = -1;
	for (int i = 0; i < 3; i++) {
		w.client = dial();
		assert_string_equal(next(w.client), "<reset>");
		leave();
	}
	assert_int_equal(proxy_counts(w.proxy).unreachable, 3);
	const char *told = strstr(w.notices, "target not reached");
	assert_non_null(told);
	assert_null(strstr(told + 1, "target not reached"));
}

/* --- commands ------------------------------------------------------------------------------------- */

static void cut_resets_and_refuses_until_heal(void **state)
{
	(void)state;
	join();
	put(w.client, "x");
	assert_string_equal(next(w.server), "x");
	assert_string_equal(tell("cut"), "1 connection");
	assert_string_equal(next(w.client), "<reset>");
	assert_string_equal(next(w.server), "<reset>");
	leave();
	w.client = dial();
	UNTIL(socket_error(w.client) == ECONNREFUSED);
	file_close(w.client);
	tell("heal");
	join();
	put(w.client, "y");
	assert_string_equal(next(w.server), "y");
}

static void a_hole_that_holds_lets_everything_go_on_when_it_is_healed(void **state)
{
	(void)state;
	join();
	tell("blackhole up");
	put(w.client, "held");
	shutdown(w.client, SHUT_WR);
	assert_silent(w.server);
	put(w.server, "down goes");
	assert_string_equal(next(w.client), "down goes");
	tell("heal");
	assert_string_equal(next(w.server), "held");
	assert_string_equal(next(w.server), "<end>");
}

static void a_hole_that_swallows_forgets_what_came_meanwhile(void **state)
{
	(void)state;
	join();
	tell("blackhole down swallow");
	put(w.server, "forgotten");
	assert_silent(w.client);
	tell("heal");
	put(w.server, "kept");
	assert_string_equal(next(w.client), "kept");
}

/* The other side hears nothing of a peer that goes while there is a hole. */
static void a_reset_does_not_come_through_a_hole_before_it_is_healed(void **state)
{
	(void)state;
	join();
	put(w.client, "x");
	assert_string_equal(next(w.server), "x");
	tell("blackhole up");
	socket_reset(w.client);
	w.client = -1;
	assert_silent(w.server);
	assert_int_equal(connections(), 1);
	tell("heal");
	assert_string_equal(next(w.server), "<reset>");
	UNTIL(connections() == 0);
}

static void a_reset_of_one_direction_leaves_the_sender_in_silence(void **state)
{
	(void)state;
	join();
	put(w.client, "x");
	assert_string_equal(next(w.server), "x");
	tell("reset up");
	assert_string_equal(next(w.server), "<reset>");
	put(w.client, "anybody?");
	assert_silent(w.client);
	assert_int_equal(connections(), 1);
	leave();
	UNTIL(connections() == 0);
}

static void half_close_ends_one_direction_behind_what_is_under_way(void **state)
{
	(void)state;
	join();
	put(w.client, "x");
	assert_string_equal(next(w.server), "x");
	tell("set up latency=20ms");
	put(w.client, "first");
	turn(); /* it has been read */
	tell("half-close up");
	put(w.client, "forgotten");
	assert_string_equal(next(w.server), "first");
	assert_string_equal(next(w.server), "<end>");
	put(w.server, "still here");
	assert_string_equal(next(w.client), "still here");
	shutdown(w.server, SHUT_WR);
	assert_string_equal(next(w.client), "<end>");
	UNTIL(connections() == 0);
}

static void a_command_may_mean_one_listener_alone(void **state)
{
	char line[100], target[ADDRESS_TEXT];
	struct address other, at;
	struct error err;

	(void)state;
	assert_true(socket_name(w.target_fd, &at));
	assert_true(address_parse("127.0.0.1:0", &other, &err));
	assert_true(proxy_listen(w.proxy, &other, address_format(&at, target), &err));
	join();
	snprintf(line, sizeof(line), "cut on %d", address_port(&other));
	assert_string_equal(tell(line), "0 connections");
	put(w.client, "still here");
	assert_string_equal(next(w.server), "still here");
	int fd = socket_connect(&other, &err);
	UNTIL(socket_error(fd) == ECONNREFUSED);
	file_close(fd);
	snprintf(line, sizeof(line), "cut on %s", address_format(&w.at, target));
	assert_string_equal(tell(line), "1 connection");
}

static void lines_become_commands(void **state)
{
	struct proxy_command c;
	struct error err;

	(void)state;
	assert_true(proxy_command_parse("set down bandwidth=1MB/s latency=20ms on 1.2.3.4:5\r\n",
	                                &c, &err));
	assert_int_equal(c.verb, PROXY_SET);
	assert_true(c.directions[DOWN] && !c.directions[UP]);
	assert_true(c.has_bandwidth && c.has_latency && !c.has_jitter);
	assert_int_equal(c.shape.bytes_per_s, 1000000);
	assert_int_equal(c.shape.latency_ns, 20 * MS);
	assert_string_equal(c.listener, "1.2.3.4:5");
	assert_true(proxy_command_parse("  blackhole\tswallow ", &c, &err));
	assert_true(c.directions[DOWN] && c.directions[UP]);
	assert_int_equal(c.hole, HOLE_SWALLOW);
	assert_true(proxy_command_parse("set jitter=0", &c, &err));
	assert_true(c.has_jitter);
}

static void what_is_no_command_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *line, *reason;
	} cases[] = {
		{ "", "there are: set" },
		{ "cutt", "\"cutt\"" },
		{ "set", "expected latency" },
		{ "set latency=5", "20ms" },
		{ "set latency=2h", "up to 1h" },
		{ "set latency=-1ms", "20ms" },
		{ "set speed=1MB", "\"speed=1MB\"" },
		{ "set bandwidth=fast", "1MB" },
		{ "set bandwidth=99999999999999999999999999999999999999B", "1MB" },
		{ "cut up", "both directions" },
		{ "reset up down", "without either" },
		{ "reset on", "listener" },
		{ "heal quickly", "\"quickly\"" },
		{ "blackhole eat", "\"eat\"" },
	};
	struct proxy_command c;
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_false(proxy_command_parse(cases[i].line, &c, &err));
		assert_int_equal(err.kind, ERROR_USAGE);
		if (strstr(err.text, cases[i].reason) == NULL)
			fail_msg("\"%s\": %s", cases[i].line, err.text);
	}
	char long_line[2000];
	memset(long_line, 'x', sizeof(long_line) - 1);
	long_line[sizeof(long_line) - 1] = '\0';
	assert_false(proxy_command_parse(long_line, &c, &err));
}

/* --- the control socket --------------------------------------------------------------------------- */

static int call_control(void)
{
	struct address at;
	struct error err;

	if (w.control == NULL) {
		w.control = control_open(&w.poller, w.path, w.proxy, &err);
		if (w.control == NULL)
			fail_msg("%s", err.text);
	}
	assert_true(address_parse(w.path, &at, &err));
	int fd = socket_connect(&at, &err);
	assert_true(fd >= 0);
	return fd;
}

static void commands_are_answered_in_order_however_they_come(void **state)
{
	int fd = call_control(), other = call_control();

	(void)state;
	put(fd, "he");
	assert_silent(fd);
	put(fd, "al\nfrobnicate\nset latency=1ms\n");
	char all[500] = "";
	while (strstr(all, "connections\nerror") == NULL || all[strlen(all) - 1] != '\n' ||
	       strstr(strstr(all, "error"), "\nok ") == NULL)
		strncat(all, next(fd), sizeof(all) - strlen(all) - 1);
	assert_int_equal(strncmp(all, "ok 0 connections\nerror: \"frobnicate\"", 36), 0);
	put(other, "heal");
	put(other, "\n");
	shutdown(other, SHUT_WR);
	assert_string_equal(next(other), "ok 0 connections\n");
	assert_string_equal(next(other), "<end>");
	struct stat s;
	assert_int_equal(stat(w.path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0700);
	close(fd);
	close(other);
	control_close(w.control);
	w.control = NULL;
	assert_int_equal(stat(w.path, &s), -1);
}

static void a_line_without_end_ends_the_caller_and_nobody_else(void **state)
{
	static char endless[20000];
	int fd = call_control(), other = call_control();

	(void)state;
	memset(endless, 'x', sizeof(endless));
	assert_int_equal(send(fd, endless, sizeof(endless), MSG_NOSIGNAL), sizeof(endless));
	const char *end = next(fd);
	assert_true(strcmp(end, "<reset>") == 0 || strcmp(end, "<end>") == 0);
	put(other, "heal\n");
	assert_string_equal(next(other), "ok 0 connections\n");
	close(fd);
	close(other);
}

static void a_socket_left_over_is_replaced_and_one_in_use_is_not(void **state)
{
	struct address at;
	struct error err;

	(void)state;
	assert_true(address_parse(w.path, &at, &err));
	file_close(socket_listen(&at, &err)); /* its process is gone, its file is not */
	close(call_control());
	assert_null(control_open(&w.poller, w.path, w.proxy, &err));
	assert_non_null(strstr(err.text, w.path));
	control_close(w.control);
	w.control = NULL;
	FILE *file = fopen(w.path, "w"); /* somebody's */
	fputs("precious\n", file);
	fclose(file);
	assert_null(control_open(&w.poller, w.path, w.proxy, &err));
	struct stat s;
	assert_int_equal(stat(w.path, &s), 0);
	assert_int_equal(s.st_size, 9);
	unlink(w.path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(megabytes_go_both_ways_at_once_and_are_the_same),
		TEST(latency_is_that_of_its_direction_and_never_less),
		TEST(a_reader_that_does_not_read_stops_the_sender),
		TEST(the_end_goes_on_behind_the_last_byte_and_one_way),
		TEST(a_reset_of_one_side_is_one_for_the_other_after_the_latency),
		TEST(a_target_that_is_not_there_resets_the_client_and_is_told_once),
		TEST(cut_resets_and_refuses_until_heal),
		TEST(a_hole_that_holds_lets_everything_go_on_when_it_is_healed),
		TEST(a_hole_that_swallows_forgets_what_came_meanwhile),
		TEST(a_reset_does_not_come_through_a_hole_before_it_is_healed),
		TEST(a_reset_of_one_direction_leaves_the_sender_in_silence),
		TEST(half_close_ends_one_direction_behind_what_is_under_way),
		TEST(a_command_may_mean_one_listener_alone),
		TEST(lines_become_commands),
		TEST(what_is_no_command_is_refused_with_its_reason),
		TEST(commands_are_answered_in_order_however_they_come),
		TEST(a_line_without_end_ends_the_caller_and_nobody_else),
		TEST(a_socket_left_over_is_replaced_and_one_in_use_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
