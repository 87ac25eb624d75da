/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every line of a driver file is honoured, or something says what became of it.
 */
#include <stdio.h>

#include "driver/kafka/java.h"
#include "driver/kafka/names.h"
#include "kafka_fixture.h"

#define SASL_SSL "security.protocol=SASL_SSL\n"

static void what_is_not_passed_on_is_listed_with_the_reason(void **state)
{
	(void)state;
	static const struct {
		enum kafka_role role;
		const char *line, *key, *origin;
	} cases[] = {
		/* Nothing comes of it in any client, or it is as it is here. */
		{ C, "key.deserializer=x.Y", "key.deserializer", ORIGIN_IGNORED },
		{ P, "value.serializer=x.Y", "value.serializer", ORIGIN_IGNORED },
		{ P, "metric.reporters=x.Y", "metric.reporters", ORIGIN_IGNORED },
		{ P, "transaction.timeout.ms=1000", "transaction.timeout.ms", ORIGIN_IGNORED },
		{ C, "group.protocol=classic", "group.protocol", ORIGIN_IGNORED },
		{ P, "partitioner.adaptive.partitioning.enable=false",
		  "partitioner.adaptive.partitioning.enable", ORIGIN_IGNORED },
		{ P, "partitioner.availability.timeout.ms=0", "partitioner.availability.timeout.ms",
		  ORIGIN_IGNORED },
		{ P, "partitioner.ignore.keys=false", "partitioner.ignore.keys", ORIGIN_IGNORED },
		{ P, "delivery.report.only.error=false", "delivery.report.only.error",
		  ORIGIN_IGNORED },
		/* Somebody wanted something. */
		{ C, "max.poll.records=500", "max.poll.records", ORIGIN_NO_EFFECT },
		{ C, "group.id=mine", "group.id", ORIGIN_NO_EFFECT },
		{ P, "default.api.timeout.ms=1200000", "default.api.timeout.ms", ORIGIN_NO_EFFECT },
		{ P, "partitioner.adaptive.partitioning.enable=true",
		  "partitioner.adaptive.partitioning.enable", ORIGIN_NO_EFFECT },
		{ C, "acks=1", "acks", ORIGIN_NO_EFFECT }, /* an option of the producer */
		{ P, "queued.min.messages=1", "queued.min.messages",
		  ORIGIN_NO_EFFECT }, /* of librdkafka's consumer */
		{ C, "retry.backoff.ms=5", "retry.backoff.ms",
		  ORIGIN_NO_EFFECT }, /* of librdkafka's producer */
		{ P, "compression.lz4.level=3", "compression.lz4.level", ORIGIN_NO_EFFECT },
		{ P, "sasl.kerberos.kinit.cmd=/usr/bin/kinit", "sasl.kerberos.kinit.cmd",
		  ORIGIN_NO_EFFECT },
		{ P, "ssl.truststore.password=x", "ssl.truststore.password", ORIGIN_NO_EFFECT },
		{ P, "debug=msg", "debug", ORIGIN_NO_EFFECT },
		{ P, "statistics.interval.ms=5", "statistics.interval.ms", ORIGIN_NO_EFFECT },
		/* Two lines of one block for one setting: the earlier is without effect. */
		{ P, "linger.ms=1\nlinger.ms=2", "linger.ms", ORIGIN_NO_EFFECT },
		{ P, "linger.ms=1\nqueue.buffering.max.ms=2", "linger.ms", ORIGIN_NO_EFFECT },
		{ P, "buffer.memory=65536\nqueue.buffering.max.kbytes=2",
		  "queue.buffering.max.kbytes", ORIGIN_NO_EFFECT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run r;
		translate(&r, &(struct input){
				      .producer = cases[i].role == P ? cases[i].line : NULL,
				      .consumer = cases[i].role == P ? NULL : cases[i].line,
			      });
		no_errors(&r);
		const struct kafka_ignored *g = ignored(&r, cases[i].role, cases[i].key);
		if (g == NULL)
			fail_msg("%s is not listed", cases[i].key);
		else if (strcmp(g->origin, cases[i].origin) != 0)
			fail_msg("%s: %s instead of %s", cases[i].line, g->origin, cases[i].origin);
		else
			assert_string_not_equal(g->note, "");
		done(&r);
	}
}

/* Set, and marked: other settings make it void. */
static void what_other_settings_make_void_is_marked(void **state)
{
	(void)state;
	static const struct {
		enum kafka_role role;
		const char *lines, *key, *origin;
	} cases[] = {
		{ P, "ssl.ca.location=x", "ssl.ca.location", ORIGIN_NO_EFFECT },
		{ P, "security.protocol=ssl\nssl.ca.location=x", "ssl.ca.location", ORIGIN_FILE },
		{ P, "security.protocol=ssl\nsasl.username=x", "sasl.username", ORIGIN_NO_EFFECT },
		{ P, "security.protocol=SASL_PLAINTEXT\nsasl.username=x", "sasl.username",
		  ORIGIN_FILE },
		{ C, "auto.commit.interval.ms=5", "auto.commit.interval.ms", ORIGIN_NO_EFFECT },
		{ C, "enable.auto.commit=true\nauto.commit.interval.ms=5",
		  "auto.commit.interval.ms", ORIGIN_FILE },
		{ P, "batch.size=1048577", "batch.size", ORIGIN_NO_EFFECT },
		{ P, "batch.size=1048576", "batch.size", ORIGIN_FILE },
		{ P, "batch.size=1048577\nmax.request.size=2000000", "batch.size", ORIGIN_FILE },
		{ P, "compression.level=5", "compression.level", ORIGIN_NO_EFFECT },
		{ P, "compression.type=snappy\ncompression.level=5", "compression.level",
		  ORIGIN_NO_EFFECT },
		{ P, "compression.type=lz4\ncompression.level=5", "compression.level",
		  ORIGIN_FILE },
		{ C, "statistics.interval.ms=0", "statistics.interval.ms", ORIGIN_ALTERED },
		{ C, "statistics.interval.ms=2000", "statistics.interval.ms", ORIGIN_FILE },
		{ P, "reconnect.backoff.ms=2000", "reconnect.backoff.max.ms", ORIGIN_JAVA },
		{ P, "reconnect.backoff.max.ms=20", "reconnect.backoff.ms", ORIGIN_JAVA },
		{ P, "reconnect.backoff.ms=20\nreconnect.backoff.max.ms=10",
		  "reconnect.backoff.max.ms", ORIGIN_ALTERED },
		{ C, "fetch.max.bytes=500", "fetch.max.bytes", ORIGIN_ALTERED },
		{ P, "client.id=a-{zone.id}", "client.id", ORIGIN_ALTERED },
		{ P, "buffer.memory=65537", "queue.buffering.max.kbytes", ORIGIN_ALTERED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run r;
		translate(&r, &(struct input){
				      .producer = cases[i].role == P ? cases[i].lines : NULL,
				      .consumer = cases[i].role == P ? NULL : cases[i].lines,
			      });
		no_errors(&r);
		if (strcmp(origin(&r, cases[i].role, cases[i].key), cases[i].origin) != 0)
			fail_msg("%s: %s", cases[i].lines, origin(&r, cases[i].role, cases[i].key));
		done(&r);
	}
}

static void replicas_in_sync_matter_to_acks_all_alone(void **state)
{
	(void)state;
	static const char *const origins[][2] = {
		{ "acks=all\n", ORIGIN_FILE },
		{ "", ORIGIN_FILE },
		{ "acks=1\n", ORIGIN_NO_EFFECT },
	};

	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		struct run r;
		translate(&r, &(struct input){ .producer = origins[i][0],
		                               .topic = "min.insync.replicas=2\n" });
		no_errors(&r);
		assert_string_equal(
			kafka_setting_find(&r.config.topic, "min.insync.replicas")->origin,
			origins[i][1]);
		done(&r);
	}
}

/* A row of the result says what became of a line: a setting that has it, or one that is not passed
 * on.  max.block.ms is the core's. */
static bool is_stated(const struct run *r, enum kafka_role role, int line, const char *key)
{
	for (size_t i = 0; i < r->config.roles[role].count; i++) {
		const struct kafka_setting *s = &r->config.roles[role].items[i];
		bool mine = s->line == line || strcmp(s->key, key) == 0;
		if (mine && s->asked != NULL && s->origin != NULL)
			return true;
	}
	const struct kafka_ignored *g = ignored(r, role, key);
	if (g != NULL)
		return g->note[0] != '\0' && g->origin != NULL;
	return role == KAFKA_PRODUCER && strcmp(key, "max.block.ms") == 0;
}

static const char *const values[] = {
	"1",
	"true",
	"earliest",
	"all",
	"none",
	"range",
	"ssl",
	"https",
	"read_committed",
	"x",
	"h:1",
	"fifo",
	"any",
	"murmur2",
	"classic",
	"default",
	"kinit -k x",
	"45000",
	"600000",
	"DefaultPartitioner",
	"a.PlainLoginModule required username=u password=p;",
};
#define VALUES (sizeof(values) / sizeof(values[0]))

/* With the first value that is not refused; false: all are. */
static bool try_values(const char *key, enum kafka_role role)
{
	for (size_t i = 0; i < VALUES; i++) {
		char line[200];
		struct run r;
		snprintf(line, sizeof(line), "%s=%s", key, values[i]);
		translate(&r, &(struct input){ .producer = role == P ? line : NULL,
		                               .consumer = role == C ? line : NULL });
		bool taken = r.errors.count == 0;
		if (taken && !is_stated(&r, role, role == P ? 20 : 30, key))
			fail_msg("nothing says what becomes of %s", line);
		done(&r);
		if (taken)
			return true;
	}
	return false;
}

/* In commonConfig it is for every client that has it. */
static void try_common(const struct java_option *o)
{
	for (size_t i = 0; i < VALUES; i++) {
		char common[240];
		struct run r;
		snprintf(common, sizeof(common), SERVERS "%s=%s\n", o->key, values[i]);
		translate(&r, &(struct input){ .common = common });
		bool taken = r.errors.count == 0;
		for (unsigned role = P; taken && role <= C; role++)
			if ((o->roles & KAFKA_ROLE_BIT(role)) != 0 &&
			    !is_stated(&r, role, 11, o->key))
				fail_msg("nothing says what becomes of %s in commonConfig for %s",
				         o->key, role == P ? "producers" : "consumers");
		done(&r);
		if (taken)
			return;
	}
}

static void no_property_of_any_table_vanishes_in_any_block(void **state)
{
	(void)state;
	for (unsigned i = 0; java_at(i) != NULL; i++) {
		const struct java_option *o = java_at(i);
		try_common(o);
		for (unsigned role = P; role <= C; role++) {
			bool taken = try_values(o->key, role);
			bool refuses =
				o->action == JAVA_REFUSE && (o->roles & KAFKA_ROLE_BIT(role)) != 0;
			/* A store in Java's form has to be converted first. */
			bool store = strstr(o->key, "store.location") != NULL;
			if (taken == refuses && !store)
				fail_msg("%s: %s", o->key, taken ? "taken" : "refused");
		}
	}
	for (unsigned i = 0; name_at(i) != NULL; i++) {
		const struct name *n = name_at(i);
		if (n->flags & NAME_HIDDEN)
			continue;
		for (unsigned role = P; role <= C; role++)
			(void)try_values(n->key, role);
	}
}

static void properties_in_the_wrong_block_are_told_where_they_belong(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){ .topic = "retention.ms=1\nlinger.ms=5\nmy.own=1\n" });
	assert_int_equal(r.errors.count, 1);
	assert_string_equal(r.errors.items[0].text, "topicConfig: linger.ms: an option of the "
	                                            "client: it belongs into producerConfig");
	done(&r);
	translate(&r, &(struct input){ .producer = "retention.ms=1\n" });
	assert_int_equal(r.errors.count, 1);
	assert_string_equal(r.errors.items[0].text, "producerConfig: retention.ms: a property of "
	                                            "topics: it belongs into topicConfig");
	done(&r);
}

/* Of a login line and a password the later counts, and no note shows either. */
static void no_note_of_what_is_set_twice_shows_a_secret(void **state)
{
	(void)state;
	struct run r;

	translate(&r, &(struct input){ .common = SERVERS SASL_SSL
	                               "sasl.password=hunter1\nsasl.password=hunter2\n"
	                               "sasl.jaas.config=a.PlainLoginModule required "
	                               "username=u password=hunter3;\n" });
	no_errors(&r);
	assert_true(r.config.ignored.count > 0);
	for (size_t i = 0; i < r.config.ignored.count; i++) {
		assert_null(strstr(r.config.ignored.items[i].note, "hunter"));
		assert_null(strstr(r.config.ignored.items[i].value, "hunter"));
	}
	done(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_passed_on_is_listed_with_the_reason),
		cmocka_unit_test(what_other_settings_make_void_is_marked),
		cmocka_unit_test(replicas_in_sync_matter_to_acks_all_alone),
		cmocka_unit_test(no_property_of_any_table_vanishes_in_any_block),
		cmocka_unit_test(properties_in_the_wrong_block_are_told_where_they_belong),
		cmocka_unit_test(no_note_of_what_is_set_twice_shows_a_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
