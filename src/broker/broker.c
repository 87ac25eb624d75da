/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/broker.h"

#include <assert.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/id.h"
#include "broker/requests/api.h"
#include "broker/state.h"
#include "kafka/api.h"
#include "util/heap.h"
#include "util/xalloc.h"

#define CONNECTIONS_MAX  20000
/* The first producer id: not negative, and far from the end of its type. */
#define PRODUCER_ID_MASK (UINT64_MAX >> 2)
/* Of the lists of a request: some ten thousand partitions or names. */
#define LISTS_MAX        ((size_t)4 * 1024 * 1024)
#define OUT_KEPT         ((size_t)256 * 1024) /* memory for answers that a connection keeps */

struct broker {
	struct state state;
	uint64_t groups_next_ns; /* when they want their tick */
	struct connection *connections;
	size_t connections_count;
	uint64_t next_connection;
	struct woken woken;        /* requests that are to be handled again */
	struct connection **slots; /* owned; by connection->slot */
	uint32_t slots_cap;
	struct heap deadlines; /* of waiting requests, by slot; may be out of date */
};

static void group_notice(void *context, const char *text)
{
	notice_tell(context, "%s", text);
}

struct broker *broker_create(const struct broker_options *options, const int *ports,
                             uint64_t now_ns, struct error *err)
{
	struct broker *b = xcalloc(1, sizeof(*b));
	struct state *s = &b->state;
	uint64_t id_seed = options->id_seed != 0 ? options->id_seed : id_draw_seed();
	struct groups_options groups = {
		.initial_delay_ns = options->group_delay_ns,
		.groups_max = 10000,
		.members_max = 1000,
		.offsets_max = 1000000,
		.seed = id_seed,
		.notice = group_notice,
		.context = &s->options.notices,
	};

	assert(options->nodes >= 1 && options->nodes <= BROKER_NODES_MAX);
	s->options = *options;
	snprintf(s->host, sizeof(s->host), "%s", options->host);
	for (int i = 0; i < options->nodes; i++)
		s->ports[i] = ports[i];
	snprintf(s->cluster_id, sizeof(s->cluster_id), "omb-%016" PRIx64, id_scatter(id_seed));
	s->next_producer_id = (int64_t)(id_scatter(~id_seed) & PRODUCER_ID_MASK);
	s->memory.max = LISTS_MAX;
	s->groups = groups_create(&groups);
	s->faults = faults_create(options->faults, options->faults_count, options->seed,
	                          options->load_start_ns, now_ns);
	s->store = (struct store){
		.options = &s->options,
		.counts = &s->counts,
		.groups = s->groups,
	};
	if (store_init(&s->store, err))
		return b;
	broker_destroy(b);
	return NULL;
}

void broker_destroy(struct broker *b)
{
	if (b == NULL)
		return;
	struct connection *next;
	for (struct connection *c = b->connections; c != NULL; c = next) {
		next = c->next;
		broker_disconnect(b, c);
	}
	groups_destroy(b->state.groups);
	store_fini(&b->state.store);
	faults_destroy(b->state.faults);
	kafka_memory_fini(&b->state.memory);
	free(b->slots);
	free(b->deadlines.items);
	free(b);
}

/* --- connections ---------------------------------------------------------------------------------- */

static uint32_t free_slot(struct broker *b)
{
	for (uint32_t i = 0; i < b->slots_cap; i++)
		if (b->slots[i] == NULL)
			return i;
	uint32_t slot = b->slots_cap;
	b->slots_cap = slot > 0 ? 2 * slot : 16;
	b->slots = xrealloc(b->slots, b->slots_cap * sizeof(struct connection *));
	memset(b->slots + slot, 0, (b->slots_cap - slot) * sizeof(struct connection *));
	return slot;
}

struct connection *broker_connect(struct broker *b, int node, const char *peer, uint64_t now_ns)
{
	if (faults_refuse(b->state.faults, now_ns)) {
		b->state.counts.turned_away++;
		return NULL;
	}
	if (b->connections_count >= CONNECTIONS_MAX) {
		if (b->state.counts.crowded++ == 0)
			notice_tell(
				&b->state.options.notices,
				"%s turned away, and all that come while %d connections are open",
				peer, CONNECTIONS_MAX);
		return NULL;
	}

	struct connection *c = xcalloc(1, sizeof(*c));
	snprintf(c->peer, sizeof(c->peer), "%s", peer);
	c->req.sleeper.woken = &b->woken;
	c->req.connection = ++b->next_connection;
	c->req.presence = presence_create(c->req.connection);
	c->req.peer = c->peer;
	c->req.listener = node;
	c->slot = free_slot(b);
	b->slots[c->slot] = c;
	c->next = b->connections;
	c->link = &b->connections;
	if (b->connections != NULL)
		b->connections->link = &c->next;
	b->connections = c;
	b->connections_count++;
	b->state.counts.connections++;
	return c;
}

void broker_disconnect(struct broker *b, struct connection *c)
{
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	b->slots[c->slot] = NULL;
	b->connections_count--;
	presence_end(c->req.presence);
	request_fini(&c->req);
	writer_fini(&c->out);
	free(c);
}

/* --- waiting -------------------------------------------------------------------------------------- */

static void push_deadline(struct broker *b, const struct connection *c)
{
	struct heap *h = &b->deadlines;

	if (h->count == h->cap) {
		h->cap = h->cap > 0 ? 2 * h->cap : 64;
		h->items = xrealloc(h->items, h->cap * sizeof(*h->items));
	}
	heap_push(h, c->req.sleeper.wake_ns, c->slot);
}

/* Most waits end before their deadline and leave it in the heap: now and then it is made anew. */
static void add_deadline(struct broker *b, const struct connection *c)
{
	if (b->deadlines.count > 1024 && b->deadlines.count > 4 * b->connections_count) {
		b->deadlines.count = 0;
		for (struct connection *i = b->connections; i != NULL; i = i->next)
			if (i->waits && i != c && i->req.sleeper.wake_ns != 0)
				push_deadline(b, i);
	}
	push_deadline(b, c);
}

static void wake_due(struct broker *b, uint64_t now_ns)
{
	while (b->deadlines.count > 0 && b->deadlines.items[0].key <= now_ns) {
		struct connection *c = b->slots[b->deadlines.items[0].index];
		heap_pop(&b->deadlines);
		if (c != NULL && c->waits && c->req.sleeper.wake_ns != 0 &&
		    c->req.sleeper.wake_ns <= now_ns)
			sleeper_wake(&c->req.sleeper);
	}
}

/* --- requests ------------------------------------------------------------------------------------- */

static enum handled handle(struct broker *b, struct connection *c, uint64_t now_ns)
{
	struct request *req = &c->req;
	struct reader r = reader_over(c->frame, c->frame_len);
	struct kafka_head head;

	if (!kafka_head_read(&r, &head))
		return HANDLED_BAD;
	req->api = head.key;
	req->version = head.version;
	req->correlation = head.correlation;
	req->client_id = head.client_id.data;
	req->client_id_len = head.client_id.len;
	req->body = r;
	enum handled how = api_handle(&b->state, req, now_ns, &c->out);
	if (api_is_of_groups(req->api))
		b->groups_next_ns = 0; /* it may have set a new deadline */
	return how;
}

static enum handled run(struct broker *b, struct connection *c, uint64_t now_ns)
{
	sleeper_forget(&c->req.sleeper);
	request_drop_splices(&c->req);
	writer_clear(&c->out);
	enum handled how = handle(b, c, now_ns);

	c->waits = how == HANDLED_WAIT;
	if (c->waits) {
		request_drop_splices(&c->req);
		assert(sleeper_waits(&c->req.sleeper));
		if (c->req.sleeper.wake_ns != 0)
			add_deadline(b, c);
	} else if (how == HANDLED_REPLY) {
		uint32_t len = htobe32((uint32_t)(broker_answer_bytes(c) - sizeof(len)));
		uint32_t correlation = htobe32((uint32_t)c->req.correlation);
		memcpy(c->head, &len, sizeof(len));
		memcpy(c->head + sizeof(len), &correlation, sizeof(correlation));
	}
	return how;
}

enum handled broker_frame(struct broker *b, struct connection *c, const uint8_t *frame, size_t len,
                          uint64_t now_ns)
{
	assert(!c->waits);
	b->state.counts.requests++;
	if (faults_close(b->state.faults, now_ns)) {
		b->state.counts.closed++;
		return HANDLED_BAD;
	}
	c->frame = frame;
	c->frame_len = len;
	c->req.visits = 0;
	c->req.arrived_ns = now_ns;
	memset(c->req.note, 0, sizeof(c->req.note));
	return run(b, c, now_ns);
}

bool broker_must_finish(const struct connection *c)
{
	return c->waits && c->req.one_way;
}

struct connection *broker_step(struct broker *b, uint64_t now_ns, enum handled *how)
{
	struct sleeper *s;

	wake_due(b, now_ns);
	if (b->groups_next_ns <= now_ns)
		b->groups_next_ns = groups_tick(b->state.groups, now_ns);
	while ((s = woken_take(&b->woken)) != NULL) {
		struct connection *c = (struct connection *)s; /* the first member of the first */
		*how = run(b, c, now_ns);
		if (*how != HANDLED_WAIT)
			return c;
	}
	return NULL;
}

uint64_t broker_next_ns(struct broker *b, uint64_t now_ns)
{
	if (b->groups_next_ns == 0)
		b->groups_next_ns = groups_tick(b->state.groups, now_ns);
	if (b->woken.first != NULL)
		return now_ns;
	if (b->deadlines.count > 0 && b->deadlines.items[0].key < b->groups_next_ns)
		return b->deadlines.items[0].key;
	return b->groups_next_ns;
}

/* --- answers -------------------------------------------------------------------------------------- */

size_t broker_answer_bytes(const struct connection *c)
{
	size_t bytes = sizeof(c->head) + c->out.len;

	for (size_t i = 0; i < c->req.splices_count; i++)
		bytes += c->req.splices[i].len;
	return bytes;
}

struct pieces {
	struct iovec *out;
	int count, max;
	size_t skip; /* bytes that were sent before */
};

static void add_piece(struct pieces *p, const uint8_t *data, size_t len)
{
	if (p->skip >= len) {
		p->skip -= len;
		return;
	}
	if (p->count == p->max)
		return;
	p->out[p->count++] = (struct iovec){
		.iov_base = (void *)(uintptr_t)(data + p->skip),
		.iov_len = len - p->skip,
	};
	p->skip = 0;
}

int broker_answer_pieces(const struct connection *c, size_t from, struct iovec *out, int max)
{
	struct pieces p = { .out = out, .max = max, .skip = from };
	size_t at = 0;

	add_piece(&p, c->head, sizeof(c->head));
	for (size_t i = 0; i < c->req.splices_count; i++) {
		const struct splice *s = &c->req.splices[i];
		if (s->at > at)
			add_piece(&p, c->out.data + at, s->at - at);
		at = s->at;
		add_piece(&p, s->data, s->len);
	}
	if (c->out.len > at)
		add_piece(&p, c->out.data + at, c->out.len - at);
	return p.count;
}

void broker_answer_sent(struct connection *c)
{
	request_drop_splices(&c->req);
	if (c->out.cap > OUT_KEPT)
		writer_fini(&c->out);
}

/* --- what it holds ---------------------------------------------------------------------------------- */

struct groups *broker_groups(struct broker *b)
{
	return b->state.groups;
}

const struct broker_counts *broker_counts(const struct broker *b)
{
	return &b->state.counts;
}

size_t broker_connections(const struct broker *b)
{
	return b->connections_count;
}

void broker_memory(const struct broker *b, size_t *used_bytes, size_t *all_bytes)
{
	const struct pool *pool = &b->state.store.pool;

	*all_bytes = pool->count * POOL_CHUNK_BYTES;
	*used_bytes = (pool->count - pool->free_count) * POOL_CHUNK_BYTES;
}

bool broker_add_topic(struct broker *b, const char *name, int32_t partitions, struct error *err)
{
	enum kafka_error error =
		store_create_topic(&b->state.store, kafka_string_of(name), partitions);

	if (error == KAFKA_NONE)
		return true;
	return error_set(err, ERROR_USAGE, "topic \"%s\": %s", name, store_topic_reason(error));
}

void broker_tell_dropped(struct broker *b)
{
	store_tell_dropped(&b->state.store);
}
