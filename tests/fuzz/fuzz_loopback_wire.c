/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hostile bytes on a connection of the loopback driver.  The first byte says who hears them: the
 * broker's session, a producer or a consumer.  None may crash, hang or read what is not there.
 */

#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver/loopback/client.h"
#include "driver/loopback/session.h"
#include "util/xalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void heard_by_broker(const uint8_t *data, size_t len)
{
	static const struct fault faults[] = {
		{ .kind = FAULT_LOSE, .of = 3 },
		{ .kind = FAULT_REORDER, .of = 4 },
		{ .kind = FAULT_DUPLICATE, .of = 5 },
		{ .kind = FAULT_CORRUPT, .of = 6 },
	};
	const struct loop_script script = {
		.delay_ns = 2,
		.max_bytes = 65536,
		.faults = faults,
		.faults_count = sizeof(faults) / sizeof(faults[0]),
	};
	struct loop_core *core = loop_core_create(&script, 0, 0);
	struct loop_session s;
	struct loop_ack ack;
	struct error err;

	if (!loop_session_init(&s, core, 1, &err))
		abort();
	bool ok = true;
	for (uint64_t now_ns = 1; ok && len > 0; now_ns++) {
		size_t piece = len < 100 ? len : 100; /* frames arrive in parts */
		unsigned char *at = buffer_reserve(&s.in, piece);
		for (size_t i = 0; i < piece; i++)
			at[i] = data[i];
		s.in.tail += piece;
		data += piece;
		len -= piece;
		ok = loop_session_input(&s, now_ns, &err);
		while (loop_core_take_ack(core, now_ns, &ack))
			loop_session_ack(&s, &ack);
		loop_session_pump(&s, now_ns);
		loop_session_seal(&s);
	}
	loop_session_fini(&s);
	loop_core_destroy(core);
}

static void sent(void *owner, uint64_t token, const struct sent_report *report)
{
	(void)owner;
	(void)token;
	(void)report;
}

static void received(void *owner, const struct received *m)
{
	unsigned char sum = 0;

	for (size_t i = 0; i < m->payload_len; i++) /* every byte of it is there */
		sum ^= ((const unsigned char *)m->payload)[i];
	for (size_t i = 0; i < m->key_len; i++)
		sum ^= (unsigned char)m->key[i];
	struct header h;
	for (size_t i = 0; m->header != NULL && m->header(m, i, &h); i++)
		for (size_t k = 0; k < h.value_len; k++)
			sum ^= ((const unsigned char *)h.value)[k];
	*(volatile unsigned char *)owner = sum;
}

static void assigned(void *owner, uint32_t partitions)
{
	(void)owner;
	(void)partitions;
}

static void event(void *owner, enum driver_event kind, const char *text)
{
	(void)owner;
	(void)kind;
	(void)text;
}

static void looked(void *owner)
{
	(void)owner;
}

static const struct driver_core core = {
	.sent = sent,
	.received = received,
	.looked = looked,
	.assigned = assigned,
	.event = event,
};

/* The other end of `to` is gone behind the bytes. */
static void say(int to, const uint8_t *data, size_t len)
{
	ssize_t n = send(to, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)n; /* what does not fit is not said */
	close(to);
}

static void heard_by_client(bool is_consumer, const uint8_t *data, size_t len)
{
	const struct loopback_config config = { .max_buffer_bytes = 65536, .max_in_flight = 8 };
	static unsigned char owner;
	struct error err;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		abort();
	if (is_consumer) {
		struct loopback_consumer c = {
			.core = &core, .config = &config, .owner = &owner, .fd = pair[0]
		};
		if (!buffer_init(&c.in, 4096, 1 << 20, &err) ||
		    !buffer_init(&c.out, 4096, 1 << 20, &err))
			abort();
		say(pair[1], data, len);
		while (loopback_consumer_serve(&c, 3) == 3)
			loopback_consumer_commit(&c);
		loopback_consumer_close(&c);
	} else {
		struct loopback_producer p = {
			.core = &core,
			.config = &config,
			.fd = pair[0],
			.epoll_fd = epoll_create1(0),
			.head = 8,
		};
		struct epoll_event ev = { .events = EPOLLIN };
		uint64_t tokens[8] = { 0 };
		p.tokens = tokens;
		if (!buffer_init(&p.in, 4096, 1 << 20, &err) ||
		    epoll_ctl(p.epoll_fd, EPOLL_CTL_ADD, p.fd, &ev) < 0)
			abort();
		say(pair[1], data, len);
		while (loopback_producer_serve(&p, 3) >= 3)
			;
		buffer_fini(&p.in);
		close(p.epoll_fd);
		close(p.fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0)
		return 0;
	if (data[0] % 3 == 0)
		heard_by_broker(data + 1, len - 1);
	else
		heard_by_client(data[0] % 3 == 1, data + 1, len - 1);
	return 0;
}
