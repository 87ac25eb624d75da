/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null -- acknowledges every message, keeps none, delivers none.
 *
 * What a run with it costs is what omb itself costs: pacing, stamping, clock, histograms, counters.
 * Acknowledgements come back through producer_serve as with a real client, not inside send.
 */
#include <string.h>

#include "config/option.h"
#include "driver/driver.h"
#include "stats/claims.h"

/* A power of two.  At most this many messages are under way; beyond it the answer is BUSY. */
#define NULL_WINDOW 4096

struct null_instance {
	const struct driver_core *core;
};

struct null_producer {
	const struct driver_core *core;
	void *owner;
	uint64_t head, tail; /* of the ring: taken so far, reported so far */
	uint64_t tokens[NULL_WINDOW];
};

struct null_consumer {
	char unused;
};

static const struct option_spec null_options[] = { { 0 } };

static const char *const null_classes[] = { NULL };

static bool null_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                          struct error *err)
{
	static const struct driver_row rows[] = {
		{ "meaning", "acknowledgement", "at once, by omb itself", "", "" },
		{ "meaning", "replication", "none", "", "" },
		{ "meaning", "persistence", "none: nothing is kept", "", "" },
		{ "meaning", "ordering", "none", "", "" },
		{ "meaning", "batching", "none", "", "" },
		{ "meaning", "consumer ack", "none: nothing is delivered", "", "" },
		{ "meaning", "redelivery", "none: nothing is delivered", "", "" },
		{ "meaning", "tls", "no", "", "" },
	};

	(void)ctx;
	(void)err;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		fn(to, &rows[i]);
	return true;
}

static void null_traits(const void *config, struct driver_traits *traits)
{
	(void)config;
	traits->producer.memory_bytes = sizeof(struct null_producer);
	traits->ceiling = DRIVER_CEILING_BARE;
}

static bool null_open(void *instance, const struct driver_context *ctx, struct error *err)
{
	struct null_instance *c = instance;

	(void)err;
	c->core = ctx->core;
	return true;
}

static void null_close(void *instance)
{
	(void)instance;
}

static bool null_producer_open(void *instance, void *producer, const struct producer_spec *spec,
                               int *fd, struct error *err)
{
	struct null_instance *c = instance;
	struct null_producer *p = producer;

	(void)err;
	p->core = c->core;
	p->owner = spec->owner;
	*fd = -1;
	return true;
}

static unsigned null_producer_serve(void *producer, unsigned max)
{
	static const struct sent_report acknowledged = { .acknowledged = true, .partition = 0 };
	struct null_producer *p = producer;
	unsigned served = 0;

	while (p->tail < p->head && served < max) {
		p->core->sent(p->owner, p->tokens[p->tail % NULL_WINDOW], &acknowledged);
		p->tail++;
		served++;
	}
	return served;
}

static void null_producer_claims(void *producer, struct claims *out)
{
	struct null_producer *p = producer;

	claims_say(out, CLAIM_QUEUE_MESSAGES, p->head - p->tail);
}

static void null_producer_close(void *producer)
{
	static const struct sent_report failed = { .partition = -1, .reason = "producer closed" };
	struct null_producer *p = producer;

	for (; p->tail < p->head; p->tail++)
		p->core->sent(p->owner, p->tokens[p->tail % NULL_WINDOW], &failed);
}

static enum send_status null_send(void *producer, const struct outgoing *m, uint64_t token,
                                  struct error *err)
{
	struct null_producer *p = producer;

	(void)m;
	(void)err;
	if (p->head - p->tail == NULL_WINDOW)
		return SEND_BUSY;
	p->tokens[p->head % NULL_WINDOW] = token;
	p->head++;
	return SEND_QUEUED;
}

static bool null_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec,
                               int *fd, struct error *err)
{
	(void)instance;
	(void)consumer;
	(void)spec;
	(void)fd;
	return error_set(err, ERROR_UNSUPPORTED,
	                 "the null driver delivers nothing: set subscriptionsPerTopic to 0");
}

static void null_consumer_close(void *consumer)
{
	(void)consumer;
}

static unsigned null_consumer_serve(void *consumer, unsigned max)
{
	(void)consumer;
	(void)max;
	return 0;
}

const struct driver driver_null = {
	.name = "null",
	.summary = "acknowledges at once and keeps nothing: what omb itself costs",
	.caveats = "Nothing leaves the process and nothing is delivered; workloads need "
		   "subscriptionsPerTopic 0.  At most 4096 messages are under way.",
	.classes = null_classes,
	.flags = DRIVER_KEYS | DRIVER_NO_CONSUMERS,
	.options = null_options,
	.instance_size = sizeof(struct null_instance),
	.producer_size = sizeof(struct null_producer),
	.consumer_size = sizeof(struct null_consumer),
	.describe = null_describe,
	.traits = null_traits,
	.open = null_open,
	.close = null_close,
	.producer_open = null_producer_open,
	.producer_close = null_producer_close,
	.send = null_send,
	.producer_serve = null_producer_serve,
	.producer_claims = null_producer_claims,
	.consumer_open = null_consumer_open,
	.consumer_close = null_consumer_close,
	.consumer_serve = null_consumer_serve,
};
