/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/java.h"

/* clang-format off */
/* kafka-clients 3.6.1.  Where librdkafka's default is the same, there is no row. */
static const struct java_default defaults[] = {
	{ KAFKA_PRODUCER, "batch.num.messages", "1000000",
	  "the Java client limits a batch by bytes only" },
	{ KAFKA_PRODUCER, "batch.size", "16384", "" },
	{ KAFKA_PRODUCER, "connections.max.idle.ms", "540000", "" },
	{ KAFKA_PRODUCER, "linger.ms", "0", "" },
	{ KAFKA_PRODUCER, "max.in.flight.requests.per.connection", "5", "" },
	{ KAFKA_PRODUCER, "message.max.bytes", "1048576", "max.request.size" },
	{ KAFKA_PRODUCER, "partitioner", "murmur2_random", "as the Java client spreads keys" },
	{ KAFKA_PRODUCER, "queue.buffering.max.kbytes", "32768", "buffer.memory 32 MB" },
	{ KAFKA_PRODUCER, "queue.buffering.max.messages", "0",
	  "the Java client limits its buffer by bytes only" },
	{ KAFKA_PRODUCER, "reconnect.backoff.max.ms", "1000", "" },
	{ KAFKA_PRODUCER, "reconnect.backoff.ms", "50", "" },
	{ KAFKA_PRODUCER, "socket.connection.setup.timeout.ms", "10000", "" },
	{ KAFKA_PRODUCER, "socket.keepalive.enable", "true", "" },
	{ KAFKA_PRODUCER, "socket.receive.buffer.bytes", "32768", "receive.buffer.bytes" },
	{ KAFKA_PRODUCER, "socket.send.buffer.bytes", "131072", "send.buffer.bytes" },

	{ KAFKA_CONSUMER, "check.crcs", "true", "" },
	{ KAFKA_CONSUMER, "connections.max.idle.ms", "540000", "" },
	{ KAFKA_CONSUMER, "isolation.level", "read_uncommitted", "" },
	{ KAFKA_CONSUMER, "partition.assignment.strategy", "range",
	  "the first of the Java client's range and cooperative-sticky" },
	{ KAFKA_CONSUMER, "reconnect.backoff.max.ms", "1000", "" },
	{ KAFKA_CONSUMER, "reconnect.backoff.ms", "50", "" },
	{ KAFKA_CONSUMER, "socket.connection.setup.timeout.ms", "10000", "" },
	{ KAFKA_CONSUMER, "socket.keepalive.enable", "true", "" },
	{ KAFKA_CONSUMER, "socket.receive.buffer.bytes", "65536", "receive.buffer.bytes" },
	{ KAFKA_CONSUMER, "socket.send.buffer.bytes", "131072", "send.buffer.bytes" },

	{ KAFKA_ADMIN, "reconnect.backoff.max.ms", "1000", "" },
	{ KAFKA_ADMIN, "reconnect.backoff.ms", "50", "" },
	{ KAFKA_ADMIN, "socket.connection.setup.timeout.ms", "10000", "" },
	{ KAFKA_ADMIN, "socket.keepalive.enable", "true", "" },
};
/* clang-format on */

const struct java_default *java_default_at(unsigned i)
{
	return i < sizeof(defaults) / sizeof(defaults[0]) ? &defaults[i] : NULL;
}
