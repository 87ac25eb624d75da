/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/size.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver/kafka/settings.h"
#include "util/arena.h"

/* What librdkafka counts for a record besides key and value: the largest head that one may have.
 * Tried to the byte with 2.0.2. */
#define RECORD_HEAD_MAX   36
#define BATCH_HEAD        61
/* max.message.bytes of a topic on a broker that nobody configured. */
#define BROKER_DEFAULT    1048588
/* message.max.bytes cannot be more. */
#define CLIENT_TOP        1000000000
/* Head of the answer that brings a batch, with room for names. */
#define RESPONSE_HEAD_MAX 512

struct sizes {
	const struct kafka_config *config;
	const struct driver_load *load;
	struct arena *arena;
	driver_doubt_fn *fn;
	void *to;
};

static void doubt(const struct sizes *s, enum driver_doubt_weight weight, const char *text,
                  const char *remedy)
{
	struct driver_doubt d = { weight, text, remedy };

	s->fn(s->to, &d);
}

static long long number(const struct kafka_settings *list, const char *key, long long otherwise)
{
	const char *value = kafka_setting_value(list, key, NULL);

	return value == NULL ? otherwise : strtoll(value, NULL, 10);
}

static long long producer_number(const struct sizes *s, const char *key, long long otherwise)
{
	return number(&s->config->roles[KAFKA_PRODUCER], key, otherwise);
}

/* Of a zigzag varint. */
static uint32_t varint_bytes(int64_t n)
{
	uint64_t z = (uint64_t)n << 1 ^ (uint64_t)(n >> 63);
	uint32_t bytes = 1;

	while (z >>= 7)
		bytes++;
	return bytes;
}

/* A batch of one message, uncompressed. */
uint64_t kafka_batch_bytes(uint32_t payload, uint32_t key)
{
	/* Attributes, time and offset within the batch (both 0), number of headers. */
	uint64_t record = 4 + varint_bytes(key == 0 ? -1 : (int64_t)key) + key +
	                  varint_bytes(payload) + payload;

	return BATCH_HEAD + varint_bytes((int64_t)record) + record;
}

/* The name that a reader of the file knows. */
static const char *max_request_name(const struct sizes *s)
{
	return s->config->java_defaults ? "max.request.size" : "message.max.bytes";
}

static const char *whose(const struct sizes *s, const char *key)
{
	if (kafka_setting_find(&s->config->roles[KAFKA_PRODUCER], key) != NULL &&
	    kafka_setting_find(&s->config->roles[KAFKA_PRODUCER], key)->asked != NULL)
		return "as the driver file says";
	return s->config->java_defaults ? "the Java client's default" : "librdkafka's default";
}

static void doubt_client(const struct sizes *s)
{
	uint64_t needed = (uint64_t)s->load->payload_bytes + s->load->key_bytes + RECORD_HEAD_MAX;
	uint64_t most = (uint64_t)producer_number(s, "message.max.bytes", 1000000);

	if (needed <= most)
		return;
	const char *name = max_request_name(s);
	doubt(s, DRIVER_WARNING,
	      arena_printf(s->arena,
	                   "messageSize: every message fails: %u bytes%s and the record around "
	                   "them may take %llu, and the producer's %s is %llu (%s)",
	                   s->load->payload_bytes, s->load->key_bytes > 0 ? ", their key" : "",
	                   (unsigned long long)needed, name, (unsigned long long)most,
	                   whose(s, "message.max.bytes")),
	      needed > CLIENT_TOP ? "messages of 999,999,900 bytes at the most"
	                          : arena_printf(s->arena, "--set producerConfig.%s=%llu", name,
	                                         (unsigned long long)needed));
}

static void doubt_queue(const struct sizes *s)
{
	uint64_t kbytes = (uint64_t)producer_number(s, "queue.buffering.max.kbytes", 1048576);
	bool java = s->config->java_defaults;

	if (s->load->payload_bytes <= kbytes * 1024)
		return;
	uint64_t needed = ((uint64_t)s->load->payload_bytes + 1023) / 1024;
	doubt(s, DRIVER_WARNING,
	      arena_printf(s->arena,
	                   "messageSize: every message fails: %u bytes do not fit into the "
	                   "producer's queue of %llu kB (%s, %s)",
	                   s->load->payload_bytes, (unsigned long long)kbytes,
	                   java ? "buffer.memory" : "queue.buffering.max.kbytes",
	                   whose(s, "queue.buffering.max.kbytes")),
	      java ? arena_printf(s->arena, "--set producerConfig.buffer.memory=%llu",
	                          (unsigned long long)needed * 1024)
	           : arena_printf(s->arena, "--set producerConfig.queue.buffering.max.kbytes=%llu",
	                          (unsigned long long)needed));
}

static bool is_compressed(const struct sizes *s)
{
	const char *type =
		kafka_setting_value(&s->config->roles[KAFKA_PRODUCER], "compression.type", "none");

	return strcasecmp(type, "none") != 0;
}

/* One message alone is too large for the topic. */
static void doubt_message_on_topic(const struct sizes *s, uint64_t batch, long long given)
{
	const char *unless = is_compressed(s) ? " unless compression makes them smaller" : "";
	const char *remedy = arena_printf(s->arena, "--set topicConfig.max.message.bytes=%llu",
	                                  (unsigned long long)batch);

	if (given >= 0 && batch > (uint64_t)given)
		doubt(s, DRIVER_WARNING,
		      arena_printf(s->arena,
		                   "messageSize: the broker refuses every message%s: a batch of "
		                   "one takes %llu bytes, and topicConfig's max.message.bytes is "
		                   "%lld",
		                   unless, (unsigned long long)batch, given),
		      remedy);
	else if (given < 0 && batch > BROKER_DEFAULT)
		doubt(s, DRIVER_WARNING,
		      arena_printf(s->arena,
		                   "messageSize: a broker as it comes refuses every message%s: a "
		                   "batch of one takes %llu bytes, and its message.max.bytes is %d",
		                   unless, (unsigned long long)batch, BROKER_DEFAULT),
		      remedy);
}

static void doubt_topic(const struct sizes *s)
{
	uint64_t batch = kafka_batch_bytes(s->load->payload_bytes, s->load->key_bytes);
	long long given = number(&s->config->topic, "max.message.bytes", -1);
	long long size = producer_number(s, "batch.size", 1000000);
	long long most = producer_number(s, "message.max.bytes", 1000000);
	long long full = size < most ? size : most;

	doubt_message_on_topic(s, batch, given);
	/* The Java client splits a batch that was refused, librdkafka fails all of it. */
	if (given >= 0 && batch <= (uint64_t)given && full > given && !is_compressed(s))
		doubt(s, DRIVER_WARNING,
		      arena_printf(s->arena,
		                   "batches of up to %lld bytes (batch.size) are larger than "
		                   "topicConfig's max.message.bytes of %lld: the broker refuses "
		                   "those that are",
		                   full, given),
		      arena_printf(s->arena, "--set producerConfig.batch.size=%lld", given));
}

static void doubt_consumer(const struct sizes *s)
{
	const struct kafka_settings *list = &s->config->roles[KAFKA_CONSUMER];
	uint64_t batch = kafka_batch_bytes(s->load->payload_bytes, s->load->key_bytes);
	uint64_t partition = (uint64_t)number(list, "max.partition.fetch.bytes", 1048576);
	uint64_t receive = (uint64_t)number(list, "receive.message.max.bytes", 100000000);

	if (!s->load->is_consumed)
		return;
	if (batch + RESPONSE_HEAD_MAX > receive)
		doubt(s, DRIVER_WARNING,
		      arena_printf(s->arena,
		                   "messageSize: the consumers cannot receive a batch of %llu "
		                   "bytes: their receive.message.max.bytes is %llu",
		                   (unsigned long long)batch, (unsigned long long)receive),
		      arena_printf(s->arena, "--set consumerConfig.receive.message.max.bytes=%llu",
		                   (unsigned long long)batch + RESPONSE_HEAD_MAX));
	else if (batch > partition)
		doubt(s, DRIVER_NOTE,
		      arena_printf(s->arena,
		                   "messageSize: each fetch brings one batch of a partition: it "
		                   "takes %llu bytes at the least, and the consumers' "
		                   "max.partition.fetch.bytes is %llu",
		                   (unsigned long long)batch, (unsigned long long)partition),
		      arena_printf(s->arena, "--set consumerConfig.max.partition.fetch.bytes=%llu",
		                   (unsigned long long)batch));
}

static void doubt_commit(const struct sizes *s)
{
	if (s->load->commits && !s->config->manual_commit)
		doubt(s, DRIVER_NOTE,
		      "commitInterval has no effect: with enable.auto.commit=true the client "
		      "commits by itself, see auto.commit.interval.ms",
		      NULL);
}

void kafka_load_doubts(const void *config, const struct driver_load *load, struct arena *arena,
                       driver_doubt_fn *fn, void *to)
{
	struct sizes s = { config, load, arena, fn, to };

	doubt_client(&s);
	doubt_queue(&s);
	doubt_topic(&s);
	doubt_consumer(&s);
	doubt_commit(&s);
}
