/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/broker_child.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker_harness.h"
#include "net/bytes.h"

static int connect_to(int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* A Produce of one batch for partition 0 of "t"; waits for its answer. */
static void produce(int fd)
{
	const struct test_batch batch = { .messages = 1, .len = 60000, .producer = -1 };
	struct writer body = { 0 }, frame = { 0 };
	char answer[512];

	write_i16(&body, 0);
	write_i16(&body, 2);
	write_i32(&body, 1);
	write_string(&body, "test");
	write_i16(&body, -1);
	write_i32(&body, 1000);
	write_u32(&body, 1);
	write_string(&body, "t");
	write_u32(&body, 1);
	write_i32(&body, 0);
	write_u32(&body, batch.len);
	write_test_batch(&body, &batch);
	write_u32(&frame, (uint32_t)body.len);
	write_bytes(&frame, body.data, body.len);
	assert_int_equal(send(fd, frame.data, frame.len, 0), (ssize_t)frame.len);
	assert_true(recv(fd, answer, sizeof(answer), 0) > 0);
	writer_fini(&body);
	writer_fini(&frame);
}

/* Metadata 0, which creates the topic. */
static void create_topic(int fd)
{
	static const uint8_t frame[] = { 0, 0, 0, 17, 0, 3, 0, 0, 0, 0,  0,
		                         1, 0, 0, 0,  0, 0, 1, 0, 1, 't' };
	char answer[512];

	assert_int_equal(send(fd, frame, sizeof(frame), 0), (ssize_t)sizeof(frame));
	assert_true(recv(fd, answer, sizeof(answer), 0) > 0);
}

static void what_it_dropped_is_known_when_it_is_stopped(void **state)
{
	static const struct {
		int batches;
		bool kept_all;
	} cases[] = { { 3, true }, { 40, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct broker_options o;
		struct broker_child child;
		struct error err = { 0 };
		broker_options_init(&o);
		o.memory_bytes = (size_t)1 << 20;
		o.full = BROKER_DROP_OLDEST;
		assert_true(broker_child_start(&o, &child, &err));
		int fd = connect_to(child.port);
		create_topic(fd);
		for (int k = 0; k < cases[i].batches; k++)
			produce(fd);
		close(fd);
		broker_child_stop(&child);
		assert_int_equal(child.counts.produced, cases[i].batches);
		assert_int_equal(child.counts.dropped == 0, cases[i].kept_all);
		assert_int_equal(broker_child_kept_all(&child, &err), cases[i].kept_all);
		assert_int_equal(strstr(err.text, "messages that a consumer had not had") == NULL,
		                 cases[i].kept_all);
		broker_child_stop(&child); /* once more does nothing */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_dropped_is_known_when_it_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
