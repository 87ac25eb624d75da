/* SPDX-License-Identifier: Apache-2.0 */
#include "broker_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 64

static void take_answer(struct broker_client *c)
{
	struct iovec pieces[PIECES];
	struct writer all = { 0 };
	size_t bytes = broker_answer_bytes(c->c);

	while (all.len < bytes) {
		int n = broker_answer_pieces(c->c, all.len, pieces, PIECES);
		for (int i = 0; i < n; i++)
			write_bytes(&all, pieces[i].iov_base, pieces[i].iov_len);
	}
	struct reader r = reader_over(all.data, all.len);
	if (read_u32(&r) != all.len - 4)
		abort(); /* the length in front is wrong */
	c->correlation = read_i32(&r);
	writer_clear(&c->answer);
	write_bytes(&c->answer, r.at, reader_left(&r));
	writer_fini(&all);
	broker_answer_sent(c->c);
	c->answers++;
}

static void finish(struct broker_harness *h, struct broker_client *c, enum handled how)
{
	c->how = how;
	if (how == HANDLED_REPLY)
		take_answer(c);
	if (how != HANDLED_BAD)
		return;
	broker_disconnect(h->b, c->c);
	c->c = NULL;
}

static void step_all(struct broker_harness *h)
{
	struct connection *c;
	enum handled how;

	while ((c = broker_step(h->b, h->now_ns, &how)) != NULL)
		finish(h, c->owner, how);
	(void)broker_next_ns(h->b, h->now_ns);
}

static void notice(void *context, const char *text)
{
	struct broker_harness *h = context;
	size_t len = strlen(h->notices);

	snprintf(h->notices + len, sizeof(h->notices) - len, "%s\n", text);
}

void broker_harness_init(struct broker_harness *h, const struct broker_options *options)
{
	static const int ports[BROKER_NODES_MAX] = { 9092, 9093, 9094, 9095 };
	struct broker_options o;
	struct error err;

	memset(h, 0, sizeof(*h));
	h->now_ns = 1000000000;
	broker_options_init(&o);
	o.memory_bytes = (size_t)4 << 20;
	if (options != NULL)
		o = *options;
	o.notices = (struct notices){ .tell = notice, .context = h };
	h->b = broker_create(&o, ports, h->now_ns, &err);
	if (h->b == NULL)
		abort();
}

void broker_harness_fini(struct broker_harness *h)
{
	broker_destroy(h->b);
	for (int i = 0; i < BROKER_CLIENTS_MAX; i++) {
		writer_fini(&h->clients[i].frame);
		writer_fini(&h->clients[i].answer);
	}
}

struct broker_client *broker_harness_connect(struct broker_harness *h, int i)
{
	struct broker_client *c = &h->clients[i];

	c->c = broker_connect(h->b, 0, "test", h->now_ns);
	if (c->c != NULL)
		c->c->owner = c;
	return c;
}

void broker_harness_send(struct broker_harness *h, struct broker_client *c)
{
	enum handled how = broker_frame(h->b, c->c, c->frame.data, c->frame.len, h->now_ns);

	finish(h, c, how);
	step_all(h);
}

void broker_harness_pass(struct broker_harness *h, uint64_t ns)
{
	h->now_ns += ns;
	step_all(h);
}

void request_begin(struct broker_client *c, int16_t api, int16_t version)
{
	static int32_t correlation = 100;

	writer_clear(&c->frame);
	write_i16(&c->frame, api);
	write_i16(&c->frame, version);
	write_i32(&c->frame, ++correlation);
	write_string(&c->frame, "test");
}

void write_test_batch(struct writer *w, const struct test_batch *b)
{
	write_i64(w, 0);
	write_u32(w, b->len - 12);
	write_i32(w, -1);
	write_u8(w, 2);
	write_u32(w, 0); /* checksum: only looked at when asked for */
	write_i16(w, 0);
	write_i32(w, (int32_t)b->messages - 1);
	write_i64(w, b->timestamp_ms);
	write_i64(w, b->timestamp_ms);
	write_i64(w, b->producer);
	write_i16(w, b->epoch);
	write_i32(w, b->sequence);
	write_i32(w, (int32_t)b->messages);
	memset(write_space(w, b->len - 61), b->fill, b->len - 61);
}

int16_t harness_create_topic(struct broker_harness *h, struct broker_client *c, const char *name,
                             int32_t partitions)
{
	request_begin(c, 19, 4);
	write_u32(&c->frame, 1);
	write_string(&c->frame, name);
	write_i32(&c->frame, partitions);
	write_i16(&c->frame, 1);
	write_u32(&c->frame, 0);
	write_u32(&c->frame, 0);
	write_i32(&c->frame, 1000);
	write_u8(&c->frame, 0);
	broker_harness_send(h, c);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	(void)read_u64(&r);
	(void)read_string(&r);
	return read_i16(&r);
}

int16_t harness_delete_topic(struct broker_harness *h, struct broker_client *c, const char *name)
{
	request_begin(c, 20, 1);
	write_u32(&c->frame, 1);
	write_string(&c->frame, name);
	write_i32(&c->frame, 1000);
	broker_harness_send(h, c);
	struct reader r = reader_over(c->answer.data, c->answer.len);
	(void)read_u64(&r);
	(void)read_string(&r);
	return read_i16(&r);
}

void write_produce_head(struct broker_client *c, const char *topic, int32_t partition, size_t len)
{
	request_begin(c, 0, 7);
	write_string(&c->frame, NULL);
	write_i16(&c->frame, -1);
	write_i32(&c->frame, 30000);
	write_u32(&c->frame, 1);
	write_string(&c->frame, topic);
	write_u32(&c->frame, 1);
	write_i32(&c->frame, partition);
	write_u32(&c->frame, (uint32_t)len);
}

void write_produce(struct broker_client *c, const char *topic, int32_t partition,
                   const struct test_batch *batch)
{
	write_produce_head(c, topic, partition, batch->len);
	write_test_batch(&c->frame, batch);
}

void harness_send_produce(struct broker_harness *h, struct broker_client *c, const char *topic,
                          int32_t partition, const struct test_batch *batch)
{
	write_produce(c, topic, partition, batch);
	broker_harness_send(h, c);
}

int16_t harness_read_produced(const struct broker_client *c, int64_t *offset)
{
	struct reader r = reader_over(c->answer.data, c->answer.len);

	(void)read_u32(&r);
	(void)read_string(&r);
	(void)read_u64(&r); /* count, index */
	int16_t error = read_i16(&r);
	*offset = read_i64(&r);
	return error;
}

int16_t harness_produce(struct broker_harness *h, struct broker_client *c, const char *topic,
                        int32_t partition, const struct test_batch *batch, int64_t *offset)
{
	harness_send_produce(h, c, topic, partition, batch);
	if (c->how != HANDLED_REPLY)
		return INT16_MIN;
	return harness_read_produced(c, offset);
}

void write_fetch(struct broker_client *c, const struct fetch_request *f)
{
	request_begin(c, 1, 11);
	write_i32(&c->frame, -1);
	write_i32(&c->frame, f->max_wait_ms);
	write_i32(&c->frame, f->min_bytes);
	write_i32(&c->frame, f->max_bytes);
	write_u8(&c->frame, 0);
	write_i32(&c->frame, 0);
	write_i32(&c->frame, -1);
	write_u32(&c->frame, 1);
	write_string(&c->frame, f->topic);
	write_u32(&c->frame, 1);
	write_i32(&c->frame, f->partition);
	write_i32(&c->frame, -1);
	write_i64(&c->frame, f->offset);
	write_i64(&c->frame, -1);
	write_i32(&c->frame, f->partition_max_bytes);
	write_u32(&c->frame, 0);
	write_string(&c->frame, "");
}

void harness_send_fetch(struct broker_harness *h, struct broker_client *c,
                        const struct fetch_request *f)
{
	write_fetch(c, f);
	broker_harness_send(h, c);
}

struct fetched harness_read_fetched(const struct broker_client *c)
{
	struct reader r = reader_over(c->answer.data, c->answer.len);
	struct fetched f;

	(void)read_bytes(&r, 4 + 2 + 4 + 4);
	(void)read_string(&r);
	(void)read_u64(&r); /* count, index */
	f.error = read_i16(&r);
	f.high_watermark = read_i64(&r);
	(void)read_i64(&r);
	f.log_start = read_i64(&r);
	(void)read_u64(&r); /* aborted, replica */
	f.records_len = read_u32(&r);
	f.records = read_bytes(&r, f.records_len);
	if (!reader_is_done(&r))
		abort(); /* the answer is not what it should be */
	return f;
}
