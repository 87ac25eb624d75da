/* SPDX-License-Identifier: Apache-2.0 */

/* Connections with TLS, client and server in one poller, with a certificate made for the test. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/conn.h"
#include "net/listener.h"
#include "net/socket.h"
#include "turning.h"

#if HAVE_TLS
#include "certificate.h"

#define SECOND_NS UINT64_C(1000000000)
#define BYTES     ((size_t)3 * 1024 * 1024)

struct side {
	struct conn conn;
	size_t opened, lost, got;
	struct error why;
	uint8_t next; /* expected */
	bool is_right, finishes;
};

static struct world {
	char file[64]; /* certificate and key */
	struct tls_context *server_tls, *client_tls;
	struct conn_options server, client;
	struct poller poller;
	struct listener listener;
	struct side here, there;
	struct address at;
} w;

/* --- two sides ------------------------------------------------------------------------------------- */

static void on_opened(struct conn *c)
{
	((struct side *)c->owner)->opened++;
}

static void on_received(struct conn *c)
{
	struct side *s = c->owner;
	size_t n = buffer_pending(&c->in);

	for (size_t i = 0; i < n; i++)
		s->is_right = s->is_right && buffer_data(&c->in)[i] == s->next++;
	s->got += n;
	conn_consume(c, n);
	if (c->in_ended && s->finishes)
		conn_finish(c);
}

static void on_lost(struct conn *c, const struct error *why)
{
	struct side *s = c->owner;

	s->lost++;
	s->why = *why;
}

static const struct conn_handler handler = {
	.opened = on_opened,
	.received = on_received,
	.lost = on_lost,
};

static void on_accepted(struct listener *l, int fd, const struct address *from)
{
	struct error err;

	(void)l;
	(void)from;
	assert_true(conn_adopt(&w.there.conn, &w.poller, &w.server, fd, &err));
}

static int setup(void **state)
{
	struct address any;
	struct error err;

	(void)state;
	w = (struct world){ 0 };
	snprintf(w.file, sizeof(w.file), "/tmp/omb-test-tls-%d.pem", (int)getpid());
	certificate_write(w.file);
	const struct tls_options server = { .cert_file = w.file };
	const struct tls_options client = { .ca_file = w.file };
	w.server_tls = tls_server_create(&server, &err);
	w.client_tls = tls_client_create(&client, &err);
	assert_non_null(w.server_tls);
	assert_non_null(w.client_tls);
	w.server = (struct conn_options){ .handler = &handler,
		                          .timeout_ns = SECOND_NS * 10,
		                          .tls = w.server_tls,
		                          .in_max = (size_t)64 * 1024,
		                          .out_max = (size_t)64 * 1024,
		                          .half_close = true };
	w.client = w.server;
	w.client.tls = w.client_tls;
	w.client.tls_peer = "127.0.0.1";
	w.listener = (struct listener){ .accepted = on_accepted };
	assert_true(poller_open(&w.poller, &err));
	assert_true(address_parse("127.0.0.1:0", &any, &err));
	assert_true(listener_open(&w.listener, &w.poller, &any, &err));
	w.at = w.listener.address;
	w.client.addresses = &w.at;
	w.client.addresses_count = 1;
	w.here.conn.owner = &w.here;
	w.there.conn.owner = &w.there;
	w.here.is_right = w.there.is_right = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	conn_close(&w.here.conn);
	conn_close(&w.there.conn);
	listener_close(&w.listener);
	poller_close(&w.poller);
	tls_context_destroy(w.client_tls);
	tls_context_destroy(w.server_tls);
	unlink(w.file);
	return 0;
}

static void connect_here(void)
{
	struct error err;

	assert_true(conn_connect(&w.here.conn, &w.poller, &w.client, 1, &err));
}

/* As much of the sequence as there is room for. */
static void send_part(struct side *s, size_t *sent, size_t part)
{
	static uint8_t bytes[20000];

	for (size_t i = 0; i < part; i++)
		bytes[i] = (uint8_t)(*sent + i);
	if (conn_send(&s->conn, bytes, part))
		*sent += part;
}

/* --- tests ----------------------------------------------------------------------------------------- */

static void bytes_go_both_ways_at_once_through_small_buffers(void **state)
{
	size_t sent_here = 0, sent_there = 0;
	int little = 8192;

	(void)state;
	connect_here();
	UNTIL(w.here.opened == 1 && w.there.opened == 1);
	setsockopt(w.here.conn.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
	while (w.here.got < BYTES || w.there.got < BYTES) {
		for (size_t part = 1; part < 20000 && sent_here < BYTES; part = part * 3 + 1)
			send_part(&w.here, &sent_here, part);
		if (sent_there < BYTES)
			send_part(&w.there, &sent_there, 16385); /* more than a record */
		turn();
		if (sent_here >= BYTES && sent_there >= BYTES && w.here.got == sent_there &&
		    w.there.got == sent_here)
			break;
	}
	assert_true(w.here.is_right && w.there.is_right);
	assert_int_equal(w.here.lost + w.there.lost, 0);
}

static void the_end_of_one_side_leaves_the_other_its_say(void **state)
{
	size_t sent = 0;

	(void)state;
	connect_here();
	UNTIL(w.here.opened == 1 && w.there.opened == 1);
	send_part(&w.here, &sent, 1000);
	conn_finish(&w.here.conn);
	UNTIL(w.there.conn.in_ended);
	assert_int_equal(w.there.got, 1000);
	sent = 0;
	send_part(&w.there, &sent, 500);
	conn_finish(&w.there.conn);
	UNTIL(w.here.lost == 1 && w.there.lost == 1);
	assert_int_equal(w.here.got, 500);
	assert_int_equal(w.here.why.kind, ERROR_NONE);
}

static void a_peer_with_another_name_is_refused(void **state)
{
	(void)state;
	w.client.tls_peer = "other.test";
	connect_here();
	UNTIL(w.here.lost == 1);
	assert_int_equal(w.here.opened, 0);
	assert_non_null(strstr(w.here.why.text, "certificate"));
	conn_close(&w.here.conn);
	w.client.tls_peer = "broker.test";
	conn_close(&w.there.conn);
	connect_here();
	UNTIL(w.here.opened == 1);
}

static void a_certificate_that_nobody_vouches_for_is_refused_unless_anybody_is_trusted(void **state)
{
	struct tls_options o = { 0 };
	struct error err;

	(void)state;
	tls_context_destroy(w.client_tls);
	w.client.tls = w.client_tls = tls_client_create(&o, &err);
	connect_here();
	UNTIL(w.here.lost == 1);
	assert_non_null(strstr(w.here.why.text, "certificate"));
	conn_close(&w.here.conn);
	conn_close(&w.there.conn);
	tls_context_destroy(w.client_tls);
	o.trusts_anybody = true;
	w.client.tls = w.client_tls = tls_client_create(&o, &err);
	connect_here();
	UNTIL(w.here.opened == 1);
}

/* Somebody cut the connection: what was read so far may not be all. */
static void an_end_without_goodbye_is_a_failure(void **state)
{
	(void)state;
	connect_here();
	UNTIL(w.here.opened == 1 && w.there.opened == 1);
	shutdown(w.there.conn.fd, SHUT_WR);
	UNTIL(w.here.lost == 1);
	assert_int_not_equal(w.here.why.kind, ERROR_NONE);
}

/* OpenSSL's own socket functions would raise SIGPIPE, which would end the test. */
static void writing_to_a_peer_that_is_gone_is_an_error(void **state)
{
	size_t sent = 0;

	(void)state;
	connect_here();
	UNTIL(w.here.opened == 1 && w.there.opened == 1);
	signal(SIGPIPE, SIG_DFL);
	conn_pause(&w.here.conn, true);
	conn_close(&w.there.conn);
	for (int i = 0; i < 100 && w.here.conn.failure.kind == ERROR_NONE; i++) {
		send_part(&w.here, &sent, 1000);
		conn_flush(&w.here.conn);
	}
	UNTIL(w.here.lost == 1);
	assert_int_equal(w.here.why.os_errno, EPIPE);
}

static void a_peer_that_speaks_no_tls_is_a_failure(void **state)
{
	(void)state;
	w.server.tls = NULL;
	connect_here();
	UNTIL(w.there.conn.state == CONN_OPEN && w.there.got > 0);
	assert_true(conn_send(&w.there.conn, "220 hello\r\n", 11));
	UNTIL(w.here.lost == 1);
	assert_non_null(strstr(w.here.why.text, "TLS"));
	w.there.is_right = true;
}

static void a_peer_that_never_greets_is_given_up_at_the_deadline(void **state)
{
	(void)state;
	w.server.tls = NULL;
	w.client.timeout_ns = SECOND_NS / 20;
	connect_here();
	UNTIL(w.here.lost == 1);
	assert_int_equal(w.here.why.kind, ERROR_TIMEOUT);
	assert_int_equal(w.here.opened, 0);
}

static void files_that_are_no_certificates_are_configuration_errors(void **state)
{
	struct error err;
	const struct tls_options missing = { .ca_file = "/nowhere/ca.pem" };
	const struct tls_options none = { 0 };

	(void)state;
	assert_null(tls_client_create(&missing, &err));
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_non_null(strstr(err.text, "/nowhere/ca.pem"));
	assert_null(tls_server_create(&none, &err));
	assert_int_equal(err.kind, ERROR_CONFIG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways_at_once_through_small_buffers),
		TEST(the_end_of_one_side_leaves_the_other_its_say),
		TEST(a_peer_with_another_name_is_refused),
		TEST(a_certificate_that_nobody_vouches_for_is_refused_unless_anybody_is_trusted),
		TEST(an_end_without_goodbye_is_a_failure),
		TEST(writing_to_a_peer_that_is_gone_is_an_error),
		TEST(a_peer_that_speaks_no_tls_is_a_failure),
		TEST(a_peer_that_never_greets_is_given_up_at_the_deadline),
		TEST(files_that_are_no_certificates_are_configuration_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void a_build_without_openssl_says_so(void **state)
{
	const struct tls_options o = { 0 };
	struct error err;

	(void)state;
	assert_false(tls_is_built());
	assert_null(tls_client_create(&o, &err));
	assert_int_equal(err.kind, ERROR_UNSUPPORTED);
	assert_null(tls_server_create(&o, &err));
	assert_non_null(strstr(err.text, "without OpenSSL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_build_without_openssl_says_so) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
