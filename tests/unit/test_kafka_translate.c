/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/driver.h"
#include "driver/kafka/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "driver/kafka/java.h"
#include "driver/kafka/names.h"
#include "kafka_fixture.h"

extern const struct driver driver_kafka;

/* --- tables ----------------------------------------------------------------------------------- */

static void every_option_of_the_java_client_leads_to_a_property_that_exists(void **state)
{
	const char *before = NULL;

	(void)state;
	for (unsigned i = 0; java_at(i) != NULL; i++) {
		const struct java_option *o = java_at(i);
		const char *target = o->action == JAVA_SAME ? o->key : o->target;
		bool direct = o->action == JAVA_SAME || o->action == JAVA_RENAME;
		if (direct && (target == NULL || name_find(target) == NULL))
			fail_msg("%s leads to nothing", o->key);
		if ((o->action == JAVA_IGNORE || o->action == JAVA_REFUSE) && o->note == NULL)
			fail_msg("%s says no reason", o->key);
		if (o->action == JAVA_RULE && o->rule == NULL)
			fail_msg("%s has no rule", o->key);
		if (before != NULL && o->key != NULL && strcmp(before, o->key) >= 0)
			fail_msg("%s is out of order or twice", o->key);
		before = o->key;
	}
}

static void every_default_of_the_java_client_is_one_that_the_library_takes(void **state)
{
	(void)state;
	struct error err = { 0 };

	for (unsigned i = 0; java_default_at(i) != NULL; i++) {
		const struct java_default *d = java_default_at(i);
		const struct name *n = name_find(d->key);
		assert_non_null(n);
		assert_string_equal(n->key, d->key); /* not an alias */
		if (!name_check(n, d->value, &err))
			fail_msg("%s", err.text);
	}
}

static void property_names_are_in_order_and_aliases_lead_to_real_ones(void **state)
{
	(void)state;
	for (unsigned i = 0; name_at(i) != NULL; i++) {
		if (i > 0 && strcmp(name_at(i - 1)->key, name_at(i)->key) >= 0)
			fail_msg("%s is out of order or twice", name_at(i)->key);
		assert_non_null(name_find(name_at(i)->key));
	}
	assert_string_equal(name_find("queue.buffering.max.ms")->key, "linger.ms");
	assert_null(name_find("linger"));
}

/* --- defaults --------------------------------------------------------------------------------- */

struct expected {
	enum kafka_role role;
	const char *key, *value, *origin;
};

static void expect(const struct run *r, const struct expected *e, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *got = value(r, e[i].role, e[i].key);
		const char *from = origin(r, e[i].role, e[i].key);
		if (strcmp(got, e[i].value) != 0 || strcmp(from, e[i].origin) != 0)
			fail_msg("%s: %s (%s) instead of %s (%s)", e[i].key, got, from, e[i].value,
			         e[i].origin);
	}
}

#define EXPECT(r, table) expect(r, table, sizeof(table) / sizeof((table)[0]))

static void what_an_omb_file_leaves_out_is_as_in_the_java_client(void **state)
{
	(void)state;
	static const struct expected table[] = {
		{ KAFKA_PRODUCER, "max.in.flight.requests.per.connection", "5", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "enable.idempotence", "true", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "linger.ms", "0", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "batch.size", "16384", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "batch.num.messages", "1000000", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "queue.buffering.max.kbytes", "32768", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "queue.buffering.max.messages", "0", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "delivery.timeout.ms", "120000", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "message.max.bytes", "1048576", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "partitioner", "murmur2_random", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "socket.timeout.ms", "30000", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "reconnect.backoff.ms", "50", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "reconnect.backoff.max.ms", "1000", ORIGIN_JAVA },
		{ KAFKA_PRODUCER, "socket.nagle.disable", "true", ORIGIN_OMB },
		{ KAFKA_CONSUMER, "isolation.level", "read_uncommitted", ORIGIN_JAVA },
		{ KAFKA_CONSUMER, "check.crcs", "true", ORIGIN_JAVA },
		{ KAFKA_CONSUMER, "partition.assignment.strategy", "range", ORIGIN_JAVA },
		{ KAFKA_CONSUMER, "auto.offset.reset", "earliest", ORIGIN_OMB },
		{ KAFKA_CONSUMER, "enable.auto.commit", "false", ORIGIN_OMB },
		{ KAFKA_CONSUMER, "enable.auto.offset.store", "false", ORIGIN_OMB },
		{ KAFKA_CONSUMER, "socket.nagle.disable", "true", ORIGIN_OMB },
		{ KAFKA_ADMIN, "socket.timeout.ms", "30000", ORIGIN_JAVA },
	};
	struct run r;

	translate(&r, &(struct input){ 0 });
	no_errors(&r);
	EXPECT(&r, table);
	assert_int_equal(r.config.max_block_ms, 60000);
	assert_true(r.config.manual_commit);
	done(&r);
}

static void a_file_for_librdkafka_keeps_its_defaults_except_nagle_and_the_groups(void **state)
{
	(void)state;
	static const struct expected table[] = {
		{ KAFKA_PRODUCER, "linger.ms", "(unset)", "(unset)" },
		{ KAFKA_PRODUCER, "enable.idempotence", "(unset)", "(unset)" },
		{ KAFKA_PRODUCER, "delivery.timeout.ms", "(unset)", "(unset)" },
		{ KAFKA_PRODUCER, "socket.timeout.ms", "(unset)", "(unset)" },
		{ KAFKA_PRODUCER, "queue.buffering.max.messages", "(unset)", "(unset)" },
		{ KAFKA_PRODUCER, "socket.nagle.disable", "true", ORIGIN_OMB },
		{ KAFKA_CONSUMER, "isolation.level", "(unset)", "(unset)" },
		{ KAFKA_CONSUMER, "enable.auto.commit", "false", ORIGIN_OMB },
		{ KAFKA_CONSUMER, "auto.offset.reset", "earliest", ORIGIN_OMB },
	};
	struct run r;

	translate(&r, &(struct input){ .librdkafka = true });
	no_errors(&r);
	EXPECT(&r, table);
	done(&r);
}

static void nagle_stays_as_the_file_says(void **state)
{
	(void)state;
	static const struct expected table[] = {
		{ KAFKA_PRODUCER, "socket.nagle.disable", "false", ORIGIN_FILE },
		{ KAFKA_CONSUMER, "socket.nagle.disable", "true", ORIGIN_OMB },
	};
	struct run r;

	translate(&r, &(struct input){ .producer = "socket.nagle.disable=false\n" });
	no_errors(&r);
	EXPECT(&r, table);
	done(&r);
}

/* A closing producer of librdkafka 2.8 waits a second for its last report of metrics. */
static void no_client_sends_metrics_unless_the_file_says_so(void **state)
{
	(void)state;
	static const struct expected table[] = {
		{ KAFKA_PRODUCER, "enable.metrics.push", "false", ORIGIN_OMB },
		{ KAFKA_CONSUMER, "enable.metrics.push", "true", ORIGIN_FILE },
		{ KAFKA_ADMIN, "enable.metrics.push", "false", ORIGIN_OMB },
	};

	for (int librdkafka = 0; librdkafka < 2; librdkafka++) {
		struct run r;
		translate(&r, &(struct input){ .consumer = "enable.metrics.push=true\n",
		                               .librdkafka = librdkafka });
		no_errors(&r);
		EXPECT(&r, table);
		done(&r);
	}
}

/* --- one property ----------------------------------------------------------------------------- */

#define SASL_SSL "security.protocol=SASL_SSL\n"

/* clang-format off */
static const struct {
	enum kafka_role role;
	const char *line;
	const char *key, *value, *origin;
} translated[] = {
	{ P, "buffer.memory=2097152", "queue.buffering.max.kbytes", "2048", ORIGIN_FILE },
	{ P, "buffer.memory=100", "queue.buffering.max.kbytes", "1", ORIGIN_ALTERED },
	{ P, "linger.ms=200", "linger.ms", "200", ORIGIN_FILE },
	{ P, "queue.buffering.max.ms=7", "linger.ms", "7", ORIGIN_FILE },
	{ P, "batch.size=131072", "batch.size", "131072", ORIGIN_FILE },
	{ P, "batch.size=0", "batch.size", "1", ORIGIN_ALTERED },
	{ P, "compression.type=zstd", "compression.type", "zstd", ORIGIN_FILE },
	{ P, "max.request.size=4194304", "message.max.bytes", "4194304", ORIGIN_FILE },
	{ P, "acks=-1", "acks", "all", ORIGIN_FILE },
	{ P, "acks=0", "acks", "0", ORIGIN_FILE },
	{ P, "request.required.acks=1", "acks", "1", ORIGIN_FILE },
	{ P, "request.timeout.ms=1200000", "request.timeout.ms", "900000", ORIGIN_ALTERED },
	{ P, "request.timeout.ms=1200000", "socket.timeout.ms", "300000", ORIGIN_ALTERED },
	{ C, "request.timeout.ms=40000", "socket.timeout.ms", "40000", ORIGIN_FILE },
	{ C, "request.timeout.ms=40000", "request.timeout.ms", "(unset)", "(unset)" },
	{ P, "retry.backoff.ms=0", "retry.backoff.ms", "1", ORIGIN_ALTERED },
	{ P, "send.buffer.bytes=-1", "socket.send.buffer.bytes", "0", ORIGIN_FILE },
	{ P, "metadata.max.age.ms=5000", "topic.metadata.refresh.interval.ms", "5000", ORIGIN_FILE },
	{ P, "partitioner.class=org.apache.kafka.clients.producer.internals.DefaultPartitioner",
	  "partitioner", "murmur2_random", ORIGIN_FILE },
	{ P, "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
	  "partitioner", "random", ORIGIN_ALTERED },
	{ P, "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
	  "sticky.partitioning.linger.ms", "0", ORIGIN_ALTERED },
	{ P, "partitioner.ignore.keys=true", "partitioner", "random", ORIGIN_ALTERED },
	{ P, "partitioner=fnv1a", "partitioner", "fnv1a", ORIGIN_FILE },
	{ C, "fetch.max.wait.ms=10", "fetch.wait.max.ms", "10", ORIGIN_FILE },
	{ C, "fetch.min.bytes=0", "fetch.min.bytes", "1", ORIGIN_ALTERED },
	{ C, "max.partition.fetch.bytes=10485760", "max.partition.fetch.bytes", "10485760", ORIGIN_FILE },
	{ C, "fetch.message.max.bytes=99", "max.partition.fetch.bytes", "99", ORIGIN_FILE },
	{ C, "fetch.max.bytes=5000", "message.max.bytes", "5000", ORIGIN_OMB },
	{ C, "auto.offset.reset=latest", "auto.offset.reset", "earliest", ORIGIN_ALTERED },
	{ C, "auto.offset.reset=earliest", "auto.offset.reset", "earliest", ORIGIN_FILE },
	{ C, "isolation.level=read_committed", "isolation.level", "read_committed", ORIGIN_FILE },
	{ C, "enable.auto.commit=true", "enable.auto.commit", "true", ORIGIN_FILE },
	{ C, "enable.auto.offset.store=true", "enable.auto.offset.store", "false", ORIGIN_ALTERED },
	{ C, "max.poll.interval.ms=9000", "statistics.interval.ms", "3000", ORIGIN_OMB },
	{ C, "partition.assignment.strategy=org.apache.kafka.clients.consumer.RoundRobinAssignor",
	  "partition.assignment.strategy", "roundrobin", ORIGIN_FILE },
	{ C, "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
	  "partition.assignment.strategy", "cooperative-sticky", ORIGIN_FILE },
	{ C, "partition.assignment.strategy=org.apache.kafka.clients.consumer.StickyAssignor",
	  "partition.assignment.strategy", "cooperative-sticky", ORIGIN_ALTERED },
	{ C, "partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor, "
	  "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
	  "partition.assignment.strategy", "range", ORIGIN_ALTERED },
	{ C, "partition.assignment.strategy=range,roundrobin",
	  "partition.assignment.strategy", "range,roundrobin", ORIGIN_FILE },
	{ P, "security.protocol=SASL_SSL", "security.protocol", "sasl_ssl", ORIGIN_FILE },
	{ P, SASL_SSL "sasl.mechanism=SCRAM-SHA-512", "sasl.mechanism", "SCRAM-SHA-512", ORIGIN_FILE },
	{ P, SASL_SSL "sasl.mechanisms=PLAIN", "sasl.mechanism", "PLAIN", ORIGIN_FILE },
	{ P, SASL_SSL "ssl.endpoint.identification.algorithm=", "ssl.endpoint.identification.algorithm", "none",
	  ORIGIN_FILE },
	{ P, SASL_SSL "ssl.endpoint.identification.algorithm=HTTPS", "ssl.endpoint.identification.algorithm",
	  "https", ORIGIN_FILE },
	{ P, SASL_SSL "ssl.truststore.certificates=-----BEGIN", "ssl.ca.pem", "-----BEGIN", ORIGIN_FILE },
	{ P, SASL_SSL "ssl.keystore.key=-----BEGIN", "ssl.key.pem", "-----BEGIN", ORIGIN_FILE },
	{ P, SASL_SSL "sasl.kerberos.service.name=k", "sasl.kerberos.service.name", "k", ORIGIN_FILE },
	{ P, "queue.buffering.max.kbytes=2048", "queue.buffering.max.kbytes", "2048", ORIGIN_FILE },
	{ P, "client.id=bench", "client.id", "bench", ORIGIN_FILE },
	{ P, "compression.type=gzip\ncompression.gzip.level=9", "compression.level", "9", ORIGIN_FILE },
	{ P, "compression.type=zstd\ncompression.zstd.level=22", "compression.level", "12",
	  ORIGIN_ALTERED },
};
/* clang-format on */

static void each_property_becomes_what_the_library_calls_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(translated) / sizeof(translated[0]); i++) {
		bool producer = translated[i].role == P;
		struct expected e = { translated[i].role, translated[i].key, translated[i].value,
			              translated[i].origin };
		struct run r;
		translate(&r, &(struct input){
				      .producer = producer ? translated[i].line : NULL,
				      .consumer = producer ? NULL : translated[i].line,
			      });
		no_errors(&r);
		expect(&r, &e, 1);
		done(&r);
	}
}

static void an_option_of_one_side_in_common_is_for_that_side_alone(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){ .common = SERVERS "acks=1\nmax.poll.records=1\n" });
	no_errors(&r);
	assert_string_equal(value(&r, P, "acks"), "1");
	assert_string_equal(value(&r, C, "acks"), "(unset)");
	assert_null(ignored(&r, C, "acks"));
	assert_null(ignored(&r, P, "max.poll.records"));
	assert_non_null(ignored(&r, C, "max.poll.records"));
	done(&r);
}

static void the_own_block_wins_over_common_under_any_name(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){
			      .common = SERVERS "buffer.memory=1048576\nlinger.ms=9\n",
			      .producer = "queue.buffering.max.kbytes=77\n",
		      });
	no_errors(&r);
	assert_string_equal(value(&r, P, "queue.buffering.max.kbytes"), "77");
	assert_string_equal(value(&r, P, "linger.ms"), "9");
	done(&r);
}

/* --- failures --------------------------------------------------------------------------------- */

/* clang-format off */
static const struct {
	const char *producer, *consumer;
	int line;
	const char *want;
} refused[] = {
	{ "linger.ms=1\nlingr.ms=1", NULL, 21,
	  "producerConfig: unknown property \"lingr.ms\", did you mean \"linger.ms\"?" },
	{ "quite.another.thing=1", NULL, 20,
	  "producerConfig: unknown property \"quite.another.thing\": neither the Java client nor "
	  "librdkafka has it" },
	{ "error_cb=1", NULL, 20,
	  "producerConfig: unknown property \"error_cb\": neither the Java client nor librdkafka "
	  "has it" },
	{ "transactional.id=t", NULL, 20,
	  "producerConfig: transactional.id: OMB uses no transactions" },
	{ "interceptor.classes=x.Y", NULL, 20,
	  "producerConfig: interceptor.classes: a Java class cannot run here" },
	{ "partitioner.class=x.Mine", NULL, 20,
	  "producerConfig: partitioner.class: the class x.Mine cannot run here; librdkafka's "
	  "`partitioner` is one of: random consistent consistent_random murmur2 murmur2_random "
	  "fnv1a fnv1a_random" },
	{ "acks=2", NULL, 20, "producerConfig: acks: \"2\" is none of: all -1 0 1" },
	{ "batch.size=big", NULL, 20,
	  "producerConfig: batch.size: \"big\" is not a whole number" },
	{ "buffer.memory=32 MB", NULL, 20,
	  "producerConfig: buffer.memory: \"32 MB\" is not a whole number" },
	{ "compression.type=brotli", NULL, 20,
	  "producerConfig: compression.type: \"brotli\" is none of: none gzip snappy lz4 zstd" },
	{ "queue.buffering.max.kbytes=0", NULL, 20,
	  "producerConfig: queue.buffering.max.kbytes: 0 is outside 1..2147483647" },
	{ "socket.keepalive.enable=maybe", NULL, 20,
	  "producerConfig: socket.keepalive.enable: \"maybe\" is neither true nor false" },
	{ "max.block.ms=-1", NULL, 20, "producerConfig: max.block.ms: -1 is below 0" },
	{ "delivery.timeout.ms=1000", NULL, 20,
	  "delivery.timeout.ms: 1000 is less than linger.ms + request.timeout.ms = 30000" },
	{ "enable.idempotence=true\nacks=1", NULL, 20,
	  "enable.idempotence: true is not possible with acks=1" },
	{ "enable.idempotence=true\nmax.in.flight=6", NULL, 20,
	  "enable.idempotence: true is not possible with "
	  "max.in.flight.requests.per.connection=6" },
	{ NULL, "group.instance.id=i", 30,
	  "consumerConfig: group.instance.id: every consumer of the run would have it and fence "
	  "the others off" },
	{ NULL, "auto.offset.reset=none", 30,
	  "consumerConfig: auto.offset.reset: none: a new group has no position to start from; "
	  "write earliest" },
	{ NULL, "partition.assignment.strategy=x.Mine", 30,
	  "consumerConfig: partition.assignment.strategy: the class x.Mine cannot run here; "
	  "librdkafka has range, roundrobin and cooperative-sticky" },
	{ "ssl.truststore.location=/a/t.jks", NULL, 20,
	  "ssl.truststore.location: librdkafka cannot read JKS: keytool -exportcert -rfc "
	  "-keystore /a/t.jks -alias ALIAS -file ca.pem, then ssl.truststore.type=PEM" },
	{ "ssl.truststore.location=/a/t.p12", NULL, 20,
	  "ssl.truststore.location: librdkafka wants certificates in PEM form: openssl pkcs12 "
	  "-in /a/t.p12 -nokeys -out ca.pem, then ssl.truststore.type=PEM" },
	{ "ssl.keystore.location=/a/k", NULL, 20,
	  "ssl.keystore.location: librdkafka cannot read JKS: keytool -importkeystore "
	  "-srckeystore /a/k -destkeystore client.p12 -deststoretype PKCS12, then "
	  "ssl.keystore.type=PKCS12" },
	{ "ssl.cipher.suites=TLS_RSA_WITH_AES_128_CBC_SHA", NULL, 20,
	  "producerConfig: ssl.cipher.suites: write OpenSSL's names (openssl ciphers -stdname "
	  "shows both) or leave it out" },
	{ "sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required;", NULL, 20,
	  "producerConfig: sasl.jaas.config: com.sun.security.auth.module.Krb5LoginModule: write "
	  "sasl.kerberos.keytab and sasl.kerberos.principal instead" },
	{ "sasl.jaas.config=PlainLoginModule required username=\"u\";", NULL, 20,
	  "producerConfig: sasl.jaas.config: password is missing" },
	{ "sasl.jaas.config=PlainLoginModule required username=\"u", NULL, 20,
	  "producerConfig: sasl.jaas.config: expected one `LoginModule required "
	  "key=\"value\" ...;`" },
	{ "sasl.jaas.config=PlainLoginModule required username=\"u\" password=\"p\"", NULL, 20,
	  "producerConfig: sasl.jaas.config: expected one `LoginModule required "
	  "key=\"value\" ...;`" },
	{ "sasl.jaas.config=", NULL, 20,
	  "producerConfig: sasl.jaas.config: expected one `LoginModule required "
	  "key=\"value\" ...;`" },
	{ "sasl.jaas.config=ScramLoginModule required username=u password=p tokenauth=true;", NULL,
	  20, "producerConfig: sasl.jaas.config: librdkafka has no delegation tokens (tokenauth)" },
};
/* clang-format on */

static void what_cannot_be_had_is_refused_by_name_with_the_way_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct run r;
		translate(&r, &(struct input){ .producer = refused[i].producer,
		                               .consumer = refused[i].consumer });
		if (r.errors.count != 1)
			fail_msg("%zu errors for %s", r.errors.count, refused[i].want);
		assert_string_equal(r.errors.items[0].text, refused[i].want);
		assert_int_equal(r.errors.items[0].line, refused[i].line);
		assert_int_equal(r.errors.items[0].kind, ERROR_CONFIG);
		done(&r);
	}
}

static void all_errors_of_a_file_come_in_one_go_and_each_once(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){
			      .common = "ssl.truststore.location=/a/t.jks\nbootstrap.servrs=x\n",
			      .producer = "acks=7\n",
		      });
	assert_int_equal(r.errors.count, 4);
	assert_string_equal(r.errors.items[0].text,
	                    "commonConfig: unknown property \"bootstrap.servrs\", did you mean "
	                    "\"bootstrap.servers\"?");
	assert_int_equal(r.errors.items[0].line, 11);
	assert_int_equal(r.errors.items[1].line, 20);
	assert_string_equal(
		r.errors.items[2].text,
		"commonConfig: bootstrap.servers is missing: it says where the broker is");
	assert_int_equal(r.errors.items[3].line, 10);
	done(&r);
}

static void lenient_reading_ignores_what_nobody_knows(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){ .producer = "quite.another.password=x\n", .lenient = true });
	no_errors(&r);
	const struct kafka_ignored *g = ignored(&r, P, "quite.another.password");
	assert_non_null(g);
	assert_string_equal(g->value, "****");
	done(&r);
}

/* --- options that depend on each other -------------------------------------------------------- */

static void idempotence_goes_off_without_a_word_as_in_the_java_client(void **state)
{
	(void)state;
	static const struct {
		const char *producer, *want, *note;
	} cases[] = {
		{ "acks=all", "true", "" },
		{ "acks=1", "false", "the Java client turns it off with acks=1" },
		{ "acks=0", "false", "the Java client turns it off with acks=0" },
		{ "retries=0", "false", "the Java client turns it off with retries=0" },
		{ "retries=3", "true", "" },
		{ "max.in.flight.requests.per.connection=6", "false",
		  "the Java client turns it off with max.in.flight.requests.per.connection=6" },
		{ "max.in.flight.requests.per.connection=1", "true", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run r;
		translate(&r, &(struct input){ .producer = cases[i].producer });
		no_errors(&r);
		const struct kafka_setting *s =
			kafka_setting_find(&r.config.roles[P], "enable.idempotence");
		assert_string_equal(s->value, cases[i].want);
		assert_string_equal(s->note, cases[i].note);
		done(&r);
	}
}

static void the_delivery_timeout_is_raised_when_the_file_does_not_say_it(void **state)
{
	(void)state;
	static const struct {
		const char *producer, *want;
	} cases[] = {
		{ "request.timeout.ms=1200000\nlinger.ms=1", "1200001" },
		{ "request.timeout.ms=60000", "120000" },
		{ "delivery.timeout.ms=40000\nrequest.timeout.ms=30000", "40000" },
		{ "request.timeout.ms=2147483647\nlinger.ms=5", "2147483647" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run r;
		translate(&r, &(struct input){ .producer = cases[i].producer });
		no_errors(&r);
		assert_string_equal(value(&r, P, "delivery.timeout.ms"), cases[i].want);
		done(&r);
	}
}

static void a_socket_timeout_of_its_own_is_kept(void **state)
{
	(void)state;
	struct run r;

	translate(&r,
	          &(struct input){
			  .common = SERVERS "socket.timeout.ms=7000\nrequest.timeout.ms=20000\n",
		  });
	no_errors(&r);
	assert_string_equal(value(&r, P, "socket.timeout.ms"), "7000");
	assert_string_equal(value(&r, P, "request.timeout.ms"), "20000");
	assert_string_equal(value(&r, C, "socket.timeout.ms"), "7000");
	done(&r);
}

static void auto_commit_is_left_to_the_client(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){ .consumer = "enable.auto.commit=True\n" });
	no_errors(&r);
	assert_false(r.config.manual_commit);
	done(&r);
	translate(&r, &(struct input){ .consumer = "enable.auto.commit=false\n" });
	assert_true(r.config.manual_commit);
	done(&r);
}

static void what_the_core_has_to_know_is_answered(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){ .producer = "max.block.ms=1500\n",
	                               .consumer = "session.timeout.ms=75000\n" });
	no_errors(&r);
	struct driver_traits t = driver_traits_of(&driver_kafka, &r.config);
	assert_true(t.has_max_block);
	assert_int_equal(t.max_block_ms, 1500);
	assert_int_equal(t.standstill_ms, 75000);
	assert_int_equal(t.ceiling, DRIVER_CEILING_CALIBRATED);
	/* One broker: its connection and the first one to find it by, and a group's coordinator. */
	assert_int_equal(t.producer.sockets + t.per_broker.sockets, 2);
	assert_int_equal(t.consumer.sockets + t.per_broker.sockets, 3);
	done(&r);
}

static void max_block_ms_is_for_the_core(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){ .producer = "max.block.ms=1500\n" });
	no_errors(&r);
	assert_int_equal(r.config.max_block_ms, 1500);
	done(&r);
}

static void the_zone_comes_from_outside_or_the_text_stays(void **state)
{
	(void)state;
	static const char common[] = SERVERS "client.id=a-{zone.id}-b-{zone.id}\n";
	struct run r;

	translate(&r, &(struct input){ .common = common, .zone_id = "eu1" });
	no_errors(&r);
	assert_string_equal(value(&r, P, "client.id"), "a-eu1-b-eu1");
	assert_string_equal(value(&r, KAFKA_ADMIN, "client.id"), "a-eu1-b-eu1");
	done(&r);
	translate(&r, &(struct input){ .common = common });
	assert_string_equal(value(&r, P, "client.id"), "a-{zone.id}-b-{zone.id}");
	done(&r);
}

/* --- security --------------------------------------------------------------------------------- */

static void a_login_line_becomes_user_and_password(void **state)
{
	(void)state;
	static const struct {
		const char *line, *user, *password;
	} cases[] = {
		{ "org.apache.kafka.common.security.plain.PlainLoginModule required "
		  "username=\"alice\" password=\"a b;c=d\";",
		  "alice", "a b;c=d" },
		{ "org.apache.kafka.common.security.scram.ScramLoginModule required \\\n"
		  "   username='bob'  password = \"q\\\\\"uote\" ;",
		  "bob", "q\"uote" },
		{ "PlainLoginModule required username=u password=p serviceName=\"kafka\";", "u",
		  "p" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char common[512];
		struct run r;
		snprintf(common, sizeof(common), SERVERS SASL_SSL "sasl.jaas.config=%s\n",
		         cases[i].line);
		translate(&r, &(struct input){ .common = common });
		no_errors(&r);
		for (unsigned role = 0; role < KAFKA_ROLES; role++) {
			assert_string_equal(value(&r, role, "sasl.username"), cases[i].user);
			assert_string_equal(value(&r, role, "sasl.password"), cases[i].password);
			/* What is shown of it must not hold the password. */
			assert_string_equal(
				kafka_setting_find(&r.config.roles[role], "sasl.password")->note,
				"sasl.jaas.config");
		}
		done(&r);
	}
}

static void stores_in_forms_that_openssl_reads_are_taken(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){
			      .common = SERVERS "ssl.truststore.type=PEM\n"
						"ssl.truststore.location=/a/ca\n"
						"ssl.truststore.password=geheim\n"
						"ssl.keystore.type=PKCS12\n"
						"ssl.keystore.location=/a/k\n"
						"ssl.keystore.password=kp\n"
						"ssl.key.password=pp\n",
		      });
	no_errors(&r);
	assert_string_equal(value(&r, P, "ssl.ca.location"), "/a/ca");
	assert_string_equal(value(&r, C, "ssl.keystore.location"), "/a/k");
	assert_string_equal(value(&r, C, "ssl.keystore.password"), "kp");
	assert_string_equal(value(&r, C, "ssl.key.password"), "pp");
	assert_string_equal(ignored(&r, P, "ssl.truststore.password")->value, "****");
	done(&r);

	translate(&r, &(struct input){ .common = SERVERS "ssl.keystore.location=/a/client.pem\n" });
	no_errors(&r);
	assert_string_equal(value(&r, P, "ssl.certificate.location"), "/a/client.pem");
	assert_string_equal(value(&r, P, "ssl.key.location"), "/a/client.pem");
	done(&r);

	/* librdkafka's own property: PKCS#12, whatever the file is called. */
	translate(&r, &(struct input){ .common = SERVERS "ssl.keystore.location=/a/store\n",
	                               .librdkafka = true });
	no_errors(&r);
	assert_string_equal(value(&r, P, "ssl.keystore.location"), "/a/store");
	done(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_of_the_java_client_leads_to_a_property_that_exists),
		cmocka_unit_test(every_default_of_the_java_client_is_one_that_the_library_takes),
		cmocka_unit_test(property_names_are_in_order_and_aliases_lead_to_real_ones),
		cmocka_unit_test(what_an_omb_file_leaves_out_is_as_in_the_java_client),
		cmocka_unit_test(
			a_file_for_librdkafka_keeps_its_defaults_except_nagle_and_the_groups),
		cmocka_unit_test(nagle_stays_as_the_file_says),
		cmocka_unit_test(no_client_sends_metrics_unless_the_file_says_so),
		cmocka_unit_test(each_property_becomes_what_the_library_calls_it),
		cmocka_unit_test(an_option_of_one_side_in_common_is_for_that_side_alone),
		cmocka_unit_test(the_own_block_wins_over_common_under_any_name),
		cmocka_unit_test(what_cannot_be_had_is_refused_by_name_with_the_way_out),
		cmocka_unit_test(all_errors_of_a_file_come_in_one_go_and_each_once),
		cmocka_unit_test(lenient_reading_ignores_what_nobody_knows),
		cmocka_unit_test(idempotence_goes_off_without_a_word_as_in_the_java_client),
		cmocka_unit_test(the_delivery_timeout_is_raised_when_the_file_does_not_say_it),
		cmocka_unit_test(a_socket_timeout_of_its_own_is_kept),
		cmocka_unit_test(auto_commit_is_left_to_the_client),
		cmocka_unit_test(what_the_core_has_to_know_is_answered),
		cmocka_unit_test(max_block_ms_is_for_the_core),
		cmocka_unit_test(the_zone_comes_from_outside_or_the_text_stays),
		cmocka_unit_test(a_login_line_becomes_user_and_password),
		cmocka_unit_test(stores_in_forms_that_openssl_reads_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
