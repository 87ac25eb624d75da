/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_produce -- Produce and InitProducerId.
 *
 * A request is looked through first, and either all of it finds room or it waits as a whole: what is
 * handled again later has left nothing behind.
 */
#include "broker/requests/api.h"
#include "broker/state.h"
#include "kafka/batch.h"
#include "kafka/wire.h"

/* How soon a request that found no room looks again. */
#define ROOM_RETRY_NS UINT64_C(5000000)

/* In front of the topics.  Returns acks. */
static int16_t read_front(struct request *req)
{
	if (req->version >= 3)
		(void)read_string(&req->body); /* transactional id */
	int16_t acks = read_i16(&req->body);
	(void)read_i32(&req->body); /* timeout: nothing is replicated */
	return acks;
}

bool produce_is_one_way(const struct request *req)
{
	struct request peek = *req;

	return read_front(&peek) == 0 && !peek.body.broken;
}

/* Chunks that all of it takes; breaks `body` when it is malformed. */
static size_t count_chunks(struct state *b, struct reader *body)
{
	size_t chunks = 0;

	for (size_t topics = read_count(body, 6); topics > 0 && !body->broken; topics--) {
		struct kafka_string name = read_string(body);
		for (size_t parts = read_count(body, 8); parts > 0 && !body->broken; parts--) {
			int32_t index = read_i32(body);
			struct kafka_string records = read_kafka_bytes(body);
			struct partition *p = topics_partition(&b->store.topics, name, index);
			if (p != NULL)
				chunks += log_chunks_needed(&p->log, records.len) + 1;
		}
	}
	return chunks;
}

struct appended {
	enum kafka_error error;
	int64_t base_offset; /* of the first batch; -1 */
};

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

static int64_t store(struct state *b, struct partition *p, const struct batch *batch)
{
	struct log_batch entry = {
		.len = batch->len,
		.messages = batch->messages,
		.max_timestamp_ms = batch->max_timestamp_ms,
	};

	b->counts.batches++;
	b->counts.produced += batch->messages;
	b->counts.produced_bytes += batch->len;
	return log_append(&p->log, &b->store.pool, batch->data, &entry);
}

static enum kafka_error append(struct state *b, struct partition *p, const struct batch *batch,
                               uint64_t now_ns, int64_t *offset)
{
	bool is_known;
	enum kafka_error error = check_sequence(p, batch, offset, &is_known);

	if (error != KAFKA_NONE || is_known)
		return error;
	switch (faults_batch(b->faults, now_ns)) {
	case BATCH_REFUSED:
		b->counts.refused += batch->messages;
		return KAFKA_NOT_LEADER_OR_FOLLOWER;
	case BATCH_LOST:
		b->counts.lost += batch->messages;
		*offset = log_skip(&p->log, batch->messages);
		break;
	case BATCH_DOUBLED:
		b->counts.duplicated += batch->messages;
		*offset = store(b, p, batch);
		store(b, p, batch);
		break;
	case BATCH_GOOD:
		*offset = store(b, p, batch);
		break;
	}
	if (batch->producer >= 0)
		producers_note(&p->producers, batch, *offset);
	return KAFKA_NONE;
}

static enum kafka_error error_of(enum batch_status status)
{
	return status == BATCH_OLD ? KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT : KAFKA_CORRUPT_MESSAGE;
}

/* All batches for one partition, up to the first that is refused. */
static struct appended append_all(struct state *b, const struct topic *topic, struct partition *p,
                                  struct kafka_string records, uint64_t now_ns)
{
	struct appended out = { .base_offset = -1 };
	struct reader r = reader_over(records.data, records.len);
	struct batch batch;
	enum batch_status status;

	while ((status = batch_read(&r, b->options.check_crcs, &batch)) == BATCH_OK) {
		int64_t offset = -1;
		if (batch.messages != batch.offsets) {
			status = BATCH_CORRUPT;
			break;
		}
		out.error = batch.len <= topic->max_batch_bytes
		                    ? append(b, p, &batch, now_ns, &offset)
		                    : KAFKA_MESSAGE_TOO_LARGE;
		if (out.error != KAFKA_NONE)
			break;
		if (out.base_offset < 0)
			out.base_offset = offset;
	}
	if (status != BATCH_OK && status != BATCH_END)
		out.error = error_of(status);
	else if (out.error == KAFKA_NONE && out.base_offset < 0)
		out.error = KAFKA_CORRUPT_MESSAGE; /* no batch at all */
	if (out.error != KAFKA_NONE)
		out.base_offset = -1;
	wait_list_wake(&p->data);
	return out;
}

static void produce_partition(struct state *b, struct request *req, struct kafka_string name,
                              uint64_t now_ns, struct writer *out)
{
	struct appended done = { .error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION, .base_offset = -1 };
	int32_t index = read_i32(&req->body);
	struct kafka_string records = read_kafka_bytes(&req->body);
	struct topic *topic = topics_find(&b->store.topics, name);
	struct partition *p = topic_partition(topic, index);

	if (p != NULL)
		done = append_all(b, topic, p, records, now_ns);
	write_i32(out, index);
	write_i16(out, (int16_t)done.error);
	write_i64(out, done.base_offset);
	if (req->version >= 2)
		write_i64(out, -1); /* the messages keep the time of their producer */
	if (req->version >= 5)
		write_i64(out, p != NULL ? p->log.start : -1);
}

static void produce_all(struct state *b, struct request *req, uint64_t now_ns, struct writer *out)
{
	size_t topics = read_count(&req->body, 6);

	write_u32(out, (uint32_t)topics);
	for (; topics > 0; topics--) {
		struct kafka_string name = read_string(&req->body);
		size_t parts = read_count(&req->body, 8);
		write_string_n(out, name);
		write_u32(out, (uint32_t)parts);
		for (; parts > 0; parts--)
			produce_partition(b, req, name, now_ns, out);
	}
	if (req->version >= 1)
		write_u32(out, 0); /* throttle time */
}

/* Whatever happens, it would never fit. */
static bool is_too_large(const struct state *b, size_t chunks)
{
	return chunks > b->store.pool.count;
}

enum handled handle_produce(struct state *b, struct request *req, uint64_t now_ns,
                            struct writer *out)
{
	int16_t acks = read_front(req);
	struct reader body = req->body;
	size_t chunks = count_chunks(b, &body);

	if (body.broken)
		return HANDLED_BAD;
	if (b->options.faults_count > 0)
		chunks *= 2; /* batches may be stored twice */
	if (is_too_large(b, chunks)) {
		notice_tell(&b->options.notices,
		            "%s: a request of %zu bytes is larger than the memory", req->peer,
		            reader_left(&req->body));
		return HANDLED_BAD;
	}
	if (!store_make_room(&b->store, chunks, now_ns)) {
		b->counts.blocked += req->visits == 0;
		sleeper_wait_until(&req->sleeper, now_ns + ROOM_RETRY_NS);
		return HANDLED_WAIT;
	}
	produce_all(b, req, now_ns, out);
	return acks == 0 ? HANDLED_SILENT : HANDLED_REPLY;
}

enum handled handle_init_producer_id(struct state *b, struct request *req, uint64_t now_ns,
                                     struct writer *out)
{
	struct kafka_string transactional = read_string(&req->body);
	bool refused = transactional.data != NULL; /* there are no transactions */

	(void)now_ns;
	(void)read_i32(&req->body); /* timeout of transactions */
	if (req->body.broken)
		return HANDLED_BAD;
	write_u32(out, 0); /* throttle time */
	write_i16(out, (int16_t)(refused ? KAFKA_INVALID_REQUEST : KAFKA_NONE));
	write_i64(out, refused ? -1 : b->next_producer_id++);
	write_i16(out, refused ? -1 : 0);
	return HANDLED_REPLY;
}
