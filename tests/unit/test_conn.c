/* SPDX-License-Identifier: Apache-2.0 */

/* Connections on real sockets of this host. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "turning.h"

#include "net/conn.h"
#include "net/listener.h"
#include "net/socket.h"
#include "util/file.h"
#include "util/text.h"

#define SECOND_NS UINT64_C(1000000000)
#define FRAME_MAX ((size_t)64 * 1024)
#define PEERS_MAX 64

/* --- a world: one poller, a listener, connections of both sides ------------------------------------ */

struct side {
	struct conn conn;
	struct text got;
	size_t opened, drained, lost, returned;
	struct error why;
	bool keeps;        /* consumes nothing */
	bool echoes;       /* sends back what came */
	bool finishes;     /* says its own end when the peer's came */
	bool frees_itself; /* closes in its own call */
	size_t calls, deserted;
	const char *kept; /* output that the owner keeps; NULL = none */
	size_t kept_len, kept_sent;
};

static struct world {
	struct poller poller;
	struct listener listener;
	struct side accepted[PEERS_MAX];
	size_t accepted_count;
	const struct conn_options *server; /* of those accepted */
} w;

static void on_opened(struct conn *c)
{
	((struct side *)c->owner)->opened++;
}

static void take(struct side *s)
{
	struct conn *c = &s->conn;
	size_t n = buffer_pending(&c->in);

	if (s->echoes) {
		size_t room = c->out.max - c->out.bytes;
		size_t part = n < room ? n : room;
		assert_true(part == 0 || conn_send(c, buffer_data(&c->in), part));
		if (part < n) /* asked for, so that `drained` comes */
			assert_false(conn_send(c, buffer_data(&c->in), n));
		n = part;
	} else {
		text_add_bytes(&s->got, buffer_data(&c->in), n);
	}
	conn_consume(c, n);
}

static void on_received(struct conn *c)
{
	struct side *s = c->owner;

	s->calls++;
	if (s->frees_itself) {
		conn_close(c);
		memset(c, 0x5a, sizeof(*c)); /* whoever looks at it again gets what it deserves */
		return;
	}
	if (!s->keeps)
		take(s);
	if (c->in_ended && s->finishes)
		conn_finish(c);
}

static void on_drained(struct conn *c)
{
	struct side *s = c->owner;

	s->drained++;
	if (s->echoes)
		take(s);
}

static void on_returned(struct conn *c, uint64_t token)
{
	(void)token;
	((struct side *)c->owner)->returned++;
}

static void on_lost(struct conn *c, const struct error *why)
{
	struct side *s = c->owner;

	s->lost++;
	s->why = *why;
}

static void on_deserted(struct conn *c)
{
	((struct side *)c->owner)->deserted++;
}

/* In pieces of seven bytes. */
static int show_kept(struct conn *c, struct iovec *out, int max)
{
	const struct side *s = c->owner;
	int n = 0;

	for (size_t at = s->kept_sent; at < s->kept_len && n < max; n++) {
		size_t len = s->kept_len - at < 7 ? s->kept_len - at : 7;
		out[n] = (struct iovec){ .iov_base = (void *)(s->kept + at), .iov_len = len };
		at += len;
	}
	return n;
}

static void on_written(struct conn *c, size_t n)
{
	((struct side *)c->owner)->kept_sent += n;
}

static const struct conn_handler handler = {
	.opened = on_opened,
	.deserted = on_deserted,
	.pieces = show_kept,
	.written = on_written,
	.received = on_received,
	.drained = on_drained,
	.returned = on_returned,
	.lost = on_lost,
};

static const struct conn_options plain = {
	.handler = &handler,
	.timeout_ns = 5 * SECOND_NS,
	.in_max = FRAME_MAX,
	.out_max = FRAME_MAX,
	.half_close = true,
};

static void on_accepted(struct listener *l, int fd, const struct address *from)
{
	struct error err;

	(void)l;
	(void)from;
	assert_true(w.accepted_count < PEERS_MAX);
	struct side *s = &w.accepted[w.accepted_count++];
	s->conn.owner = s;
	assert_true(conn_adopt(&s->conn, &w.poller, w.server, fd, &err));
}

static int setup(void **state)
{
	struct address at;
	struct error err;

	(void)state;
	w = (struct world){ .server = &plain };
	w.listener = (struct listener){ .accepted = on_accepted };
	return poller_open(&w.poller, &err) && address_parse("127.0.0.1:0", &at, &err) &&
	                       listener_open(&w.listener, &w.poller, &at, &err)
	               ? 0
	               : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < w.accepted_count; i++) {
		if (!w.accepted[i].frees_itself)
			conn_close(&w.accepted[i].conn);
		text_fini(&w.accepted[i].got);
	}
	listener_close(&w.listener);
	poller_close(&w.poller);
	return 0;
}

/* A blocking socket of a peer that does what the test says; `bytes` of socket buffers, 0 =
 * default. */
static int call(int bytes)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct address *at = &w.listener.address;

	assert_true(fd >= 0);
	if (bytes > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	assert_int_equal(connect(fd, (const struct sockaddr *)&at->at, at->len), 0);
	size_t before = w.accepted_count;
	UNTIL(w.accepted_count > before);
	return fd;
}

static struct side *newest(void)
{
	return &w.accepted[w.accepted_count - 1];
}

static void must_send(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* --- input ---------------------------------------------------------------------------------------- */

static void a_frame_that_comes_byte_by_byte_is_whole_in_the_end(void **state)
{
	int fd = call(0);
	const char *frame = "a frame in many parts";

	(void)state;
	newest()->keeps = true;
	for (size_t i = 0; i < strlen(frame); i++) {
		must_send(fd, frame + i, 1);
		UNTIL(buffer_pending(&newest()->conn.in) == i + 1);
	}
	assert_memory_equal(buffer_data(&newest()->conn.in), frame, strlen(frame));
	close(fd);
}

static void a_full_input_stops_reading_until_it_is_consumed(void **state)
{
	static char bytes[FRAME_MAX / 2];
	int fd = call(0);
	struct side *s = newest();
	struct error err;

	(void)state;
	s->keeps = true;
	for (int i = 0; i < 4; i++)
		must_send(fd, bytes, sizeof(bytes));
	UNTIL(buffer_pending(&s->conn.in) == FRAME_MAX);
	/* Nothing more is read, and the poller does not spin on what waits: it is told once. */
	assert_true(poller_turn(&w.poller, 0, &err));
	assert_true(poller_turn(&w.poller, 0, &err));
	assert_int_equal(w.poller.count, 0);
	assert_int_equal(buffer_pending(&s->conn.in), FRAME_MAX);
	conn_consume(&s->conn, FRAME_MAX);
	UNTIL(buffer_pending(&s->conn.in) == FRAME_MAX);
	close(fd);
}

static void a_paused_connection_reads_nothing_and_goes_on_where_it_was(void **state)
{
	int fd = call(0);
	struct side *s = newest();
	struct error err;

	(void)state;
	conn_pause(&s->conn, true);
	must_send(fd, "later", 5);
	assert_true(poller_turn(&w.poller, 0, &err));
	assert_true(poller_turn(&w.poller, 0, &err));
	assert_int_equal(w.poller.count, 0);
	assert_int_equal(s->got.len, 0);
	conn_pause(&s->conn, false);
	UNTIL(s->got.len == 5);
	assert_string_equal(text_str(&s->got), "later");
	close(fd);
}

/* --- output --------------------------------------------------------------------------------------- */

static void what_is_sent_in_a_turn_leaves_together_at_its_end(void **state)
{
	int fd = call(0);
	struct side *s = newest();
	char got[16];

	(void)state;
	assert_true(conn_send(&s->conn, "one ", 4));
	assert_true(conn_lend(&s->conn, "two ", 4, 1));
	assert_true(conn_send(&s->conn, "three", 5));
	assert_int_equal(s->conn.out.bytes, 13);
	turn();
	assert_int_equal(s->conn.out.bytes, 0);
	assert_int_equal(s->returned, 1);
	assert_int_equal(recv(fd, got, sizeof(got), 0), 13);
	assert_memory_equal(got, "one two three", 13);
	close(fd);
}

/* Everything that a slow reader has not read stays bounded: in the outbox, then with the caller. */
static void a_slow_reader_fills_the_outbox_which_refuses_and_tells_when_there_is_room(void **state)
{
	int fd = call(4096);
	struct side *s = newest();
	static char bytes[16 * 1024], got[64 * 1024];
	int little = 4096;
	size_t sent = 0, read = 0;

	(void)state;
	setsockopt(s->conn.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	for (int i = 0; i < 10000 && conn_send(&s->conn, bytes, sizeof(bytes)); i++) {
		sent += sizeof(bytes);
		turn();
	}
	assert_true(s->conn.is_blocked);
	assert_true(s->conn.out.bytes > FRAME_MAX - sizeof(bytes) &&
	            s->conn.out.bytes <= FRAME_MAX);
	assert_int_equal(s->drained, 0);
	while (read < sent) {
		ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
		if (n > 0)
			read += (size_t)n;
		else
			turn();
	}
	UNTIL(s->drained == 1);
	assert_int_equal(s->conn.out.bytes, 0);
	assert_true(conn_send(&s->conn, bytes, sizeof(bytes)));
	close(fd);
}

/* Megabytes through buffers of kilobytes, there and back: nothing is lost, swapped or doubled. */
static void an_echo_gives_back_every_byte_through_small_buffers(void **state)
{
	static uint8_t out[4 * 1024 * 1024], in[sizeof(out)];
	int fd = call(8192);
	size_t put = 0, got = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 + (i >> 8));
	newest()->echoes = true;
	while (got < sizeof(in)) {
		ssize_t n = send(fd, out + put, sizeof(out) - put, MSG_DONTWAIT | MSG_NOSIGNAL);
		put += n > 0 ? (size_t)n : 0;
		n = recv(fd, in + got, sizeof(in) - got, MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_memory_equal(in, out, sizeof(in));
	close(fd);
}

/* A log's batches go from where they lie, behind what was sent, through a socket that takes
 * little. */
static void output_that_the_owner_keeps_leaves_behind_what_was_sent(void **state)
{
	static char kept[200 * 1024], got[sizeof(kept) + 5];
	int fd = call(4096), little = 4096;
	struct side *s = newest();
	size_t read = 0;

	(void)state;
	setsockopt(s->conn.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	for (size_t i = 0; i < sizeof(kept); i++)
		kept[i] = (char)(i * 31 + (i >> 8));
	s->kept = kept;
	s->kept_len = sizeof(kept);
	assert_true(conn_send(&s->conn, "first", 5));
	turn();
	assert_true(s->kept_sent > 0 && s->kept_sent < sizeof(kept) && s->conn.is_blocked);
	conn_finish(&s->conn);
	while (read < sizeof(got)) {
		ssize_t n = recv(fd, got + read, sizeof(got) - read, MSG_DONTWAIT);
		assert_int_not_equal(n, 0); /* the end comes behind all of it */
		read += n > 0 ? (size_t)n : 0;
		turn();
	}
	assert_memory_equal(got, "first", 5);
	assert_memory_equal(got + 5, kept, sizeof(kept));
	UNTIL(recv(fd, got, 1, MSG_DONTWAIT) == 0);
	close(fd);
}

/* --- ends ----------------------------------------------------------------------------------------- */

static void half_close_lets_the_other_direction_go_on(void **state)
{
	int fd = call(0);
	struct side *s = newest();
	char got[16];

	(void)state;
	must_send(fd, "last words", 10);
	shutdown(fd, SHUT_WR);
	UNTIL(s->conn.in_ended);
	assert_int_equal(s->got.len, 10);
	assert_int_equal(s->lost, 0);
	assert_true(conn_send(&s->conn, "answer", 6));
	conn_finish(&s->conn);
	assert_false(conn_send(&s->conn, "more", 4));
	UNTIL(s->lost == 1);
	assert_int_equal(s->why.kind, ERROR_NONE);
	assert_int_equal(recv(fd, got, sizeof(got), MSG_WAITALL), 6);
	close(fd);
}

static void the_end_of_a_peer_is_a_loss_where_half_close_is_not_wanted(void **state)
{
	struct conn_options strict = plain;

	(void)state;
	strict.half_close = false;
	w.server = &strict;
	int fd = call(0);
	must_send(fd, "x", 1);
	close(fd);
	UNTIL(newest()->lost == 1);
	assert_int_equal(newest()->got.len, 1);
	assert_non_null(strstr(newest()->why.text, "closed by the peer"));
	assert_int_equal(newest()->conn.state, CONN_CLOSED);
}

static void a_reset_is_told_with_its_reason_and_gives_back_what_was_lent(void **state)
{
	static char bytes[FRAME_MAX];
	int fd = call(4096), little = 4096;
	struct side *s = newest();

	(void)state;
	setsockopt(s->conn.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	assert_true(conn_lend(&s->conn, bytes, sizeof(bytes), 1));
	turn();
	assert_int_equal(s->returned, 0);
	socket_reset(fd);
	UNTIL(s->lost == 1);
	assert_int_equal(s->returned, 1);
	assert_int_equal(s->why.os_errno, ECONNRESET);
}

/* One that waits for something else learns that nobody will read the answer, and what came
 * stays. */
static void a_paused_connection_is_told_once_that_its_peer_has_said_its_end(void **state)
{
	int fd = call(0);
	struct side *s = newest();
	struct error err;

	(void)state;
	s->keeps = true;
	must_send(fd, "request", 7);
	UNTIL(buffer_pending(&s->conn.in) == 7);
	const unsigned char *at = buffer_data(&s->conn.in);
	conn_pause(&s->conn, true);
	must_send(fd, "another", 7);
	shutdown(fd, SHUT_WR);
	UNTIL(s->deserted == 1);
	for (int i = 0; i < 3; i++)
		assert_true(poller_turn(&w.poller, 0, &err));
	assert_int_equal(w.poller.count, 0);
	assert_int_equal(s->deserted, 1);
	assert_true(buffer_data(&s->conn.in) == at && buffer_pending(&s->conn.in) == 7);
	assert_false(s->conn.in_ended);
	conn_pause(&s->conn, false);
	UNTIL(s->conn.in_ended);
	assert_int_equal(buffer_pending(&s->conn.in), 14);
	close(fd);
}

/* Pausing between a request and its answer is the rule: it must not cost a call each time. */
static void a_pause_during_which_nothing_comes_changes_nothing_in_the_kernel(void **state)
{
	int fd = call(0);
	struct side *s = newest();

	(void)state;
	must_send(fd, "x", 1);
	UNTIL(s->got.len == 1);
	uint32_t events = s->conn.watch.events;
	conn_pause(&s->conn, true);
	turn();
	assert_int_equal(s->conn.watch.events, events);
	conn_pause(&s->conn, false);
	assert_int_equal(s->conn.watch.events, events);
	close(fd);
}

static void who_asks_to_be_called_again_is_called_in_the_next_turn_though_nothing_came(void **state)
{
	int fd = call(0);
	struct side *s = newest();

	(void)state;
	turn();
	size_t before = s->calls;
	conn_again(&s->conn);
	conn_again(&s->conn);
	turn();
	assert_int_equal(s->calls, before + 1);
	turn();
	assert_int_equal(s->calls, before + 1);
	close(fd);
}

static void a_paused_connection_hears_of_a_reset_too(void **state)
{
	int fd = call(0);

	(void)state;
	conn_pause(&newest()->conn, true);
	turn();
	socket_reset(fd);
	UNTIL(newest()->lost == 1);
}

/* The poller would be told of it again and again. */
static void a_paused_connection_whose_both_ends_finished_does_not_spin(void **state)
{
	int fd = call(0);
	struct side *s = newest();
	struct error err;

	(void)state;
	conn_pause(&s->conn, true);
	conn_finish(&s->conn);
	must_send(fd, "left", 4);
	shutdown(fd, SHUT_WR);
	UNTIL(!s->conn.watch.is_added);
	assert_true(poller_turn(&w.poller, 0, &err));
	assert_int_equal(w.poller.count, 0);
	conn_pause(&s->conn, false);
	UNTIL(s->lost == 1);
	assert_int_equal(s->why.kind, ERROR_NONE);
	assert_int_equal(s->got.len, 4);
	close(fd);
}

/* SIGPIPE would end the test. */
static void writing_to_a_peer_that_is_gone_is_an_error(void **state)
{
	int fd = call(0);
	struct side *s = newest();

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	close(fd);
	UNTIL(s->conn.in_ended);
	/* The first is answered with a reset, and what follows meets it. */
	for (int i = 0; i < 100 && s->conn.failure.kind == ERROR_NONE; i++)
		if (conn_send(&s->conn, "x", 1))
			conn_flush(&s->conn);
	assert_int_equal(s->conn.failure.os_errno, EPIPE);
	UNTIL(s->lost == 1);
	assert_int_equal(s->why.os_errno, EPIPE);
}

static void a_handler_may_close_and_free_its_connection(void **state)
{
	int first = call(0), second = call(0);

	(void)state;
	newest()->frees_itself = true;
	must_send(first, "a", 1);
	must_send(second, "b", 1);
	UNTIL(w.accepted[0].got.len == 1);
	char byte;
	while (recv(second, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
		turn();
	close(first);
	close(second);
}

/* --- connecting ----------------------------------------------------------------------------------- */

static void connecting_passes_over_addresses_that_refuse(void **state)
{
	struct address addresses[2];
	struct side client = { 0 };
	struct error err;

	(void)state;
	int refusing = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(address_parse("127.0.0.1:0", &addresses[0], &err));
	assert_int_equal(bind(refusing, (struct sockaddr *)&addresses[0].at, addresses[0].len), 0);
	assert_true(socket_name(refusing, &addresses[0]));
	addresses[1] = w.listener.address;
	struct conn_options o = plain;
	o.addresses = addresses;
	o.addresses_count = 2;
	client.conn.owner = &client;
	assert_true(conn_connect(&client.conn, &w.poller, &o, 1, &err));
	UNTIL(client.opened == 1 && w.accepted_count == 1);
	assert_int_equal(client.lost, 0);
	assert_true(conn_send(&client.conn, "hello", 5));
	UNTIL(newest()->got.len == 5);
	conn_reset(&client.conn);
	UNTIL(newest()->lost == 1);
	close(refusing);
}

/* The kernel takes no more than its queue: the rest stays unanswered, as behind a black hole. */
static void a_peer_that_does_not_answer_is_given_up_at_the_deadline(void **state)
{
	struct address at;
	struct error err;
	struct side client = { 0 };
	int fillers[8];

	(void)state;
	int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(address_parse("127.0.0.1:0", &at, &err));
	assert_int_equal(bind(silent, (struct sockaddr *)&at.at, at.len), 0);
	assert_int_equal(listen(silent, 0), 0);
	assert_true(socket_name(silent, &at));
	for (int i = 0; i < 8; i++)
		fillers[i] = socket_connect(&at, &err);
	struct conn_options o = plain;
	o.addresses = &at;
	o.addresses_count = 1;
	o.timeout_ns = SECOND_NS / 20;
	client.conn.owner = &client;
	uint64_t began_ns = poller_clock_ns();
	assert_true(conn_connect(&client.conn, &w.poller, &o, 1, &err));
	UNTIL(client.lost == 1);
	assert_int_equal(client.why.kind, ERROR_TIMEOUT);
	assert_true(poller_clock_ns() - began_ns >= o.timeout_ns);
	assert_int_equal(client.conn.state, CONN_CLOSED);
	conn_close(&client.conn);
	for (int i = 0; i < 8; i++)
		file_close(fillers[i]);
	close(silent);
}

static void a_lost_connection_is_tried_again_until_it_stands(void **state)
{
	struct address at = w.listener.address;
	struct side client = { 0 };
	struct error err;
	struct conn_options o = plain;

	(void)state;
	o.addresses = &at;
	o.addresses_count = 1;
	o.backoff_first_ns = SECOND_NS / 1000;
	o.backoff_max_ns = SECOND_NS / 100;
	client.conn.owner = &client;
	listener_deafen(&w.listener);
	assert_true(conn_connect(&client.conn, &w.poller, &o, 1, &err));
	UNTIL(client.lost == 3);
	assert_int_equal(client.why.os_errno, ECONNREFUSED);
	assert_int_equal(client.conn.state, CONN_WAITING);
	assert_false(conn_send(&client.conn, "x", 1)); /* there is nobody */
	assert_true(listener_hear(&w.listener, &err));
	UNTIL(client.opened == 1 && w.accepted_count == 1);
	size_t before = client.lost;
	conn_reset(&newest()->conn);
	UNTIL(client.opened == 2 && w.accepted_count == 2);
	assert_int_equal(client.lost, before + 1);
	assert_true(conn_send(&client.conn, "again", 5));
	UNTIL(newest()->got.len == 5);
	conn_close(&client.conn);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_frame_that_comes_byte_by_byte_is_whole_in_the_end),
		TEST(a_full_input_stops_reading_until_it_is_consumed),
		TEST(a_paused_connection_reads_nothing_and_goes_on_where_it_was),
		TEST(what_is_sent_in_a_turn_leaves_together_at_its_end),
		TEST(a_slow_reader_fills_the_outbox_which_refuses_and_tells_when_there_is_room),
		TEST(an_echo_gives_back_every_byte_through_small_buffers),
		TEST(half_close_lets_the_other_direction_go_on),
		TEST(the_end_of_a_peer_is_a_loss_where_half_close_is_not_wanted),
		TEST(a_reset_is_told_with_its_reason_and_gives_back_what_was_lent),
		TEST(output_that_the_owner_keeps_leaves_behind_what_was_sent),
		TEST(a_paused_connection_is_told_once_that_its_peer_has_said_its_end),
		TEST(a_pause_during_which_nothing_comes_changes_nothing_in_the_kernel),
		TEST(who_asks_to_be_called_again_is_called_in_the_next_turn_though_nothing_came),
		TEST(a_paused_connection_hears_of_a_reset_too),
		TEST(a_paused_connection_whose_both_ends_finished_does_not_spin),
		TEST(writing_to_a_peer_that_is_gone_is_an_error),
		TEST(a_handler_may_close_and_free_its_connection),
		TEST(connecting_passes_over_addresses_that_refuse),
		TEST(a_peer_that_does_not_answer_is_given_up_at_the_deadline),
		TEST(a_lost_connection_is_tried_again_until_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
