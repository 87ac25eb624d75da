/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workload files as they lie on a disk: the shapes of OMB's 130 (written here from their
 * description, in the notations that YAML has for the same thing), and our own examples.
 */
#include "config/workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/driver_file.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/text.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define MINUTE_NS UINT64_C(60000000000)

struct shape {
	char name[80];
	unsigned topics, partitions, size;
	bool randomized;
	unsigned subscriptions, producers, consumers;
	unsigned rate, backlog_gib, minutes;
};

static struct arena arena;
static struct error_list errors, warnings;
static const struct config_mode strict;
static char home[] = "/tmp/omb-workloads-XXXXXX";

static const char *at(const char *name)
{
	return arena_printf(&arena, "%s/%s", home, name);
}

static void put(const char *name, const char *content, size_t len)
{
	struct error err;

	assert_true(file_write_atomic(at(name), content, len, &err));
}

static int make_home(void **state)
{
	static const char zeros[4096];
	struct error err;

	(void)state;
	assert_non_null(mkdtemp(home));
	assert_true(file_make_dirs(at("workloads"), &err));
	assert_true(file_make_dirs(at("payload"), &err));
	put("payload/payload-100b.data", zeros, 100);
	put("payload/payload-1Kb.data", zeros, 1024);
	return 0;
}

static int remove_home(void **state)
{
	char command[sizeof(home) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", home);
	int status = system(command);
	arena_fini(&arena);
	return status;
}

static int forget(void **state)
{
	(void)state;
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return 0;
}

/* --- the same workload in four notations --- */

static void add_payload(struct text *t, const struct shape *s, const char *quote)
{
	if (s->randomized)
		text_addf(
			t,
			"#payloadFile: \"payload/payload-1Kb.data\"\nuseRandomizedPayloads: true\n"
			"randomBytesRatio: 0.5\nrandomizedPayloadPoolSize: %d\n",
			s->size == 65536 ? 100 : 1000);
	else
		text_addf(t, "payloadFile: %spayload/payload-%s.data%s\n", quote,
		          s->size == 100 ? "100b" : "1Kb", quote);
}

static void write_plain(struct text *t, const struct shape *s)
{
	text_addf(t,
	          "#\n# A licence.\n#\n\nname: %s\n\ntopics: %u\npartitionsPerTopic: %u\n"
	          "messageSize: %u\n",
	          s->name, s->topics, s->partitions, s->size);
	add_payload(t, s, "\"");
	text_addf(
		t,
		"subscriptionsPerTopic: %u\nconsumerPerSubscription: %u\nproducersPerTopic: %u\n\n"
		"# Discover max-sustainable rate\nproducerRate: %u\n\n"
		"consumerBacklogSizeGB: %u\ntestDurationMinutes: %u\n",
		s->subscriptions, s->consumers, s->producers, s->rate, s->backlog_gib, s->minutes);
}

static void write_quoted_and_spaced(struct text *t, const struct shape *s)
{
	text_addf(t,
	          "---\nname : \"%s\"\ntopics:   %u   # one or many\npartitionsPerTopic:\t%u\n"
	          "keyDistributor: \"NO_KEY\"\nmessageSize: %u\n",
	          s->name, s->topics, s->partitions, s->size);
	add_payload(t, s, "'");
	text_addf(t,
	          "subscriptionsPerTopic: %u\nproducersPerTopic: %u\nconsumerPerSubscription: %u\n"
	          "producerRate: %u\nconsumerBacklogSizeGB: %u\ntestDurationMinutes: %u",
	          s->subscriptions, s->producers, s->consumers, s->rate, s->backlog_gib,
	          s->minutes);
}

static void write_as_the_generator(struct text *t, const struct shape *s)
{
	text_addf(t,
	          "name: \"%s\"\r\ntopics: %u\r\npartitionsPerTopic: %u\r\nkeyDistributor: "
	          "\"NO_KEY\"\r\n"
	          "messageSize: %u\r\nuseRandomizedPayloads: %s\r\nrandomBytesRatio: %s\r\n"
	          "randomizedPayloadPoolSize: %d\r\npayloadFile: %s\r\n",
	          s->name, s->topics, s->partitions, s->size, s->randomized ? "true" : "false",
	          s->randomized ? "0.5" : "0.0",
	          !s->randomized     ? 0
	          : s->size == 65536 ? 100
	                             : 1000,
	          s->randomized    ? "null"
	          : s->size == 100 ? "\"payload/payload-100b.data\""
	                           : "\"payload/payload-1Kb.data\"");
	text_addf(t,
	          "subscriptionsPerTopic: %u\r\nproducersPerTopic: %u\r\nconsumerPerSubscription: "
	          "%u\r\n"
	          "producerRate: %u\r\nconsumerBacklogSizeGB: %u\r\nbacklogDrainRatio: 1.0\r\n"
	          "testDurationMinutes: %u\r\nwarmupDurationMinutes: 1\r\n",
	          s->subscriptions, s->producers, s->consumers, s->rate, s->backlog_gib,
	          s->minutes);
}

static void write_as_json(struct text *t, const struct shape *s)
{
	text_addf(t,
	          "{\"name\": \"%s\", \"topics\": %u, \"partitionsPerTopic\": %u, \"messageSize\": "
	          "%u,\n"
	          "%s, \"subscriptionsPerTopic\": %u,\n",
	          s->name, s->topics, s->partitions, s->size,
	          !s->randomized ? s->size == 100 ? "\"payloadFile\": \"payload/payload-100b.data\""
	                                          : "\"payloadFile\": \"payload/payload-1Kb.data\""
	          : s->size == 65536
	                  ? "\"useRandomizedPayloads\": true, \"randomBytesRatio\": 0.5, "
	                    "\"randomizedPayloadPoolSize\": 100"
	                  : "\"useRandomizedPayloads\": true, \"randomBytesRatio\": 0.5, "
	                    "\"randomizedPayloadPoolSize\": 1000",
	          s->subscriptions);
	text_addf(t,
	          "\"producersPerTopic\": %u, \"consumerPerSubscription\": %u, \"producerRate\": "
	          "%u,\n"
	          "\"consumerBacklogSizeGB\": %u, \"testDurationMinutes\": %u}\n",
	          s->producers, s->consumers, s->rate, s->backlog_gib, s->minutes);
}

static void loads_as(const struct shape *s, const char *file)
{
	struct workload w;

	if (!workload_load(at(file), &strict, &arena, &w, &errors, &warnings))
		fail_msg("%s", errors.items[0].text);
	assert_int_equal(warnings.count, 0);
	assert_string_equal(w.name, s->name);
	assert_string_equal(w.file_name, s->name);
	assert_int_equal(w.topics, s->topics);
	assert_int_equal(w.partitions_per_topic, s->partitions);
	assert_int_equal(w.message_size, s->size);
	assert_int_equal(w.randomized_payloads, s->randomized);
	assert_int_equal(w.payload_path == NULL, s->randomized);
	if (s->randomized) {
		assert_true(w.random_ratio == 0.5);
		assert_int_equal(w.payload_pool, s->size == 65536 ? 100 : 1000);
	}
	assert_int_equal(w.subscriptions_per_topic, s->subscriptions);
	assert_int_equal(w.producers_per_topic, s->producers);
	assert_int_equal(w.consumers_per_subscription, s->consumers);
	assert_int_equal(w.rate_mode, s->rate == 0 ? RATE_SEARCH : RATE_FIXED);
	assert_true(workload_rate(&w) == s->rate);
	assert_true(w.backlog_gib == s->backlog_gib);
	assert_int_equal(w.test_ns, s->minutes * MINUTE_NS);
	assert_int_equal(w.warmup_ns, MINUTE_NS);
	assert_int_equal(w.keys, KEYS_NONE);
}

static unsigned shapes_loaded;

static void check(const struct shape *s)
{
	typedef void write_fn(struct text * t, const struct shape *shape);
	static write_fn *const notations[] = {
		write_plain,
		write_quoted_and_spaced,
		write_as_the_generator,
		write_as_json,
	};
	const char *file = arena_printf(&arena, "workloads/%s.yaml", s->name);

	for (size_t i = 0; i < COUNT(notations); i++) {
		struct text t = { 0 };
		notations[i](&t, s);
		put(file, text_str(&t), t.len);
		text_fini(&t);
		loads_as(s, file);
	}
	shapes_loaded++;
}

/* --- the shapes --- */

static void check_small(void)
{
	static const struct shape small[] = {
		{ "simple-workload", 1, 10, 1024, false, 1, 1, 1, 10000, 0, 5 },
		{ "1-topic-1-partition-100b", 1, 1, 100, false, 1, 1, 1, 50000, 0, 15 },
		{ "1-topic-1-partition-1kb", 1, 1, 1024, false, 1, 1, 1, 50000, 0, 15 },
		{ "1-topic-6-partition-100b", 1, 6, 100, false, 1, 1, 1, 50000, 0, 15 },
		{ "1-topic-16-partition-100b", 1, 16, 100, false, 1, 1, 1, 50000, 0, 15 },
		{ "1-topic-16-partitions-1kb", 1, 16, 1024, false, 1, 1, 1, 50000, 0, 15 },
		{ "1-topic-100-partitions-1kb", 1, 100, 1024, false, 1, 1, 1, 50000, 0, 240 },
		{ "1-topic-3-partition-100b-3producers", 1, 3, 100, false, 1, 3, 1, 0, 0, 15 },
		{ "100-topics-1-partitions-1kb", 100, 1, 1024, false, 3, 1, 1, 150000, 0, 240 },
		{ "backlog-1-topic-1-partition-1kb", 1, 1, 1024, false, 1, 1, 1, 100000, 100, 5 },
		{ "backlog-1-topic-16-partitions-1kb", 1, 16, 1024, false, 1, 1, 1, 100000, 100,
		  5 },
		{ "max-rate-1-topic-16-partitions-100b", 1, 16, 100, false, 1, 1, 1, 0, 0, 5 },
		{ "max-rate-1-topic-16-partitions-1kb", 1, 16, 1024, false, 1, 1, 1, 0, 0, 5 },
		{ "max-rate-1-topic-100-partitions-100b", 1, 100, 100, false, 1, 1, 1, 0, 0, 5 },
		{ "max-rate-1-topic-100-partitions-1kb", 1, 100, 1024, false, 1, 1, 1, 0, 0, 5 },
		{ "1-topic-100-partitions-1kb-4p-4c-200k-backlog", 1, 100, 1024, true, 1, 4, 4,
		  200000, 512, 5 },
	};

	for (size_t i = 0; i < COUNT(small); i++)
		check(&small[i]);
}

static void check_4p_4c(void)
{
	static const unsigned partitions[] = { 100, 10000 }, rates[] = { 200, 500, 1000, 2000 };

	for (size_t p = 0; p < COUNT(partitions); p++) {
		for (size_t r = 0; r < COUNT(rates); r++) {
			struct shape s = { "", 1, partitions[p],   1024, true, 1,
				           4,  4, rates[r] * 1000, 0,    5 };
			snprintf(s.name, sizeof(s.name), "1-topic-%u-partitions-1kb-4p-4c-%uk",
			         partitions[p], rates[r]);
			check(&s);
		}
	}
}

static void check_topic_scaling(void)
{
	static const struct {
		const char *name;
		unsigned topics;
		bool at_100k;
	} scales[] = {
		{ "100", 100, false },     { "500", 500, false },     { "1k", 1000, true },
		{ "5k", 5000, true },      { "10k", 10000, true },    { "50k", 50000, true },
		{ "100k", 100000, true },  { "200k", 200000, true },  { "300k", 300000, false },
		{ "400k", 400000, false }, { "500k", 500000, false }, { "600k", 600000, false },
		{ "700k", 700000, false }, { "800k", 800000, false }, { "900k", 900000, false },
		{ "1m", 1000000, false },
	};
	static const unsigned rates[] = { 100, 500, 2000 };

	for (size_t i = 0; i < COUNT(scales); i++) {
		for (size_t r = 0; r < COUNT(rates); r++) {
			struct shape s = { "", scales[i].topics, 1, 1024, true, 1, 4,
				           4,  rates[r] * 1000,  0, 5 };
			if (rates[r] == 100 && !scales[i].at_100k)
				continue;
			snprintf(s.name, sizeof(s.name), "%s-topic-1kb-4p-4c-%uk", scales[i].name,
			         rates[r]);
			check(&s);
		}
	}
}

static void check_ten_topics(void)
{
	static const unsigned partitions[] = { 1, 2, 3, 4, 6, 9, 16 };

	for (size_t i = 0; i < COUNT(partitions); i++) {
		struct shape s = { "", 10, partitions[i], 100, true, 1, 1, 1, 1000000, 0, 15 };
		snprintf(s.name, sizeof(s.name), "1m-10-topics-%u-partitions-100b", partitions[i]);
		check(&s);
	}
}

static const struct {
	const char *name;
	unsigned bytes;
} sizes[] = { { "100b", 100 }, { "1kb", 1024 }, { "64kb", 65536 } };

/* Files with 30, 50, 70 and 90 of something use a payload file and have no variant of 64 KB. */
static bool has_payload_file(unsigned n)
{
	return n == 30 || n == 50 || n == 70 || n == 90;
}

/* All sizes of one shape; its name is the pattern with the size in it. */
static void check_sizes(struct shape s, const char *pattern, unsigned n, bool payload_file)
{
	for (size_t i = 0; i < COUNT(sizes) - payload_file; i++) {
		s.size = sizes[i].bytes;
		s.randomized = !payload_file;
		snprintf(s.name, sizeof(s.name), "max-rate-%s-%u-%s", pattern, n, sizes[i].name);
		check(&s);
	}
}

static void check_push(void)
{
	const unsigned rate = 10000000;

	for (unsigned n = 1; n <= 100; n = n == 1 ? 10 : n + 10)
		check_sizes((struct shape){ "", 1, n, 0, true, 1, n, n, rate, 0, 5 },
		            "1-topic-Np-Nc", n, has_payload_file(n));
	for (unsigned n = 10; n <= 100; n += 10)
		check_sizes((struct shape){ "", n, 1, 0, true, 1, 1, 1, rate, 0, 5 },
		            "topics-1-partition", n, has_payload_file(n));
	check_sizes((struct shape){ "", 1, 10, 0, true, 1, 1, 1, rate, 0, 5 },
	            "1-topic-partitions-1p-1c", 10, false);
	check_sizes((struct shape){ "", 1, 100, 0, true, 1, 1, 1, rate, 0, 5 },
	            "1-topic-partitions-1p-1c", 100, true);
	check(&(struct shape){ "max-rate-1-topic-1-partition-4p-1c-1kb", 1, 1, 1024, true, 1, 4, 1,
	                       rate, 0, 5 });
}

static void all_130_shapes_of_omb_load_strictly(void **state)
{
	(void)state;
	shapes_loaded = 0;
	check_small();
	check_4p_4c();
	check_topic_scaling();
	check_ten_topics();
	check_push();
	assert_int_equal(shapes_loaded, 130);
}

/* --- payloads and messages --- */

#define FROM_FILE "topics: 1\nproducersPerTopic: 1\ntestDuration: 1s\n"

static bool load(const char *text, struct workload *w)
{
	put("workloads/w.yaml", text, strlen(text));
	return workload_load(at("workloads/w.yaml"), &strict, &arena, w, &errors, &warnings);
}

static void the_payload_file_is_found_beside_the_workloads_folder(void **state)
{
	(void)state;
	struct workload w;

	assert_true(
		load(FROM_FILE "messageSize: 100\npayloadFile: payload/payload-100b.data\n", &w));
	assert_string_equal(w.payload_path, at("workloads/../payload/payload-100b.data"));
}

static void a_payload_of_another_size_is_an_error(void **state)
{
	(void)state;
	struct workload w;

	assert_false(
		load(FROM_FILE "messageSize: 101\npayloadFile: payload/payload-100b.data\n", &w));
	assert_int_equal(errors.count, 1);
	assert_string_equal(
		errors.items[0].text,
		arena_printf(
			&arena,
			"workload %s:5:14: payloadFile: %s has 100 bytes and messageSize is 101",
			at("workloads/w.yaml"), at("workloads/../payload/payload-100b.data")));
}

static void a_payload_that_is_nowhere_is_an_error(void **state)
{
	(void)state;
	struct workload w;

	assert_false(load(FROM_FILE "messageSize: 1\npayloadFile: no.data\n", &w));
	assert_non_null(strstr(errors.items[0].text, "payloadFile: there is no no.data, nor "));
}

static void a_folder_of_payloads_must_be_even(void **state)
{
	(void)state;
	struct workload w;

	assert_false(load(FROM_FILE "messageSize: 100\npayloadFile: payload\n", &w));
	assert_non_null(strstr(errors.items[0].text, "has 1024 bytes and messageSize is 100"));
}

static void all_errors_of_a_file_come_with_the_file_and_the_place(void **state)
{
	(void)state;
	struct workload w;

	assert_false(load("name: broken\n"
	                  "topics: 0\n"
	                  "topisc: 1\n"
	                  "messageSize: 5\n"
	                  "producersPerTopic: ten\n"
	                  "testDurationMinutes: 1\n"
	                  "payloadFile: payload/payload-100b.data\n",
	                  &w));
	static const char *const want[] = {
		"3:1: unknown option \"topisc\", did you mean \"topics\"?",
		"2:9: topics: 0 is outside 1..1000000",
		"5:20: producersPerTopic: \"ten\" is not a number",
		"7:14: payloadFile: ",
	};
	assert_int_equal(errors.count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++) {
		const char *text = errors.items[i].text;
		const char *head = arena_printf(&arena, "workload %s:", at("workloads/w.yaml"));
		assert_int_equal(strncmp(text, head, strlen(head)), 0);
		assert_int_equal(strncmp(text + strlen(head), want[i], strlen(want[i])), 0);
		assert_int_equal(error_exit_code(errors.items[i].kind), 2);
	}
}

static void broken_yaml_comes_with_the_file_and_the_place(void **state)
{
	(void)state;
	struct workload w;

	assert_false(load("topics: 1\n  messageSize: 2\n", &w));
	assert_int_equal(errors.count, 1);
	assert_non_null(strstr(errors.items[0].text, "/workloads/w.yaml:2:14: "));
}

static void a_file_that_is_not_there_is_a_wrong_argument(void **state)
{
	(void)state;
	struct workload w;

	assert_false(workload_load("no/such.yaml", &strict, &arena, &w, &errors, &warnings));
	assert_string_equal(errors.items[0].text,
	                    "workload: no/such.yaml: No such file or directory");
	assert_int_equal(error_exit_code(errors.items[0].kind), 2);
}

/* --- our own examples --- */

/* Tests run in the repository's root. */
static const char *example(const char *name)
{
	return arena_printf(&arena, "examples/%s", name);
}

static struct workload load_example(const char *name)
{
	struct workload w;
	const char *path = example(arena_printf(&arena, "workloads/%s.yaml", name));

	if (!workload_load(path, &strict, &arena, &w, &errors, &warnings))
		fail_msg("%s", errors.items[0].text);
	assert_int_equal(warnings.count, 0);
	assert_true(w.randomized_payloads);
	assert_int_equal(w.message_size, 1024);
	return w;
}

static void our_example_workloads_load(void **state)
{
	(void)state;
	struct workload w = load_example("acceptance-10p-4c");

	assert_true(workload_rate(&w) == 100000);
	assert_int_equal(w.partitions_per_topic, 16);
	assert_int_equal(workload_producers(&w), 10);
	assert_int_equal(workload_consumers(&w), 4);
	assert_int_equal(w.agents, AGENTS_PER_CLIENT);
	assert_int_equal(w.wake_ns, 200000);
	assert_int_equal(w.test_ns, MINUTE_NS);
	assert_int_equal(w.warmup_ns, MINUTE_NS / 2);

	w = load_example("fleet-1000");
	assert_int_equal(workload_producers(&w), 1000);
	assert_int_equal(workload_consumers(&w), 1000);
	assert_true(workload_rate(&w) == 1000);

	w = load_example("max-rate-1kb");
	assert_int_equal(w.rate_mode, RATE_MAX);
	assert_int_equal(w.max_in_flight_bytes, 2000000);

	w = load_example("backlog");
	assert_true(w.backlog_gib == 1);
	load_example("demo");
	load_example("simple-workload");
}

static void our_example_drivers_load(void **state)
{
	(void)state;
	static const char *const names[] = { "kafka", "kafka-omb-throughput" };

	for (size_t i = 0; i < COUNT(names); i++) {
		struct driver_file file;
		const char *path = example(arena_printf(&arena, "drivers/%s.yaml", names[i]));

		if (!driver_file_load(path, &strict, &arena, &file, &errors, &warnings))
			fail_msg("%s", errors.items[0].text);
		assert_string_equal(file.name, "Kafka");
		assert_string_equal(file.file_name, names[i]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, forget)
	const struct CMUnitTest tests[] = {
		T(all_130_shapes_of_omb_load_strictly),
		T(the_payload_file_is_found_beside_the_workloads_folder),
		T(a_payload_of_another_size_is_an_error),
		T(a_payload_that_is_nowhere_is_an_error),
		T(a_folder_of_payloads_must_be_even),
		T(all_errors_of_a_file_come_with_the_file_and_the_place),
		T(broken_yaml_comes_with_the_file_and_the_place),
		T(a_file_that_is_not_there_is_a_wrong_argument),
		T(our_example_workloads_load),
		T(our_example_drivers_load),
	};
#undef T

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
