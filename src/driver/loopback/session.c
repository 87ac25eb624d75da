/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loopback/session.h"

#include <assert.h>
#include <stdlib.h>

/* Address space only: pages cost when they are touched. */
#define BUFFER_AT_FIRST ((size_t)262144)
#define BUFFER_MAX      ((size_t)LOOP_FRAME_MAX * 2)

/* No more is put into `out` while so much waits there: the rest stays in the core, where every
 * group shares it. */
#define OUT_ENOUGH      262144

/* A batch is closed beyond this, so that the other side can begin with it. */
#define BATCH_BYTES     65536

bool loop_session_init(struct loop_session *s, struct loop_core *core, uint64_t id,
                       struct error *err)
{
	*s = (struct loop_session){ .core = core, .id = id };
	if (buffer_init(&s->in, BUFFER_AT_FIRST, BUFFER_MAX, err) &&
	    buffer_init(&s->out, BUFFER_AT_FIRST, BUFFER_MAX, err))
		return true;
	buffer_fini(&s->in);
	return false;
}

void loop_session_fini(struct loop_session *s)
{
	if (s->member != NULL)
		loop_core_leave(s->core, s->member);
	loop_list_remove(&s->link);
	buffer_fini(&s->in);
	buffer_fini(&s->out);
}

void loop_session_seal(struct loop_session *s)
{
	loop_batch_close(&s->batch, &s->out);
}

/* --- answers ------------------------------------------------------------------------------------- */

static void answer(struct loop_session *s, enum loop_frame_type type, enum loop_done status,
                   const char *text)
{
	loop_session_seal(s);

	size_t at = loop_frame_open(&s->out, type);
	if (type == LOOP_DONE)
		loop_put_u8(&s->out, (uint8_t)status);
	loop_put_text(&s->out, text);
	loop_frame_close(&s->out, at);
}

static void refuse(struct loop_session *s, const char *what, const char *name)
{
	struct error err;

	error_set(&err, ERROR_BROKER, "%s \"%s\"", what, name);
	answer(s, LOOP_REFUSED, LOOP_DONE_FAILED, err.text);
}

static void batch_grew(struct loop_session *s)
{
	s->batch.count++;
	if (buffer_pending(&s->out) - s->batch.at > BATCH_BYTES)
		loop_session_seal(s);
}

void loop_session_ack(struct loop_session *s, const struct loop_ack *ack)
{
	if (!s->batch.is_open)
		loop_batch_open(&s->batch, &s->out, LOOP_ACKS);
	loop_put_u32(&s->out, (uint32_t)ack->partition << 1 | ack->acknowledged);
	batch_grew(s);
}

void loop_session_busy(struct loop_session *s, bool on)
{
	loop_session_seal(s);

	size_t at = loop_frame_open(&s->out, LOOP_BUSY);
	loop_put_u8(&s->out, on);
	loop_frame_close(&s->out, at);
}

static void tell_assignment(struct loop_session *s)
{
	uint32_t partitions;

	if (!loop_member_take_assignment(s->member, &partitions))
		return;
	loop_session_seal(s);
	size_t at = loop_frame_open(&s->out, LOOP_ASSIGNED);
	loop_put_u32(&s->out, loop_topic_partitions(s->topic));
	loop_put_u32(&s->out, partitions);
	loop_frame_close(&s->out, at);
}

static void deliver(struct loop_session *s, const struct loop_delivery *d)
{
	bool goes_on =
		s->batch.is_open && d->partition == s->run_partition && d->offset == s->run_next;

	if (!goes_on) {
		loop_session_seal(s);
		loop_batch_open(&s->batch, &s->out, LOOP_DELIVER);
		loop_put_u32(&s->out, d->partition);
		loop_put_u64(&s->out, d->offset);
		s->run_partition = d->partition;
	}
	s->run_next = d->offset + 1;
	loop_put_delivered(&s->out, &(struct loop_delivered){
					    .payload = d->payload,
					    .tail = d->tail,
					    .payload_len = d->payload_len,
					    .tail_len = d->tail_len,
					    .broker_ms = d->broker_ms,
					    .redelivered = d->redelivered,
				    });
	batch_grew(s);
}

void loop_session_pump(struct loop_session *s, uint64_t now_ns)
{
	struct loop_delivery d;

	if (s->member == NULL)
		return;
	tell_assignment(s);
	while (!s->is_paused && s->credit > 0 && buffer_pending(&s->out) < OUT_ENOUGH &&
	       loop_core_fetch(s->core, s->member, now_ns, &d)) {
		s->credit -= (int64_t)d.payload_len + d.tail_len + LOOP_DELIVERED_BYTES;
		deliver(s, &d);
	}
}

/* --- administration ------------------------------------------------------------------------------ */

static void create_topics(struct loop_session *s, struct loop_reader *body)
{
	char name[LOOP_NAME_MAX + 1];
	struct error err;

	for (uint32_t left = loop_read_u32(body); left > 0; left--) {
		if (!loop_read_text(body, name))
			return;
		uint32_t partitions = loop_read_u32(body);
		if (body->broken)
			return;
		if (!loop_core_create_topic(s->core, name, partitions, &err)) {
			answer(s, LOOP_DONE, LOOP_DONE_FAILED, err.text);
			return;
		}
	}
	answer(s, LOOP_DONE, LOOP_DONE_OK, "");
}

static void delete_topics(struct loop_session *s, struct loop_reader *body)
{
	char name[LOOP_NAME_MAX + 1];

	for (uint32_t left = loop_read_u32(body); left > 0; left--) {
		if (!loop_read_text(body, name))
			return;
		loop_core_delete_topic(s->core, name);
	}
	answer(s, LOOP_DONE, LOOP_DONE_OK, "");
}

static void delete_groups(struct loop_session *s, struct loop_reader *body)
{
	char topic[LOOP_NAME_MAX + 1], name[LOOP_NAME_MAX + 1];
	struct error err = { 0 };

	for (uint32_t left = loop_read_u32(body); left > 0; left--) {
		if (!loop_read_text(body, topic) || !loop_read_text(body, name))
			return;
		if (!loop_core_delete_group(s->core, topic, name))
			error_set(&err, ERROR_BROKER, "group \"%s\" still has members", name);
	}
	answer(s, LOOP_DONE, err.kind == ERROR_NONE ? LOOP_DONE_OK : LOOP_DONE_RETRY, err.text);
}

static void list_name(void *to, const char *topic, const char *group)
{
	struct loop_session *s = to;

	loop_put_text(&s->out, group == NULL ? "" : topic);
	loop_put_text(&s->out, group == NULL ? topic : group);
	s->batch.count++;
}

static void list(struct loop_session *s, struct loop_reader *body)
{
	char prefix[LOOP_NAME_MAX + 1];

	if (!loop_read_text(body, prefix))
		return;
	loop_batch_open(&s->batch, &s->out, LOOP_NAMES);
	loop_core_list(s->core, prefix, list_name, s);
	loop_session_seal(s);
}

/* --- producers ----------------------------------------------------------------------------------- */

static void open_producer(struct loop_session *s, struct loop_reader *body, uint64_t now_ns)
{
	char name[LOOP_NAME_MAX + 1];

	if (!loop_read_text(body, name))
		return;
	s->topic = loop_core_topic(s->core, name);
	if (s->topic == NULL) {
		refuse(s, "there is no topic", name);
		return;
	}
	s->kind = LOOP_SESSION_PRODUCER;
	if (loop_core_refuses_sends(s->core, now_ns))
		loop_session_busy(s, true);
}

/* Gives the messages in hand to the core, as far as it takes them. */
static void produce(struct loop_session *s, uint64_t now_ns)
{
	struct loop_message m;
	struct loop_receipt receipt;

	s->is_full = false;
	while (s->left_count > 0 && !s->is_cut) {
		struct loop_reader before = s->left;
		if (!loop_read_message(&s->left, &m))
			return;
		struct loop_incoming in = {
			.topic = s->topic,
			.owner = s->id,
			.partition = -1,
			.payload = m.payload,
			.payload_len = m.payload_len,
			.key = m.key,
			.headers = m.headers,
			.key_len = m.key_len,
			.headers_len = m.headers_len,
		};
		if (loop_core_append(s->core, &in, now_ns, &receipt) == LOOP_FULL) {
			s->left = before;
			s->is_full = true;
			return;
		}
		s->is_cut = receipt.drop_connection;
		s->left_count--;
	}
}

static void take_produce(struct loop_session *s, struct loop_reader *body, uint64_t now_ns)
{
	s->left_count = loop_read_u32(body);
	s->left = *body;
	produce(s, now_ns);
	body->broken = s->left.broken;
}

/* --- consumers ----------------------------------------------------------------------------------- */

static void subscribe(struct loop_session *s, struct loop_reader *body)
{
	char topic[LOOP_NAME_MAX + 1], group[LOOP_NAME_MAX + 1];

	if (!loop_read_text(body, topic) || !loop_read_text(body, group))
		return;
	s->topic = loop_core_topic(s->core, topic);
	if (s->topic == NULL) {
		refuse(s, "there is no topic", topic);
		return;
	}
	s->kind = LOOP_SESSION_CONSUMER;
	s->member = loop_core_join(s->core, s->topic, group, s);
}

static void commit(struct loop_session *s, struct loop_reader *body)
{
	for (uint32_t left = loop_read_u32(body); left > 0 && !body->broken; left--) {
		uint32_t partition = loop_read_u32(body);
		uint64_t offset = loop_read_u64(body);
		if (!body->broken)
			loop_core_commit(s->core, s->member, partition, offset);
	}
}

static void pause_delivery(struct loop_session *s, bool paused)
{
	s->is_paused = paused;
	if (paused)
		return;
	loop_session_seal(s);
	loop_put_frame(&s->out, LOOP_RESUMED);
}

/* --- frames -------------------------------------------------------------------------------------- */

static bool obey_idle(struct loop_session *s, struct loop_frame *f, uint64_t now_ns)
{
	switch (f->type) {
	case LOOP_CREATE_TOPICS:
		create_topics(s, &f->body);
		return true;
	case LOOP_DELETE_TOPICS:
		delete_topics(s, &f->body);
		return true;
	case LOOP_DELETE_GROUPS:
		delete_groups(s, &f->body);
		return true;
	case LOOP_LIST:
		list(s, &f->body);
		return true;
	case LOOP_OPEN_PRODUCER:
		open_producer(s, &f->body, now_ns);
		return true;
	case LOOP_SUBSCRIBE:
		subscribe(s, &f->body);
		return true;
	/* What comes behind a request that was refused, before the answer is read. */
	case LOOP_PRODUCE:
	case LOOP_CREDIT:
	case LOOP_COMMIT:
	case LOOP_PAUSE:
	case LOOP_RESUME:
		return true;
	default:
		return false;
	}
}

static bool obey_consumer(struct loop_session *s, struct loop_frame *f)
{
	switch (f->type) {
	case LOOP_CREDIT:
		s->credit += loop_read_u32(&f->body);
		return true;
	case LOOP_COMMIT:
		commit(s, &f->body);
		return true;
	case LOOP_PAUSE:
	case LOOP_RESUME:
		pause_delivery(s, f->type == LOOP_PAUSE);
		return true;
	default:
		return false;
	}
}

/* False: this frame has no meaning here. */
static bool obey(struct loop_session *s, struct loop_frame *f, uint64_t now_ns)
{
	switch (s->kind) {
	case LOOP_SESSION_NEW:
		if (f->type != LOOP_HELLO || loop_read_u32(&f->body) != LOOP_WIRE_MAGIC)
			return false;
		s->kind = LOOP_SESSION_IDLE;
		return true;
	case LOOP_SESSION_IDLE:
		return obey_idle(s, f, now_ns);
	case LOOP_SESSION_PRODUCER:
		if (f->type != LOOP_PRODUCE)
			return false;
		take_produce(s, &f->body, now_ns);
		return true;
	case LOOP_SESSION_CONSUMER:
		return obey_consumer(s, f);
	}
	abort();
}

/* True: the frame in hand, if any, is done with. */
static bool finish_frame(struct loop_session *s, uint64_t now_ns)
{
	struct loop_frame f;
	struct error err;

	if (!s->is_full)
		return true;
	produce(s, now_ns);
	if (s->is_full || s->is_cut)
		return false;
	if (loop_frame_parse(s->in.data + s->in.head, buffer_pending(&s->in), &f, &err) !=
	    LOOP_FRAME_COMPLETE)
		abort(); /* it was complete when it was taken in hand */
	buffer_consume(&s->in, f.bytes);
	return true;
}

bool loop_session_input(struct loop_session *s, uint64_t now_ns, struct error *err)
{
	struct loop_frame f;

	if (!finish_frame(s, now_ns))
		return !s->is_cut || error_set(err, ERROR_BROKER, "cut off by the script");
	if (s->left.broken)
		return error_set(err, ERROR_PROTOCOL, "a malformed frame of messages");

	for (;;) {
		switch (loop_frame_parse(s->in.data + s->in.head, buffer_pending(&s->in), &f,
		                         err)) {
		case LOOP_FRAME_MORE:
			return true;
		case LOOP_FRAME_BAD:
			return false;
		case LOOP_FRAME_COMPLETE:
			break;
		}
		if (!obey(s, &f, now_ns))
			return error_set(err, ERROR_PROTOCOL, "an unexpected frame %u", f.type);
		if (f.body.broken)
			return error_set(err, ERROR_PROTOCOL, "a malformed frame %u", f.type);
		if (s->is_cut)
			return error_set(err, ERROR_BROKER, "cut off by the script");
		if (s->is_full)
			return true;
		buffer_consume(&s->in, f.bytes);
	}
}
