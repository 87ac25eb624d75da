/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The producing side of the loopback driver.
 *
 * `send` collects messages in one open frame; the frame goes out when it is large enough to be worth
 * a system call, and at the latest with `flush`.  Answers come in the order of sending, so a ring
 * of tokens is all there is to remember.
 */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/loopback/client.h"
#include "net/socket.h"
#include "stats/claims.h"
#include "util/file.h"

/* A frame of messages is sent when it has so many bytes. */
#define BATCH_BYTES   ((size_t)65536)

#define IN_BYTES      ((size_t)65536)

/* Room for what is still found to be too much. */
#define HEADERS_BYTES (4 * (size_t)65536)

static size_t tokens_bytes(const struct loopback_producer *p)
{
	return (size_t)p->config->max_in_flight * sizeof(uint64_t);
}

/* --- the connection ------------------------------------------------------------------------------ */

static void watch(struct loopback_producer *p, int operation, uint32_t events)
{
	struct epoll_event ev = { .events = events };

	int status = epoll_ctl(p->epoll_fd, operation, p->fd, &ev);
	assert(status == 0); /* both descriptors are ours */
}

static void say_hello(struct loopback_producer *p, const char *topic)
{
	size_t at = loop_frame_open(&p->out, LOOP_HELLO);

	loop_put_u32(&p->out, LOOP_WIRE_MAGIC);
	loop_frame_close(&p->out, at);
	at = loop_frame_open(&p->out, LOOP_OPEN_PRODUCER);
	loop_put_text(&p->out, topic);
	loop_frame_close(&p->out, at);
}

static bool make_room(struct loopback_producer *p, struct error *err)
{
	/* Twice the limit: what waits is moved to the front only after as much was sent. */
	size_t out_bytes = 2 * (p->config->max_buffer_bytes + BATCH_BYTES);

	if (!buffer_init(&p->in, IN_BYTES, 2 * (size_t)LOOP_FRAME_MAX, err) ||
	    !buffer_init(&p->out, out_bytes, out_bytes, err) ||
	    !buffer_init(&p->headers, HEADERS_BYTES, HEADERS_BYTES, err))
		return false;
	void *tokens = mmap(NULL, tokens_bytes(p), PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (tokens == MAP_FAILED)
		return error_set_errno(err, errno, "mapping %u tokens", p->config->max_in_flight);
	p->tokens = tokens;
	return true;
}

static void release(struct loopback_producer *p)
{
	file_close(p->epoll_fd);
	file_close(p->fd);
	buffer_fini(&p->in);
	buffer_fini(&p->out);
	buffer_fini(&p->headers);
	if (p->tokens != NULL)
		munmap(p->tokens, tokens_bytes(p));
}

bool loopback_producer_open(void *instance, void *producer, const struct producer_spec *spec,
                            int *fd, struct error *err)
{
	struct loopback_instance *c = instance;
	struct loopback_producer *p = producer;

	*p = (struct loopback_producer){
		.core = c->core,
		.config = c->config,
		.owner = spec->owner,
		.fd = -1,
		.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
	};
	if (p->epoll_fd < 0) {
		error_set_errno(err, errno, "epoll_create1");
		goto failed;
	}
	if (!make_room(p, err))
		goto failed;
	p->fd = loop_address_connect(&c->address, err);
	if (p->fd < 0)
		goto failed;
	watch(p, EPOLL_CTL_ADD, EPOLLIN);
	say_hello(p, spec->topic);
	loopback_flush(p);
	*fd = p->epoll_fd;
	return true;
failed:
	release(p);
	return false;
}

/* --- sending ------------------------------------------------------------------------------------- */

/* A connection found lost here is dealt with in the serving path: its hang-up wakes that. */
static void write_out(struct loopback_producer *p)
{
	loop_batch_close(&p->batch, &p->out);

	bool is_blocked = socket_send(p->fd, &p->out) == IO_BLOCKED;
	if (is_blocked != p->is_blocked)
		watch(p, EPOLL_CTL_MOD, is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	p->is_blocked = is_blocked;
}

void loopback_flush(void *producer)
{
	struct loopback_producer *p = producer;

	if (!p->is_blocked && !p->is_lost && buffer_pending(&p->out) > 0)
		write_out(p);
}

static bool has_room(const struct loopback_producer *p, size_t bytes)
{
	size_t pending = buffer_pending(&p->out);

	return !p->is_refusing && p->head - p->tail < p->config->max_in_flight &&
	       (pending == 0 || pending + bytes <= p->config->max_buffer_bytes);
}

/* How many bytes they take; more than LOOP_HEADERS_MAX: too many. */
static size_t collect_headers(struct loopback_producer *p, const struct outgoing *m)
{
	buffer_consume(&p->headers, buffer_pending(&p->headers));
	for (size_t i = 0; i < m->headers_count; i++) {
		const struct header *h = &m->headers[i];
		size_t name_len = strlen(h->name);
		if (name_len + h->value_len > LOOP_HEADERS_MAX - 8)
			return LOOP_HEADERS_MAX + 1;
		loop_put_header(&p->headers, &(struct loop_header){
						     .name = h->name,
						     .value = h->value,
						     .name_len = (uint32_t)name_len,
						     .value_len = (uint32_t)h->value_len,
					     });
	}
	return p->headers.overflowed ? LOOP_HEADERS_MAX + 1 : buffer_pending(&p->headers);
}

enum send_status loopback_send(void *producer, const struct outgoing *m, uint64_t token,
                               struct error *err)
{
	struct loopback_producer *p = producer;
	size_t headers_len = m->headers_count == 0 ? 0 : collect_headers(p, m);
	size_t bytes = LOOP_MESSAGE_BYTES + m->key_len + headers_len + m->payload_len;

	if (p->is_lost) {
		error_set(err, ERROR_BROKER, "the connection to the loopback broker is lost");
		return SEND_FAILED;
	}
	if (bytes > p->config->max_buffer_bytes || m->payload_len > LOOP_PAYLOAD_MAX ||
	    m->key_len > LOOP_KEY_MAX || headers_len > LOOP_HEADERS_MAX) {
		error_set(err, ERROR_BROKER, "a message of %zu bytes is larger than maxBufferBytes",
		          bytes);
		return SEND_FAILED;
	}
	if (!has_room(p, bytes)) {
		loopback_flush(p);
		if (!has_room(p, bytes))
			return SEND_BUSY;
	}

	if (!p->batch.is_open)
		loop_batch_open(&p->batch, &p->out, LOOP_PRODUCE);
	loop_put_message(&p->out, &(struct loop_message){
					  .payload = m->payload,
					  .payload_len = (uint32_t)m->payload_len,
					  .key = m->key,
					  .headers = buffer_data(&p->headers),
					  .key_len = (uint32_t)m->key_len,
					  .headers_len = (uint32_t)headers_len,
				  });
	assert(!p->out.overflowed);
	p->batch.count++;
	p->tokens[p->head % p->config->max_in_flight] = token;
	p->head++;
	if (buffer_pending(&p->out) - p->batch.at >= BATCH_BYTES) {
		loop_batch_close(&p->batch, &p->out);
		loopback_flush(p);
	}
	return SEND_QUEUED;
}

/* --- answers ------------------------------------------------------------------------------------- */

static void report(struct loopback_producer *p, const struct sent_report *r)
{
	uint64_t token = p->tokens[p->tail % p->config->max_in_flight];

	p->tail++;
	if (p->tail == p->head)
		p->head = p->tail =
			0; /* few pages of the ring are ever touched at ordinary rates */
	p->core->sent(p->owner, token, r);
}

static void fail_all(struct loopback_producer *p, const char *reason)
{
	const struct sent_report failed = { .partition = -1, .reason = reason };

	while (p->tail != p->head)
		report(p, &failed);
}

static void lose(struct loopback_producer *p, const char *reason)
{
	if (p->is_lost)
		return;
	p->is_lost = true;
	p->acks_left = 0;
	epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, p->fd, NULL); /* it would stay readable for ever */
	p->core->event(p->owner, DRIVER_EVENT_CONNECTION, reason);
	p->core->event(p->owner, DRIVER_EVENT_FATAL, reason);
	fail_all(p, reason);
}

/* Reports acknowledgements of the frame in hand. */
static unsigned report_acks(struct loopback_producer *p, unsigned max)
{
	unsigned done = 0;

	while (p->acks_left > 0 && done < max) {
		uint32_t word = loop_read_u32(&p->acks);
		struct sent_report r = {
			.acknowledged = word & 1,
			.partition = (int32_t)(word >> 1),
			.reason = word & 1 ? NULL : "refused by the loopback broker",
		};
		if (p->acks.broken || p->tail == p->head) {
			lose(p, "the loopback broker sent a malformed frame");
			return done;
		}
		p->acks_left--;
		done++;
		report(p, &r);
	}
	if (p->acks_left == 0 && p->acks_bytes > 0) {
		buffer_consume(&p->in, p->acks_bytes);
		p->acks_bytes = 0;
	}
	return done;
}

static void obey_frame(struct loopback_producer *p, struct loop_frame *f)
{
	char text[LOOP_NAME_MAX + 1];

	switch (f->type) {
	case LOOP_ACKS:
		p->acks_left = loop_read_u32(&f->body);
		p->acks = f->body;
		p->acks_bytes = f->bytes;
		return; /* consumed when all of it is reported */
	case LOOP_BUSY:
		p->is_refusing = loop_read_u8(&f->body);
		break;
	case LOOP_REFUSED:
		lose(p, loop_read_text(&f->body, text) ? text : "refused by the loopback broker");
		break;
	default:
		lose(p, "the loopback broker sent an unexpected frame");
		break;
	}
	buffer_consume(&p->in, f->bytes);
}

/* Takes the next frame in hand.  False: there is none. */
static bool next_frame(struct loopback_producer *p)
{
	struct loop_frame f;
	struct error err;

	for (;;) {
		switch (loop_frame_parse(p->in.data + p->in.head, buffer_pending(&p->in), &f,
		                         &err)) {
		case LOOP_FRAME_COMPLETE:
			obey_frame(p, &f);
			return true;
		case LOOP_FRAME_BAD:
			lose(p, err.text);
			return false;
		case LOOP_FRAME_MORE:
			break;
		}
		enum io io = socket_receive(p->fd, &p->in, IN_BYTES / 2);
		p->core->looked(p->owner);
		if (io_is_over(io))
			lose(p, "the connection to the loopback broker is lost");
		if (io != IO_DONE)
			return false;
	}
}

unsigned loopback_producer_serve(void *producer, unsigned max)
{
	struct loopback_producer *p = producer;
	unsigned served = 0;

	if (p->is_blocked && !p->is_lost)
		write_out(p);
	while (!p->is_lost && served < max) {
		served += report_acks(p, max - served);
		if (p->is_lost || p->acks_left > 0 || !next_frame(p))
			break;
	}
	return served;
}

/* Messages without an answer, and bytes that wait for room in the socket. */
void loopback_producer_claims(void *producer, struct claims *out)
{
	struct loopback_producer *p = producer;

	claims_say(out, CLAIM_QUEUE_MESSAGES, p->head - p->tail);
	claims_say(out, CLAIM_QUEUE_BYTES, buffer_pending(&p->out));
}

void loopback_producer_close(void *producer)
{
	struct loopback_producer *p = producer;

	fail_all(p, "producer closed");
	release(p);
}
