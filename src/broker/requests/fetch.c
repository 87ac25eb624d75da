/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_fetch -- Fetch and ListOffsets.
 *
 * A fetch that finds less than its min_bytes waits on all its partitions, and is answered as soon as
 * something is appended to one of them.  Batches leave as they lie in the log, without a copy.
 */
#include "broker/requests/api.h"
#include "broker/state.h"
#include "kafka/wire.h"

/* Of one answer, whatever the client allows. */
#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

struct fetch {
	struct state *b;
	struct request *req;
	struct writer *out;
	uint64_t now_ns;
	int32_t max_wait_ms, min_bytes;
	size_t left;  /* bytes that the answer may still take */
	size_t bytes; /* of batches in the answer */
	bool failed;  /* some partition has an error: answered at once */
	bool stray;   /* it goes on with a session of another broker */
};

static void read_front(struct fetch *f)
{
	struct reader *r = &f->req->body;
	int16_t version = f->req->version;
	int32_t max_bytes = INT32_MAX;

	(void)read_i32(r); /* replica */
	f->max_wait_ms = read_i32(r);
	f->min_bytes = read_i32(r);
	if (version >= 3)
		max_bytes = read_i32(r);
	if (version >= 4)
		(void)read_u8(r); /* isolation level: there are no transactions */
	if (version >= 7) {
		/* There are no sessions here, every fetch is a full one.  One that is not would name
		 * only what has changed since. */
		int32_t session = read_i32(r), epoch = read_i32(r);
		f->stray = session != 0 && epoch > 0;
	}
	f->left = max_bytes > 0 && (size_t)max_bytes < ANSWER_MAX ? (size_t)max_bytes : ANSWER_MAX;
}

struct wanted {
	int32_t partition;
	int64_t offset;
	size_t max_bytes;
};

static struct wanted read_wanted(struct request *req)
{
	struct wanted w = { .partition = read_i32(&req->body) };

	if (req->version >= 9)
		(void)read_i32(&req->body); /* leader epoch */
	w.offset = read_i64(&req->body);
	if (req->version >= 5)
		(void)read_i64(&req->body); /* log start, of followers */
	int32_t max_bytes = read_i32(&req->body);
	w.max_bytes = max_bytes > 0 ? (size_t)max_bytes : 0;
	return w;
}

/* At least this many bytes in front of the next partition, for read_count. */
static size_t wanted_bytes(int16_t version)
{
	size_t bytes = 16;

	if (version >= 5)
		bytes += 8;
	if (version >= 9)
		bytes += 4;
	return bytes;
}

static void splice_bytes(struct fetch *f, const struct log *log, uint64_t position, size_t len)
{
	while (len > 0) {
		struct chunk *chunk;
		size_t part;
		const uint8_t *data = log_piece(log, position, len, &chunk, &part);
		request_splice(f->req, f->out, chunk, data, part);
		position += part;
		len -= part;
	}
}

/* Whole batches from the one with `offset` on.  The very first of an answer goes even if it is
 * larger than what was asked for: the client would be stuck in front of it.  Returns the offset
 * behind them. */
static int64_t write_batches(struct fetch *f, const struct log *log, const struct wanted *w)
{
	size_t count = log_batches(log), first = log_find(log, w->offset), bytes = 0;
	size_t limit = w->max_bytes < f->left ? w->max_bytes : f->left;
	int64_t next = w->offset;

	for (size_t i = first; i < count; i++) {
		const struct log_batch *batch = log_batch_at(log, i);
		bool is_first = f->bytes == 0 && bytes == 0;
		if (bytes + batch->len > limit && !is_first)
			break;
		bytes += batch->len;
		next = batch->base_offset + batch->messages;
		f->b->counts.fetched += batch->messages;
	}
	write_u32(f->out, (uint32_t)bytes);
	if (bytes > 0)
		splice_bytes(f, log, log_batch_at(log, first)->position, bytes);
	f->bytes += bytes;
	f->left -= bytes < f->left ? bytes : f->left;
	return next;
}

/* NULL: there are too many. */
static struct partition_reader *note_reader(struct fetch *f, struct partition *p, int64_t offset)
{
	struct state *b = f->b;
	const struct partition_reader seen = {
		.who = f->req->presence,
		.offset = offset,
		.next = offset,
		.end = p->log.end,
		.seen_ns = f->now_ns,
	};
	struct partition_reader *noted = readers_note(&p->readers, &seen);

	if (noted != NULL)
		return noted;
	b->counts.refused_readers++;
	if (!b->readers_told)
		notice_tell(&b->options.notices,
		            "%s: partitions have %zu readers already, more are refused",
		            f->req->peer, b->options.readers_max);
	b->readers_told = true;
	return NULL;
}

static enum kafka_error check_wanted(struct fetch *f, const struct partition *p,
                                     const struct wanted *w)
{
	if (p == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (w->offset >= p->log.start && w->offset <= p->log.end)
		return KAFKA_NONE;
	f->b->counts.late += w->offset >= 0 && w->offset < p->log.start;
	return KAFKA_OFFSET_OUT_OF_RANGE;
}

static void fetch_partition(struct fetch *f, struct kafka_string name)
{
	struct wanted w = read_wanted(f->req);
	struct partition *p = topics_partition(&f->b->store.topics, name, w.partition);
	enum kafka_error error = check_wanted(f, p, &w);
	int16_t version = f->req->version;
	struct partition_reader *reader = NULL;

	if (error == KAFKA_NONE) {
		reader = note_reader(f, p, w.offset);
		error = reader != NULL ? KAFKA_NONE : KAFKA_POLICY_VIOLATION;
	}
	f->failed |= error != KAFKA_NONE;

	write_i32(f->out, w.partition);
	write_i16(f->out, (int16_t)error);
	write_i64(f->out, p != NULL ? p->log.end : -1);
	if (version >= 4)
		write_i64(f->out, p != NULL ? p->log.end : -1); /* last stable offset */
	if (version >= 5)
		write_i64(f->out, p != NULL ? p->log.start : -1);
	if (version >= 4)
		write_i32(f->out, -1); /* no aborted transactions */
	if (version >= 11)
		write_i32(f->out, -1); /* no replica is nearer */
	if (reader != NULL)
		reader->next = write_batches(f, &p->log, &w);
	else
		write_u32(f->out, 0);
}

static void write_answer(struct fetch *f)
{
	struct reader *r = &f->req->body;

	if (f->req->version >= 1)
		write_u32(f->out, 0); /* throttle time */
	if (f->req->version >= 7) {
		write_i16(f->out, KAFKA_NONE);
		write_i32(f->out, 0); /* no session */
	}
	size_t topics = read_count(r, 6);
	write_u32(f->out, (uint32_t)topics);
	for (; topics > 0; topics--) {
		struct kafka_string name = read_string(r);
		size_t parts = read_count(r, wanted_bytes(f->req->version));
		write_string_n(f->out, name);
		write_u32(f->out, (uint32_t)parts);
		for (; parts > 0 && !r->broken; parts--)
			fetch_partition(f, name);
	}
}

static void wait_for_data(struct fetch *f, struct reader body)
{
	f->req->body = body;
	for (size_t topics = read_count(&f->req->body, 6); topics > 0; topics--) {
		struct kafka_string name = read_string(&f->req->body);
		size_t parts = read_count(&f->req->body, wanted_bytes(f->req->version));
		for (; parts > 0; parts--) {
			struct wanted w = read_wanted(f->req);
			struct partition *p =
				topics_partition(&f->b->store.topics, name, w.partition);
			if (p != NULL)
				sleeper_wait_on(&f->req->sleeper, &p->data);
		}
	}
}

static void refuse_stray(struct fetch *f)
{
	write_u32(f->out, 0); /* throttle time */
	write_i16(f->out, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
	write_i32(f->out, 0); /* no session */
	write_u32(f->out, 0); /* topics */
}

enum handled handle_fetch(struct state *b, struct request *req, uint64_t now_ns, struct writer *out)
{
	struct fetch f = { .b = b, .req = req, .out = out, .now_ns = now_ns };
	uint64_t fetched = b->counts.fetched;

	read_front(&f);
	req->presence->client = kafka_string_hash(
		(struct kafka_string){ .data = req->client_id, .len = req->client_id_len });
	if (f.stray) {
		refuse_stray(&f);
		return HANDLED_REPLY;
	}
	struct reader topics = req->body;
	write_answer(&f);
	if (req->body.broken)
		return HANDLED_BAD;

	uint64_t wait_ns = f.max_wait_ms > 0 ? (uint64_t)f.max_wait_ms * 1000000 : 0;
	bool enough = f.failed || f.min_bytes <= 0 || f.bytes >= (size_t)f.min_bytes;
	if (enough || now_ns - req->arrived_ns >= wait_ns) {
		b->counts.fetched_bytes += f.bytes;
		return HANDLED_REPLY;
	}
	b->counts.fetched = fetched;
	wait_for_data(&f, topics);
	sleeper_wait_until(&req->sleeper, req->arrived_ns + wait_ns);
	return HANDLED_WAIT;
}

/* --- ListOffsets ---------------------------------------------------------------------------------- */

#define TIME_LATEST   (-1)
#define TIME_EARLIEST (-2)

struct place {
	enum kafka_error error;
	int64_t timestamp, offset;
};

/* By time: the beginning of the first batch that has a message of that time or later. */
static struct place find_place(const struct partition *p, int64_t timestamp)
{
	struct place place = { .timestamp = -1, .offset = -1 };

	if (p == NULL) {
		place.error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	} else if (timestamp == TIME_LATEST) {
		place.offset = p->log.end;
	} else if (timestamp == TIME_EARLIEST) {
		place.offset = p->log.start;
	} else {
		size_t i = log_find_time(&p->log, timestamp);
		if (i < log_batches(&p->log)) {
			place.offset = log_batch_at(&p->log, i)->base_offset;
			place.timestamp = log_batch_at(&p->log, i)->max_timestamp_ms;
		}
	}
	return place;
}

static void list_partition(struct state *b, struct request *req, struct kafka_string name,
                           struct writer *out)
{
	int32_t index = read_i32(&req->body);
	int64_t timestamp = read_i64(&req->body);

	if (req->version == 0)
		(void)read_i32(&req->body); /* how many offsets: one */
	struct place place = find_place(topics_partition(&b->store.topics, name, index), timestamp);
	write_i32(out, index);
	write_i16(out, (int16_t)place.error);
	if (req->version == 0) {
		write_u32(out, place.offset >= 0 ? 1 : 0);
		if (place.offset >= 0)
			write_i64(out, place.offset);
		return;
	}
	write_i64(out, place.timestamp);
	write_i64(out, place.offset);
}

enum handled handle_list_offsets(struct state *b, struct request *req, uint64_t now_ns,
                                 struct writer *out)
{
	(void)now_ns;
	(void)read_i32(&req->body); /* replica */
	if (req->version >= 2) {
		(void)read_u8(&req->body); /* isolation level */
		write_u32(out, 0);         /* throttle time */
	}
	size_t topics = read_count(&req->body, 6);
	write_u32(out, (uint32_t)topics);
	for (; topics > 0 && !req->body.broken; topics--) {
		struct kafka_string name = read_string(&req->body);
		size_t parts = read_count(&req->body, 12);
		write_string_n(out, name);
		write_u32(out, (uint32_t)parts);
		for (; parts > 0 && !req->body.broken; parts--)
			list_partition(b, req, name, out);
	}
	return req->body.broken ? HANDLED_BAD : HANDLED_REPLY;
}
