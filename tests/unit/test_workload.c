/* SPDX-License-Identifier: Apache-2.0 */
#include "config/override.h"
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

#include "config/yaml.h"
#include "util/arena.h"
#include "util/text.h"

#define COUNT(a)        (sizeof(a) / sizeof((a)[0]))
#define SECOND          UINT64_C(1000000000)

/* A workload to which each test adds. */
#define RANDOM_PAYLOADS "useRandomizedPayloads: true\nrandomizedPayloadPoolSize: 10\n"
#define SMALL                        \
	"topics: 1\n"                \
	"messageSize: 100\n"         \
	"producersPerTopic: 1\n"     \
	"subscriptionsPerTopic: 1\n" \
	"consumerPerSubscription: 1\n" RANDOM_PAYLOADS
#define COMPLETE SMALL "testDurationMinutes: 1\n"

static struct arena arena;
static struct error_list errors, warnings;
static struct workload w;
static const struct config_mode strict, lenient = { .lenient = true };

static int tidy(void **state)
{
	(void)state;
	arena_fini(&arena);
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return 0;
}

static bool parse_with(const char *text, const struct config_mode *mode)
{
	struct config_source source = { "dir/small.workload.yaml", text, strlen(text) };

	return workload_parse(&source, mode, &arena, &w, &errors, &warnings);
}

static bool parse(const char *text)
{
	return parse_with(text, &strict);
}

static void good(const char *text)
{
	if (!parse(text))
		fail_msg("%s", errors.items[0].text);
}

/* Exactly one error, this one. */
static void bad(const char *text, const char *want)
{
	errors.count = 0;
	assert_false(parse(text));
	assert_string_equal(errors.items[0].text, want);
	assert_int_equal(errors.count, 1);
}

static void every_key_of_omb_is_read(void **state)
{
	(void)state;
	good("name: all keys\ntopics: 2\npartitionsPerTopic: 3\nkeyDistributor: KEY_ROUND_ROBIN\n"
	     "messageSize: 1024\nuseRandomizedPayloads: true\nrandomBytesRatio: 0.5\n"
	     "randomizedPayloadPoolSize: 1000\npayloadFile: ignored.data\nsubscriptionsPerTopic: "
	     "4\n"
	     "producersPerTopic: 5\nconsumerPerSubscription: 6\nproducerRate: 50000\n"
	     "consumerBacklogSizeGB: 100\nbacklogDrainRatio: 0.99\ntestDurationMinutes: 15\n"
	     "warmupDurationMinutes: 2\n");
	assert_string_equal(w.name, "all keys");
	assert_string_equal(w.file_name, "small.workload");
	assert_int_equal(w.topics, 2);
	assert_int_equal(w.partitions_per_topic, 3);
	assert_int_equal(w.keys, KEYS_ROUND_ROBIN);
	assert_int_equal(w.message_size, 1024);
	assert_true(w.randomized_payloads);
	assert_true(w.random_ratio == 0.5);
	assert_int_equal(w.payload_pool, 1000);
	assert_null(w.payload_path);
	assert_int_equal(w.subscriptions_per_topic, 4);
	assert_int_equal(w.producers_per_topic, 5);
	assert_int_equal(w.consumers_per_subscription, 6);
	assert_int_equal(w.rate_mode, RATE_FIXED);
	assert_true(w.rate_per_s == 50000);
	assert_true(w.backlog_gib == 100);
	assert_true(w.backlog_drain_ratio == 0.99);
	assert_int_equal(w.test_ns, 900 * SECOND);
	assert_int_equal(w.warmup_ns, 120 * SECOND);
	assert_int_equal(workload_producers(&w), 10);
	assert_int_equal(workload_consumers(&w), 48);
}

static void defaults_are_ombs_and_ours(void **state)
{
	(void)state;
	good(COMPLETE);
	assert_string_equal(w.name, "small.workload");
	assert_int_equal(w.keys, KEYS_NONE);
	assert_int_equal(w.rate_mode, RATE_SEARCH);
	assert_int_equal(w.rate_scope, RATE_TOTAL);
	assert_true(w.backlog_gib == 0);
	assert_true(w.backlog_drain_ratio == 1);
	assert_int_equal(w.warmup_ns, 60 * SECOND);
	assert_int_equal(w.agents, AGENTS_PER_CORE);
	assert_int_equal(w.agent_count, 0);
	assert_int_equal(w.threads_per_agent, 1);
	assert_int_equal(w.wake_ns, 100000);
	assert_int_equal(w.sample_ns, 10 * SECOND);
	assert_int_equal(w.seed, 42);
	assert_int_equal(w.processing_ns, 0);
	assert_int_equal(w.max_in_flight, 65536);
	assert_int_equal(w.max_in_flight_bytes, 0);
	assert_int_equal(w.agent_cpus.count, 0);
	assert_int_equal(w.agent_nice, 0);
	assert_false(w.keep_topics);
	assert_int_equal(w.drain_timeout_ns, 30 * SECOND);
	assert_int_equal(w.readiness_timeout_ns, 60 * SECOND);
	assert_int_equal(w.commit_messages, 0);
	assert_int_equal(w.commit_ns, 0);
	assert_int_equal(w.accounting, ACCOUNTING_EXACT);
}

static void every_key_of_ours_is_read(void **state)
{
	(void)state;
	good(SMALL
	     "testDuration: 90s\nwarmupDuration: 1m30s\nproducerRateScope: per-producer\n"
	     "producerRate: 0.1\nagents: per-client\nthreadsPerAgent: 64\nwakeInterval: 200us\n"
	     "pacing: spin\n"
	     "samplePeriod: 1s\nseed: 18446744073709551614\nmessageProcessingTime: 5ms\n"
	     "maxInFlight: 5000\nmaxInFlightBytes: 2MB\nagentCpus: 0-3,5\nagentNice: -5\n"
	     "keepTopics: true\ndrainTimeout: 10\nreadinessTimeout: 2m\ncommitInterval: 500ms\n"
	     "accounting: off\n");
	assert_int_equal(w.accounting, ACCOUNTING_OFF);
	assert_int_equal(w.test_ns, 90 * SECOND);
	assert_int_equal(w.warmup_ns, 90 * SECOND);
	assert_int_equal(w.rate_scope, RATE_PER_PRODUCER);
	assert_true(w.rate_per_s == 0.1);
	assert_int_equal(w.agents, AGENTS_PER_CLIENT);
	assert_int_equal(w.threads_per_agent, 64);
	assert_int_equal(w.wake_ns, 200000);
	assert_int_equal(w.pacing, PACING_SPIN);
	assert_int_equal(w.sample_ns, SECOND);
	assert_true(w.seed == UINT64_MAX - 1);
	assert_int_equal(w.processing_ns, 5000000);
	assert_int_equal(w.max_in_flight, 5000);
	assert_int_equal(w.max_in_flight_bytes, 2000000);
	assert_int_equal(w.agent_cpus.count, 5);
	assert_int_equal(w.agent_nice, -5);
	assert_true(w.keep_topics);
	assert_int_equal(w.drain_timeout_ns, 10 * SECOND);
	assert_int_equal(w.readiness_timeout_ns, 120 * SECOND);
	assert_int_equal(w.commit_ns, 500000000);
}

static void values_with_two_forms(void **state)
{
	(void)state;
	good(COMPLETE "agents: 7\ncommitInterval: 100\nmaxInFlight: 2MB\nwarmupDuration: 0\n");
	assert_int_equal(w.agents, AGENTS_NUMBER);
	assert_int_equal(w.agent_count, 7);
	assert_int_equal(w.commit_messages, 100);
	assert_int_equal(w.commit_ns, 0);
	assert_int_equal(w.max_in_flight, 65536);
	assert_int_equal(w.max_in_flight_bytes, 2000000);
	assert_int_equal(w.warmup_ns, 0);
	good(COMPLETE "warmupDurationMinutes: 0\n");
	assert_int_equal(w.warmup_ns, 0);
}

static void the_rate_is_fixed_searched_or_without_limit(void **state)
{
	(void)state;
	good(COMPLETE "producerRate: 10000000\n");
	assert_int_equal(w.rate_mode, RATE_FIXED);
	assert_true(workload_rate(&w) == 10000000);
	good(COMPLETE "producerRate: 0\n");
	assert_int_equal(w.rate_mode, RATE_SEARCH);
	assert_true(workload_rate(&w) == 0);
	good(COMPLETE "producerRate: max\n");
	assert_int_equal(w.rate_mode, RATE_MAX);
	assert_true(workload_rate(&w) == 0);
	good("topics: 3\nmessageSize: 1\nproducersPerTopic: 5\ntestDuration: 1\n" RANDOM_PAYLOADS
	     "producerRate: 2.5\nproducerRateScope: per-producer\n");
	assert_true(workload_rate(&w) == 37.5);
}

static void key_distributors_have_a_second_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum key_distributor keys;
	} cases[] = {
		{ "NO_KEY", KEYS_NONE },
		{ "KEY_ROUND_ROBIN", KEYS_ROUND_ROBIN },
		{ "ROUND_ROBIN", KEYS_ROUND_ROBIN },
		{ "RANDOM_NANO", KEYS_RANDOM },
		{ "\"RANDOM\"", KEYS_RANDOM },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		good(arena_printf(&arena, COMPLETE "keyDistributor: %s\n", cases[i].name));
		assert_int_equal(w.keys, cases[i].keys);
	}
	bad(COMPLETE "keyDistributor: key_round_robin\n",
	    "keyDistributor: \"key_round_robin\" is not one of: NO_KEY | KEY_ROUND_ROBIN | "
	    "RANDOM_NANO; did you mean \"KEY_ROUND_ROBIN\"?");
}

static void bad_values_are_told(void **state)
{
	(void)state;
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "partitionsPerTopic: 0", "partitionsPerTopic: 0 is outside 1..1000000" },
		{ "producerRate: -1", "producerRate: -1 is outside 0..1000000000" },
		{ "producerRate: fast", "producerRate: \"fast\" is not one of: max | number" },
		{ "randomBytesRatio: 1.5", "randomBytesRatio: 1.5 is outside 0..1" },
		{ "threadsPerAgent: 65", "threadsPerAgent: 65 is outside 1..64" },
		{ "wakeInterval: 2s", "wakeInterval: 2s is outside 0s..1s" },
		{ "samplePeriod: 999ms", "samplePeriod: 999ms is outside 1s..1h" },
		{ "messageProcessingTime: 61s", "messageProcessingTime: 61s is outside 0s..1m" },
		{ "agentNice: 20", "agentNice: 20 is outside -20..19" },
		{ "agents: 0", "agents: 0 is outside 1..100000" },
		{ "seed: -1", "seed: -1 is not >= 0" },
		{ "maxInFlight: 0", "maxInFlight: 0 is outside 1..16777216" },
		{ "maxInFlight: 0MB", "maxInFlight: nothing could be sent" },
		{ "consumersPerSubscription: 1",
		  "unknown option \"consumersPerSubscription\", did you mean "
		  "\"consumerPerSubscription\"?" },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		bad(arena_printf(&arena, COMPLETE "%s\n", cases[i].line), cases[i].want);
}

static void what_must_be_there_is_missed(void **state)
{
	(void)state;
	assert_false(parse("name: x\n"));
	assert_int_equal(errors.count, 5);
	assert_string_equal(errors.items[0].text, "topics is missing (number of topics to create)");
	assert_non_null(strstr(errors.items[1].text, "messageSize is missing"));
	assert_non_null(strstr(errors.items[2].text, "producersPerTopic is missing"));
	assert_string_equal(errors.items[3].text,
	                    "testDurationMinutes: missing; give it, or testDuration: 90s");
	assert_string_equal(errors.items[4].text,
	                    "payloadFile: missing, and useRandomizedPayloads is not true");
}

static void what_does_not_fit_together_is_told(void **state)
{
	(void)state;
	bad(COMPLETE "consumerBacklogSizeGB: 1\nproducerRate: 0\n",
	    "consumerBacklogSizeGB: a backlog needs a fixed producerRate, and it is 0 (search)");
	assert_int_equal(errors.items[0].line, 9);
	assert_int_equal(errors.items[0].column, 24);
	bad("topics: 1\nmessageSize: 1\nproducersPerTopic: 1\ntestDuration: 1\nproducerRate: 5\n"
	    "consumerBacklogSizeGB: 1\n" RANDOM_PAYLOADS,
	    "consumerBacklogSizeGB: without subscriptions there is no backlog");
	bad("topics: 1\nmessageSize: 1\nproducersPerTopic: 1\ntestDuration: 1\n"
	    "subscriptionsPerTopic: 2\n" RANDOM_PAYLOADS,
	    "consumerPerSubscription: subscriptions without consumers receive nothing "
	    "(subscriptionsPerTopic is 2)");
	bad("topics: 1\nmessageSize: 1\nproducersPerTopic: 1\ntestDuration: 1\n"
	    "useRandomizedPayloads: true\n",
	    "randomizedPayloadPoolSize: a pool of 0 payloads has none to send "
	    "(useRandomizedPayloads)");
	bad("topics: 1000000\nmessageSize: 1\nproducersPerTopic: 1000\ntestDuration: "
	    "1\n" RANDOM_PAYLOADS,
	    "producersPerTopic: 1000000000 producers in all are more than 100000000");
	bad("topics: 1000000\nmessageSize: 1\nproducersPerTopic: 1\ntestDuration: 1\n"
	    "subscriptionsPerTopic: 1000000\nconsumerPerSubscription: 1000000\n" RANDOM_PAYLOADS,
	    "consumerPerSubscription: 1000000000000000000 consumers in all are more than "
	    "100000000");
	bad("topics: 1000\nmessageSize: 1\nproducersPerTopic: 1000\ntestDuration: 1\n"
	    "producerRate: 2000\nproducerRateScope: per-producer\n" RANDOM_PAYLOADS,
	    "producerRate: 2000000000 messages/s of all producers are more than 1000000000");
	bad(COMPLETE "testDuration: 5s\n", "testDurationMinutes: not together with testDuration");
	bad(COMPLETE "warmupDuration: 5s\nwarmupDurationMinutes: 1\n",
	    "warmupDurationMinutes: not together with warmupDuration");
	bad(COMPLETE "maxInFlight: 2MB\nmaxInFlightBytes: 1MB\n",
	    "maxInFlightBytes: maxInFlight already gives the limit in bytes");
}

static void consumers_without_subscriptions_are_no_error(void **state)
{
	(void)state;
	/* --set subscriptionsPerTopic=0 is how a workload is run on the null driver. */
	good("topics: 1\nmessageSize: 1\nproducersPerTopic: 1\ntestDuration: 1\n"
	     "subscriptionsPerTopic: 0\nconsumerPerSubscription: 1\n" RANDOM_PAYLOADS);
}

static void one_mistake_is_told_once(void **state)
{
	(void)state;
	bad(SMALL "testDurationMinutes: soon\n", "testDurationMinutes: \"soon\" is not a number");
	bad(COMPLETE "consumerBacklogSizeGB: 1\nproducerRate: x\n",
	    "producerRate: \"x\" is not one of: max | number");
	bad("topics: 1\nmessageSize: 1\nproducersPerTopic: 1\ntestDuration: 1\n"
	    "useRandomizedPayloads: yes\nrandomizedPayloadPoolSize: 1\n",
	    "useRandomizedPayloads: \"yes\" is neither true nor false");
	bad("[]", "expected lines of \"key: value\", found a list");
}

static void lenient_files_may_lack_everything_that_java_does_not_need(void **state)
{
	(void)state;
	assert_true(parse_with("messageSize: 10\nuseRandomizedPayloads: yes\n"
	                       "randomizedPayloadPoolSize: '5'\nsubscriptionsPerTopic: 1\n"
	                       "keyDistributor: key_round_robin\nreset: true\n",
	                       &lenient));
	assert_int_equal(w.topics, 0);
	assert_int_equal(w.test_ns, 0);
	assert_int_equal(w.keys, KEYS_NONE);
	assert_int_equal(w.payload_pool, 5);
	assert_int_equal(w.partitions_per_topic, 1);
	assert_int_equal(warnings.count, 8);
}

static void lenient_durations_below_one_mean_for_ever_and_none(void **state)
{
	(void)state;
	assert_true(
		parse_with(SMALL "testDurationMinutes: -1\nwarmupDurationMinutes: -1\n", &lenient));
	assert_int_equal(w.test_ns, 0);
	assert_int_equal(w.warmup_ns, 0);
	assert_int_equal(warnings.count, 3);
	assert_non_null(strstr(warnings.items[2].text, "ends only when it is interrupted"));
}

static void what_java_refuses_is_refused_leniently_too(void **state)
{
	(void)state;
	assert_false(parse_with(COMPLETE "consumerBacklogSizeGB: 1\n", &lenient));
	assert_false(parse_with("topics: 1\ntestDurationMinutes: 1\n", &lenient));
	assert_false(parse_with(COMPLETE "producerRate: 3000000000\n", &lenient));
	assert_false(parse_with(COMPLETE "topics: [1]\n", &lenient));
}

static void set_overrides_and_puts_aside_what_it_excludes(void **state)
{
	(void)state;
	static const struct override sets[] = {
		{ "topics", "7" },
		{ "testDuration", "10s" },
		{ "warmupDurationMinutes", "3" },
		{ "producerRate", "5" },
		{ "producerRate", "6" },
		{ "workload.name", "set" },
		{ "replicationFactor", "1" },
		{ "driver.name", "Kafka" },
		{ "agentCpus", "" },
	};
	const struct config_mode mode = { .overrides = sets, .override_count = COUNT(sets) };

	if (!parse_with(COMPLETE "warmupDuration: 1s\nproducerRate: 1\nagentCpus: 0-3\n", &mode))
		fail_msg("%s", errors.items[0].text);
	assert_int_equal(w.topics, 7);
	assert_int_equal(w.test_ns, 10 * SECOND);
	assert_int_equal(w.warmup_ns, 180 * SECOND);
	assert_true(w.rate_per_s == 6);
	assert_string_equal(w.name, "set");
	assert_int_equal(w.agent_cpus.count, 0);
}

static void an_override_mends_a_file(void **state)
{
	(void)state;
	static const struct override sets[] = { { "topics", "2" } };
	const struct config_mode mode = { .overrides = sets, .override_count = 1 };

	assert_true(parse_with("topics: ten\ntopics: 3\nmessageSize: 1\nproducersPerTopic: 1\n"
	                       "testDuration: 1s\n" RANDOM_PAYLOADS,
	                       &mode));
	assert_int_equal(w.topics, 2);
}

struct seen {
	struct text yaml;
};

static void add_line(void *to, const char *key, const char *value)
{
	text_addf(&((struct seen *)to)->yaml, "%s: %s\n", key, value);
}

static void what_is_described_loads_as_the_same_workload(void **state)
{
	(void)state;
	static const char *const files[] = {
		COMPLETE,
		COMPLETE "producerRate: max\nmaxInFlight: 2MB\nagents: 7\nagentCpus: 0-3\n",
		COMPLETE
		"producerRate: 0.1\ncommitInterval: 500ms\nwakeInterval: 0\nagents: per-client\n"
		"pacing: spin\n",
		SMALL "testDuration: 1500ms\nwarmupDuration: 0\ncommitInterval: 100\n"
		      "keyDistributor: RANDOM\nrandomBytesRatio: 0.3\n",
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		struct seen first = { 0 }, second = { 0 };

		good(files[i]);
		workload_describe(&w, add_line, &first);
		good(text_str(&first.yaml));
		workload_describe(&w, add_line, &second);
		assert_string_equal(text_str(&first.yaml), text_str(&second.yaml));
		text_fini(&first.yaml);
		text_fini(&second.yaml);
	}
}

static void every_row_is_documented(void **state)
{
	(void)state;
	for (const struct option_spec *s = workload_table; s->name != NULL; s++) {
		assert_non_null(s->help);
		assert_true(strlen(s->help) > 10);
		assert_true(s->help[strlen(s->help) - 1] != '.');
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tidy)
	const struct CMUnitTest tests[] = {
		T(every_key_of_omb_is_read),
		T(defaults_are_ombs_and_ours),
		T(every_key_of_ours_is_read),
		T(values_with_two_forms),
		T(the_rate_is_fixed_searched_or_without_limit),
		T(key_distributors_have_a_second_name),
		T(bad_values_are_told),
		T(what_must_be_there_is_missed),
		T(what_does_not_fit_together_is_told),
		T(consumers_without_subscriptions_are_no_error),
		T(one_mistake_is_told_once),
		T(lenient_files_may_lack_everything_that_java_does_not_need),
		T(lenient_durations_below_one_mean_for_ever_and_none),
		T(what_java_refuses_is_refused_leniently_too),
		T(set_overrides_and_puts_aside_what_it_excludes),
		T(an_override_mends_a_file),
		T(what_is_described_loads_as_the_same_workload),
		T(every_row_is_documented),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
