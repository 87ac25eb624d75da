/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The embedded broker on real sockets of this host: serve_run in a thread of its own, and clients that
 * do what no client library does.  The kernel's buffers on the broker's side are small (accept4 is
 * replaced), so that every large answer takes many writes.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/serve.h"
#include "broker_harness.h"
#include "util/file.h"

#define LIMIT_S   30 /* whatever is waited for */
#define BUFFER    4096
#define MIB       ((size_t)1 << 20)
#define FETCH_ALL ((int32_t)8 << 20)
#define CROWD     200

/* --- the broker --------------------------------------------------------------------------------- */

static struct {
	pthread_t thread;
	sem_t ready, starved;
	int stop_fd, port;
	bool ok;
	struct error err;
	struct broker_counts counts; /* once it has ended */
} served;

int __real_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);

int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	static const int bytes = BUFFER;
	int got = __real_accept4(fd, from, len, flags);
	int error = errno;

	if (got >= 0)
		setsockopt(got, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	errno = error;
	return got;
}

static bool prepare(void *context, struct broker *b, struct error *err)
{
	(void)context;
	return broker_add_topic(b, "t", 1, err) && broker_add_topic(b, "empty", 1, err);
}

static void ready(void *context, const int *ports, int count)
{
	(void)context;
	(void)count;
	served.port = ports[0];
	sem_post(&served.ready);
}

static void told(void *context, const char *text)
{
	(void)context;
	if (strstr(text, "new clients wait until others go") != NULL)
		sem_post(&served.starved);
}

static void *serve(void *arg)
{
	struct serve_options o = {
		.stop_fd = served.stop_fd,
		.prepare = prepare,
		.ready = ready,
	};

	(void)arg;
	broker_options_init(&o.broker);
	o.broker.memory_bytes = 32 * MIB;
	o.broker.notices = (struct notices){ .tell = told };
	served.ok = serve_run(&o, &served.counts, &served.err);
	sem_post(&served.ready); /* who waits hears of a failure */
	return NULL;
}

static void wait_for(sem_t *what)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_S;
	while (sem_timedwait(what, &until) != 0)
		assert_int_equal(errno, EINTR);
}

static int begin(void **state)
{
	(void)state;
	memset(&served, 0, sizeof(served));
	sem_init(&served.ready, 0, 0);
	sem_init(&served.starved, 0, 0);
	served.stop_fd = eventfd(0, EFD_CLOEXEC);
	if (pthread_create(&served.thread, NULL, serve, NULL) != 0)
		return -1;
	wait_for(&served.ready);
	return served.port > 0 ? 0 : -1;
}

/* With whatever its clients have under way. */
static void end_broker(void)
{
	if (served.stop_fd < 0)
		return;
	assert_int_equal(eventfd_write(served.stop_fd, 1), 0);
	assert_int_equal(pthread_join(served.thread, NULL), 0);
	file_close(served.stop_fd);
	served.stop_fd = -1;
	if (!served.ok)
		fail_msg("%s", served.err.text);
}

static int end(void **state)
{
	(void)state;
	end_broker();
	sem_destroy(&served.ready);
	sem_destroy(&served.starved);
	return 0;
}

/* --- clients -------------------------------------------------------------------------------------- */

struct client {
	int fd;
	struct broker_client c; /* frames out, answers in */
};

static int socket_make(void)
{
	static const int bytes = BUFFER, on = 1;
	static const struct timeval limit = { .tv_sec = LIMIT_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void call(struct client *k, int fd)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)served.port),
	};

	*k = (struct client){ .fd = fd };
	assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
}

static void client_open(struct client *k)
{
	call(k, socket_make());
}

static void client_close(struct client *k)
{
	file_close(k->fd);
	writer_fini(&k->c.frame);
	writer_fini(&k->c.answer);
}

/* Its end is a reset, whatever is under way. */
static void client_reset(struct client *k)
{
	static const struct linger now = { .l_onoff = 1 };

	setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	client_close(k);
}

static void put(const struct client *k, const void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(k->fd, (const char *)data + at, len - at, MSG_NOSIGNAL);
		assert_true(n > 0);
		at += (size_t)n;
	}
}

/* The frame at hand with its length in front; freed by the next one. */
static struct writer wired(const struct client *k)
{
	struct writer w = { 0 };

	write_u32(&w, (uint32_t)k->c.frame.len);
	write_bytes(&w, k->c.frame.data, k->c.frame.len);
	return w;
}

static void client_send(struct client *k)
{
	struct writer w = wired(k);

	put(k, w.data, w.len);
	writer_fini(&w);
}

/* Reads so many bytes in steps of at most `step`. */
static void take(const struct client *k, void *to, size_t len, size_t step)
{
	for (size_t at = 0; at < len;) {
		size_t part = len - at < step ? len - at : step;
		ssize_t n = recv(k->fd, (char *)to + at, part, 0);
		assert_true(n > 0);
		at += (size_t)n;
	}
}

static void receive_slowly(struct client *k, size_t step)
{
	uint32_t len, correlation;

	take(k, &len, sizeof(len), step);
	len = ntohl(len);
	assert_true(len >= 4);
	take(k, &correlation, sizeof(correlation), step);
	k->c.correlation = (int32_t)ntohl(correlation);
	writer_clear(&k->c.answer);
	take(k, write_space(&k->c.answer, len - 4), len - 4, step);
}

static void receive(struct client *k)
{
	receive_slowly(k, SIZE_MAX);
}

/* The broker has closed the connection, in order or with a reset. */
static bool is_closed_by_broker(const struct client *k)
{
	char byte;
	ssize_t n = recv(k->fd, &byte, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Whatever came to the broker before is read when this returns: it is one thread, and asks the kernel
 * for what is ready in the order in which it came. */
static void barrier(struct client *k)
{
	request_begin(&k->c, 18, 0);
	client_send(k);
	receive(k);
}

static void write_message(struct client *k, uint32_t len, uint8_t fill)
{
	const struct test_batch batch = { .messages = 1, .len = len, .producer = -1, .fill = fill };

	write_produce(&k->c, "t", 0, &batch);
}

static int64_t read_offset(const struct client *k)
{
	int64_t offset;

	assert_int_equal(harness_read_produced(&k->c, &offset), 0);
	return offset;
}

static void produce(struct client *k, uint32_t len, uint8_t fill)
{
	write_message(k, len, fill);
	client_send(k);
	receive(k);
	(void)read_offset(k);
}

static void write_fetch_of(struct client *k, const char *topic, int32_t max_wait_ms)
{
	const struct fetch_request f = {
		.topic = topic,
		.max_wait_ms = max_wait_ms,
		.min_bytes = 1,
		.max_bytes = FETCH_ALL,
		.partition_max_bytes = FETCH_ALL,
	};

	write_fetch(&k->c, &f);
}

/* The answer holds `batches` of `len` bytes, each filled with its number. */
static void must_hold(const struct client *k, size_t batches, size_t len)
{
	struct fetched f = harness_read_fetched(&k->c);

	assert_int_equal(f.error, 0);
	assert_int_equal(f.records_len, batches * len);
	for (size_t i = 0; i < batches; i++)
		for (size_t at = 61; at < len; at++)
			if (f.records[i * len + at] != (uint8_t)i)
				fail_msg("batch %zu, byte %zu: %u", i, at, f.records[i * len + at]);
}

static int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* The broker lets go of connections until so many descriptors are open. */
static void wait_for_descriptors(struct client *k, int count)
{
	for (int i = 0; open_descriptors() != count; i++) {
		if (i > 10000)
			fail_msg("%d descriptors are open, not %d", open_descriptors(), count);
		barrier(k);
	}
}

/* --- frames in ------------------------------------------------------------------------------------ */

static void a_frame_split_at_any_byte_is_one_frame(void **state)
{
	struct client k, other;

	(void)state;
	client_open(&k);
	client_open(&other);
	barrier(&other);
	write_message(&k, 80, 1);
	struct writer w = wired(&k);
	for (size_t at = 1; at < w.len; at++) {
		put(&k, w.data, at);
		barrier(&other);
		put(&k, w.data + at, w.len - at);
		receive(&k);
		assert_int_equal(read_offset(&k), at - 1);
	}
	writer_fini(&w);
	client_close(&k);
	client_close(&other);
}

static void frames_that_come_byte_by_byte_and_many_at_once_are_answered_in_order(void **state)
{
	struct client k;
	struct writer all = { 0 };
	int32_t first = 0;

	(void)state;
	client_open(&k);
	for (int i = 0; i < 300; i++) {
		request_begin(&k.c, 18, 0);
		struct reader r = reader_over(k.c.frame.data + 4, 4);
		if (i == 0)
			first = read_i32(&r);
		struct writer w = wired(&k);
		write_bytes(&all, w.data, w.len);
		writer_fini(&w);
	}
	size_t by_byte = all.len / 10;
	for (size_t at = 0; at < by_byte; at++)
		put(&k, all.data + at, 1);
	put(&k, all.data + by_byte, all.len - by_byte);
	for (int i = 0; i < 300; i++) {
		receive(&k);
		assert_int_equal(k.c.correlation, first + i);
	}
	writer_fini(&all);
	client_close(&k);
}

static void a_frame_that_cannot_be_is_the_end_of_its_connection_alone(void **state)
{
	static const struct {
		uint8_t bytes[16];
		size_t len;
	} cases[] = {
		{ { 0x7f, 0xff, 0xff, 0xff }, 4 },                 /* too large */
		{ { 0xff, 0xff, 0xff, 0xff }, 4 },                 /* negative */
		{ { 0, 0, 0, 1, 0 }, 5 },                          /* no head */
		{ { 0, 0, 0, 8, 0x7f, 0, 0, 0, 0, 0, 0, 1 }, 12 }, /* no such request */
	};
	struct client other;

	(void)state;
	client_open(&other);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct client k;
		client_open(&k);
		put(&k, cases[i].bytes, cases[i].len);
		assert_true(is_closed_by_broker(&k));
		client_close(&k);
		barrier(&other);
	}
	client_close(&other);
}

/* --- answers out ---------------------------------------------------------------------------------- */

static void a_large_answer_leaves_in_parts_to_a_reader_who_takes_little_at_a_time(void **state)
{
	enum { BATCHES = 5, LEN = 200000 };
	struct client k;

	(void)state;
	client_open(&k);
	for (int i = 0; i < BATCHES; i++)
		produce(&k, LEN, (uint8_t)i);
	write_fetch_of(&k, "t", 0);
	client_send(&k);
	receive_slowly(&k, 777);
	must_hold(&k, BATCHES, LEN);
	client_close(&k);
}

/* Sends frames until the kernel takes no more; how many bytes it took. */
static size_t send_all_it_takes(const struct client *k, const struct writer *frame, size_t most)
{
	size_t sent = 0;

	while (sent < most) {
		size_t at = sent % frame->len;
		ssize_t n =
			send(k->fd, frame->data + at, frame->len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0) {
			assert_int_equal(errno, EAGAIN);
			break;
		}
		sent += (size_t)n;
	}
	return sent;
}

/* So much of what others send is in the kernel at most; what the broker takes besides is a defect. */
#define HELD_MOST (32 * MIB)

static void who_reads_nothing_is_not_read_from_and_holds_nobody_up(void **state)
{
	enum { LEN = 200000 };
	struct client k, other;

	(void)state;
	client_open(&k);
	client_open(&other);
	produce(&other, LEN, 0);
	write_fetch_of(&k, "t", 0);
	struct writer w = wired(&k);
	size_t sent = 0, before;
	do { /* until the broker has made no more room in a hundred of its turns */
		before = sent;
		sent += send_all_it_takes(&k, &w, HELD_MOST - sent);
		for (int i = 0; i < 100; i++)
			barrier(&other);
	} while (sent != before);
	assert_true(sent < HELD_MOST);
	assert_true(sent / w.len > 100);

	/* All that was sent whole is answered once it is read. */
	for (size_t i = 0; i < 50; i++) {
		receive(&k);
		must_hold(&k, 1, LEN);
	}
	client_close(&k);
	end_broker();
	/* It did the work of an answer when there was room for it, not before. */
	assert_true(served.counts.fetched <= 50 + 2 + 2 * MIB / LEN);
	writer_fini(&w);
	client_close(&other);
}

/* --- ends ----------------------------------------------------------------------------------------- */

static void what_was_sent_before_half_a_close_is_answered_and_then_closed(void **state)
{
	struct client k;

	(void)state;
	client_open(&k);
	for (int i = 0; i < 3; i++) {
		write_message(&k, 100000, (uint8_t)i);
		client_send(&k);
	}
	write_fetch_of(&k, "t", 0);
	client_send(&k);
	assert_int_equal(shutdown(k.fd, SHUT_WR), 0);
	for (int i = 0; i < 3; i++) {
		receive(&k);
		assert_int_equal(read_offset(&k), i);
	}
	receive_slowly(&k, 1000);
	must_hold(&k, 3, 100000);
	assert_true(is_closed_by_broker(&k));
	client_close(&k);
}

static void half_a_frame_before_half_a_close_is_the_end(void **state)
{
	struct client k;

	(void)state;
	client_open(&k);
	barrier(&k);
	put(&k, "\0\0\0\x40half", 8);
	assert_int_equal(shutdown(k.fd, SHUT_WR), 0);
	assert_true(is_closed_by_broker(&k));
	client_close(&k);
}

static void who_waits_for_messages_and_says_his_end_is_let_go(void **state)
{
	struct client k, other;

	(void)state;
	client_open(&other);
	client_open(&k);
	write_fetch_of(&k, "empty", LIMIT_S * 10 * 1000);
	client_send(&k);
	barrier(&other);
	assert_int_equal(shutdown(k.fd, SHUT_WR), 0);
	assert_true(is_closed_by_broker(&k));
	client_close(&k);
	client_close(&other);
}

static void resets_at_any_moment_cost_nobody_else_anything(void **state)
{
	enum { LEN = 200000 };
	struct client other;

	(void)state;
	client_open(&other);
	produce(&other, LEN, 0);
	int before = open_descriptors();
	for (int round = 0; round < 10; round++) {
		struct client half, answered, waits;
		client_open(&half); /* in a frame */
		write_message(&half, 1000, 0);
		struct writer w = wired(&half);
		put(&half, w.data, w.len / 2);
		writer_fini(&w);
		client_open(&answered); /* in an answer */
		write_fetch_of(&answered, "t", 0);
		client_send(&answered);
		char some[100];
		take(&answered, some, sizeof(some), sizeof(some));
		client_open(&waits); /* in a wait */
		write_fetch_of(&waits, "empty", LIMIT_S * 10 * 1000);
		client_send(&waits);
		barrier(&other);
		client_reset(&half);
		client_reset(&answered);
		client_reset(&waits);
	}
	wait_for_descriptors(&other, before);
	write_fetch_of(&other, "t", 0);
	client_send(&other);
	receive(&other);
	must_hold(&other, 1, LEN);
	client_close(&other);
}

static void a_broker_ends_whatever_its_clients_have_under_way(void **state)
{
	enum { LEN = 200000 };
	struct client half, answered, waits;

	(void)state;
	client_open(&answered);
	produce(&answered, LEN, 0);
	write_fetch_of(&answered, "t", 0);
	client_send(&answered);
	client_open(&waits);
	write_fetch_of(&waits, "empty", LIMIT_S * 10 * 1000);
	client_send(&waits);
	client_open(&half);
	put(&half, "\0\0\0\x40half", 8);
	end_broker();
	assert_true(is_closed_by_broker(&waits));
	assert_true(is_closed_by_broker(&half));
	client_close(&half);
	client_close(&answered);
	client_close(&waits);
}

/* --- many ----------------------------------------------------------------------------------------- */

static void many_connections_at_once_are_all_answered(void **state)
{
	static struct client crowd[CROWD];
	int64_t seen = 0;

	(void)state;
	for (int i = 0; i < CROWD; i++)
		client_open(&crowd[i]);
	for (int i = 0; i < CROWD; i++) {
		write_message(&crowd[i], 5000, (uint8_t)i);
		client_send(&crowd[i]);
	}
	for (int i = CROWD; i-- > 0;) {
		receive(&crowd[i]);
		seen += read_offset(&crowd[i]);
		client_close(&crowd[i]);
	}
	assert_int_equal(seen, CROWD * (CROWD - 1) / 2);
	end_broker();
	assert_int_equal(served.counts.connections, CROWD);
	assert_int_equal(served.counts.produced, CROWD);
}

/* Takes every descriptor below the limit; how many, in *taken. */
static int exhaust(int *taken, int most)
{
	int count = 0;

	while (count < most && (taken[count] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
		count++;
	assert_int_equal(errno, EMFILE);
	return count;
}

static void without_descriptors_new_clients_wait_and_others_do_not(void **state)
{
	enum { WAITING = 3, TAKEN_MOST = 256 };
	struct client other, waiting[WAITING];
	int sockets[WAITING], taken[TAKEN_MOST];
	struct rlimit before;

	(void)state;
	client_open(&other);
	barrier(&other);
	for (int i = 0; i < WAITING; i++)
		sockets[i] = socket_make();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	struct rlimit low = { .rlim_cur = (rlim_t)sockets[WAITING - 1] + 1,
		              .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	int count = exhaust(taken, TAKEN_MOST);
	for (int i = 0; i < WAITING; i++) {
		call(&waiting[i], sockets[i]); /* the kernel takes it for the broker */
		request_begin(&waiting[i].c, 18, 0);
		client_send(&waiting[i]);
	}
	wait_for(&served.starved);
	barrier(&other);
	for (int i = 0; i < WAITING; i++) {
		char byte;
		assert_int_equal(recv(waiting[i].fd, &byte, 1, MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (int i = 0; i < count; i++)
		close(taken[i]);
	for (int i = 0; i < WAITING; i++) {
		receive(&waiting[i]);
		client_close(&waiting[i]);
	}
	barrier(&other);
	client_close(&other);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_frame_split_at_any_byte_is_one_frame),
		CASE(frames_that_come_byte_by_byte_and_many_at_once_are_answered_in_order),
		CASE(a_frame_that_cannot_be_is_the_end_of_its_connection_alone),
		CASE(a_large_answer_leaves_in_parts_to_a_reader_who_takes_little_at_a_time),
		CASE(who_reads_nothing_is_not_read_from_and_holds_nobody_up),
		CASE(what_was_sent_before_half_a_close_is_answered_and_then_closed),
		CASE(half_a_frame_before_half_a_close_is_the_end),
		CASE(who_waits_for_messages_and_says_his_end_is_let_go),
		CASE(resets_at_any_moment_cost_nobody_else_anything),
		CASE(a_broker_ends_whatever_its_clients_have_under_way),
		CASE(many_connections_at_once_are_all_answered),
		CASE(without_descriptors_new_clients_wait_and_others_do_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
