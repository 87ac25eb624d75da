/* SPDX-License-Identifier: Apache-2.0 */
#include "config/driver_file.h"
#include "config/workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/properties.h"
#include "config/workload.h"
#include "config/yaml.h"
#include "util/arena.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct sample {
	int32_t replicas;
	struct option_block topic, common, producer, consumer;
	struct option_list hosts;
};

/* clang-format off */
static const struct option_spec table[] = {
	{ .name = "replicationFactor", .type = OPTION_INT, .offset = offsetof(struct sample, replicas),
	  .min = 1, .max = 100, .fallback = "1", .flags = OPTION_OMB, .help = "copies" },
	{ .name = "topicConfig", .type = OPTION_BLOCK, .offset = offsetof(struct sample, topic),
	  .flags = OPTION_OMB, .help = "of topics" },
	{ .name = "commonConfig", .type = OPTION_BLOCK, .offset = offsetof(struct sample, common),
	  .flags = OPTION_OMB, .help = "of all clients" },
	{ .name = "producerConfig", .type = OPTION_BLOCK, .offset = offsetof(struct sample, producer),
	  .flags = OPTION_OMB, .help = "of producers" },
	{ .name = "consumerConfig", .type = OPTION_BLOCK, .offset = offsetof(struct sample, consumer),
	  .flags = OPTION_OMB, .help = "of consumers" },
	{ .name = "hosts", .type = OPTION_LIST, .offset = offsetof(struct sample, hosts), .help = "h" },
	{ 0 },
};
/* clang-format on */

#define OMB_CLASS "io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver"
#define OMB_FILE                       \
	"name: Kafka\n"                \
	"driverClass: " OMB_CLASS "\n" \
	"replicationFactor: 3\n"       \
	"producerConfig: |\n"          \
	"  acks=all\n"                 \
	"  linger.ms=1\n"

static struct arena arena;
static struct error_list errors, warnings;
static struct driver_file file;
static struct sample sample;

static int tidy(void **state)
{
	(void)state;
	arena_fini(&arena);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	file = (struct driver_file){ 0 };
	sample = (struct sample){ 0 };
	return 0;
}

static bool parse(const char *text, const struct config_mode *mode)
{
	file = (struct driver_file){ .path = "dir/k.yaml", .arena = &arena, .mode = mode };
	return driver_file_parse(text, strlen(text), &file, &errors, &warnings) &&
	       driver_file_options(&file, table, &sample, &errors, &warnings);
}

static const struct config_mode strict, lenient = { .lenient = true };

static void the_common_keys_are_read_and_the_rest_is_the_drivers(void **state)
{
	(void)state;
	assert_true(parse(OMB_FILE, &strict));
	assert_string_equal(file.name, "Kafka");
	assert_string_equal(file.file_name, "k");
	assert_string_equal(file.driver_class, OMB_CLASS);
	assert_null(file.driver);
	assert_int_equal(sample.replicas, 3);
	assert_string_equal(sample.producer.text, "acks=all\nlinger.ms=1\n");
	assert_int_equal(sample.producer.line, 5);
	assert_null(sample.common.text);
	assert_int_equal(file.text_len, strlen(OMB_FILE));
	assert_memory_equal(file.text, OMB_FILE, file.text_len);
}

static void a_file_for_java_means_javas_defaults_and_ours_the_librarys(void **state)
{
	(void)state;
	assert_true(parse("driverClass: x\n", &strict));
	assert_int_equal(file.defaults, CLIENT_DEFAULTS_JAVA);
	assert_true(parse("driver: kafka\n", &strict));
	assert_int_equal(file.defaults, CLIENT_DEFAULTS_LIBRARY);
	assert_true(parse("driver: kafka\nclientDefaults: java\n", &strict));
	assert_int_equal(file.defaults, CLIENT_DEFAULTS_JAVA);
	assert_true(parse("driverClass: x\nclientDefaults: library\n", &strict));
	assert_int_equal(file.defaults, CLIENT_DEFAULTS_LIBRARY);
	assert_true(parse("driverClass: x\nclientDefaults: librdkafka\n", &strict));
	assert_int_equal(file.defaults, CLIENT_DEFAULTS_LIBRARY);
}

static enum client_defaults defaults_with(const char *text, const char *key, const char *value)
{
	struct override set = { key, value };
	struct config_mode mode = { .overrides = &set, .override_count = 1 };

	assert_true(parse(text, &mode));
	return file.defaults;
}

static void another_driver_does_not_change_whose_defaults_are_meant(void **state)
{
	(void)state;
	assert_int_equal(defaults_with("driverClass: x\n", "driver", "kafka"),
	                 CLIENT_DEFAULTS_JAVA);
	assert_string_equal(file.driver, "kafka");
	assert_non_null(strstr(file.defaults_why, "--set clientDefaults=library"));
	assert_int_equal(defaults_with("driverClass: x\n", "driverClass", "y"),
	                 CLIENT_DEFAULTS_JAVA);
	assert_int_equal(defaults_with("driver: kafka\n", "driverClass", "x"),
	                 CLIENT_DEFAULTS_LIBRARY);
	assert_non_null(strstr(file.defaults_why, "--set clientDefaults=java"));
	assert_int_equal(defaults_with("driver: x\n", "driver", "kafka"), CLIENT_DEFAULTS_LIBRARY);
	/* Where the file says nothing the override does, and a plain word always does. */
	assert_int_equal(defaults_with("name: x\n", "driverClass", "x"), CLIENT_DEFAULTS_JAVA);
	assert_int_equal(defaults_with("name: x\n", "driver", "x"), CLIENT_DEFAULTS_LIBRARY);
	assert_int_equal(defaults_with("driverClass: x\n", "clientDefaults", "librdkafka"),
	                 CLIENT_DEFAULTS_LIBRARY);
	assert_int_equal(defaults_with("driver: x\nclientDefaults: java\n", "driver", "kafka"),
	                 CLIENT_DEFAULTS_JAVA);
}

static void an_override_does_not_hide_that_a_file_names_two_drivers(void **state)
{
	(void)state;
	static const struct override set = { "driver", "kafka" };
	struct config_mode mode = { .overrides = &set, .override_count = 1 };

	assert_false(parse("driver: kafka\ndriverClass: x\n", &mode));
	assert_string_equal(errors.items[0].text,
	                    "driver file dir/k.yaml:2:14: driverClass: not together with driver");
}

static void a_missing_name_is_the_drivers_or_the_files(void **state)
{
	(void)state;
	assert_true(parse("driver: kafka\n", &strict));
	assert_string_equal(file.name, "kafka");
	assert_true(parse("driverClass: x\n", &strict));
	assert_string_equal(file.name, "k");
}

static void errors_name_the_file_and_the_place(void **state)
{
	(void)state;
	static const char text[] = "name: Kafka\n"
				   "driver: kafka\n"
				   "replicationFactor: none\n"
				   "producerConfg: x\n";

	assert_false(parse(text, &strict));
	assert_int_equal(errors.count, 2);
	assert_string_equal(errors.items[0].text,
	                    "driver file dir/k.yaml:4:1: unknown option \"producerConfg\", did you "
	                    "mean \"producerConfig\"?");
	assert_string_equal(
		errors.items[1].text,
		"driver file dir/k.yaml:3:20: replicationFactor: \"none\" is not a number");
}

static void no_driver_or_two_are_errors(void **state)
{
	(void)state;
	assert_false(parse("name: x\n", &strict));
	assert_string_equal(errors.items[0].text, "driver file dir/k.yaml: neither driver nor "
	                                          "driverClass says which broker this is for");
	assert_false(parse("driver: kafka\ndriverClass: x\n", &strict));
	assert_string_equal(errors.items[1].text,
	                    "driver file dir/k.yaml:2:1: driverClass: not together with driver");
}

static void text_that_is_no_yaml_or_no_mapping_is_an_error(void **state)
{
	(void)state;
	assert_false(parse("a: [\n", &strict));
	assert_false(parse("- a\n", &strict));
	assert_false(parse("", &strict));
	assert_int_equal(errors.count, 3);
}

static void a_second_document_is_an_error_or_a_warning(void **state)
{
	(void)state;
	assert_false(parse("driver: kafka\n---\nx: 1\n", &strict));
	assert_string_equal(errors.items[0].text, "driver file dir/k.yaml:2:1: a second document "
	                                          "starts here; only one is read");
	assert_true(parse("driver: kafka\n---\nx: 1\n", &lenient));
	assert_int_equal(warnings.count, 1);
}

static void lenient_files_may_have_keys_that_nobody_knows(void **state)
{
	(void)state;
	assert_true(parse(OMB_FILE "reset: true\n", &lenient));
	assert_int_equal(warnings.count, 1);
	assert_string_equal(warnings.items[0].text,
	                    "driver file dir/k.yaml:7:1: unknown option \"reset\"");
}

static void set_replaces_keys_and_properties(void **state)
{
	(void)state;
	static const struct override sets[] = {
		{ "replicationFactor", "1" },
		{ "producerConfig.linger.ms", "5" },
		{ "consumerConfig.fetch.min.bytes", "1" },
		{ "topicConfig", "retention.ms=1000" },
		{ "driver.name", "tuned" },
		{ "hosts", "[a, b]" },
		{ "topics", "5" }, /* the workload's */
		{ "name", "the workload's too" },
	};
	struct config_mode mode = { .overrides = sets, .override_count = COUNT(sets) };
	struct properties p = { 0 };
	struct error err;

	assert_true(parse(OMB_FILE, &mode));
	assert_string_equal(file.name, "tuned");
	assert_int_equal(sample.replicas, 1);
	assert_string_equal(sample.topic.text, "retention.ms=1000");
	assert_int_equal(sample.hosts.count, 2);
	assert_true(properties_parse_block(&sample.producer, &arena, &p, &err));
	assert_int_equal(p.count, 2);
	assert_string_equal(properties_find(&p, "linger.ms")->value, "5");
	assert_string_equal(properties_find(&p, "acks")->value, "all");
	p = (struct properties){ 0 };
	assert_true(properties_parse_block(&sample.consumer, &arena, &p, &err));
	assert_string_equal(properties_find(&p, "fetch.min.bytes")->value, "1");
	/* The file itself is as it was. */
	assert_string_equal(yaml_find(file.root, "replicationFactor")->text, "3");
}

static void a_bad_value_of_set_is_told_as_such(void **state)
{
	(void)state;
	static const struct override sets[] = { { "replicationFactor", "0" }, { "hosts", "[a" } };
	struct config_mode mode = { .overrides = sets, .override_count = COUNT(sets) };

	assert_false(parse(OMB_FILE, &mode));
	assert_int_equal(errors.count, 2);
	assert_non_null(strstr(errors.items[0].text, "--set hosts: "));
	assert_string_equal(errors.items[1].text,
	                    "driver file dir/k.yaml: replicationFactor: 0 is outside 1..100 "
	                    "(from --set)");
}

static void set_chooses_another_driver(void **state)
{
	(void)state;
	static const struct override sets[] = { { "driver", "loopback" } };
	struct config_mode mode = { .overrides = sets, .override_count = 1 };

	assert_true(parse(OMB_FILE, &mode));
	assert_string_equal(file.driver, "loopback");
	assert_null(file.driver_class);
}

static void overrides_are_key_equals_value(void **state)
{
	(void)state;
	struct override o;
	struct error err = { 0 };

	assert_true(override_parse("topicConfig=a=b", &arena, &o, &err));
	assert_string_equal(o.key, "topicConfig");
	assert_string_equal(o.value, "a=b");
	assert_true(override_parse("name=", &arena, &o, &err));
	assert_string_equal(o.value, "");
	assert_false(override_parse("topics", &arena, &o, &err));
	assert_int_equal(err.kind, ERROR_USAGE);
	assert_false(override_parse("=5", &arena, &o, &err));
}

static void overrides_that_nobody_takes_are_all_told(void **state)
{
	(void)state;
	static const struct override sets[] = {
		{ "topics", "5" },
		{ "topisc", "5" },
		{ "replicationFactor", "1" },
		{ "replicationfactor", "1" },
		{ "producerConfig.linger.ms", "5" },
		{ "producrConfig.linger.ms", "5" },
		{ "workload.topics", "5" },
		{ "driver.topics", "5" },
		{ "driver.clientDefaults", "java" },
		{ "producerConfig.", "5" },
	};
	struct config_mode mode = { .overrides = sets, .override_count = COUNT(sets) };
	const struct option_spec *const tables[] = { driver_file_table, table, NULL };

	assert_false(override_check(&mode, workload_table, tables, &errors));
	assert_int_equal(errors.count, 5);
	assert_string_equal(errors.items[0].text,
	                    "--set: unknown option \"topisc\", did you mean \"topics\"?");
	assert_string_equal(
		errors.items[1].text,
		"--set: unknown option \"replicationfactor\", did you mean \"replicationFactor\"?");
	assert_non_null(strstr(errors.items[2].text, "\"producrConfig.linger.ms\""));
	assert_non_null(strstr(errors.items[3].text, "\"driver.topics\""));
	assert_non_null(strstr(errors.items[4].text, "\"producerConfig.\""));
	mode.override_count = 1;
	assert_true(override_check(&mode, workload_table, tables, &errors));
}

static void a_file_that_is_not_there_is_a_wrong_argument(void **state)
{
	(void)state;
	assert_false(driver_file_load("no/such.yaml", &strict, &arena, &file, &errors, &warnings));
	assert_string_equal(errors.items[0].text,
	                    "driver file: no/such.yaml: No such file or directory");
	assert_int_equal(error_exit_code(errors.items[0].kind), 2);
}

/* OMB's 14 files as they are described: name, linger.ms, batch.size and what else they have. */
static void all_fourteen_kafka_files_of_omb_load(void **state)
{
	(void)state;
	static const struct {
		const char *name, *topic, *common, *linger, *batch, *producer;
	} files[] = {
		{ "Kafka", "", "  default.api.timeout.ms=1200000\n  request.timeout.ms=1200000\n",
		  "1", "1048576", "" },
		{ "Kafka", "", "", "1", "131072", "" },
		{ "Kafka", "", "", "0", "1048576", "" },
		{ "Kafka", "  flush.messages=1\n  flush.ms=0\n", "", "1", "1048576", "" },
		{ "Kafka", "", "", "100", "1048576", "  max.request.size=4194304\n" },
		{ "Kafka", "", "", "200", "1048576", "  compression.type=gzip\n" },
		{ "Kafka", "", "", "200", "1048576", "  compression.type=lz4\n" },
		{ "Kafka", "", "", "200", "1048576", "  compression.type=snappy\n" },
		{ "Kafka", "", "", "200", "1048576", "  compression.type=zstd\n" },
		{ "Kafka", "", "", "1", "1048576", "  compression.type=gzip\n" },
		{ "Kafka", "", "", "1", "1048576", "  compression.type=lz4\n" },
		{ "Kafka", "", "", "1", "1048576", "  compression.type=snappy\n" },
		{ "Kafka", "", "", "1", "1048576", "  compression.type=zstd\n" },
		{ "Kafka-exactly-once", "", "", "1", "1048576",
		  "  enable.idempotence=true\n  max.in.flight.requests.per.connection=1\n"
		  "  retries=2147483647\n" },
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		char *text = arena_printf(
			&arena,
			"#\n# A licence.\n#\n\n\nname%s: %s\ndriverClass: " OMB_CLASS "\n\n"
			"# Kafka client-specific configuration\nreplicationFactor: 3\n\n"
			"topicConfig: |\n  min.insync.replicas=2\n%s\n"
			"commonConfig: |\n  bootstrap.servers=localhost:9092\n%s\n"
			"producerConfig: |\n  acks=all\n  linger.ms=%s\n  batch.size=%s\n%s\n"
			"consumerConfig: |\n  auto.offset.reset=earliest\n  "
			"enable.auto.commit=false\n"
			"  max.partition.fetch.bytes=10485760\n",
			i % 2 ? " " : "", files[i].name, files[i].topic, files[i].common,
			files[i].linger, files[i].batch, files[i].producer);
		struct properties p = { 0 };
		struct error err;

		assert_true(parse(text, &strict));
		assert_string_equal(file.name, files[i].name);
		assert_int_equal(file.defaults, CLIENT_DEFAULTS_JAVA);
		assert_int_equal(sample.replicas, 3);
		assert_true(properties_parse_block(&sample.producer, &arena, &p, &err));
		assert_string_equal(properties_find(&p, "linger.ms")->value, files[i].linger);
		assert_string_equal(properties_find(&p, "batch.size")->value, files[i].batch);
		assert_string_equal(properties_find(&p, "acks")->value, "all");
	}
	assert_int_equal(warnings.count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tidy)
	const struct CMUnitTest tests[] = {
		T(the_common_keys_are_read_and_the_rest_is_the_drivers),
		T(a_file_for_java_means_javas_defaults_and_ours_the_librarys),
		T(another_driver_does_not_change_whose_defaults_are_meant),
		T(an_override_does_not_hide_that_a_file_names_two_drivers),
		T(a_missing_name_is_the_drivers_or_the_files),
		T(errors_name_the_file_and_the_place),
		T(no_driver_or_two_are_errors),
		T(text_that_is_no_yaml_or_no_mapping_is_an_error),
		T(a_second_document_is_an_error_or_a_warning),
		T(lenient_files_may_have_keys_that_nobody_knows),
		T(set_replaces_keys_and_properties),
		T(a_bad_value_of_set_is_told_as_such),
		T(set_chooses_another_driver),
		T(overrides_are_key_equals_value),
		T(overrides_that_nobody_takes_are_all_told),
		T(a_file_that_is_not_there_is_a_wrong_argument),
		T(all_fourteen_kafka_files_of_omb_load),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
