/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The consuming side of the loopback driver.
 *
 * Credit bounds what is on its way: half of it used up is granted again.  What a consumer says
 * (credit, commits) is little and the broker always reads it, so a write that does not go out at
 * once goes out with the next.  The descriptor to wait on is the socket itself.
 */

#include <assert.h>
#include <stdlib.h>

#include "driver/loopback/client.h"
#include "net/socket.h"
#include "stats/claims.h"
#include "util/file.h"
#include "util/xalloc.h"

#define IN_BYTES       ((size_t)262144)
#define OUT_BYTES      ((size_t)4096)
#define READ_BYTES     ((size_t)65536)
#define BUFFER_MAX     (2 * (size_t)LOOP_FRAME_MAX)
#define PARTITIONS_MAX 1000000

/* --- what it says -------------------------------------------------------------------------------- */

static void write_out(struct loopback_consumer *c)
{
	if (!c->is_lost)
		socket_send(c->fd, &c->out); /* a hang-up wakes the serving path */
}

static void grant(struct loopback_consumer *c, uint64_t bytes)
{
	size_t at = loop_frame_open(&c->out, LOOP_CREDIT);

	loop_put_u32(&c->out, (uint32_t)bytes);
	loop_frame_close(&c->out, at);
}

static void grant_again(struct loopback_consumer *c)
{
	if (c->used < c->config->max_buffer_bytes / 2)
		return;
	grant(c, c->used);
	c->used = 0;
	write_out(c);
}

static void say_hello(struct loopback_consumer *c, const struct consumer_spec *spec)
{
	size_t at = loop_frame_open(&c->out, LOOP_HELLO);

	loop_put_u32(&c->out, LOOP_WIRE_MAGIC);
	loop_frame_close(&c->out, at);
	at = loop_frame_open(&c->out, LOOP_SUBSCRIBE);
	loop_put_text(&c->out, spec->topic);
	loop_put_text(&c->out, spec->subscription);
	loop_frame_close(&c->out, at);
	grant(c, c->config->max_buffer_bytes);
}

bool loopback_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec,
                            int *fd, struct error *err)
{
	struct loopback_instance *lc = instance;
	struct loopback_consumer *c = consumer;

	*c = (struct loopback_consumer){
		.core = lc->core,
		.config = lc->config,
		.owner = spec->owner,
		.fd = -1,
	};
	if (buffer_init(&c->in, IN_BYTES, BUFFER_MAX, err) &&
	    buffer_init(&c->out, OUT_BYTES, BUFFER_MAX, err))
		c->fd = loop_address_connect(&lc->address, err);
	if (c->fd < 0) {
		buffer_fini(&c->in);
		buffer_fini(&c->out);
		return false;
	}
	say_hello(c, spec);
	write_out(c);
	*fd = c->fd;
	return true;
}

void loopback_consumer_close(void *consumer)
{
	struct loopback_consumer *c = consumer;

	write_out(c);
	file_close(c->fd);
	buffer_fini(&c->in);
	buffer_fini(&c->out);
	free(c->positions);
	free(c->moved);
}

void loopback_consumer_commit(void *consumer)
{
	struct loopback_consumer *c = consumer;
	struct loop_batch batch = { 0 };

	if (c->moved_count == 0 || c->is_lost)
		return;
	loop_batch_open(&batch, &c->out, LOOP_COMMIT);
	for (uint32_t i = 0; i < c->moved_count; i++) {
		struct loopback_position *position = &c->positions[c->moved[i]];
		loop_put_u32(&c->out, c->moved[i]);
		loop_put_u64(&c->out, position->next);
		position->is_moved = false;
	}
	batch.count = c->moved_count;
	loop_batch_close(&batch, &c->out);
	c->moved_count = 0;
	write_out(c);
}

bool loopback_consumer_ask(void *consumer, enum consumer_wish wish, struct error *err)
{
	struct loopback_consumer *c = consumer;
	bool paused = wish == CONSUMER_PAUSE;

	(void)err;
	c->is_paused = paused;
	/* The answer to RESUME is what makes the descriptor readable again: what came before the
	 * pause may still lie in the buffer or in the socket. */
	loop_put_frame(&c->out, paused ? LOOP_PAUSE : LOOP_RESUME);
	write_out(c);
	return true;
}

/* --- what it hears ------------------------------------------------------------------------------- */

static void lose(struct loopback_consumer *c, const char *reason)
{
	c->is_lost = true;
	c->run_left = 0;
	c->core->event(c->owner, DRIVER_EVENT_CONNECTION, reason);
	c->core->event(c->owner, DRIVER_EVENT_FATAL, reason);
	c->core->assigned(c->owner, 0);
}

static void note_position(struct loopback_consumer *c, uint32_t partition, uint64_t next)
{
	struct loopback_position *position = &c->positions[partition];

	position->next = next;
	if (!position->is_moved) {
		position->is_moved = true;
		c->moved[c->moved_count++] = partition;
	}
}

static bool header_of(const struct received *m, size_t i, struct header *out)
{
	const struct loop_tail *tail = m->native;
	struct loop_reader r = {
		.at = tail->headers,
		.end = (const unsigned char *)tail->headers + tail->headers_len,
	};
	struct loop_header h;

	do
		if (!loop_read_header(&r, &h))
			return false;
	while (i-- > 0);
	*out = (struct header){ h.name, h.value, h.value_len };
	return true;
}

/* Delivers messages of the frame in hand. */
static unsigned deliver(struct loopback_consumer *c, unsigned max)
{
	struct loop_delivered d;
	struct loop_tail tail;
	unsigned done = 0;

	while (c->run_left > 0 && done < max) {
		if (!loop_read_delivered(&c->run, &d) ||
		    !loop_tail_read(d.tail, d.tail_len, &tail)) {
			lose(c, "the loopback broker sent a malformed frame");
			return done;
		}
		const struct received m = {
			.payload = d.payload,
			.payload_len = d.payload_len,
			.key = tail.key,
			.key_len = tail.key_len,
			.partition = (int32_t)c->run_partition,
			.redelivery = d.redelivered ? REDELIVERY_YES : REDELIVERY_NO,
			.broker_ms = d.broker_ms,
			.header = tail.headers_len > 0 ? header_of : NULL,
			.native = &tail,
		};
		c->run_left--;
		c->run_offset++;
		c->used += d.payload_len + d.tail_len + LOOP_DELIVERED_BYTES;
		note_position(c, c->run_partition, c->run_offset);
		done++;
		c->core->received(c->owner, &m);
	}
	if (c->run_left == 0 && c->run_bytes > 0) {
		buffer_consume(&c->in, c->run_bytes);
		c->run_bytes = 0;
	}
	return done;
}

static void take_assignment(struct loopback_consumer *c, struct loop_reader *body)
{
	uint32_t all = loop_read_u32(body);
	uint32_t mine = loop_read_u32(body);

	if (body->broken || all > PARTITIONS_MAX || mine > all) {
		lose(c, "the loopback broker sent a malformed assignment");
		return;
	}
	if (c->positions == NULL) {
		/* Once, before anything is delivered. */
		c->positions = xcalloc((size_t)all + 1, sizeof(*c->positions));
		c->moved = xcalloc((size_t)all + 1, sizeof(*c->moved));
		c->partitions = all;
	} else {
		c->core->event(c->owner, DRIVER_EVENT_REBALANCE, "partitions were dealt again");
	}
	c->core->assigned(c->owner, mine);
}

static void take_run(struct loopback_consumer *c, const struct loop_frame *f)
{
	c->run = f->body;
	c->run_left = loop_read_u32(&c->run);
	c->run_partition = loop_read_u32(&c->run);
	c->run_offset = loop_read_u64(&c->run);
	c->run_bytes = f->bytes;
	if (c->run.broken || c->run_partition >= c->partitions)
		lose(c, "the loopback broker sent a malformed frame");
}

static void obey_frame(struct loopback_consumer *c, struct loop_frame *f)
{
	char text[LOOP_NAME_MAX + 1];

	switch (f->type) {
	case LOOP_DELIVER:
		take_run(c, f);
		return; /* consumed when all of it is delivered */
	case LOOP_ASSIGNED:
		take_assignment(c, &f->body);
		break;
	case LOOP_RESUMED:
		break;
	case LOOP_REFUSED:
		lose(c, loop_read_text(&f->body, text) ? text : "refused by the loopback broker");
		break;
	default:
		lose(c, "the loopback broker sent an unexpected frame");
		break;
	}
	buffer_consume(&c->in, f->bytes);
}

/* Takes the next frame in hand.  False: there is none. */
static bool next_frame(struct loopback_consumer *c)
{
	struct loop_frame f;
	struct error err;

	for (;;) {
		switch (loop_frame_parse(c->in.data + c->in.head, buffer_pending(&c->in), &f,
		                         &err)) {
		case LOOP_FRAME_COMPLETE:
			obey_frame(c, &f);
			return true;
		case LOOP_FRAME_BAD:
			lose(c, err.text);
			return false;
		case LOOP_FRAME_MORE:
			break;
		}
		enum io io = socket_receive(c->fd, &c->in, READ_BYTES);
		c->core->looked(c->owner);
		if (io_is_over(io))
			lose(c, "the connection to the loopback broker is lost");
		if (io != IO_DONE)
			return false;
	}
}

unsigned loopback_consumer_serve(void *consumer, unsigned max)
{
	struct loopback_consumer *c = consumer;
	unsigned served = 0;

	while (!c->is_lost && !c->is_paused && served < max) {
		served += deliver(c, max - served);
		if (c->is_lost || c->run_left > 0 || !next_frame(c))
			break;
	}
	grant_again(c);
	return served;
}

/* What was read from the socket; the kernel's is not looked at. */
void loopback_consumer_claims(void *consumer, struct claims *out)
{
	struct loopback_consumer *c = consumer;

	claims_say(out, CLAIM_QUEUE_MESSAGES, c->run_left);
	claims_say(out, CLAIM_QUEUE_BYTES, buffer_pending(&c->in));
}
