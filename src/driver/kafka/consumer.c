/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer -- a librdkafka consumer, member of its subscription's group, for each consumer of the
 * plan.
 *
 * Positions: what consumer_commit confirms is what was handed to the core, not what the library has
 * fetched.  Before partitions are given away in a rebalance, what was handed over is committed too,
 * so that the next owner does not get it again.  A message that was taken from the queue before
 * its partition went away, and comes out after, is dropped: it was not committed, and its next
 * owner gets it.
 *
 * Leaving: a member that leaves may have to wait for the others (its request to join stands in
 * front of the one to leave, and is answered when the others have joined), and those may be served
 * by this very thread.  So all begin to leave before one is waited for, and a close waits only a
 * little; what has not left goes on while others are served or closed, and the client's close waits
 * for all of them together.  That is why a member lives on the heap: it outlives the consumer that
 * the core frees.
 */
#include <stdlib.h>
#include <string.h>

#include "driver/kafka/kafka.h"
#include "driver/kafka/kafka_conf.h"
#include "driver/kafka/settle.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"

/* Enough to leave a healthy broker on another continent; 1 to 2 ms do on this host. */
#define LEAVE_MS 500

struct position {
	int64_t next; /* offset behind the last message that was handed over; 0 = none was */
	int slot;     /* of its element in `commits`, when it is assigned */
	bool assigned;
};

struct kafka_member {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	rd_kafka_queue_t *leave_queue; /* takes the place of `queue` once it is leaving */
	int wake_fd;
	const struct driver_core *core; /* NULL once it is leaving */
	void *owner;                    /* NULL once its consumer is closed */
	bool paused, manual_commit;
	bool has_answered; /* a rebalance while it was leaving; see leave_answer */
	struct kafka_statistics statistics;
	uint32_t assigned;
	uint32_t fair_share, looks; /* settle.h */
	struct position *positions; /* owned; by partition */
	size_t position_cap;
	/*
	 * An element for each assigned partition.  Those that moved since the last confirmation are
	 * the first `dirty` ones, so that a commit passes on these alone and nothing is allocated.  An
	 * element stays with its partition: the library remembers in it which one it is for.
	 */
	rd_kafka_topic_partition_list_t *commits;
	int dirty;
	/*
	 * One commit is under way at a time, as in the Java client: what is to be confirmed meanwhile goes
	 * with the next one, which has the newest position.  A broker pays for each commit and not for how
	 * much is in it.
	 */
	unsigned commits_under_way;
	bool commit_wanted; /* since the one under way was sent */
	char *topic;        /* owned */
	struct kafka_member *next;
};

/* --- positions -------------------------------------------------------------------------------- */

static void make_room(struct kafka_member *m, int32_t partition)
{
	size_t cap = (size_t)partition + 1;

	if (cap <= m->position_cap)
		return;
	m->positions = xrealloc(m->positions, cap * sizeof(m->positions[0]));
	memset(m->positions + m->position_cap, 0,
	       (cap - m->position_cap) * sizeof(m->positions[0]));
	m->position_cap = cap;
}

static void set_assigned(struct kafka_member *m, const rd_kafka_topic_partition_list_t *parts,
                         bool assigned)
{
	for (int i = 0; i < parts->cnt; i++) {
		int32_t partition = parts->elems[i].partition;
		make_room(m, partition);
		struct position *pos = &m->positions[partition];
		if (pos->assigned != assigned)
			m->assigned += assigned ? 1U : -1U;
		*pos = (struct position){ .assigned = assigned };
	}
}

static void commits_destroy(struct kafka_member *m)
{
	if (m->commits == NULL)
		return;
	rd_kafka_topic_partition_list_destroy(m->commits);
	m->commits = NULL;
	m->dirty = 0;
}

static void commits_create(struct kafka_member *m)
{
	commits_destroy(m);
	m->commits = rd_kafka_topic_partition_list_new((int)m->assigned);
	for (size_t i = 0; i < m->position_cap; i++) {
		if (!m->positions[i].assigned)
			continue;
		m->positions[i].slot = m->commits->cnt;
		rd_kafka_topic_partition_list_add(m->commits, m->topic, (int32_t)i);
	}
}

static void mark_dirty(struct kafka_member *m, int32_t partition)
{
	rd_kafka_topic_partition_t *elems = m->commits->elems;
	int from = m->positions[partition].slot, to = m->dirty;

	if (from < to)
		return;
	rd_kafka_topic_partition_t moved = elems[to];
	elems[to] = elems[from];
	elems[from] = moved;
	m->positions[moved.partition].slot = from;
	m->positions[partition].slot = to;
	m->dirty++;
}

/* Committed, or with enable.auto.commit laid down for the library's next commit. */
static void confirm(struct kafka_member *m)
{
	rd_kafka_topic_partition_list_t *list = m->commits;

	if (m->dirty == 0)
		return;
	for (int i = 0; i < m->dirty; i++)
		list->elems[i].offset = m->positions[list->elems[i].partition].next;
	int all = list->cnt;
	list->cnt = m->dirty;
	rd_kafka_resp_err_t code = m->manual_commit ? rd_kafka_commit(m->rk, list, 1)
	                                            : rd_kafka_offsets_store(m->rk, list);
	list->cnt = all;
	m->dirty = 0;
	m->commit_wanted = false;
	if (m->manual_commit && code == RD_KAFKA_RESP_ERR_NO_ERROR)
		m->commits_under_way++; /* on_commit hears of each one */
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		m->core->event(m->owner, DRIVER_EVENT_COMMIT, rd_kafka_err2str(code));
}

/*
 * All that was handed over of these, not only what moved since the last commit: that one may still
 * be under way, and it fails when it was sent in the middle of a rebalance.
 */
static void confirm_all(struct kafka_member *m, const rd_kafka_topic_partition_list_t *parts)
{
	for (int i = 0; i < parts->cnt; i++) {
		int32_t partition = parts->elems[i].partition;
		if ((size_t)partition < m->position_cap && m->positions[partition].next > 0)
			mark_dirty(m, partition);
	}
	confirm(m);
}

/* What was handed over so far; later, if a commit is under way. */
static void confirm_soon(struct kafka_member *m)
{
	if (m->commits_under_way > 0)
		m->commit_wanted = true;
	else
		confirm(m);
}

/* --- callbacks: called by the library from inside consume_batch_queue ----------------------- */

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
	struct kafka_member *m = opaque;

	(void)rk;
	if (m->commits_under_way > 0)
		m->commits_under_way--;
	for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != NULL && i < offsets->cnt;
	     i++)
		code = offsets->elems[i].err;
	if (m->core != NULL && code != RD_KAFKA_RESP_ERR_NO_ERROR &&
	    code != RD_KAFKA_RESP_ERR__NO_OFFSET)
		m->core->event(m->owner, DRIVER_EVENT_COMMIT, rd_kafka_err2str(code));
	if (m->core != NULL && m->commit_wanted)
		confirm_soon(m);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kafka_member *m = opaque;
	char text[512];

	if (m->core == NULL)
		return;
	if (code == RD_KAFKA_RESP_ERR__FATAL) {
		rd_kafka_fatal_error(rk, text, sizeof(text));
		reason = text;
	}
	m->core->event(m->owner, kafka_event_of((rd_kafka_resp_err_t)code), reason);
}

/* Also there so that an idle consumer has something to poll; see rules.c. */
static int on_statistics(rd_kafka_t *rk, char *json, size_t len, void *opaque)
{
	struct kafka_member *m = opaque;

	(void)rk;
	return kafka_statistics_keep(&m->statistics, json, len);
}

void kafka_consumer_claims(void *consumer, struct claims *out)
{
	struct kafka_consumer *k = consumer;

	kafka_statistics_claims(&k->member->statistics, out);
}

static void report_error(struct kafka_member *m, rd_kafka_error_t *error)
{
	if (error == NULL)
		return;
	if (m->core != NULL)
		m->core->event(m->owner, DRIVER_EVENT_CLIENT, rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
}

static void report_code(struct kafka_member *m, rd_kafka_resp_err_t code)
{
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR && m->core != NULL)
		m->core->event(m->owner, DRIVER_EVENT_CLIENT, rd_kafka_err2str(code));
}

static bool is_cooperative(rd_kafka_t *rk)
{
	const char *protocol = rd_kafka_rebalance_protocol(rk);
	return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static void take(struct kafka_member *m, rd_kafka_topic_partition_list_t *parts)
{
	if (is_cooperative(m->rk)) {
		if (m->core != NULL)
			confirm(m); /* the list of commits is made anew */
		report_error(m, rd_kafka_incremental_assign(m->rk, parts));
	} else {
		report_code(m, rd_kafka_assign(m->rk, parts));
	}
	set_assigned(m, parts, true);
	commits_create(m);
	if (m->paused && parts->cnt > 0)
		report_code(m, rd_kafka_pause_partitions(m->rk, parts));
}

static void give(struct kafka_member *m, rd_kafka_topic_partition_list_t *parts)
{
	if (m->core != NULL && !rd_kafka_assignment_lost(m->rk))
		confirm_all(m, parts);
	/* librdkafka keeps a pause with the partition: coming back, it would stand still for ever. */
	if (m->paused && parts->cnt > 0)
		report_code(m, rd_kafka_resume_partitions(m->rk, parts));
	if (is_cooperative(m->rk))
		report_error(m, rd_kafka_incremental_unassign(m->rk, parts));
	else
		report_code(m, rd_kafka_assign(m->rk, NULL));
	set_assigned(m, parts, false);
	commits_create(m);
}

/*
 * Partitions that came between giving back and leaving: the library leaves when it is answered that
 * they are given back, and not before.  One answer does for all.  Once it has it, it may be done at
 * any time, throws away the requests that are queued for it then, and another answer among them
 * would be waited for without end.
 */
static void leave_answer(struct kafka_member *m)
{
	if (m->has_answered)
		return;
	m->has_answered = true;
	rd_kafka_assign(m->rk, NULL);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *parts, void *opaque)
{
	struct kafka_member *m = opaque;
	const char *what = "partitions assigned";

	if (m->leave_queue != NULL) {
		leave_answer(m);
		return;
	}
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		take(m, parts);
	} else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
		what = rd_kafka_assignment_lost(rk) ? "partitions lost" : "partitions revoked";
		give(m, parts);
	} else {
		what = rd_kafka_err2str(code);
		report_code(m, rd_kafka_assign(rk, NULL));
		for (size_t i = 0; i < m->position_cap; i++)
			m->positions[i] = (struct position){ 0 };
		m->assigned = 0;
		commits_create(m);
	}
	if (m->core == NULL)
		return;
	m->core->event(m->owner, DRIVER_EVENT_REBALANCE, what);
	m->core->assigned(m->owner, m->assigned);
}

/* --- open and close --------------------------------------------------------------------------- */

static void member_destroy(struct kafka_member *m)
{
	if (m == NULL)
		return;
	commits_destroy(m);
	if (m->leave_queue != NULL)
		rd_kafka_queue_destroy(m->leave_queue);
	if (m->queue != NULL)
		rd_kafka_queue_destroy(m->queue);
	if (m->rk != NULL)
		rd_kafka_destroy_flags(m->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	file_close(m->wake_fd);
	kafka_statistics_fini(&m->statistics);
	free(m->positions);
	free(m->topic);
	free(m);
}

static bool subscribe(struct kafka_member *m, struct error *err)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(topics, m->topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t code = rd_kafka_subscribe(m->rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error_set(err, ERROR_BROKER, "subscribing to %s: %s", m->topic,
		                 rd_kafka_err2str(code));
	return true;
}

static bool member_start(struct kafka_instance *c, struct kafka_member *m, const char *group,
                         struct error *err)
{
	char why[512];
	rd_kafka_conf_t *conf =
		kafka_conf_create(&c->config->roles[KAFKA_CONSUMER], c->client_id, err);

	if (conf == NULL)
		return false;
	if (!kafka_statistics_ask(conf, &c->config->roles[KAFKA_CONSUMER], c->opened++, err)) {
		rd_kafka_conf_destroy(conf);
		return false;
	}
	if (rd_kafka_conf_set(conf, "group.id", group, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
		rd_kafka_conf_destroy(conf);
		return error_set(err, ERROR_CONFIG, "group %s: %s", group, why);
	}
	rd_kafka_conf_set_opaque(conf, m);
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	m->rk = kafka_conf_client(RD_KAFKA_CONSUMER, conf, err);
	if (m->rk == NULL)
		return false;
	rd_kafka_poll_set_consumer(m->rk);
	m->queue = rd_kafka_queue_get_consumer(m->rk);
	m->wake_fd = kafka_conf_wake(m->queue, err);
	return m->wake_fd >= 0 && subscribe(m, err);
}

bool kafka_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec, int *fd,
                         struct error *err)
{
	struct kafka_instance *c = instance;
	struct kafka_consumer *k = consumer;
	struct kafka_member *m = xcalloc(1, sizeof(*m));

	m->wake_fd = -1;
	m->core = c->core;
	m->owner = spec->owner;
	m->manual_commit = c->config->manual_commit;
	m->topic = xstrdup(spec->topic);
	m->fair_share = settle_fair_share(spec->partitions, spec->members);
	if (spec->partitions > 0)
		make_room(m, (int32_t)spec->partitions - 1);
	if (!member_start(c, m, spec->subscription, err)) {
		member_destroy(m);
		return error_wrap(err, "consumer %u", spec->id);
	}
	*k = (struct kafka_consumer){ .instance = c, .member = m };
	*fd = m->wake_fd;
	return true;
}

/* Callbacks are served, messages are thrown away. */
static void drain(rd_kafka_queue_t *queue, int timeout_ms)
{
	rd_kafka_message_t *thrown[16];
	ssize_t got;

	do {
		got = rd_kafka_consume_batch_queue(queue, timeout_ms, thrown, 16);
		for (ssize_t i = 0; i < got; i++)
			rd_kafka_message_destroy(thrown[i]);
	} while (got == 16);
}

static bool has_left(struct kafka_member *m)
{
	drain(m->leave_queue, 0);
	return rd_kafka_consumer_closed(m->rk);
}

static void forget(struct kafka_instance *c, struct kafka_member *m)
{
	struct kafka_member **at = &c->leaving;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	member_destroy(m);
}

/* Answers all those that are leaving; destroys those that have left. */
static void serve_leaving(struct kafka_instance *c)
{
	for (struct kafka_member *m = c->leaving, *next; m != NULL; m = next) {
		next = m->next;
		if (has_left(m) && m->owner == NULL)
			forget(c, m);
	}
}

void kafka_consumers_leave(struct kafka_instance *c, uint64_t deadline_ms)
{
	for (;;) {
		serve_leaving(c);
		if (c->leaving == NULL || clock_ms() >= deadline_ms)
			return;
		drain(c->leaving->leave_queue, 1);
	}
}

/* Everything was given back, or handed on: nothing is delivered and nothing reported any more. */
static void fall_silent(struct kafka_member *m)
{
	for (size_t i = 0; i < m->position_cap; i++)
		if (m->positions[i].next > 0)
			mark_dirty(m, (int32_t)i);
	confirm(m);
	m->core = NULL;
	rd_kafka_queue_io_event_enable(m->queue, -1, NULL, 0);
}

void kafka_consumer_close_begin(void *consumer)
{
	struct kafka_consumer *k = consumer;
	struct kafka_instance *c = k->instance;
	struct kafka_member *m = k->member;

	fall_silent(m);
	/*
	 * The partitions are given back before the group is closed: answered later, they may be
	 * answered in vain (leave_answer).
	 */
	rd_kafka_unsubscribe(m->rk);
	drain(m->queue, 0);
	m->leave_queue = rd_kafka_queue_new(m->rk);
	rd_kafka_error_t *error = rd_kafka_consumer_close_queue(m->rk, m->leave_queue);
	if (error != NULL) { /* a fatal error before: there is nothing to leave any more */
		rd_kafka_error_destroy(error);
		member_destroy(m);
		k->member = NULL;
		return;
	}
	m->next = c->leaving;
	c->leaving = m;
}

void kafka_consumer_close(void *consumer)
{
	struct kafka_consumer *k = consumer;
	struct kafka_instance *c = k->instance;

	if (k->member != NULL && k->member->leave_queue == NULL)
		kafka_consumer_close_begin(k);
	struct kafka_member *m = k->member;
	*k = (struct kafka_consumer){ 0 };
	if (m == NULL)
		return;
	/* When one could not leave in time, the next ones are not waited for one by one. */
	uint64_t deadline_ms = clock_ms() + (c->is_late ? 0 : LEAVE_MS);
	while (!has_left(m)) {
		if (clock_ms() >= deadline_ms) {
			c->is_late = true;
			m->owner = NULL;
			return;
		}
		serve_leaving(c);
		drain(m->leave_queue, 1);
	}
	forget(c, m);
}

/* --- the loop --------------------------------------------------------------------------------- */

static bool header_of(const struct received *m, size_t i, struct header *out)
{
	rd_kafka_headers_t *headers;

	return rd_kafka_message_headers(m->native, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	       rd_kafka_header_get_all(headers, i, &out->name, &out->value, &out->value_len) ==
	               RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void deliver(struct kafka_member *m, const rd_kafka_message_t *msg)
{
	rd_kafka_timestamp_type_t type;
	size_t partition = (size_t)msg->partition;

	if (partition >= m->position_cap || !m->positions[partition].assigned)
		return;
	struct position *pos = &m->positions[partition];
	int64_t broker_ms = rd_kafka_message_timestamp(msg, &type);
	struct received r = {
		.payload = msg->payload,
		.payload_len = msg->len,
		.key = msg->key,
		.key_len = msg->key_len,
		.partition = msg->partition,
		/* A Kafka broker keeps no account of what it has delivered. */
		.redelivery = REDELIVERY_UNKNOWN,
		.broker_ms = broker_ms > 0 ? broker_ms : 0,
		.header = header_of,
		.native = msg,
	};

	m->core->received(m->owner, &r);
	pos->next = msg->offset + 1;
	mark_dirty(m, msg->partition);
}

static void report_poll(struct kafka_member *m, const rd_kafka_message_t *msg)
{
	if (msg->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		m->core->event(m->owner, DRIVER_EVENT_POLL, rd_kafka_message_errstr(msg));
}

/*
 * consume_batch_queue waits for its whole timeout unless the array fills (51 ms instead of 1.2 ms
 * end to end with 100 ms, measured), so it gets none: the descriptor does the waiting.  It returns
 * less than it has room for only when the queue is empty.
 */
unsigned kafka_consumer_serve(void *consumer, unsigned max)
{
	struct kafka_consumer *k = consumer;
	struct kafka_member *m = k->member;
	rd_kafka_message_t **batch = k->instance->batch;
	unsigned served = 0;

	if (k->instance->leaving != NULL)
		serve_leaving(k->instance);
	while (served < max) {
		size_t room = max - served < KAFKA_BATCH ? max - served : KAFKA_BATCH;
		ssize_t got = rd_kafka_consume_batch_queue(m->queue, 0, batch, room);
		m->core->looked(m->owner);
		for (ssize_t i = 0; i < got; i++) {
			if (batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
				deliver(m, batch[i]);
				served++;
			} else {
				report_poll(m, batch[i]);
			}
			rd_kafka_message_destroy(batch[i]);
		}
		if (got < (ssize_t)room)
			break;
	}
	if (!m->manual_commit)
		confirm(m);
	return served;
}

void kafka_consumer_commit(void *consumer)
{
	struct kafka_consumer *k = consumer;

	if (k->member->manual_commit)
		confirm_soon(k->member);
}

static bool set_paused(struct kafka_member *m, bool paused, struct error *err)
{
	rd_kafka_topic_partition_list_t *parts = NULL;

	/* Resuming a partition that is not paused makes librdkafka 2.0.2 forget what it has fetched
	 * (it takes the messages for those of before a pause) and go on behind it. */
	if (paused == m->paused)
		return true;
	m->paused = paused; /* partitions that are assigned from now on too */
	rd_kafka_resp_err_t code = rd_kafka_assignment(m->rk, &parts);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && parts->cnt > 0)
		code = paused ? rd_kafka_pause_partitions(m->rk, parts)
		              : rd_kafka_resume_partitions(m->rk, parts);
	if (parts != NULL)
		rd_kafka_topic_partition_list_destroy(parts);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return error_set(err, ERROR_BROKER, "%s: %s", paused ? "pausing" : "resuming",
		                 rd_kafka_err2str(code));
	return true;
}

/*
 * A member that was refused because others came in joins again when a second has passed since its
 * last try, but looks at the clock only once in a second: 2 s when it just missed it.  Any question
 * makes it look.
 */
static void wake_library(struct kafka_member *m)
{
	rd_kafka_topic_partition_list_t *topics = NULL;

	if (rd_kafka_subscription(m->rk, &topics) == RD_KAFKA_RESP_ERR_NO_ERROR && topics != NULL)
		rd_kafka_topic_partition_list_destroy(topics);
}

bool kafka_consumer_ask(void *consumer, enum consumer_wish wish, struct error *err)
{
	struct kafka_consumer *k = consumer;

	switch (wish) {
	case CONSUMER_PAUSE:
	case CONSUMER_RESUME:
		return set_paused(k->member, wish == CONSUMER_PAUSE, err);
	}
	abort();
}

bool kafka_consumer_settle(void *consumer, bool *again, struct error *err)
{
	struct kafka_consumer *k = consumer;
	struct kafka_member *m = k->member;
	uint32_t look = ++m->looks;

	*again = settle_goes_on(look);
	switch (settle_step(look, m->assigned, m->fair_share)) {
	case SETTLE_REST:
		return true;
	case SETTLE_POKE:
		wake_library(m);
		return true;
	case SETTLE_JOIN:
		/* Subscribing again to the same topic gives the partitions back and joins, without
		 * leaving the group. */
		return subscribe(m, err);
	}
	abort();
}
