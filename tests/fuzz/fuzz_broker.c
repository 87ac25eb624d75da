/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hostile clients of the embedded broker: its protocol, its handlers, its groups and its memory.
 *
 * The input is a play.  Its first byte picks the broker; then come acts:
 *
 *     0x00 u8           so many tens of milliseconds pass
 *     0x01 u8           a client (of 4) goes away and comes back
 *     0x02 u8 u16       the bytes that follow (u16 of them) are a frame of that client, as they are
 *     0x03 u8 api version u16   the same, with a good header in front
 *
 * A client whose request waits does not send another one.  None may crash, hang, leak or read what
 * is not there.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "net/bytes.h"

#define CLIENTS 4
#define PIECES  32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct play {
	struct broker *b;
	uint64_t now_ns;
	struct connection *clients[CLIENTS];
	uint8_t *frames[CLIENTS]; /* owned; of the requests under way */
	volatile uint8_t sum;     /* of answers, so that reading them is not left out */
};

static struct play play;

static void end(struct connection *c)
{
	for (int i = 0; i < CLIENTS; i++)
		if (play.clients[i] == c)
			play.clients[i] = NULL;
	broker_disconnect(play.b, c);
}

/* Every byte of it is there. */
static void read_answer(const struct connection *c)
{
	struct iovec pieces[PIECES];
	size_t all = broker_answer_bytes(c), at = 0;
	uint8_t sum = 0;

	while (at < all) {
		int n = broker_answer_pieces(c, at, pieces, PIECES);
		for (int i = 0; i < n; i++) {
			const uint8_t *bytes = pieces[i].iov_base;
			for (size_t k = 0; k < pieces[i].iov_len; k++)
				sum ^= bytes[k];
			at += pieces[i].iov_len;
		}
	}
	play.sum = sum;
}

static void take(struct connection *c, enum handled how)
{
	if (how == HANDLED_BAD) {
		end(c);
	} else if (how == HANDLED_REPLY) {
		read_answer(c);
		broker_answer_sent(c);
	}
}

static void step_all(void)
{
	struct connection *c;
	enum handled how;

	while ((c = broker_step(play.b, play.now_ns, &how)) != NULL)
		take(c, how);
	(void)broker_next_ns(play.b, play.now_ns);
}

static void notice(void *context, const char *text)
{
	(void)context;
	(void)strlen(text);
}

static void begin(uint8_t kind)
{
	static const int ports[2] = { 9092, 9093 };
	static struct fault faults[2] = {
		{ .kind = FAULT_LOSE, .of = 3 },
		{ .kind = FAULT_DUPLICATE, .of = 4 },
	};
	struct broker_options o;
	struct error err;

	broker_options_init(&o);
	o.memory_bytes = (size_t)512 * 1024;
	o.nodes = 1 + (kind & 1);
	o.full = (kind & 2) ? BROKER_DROP_OLDEST : BROKER_BLOCK;
	o.partitions = (kind & 4) ? 0 : 2;
	o.check_crcs = (kind & 8) != 0;
	o.group_delay_ns = (kind & 16) ? 100000000 : 0;
	o.faults = faults;
	o.faults_count = (kind & 32) ? 2 : 0;
	o.id_seed = 1; /* so that inputs can name members */
	o.topics_max = 8;
	o.partitions_max = 64;
	o.notices.tell = notice;
	play = (struct play){ .now_ns = 1000000000 };
	play.b = broker_create(&o, ports, play.now_ns, &err);
	if (play.b == NULL)
		abort();
	broker_add_topic(play.b, "t", 2, &err);
}

static struct connection *client(int i)
{
	if (play.clients[i] == NULL)
		play.clients[i] = broker_connect(play.b, 0, "fuzz", play.now_ns);
	return play.clients[i];
}

static void send_frame(int i, const struct writer *frame)
{
	struct connection *c = client(i);

	if (c == NULL || c->waits)
		return;
	/* Memory of just its size, so that one byte too many is seen. */
	free(play.frames[i]);
	play.frames[i] = malloc(frame->len > 0 ? frame->len : 1);
	if (play.frames[i] == NULL)
		abort();
	if (frame->len > 0)
		memcpy(play.frames[i], frame->data, frame->len);
	take(c, broker_frame(play.b, c, play.frames[i], frame->len, play.now_ns));
}

static void act(struct reader *r)
{
	struct writer frame = { 0 };
	uint8_t kind = read_u8(r) & 3, what = read_u8(r);

	if (kind == 0) {
		play.now_ns += what * UINT64_C(10000000);
	} else if (kind == 1) {
		if (play.clients[what % CLIENTS] != NULL)
			end(play.clients[what % CLIENTS]);
		(void)client(what % CLIENTS);
	} else {
		if (kind == 3) {
			write_i16(&frame, read_u8(r));
			write_i16(&frame, read_u8(r));
			write_i32(&frame, 1);
			write_i16(&frame, -1);
		}
		size_t len = read_u16(r);
		if (len > reader_left(r))
			len = reader_left(r);
		write_bytes(&frame, read_bytes(r, len), len);
		send_frame(what % CLIENTS, &frame);
	}
	writer_fini(&frame);
	step_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader r = reader_over(data, len);

	begin(read_u8(&r));
	while (reader_left(&r) > 0)
		act(&r);
	broker_destroy(play.b);
	for (int i = 0; i < CLIENTS; i++)
		free(play.frames[i]);
	return 0;
}
