/* SPDX-License-Identifier: Apache-2.0 */
/* admin -- topics: the hooks of kafka_admin, each with a client of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/kafka/admin_client.h"
#include "driver/kafka/groups.h"
#include "driver/kafka/version.h"
#include "util/clock.h"
#include "util/xalloc.h"

#define METADATA_MS 10000
#define LEADERS_MS  60000 /* until every new partition has a leader */
#define ATTEMPTS    3

/* --- topics ----------------------------------------------------------------------------------- */

/* Some of the topics, in one request, and what became of each. */
struct batch {
	const struct topic_spec *topics;
	bool *existed; /* out, one for each: it was there before; NULL when it deletes */
	bool done[ADMIN_BATCH];
	size_t count, left;
	int attempt;
	bool deletes;     /* else it creates */
	char failed[128]; /* a topic that is worth another try ... */
	char why[256];    /* ... and why */
};

/* Not allowed, now or later.  The oldest versions of the request, which librdkafka sends, have no word
 * for delete.topic.enable=false and so say that the request is invalid. */
static const char *why_not_deletable(rd_kafka_resp_err_t code)
{
	switch ((int)code) {
	case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
	case RD_KAFKA_RESP_ERR_TOPIC_DELETION_DISABLED:
		return "the broker does not delete topics (delete.topic.enable=false)";
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
		return "the broker does not let this client delete it";
	default:
		return NULL;
	}
}

/* Failed for good. */
static bool batch_fail(const struct batch *b, const char *what, rd_kafka_resp_err_t code,
                       const char *why, struct error *err)
{
	const char *forbidden = b->deletes ? why_not_deletable(code) : NULL;

	if (forbidden != NULL)
		return error_set(err, ERROR_REFUSED, "%s: %s: %s", what, forbidden, why);
	return error_set(err, ERROR_BROKER, "%s: %s", what, why);
}

/* Takes in an answer.  False and *err: one failed for good. */
static bool batch_settle(struct batch *b, const rd_kafka_topic_result_t **results, size_t count,
                         rd_kafka_resp_err_t fine, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
		const char *name = rd_kafka_topic_result_name(results[i]);
		const char *why = rd_kafka_topic_result_error_string(results[i]);
		size_t at = 0;
		while (at < b->count && strcmp(b->topics[at].name, name) != 0)
			at++;
		if (at == b->count || b->done[at])
			continue;
		if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == fine) {
			b->done[at] = true;
			b->left--;
			/* Not one that was asked for twice, because the first answer was lost. */
			if (b->existed != NULL && b->attempt == 1)
				b->existed[at] = code == fine;
			continue;
		}
		if (why == NULL)
			why = rd_kafka_err2str(code);
		snprintf(b->failed, sizeof(b->failed), "topic %s", name);
		if (!admin_is_transient(code))
			return batch_fail(b, b->failed, code, why, err);
		snprintf(b->why, sizeof(b->why), "%s", why);
	}
	return true;
}

/* The whole request failed: every topic in it is still to be done. */
static bool batch_refused(struct batch *b, rd_kafka_event_t *event, struct error *err)
{
	const char *why =
		event == NULL ? "no broker answers any more" : rd_kafka_event_error_string(event);

	snprintf(b->failed, sizeof(b->failed), "topic %s and %zu more", b->topics[0].name,
	         b->left - 1);
	snprintf(b->why, sizeof(b->why), "%s", why);
	if (event != NULL && !admin_is_transient(rd_kafka_event_error(event)))
		return batch_fail(b, b->failed, rd_kafka_event_error(event), b->why, err);
	return true;
}

static rd_kafka_NewTopic_t *new_topic(struct admin *a, const struct topic_spec *topic,
                                      struct error *err)
{
	const struct kafka_config *config = a->instance->config;
	/* Left out, the broker's default: OMB asks for 0 replicas, which no broker grants. */
	int replicas = config->replication_factor == 0 ? -1 : (int)config->replication_factor;
	char why[256];
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(topic->name, (int)topic->partitions,
	                                               replicas, why, sizeof(why));

	if (t == NULL) {
		error_set(err, ERROR_CONFIG, "topic %s: %s", topic->name, why);
		return NULL;
	}
	for (size_t i = 0; i < config->topic.count; i++)
		rd_kafka_NewTopic_set_config(t, config->topic.items[i].key,
		                             config->topic.items[i].value);
	return t;
}

static bool create_once(struct admin *a, struct batch *b, struct error *err)
{
	rd_kafka_NewTopic_t *asked[ADMIN_BATCH];
	size_t count = 0, got;
	bool ok = true;

	for (size_t i = 0; ok && i < b->count; i++) {
		if (b->done[i])
			continue;
		asked[count] = new_topic(a, &b->topics[i], err);
		ok = asked[count] != NULL;
		count += ok ? 1 : 0;
	}
	if (ok) {
		rd_kafka_AdminOptions_t *options =
			admin_options(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, ADMIN_REQUEST_MS);
		rd_kafka_CreateTopics(a->rk, asked, count, options, a->queue);
		rd_kafka_AdminOptions_destroy(options);
		rd_kafka_event_t *event = admin_answer(a, ADMIN_REQUEST_MS);
		if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
			ok = batch_refused(b, event, err);
		} else {
			const rd_kafka_topic_result_t **results =
				rd_kafka_CreateTopics_result_topics(
					rd_kafka_event_CreateTopics_result(event), &got);
			ok = batch_settle(b, results, got, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS,
			                  err);
		}
		if (event != NULL)
			rd_kafka_event_destroy(event);
	}
	rd_kafka_NewTopic_destroy_array(asked, count);
	return ok;
}

static bool delete_once(struct admin *a, struct batch *b, uint64_t timeout_ms, struct error *err)
{
	rd_kafka_DeleteTopic_t *asked[ADMIN_BATCH];
	size_t count = 0, got;
	bool ok;

	for (size_t i = 0; i < b->count; i++)
		if (!b->done[i])
			asked[count++] = rd_kafka_DeleteTopic_new(b->topics[i].name);

	rd_kafka_AdminOptions_t *options =
		admin_options(a, RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout_ms);
	rd_kafka_DeleteTopics(a->rk, asked, count, options, a->queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_event_t *event = admin_answer(a, timeout_ms);
	if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		ok = batch_refused(b, event, err);
	} else {
		const rd_kafka_topic_result_t **results = rd_kafka_DeleteTopics_result_topics(
			rd_kafka_event_DeleteTopics_result(event), &got);
		ok = batch_settle(b, results, got, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, err);
	}
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_DeleteTopic_destroy_array(asked, count);
	return ok;
}

static void batch_init(struct batch *b, const struct topic_spec *topics, size_t count)
{
	*b = (struct batch){ .topics = topics };
	b->count = count < ADMIN_BATCH ? count : ADMIN_BATCH;
	b->left = b->count;
}

static bool create_batch(struct admin *a, struct batch *b, struct error *err)
{
	for (b->attempt = 1;; b->attempt++) {
		if (!create_once(a, b, err))
			return false;
		if (b->left == 0)
			return true;
		if (b->attempt == ATTEMPTS || a->lost)
			break;
		admin_wait_ms(1000);
	}
	return admin_fail(a, err, b->failed, b->why);
}

static bool delete_batch(struct admin *a, struct batch *b, uint64_t deadline_ms, struct error *err)
{
	for (;;) {
		uint64_t now_ms = clock_ms();
		if ((now_ms >= deadline_ms || a->lost) && b->why[0] != '\0')
			return admin_fail(a, err, b->failed, b->why);
		uint64_t left_ms = now_ms < deadline_ms ? deadline_ms - now_ms : 0;
		if (!delete_once(a, b, left_ms < 1000 ? 1000 : left_ms, err))
			return false;
		if (b->left == 0)
			return true;
		admin_wait_ms(500);
	}
}

/* --- waiting until brokers agree -------------------------------------------------------------- */

typedef bool topic_test_fn(const struct rd_kafka_metadata_topic *seen, const struct topic_spec *t);

static bool has_leaders(const struct rd_kafka_metadata_topic *seen, const struct topic_spec *t)
{
	if (seen->err != RD_KAFKA_RESP_ERR_NO_ERROR ||
	    (uint32_t)seen->partition_cnt < t->partitions)
		return false;
	for (int i = 0; i < seen->partition_cnt; i++)
		if (seen->partitions[i].leader < 0)
			return false;
	return true;
}

static bool is_there(const struct rd_kafka_metadata_topic *seen, const struct topic_spec *t)
{
	(void)t;
	return seen->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct topic_spec *)a)->name, ((const struct topic_spec *)b)->name);
}

/* How many of the (sorted) topics pass; `example` (NULL = none) is one that passes. */
static size_t count_topics(const struct rd_kafka_metadata *md, const struct topic_spec *topics,
                           size_t count, topic_test_fn *test, const char **example)
{
	size_t passed = 0;

	*example = NULL;
	for (int i = 0; i < md->topic_cnt; i++) {
		struct topic_spec key = { .name = md->topics[i].topic };
		const struct topic_spec *t = bsearch(&key, topics, count, sizeof(key), by_name);
		if (t == NULL || !test(&md->topics[i], t))
			continue;
		passed++;
		*example = t->name;
	}
	return passed;
}

/* Topics with fewer partitions than wanted; zeroed: there are none. */
struct narrow {
	const char *name; /* of one of them */
	uint32_t has, wanted;
	size_t count;
};

static struct narrow find_narrow(const struct rd_kafka_metadata *md,
                                 const struct topic_spec *sorted, size_t count)
{
	struct narrow found = { 0 };

	for (int i = 0; i < md->topic_cnt; i++) {
		const struct rd_kafka_metadata_topic *seen = &md->topics[i];
		struct topic_spec key = { .name = seen->topic };
		const struct topic_spec *t = bsearch(&key, sorted, count, sizeof(key), by_name);
		uint32_t has = (uint32_t)seen->partition_cnt;
		if (t == NULL || seen->err != RD_KAFKA_RESP_ERR_NO_ERROR || has == 0 ||
		    has >= t->partitions)
			continue;
		found = (struct narrow){ t->name, has, t->partitions, found.count + 1 };
	}
	return found;
}

/* A topic that was there before keeps the partitions that it has, however long it is waited for.  A
 * broker that does not answer is told of by those that wait for it. */
static bool existing_are_wide_enough(struct admin *a, const struct topic_spec *topics,
                                     const bool *existed, size_t count, struct error *err)
{
	struct topic_spec *old = xmalloc((count + 1) * sizeof(*old));
	const struct rd_kafka_metadata *md = NULL;
	struct narrow n = { 0 };
	rd_kafka_resp_err_t code;
	size_t old_count = 0;

	for (size_t i = 0; i < count; i++)
		if (existed[i])
			old[old_count++] = topics[i];
	qsort(old, old_count, sizeof(*old), by_name);
	if (old_count > 0)
		md = admin_metadata(a, METADATA_MS, &code);
	if (md != NULL) {
		n = find_narrow(md, old, old_count);
		rd_kafka_metadata_destroy(md);
	}
	free(old);
	if (n.count == 0)
		return true;
	error_set(err, ERROR_BROKER,
	          "topic %s: it was there already, with %u of the %u partitions that are wanted: "
	          "delete it, or ask for %u at the most (partitionsPerTopic)",
	          n.name, n.has, n.wanted, n.has);
	return n.count > 1 ? error_wrap(err, "%zu topics are too narrow", n.count) : false;
}

static uint64_t earlier_ms(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* Until all have leaders, or none is there any more. */
static bool await_topics(struct admin *a, const struct topic_spec *topics, size_t count,
                         topic_test_fn *test, uint64_t deadline_ms, struct error *err)
{
	size_t wanted = test == is_there ? 0 : count;
	struct topic_spec *sorted = xmalloc((count + 1) * sizeof(*sorted));
	uint64_t answered_ms = clock_ms();
	rd_kafka_resp_err_t code;
	bool ok = false;

	memcpy(sorted, topics, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (;;) {
		const struct rd_kafka_metadata *md = admin_metadata(a, METADATA_MS, &code);
		const char *example = NULL;
		size_t passed = 0;
		if (md != NULL) {
			passed = count_topics(md, sorted, count, test, &example);
			rd_kafka_metadata_destroy(md);
			ok = passed == wanted;
			answered_ms = clock_ms();
		}
		if (ok)
			break;
		if (clock_ms() >= earlier_ms(deadline_ms, answered_ms + ADMIN_ANSWER_MS)) {
			if (md == NULL)
				admin_fail(a, err,
				           "no broker answers any more: reading the list of "
				           "topics",
				           rd_kafka_err2str(code));
			else if (wanted == 0)
				error_set(err, ERROR_TIMEOUT,
				          "%zu topics are still there, topic %s among them", passed,
				          example);
			else
				error_set(err, ERROR_TIMEOUT,
				          "%zu of %zu topics have a leader for each partition",
				          passed, wanted);
			break;
		}
		admin_wait_ms(50);
	}
	free(sorted);
	return ok;
}

#define WRITABLE_CHUNK 200

/* Partitions of all topics, one after another, in order. */
struct cursor {
	const struct topic_spec *topics;
	size_t count, at;
	uint32_t partition;
};

static rd_kafka_topic_partition_list_t *next_chunk(struct cursor *c)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(WRITABLE_CHUNK);

	while (c->at < c->count && list->cnt < WRITABLE_CHUNK) {
		const struct topic_spec *t = &c->topics[c->at];
		rd_kafka_topic_partition_list_add(list, t->name, (int32_t)c->partition);
		c->partition++;
		if (c->partition >= t->partitions) {
			c->partition = 0;
			c->at++;
		}
	}
	return list;
}

/*
 * Metadata names a leader before that broker has made the partition, which takes it some 10 ms
 * each.  Until then it refuses what it gets, and that is not harmless: of several requests in
 * flight of an idempotent producer the first is refused, the second comes just in time and is
 * written, and the first is taken for a duplicate when it comes again.  It counts as acknowledged
 * and is in no log (26 of 5000 first messages to 1000 new partitions of Kafka 4.3, in-flight 5).
 * So the leaders are asked for an offset of each partition until they know it.
 */
static bool await_writable(struct admin *a, const struct topic_spec *topics, size_t count,
                           struct error *err)
{
	struct cursor c = { .topics = topics, .count = count };
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	while (c.at < count && code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		size_t at = c.at;
		rd_kafka_topic_partition_list_t *list = next_chunk(&c);
		uint64_t deadline_ms = clock_ms() + LEADERS_MS;
		uint64_t answered_ms = clock_ms();
		for (;;) {
			rd_kafka_resp_err_t unused;
			for (int i = 0; i < list->cnt; i++)
				list->elems[i].offset = 0; /* a time; the call overwrites it */
			code = rd_kafka_offsets_for_times(a->rk, list, METADATA_MS);
			if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
				break;
			if (admin_is_answered(a, &unused))
				answered_ms = clock_ms();
			if (clock_ms() >= earlier_ms(deadline_ms, answered_ms + ADMIN_ANSWER_MS))
				break;
			admin_wait_ms(20);
		}
		rd_kafka_topic_partition_list_destroy(list);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			error_set(err, ERROR_TIMEOUT,
			          "topic %s or one of the next: its leader does not serve it: "
			          "%s%s%s%s",
			          topics[at].name, rd_kafka_err2str(code),
			          a->reason[0] != '\0' ? " (" : "", a->reason,
			          a->reason[0] != '\0' ? ")" : "");
	}
	return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void tell_progress(const struct kafka_instance *c, size_t done)
{
	if (c->core->progress != NULL)
		c->core->progress(c->owner, done);
}

static bool kafka_create_topics(void *instance, const struct topic_spec *topics, size_t count,
                                struct error *err)
{
	struct kafka_instance *c = instance;
	struct admin a;
	struct batch b;
	bool ok = true;

	if (!admin_start(&a, c, err))
		return false;
	bool *existed = xcalloc(count + 1, sizeof(*existed));
	tell_progress(c, 0); /* from here on there may be something */
	for (size_t at = 0; ok && at < count; at += b.count) {
		batch_init(&b, topics + at, count - at);
		b.existed = existed + at;
		ok = create_batch(&a, &b, err);
		if (ok)
			tell_progress(c, at + b.count);
	}
	ok = ok && existing_are_wide_enough(&a, topics, existed, count, err) &&
	     await_topics(&a, topics, count, has_leaders, clock_ms() + LEADERS_MS, err) &&
	     await_writable(&a, topics, count, err);
	admin_stop(&a);
	free(existed);
	return ok;
}

static bool kafka_delete_topics(void *instance, const char *const *names, size_t count,
                                uint32_t timeout_ms, struct error *err)
{
	struct kafka_instance *c = instance;
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	struct topic_spec *topics = xcalloc(count + 1, sizeof(*topics));
	struct admin a;
	struct batch b;
	bool ok = admin_start(&a, c, err);

	for (size_t i = 0; i < count; i++)
		topics[i].name = names[i];
	for (size_t at = 0; ok && at < count; at += b.count) {
		batch_init(&b, topics + at, count - at);
		b.deletes = true;
		ok = delete_batch(&a, &b, deadline_ms, err);
		if (ok)
			tell_progress(c, at + b.count);
	}
	ok = ok && await_topics(&a, topics, count, is_there, deadline_ms, err);
	admin_stop(&a);
	free(topics);
	return ok;
}

static bool read_ends(struct admin *a, struct cursor *c, uint64_t *ends, struct error *err)
{
	while (c->at < c->count) {
		size_t at = c->at;
		rd_kafka_topic_partition_list_t *list = next_chunk(c);
		for (int i = 0; i < list->cnt; i++)
			list->elems[i].offset = RD_KAFKA_OFFSET_END; /* stands for a time */
		rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(a->rk, list, METADATA_MS);
		for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
			const rd_kafka_topic_partition_t *p = &list->elems[i];
			while (strcmp(c->topics[at].name, p->topic) != 0)
				at++;
			code = p->err;
			ends[at] += p->offset > 0 ? (uint64_t)p->offset : 0;
		}
		rd_kafka_topic_partition_list_destroy(list);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			return admin_fail(a, err, "reading the ends of topics",
			                  rd_kafka_err2str(code));
	}
	return true;
}

/* Those of `topics` that the metadata has, with as many partitions as there are now.  *unsure: an error
 * of one of them that does not say that it is not there; else it stays as it is. */
static size_t find_topics(const struct rd_kafka_metadata *md, const struct topic_spec *topics,
                          size_t count, struct topic_spec *found, size_t *places,
                          rd_kafka_resp_err_t *unsure)
{
	struct topic_spec *sorted = xmalloc((count + 1) * sizeof(*sorted));
	size_t there = 0;

	/* `partitions` of a key carries its place while names are looked up. */
	for (size_t i = 0; i < count; i++)
		sorted[i] = (struct topic_spec){ topics[i].name, (uint32_t)i };
	qsort(sorted, count, sizeof(*sorted), by_name);
	for (int i = 0; i < md->topic_cnt; i++) {
		struct topic_spec key = { .name = md->topics[i].topic };
		const struct topic_spec *t = bsearch(&key, sorted, count, sizeof(key), by_name);
		rd_kafka_resp_err_t code = md->topics[i].err;
		if (t == NULL || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			continue;
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
			*unsure = code;
		places[there] = t->partitions;
		found[there++] =
			(struct topic_spec){ t->name, (uint32_t)md->topics[i].partition_cnt };
	}
	free(sorted);
	return there;
}

static bool kafka_topic_ends(void *instance, const struct topic_spec *topics, size_t count,
                             uint64_t *ends, uint32_t *partitions, struct error *err)
{
	struct topic_spec *found = xmalloc((count + 1) * sizeof(*found));
	size_t *places = xmalloc((count + 1) * sizeof(*places));
	uint64_t *sums = xcalloc(count + 1, sizeof(*sums));
	rd_kafka_resp_err_t code;
	struct admin a;
	bool ok = admin_start(&a, instance, err);

	if (ok) {
		const struct rd_kafka_metadata *md = admin_metadata(&a, METADATA_MS, &code);
		if (md == NULL) {
			ok = admin_fail(&a, err, "reading the list of topics",
			                rd_kafka_err2str(code));
		} else {
			struct cursor c = { .topics = found };
			c.count = find_topics(md, topics, count, found, places, &code);
			rd_kafka_metadata_destroy(md);
			ok = code == RD_KAFKA_RESP_ERR_NO_ERROR
			             ? read_ends(&a, &c, sums, err)
			             : admin_fail(&a, err, "looking for the topics",
			                          rd_kafka_err2str(code));
			for (size_t i = 0; i < count; i++) {
				ends[i] = DRIVER_NO_TOPIC;
				partitions[i] = 0;
			}
			for (size_t i = 0; ok && i < c.count; i++) {
				ends[places[i]] = sums[i];
				partitions[places[i]] = found[i].partitions;
			}
		}
		admin_stop(&a);
	}
	free(found);
	free(places);
	free(sums);
	return ok;
}

const struct driver_admin kafka_admin = {
	.create_topics = kafka_create_topics,
	.delete_topics = kafka_delete_topics,
	.delete_groups = kafka_delete_groups,
	.topic_ends = kafka_topic_ends,
	.list = kafka_list,
	.broker_version = kafka_broker_version,
};
