/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka adapter's own code allocates nothing per message either.  The broker is librdkafka's
 * mock cluster in this process; what the library allocates is its own affair and not counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "agent/roster.h"
#include "agent_harness.h"
#include "config/driver_file.h"
#include "driver/registry.h"
#include "stats/counter.h"
#include "util/arena.h"
#include "util/clock.h"
#include "wrap_allocations.h"

#define RUN_ID   99
#define MESSAGES 20000
#define TOPIC    "omb-test-topic"

static struct {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
	struct arena arena;
	struct config_mode mode;
	struct driver_file file;
	const struct driver *driver;
	void *config;
} t;

static int open_cluster(void **state)
{
	char text[512], why[256];
	struct error_list errors = { 0 }, warnings = { 0 };
	struct error err;

	(void)state;
	t.rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof(why));
	assert_non_null(t.rk);
	t.cluster = rd_kafka_mock_cluster_new(t.rk, 1);
	assert_non_null(t.cluster);
	assert_int_equal(rd_kafka_mock_topic_create(t.cluster, TOPIC, 4, 1), 0);
	snprintf(text, sizeof(text),
	         "driver: kafka\nreplicationFactor: 1\ncommonConfig: |\n  bootstrap.servers=%s\n"
	         "producerConfig: |\n  linger.ms=1\nconsumerConfig: |\n  fetch.wait.max.ms=10\n",
	         rd_kafka_mock_cluster_bootstraps(t.cluster));
	t.file = (struct driver_file){ .path = "k.yaml", .mode = &t.mode, .arena = &t.arena };
	assert_true(driver_file_parse(arena_strdup(&t.arena, text), strlen(text), &t.file, &errors,
	                              &warnings));
	t.driver = driver_configure(&t.file, &t.arena, &t.config, &errors, &warnings);
	assert_non_null(t.driver);
	assert_true(driver_load_library(t.driver, &err));
	return 0;
}

static int close_cluster(void **state)
{
	(void)state;
	rd_kafka_mock_cluster_destroy(t.cluster);
	rd_kafka_destroy(t.rk);
	arena_fini(&t.arena);
	return 0;
}

/* An account is kept, too. */
static const struct roster *roster_of(enum agent_role role, struct client_spec *client)
{
	static const char *const topic = TOPIC;
	static struct roster roster;

	if (roster.topics == 0)
		roster_make(&roster, &topic, 1, 0, &t.arena);
	roster_deal_keys(&roster, role, client, 1, 1);
	return &roster;
}

static void start(struct harness *h, enum agent_role role, struct client_spec *client)
{
	struct agent_spec spec = {
		.role = role,
		.driver = t.driver,
		.driver_config = t.config,
		.run_id = "test",
		.run = RUN_ID,
		.clients = client,
		.clients_count = 1,
		.partitions = 4,
		.roster = roster_of(role, client),
	};

	harness_start(h, &spec);
}

static void start_load(struct harness *producer)
{
	struct load_spec load = {
		.mode = LOAD_PACED,
		.epoch = { .start_ns = clock_ns() + 20000000,
		           .micro_per_s = pacer_micro_per_s(10000) },
		.producers = 1,
		.keys = KEY_ROUND_ROBIN,
		.payload = { .size = 100, .count = 10 },
		.wake_interval_ns = 100000,
		.max_block_ns = UINT64_C(60000000000),
		.window_messages = 10000,
		.run = RUN_ID,
	};

	harness_start_load(producer, &load);
}

static void messages_pass_through_the_adapter_without_an_allocation(void **state)
{
	static struct client_spec to = { .topic = TOPIC };
	static struct client_spec from = { .topic = TOPIC, .subscription = "omb-test-group" };
	struct agent_command probe = { .verb = AGENT_VERB_PROBE };
	struct harness producer, consumer;
	struct error err;

	(void)state;
	start(&consumer, AGENT_CONSUMER, &from);
	start(&producer, AGENT_PRODUCER, &to);
	assert_true(harness_command(&producer, &probe, &err));
	harness_wait_counter(&consumer, COUNTER_PROBES_RECEIVED, 1);
	start_load(&producer);
	harness_wait_counter(&consumer, COUNTER_RECEIVED, 100);

	uint64_t before = allocations_so_far();
	uint64_t seen = harness_counter(&consumer, COUNTER_RECEIVED);
	harness_wait_counter(&consumer, COUNTER_RECEIVED, seen + MESSAGES);
	assert_int_equal(allocations_so_far() - before, 0);

	harness_close(&producer);
	harness_close(&consumer);
	assert_true(counter_read(&agent_shm_account(producer.shm, 0)->used) > 0);
	assert_true(counter_read(&agent_shm_account(consumer.shm, 0)->used) > 0);
	assert_true(allocations_so_far() > 0); /* set-up allocated: the wrapping works */
	harness_fini(&producer);
	harness_fini(&consumer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_pass_through_the_adapter_without_an_allocation),
	};

	return cmocka_run_group_tests(tests, open_cluster, close_cluster);
}
