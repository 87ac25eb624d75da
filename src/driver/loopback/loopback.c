/* SPDX-License-Identifier: Apache-2.0 */

/*
 * loopback -- a little broker in memory, in a process of its own on this host, whose delays, stalls,
 * capacity and faults are scripted: it proves what omb measures.
 *
 *     agent: producer.c, consumer.c --- wire.h over a socket --- server.c, session.c --- core.c
 */

#include "driver/loopback/client.h"
#include "driver/loopback/server.h"

/* A connection for each client. */
static void loopback_traits(const void *config, struct driver_traits *traits)
{
	const struct driver_cost one = { .files = 1,
		                         .sockets = 1,
		                         .memory_bytes = UINT64_C(64) * 1024 };
	const struct loopback_config *c = config;

	traits->is_local = c->address != NULL && address_names_this_host(c->address);
	traits->producer = traits->consumer = one;
	traits->ceiling = DRIVER_CEILING_BARE;
}

static bool loopback_open(void *instance, const struct driver_context *ctx, struct error *err)
{
	struct loopback_instance *c = instance;

	c->config = ctx->config;
	c->core = ctx->core;
	c->owner = ctx->owner;
	return loop_address_parse(c->config->address, ctx->run_id, &c->address, err);
}

static void loopback_close(void *instance)
{
	(void)instance; /* every producer and consumer has its own connection */
}

static bool loopback_wants_broker(const void *config)
{
	const struct loopback_config *c = config;

	return !c->external;
}

static bool loopback_run_broker(const struct driver_context *ctx, int stop_fd,
                                void (*ready)(void *to), void *to, struct error *err)
{
	const struct loopback_config *c = ctx->config;
	struct loop_server_spec spec = {
		.script = c->script,
		.report_file = c->report_file,
		.fault_log = c->fault_log,
	};

	spec.script.load_start_ns = ctx->load_start_ns;
	return loop_address_parse(c->address, ctx->run_id, &spec.address, err) &&
	       loop_server_run(&spec, stop_fd, ready, to, err);
}

static const struct driver_broker loopback_broker = {
	.is_wanted = loopback_wants_broker,
	.run = loopback_run_broker,
};

static const char *const loopback_classes[] = { NULL };

const struct driver driver_loopback = {
	.name = "loopback",
	.summary = "a broker in memory with scripted delays, stalls and faults: proves the "
		   "measurements",
	.caveats =
		"Results are about omb and this host, not about any product.  A new group begins "
		"at the end of each partition.  Messages are kept until every group of the topic "
		"has committed them, and not at all without a group; at maxBytes the broker "
		"takes no more.  A connection that is lost is not made again.",
	.classes = loopback_classes,
	.flags = DRIVER_PARTITIONS | DRIVER_KEYS | DRIVER_HEADERS | DRIVER_TIMESTAMP |
	         DRIVER_REDELIVERY,
	.options = loopback_options,
	.config_size = sizeof(struct loopback_config),
	.instance_size = sizeof(struct loopback_instance),
	.producer_size = sizeof(struct loopback_producer),
	.consumer_size = sizeof(struct loopback_consumer),
	.configure = loopback_configure,
	.describe = loopback_describe,
	.load_doubts = loopback_load_doubts,
	.open = loopback_open,
	.close = loopback_close,
	.producer_open = loopback_producer_open,
	.producer_close = loopback_producer_close,
	.send = loopback_send,
	.flush = loopback_flush,
	.producer_serve = loopback_producer_serve,
	.producer_claims = loopback_producer_claims,
	.consumer_open = loopback_consumer_open,
	.consumer_close = loopback_consumer_close,
	.consumer_serve = loopback_consumer_serve,
	.consumer_claims = loopback_consumer_claims,
	.consumer_commit = loopback_consumer_commit,
	.traits = loopback_traits,
	.consumer_ask = loopback_consumer_ask,
	.admin = &loopback_admin,
	.broker = &loopback_broker,
};
