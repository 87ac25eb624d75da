/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/requests/append.h"

#include <assert.h>
#include <string.h>

#include "kafka/record.h"

/* A message that waits to be overtaken does so no longer than this: without a next one it would never
 * be delivered. */
#define HOLD_NS             UINT64_C(1000000000)

/* In the place of a message. */
#define NOTHING             UINT32_MAX

/* A record that changes places with another one takes its offset, and may need a byte more for its
 * length; it has at least seven. */
#define REWRITTEN_MOST(len) ((len) + (len) / 7)

struct message {
	struct record record;
	unsigned struck; /* FAULT_BITs that are still to be done */
	uint32_t here;   /* which message stands in the place of this one, or NOTHING */
};

/* A batch that faults are looking at. */
struct planting {
	struct call *c;
	const struct topic *topic;
	struct partition *p;
	int32_t partition;
	const struct batch *batch;
	struct message *messages;
	struct fault_subject *who;
	size_t count;
	int64_t base; /* offset of the first */
};

static int64_t put(struct state *s, struct partition *p, const struct batch *batch)
{
	struct log_batch entry = {
		.len = batch->len,
		.offsets = batch->offsets,
		.messages = batch->messages,
		.max_timestamp_ms = batch->max_timestamp_ms,
	};

	s->counts.batches++;
	s->counts.produced += batch->messages;
	s->counts.produced_bytes += batch->len;
	return log_append(&p->log, &s->store.pool, batch->data, &entry);
}

size_t append_bytes_most(const struct state *s, const struct partition *p, size_t len)
{
	if (!faults_are_of_messages(s->faults))
		return len;
	/* Itself, a batch of copies, and what it overtakes. */
	return 2 * REWRITTEN_MOST(len) + held_bytes(p->held);
}

/* --- what is done is told ------------------------------------------------------------------------- */

static struct fault_event event_of(const struct planting *pl, enum fault_kind kind, int64_t offset)
{
	return (struct fault_event){
		.kind = kind,
		.topic = pl->topic->name,
		.partition = pl->partition,
		.offset = offset,
	};
}

static void tell(const struct planting *pl, enum fault_kind kind, size_t i, int64_t offset)
{
	struct fault_event event = event_of(pl, kind, offset);

	event.who = pl->who[i];
	fault_log_add(pl->c->state->options.fault_log, &event);
}

static void tell_overtaken(const struct planting *pl, const struct fault_subject *who,
                           const struct fault_subject *by, int64_t offset)
{
	struct fault_event event = event_of(pl, FAULT_REORDER, offset);

	event.who = *who;
	event.overtaken_by = *by;
	fault_log_add(pl->c->state->options.fault_log, &event);
	pl->c->state->counts.reordered++;
}

static void tell_piece(const struct planting *pl, enum fault_kind kind, int64_t offset)
{
	struct fault_event event = event_of(pl, kind, offset);

	event.messages = pl->batch->messages;
	fault_log_add(pl->c->state->options.fault_log, &event);
}

/* --- a batch that nobody looks into --------------------------------------------------------------- */

static void tell_that_it_is_whole(struct planting *pl, unsigned struck)
{
	const unsigned inside =
		FAULT_BIT(FAULT_REORDER) | FAULT_BIT(FAULT_CORRUPT) | FAULT_BIT(FAULT_SPOIL);
	struct state *s = pl->c->state;

	if ((struck & inside) == 0 || s->pieces_told)
		return;
	s->pieces_told = true;
	notice_tell(&s->options.notices,
	            "%s: batches that are compressed are not reordered and not damaged",
	            pl->c->req->peer);
}

static enum kafka_error append_piece(struct planting *pl, int64_t *offset)
{
	struct state *s = pl->c->state;
	unsigned struck = faults_strike(s->faults, pl->batch->messages, pl->c->now_ns);
	bool is_refused = (struck & FAULTS_OF_ANSWERS) != 0;

	if (is_refused)
		s->counts.refused += pl->batch->messages;
	if (struck & FAULT_BIT(FAULT_ERROR)) {
		tell_piece(pl, FAULT_ERROR, -1);
		return KAFKA_NOT_ENOUGH_REPLICAS;
	}
	tell_that_it_is_whole(pl, struck);
	if (struck & FAULT_BIT(FAULT_LOSE)) {
		s->counts.lost += pl->batch->messages;
		*offset = log_skip(&pl->p->log, pl->batch->offsets);
		tell_piece(pl, FAULT_LOSE, *offset);
	} else {
		*offset = put(s, pl->p, pl->batch);
		if (struck & FAULT_BIT(FAULT_DUPLICATE)) {
			s->counts.duplicated += pl->batch->messages;
			tell_piece(pl, FAULT_DUPLICATE, put(s, pl->p, pl->batch));
		}
	}
	if (is_refused)
		tell_piece(pl, FAULT_DENY, *offset);
	return is_refused ? KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND : KAFKA_NONE;
}

/* --- its messages --------------------------------------------------------------------------------- */

/* Headers in a form that can be written.  Each takes two bytes at least. */
static bool read_headers(struct planting *pl, struct record *r)
{
	if (r->headers_count > reader_left(&r->headers_read) / 2)
		return false;

	struct record_header *headers =
		kafka_memory_take(pl->c->memory, (r->headers_count + 1) * sizeof(*headers));
	size_t count = r->headers_count;
	for (size_t i = 0; i < count; i++)
		if (!record_next_header(r, &headers[i]))
			return false;
	r->headers = headers;
	r->headers_count = count;
	return true;
}

/* False: it is compressed, or its records are none. */
static bool look_into(struct planting *pl)
{
	const struct batch *b = pl->batch;
	struct record_reader r = record_reader_over(b);
	/* A record takes seven bytes at least. */
	size_t most = (b->len - BATCH_HEADER_BYTES) / 7;
	bool is_special = (b->attributes & (BATCH_APPEND_TIME | BATCH_CONTROL)) != 0;

	if (batch_codec(b) != BATCH_PLAIN || is_special || b->messages > most)
		return false;
	pl->messages = kafka_memory_take(pl->c->memory, b->messages * sizeof(*pl->messages));
	pl->who = kafka_memory_take(pl->c->memory, b->messages * sizeof(*pl->who));
	while (pl->count < b->messages && record_next(&r, &pl->messages[pl->count].record)) {
		struct record *record = &pl->messages[pl->count].record;
		if (record->offset != b->base_offset + (int64_t)pl->count ||
		    !read_headers(pl, record))
			return false;
		pl->who[pl->count] = fault_subject(record->value.data, record->value.len);
		pl->count++;
	}
	return pl->count == b->messages && reader_is_done(&r.left);
}

static bool strike(struct planting *pl)
{
	unsigned *struck = kafka_memory_take(pl->c->memory, pl->count * sizeof(*struck));
	bool any = false;

	faults_strike_each(pl->c->state->faults, pl->who, pl->count, pl->c->now_ns, struck);
	for (size_t i = 0; i < pl->count; i++) {
		pl->messages[i].struck = struck[i];
		pl->messages[i].here = (uint32_t)i;
		any |= struck[i] != 0;
	}
	return any;
}

static bool is_struck(const struct planting *pl, size_t i, enum fault_kind kind)
{
	return (pl->messages[i].struck & FAULT_BIT(kind)) != 0;
}

/* --- who stands where ----------------------------------------------------------------------------- */

static void lose(struct planting *pl)
{
	for (size_t i = 0; i < pl->count; i++) {
		if (!is_struck(pl, i, FAULT_LOSE))
			continue;
		pl->messages[i].here = NOTHING;
		pl->c->state->counts.lost++;
		tell(pl, FAULT_LOSE, i, pl->base + (int64_t)i);
	}
}

/* The next one of its producer in the batch; `count`: there is none. */
static size_t next_alike(const struct planting *pl, size_t i)
{
	size_t k = i + 1;

	while (k < pl->count && (pl->messages[k].here == NOTHING ||
	                         !fault_subjects_are_alike(&pl->who[i], &pl->who[k])))
		k++;
	return k;
}

static void change_places(struct planting *pl, size_t i, size_t k)
{
	pl->messages[i].here = (uint32_t)k;
	pl->messages[k].here = (uint32_t)i;
	pl->messages[k].struck &= ~FAULT_BIT(FAULT_REORDER); /* it has gone forward */
	tell_overtaken(pl, &pl->who[i], &pl->who[k], pl->base + (int64_t)k);
}

static void add(struct record_writer *w, const struct record *r)
{
	bool has_room = record_add(w, r);

	assert(has_room);
}

/* One message as a batch of its own.  Nothing else is done to it. */
static void hold_back(struct planting *pl, size_t i)
{
	const struct record *r = &pl->messages[i].record;
	struct batch head = { .producer = -1, .epoch = -1, .first_sequence = -1 };
	size_t bytes = BATCH_HEADER_BYTES + record_bytes(&(struct record_writer){ 0 }, r);
	struct held *h = held_add(&pl->p->held, &pl->who[i], pl->c->now_ns + HOLD_NS, bytes);
	struct record_writer w = record_writer_into(h->batch, bytes);

	add(&w, r);
	record_finish(&w, &head);
	pl->messages[i].here = NOTHING;
	pl->messages[i].struck &= FAULTS_OF_ANSWERS;
}

static void reorder(struct planting *pl)
{
	for (size_t i = 0; i < pl->count; i++) {
		if (!is_struck(pl, i, FAULT_REORDER) || pl->messages[i].here == NOTHING)
			continue;
		size_t k = next_alike(pl, i);
		if (k < pl->count)
			change_places(pl, i, k);
		else if (*held_find(&pl->p->held, &pl->who[i]) == NULL)
			hold_back(pl, i);
	}
}

/* --- writing -------------------------------------------------------------------------------------- */

static bool damage(struct planting *pl, size_t i, enum fault_kind kind, void *value, size_t len)
{
	return is_struck(pl, i, kind) && fault_damage(kind, value, len);
}

/* As it is stored, at this offset. */
static struct record damaged(struct planting *pl, size_t i, int64_t offset)
{
	struct broker_counts *counts = &pl->c->state->counts;
	struct record r = pl->messages[i].record;

	if (!is_struck(pl, i, FAULT_SPOIL) && !is_struck(pl, i, FAULT_CORRUPT))
		return r;
	char *value = kafka_memory_take(pl->c->memory, r.value.len + 1);
	if (r.value.len > 0)
		memcpy(value, r.value.data, r.value.len);
	/* Which byte is spoiled is read from the stamp: it is damaged last. */
	if (damage(pl, i, FAULT_SPOIL, value, r.value.len)) {
		counts->spoiled++;
		tell(pl, FAULT_SPOIL, i, offset);
	}
	if (damage(pl, i, FAULT_CORRUPT, value, r.value.len)) {
		counts->corrupted++;
		tell(pl, FAULT_CORRUPT, i, offset);
	}
	if (r.value.data != NULL)
		r.value.data = value;
	return r;
}

static struct record_writer write_anew(const struct planting *pl)
{
	size_t most = BATCH_HEADER_BYTES + REWRITTEN_MOST(pl->batch->len);

	return record_writer_like(pl->batch, kafka_memory_take(pl->c->memory, most), most);
}

/* The batch with what is left of it. */
static void put_rest(struct planting *pl)
{
	struct record_writer w = write_anew(pl);
	struct batch head = *pl->batch;

	for (size_t i = 0; i < pl->count; i++) {
		uint32_t here = pl->messages[i].here;
		if (here == NOTHING) {
			record_skip(&w);
			continue;
		}
		struct record r = damaged(pl, here, pl->base + (int64_t)i);
		add(&w, &r);
	}
	if (w.count == 0) {
		log_skip(&pl->p->log, pl->batch->offsets);
		return;
	}
	record_finish(&w, &head);
	put(pl->c->state, pl->p, &head);
}

static void put_copies(struct planting *pl)
{
	struct record_writer w = write_anew(pl);
	struct batch head = *pl->batch;
	int64_t base = pl->p->log.end;

	for (size_t i = 0; i < pl->count; i++) {
		if (!is_struck(pl, i, FAULT_DUPLICATE) || is_struck(pl, i, FAULT_LOSE))
			continue;
		tell(pl, FAULT_DUPLICATE, i, base + w.count);
		add(&w, &pl->messages[i].record);
	}
	if (w.count == 0)
		return;
	head.producer = -1;
	head.epoch = -1;
	head.first_sequence = -1;
	record_finish(&w, &head);
	pl->c->state->counts.duplicated += w.count;
	put(pl->c->state, pl->p, &head);
}

/* --- what was held back --------------------------------------------------------------------------- */

static int64_t put_held(struct state *s, struct partition *p, struct held **at)
{
	struct reader r = reader_over((*at)->batch, (*at)->len);
	struct batch batch;

	(void)batch_read(&r, false, &batch); /* we have written it */
	int64_t offset = put(s, p, &batch);
	held_remove(at);
	return offset;
}

/* The first message of a producer that arrives undamaged in this batch; `count`: there is none. */
static size_t first_alike(const struct planting *pl, const struct fault_subject *who)
{
	size_t i = 0;

	while (i < pl->count && (pl->messages[i].here == NOTHING ||
	                         is_struck(pl, pl->messages[i].here, FAULT_CORRUPT) ||
	                         !fault_subjects_are_alike(who, &pl->who[pl->messages[i].here])))
		i++;
	return i;
}

/* Those that waited already when this batch came: the others are the last of it. */
static void put_overtaken(struct planting *pl, struct held *newest)
{
	struct held **at = &pl->p->held;

	while (*at != newest)
		at = &(*at)->next;
	while (*at != NULL) {
		size_t by = first_alike(pl, &(*at)->who);
		if (by == pl->count) {
			at = &(*at)->next;
			continue;
		}
		struct fault_subject who = (*at)->who;
		int64_t offset = put_held(pl->c->state, pl->p, at);
		tell_overtaken(pl, &who, &pl->who[pl->messages[by].here], offset);
	}
}

void append_overdue(struct call *c, struct topic *topic, int32_t partition)
{
	struct partition *p = topic_partition(topic, partition);
	struct state *s = c->state;
	size_t chunks = log_chunks_needed(&p->log, held_bytes(p->held)) + 1;

	for (struct held **at = &p->held; *at != NULL;) {
		if ((*at)->until_ns > c->now_ns) {
			at = &(*at)->next;
			continue;
		}
		if (!store_make_room(&s->store, chunks, c->now_ns))
			return;
		put_held(s, p, at);
		wait_list_wake(&p->data);
	}
}

/* --- a batch -------------------------------------------------------------------------------------- */

static enum kafka_error refuse(struct planting *pl)
{
	pl->c->state->counts.refused += pl->count;
	for (size_t i = 0; i < pl->count; i++)
		tell(pl, FAULT_ERROR, i, -1);
	return KAFKA_NOT_ENOUGH_REPLICAS;
}

static void append_messages(struct planting *pl)
{
	struct held *newest = pl->p->held;

	lose(pl);
	reorder(pl);
	put_rest(pl);
	put_copies(pl);
	put_overtaken(pl, newest);
}

static enum kafka_error append_struck(struct planting *pl, int64_t *offset)
{
	bool any = strike(pl), is_denied = false;

	if (pl->count > 0 && is_struck(pl, 0, FAULT_ERROR))
		return refuse(pl);
	*offset = pl->base = pl->p->log.end;
	if (any || pl->p->held != NULL)
		append_messages(pl);
	else
		put(pl->c->state, pl->p, pl->batch);
	for (size_t i = 0; i < pl->count; i++) {
		if (!is_struck(pl, i, FAULT_DENY))
			continue;
		is_denied = true;
		pl->c->state->counts.refused++;
		tell(pl, FAULT_DENY, i, pl->base + (int64_t)i);
	}
	return is_denied ? KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND : KAFKA_NONE;
}

enum kafka_error append_batch(struct call *c, struct topic *topic, int32_t partition,
                              const struct batch *batch, int64_t *offset)
{
	struct planting pl = {
		.c = c,
		.topic = topic,
		.p = topic_partition(topic, partition),
		.partition = partition,
		.batch = batch,
	};

	if (!faults_are_of_messages(c->state->faults)) {
		faults_strike(c->state->faults, batch->messages, c->now_ns);
		*offset = put(c->state, pl.p, batch);
		return KAFKA_NONE;
	}
	return look_into(&pl) ? append_struck(&pl, offset) : append_piece(&pl, offset);
}
