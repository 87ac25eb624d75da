/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/nats/nats.h"

#include <stdio.h>

#include "net/address.h"

static bool nats_open(void *instance, const struct driver_context *ctx, struct error *err)
{
	struct nats_instance *c = instance;

	(void)err;
	c->config = ctx->config;
	c->core = ctx->core;
	c->owner = ctx->owner;
	snprintf(c->client_id, sizeof(c->client_id), "%s", ctx->client_id);
	return true;
}

static void nats_close(void *instance)
{
	(void)instance; /* every producer and consumer has its own connection */
}

static const char *const nats_classes[] = {
	"io.openmessaging.benchmark.driver.nats.NatsBenchmarkDriver",
	NULL,
};

/*
 * Measured with libnats 3.4 and nats-server 2.9: agents with 1 and with 100 idle clients differ by 34 KiB
 * and 4 descriptors (socket, epoll, timer, news) a producer, by 86 KiB a JetStream consumer.  The threads
 * of libnats are 3 in a process, however many clients it has.  CPU a message of 1 KiB on two cores that the
 * server shares, producer and consumer: 21-26 and 8-14 us at 10 k/s, where most passes have one message;
 * without limit 3.5 and 3.8 us in JetStream (23 k/s), 1.5 and 2.0 us in core (91 k/s), where a producer's
 * memory grows by maxBufferBytes.  What it can do at most on a host was not measured.
 */
static void nats_traits(const void *config, struct driver_traits *traits)
{
	const struct nats_config *c = config;
	const struct driver_cost one = { .files = 4,
		                         .sockets = 1,
		                         .memory_bytes = UINT64_C(96) * 1024 };

	traits->producer = traits->consumer = one;
	if (c->mode == NATS_MODE_JETSTREAM && c->ack_policy != NATS_ACK_NONE)
		traits->redelivery_ms = (uint32_t)(c->ack_wait_ns / 1000000);
	traits->is_local = c->url != NULL && address_names_this_host(c->url);
}

const struct driver driver_nats = {
	.name = "nats",
	.summary = "NATS JetStream and core NATS, by libnats",
	.caveats =
		"Topics are streams without partitions.  A key travels as the header `Key`, which "
		"NATS itself ignores.  A message under way when a connection breaks fails after "
		"publishTimeout: it is not sent again.  Core keeps nothing: what nobody can take is "
		"lost, and a paused consumer holds in memory what comes.  Tried with nats-server "
		"2.9 and libnats 3.4.",
	.classes = nats_classes,
	.flags = DRIVER_KEYS | DRIVER_HEADERS | DRIVER_TIMESTAMP | DRIVER_REDELIVERY,
	.options = nats_options,
	.library = &nats_library,
	.config_size = sizeof(struct nats_config),
	.instance_size = sizeof(struct nats_instance),
	.producer_size = sizeof(struct nats_producer),
	.consumer_size = sizeof(struct nats_consumer),
	.configure = nats_configure,
	.describe = nats_describe,
	.traits = nats_traits,
	.load_doubts = nats_load_doubts,
	.open = nats_open,
	.close = nats_close,
	.producer_open = nats_producer_open,
	.producer_close = nats_producer_close,
	.send = nats_send,
	.flush = nats_flush,
	.producer_serve = nats_producer_serve,
	.producer_claims = nats_producer_claims,
	.consumer_open = nats_consumer_open,
	.consumer_close = nats_consumer_close,
	.consumer_serve = nats_consumer_serve,
	.consumer_claims = nats_consumer_claims,
	.consumer_commit = nats_consumer_commit,
	.consumer_ask = nats_consumer_ask,
	.admin = &nats_admin,
};
