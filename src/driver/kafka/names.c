/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define P       NAME_PRODUCER
#define C       NAME_CONSUMER
#define ANY     NAME_ANY
#define NEW     NAME_NEWER
#define HID     NAME_HIDDEN
#define FILES   NAME_FILE
#define RUNS    NAME_COMMAND

#define INT_TOP 2147483647

/* Of two names for one property, the one that people know is ours: acks, linger.ms. */
/* clang-format off */
static const struct name names[] = {
	{ "acks",                                     P,         NAME_INTEGER, -1, 1000, NULL },
	{ "allow.auto.create.topics",                 C,         NAME_BOOL, 0, 0, NULL },
	{ "api.version.fallback.ms",                  ANY,       NAME_INTEGER, 0, 604800000, NULL },
	{ "api.version.request",                      ANY,       NAME_BOOL, 0, 0, NULL },
	{ "api.version.request.timeout.ms",           ANY,       NAME_INTEGER, 1, 300000, NULL },
	{ "auto.commit.enable",                       C | HID,   NAME_BOOL, 0, 0, NULL },
	{ "auto.commit.interval.ms",                  C,         NAME_INTEGER, 0, 86400000, NULL },
	{ "auto.offset.reset",                        C,         NAME_WORD, 0, 0,
	  "smallest earliest beginning largest latest end error" },
	{ "batch.num.messages",                       P,         NAME_INTEGER, 1, 1000000, NULL },
	{ "batch.size",                               P,         NAME_INTEGER, 1, INT_TOP, NULL },
	{ "bootstrap.servers",                        ANY,       NAME_TEXT, 0, 0, NULL },
	{ "broker.address.family",                    ANY,       NAME_WORD, 0, 0, "any v4 v6" },
	{ "broker.address.ttl",                       ANY,       NAME_INTEGER, 0, 86400000, NULL },
	{ "broker.version.fallback",                  ANY,       NAME_TEXT, 0, 0, NULL },
	{ "builtin.features",                         ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "check.crcs",                               C,         NAME_BOOL, 0, 0, NULL },
	{ "client.dns.lookup",                        ANY | NEW, NAME_TEXT, 0, 0, NULL },
	{ "client.id",                                ANY,       NAME_TEXT, 0, 0, NULL },
	{ "client.rack",                              ANY,       NAME_TEXT, 0, 0, NULL },
	{ "client.software.name",                     ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "client.software.version",                  ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "compression.codec",                        NAME_ALIAS, NAME_TEXT, 0, 0, "compression.type" },
	{ "compression.level",                        P,         NAME_INTEGER, -1, 12, NULL },
	{ "compression.type",                         P,         NAME_WORD, 0, 0,
	  "none gzip snappy lz4 zstd" },
	{ "connections.max.idle.ms",                  ANY,       NAME_INTEGER, 0, INT_TOP, NULL },
	{ "consume.callback.max.messages",            C | HID,   NAME_INTEGER, 0, 1000000, NULL },
	{ "coordinator.query.interval.ms",            C,         NAME_INTEGER, 1, 3600000, NULL },
	{ "debug",                                    ANY,       NAME_TEXT, 0, 0, NULL },
	{ "default_topic_conf",                       ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "delivery.report.only.error",               P,         NAME_BOOL, 0, 0, NULL },
	{ "delivery.timeout.ms",                      P,         NAME_INTEGER, 0, INT_TOP, NULL },
	{ "enable.auto.commit",                       C,         NAME_BOOL, 0, 0, NULL },
	{ "enable.auto.offset.store",                 C,         NAME_BOOL, 0, 0, NULL },
	{ "enable.gapless.guarantee",                 P,         NAME_BOOL, 0, 0, NULL },
	{ "enable.idempotence",                       P,         NAME_BOOL, 0, 0, NULL },
	{ "enable.metrics.push",                      ANY | NEW, NAME_BOOL, 0, 0, NULL },
	{ "enable.partition.eof",                     C,         NAME_BOOL, 0, 0, NULL },
	{ "enable.random.seed",                       ANY,       NAME_BOOL, 0, 0, NULL },
	{ "enable.sasl.oauthbearer.unsecure.jwt",     ANY,       NAME_BOOL, 0, 0, NULL },
	{ "enable.sparse.connections",                ANY,       NAME_BOOL, 0, 0, NULL },
	{ "enable.ssl.certificate.verification",      ANY,       NAME_BOOL, 0, 0, NULL },
	{ "enable_sasl_queue",                        ANY | HID, NAME_BOOL, 0, 0, NULL },
	{ "enabled_events",                           ANY | HID, NAME_INTEGER, 0, INT_TOP, NULL },
	{ "fetch.error.backoff.ms",                   C,         NAME_INTEGER, 0, 300000, NULL },
	{ "fetch.max.bytes",                          C,         NAME_INTEGER, 0, 2147483135, NULL },
	{ "fetch.message.max.bytes",                  NAME_ALIAS, NAME_TEXT, 0, 0,
	  "max.partition.fetch.bytes" },
	{ "fetch.min.bytes",                          C,         NAME_INTEGER, 1, 100000000, NULL },
	{ "fetch.queue.backoff.ms",                   C | NEW,   NAME_INTEGER, 0, 300000, NULL },
	{ "fetch.wait.max.ms",                        C,         NAME_INTEGER, 0, 300000, NULL },
	{ "group.id",                                 C,         NAME_TEXT, 0, 0, NULL },
	{ "group.instance.id",                        C,         NAME_TEXT, 0, 0, NULL },
	{ "group.protocol",                           C | NEW,   NAME_WORD, 0, 0, "classic consumer" },
	{ "group.protocol.type",                      C,         NAME_TEXT, 0, 0, NULL },
	{ "group.remote.assignor",                    C | NEW,   NAME_TEXT, 0, 0, NULL },
	{ "heartbeat.interval.ms",                    C,         NAME_INTEGER, 1, 3600000, NULL },
	{ "https.ca.location",                        ANY | NEW | FILES, NAME_TEXT, 0, 0, NULL },
	{ "https.ca.pem",                             ANY | NEW, NAME_TEXT, 0, 0, NULL },
	{ "interceptors",                             ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "internal.termination.signal",              ANY,       NAME_INTEGER, 0, 128, NULL },
	{ "isolation.level",                          C,         NAME_WORD, 0, 0,
	  "read_uncommitted read_committed" },
	{ "linger.ms",                                P,         NAME_NUMBER, 0, 900000, NULL },
	{ "log.connection.close",                     ANY,       NAME_BOOL, 0, 0, NULL },
	{ "log.queue",                                ANY | HID, NAME_BOOL, 0, 0, NULL },
	{ "log.thread.name",                          ANY,       NAME_BOOL, 0, 0, NULL },
	{ "log_cb",                                   ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "log_level",                                ANY,       NAME_INTEGER, 0, 7, NULL },
	{ "max.in.flight",                            NAME_ALIAS, NAME_TEXT, 0, 0,
	  "max.in.flight.requests.per.connection" },
	{ "max.in.flight.requests.per.connection",    ANY,       NAME_INTEGER, 1, 1000000, NULL },
	{ "max.partition.fetch.bytes",                C,         NAME_INTEGER, 1, 1000000000, NULL },
	{ "max.poll.interval.ms",                     C,         NAME_INTEGER, 1, 86400000, NULL },
	{ "message.copy.max.bytes",                   ANY,       NAME_INTEGER, 0, 1000000000, NULL },
	{ "message.max.bytes",                        ANY,       NAME_INTEGER, 1000, 1000000000, NULL },
	{ "message.send.max.retries",                 NAME_ALIAS, NAME_TEXT, 0, 0, "retries" },
	{ "message.timeout.ms",                       NAME_ALIAS, NAME_TEXT, 0, 0,
	  "delivery.timeout.ms" },
	{ "metadata.broker.list",                     NAME_ALIAS, NAME_TEXT, 0, 0,
	  "bootstrap.servers" },
	{ "metadata.max.age.ms",                      ANY,       NAME_INTEGER, 1, 86400000, NULL },
	{ "metadata.recovery.rebootstrap.trigger.ms", ANY | NEW, NAME_INTEGER, 0, INT_TOP, NULL },
	{ "metadata.recovery.strategy",               ANY | NEW, NAME_WORD, 0, 0, "none rebootstrap" },
	{ "metadata.request.timeout.ms",              ANY | HID, NAME_INTEGER, 0, INT_TOP, NULL },
	{ "offset.store.method",                      C | HID,   NAME_WORD, 0, 0, "none file broker" },
	{ "offset.store.path",                        C | HID | FILES, NAME_TEXT, 0, 0, NULL },
	{ "offset.store.sync.interval.ms",            C | HID,   NAME_INTEGER, -1, 86400000, NULL },
	{ "open_cb",                                  ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "partition.assignment.strategy",            C,         NAME_TEXT, 0, 0, NULL },
	{ "partitioner",                              P,         NAME_WORD, 0, 0,
	  "random consistent consistent_random murmur2 murmur2_random fnv1a fnv1a_random" },
	{ "plugin.library.paths",                     ANY | RUNS, NAME_TEXT, 0, 0, NULL },
	{ "produce.offset.report",                    P | HID,   NAME_BOOL, 0, 0, NULL },
	{ "queue.buffering.backpressure.threshold",   P,         NAME_INTEGER, 1, 1000000, NULL },
	{ "queue.buffering.max.kbytes",               P,         NAME_INTEGER, 1, INT_TOP, NULL },
	{ "queue.buffering.max.messages",             P,         NAME_INTEGER, 0, INT_TOP, NULL },
	{ "queue.buffering.max.ms",                   NAME_ALIAS, NAME_TEXT, 0, 0, "linger.ms" },
	{ "queued.max.messages.kbytes",               C,         NAME_INTEGER, 1, 2097151, NULL },
	{ "queued.min.messages",                      C,         NAME_INTEGER, 1, 10000000, NULL },
	{ "queuing.strategy",                         P,         NAME_WORD, 0, 0, "fifo lifo" },
	{ "receive.message.max.bytes",                ANY,       NAME_INTEGER, 1000, INT_TOP, NULL },
	{ "reconnect.backoff.jitter.ms",              ANY,       NAME_INTEGER, 0, 3600000, NULL },
	{ "reconnect.backoff.max.ms",                 ANY,       NAME_INTEGER, 0, 3600000, NULL },
	{ "reconnect.backoff.ms",                     ANY,       NAME_INTEGER, 0, 3600000, NULL },
	{ "request.required.acks",                    NAME_ALIAS, NAME_TEXT, 0, 0, "acks" },
	{ "request.timeout.ms",                       P,         NAME_INTEGER, 1, 900000, NULL },
	{ "retries",                                  P,         NAME_INTEGER, 0, INT_TOP, NULL },
	{ "retry.backoff.max.ms",                     ANY | NEW, NAME_INTEGER, 1, 300000, NULL },
	{ "retry.backoff.ms",                         P,         NAME_INTEGER, 1, 300000, NULL },
	{ "sasl.kerberos.keytab",                     ANY | FILES, NAME_TEXT, 0, 0, NULL },
	{ "sasl.kerberos.kinit.cmd",                  ANY | RUNS, NAME_TEXT, 0, 0, NULL },
	{ "sasl.kerberos.min.time.before.relogin",    ANY,       NAME_INTEGER, 0, 86400000, NULL },
	{ "sasl.kerberos.principal",                  ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.kerberos.service.name",               ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.mechanism",                           ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.mechanisms",                          NAME_ALIAS, NAME_TEXT, 0, 0, "sasl.mechanism" },
	{ "sasl.oauthbearer.client.id",               ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.oauthbearer.client.secret",           ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.oauthbearer.config",                  ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.oauthbearer.extensions",              ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.oauthbearer.method",                  ANY,       NAME_WORD, 0, 0, "default oidc" },
	{ "sasl.oauthbearer.scope",                   ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.oauthbearer.token.endpoint.url",      ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.password",                            ANY,       NAME_TEXT, 0, 0, NULL },
	{ "sasl.username",                            ANY,       NAME_TEXT, 0, 0, NULL },
	{ "security.protocol",                        ANY,       NAME_WORD, 0, 0,
	  "plaintext ssl sasl_plaintext sasl_ssl" },
	{ "session.timeout.ms",                       C,         NAME_INTEGER, 1, 3600000, NULL },
	{ "socket.blocking.max.ms",                   ANY,       NAME_INTEGER, 1, 60000, NULL },
	{ "socket.connection.setup.timeout.ms",       ANY,       NAME_INTEGER, 1000, INT_TOP, NULL },
	{ "socket.keepalive.enable",                  ANY,       NAME_BOOL, 0, 0, NULL },
	{ "socket.max.fails",                         ANY,       NAME_INTEGER, 0, 1000000, NULL },
	{ "socket.nagle.disable",                     ANY,       NAME_BOOL, 0, 0, NULL },
	{ "socket.receive.buffer.bytes",              ANY,       NAME_INTEGER, 0, 100000000, NULL },
	{ "socket.send.buffer.bytes",                 ANY,       NAME_INTEGER, 0, 100000000, NULL },
	{ "socket.timeout.ms",                        ANY,       NAME_INTEGER, 10, 300000, NULL },
	{ "socket_cb",                                ANY | HID, NAME_TEXT, 0, 0, NULL },
	{ "ssl.ca.certificate.stores",                ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.ca.location",                          ANY | FILES, NAME_TEXT, 0, 0, NULL },
	{ "ssl.ca.pem",                               ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.certificate.location",                 ANY | FILES, NAME_TEXT, 0, 0, NULL },
	{ "ssl.certificate.pem",                      ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.cipher.suites",                        ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.crl.location",                         ANY | FILES, NAME_TEXT, 0, 0, NULL },
	{ "ssl.curves.list",                          ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.endpoint.identification.algorithm",    ANY,       NAME_WORD, 0, 0, "none https" },
	{ "ssl.engine.id",                            ANY | RUNS, NAME_TEXT, 0, 0, NULL },
	{ "ssl.engine.location",                      ANY | RUNS, NAME_TEXT, 0, 0, NULL },
	{ "ssl.key.location",                         ANY | FILES, NAME_TEXT, 0, 0, NULL },
	{ "ssl.key.password",                         ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.key.pem",                              ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.keystore.location",                    ANY | FILES, NAME_TEXT, 0, 0, NULL },
	{ "ssl.keystore.password",                    ANY,       NAME_TEXT, 0, 0, NULL },
	{ "ssl.providers",                            ANY | RUNS, NAME_TEXT, 0, 0, NULL },
	{ "ssl.sigalgs.list",                         ANY,       NAME_TEXT, 0, 0, NULL },
	{ "statistics.interval.ms",                   ANY,       NAME_INTEGER, 0, 86400000, NULL },
	{ "sticky.partitioning.linger.ms",            P,         NAME_INTEGER, 0, 900000, NULL },
	{ "test.mock.broker.rtt",                     ANY | HID, NAME_INTEGER, 0, 3600000, NULL },
	{ "test.mock.num.brokers",                    ANY | HID, NAME_INTEGER, 0, 10000, NULL },
	{ "topic.blacklist",                          ANY,       NAME_TEXT, 0, 0, NULL },
	{ "topic.metadata.propagation.max.ms",        ANY,       NAME_INTEGER, 0, 3600000, NULL },
	{ "topic.metadata.refresh.fast.cnt",          ANY,       NAME_INTEGER, 0, 1000, NULL },
	{ "topic.metadata.refresh.fast.interval.ms",  ANY,       NAME_INTEGER, 1, 60000, NULL },
	{ "topic.metadata.refresh.interval.ms",       ANY,       NAME_INTEGER, -1, 3600000, NULL },
	{ "topic.metadata.refresh.sparse",            ANY,       NAME_BOOL, 0, 0, NULL },
	{ "transaction.timeout.ms",                   P,         NAME_INTEGER, 1000, INT_TOP, NULL },
	{ "transactional.id",                         P,         NAME_TEXT, 0, 0, NULL },
};
/* clang-format on */

#define NAMES   (sizeof(names) / sizeof(names[0]))

const struct name *name_at(unsigned i)
{
	return i < NAMES ? &names[i] : NULL;
}

const struct name *name_find(const char *key)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (strcmp(names[i].key, key) != 0)
			continue;
		if (names[i].flags & NAME_ALIAS)
			return name_find(names[i].words);
		return &names[i];
	}
	return NULL;
}

bool name_is_of_topics(const char *key)
{
	/* Of Kafka 4. */
	static const char *const of_topics[] = {
		"cleanup.policy",
		"compression.gzip.level",
		"compression.lz4.level",
		"compression.type",
		"compression.zstd.level",
		"delete.retention.ms",
		"file.delete.delay.ms",
		"flush.messages",
		"flush.ms",
		"follower.replication.throttled.replicas",
		"index.interval.bytes",
		"leader.replication.throttled.replicas",
		"local.retention.bytes",
		"local.retention.ms",
		"max.compaction.lag.ms",
		"max.message.bytes",
		"message.downconversion.enable",
		"message.format.version",
		"message.timestamp.after.max.ms",
		"message.timestamp.before.max.ms",
		"message.timestamp.difference.max.ms",
		"message.timestamp.type",
		"min.cleanable.dirty.ratio",
		"min.compaction.lag.ms",
		"min.insync.replicas",
		"preallocate",
		"remote.log.copy.disable",
		"remote.log.delete.on.disable",
		"remote.storage.enable",
		"retention.bytes",
		"retention.ms",
		"segment.bytes",
		"segment.index.bytes",
		"segment.jitter.ms",
		"segment.ms",
		"unclean.leader.election.enable",
	};

	for (size_t i = 0; i < sizeof(of_topics) / sizeof(of_topics[0]); i++)
		if (strcmp(of_topics[i], key) == 0)
			return true;
	return false;
}

/* Is `word` one of `words`, whatever its case? */
static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	while (*words != '\0') {
		size_t n = strcspn(words, " ");
		if (n == len && strncasecmp(words, word, n) == 0)
			return true;
		words += n;
		words += strspn(words, " ");
	}
	return false;
}

static bool check_integer(const struct name *n, const char *value, struct error *err)
{
	char *end;

	errno = 0;
	long long number = strtoll(value, &end, 10);
	if (end == value || *end != '\0')
		return error_set(err, ERROR_CONFIG, "%s: \"%s\" is not a whole number", n->key,
		                 value);
	if (errno == ERANGE || number < n->min || number > n->max)
		return error_set(err, ERROR_CONFIG, "%s: %s is outside %lld..%lld", n->key, value,
		                 (long long)n->min, (long long)n->max);
	return true;
}

static bool check_number(const struct name *n, const char *value, struct error *err)
{
	char *end;
	double number = strtod(value, &end);

	if (end == value || *end != '\0')
		return error_set(err, ERROR_CONFIG, "%s: \"%s\" is not a number", n->key, value);
	if (!(number >= (double)n->min && number <= (double)n->max))
		return error_set(err, ERROR_CONFIG, "%s: %s is outside %lld..%lld", n->key, value,
		                 (long long)n->min, (long long)n->max);
	return true;
}

bool name_check(const struct name *n, const char *value, struct error *err)
{
	switch (n->type) {
	case NAME_TEXT:
		return true;
	case NAME_INTEGER:
		/* librdkafka's other word for -1, which is Java's too. */
		if (strcmp(n->key, "acks") == 0 && strcmp(value, "all") == 0)
			return true;
		return check_integer(n, value, err);
	case NAME_NUMBER:
		return check_number(n, value, err);
	case NAME_BOOL:
		if (has_word("true false t f 1 0", value))
			return true;
		return error_set(err, ERROR_CONFIG, "%s: \"%s\" is neither true nor false", n->key,
		                 value);
	case NAME_WORD:
		if (has_word(n->words, value))
			return true;
		return error_set(err, ERROR_CONFIG, "%s: \"%s\" is none of: %s", n->key, value,
		                 n->words);
	}
	abort();
}
