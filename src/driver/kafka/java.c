/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/java.h"

#include <assert.h>
#include <string.h>

#define P   KAFKA_ROLE_BIT(KAFKA_PRODUCER)
#define C   KAFKA_ROLE_BIT(KAFKA_CONSUMER)
#define A   KAFKA_ROLE_BIT(KAFKA_ADMIN)
#define ALL (P | C | A)

#define SAME(key, roles)                                      \
	{                                                     \
		key, roles, JAVA_SAME, NULL, NULL, NULL, NULL \
	}
#define RENAME(key, roles, target)                                \
	{                                                         \
		key, roles, JAVA_RENAME, target, NULL, NULL, NULL \
	}
#define IGNORE(key, roles, note)                                \
	{                                                       \
		key, roles, JAVA_IGNORE, NULL, NULL, note, NULL \
	}
#define LOSE(key, roles, note)                                \
	{                                                     \
		key, roles, JAVA_LOSE, NULL, NULL, note, NULL \
	}
#define LOSE_BUT(key, roles, usual, note)                      \
	{                                                      \
		key, roles, JAVA_LOSE, NULL, NULL, note, usual \
	}
#define REFUSE(key, roles, note)                                \
	{                                                       \
		key, roles, JAVA_REFUSE, NULL, NULL, note, NULL \
	}
#define RULE(key, roles, rule)                                \
	{                                                     \
		key, roles, JAVA_RULE, NULL, rule, NULL, NULL \
	}
#define BYTES_ONLY   "omb passes bytes through as they are"
#define NO_METRICS   "metrics of the Java client"
#define NO_CLASS     "a Java class cannot run here"
#define NO_TLS       "a choice inside the Java TLS engine; OpenSSL is used here"
#define NO_BLOCKING  "time limit of the Java client's blocking calls; omb has its own"
#define NO_TXN       "OMB uses no transactions"
#define OF_VALIDATOR "a matter of whoever checks a token, which is the broker"
#define KRB_WINDOW   "librdkafka renews Kerberos tickets at a fixed time before they end"
#define OAUTH_WAY                                                                \
	"librdkafka's own properties are needed: sasl.oauthbearer.method=oidc, " \
	"sasl.oauthbearer.client.id, ..."

/* clang-format off */
static const struct java_option options[] = {
	RULE("acks", P, rule_acks),
	SAME("allow.auto.create.topics", C),
	SAME("auto.commit.interval.ms", C),
	IGNORE("auto.include.jmx.reporter", ALL, NO_METRICS),
	RULE("auto.offset.reset", C, rule_offset_reset),
	SAME("batch.size", P),
	LOSE("bootstrap.controllers", ALL, "omb asks the brokers"),
	SAME("bootstrap.servers", ALL),
	RULE("buffer.memory", P, rule_buffer_memory),
	SAME("check.crcs", C),
	SAME("client.dns.lookup", ALL),
	RULE("client.id", ALL, rule_client_id),
	SAME("client.rack", C),
	RULE("compression.gzip.level", P, rule_keep),
	RULE("compression.lz4.level", P, rule_keep),
	SAME("compression.type", P),
	RULE("compression.zstd.level", P, rule_keep),
	REFUSE("config.providers", ALL, "omb takes values as they stand: nothing would be filled in"),
	RULE("connections.max.idle.ms", ALL, rule_minus_one),
	LOSE("default.api.timeout.ms", ALL, NO_BLOCKING),
	SAME("delivery.timeout.ms", P),
	SAME("enable.auto.commit", C),
	SAME("enable.idempotence", P),
	SAME("enable.metrics.push", ALL),
	IGNORE("exclude.internal.topics", C, "only matters to subscriptions by pattern"),
	SAME("fetch.max.bytes", C),
	RENAME("fetch.max.wait.ms", C, "fetch.wait.max.ms"),
	SAME("fetch.min.bytes", C),
	LOSE("group.id", C, "the group is the subscription's name, as in OMB"),
	REFUSE("group.instance.id", C,
	       "every consumer of the run would have it and fence the others off"),
	RULE("group.protocol", C, rule_group_protocol),
	SAME("group.remote.assignor", C),
	SAME("heartbeat.interval.ms", C),
	REFUSE("interceptor.classes", P | C, NO_CLASS),
	SAME("isolation.level", C),
	IGNORE("key.deserializer", C, BYTES_ONLY),
	IGNORE("key.serializer", P, BYTES_ONLY),
	SAME("linger.ms", P),
	RULE("max.block.ms", P, rule_max_block),
	SAME("max.in.flight.requests.per.connection", P),
	SAME("max.partition.fetch.bytes", C),
	SAME("max.poll.interval.ms", C),
	LOSE("max.poll.records", C, "omb takes all that has arrived; the workload's commitInterval bounds what one commit is for"),
	RENAME("max.request.size", P, "message.max.bytes"),
	RULE("metadata.max.age.ms", ALL, rule_metadata_age),
	LOSE("metadata.max.idle.ms", P, "librdkafka keeps the topics of a producer"),
	SAME("metadata.recovery.rebootstrap.trigger.ms", ALL),
	SAME("metadata.recovery.strategy", ALL),
	IGNORE("metric.reporters", ALL, NO_METRICS),
	IGNORE("metrics.num.samples", ALL, NO_METRICS),
	IGNORE("metrics.recording.level", ALL, NO_METRICS),
	IGNORE("metrics.sample.window.ms", ALL, NO_METRICS),
	RULE("partition.assignment.strategy", C, rule_assignment),
	LOSE_BUT("partitioner.adaptive.partitioning.enable", P, "false",
	       "librdkafka does not prefer partitions of fast brokers"),
	LOSE_BUT("partitioner.availability.timeout.ms", P, "0",
	       "librdkafka does not prefer partitions of fast brokers"),
	RULE("partitioner.class", P, rule_partitioner),
	RULE("partitioner.ignore.keys", P, rule_ignore_keys),
	RULE("receive.buffer.bytes", ALL, rule_minus_one),
	SAME("reconnect.backoff.max.ms", ALL),
	SAME("reconnect.backoff.ms", ALL),
	RULE("request.timeout.ms", ALL, rule_request_timeout),
	SAME("retries", P),
	SAME("retry.backoff.max.ms", ALL),
	SAME("retry.backoff.ms", ALL),
	REFUSE("sasl.client.callback.handler.class", ALL, NO_CLASS),
	RULE("sasl.jaas.config", ALL, rule_jaas),
	RULE("sasl.kerberos.kinit.cmd", ALL, rule_kinit),
	SAME("sasl.kerberos.min.time.before.relogin", ALL),
	SAME("sasl.kerberos.service.name", ALL),
	LOSE("sasl.kerberos.ticket.renew.jitter", ALL, KRB_WINDOW),
	LOSE("sasl.kerberos.ticket.renew.window.factor", ALL, KRB_WINDOW),
	REFUSE("sasl.login.callback.handler.class", ALL, NO_CLASS ": " OAUTH_WAY),
	REFUSE("sasl.login.class", ALL, NO_CLASS),
	LOSE("sasl.login.connect.timeout.ms", ALL, "librdkafka has its own limits for logging in"),
	LOSE("sasl.login.read.timeout.ms", ALL, "librdkafka has its own limits for logging in"),
	LOSE("sasl.login.refresh.buffer.seconds", ALL, "librdkafka refreshes tokens by itself"),
	LOSE("sasl.login.refresh.min.period.seconds", ALL, "librdkafka refreshes tokens by itself"),
	LOSE("sasl.login.refresh.window.factor", ALL, "librdkafka refreshes tokens by itself"),
	LOSE("sasl.login.refresh.window.jitter", ALL, "librdkafka refreshes tokens by itself"),
	LOSE("sasl.login.retry.backoff.max.ms", ALL, "librdkafka has its own limits for logging in"),
	LOSE("sasl.login.retry.backoff.ms", ALL, "librdkafka has its own limits for logging in"),
	SAME("sasl.mechanism", ALL),
	REFUSE("sasl.oauthbearer.assertion.file", ALL, OAUTH_WAY),
	REFUSE("sasl.oauthbearer.assertion.private.key.file", ALL, OAUTH_WAY),
	REFUSE("sasl.oauthbearer.client.credentials.client.id", ALL, OAUTH_WAY),
	REFUSE("sasl.oauthbearer.client.credentials.client.secret", ALL, OAUTH_WAY),
	IGNORE("sasl.oauthbearer.clock.skew.seconds", ALL, OF_VALIDATOR),
	IGNORE("sasl.oauthbearer.expected.audience", ALL, OF_VALIDATOR),
	IGNORE("sasl.oauthbearer.expected.issuer", ALL, OF_VALIDATOR),
	LOSE("sasl.oauthbearer.header.urlencode", ALL, "librdkafka has its own way"),
	IGNORE("sasl.oauthbearer.jwks.endpoint.refresh.ms", ALL, OF_VALIDATOR),
	IGNORE("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", ALL, OF_VALIDATOR),
	IGNORE("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", ALL, OF_VALIDATOR),
	IGNORE("sasl.oauthbearer.jwks.endpoint.url", ALL, OF_VALIDATOR),
	REFUSE("sasl.oauthbearer.jwt.retriever.class", ALL, NO_CLASS ": " OAUTH_WAY),
	REFUSE("sasl.oauthbearer.jwt.validator.class", ALL, NO_CLASS),
	LOSE("sasl.oauthbearer.scope.claim.name", ALL, "librdkafka does not look into the token"),
	LOSE("sasl.oauthbearer.sub.claim.name", ALL, "librdkafka does not look into the token"),
	SAME("sasl.oauthbearer.token.endpoint.url", ALL),
	RULE("security.protocol", ALL, rule_security_protocol),
	LOSE("security.providers", ALL, "providers of the Java TLS engine; OpenSSL is used here"),
	RULE("send.buffer.bytes", ALL, rule_minus_one),
	SAME("session.timeout.ms", C),
	LOSE("socket.connection.setup.timeout.max.ms", ALL,
	       "librdkafka's connection timeout does not grow"),
	SAME("socket.connection.setup.timeout.ms", ALL),
	RULE("ssl.cipher.suites", ALL, rule_ciphers),
	LOSE("ssl.enabled.protocols", ALL, NO_TLS),
	RULE("ssl.endpoint.identification.algorithm", ALL, rule_endpoint),
	REFUSE("ssl.engine.factory.class", ALL, NO_CLASS),
	SAME("ssl.key.password", ALL),
	LOSE("ssl.keymanager.algorithm", ALL, NO_TLS),
	RENAME("ssl.keystore.certificate.chain", ALL, "ssl.certificate.pem"),
	RENAME("ssl.keystore.key", ALL, "ssl.key.pem"),
	RULE("ssl.keystore.location", ALL, rule_keep),
	RULE("ssl.keystore.password", ALL, rule_keep),
	RULE("ssl.keystore.type", ALL, rule_keep),
	LOSE("ssl.protocol", ALL, NO_TLS),
	LOSE("ssl.provider", ALL, NO_TLS),
	LOSE("ssl.secure.random.implementation", ALL, NO_TLS),
	LOSE("ssl.trustmanager.algorithm", ALL, NO_TLS),
	RENAME("ssl.truststore.certificates", ALL, "ssl.ca.pem"),
	RULE("ssl.truststore.location", ALL, rule_keep),
	RULE("ssl.truststore.password", ALL, rule_keep),
	RULE("ssl.truststore.type", ALL, rule_keep),
	IGNORE("transaction.timeout.ms", P, NO_TXN),
	LOSE_BUT("transaction.two.phase.commit.enable", P, "false", NO_TXN),
	REFUSE("transactional.id", P, NO_TXN),
	IGNORE("value.deserializer", C, BYTES_ONLY),
	IGNORE("value.serializer", P, BYTES_ONLY),
};
/* clang-format on */

const struct java_option *java_at(unsigned i)
{
	return i < sizeof(options) / sizeof(options[0]) ? &options[i] : NULL;
}

const struct java_option *java_find(const char *key)
{
	for (unsigned i = 0; java_at(i) != NULL; i++)
		if (strcmp(options[i].key, key) == 0)
			return &options[i];
	return NULL;
}

const char *java_nearest(const char *key)
{
	struct option_spec known[512] = { { 0 } };
	size_t count = 0;

	for (unsigned i = 0; java_at(i) != NULL; i++)
		known[count++].name = java_at(i)->key;
	for (unsigned i = 0; name_at(i) != NULL; i++)
		if (!(name_at(i)->flags & NAME_HIDDEN))
			known[count++].name = name_at(i)->key;
	assert(count < sizeof(known) / sizeof(known[0]));
	return option_nearest(known, key);
}
