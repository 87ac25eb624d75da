/* SPDX-License-Identifier: Apache-2.0 */
/*
 * produce -- Produce and InitProducerId.
 *
 * A request is looked through first, and either all of it finds room or it waits as a whole: what is
 * handled again later has left nothing behind.
 */
#include "broker/requests/append.h"
#include "broker/requests/call.h"
#include "kafka/batch.h"
#include "kafka/messages/data.h"

/* How soon a request that found no room looks again. */
#define ROOM_RETRY_NS UINT64_C(5000000)

/* Chunks that all of it takes. */
static size_t count_chunks(const struct state *s, const struct kafka_produce_request *in)
{
	size_t chunks = 0;

	for (size_t i = 0; i < in->topics.count; i++) {
		const struct kafka_produce_topic *t = &in->topics.items[i];
		for (size_t k = 0; k < t->partitions.count; k++) {
			const struct kafka_produce_partition *part = &t->partitions.items[k];
			struct partition *p =
				topics_partition(&s->store.topics, t->name, part->index);
			if (p == NULL)
				continue;
			size_t bytes = append_bytes_most(s, p, part->records.len);
			chunks += log_chunks_needed(&p->log, bytes) + 1;
		}
	}
	return chunks;
}

static enum kafka_error check_sequence(const struct partition *p, const struct batch *batch,
                                       int64_t *offset, bool *is_known)
{
	*is_known = false;
	if (batch->producer < 0)
		return KAFKA_NONE;
	switch (producers_check(&p->producers, batch, offset)) {
	case PRODUCERS_NEXT:
		return KAFKA_NONE;
	case PRODUCERS_DUPLICATE:
		*is_known = true;
		return KAFKA_NONE;
	case PRODUCERS_GAP:
		return KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER;
	case PRODUCERS_FENCED:
		return KAFKA_INVALID_PRODUCER_EPOCH;
	}
	return KAFKA_UNKNOWN_SERVER_ERROR;
}

static enum kafka_error append(struct call *c, struct topic *topic, int32_t partition,
                               const struct batch *batch, int64_t *offset)
{
	struct partition *p = topic_partition(topic, partition);
	bool is_known;
	enum kafka_error error = check_sequence(p, batch, offset, &is_known);

	if (error != KAFKA_NONE || is_known)
		return error;
	error = append_batch(c, topic, partition, batch, offset);
	if (batch->producer >= 0 && *offset >= 0) /* one that is denied is there all the same */
		producers_note(&p->producers, batch, *offset);
	return error;
}

static enum kafka_error error_of(enum batch_status status)
{
	return status == BATCH_OLD ? KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT : KAFKA_CORRUPT_MESSAGE;
}

/* All batches for one partition, up to the first that is refused. */
static void append_all(struct call *c, struct topic *topic, const struct kafka_records *records,
                       struct kafka_produced_partition *out)
{
	enum kafka_error error = KAFKA_NONE;
	struct reader r = reader_over(records->data, records->len);
	struct batch batch;
	enum batch_status status;

	while ((status = batch_read(&r, c->state->options.check_crcs, &batch)) == BATCH_OK) {
		int64_t offset = -1;
		if (batch.messages != batch.offsets)
			error = KAFKA_CORRUPT_MESSAGE; /* no producer leaves gaps */
		else if (batch.len > topic->max_batch_bytes)
			error = KAFKA_MESSAGE_TOO_LARGE;
		else
			error = append(c, topic, out->index, &batch, &offset);
		if (error != KAFKA_NONE)
			break;
		if (out->base_offset < 0)
			out->base_offset = offset;
	}
	if (status != BATCH_OK && status != BATCH_END)
		error = error_of(status);
	else if (error == KAFKA_NONE && out->base_offset < 0)
		error = KAFKA_CORRUPT_MESSAGE; /* no batch at all */
	if (error != KAFKA_NONE)
		out->base_offset = -1;
	out->error = (int16_t)error;
	wait_list_wake(&topic_partition(topic, out->index)->data);
}

/* The messages keep the time of their producer: append_time_ms stays -1. */
static void produce_partition(struct call *c, struct kafka_string name,
                              const struct kafka_produce_partition *in,
                              struct kafka_produced_partition *out)
{
	struct topic *topic = topics_find(&c->state->store.topics, name);
	struct partition *p = topic_partition(topic, in->index);

	out->index = in->index;
	out->base_offset = -1;
	out->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (p == NULL)
		return;
	append_all(c, topic, &in->records, out);
	out->log_start = p->log.start;
}

static void produce_all(struct call *c, const struct kafka_produce_request *in,
                        struct kafka_produce_response *out)
{
	KAFKA_MAKE(out->topics, c->memory, &produced_topic, in->topics.count);
	for (size_t i = 0; i < in->topics.count; i++) {
		const struct kafka_produce_topic *from = &in->topics.items[i];
		struct kafka_produced_topic *to = &out->topics.items[i];
		to->name = from->name;
		KAFKA_MAKE(to->partitions, c->memory, &produced_partition, from->partitions.count);
		for (size_t k = 0; k < from->partitions.count; k++)
			produce_partition(c, from->name, &from->partitions.items[k],
			                  &to->partitions.items[k]);
	}
}

/* Whatever happens, it would never fit. */
static bool is_too_large(const struct store *store, size_t chunks)
{
	return chunks > store->pool.count;
}

enum handled handle_produce(struct call *c, const void *in, void *out)
{
	const struct kafka_produce_request *request = in;
	struct state *s = c->state;
	size_t chunks = count_chunks(s, request);

	if (is_too_large(&s->store, chunks)) {
		notice_tell(&s->options.notices,
		            "%s: a request of %zu bytes is larger than the memory", c->req->peer,
		            reader_left(&c->req->body));
		return HANDLED_BAD;
	}
	if (!store_make_room(&s->store, chunks, c->now_ns)) {
		s->counts.blocked += c->req->visits == 0;
		sleeper_wait_until(&c->req->sleeper, c->now_ns + ROOM_RETRY_NS);
		return HANDLED_WAIT;
	}
	produce_all(c, request, out);
	return request->acks == 0 ? HANDLED_SILENT : HANDLED_REPLY;
}

enum handled handle_init_producer_id(struct call *c, const void *in, void *out)
{
	const struct kafka_init_producer_request *request = in;
	struct kafka_init_producer_response *answer = out;

	if (request->transactional_id.data != NULL) { /* there are no transactions */
		answer->error = KAFKA_INVALID_REQUEST;
		answer->epoch = -1;
	} else {
		answer->producer = c->state->next_producer_id++;
	}
	return HANDLED_REPLY;
}
