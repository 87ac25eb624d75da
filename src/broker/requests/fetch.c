/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch -- Fetch and ListOffsets.
 *
 * A fetch that finds less than its min_bytes waits on all its partitions, and is answered as soon as
 * something is appended to one of them.  Batches leave as they lie in the log, without a copy.
 */
#include "broker/requests/append.h"
#include "broker/requests/call.h"
#include "kafka/messages/data.h"
#include "kafka/messages/positions.h"

/* Of one answer, whatever the client allows. */
#define ANSWER_MAX ((size_t)64 * 1024 * 1024)

struct fetch {
	struct call *c;
	size_t left;  /* bytes that the answer may still take */
	size_t bytes; /* of batches in the answer */
	uint64_t messages;
	bool failed; /* some partition has an error: answered at once */
};

/* Whole batches from the one with the wanted offset on.  The very first of an answer goes even if it
 * is larger than what was asked for: the client would be stuck in front of it.  Returns the offset
 * behind them. */
static int64_t take_batches(struct fetch *f, const struct log *log,
                            const struct kafka_fetch_partition *w, struct kafka_records *out)
{
	size_t count = log_batches(log), first = log_find(log, w->offset), bytes = 0;
	size_t wanted = w->max_bytes > 0 ? (size_t)w->max_bytes : 0;
	size_t limit = wanted < f->left ? wanted : f->left;
	int64_t next = w->offset;

	for (size_t i = first; i < count; i++) {
		const struct log_batch *batch = log_batch_at(log, i);
		bool is_first = f->bytes == 0 && bytes == 0;
		if (bytes + batch->len > limit && !is_first)
			break;
		bytes += batch->len;
		next = batch->base_offset + batch->offsets;
		f->messages += batch->messages;
	}
	if (bytes == 0)
		return next;
	struct log_span *span = kafka_memory_take(f->c->memory, sizeof(*span));
	*span = (struct log_span){ .log = log, .position = log_batch_at(log, first)->position };
	*out = (struct kafka_records){ .source = span, .len = bytes };
	f->bytes += bytes;
	f->left -= bytes < f->left ? bytes : f->left;
	return next;
}

/* NULL: there are too many. */
static struct partition_reader *note_reader(const struct call *c, struct partition *p,
                                            int64_t offset)
{
	struct state *s = c->state;
	const struct partition_reader seen = {
		.who = c->req->presence,
		.offset = offset,
		.next = offset,
		.end = p->log.end,
		.seen_ns = c->now_ns,
	};
	struct partition_reader *noted = readers_note(&p->readers, &seen);

	if (noted != NULL)
		return noted;
	s->counts.refused_readers++;
	if (!s->readers_told)
		notice_tell(&s->options.notices,
		            "%s: partitions have %zu readers already, more are refused",
		            c->req->peer, s->options.readers_max);
	s->readers_told = true;
	return NULL;
}

static enum kafka_error check_wanted(struct state *s, const struct partition *p, int64_t offset)
{
	if (p == NULL)
		return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	if (offset >= p->log.start && offset <= p->log.end)
		return KAFKA_NONE;
	s->counts.late += offset >= 0 && offset < p->log.start;
	return KAFKA_OFFSET_OUT_OF_RANGE;
}

static void fetch_partition(struct fetch *f, struct kafka_string name,
                            const struct kafka_fetch_partition *w,
                            struct kafka_fetched_partition *out)
{
	struct state *s = f->c->state;
	struct partition *p = topics_partition(&s->store.topics, name, w->index);
	if (p != NULL && p->held != NULL)
		append_overdue(f->c, topics_find(&s->store.topics, name), w->index);
	enum kafka_error error = check_wanted(s, p, w->offset);
	struct partition_reader *reader = NULL;

	if (error == KAFKA_NONE) {
		reader = note_reader(f->c, p, w->offset);
		error = reader != NULL ? KAFKA_NONE : KAFKA_POLICY_VIOLATION;
	}
	f->failed |= error != KAFKA_NONE;
	out->index = w->index;
	out->error = (int16_t)error;
	out->high_watermark = p != NULL ? p->log.end : -1;
	out->last_stable = out->high_watermark;
	out->log_start = p != NULL ? p->log.start : -1;
	out->records.data = (const uint8_t *)""; /* none, and not null */
	if (reader != NULL)
		reader->next = take_batches(f, &p->log, w, &out->records);
}

static void fetch_all(struct fetch *f, const struct kafka_fetch_request *in,
                      struct kafka_fetch_response *out)
{
	KAFKA_MAKE(out->topics, f->c->memory, &fetched_topic, in->topics.count);
	for (size_t i = 0; i < in->topics.count; i++) {
		const struct kafka_fetch_topic *from = &in->topics.items[i];
		struct kafka_fetched_topic *to = &out->topics.items[i];
		to->name = from->name;
		KAFKA_MAKE(to->partitions, f->c->memory, &fetched_partition,
		           from->partitions.count);
		for (size_t k = 0; k < from->partitions.count; k++)
			fetch_partition(f, from->name, &from->partitions.items[k],
			                &to->partitions.items[k]);
	}
}

static void wait_for_data(struct call *c, const struct kafka_fetch_request *in)
{
	for (size_t i = 0; i < in->topics.count; i++) {
		const struct kafka_fetch_topic *t = &in->topics.items[i];
		for (size_t k = 0; k < t->partitions.count; k++) {
			struct partition *p = topics_partition(&c->state->store.topics, t->name,
			                                       t->partitions.items[k].index);
			if (p != NULL)
				sleeper_wait_on(&c->req->sleeper, &p->data);
		}
	}
}

enum handled handle_fetch(struct call *c, const void *in, void *out)
{
	const struct kafka_fetch_request *request = in;
	struct kafka_fetch_response *answer = out;
	struct request *req = c->req;
	struct fetch f = { .c = c, .left = ANSWER_MAX };

	req->presence->client = kafka_string_hash(
		(struct kafka_string){ .data = req->client_id, .len = req->client_id_len });
	/* There are no sessions here, every fetch is a full one.  One that goes on with a session (of
	 * another broker) would name only what has changed since. */
	if (request->session != 0 && request->session_epoch > 0) {
		answer->error = KAFKA_FETCH_SESSION_ID_NOT_FOUND;
		return HANDLED_REPLY;
	}
	if (request->max_bytes > 0 && (size_t)request->max_bytes < ANSWER_MAX)
		f.left = (size_t)request->max_bytes;
	fetch_all(&f, request, answer);

	uint64_t wait_ns = request->max_wait_ms > 0 ? (uint64_t)request->max_wait_ms * 1000000 : 0;
	bool enough = f.failed || request->min_bytes <= 0 || f.bytes >= (size_t)request->min_bytes;
	if (enough || c->now_ns - req->arrived_ns >= wait_ns) {
		c->state->counts.fetched += f.messages;
		c->state->counts.fetched_bytes += f.bytes;
		return HANDLED_REPLY;
	}
	wait_for_data(c, request);
	sleeper_wait_until(&req->sleeper, req->arrived_ns + wait_ns);
	return HANDLED_WAIT;
}

/* --- ListOffsets ---------------------------------------------------------------------------------- */

/* By time: the beginning of the first batch that has a message of that time or later. */
static void find_place(const struct partition *p, int64_t timestamp,
                       struct kafka_found_partition *out)
{
	if (p == NULL) {
		out->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
	} else if (timestamp == KAFKA_TIME_LATEST) {
		out->offset = p->log.end;
	} else if (timestamp == KAFKA_TIME_EARLIEST) {
		out->offset = p->log.start;
	} else {
		size_t i = log_find_time(&p->log, timestamp);
		if (i < log_batches(&p->log)) {
			out->offset = log_batch_at(&p->log, i)->base_offset;
			out->timestamp = log_batch_at(&p->log, i)->max_timestamp_ms;
		}
	}
}

static void list_partition(const struct state *s, struct kafka_string name,
                           const struct kafka_find_partition *in, struct kafka_found_partition *out)
{
	out->index = in->index;
	find_place(topics_partition(&s->store.topics, name, in->index), in->timestamp, out);
	out->offsets.items = &out->offset; /* version 0 */
	out->offsets.count = out->offset >= 0 ? 1 : 0;
}

enum handled handle_list_offsets(struct call *c, const void *in, void *out)
{
	const struct kafka_list_offsets_request *request = in;
	struct kafka_list_offsets_response *answer = out;

	KAFKA_MAKE(answer->topics, c->memory, &found_topic, request->topics.count);
	for (size_t i = 0; i < request->topics.count; i++) {
		const struct kafka_find_topic *from = &request->topics.items[i];
		struct kafka_found_topic *to = &answer->topics.items[i];
		to->name = from->name;
		KAFKA_MAKE(to->partitions, c->memory, &found_partition, from->partitions.count);
		for (size_t k = 0; k < from->partitions.count; k++)
			list_partition(c->state, from->name, &from->partitions.items[k],
			               &to->partitions.items[k]);
	}
	return HANDLED_REPLY;
}
