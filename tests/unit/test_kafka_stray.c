/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver files in which a property is no line of its own, read from their YAML on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/driver_file.h"
#include "driver/kafka/translate.h"
#include "driver/registry.h"
#include "util/arena.h"

/* The block under test begins in line 5. */
#define HEAD                                                                          \
	"name: K\n"                                                                   \
	"driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver\n" \
	"commonConfig: |\n"                                                           \
	"  bootstrap.servers=h:9092\n"

struct loaded {
	struct arena arena;
	struct error_list errors, warnings;
	struct driver_file file;
	void *config;
	const struct driver *driver;
};

static const struct config_mode strict, lenient = { .lenient = true };

static void load(struct loaded *l, const char *tail, const struct config_mode *mode)
{
	*l = (struct loaded){ 0 };
	l->file = (struct driver_file){ .path = "k.yaml", .arena = &l->arena, .mode = mode };
	const char *text = arena_printf(&l->arena, HEAD "%s", tail);

	assert_true(driver_file_parse(text, strlen(text), &l->file, &l->errors, &l->warnings));
	l->driver = driver_configure(&l->file, &l->arena, &l->config, &l->errors, &l->warnings);
}

static void done(struct loaded *l)
{
	error_list_fini(&l->errors);
	error_list_fini(&l->warnings);
	arena_fini(&l->arena);
}

static const char *producer_value(const struct loaded *l, const char *key)
{
	const struct kafka_config *c = l->config;

	return kafka_setting_value(&c->roles[KAFKA_PRODUCER], key, "(unset)");
}

#define PROP(what) ": producerConfig: " what
#define FOLDED(name, line, whose)                                                                \
	"driver file k.yaml:5:17" PROP("`>` makes one line of several: \"" name "\" (line " line \
	                               ") becomes part of " whose "; write `producerConfig: |`")

static const struct {
	const char *text, *error;
} refused[] = {
	{ "producerConfig: >\n  client.id=x\n  linger.ms=50\n",
	  FOLDED("linger.ms", "7", "the value of client.id") },
	{ "producerConfig: >-\n  client.id=x\n\n  acks=all\n  linger.ms=50\n",
	  FOLDED("linger.ms", "9", "the value of acks") },
	{ "producerConfig: >+\n  linger.ms: 50\n  batch.size: 1\n",
	  FOLDED("batch.size", "7", "the value of linger.ms") },
	{ "producerConfig: >2\n  linger.ms 50\n  acks 1\n",
	  FOLDED("acks", "7", "the value of linger.ms") },
	{ "producerConfig: >\n  # fast\n  linger.ms=50\n",
	  FOLDED("linger.ms", "7", "the comment before it") },
	{ "producerConfig: >\n  client.id=x\n  my.own=1\n",
	  FOLDED("my.own", "7", "the value of client.id") },
	{ "producerConfig: >\n  client.id=x\n  retention.ms=1\n",
	  FOLDED("retention.ms", "7", "the value of client.id") },
	{ "producerConfig: >\n  sasl.jaas.config=a.PlainLoginModule required username=\"u\"\n"
	  "  password=\"p\";\n  linger.ms=50\n",
	  FOLDED("linger.ms", "8", "the value of sasl.jaas.config") },
	{ "producerConfig:\n  client.id=x\n  linger.ms=50\n",
	  "driver file k.yaml:6:3" PROP("YAML makes one line of several: \"linger.ms\" (line 7)") },
	{ "producerConfig: \"client.id=x\n  linger.ms=50\"\n",
	  "driver file k.yaml:5:17" PROP(
		  "YAML makes one line of several: \"linger.ms\" (line 6)") },
	{ "producerConfig: |\n  client.id=x\\\n  linger.ms=50\n",
	  "driver file k.yaml:7" PROP("the backslash at the end of the line before makes "
	                              "\"linger.ms\" part of the value of client.id") },
	{ "producerConfig: |\n  acks=all\n  client.id=x linger.ms=50\n",
	  "driver file k.yaml:7" PROP("client.id: its value goes on with \"linger.ms\"") },
	{ "producerConfig: client.id=x, linger.ms = 50\n",
	  "driver file k.yaml:5" PROP("client.id: its value goes on with \"linger.ms\"") },
	{ "producerConfig: client.id=x lingr.ms=50\n",
	  "driver file k.yaml:5" PROP("client.id: its value goes on with \"lingr.ms\"") },
	{ "producerConfig: client.id=x linger.ms:50\n",
	  "driver file k.yaml:5" PROP("client.id: its value goes on with \"linger.ms\"") },
	{ "producerConfig: client.id=x;acks=1\n",
	  "driver file k.yaml:5" PROP("client.id: its value goes on with \"acks\"") },
	{ "producerConfig: 'client.id=x debug=broker'\n",
	  "driver file k.yaml:5" PROP("client.id: its value goes on with \"debug\"") },
	{ "producerConfig: \"client.rack=r queue.buffering.max.ms: 5\"\n",
	  "driver file k.yaml:5" PROP("client.rack: its value goes on with "
	                              "\"queue.buffering.max.ms\"") },
};

static void a_property_inside_of_a_value_is_refused_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct loaded l;

		load(&l, refused[i].text, &strict);
		if (l.driver != NULL || l.errors.count == 0)
			fail_msg("taken: %s", refused[i].text);
		if (strncmp(l.errors.items[0].text, refused[i].error, strlen(refused[i].error)) !=
		    0)
			fail_msg("%s\n  instead of %s", l.errors.items[0].text, refused[i].error);
		assert_int_equal(l.errors.items[0].kind, ERROR_CONFIG);
		done(&l);
	}
}

/* What key, what value. */
static const struct {
	const char *text, *key, *value;
} taken[] = {
	{ "producerConfig: >\n  linger.ms=50\n", "linger.ms", "50" },
	{ "producerConfig: >-\n\n  linger.ms=50\n\n\n", "linger.ms", "50" },
	{ "producerConfig: >\n  acks=1\n\n  linger.ms=50\n", "linger.ms", "50" },
	{ "producerConfig: >\n  client.id=a\n  long name\n", "client.id", "a long name" },
	{ "producerConfig: \"acks=1\\nlinger.ms=50\"\n", "linger.ms", "50" },
	{ "producerConfig: \"acks=1\\n\\\n  linger.ms=50\"\n", "linger.ms", "50" },
	{ "producerConfig: linger.ms=50\n", "linger.ms", "50" },
	{ "producerConfig: |\n  linger.ms=50 \n  acks=all\t\n", "acks", "all" },
	{ "producerConfig: |\n  linger.ms=50  \n", "linger.ms", "50" },
	{ "producerConfig: |\n  client.id=a\\\n    b\n", "client.id", "ab" },
	{ "producerConfig: |\n  client.id=a my.own=b\n", "client.id", "a my.own=b" },
	{ "producerConfig: |\n  interceptor.classes=\n  client.id=a\n", "client.id", "a" },
	{ "producerConfig: |\n  client.id=a=b c=d\n", "client.id", "a=b c=d" },
	{ "producerConfig: |\n  sasl.oauthbearer.config=acks=1 linger.ms=5\n",
	  "sasl.oauthbearer.config", "acks=1 linger.ms=5" },
	{ "producerConfig: |\n  sasl.password=x linger.ms=5\n", "sasl.password", "x linger.ms=5" },
	{ "producerConfig: |\n  sasl.jaas.config=a.PlainLoginModule required \\\n"
	  "    username=\"u\" \\\n    password=\"p acks=1, linger.ms=5\";\n",
	  "sasl.password", "p acks=1, linger.ms=5" },
	{ "producerConfig: >\n  sasl.jaas.config=a.PlainLoginModule required\n"
	  "  username=\"u\"\n  debug=true\n  password=\"p\";\n",
	  "sasl.password", "p" },
};

static void values_that_only_look_alike_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct loaded l;

		load(&l, taken[i].text, &strict);
		if (l.driver == NULL)
			fail_msg("%s", l.errors.items[0].text);
		assert_string_equal(producer_value(&l, taken[i].key), taken[i].value);
		done(&l);
	}
}

static void every_block_is_looked_at_and_set_too(void **state)
{
	(void)state;
	static const struct override sets[] = {
		{ "producerConfig.client.id", "x linger.ms=50" },
	};
	struct config_mode mode = { .overrides = sets, .override_count = 1 };
	struct loaded l;

	load(&l, "producerConfig: |\n  acks=1\n", &mode);
	assert_null(l.driver);
	assert_string_equal(l.errors.items[0].text,
	                    "driver file k.yaml: producerConfig: client.id: its value goes on with "
	                    "\"linger.ms\", which is a property of its own: --set "
	                    "producerConfig.linger.ms=... sets it (from --set)");
	done(&l);

	load(&l, "topicConfig: >\n  min.insync.replicas=1\n  flush.messages=1\n", &strict);
	assert_null(l.driver);
	assert_non_null(strstr(l.errors.items[0].text, "write `topicConfig: |`"));
	done(&l);

	load(&l, "consumerConfig: >\n  client.id=1\n  fetch.min.bytes=1\n", &strict);
	assert_null(l.driver);
	assert_int_equal(l.errors.count, 1);
	assert_non_null(strstr(l.errors.items[0].text, "write `consumerConfig: |`"));
	done(&l);
}

/* What Java takes is not what the file says: no reading is so lenient. */
static void lenient_reading_refuses_it_too(void **state)
{
	(void)state;
	struct loaded l;

	load(&l, "producerConfig: >\n  client.id=x\n  linger.ms=50\n", &lenient);
	assert_null(l.driver);
	assert_int_equal(l.errors.count, 1);
	done(&l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_property_inside_of_a_value_is_refused_with_its_place),
		cmocka_unit_test(values_that_only_look_alike_are_taken),
		cmocka_unit_test(every_block_is_looked_at_and_set_too),
		cmocka_unit_test(lenient_reading_refuses_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
