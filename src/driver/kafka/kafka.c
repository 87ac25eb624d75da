/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/driver_file.h"
#include "config/option.h"
#include "driver/kafka/embedded.h"
#include "driver/kafka/size.h"
#include "driver/kafka/translate.h"
#include "net/address.h"
#include "util/clock.h"

/*
 * librdkafka: a thread and a connection for each broker and for the bootstrap connection, a main
 * thread; a consumer one more for its group's coordinator.  A wake-up pipe for each of those threads
 * and for the queue that we wait on.  0.5 MB a producer, 0.2 MB a consumer.
 */
static uint64_t buffer_of(const struct kafka_config *c, enum kafka_role role, const char *key)
{
	return strtoull(kafka_setting_value(&c->roles[role], key, "0"), NULL, 10);
}

static void kafka_traits(const void *config, struct driver_traits *traits)
{
	const struct kafka_config *c = config;

	*traits = (struct driver_traits){
		.producer = { .threads = 2,
		              .files = 5,
		              .sockets = 1,
		              .memory_bytes = UINT64_C(512) * 1024 },
		.consumer = { .threads = 3,
		              .files = 8,
		              .sockets = 2,
		              .memory_bytes = UINT64_C(256) * 1024 },
		.per_broker = { .threads = 1, .files = 3, .sockets = 1 },
		.ceiling = DRIVER_CEILING_CALIBRATED,
		.has_max_block = true,
		.max_block_ms = c->max_block_ms,
		.standstill_ms = kafka_standstill_ms(config),
		.send_buffer_bytes = buffer_of(c, KAFKA_PRODUCER, "socket.send.buffer.bytes"),
		.receive_buffer_bytes = buffer_of(c, KAFKA_CONSUMER, "socket.receive.buffer.bytes"),
		.is_local = address_names_this_host(
			kafka_setting_value(&c->roles[KAFKA_PRODUCER], "bootstrap.servers", "")),
	};
}

static void kafka_configure(void *config, const struct driver_file *file, struct arena *arena,
                            struct error_list *errors)
{
	struct kafka_translate_opts opts = {
		.java_defaults = file->defaults == CLIENT_DEFAULTS_JAVA,
		.lenient = file->mode != NULL && file->mode->lenient,
		.zone_id = getenv("OMB_ZONE_ID"),
	};

	kafka_embedded_configure(config, arena, errors);
	kafka_translate(config, &opts, arena, errors);
	((struct kafka_config *)config)->defaults_why = file->defaults_why;
}

static bool kafka_open(void *instance, const struct driver_context *ctx, struct error *err)
{
	struct kafka_instance *c = instance;

	(void)err;
	c->config = ctx->config;
	c->core = ctx->core;
	c->owner = ctx->owner;
	snprintf(c->run_id, sizeof(c->run_id), "%s", ctx->run_id);
	snprintf(c->client_id, sizeof(c->client_id), "%s", ctx->client_id);
	return true;
}

static void kafka_close(void *instance)
{
	struct kafka_instance *c = instance;

	kafka_consumers_leave(c, clock_ms() + KAFKA_CLOSE_MS);
}

static const struct option_spec kafka_options[] = {
	{
		.name = "replicationFactor",
		.type = OPTION_COUNT,
		.offset = offsetof(struct kafka_config, replication_factor),
		.max = 32767,
		.fallback = "0",
		.flags = OPTION_OMB,
		.help = "replicas of every created topic; 0 takes the broker's default",
	},
	{
		.name = "topicConfig",
		.type = OPTION_BLOCK,
		.offset = offsetof(struct kafka_config, topic_block),
		.flags = OPTION_OMB,
		.help = "properties of every created topic, by the broker's names",
	},
	{
		.name = "commonConfig",
		.type = OPTION_BLOCK,
		.offset = offsetof(struct kafka_config, common_block),
		.flags = OPTION_OMB | OPTION_SECRET,
		.help = "client properties, by the Java client's names or librdkafka's, for the "
			"producers, the consumers and the admin client",
	},
	{
		.name = "producerConfig",
		.type = OPTION_BLOCK,
		.offset = offsetof(struct kafka_config, producer_block),
		.flags = OPTION_OMB | OPTION_SECRET,
		.help = "client properties of the producers; they win over commonConfig",
	},
	{
		.name = "consumerConfig",
		.type = OPTION_BLOCK,
		.offset = offsetof(struct kafka_config, consumer_block),
		.flags = OPTION_OMB | OPTION_SECRET,
		.help = "client properties of the consumers; they win over commonConfig",
	},
	{
		.name = "broker",
		.type = OPTION_ENUM,
		.offset = offsetof(struct kafka_config, broker),
		.choices = kafka_broker_choices,
		.fallback = "external",
		.help = "external: the one that bootstrap.servers names; embedded: the run starts "
			"the broker of omb (`omb help broker`) for itself, and what is measured "
			"says nothing about any product",
	},
	{
		.name = "brokerMemory",
		.type = OPTION_BYTES,
		.offset = offsetof(struct kafka_config, broker_memory),
		.min = 1 << 20,
		.max = 1e12,
		.fallback = "256MB",
		.help = "of the embedded broker's messages; when it is full, producers wait for "
			"the consumers",
	},
	{
		.name = "brokerFaults",
		.type = OPTION_TEXT,
		.offset = offsetof(struct kafka_config, broker_faults),
		.help = "what the embedded broker does wrong on purpose, as `omb help faults` says: "
			"\"stall:500ms@10s lose:1000@1\"",
	},
	{
		.name = "brokerFaultSeed",
		.type = OPTION_COUNT64,
		.offset = offsetof(struct kafka_config, broker_fault_seed),
		.max = 1e15,
		.fallback = "1",
		.help = "of the embedded broker's faults that draw lots",
	},
	{
		.name = "brokerFaultLog",
		.type = OPTION_TEXT,
		.offset = offsetof(struct kafka_config, broker_fault_log),
		.flags = OPTION_FILE,
		.help = "file in which the embedded broker names each message that a fault struck, "
			"a line of JSON for each",
	},
	{ 0 },
};

static const char *const kafka_classes[] = {
	"io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver",
	/* The names in the files of the Python port. */
	"benchmark.driver_kafka.KafkaBenchmarkDriver",
	"benchmark.driver_kafka.kafka_benchmark_driver.KafkaBenchmarkDriver",
	"benchmark.drivers.kafka.KafkaBenchmarkDriver",
	"benchmark.drivers.kafka.kafka_benchmark_driver.KafkaBenchmarkDriver",
	NULL,
};

const struct driver driver_kafka = {
	.name = "kafka",
	.summary = "Apache Kafka and compatible brokers, by librdkafka",
	.caveats =
		"Properties blocks written for the Java client are translated; what librdkafka "
		"cannot do is refused by name, and so is a block in which a property became part "
		"of another's value (`producerConfig: >` instead of `|`).  Its queue "
		"(buffer.memory) and its requests in "
		"flight bound what one producer can have under way.  Tried with Apache Kafka 4.3 "
		"and librdkafka 2.0.2.",
	.classes = kafka_classes,
	.flags = DRIVER_PARTITIONS | DRIVER_KEYS | DRIVER_HEADERS | DRIVER_TIMESTAMP |
	         DRIVER_CLIENT_DEFAULTS,
	.options = kafka_options,
	.library = &kafka_library,
	.config_size = sizeof(struct kafka_config),
	.instance_size = sizeof(struct kafka_instance),
	.producer_size = sizeof(struct kafka_producer),
	.consumer_size = sizeof(struct kafka_consumer),
	.configure = kafka_configure,
	.reach = kafka_reach,
	.describe = kafka_describe,
	.load_doubts = kafka_load_doubts,
	.traits = kafka_traits,
	.open = kafka_open,
	.close = kafka_close,
	.producer_open = kafka_producer_open,
	.producer_close_begin = kafka_producer_close_begin,
	.producer_close = kafka_producer_close,
	.send = kafka_send,
	.producer_serve = kafka_producer_serve,
	.consumer_open = kafka_consumer_open,
	.consumer_close_begin = kafka_consumer_close_begin,
	.consumer_close = kafka_consumer_close,
	.consumer_serve = kafka_consumer_serve,
	.consumer_commit = kafka_consumer_commit,
	.consumer_ask = kafka_consumer_ask,
	.consumer_settle = kafka_consumer_settle,
	.producer_claims = kafka_producer_claims,
	.consumer_claims = kafka_consumer_claims,
	.admin = &kafka_admin,
	.broker = &kafka_embedded,
};
