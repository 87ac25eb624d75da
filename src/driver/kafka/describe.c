/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe -- the whole effective configuration, line by line, and what it means.
 *
 * The values are those of a client that was really made (without a broker's address, so that it
 * talks to nobody): librdkafka checks combinations and adjusts some values only then.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver/kafka/kafka.h"
#include "driver/kafka/kafka_conf.h"
#include "driver/kafka/names.h"
#include "util/secret.h"

struct description {
	const struct kafka_config *config;
	const struct driver_context *ctx;
	driver_row_fn *fn;
	void *to;
};

static void row(const struct description *d, const char *section, const char *key,
                const char *value, const char *origin, const char *note)
{
	struct driver_row r = { section, key, secret_shown(key, value), origin, note };

	d->fn(d->to, &r);
}

/* --- settings --------------------------------------------------------------------------------- */

static void setting_row(const struct description *d, const char *section,
                        const struct kafka_setting *s)
{
	row(d, section, s->key, s->value, s->origin, s->note);
}

/* What people write, where the library has another word for it. */
static const char *familiar(const char *key, const char *value)
{
	static const char *const words[][3] = {
		{ "acks", "-1", "all" },
		{ "auto.offset.reset", "smallest", "earliest" },
		{ "auto.offset.reset", "largest", "latest" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(key, words[i][0]) == 0 && strcmp(value, words[i][1]) == 0)
			return words[i][2];
	return value;
}

/* Properties of a topic that only repeat the client's, or are left over from an old consumer. */
static bool is_shadow(const char *key)
{
	return strcmp(key, "compression.codec") == 0 || strcmp(key, "compression.type") == 0 ||
	       strcmp(key, "auto.commit.interval.ms") == 0;
}

/* The library adjusts some numbers to others when a client is made.  True for what is no number. */
static bool is_same_number(const struct name *n, const char *set, const char *dumped)
{
	char *set_end, *dumped_end;

	if (n->type != NAME_INTEGER && n->type != NAME_NUMBER)
		return true;
	double a = strtod(set, &set_end), b = strtod(dumped, &dumped_end);
	return *set_end != '\0' || *dumped_end != '\0' || fabs(a - b) < 1e-6;
}

/* One that we set, with what the library made of it. */
static void set_row(const struct description *d, const char *section, const struct kafka_setting *s,
                    const char *dumped)
{
	const struct name *n = name_find(s->key);
	char note[200];

	if (n == NULL || is_same_number(n, s->value, dumped)) {
		row(d, section, s->key, dumped, s->origin, s->note);
		return;
	}
	snprintf(note, sizeof(note), "librdkafka makes it of %s%s%s", s->value,
	         s->note[0] != '\0' ? "; " : "", s->note);
	row(d, section, s->key, dumped, ORIGIN_ALTERED, note);
}

/* One line of the library's own dump. */
static void dumped_row(const struct description *d, enum kafka_role role, const char *key,
                       const char *value)
{
	unsigned scope = role == KAFKA_PRODUCER ? NAME_PRODUCER : NAME_CONSUMER;
	const char *section = role == KAFKA_PRODUCER ? "producer" : "consumer";
	const struct name *n = name_find(key);
	/* Properties of later versions than the table's are shown on both sides. */
	const char *known = n == NULL ? key : n->key;
	const struct kafka_setting *s = kafka_setting_find(&d->config->roles[role], known);

	if (n != NULL && ((n->flags & NAME_HIDDEN) || !(n->flags & scope)))
		return;
	if (n == NULL && (strstr(key, "_cb") != NULL || strncmp(key, "test.", 5) == 0))
		return;
	value = familiar(known, value);
	if (s != NULL)
		set_row(d, section, s, value);
	else if (strcmp(known, "client.id") == 0)
		row(d, section, known, value, ORIGIN_OMB, "tells the agents apart");
	else
		row(d, section, known, value, ORIGIN_LIBRARY, "");
}

static void dump(const struct description *d, enum kafka_role role, rd_kafka_conf_t *conf)
{
	size_t count;
	const char **pairs = rd_kafka_conf_dump(conf, &count);

	for (size_t i = 0; i + 1 < count; i += 2)
		dumped_row(d, role, pairs[i], pairs[i + 1]);
	rd_kafka_conf_dump_free(pairs, count);
}

static void dump_topic(const struct description *d, enum kafka_role role,
                       rd_kafka_topic_conf_t *conf)
{
	size_t count;
	const char **pairs = rd_kafka_topic_conf_dump(conf, &count);

	for (size_t i = 0; i + 1 < count; i += 2)
		if (!is_shadow(pairs[i]))
			dumped_row(d, role, pairs[i], pairs[i + 1]);
	rd_kafka_conf_dump_free(pairs, count);
}

/* A client that knows no broker. */
static rd_kafka_t *make_client(const struct description *d, enum kafka_role role, struct error *err)
{
	struct kafka_settings list = d->config->roles[role];
	struct kafka_setting items[256];
	size_t count = 0;

	for (size_t i = 0; i < list.count && count < sizeof(items) / sizeof(items[0]); i++)
		if (strcmp(list.items[i].key, "bootstrap.servers") != 0)
			items[count++] = list.items[i];
	list.items = items;
	list.count = count;

	rd_kafka_conf_t *conf = kafka_conf_create(&list, d->ctx->client_id, err);
	if (conf == NULL)
		return NULL;
	return kafka_conf_client(role == KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER,
	                         conf, err);
}

static bool describe_role(const struct description *d, enum kafka_role role, const char *section,
                          struct error *err)
{
	const struct kafka_settings *list = &d->config->roles[role];
	rd_kafka_t *rk = make_client(d, role, err);

	if (rk == NULL)
		return error_wrap(err, "%s", section);
	setting_row(d, section, kafka_setting_find(list, "bootstrap.servers"));

	rd_kafka_conf_t *conf = rd_kafka_conf_dup(rd_kafka_conf(rk));
	dump(d, role, conf);
	rd_kafka_conf_destroy(conf);

	rd_kafka_topic_conf_t *topic = rd_kafka_default_topic_conf_dup(rk);
	dump_topic(d, role, topic);
	rd_kafka_topic_conf_destroy(topic);
	rd_kafka_destroy(rk);
	return true;
}

/* Does a library without the property do what it asks for? */
static bool is_so_anyway(const struct kafka_setting *s)
{
	static const char *const same[][2] = {
		{ "client.dns.lookup", "use_all_dns_ips" },
		{ "enable.metrics.push", "false" },
		{ "metadata.recovery.strategy", "none" },
	};

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (strcmp(s->key, same[i][0]) == 0 && strcasecmp(s->value, same[i][1]) == 0)
			return true;
	return strcmp(s->origin, ORIGIN_FILE) != 0 && strcmp(s->origin, ORIGIN_ALTERED) != 0;
}

/* Settings that the library at hand does not know; see kafka_conf_is_optional. */
static void describe_missing(const struct description *d, enum kafka_role role, const char *section)
{
	const struct kafka_settings *list = &d->config->roles[role];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char value[16];

	for (size_t i = 0; i < list->count; i++) {
		size_t size = sizeof(value);
		const struct kafka_setting *s = &list->items[i];
		/* Nobody asked for what is omb's own, and there it is not needed. */
		if (strcmp(s->origin, ORIGIN_OMB) != 0 && kafka_conf_is_optional(s->key) &&
		    rd_kafka_conf_get(conf, s->key, value, &size) == RD_KAFKA_CONF_UNKNOWN)
			row(d, section, s->key, s->value,
			    is_so_anyway(s) ? ORIGIN_IGNORED : ORIGIN_NO_EFFECT,
			    "this version of librdkafka does not have it");
	}
	rd_kafka_conf_destroy(conf);
}

static void describe_ignored(const struct description *d, enum kafka_role role, const char *section)
{
	for (size_t i = 0; i < d->config->ignored.count; i++) {
		const struct kafka_ignored *g = &d->config->ignored.items[i];
		if (g->role == role)
			row(d, section, g->key, g->value, g->origin, g->note);
	}
}

static void describe_topic(const struct description *d)
{
	char text[32];

	if (d->config->replication_factor == 0) {
		row(d, "topic", "replicationFactor", "-1", ORIGIN_OMB, "the broker's default");
	} else {
		snprintf(text, sizeof(text), "%u", d->config->replication_factor);
		row(d, "topic", "replicationFactor", text, ORIGIN_FILE, "");
	}
	for (size_t i = 0; i < d->config->topic.count; i++)
		setting_row(d, "topic", &d->config->topic.items[i]);
}

static void describe_own(const struct description *d)
{
	char text[32];

	snprintf(text, sizeof(text), "%u", d->config->max_block_ms);
	row(d, "producer", "max.block.ms", text,
	    d->config->max_block_ms == 60000 ? ORIGIN_JAVA : ORIGIN_FILE,
	    "omb's own: a message that cannot be handed over for so long fails");
	row(d, "consumer", "group.id", "<subscription>", ORIGIN_OMB, "");
	row(d, "library", "librdkafka", rd_kafka_version_str(), "", "");
}

/* --- meaning ---------------------------------------------------------------------------------- */

static const char *producer_value(const struct description *d, const char *key,
                                  const char *fallback)
{
	return kafka_setting_value(&d->config->roles[KAFKA_PRODUCER], key, fallback);
}

/* What the file leaves out is as ... */
static void describe_defaults(const struct description *d)
{
	row(d, "meaning", "client defaults",
	    d->config->java_defaults ? "the Java client's" : "librdkafka's", "",
	    d->config->defaults_why);
}

static void meaning(const struct description *d, const char *key, const char *value)
{
	row(d, "meaning", key, value, "", "");
}

static bool is_idempotent(const struct description *d)
{
	return strcasecmp(producer_value(d, "enable.idempotence", "false"), "true") == 0;
}

static void describe_acknowledgement(const struct description *d)
{
	const char *acks = producer_value(d, "acks", "all");
	const char *in_sync = kafka_setting_value(&d->config->topic, "min.insync.replicas", NULL);
	char text[160];

	if (strcmp(acks, "0") == 0) {
		meaning(d, "acknowledgement", "none: given to the socket counts (acks=0)");
		return;
	}
	if (strcmp(acks, "1") == 0) {
		meaning(d, "acknowledgement", "the leader has it (acks=1)");
		return;
	}
	snprintf(text, sizeof(text),
	         "all replicas in sync have it (acks=all, min.insync.replicas %s)%s",
	         in_sync == NULL ? "of the broker" : in_sync,
	         is_idempotent(d) ? ", idempotent" : "");
	meaning(d, "acknowledgement", text);
}

static void describe_durability(const struct description *d)
{
	const struct kafka_settings *topic = &d->config->topic;
	const char *messages = kafka_setting_value(topic, "flush.messages", NULL);
	const char *ms = kafka_setting_value(topic, "flush.ms", NULL);
	char text[160];

	if (d->config->replication_factor == 0)
		snprintf(text, sizeof(text), "the broker's default number of replicas");
	else
		snprintf(text, sizeof(text), "%u replica%s", d->config->replication_factor,
		         d->config->replication_factor == 1 ? "" : "s");
	meaning(d, "replication", text);

	if (messages == NULL && ms == NULL)
		snprintf(text, sizeof(text),
		         "page cache, written out when the broker's host sees fit");
	else
		snprintf(text, sizeof(text), "synced to disk (flush.messages %s, flush.ms %s)",
		         messages == NULL ? "unset" : messages, ms == NULL ? "unset" : ms);
	meaning(d, "persistence", text);
}

static void describe_ordering(const struct description *d)
{
	bool alone =
		strcmp(producer_value(d, "max.in.flight.requests.per.connection", ""), "1") == 0;
	bool retries = strcmp(producer_value(d, "retries", ""), "0") != 0;

	if (is_idempotent(d) || alone || !retries)
		meaning(d, "ordering", "within a partition");
	else
		meaning(d, "ordering", "within a partition, except after a retry");
}

static void describe_batching(const struct description *d)
{
	char text[200];

	snprintf(text, sizeof(text), "linger %s ms, up to %s bytes, compression %s",
	         producer_value(d, "linger.ms", "5"), producer_value(d, "batch.size", "1000000"),
	         producer_value(d, "compression.type", "none"));
	meaning(d, "batching", text);
}

static void describe_rest(const struct description *d)
{
	const struct kafka_settings *consumer = &d->config->roles[KAFKA_CONSUMER];
	const char *protocol = producer_value(d, "security.protocol", "plaintext");
	char text[120];

	if (d->config->manual_commit) {
		meaning(d, "consumer ack", "positions committed by omb, asynchronously");
	} else {
		snprintf(text, sizeof(text), "positions committed by the client every %s ms",
		         kafka_setting_value(consumer, "auto.commit.interval.ms", "5000"));
		meaning(d, "consumer ack", text);
	}
	meaning(d, "redelivery", "unknown: a broker keeps no account of what it has delivered");
	meaning(d, "tls", strstr(protocol, "ssl") != NULL ? "yes" : "no");
}

bool kafka_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                    struct error *err)
{
	struct description d = { .config = ctx->config, .ctx = ctx, .fn = fn, .to = to };

	describe_defaults(&d);
	describe_acknowledgement(&d);
	describe_durability(&d);
	describe_ordering(&d);
	describe_batching(&d);
	describe_rest(&d);
	describe_own(&d);
	describe_topic(&d);
	if (!describe_role(&d, KAFKA_PRODUCER, "producer", err) ||
	    !describe_role(&d, KAFKA_CONSUMER, "consumer", err))
		return false;
	describe_missing(&d, KAFKA_PRODUCER, "producer");
	describe_missing(&d, KAFKA_CONSUMER, "consumer");
	describe_ignored(&d, KAFKA_PRODUCER, "producer");
	describe_ignored(&d, KAFKA_CONSUMER, "consumer");
	return true;
}
