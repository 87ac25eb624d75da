/* SPDX-License-Identifier: Apache-2.0 */
/* The toy driver, in the order of the steps of docs/write-a-driver.md. */
#include "toy/toy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/option.h"

/* --- its keys ----------------------------------------------------------------------------------- */

#define WINDOW_MAX 4096

struct toy_config {
	uint32_t window;
};

static const struct option_spec toy_options[] = {
	{
		.name = "window",
		.type = OPTION_COUNT,
		.offset = offsetof(struct toy_config, window),
		.min = 1,
		.max = WINDOW_MAX,
		.fallback = "64",
		.help = "messages of one producer without an answer; beyond it, sending is BUSY",
	},
	{ 0 },
};

/* --- what it says about itself ------------------------------------------------------------------- */

static bool toy_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                         struct error *err)
{
	static const struct driver_row meaning[] = {
		{ "meaning", "acknowledgement", "when the broker has passed it on", "", "" },
		{ "meaning", "replication", "none", "", "" },
		{ "meaning", "persistence", "none: nothing is kept", "", "" },
		{ "meaning", "ordering", "of each producer, to each consumer", "", "" },
		{ "meaning", "batching", "none: a packet is a message", "", "" },
		{ "meaning", "consumer ack", "none", "", "" },
		{ "meaning", "redelivery", "never", "", "" },
		{ "meaning", "tls", "no", "", "" },
	};
	const struct toy_config *config = ctx->config;
	char window[16];

	(void)err;
	(void)snprintf(window, sizeof(window), "%u", config->window);
	fn(to, &(struct driver_row){ "producer", "window", window, "", "" });
	for (size_t i = 0; i < sizeof(meaning) / sizeof(meaning[0]); i++)
		fn(to, &meaning[i]);
	return true;
}

static void toy_traits(const void *config, struct driver_traits *traits)
{
	(void)config;
	traits->producer = (struct driver_cost){ .files = 1, .sockets = 1 };
	traits->consumer = traits->producer;
	traits->is_local = true;
}

/* --- what the clients of a loop share ----------------------------------------------------------- */

struct toy_instance {
	const struct driver_core *core;
	const struct toy_config *config;
	const char *run_id;
};

static bool toy_open(void *instance, const struct driver_context *ctx, struct error *err)
{
	struct toy_instance *t = instance;

	(void)err;
	*t = (struct toy_instance){ ctx->core, ctx->config, ctx->run_id };
	return true;
}

static void toy_close(void *instance)
{
	(void)instance; /* each client has a connection of its own */
}

/* --- a producer ---------------------------------------------------------------------------------- */

struct toy_producer {
	const struct toy_instance *instance;
	void *owner;
	int fd;
	bool is_lost;
	uint64_t sent, answered; /* so many messages; those between are under way */
	uint64_t tokens[WINDOW_MAX];
};

static bool toy_producer_open(void *instance, void *producer, const struct producer_spec *spec,
                              int *fd, struct error *err)
{
	struct toy_producer *p = producer;
	char hello[TOY_NAME_MAX + 8];

	p->instance = instance;
	p->owner = spec->owner;
	(void)snprintf(hello, sizeof(hello), "P %s", spec->topic);
	*fd = p->fd = toy_dial(p->instance->run_id, hello, err);
	return p->fd >= 0;
}

static enum send_status toy_send(void *producer, const struct outgoing *m, uint64_t token,
                                 struct error *err)
{
	struct toy_producer *p = producer;

	if (m->payload_len >= TOY_MESSAGE_MAX) {
		error_set(err, ERROR_BROKER, "the toy takes messages of less than %d B",
		          TOY_MESSAGE_MAX);
		return SEND_FAILED;
	}
	if (p->sent - p->answered == p->instance->config->window)
		return SEND_BUSY;
	if (send(p->fd, m->payload, m->payload_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EAGAIN)
			return SEND_BUSY; /* the broker does not read: its descriptor tells when */
		error_set_errno(err, errno, "sending to the toy's broker");
		return SEND_FAILED;
	}
	p->tokens[p->sent++ % WINDOW_MAX] = token;
	return SEND_QUEUED;
}

static void answer(struct toy_producer *p, const char *failure)
{
	const struct sent_report report = { .acknowledged = failure == NULL,
		                            .partition = -1,
		                            .reason = failure };

	p->instance->core->sent(p->owner, p->tokens[p->answered++ % WINDOW_MAX], &report);
}

static void fail_all(struct toy_producer *p, const char *why)
{
	while (p->answered < p->sent)
		answer(p, why);
}

static unsigned toy_producer_serve(void *producer, unsigned max)
{
	struct toy_producer *p = producer;
	unsigned served = 0;
	char byte;

	while (served < max && !p->is_lost) {
		ssize_t n = recv(p->fd, &byte, 1, MSG_DONTWAIT);
		p->instance->core->looked(p->owner);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n != 1) {
			p->is_lost = true;
			p->instance->core->event(p->owner, DRIVER_EVENT_FATAL,
			                         "the broker is gone");
			fail_all(p, "the broker is gone");
			break;
		}
		answer(p, NULL);
		served++;
	}
	return served;
}

static void toy_producer_close(void *producer)
{
	struct toy_producer *p = producer;

	fail_all(p, "the producer was closed");
	close(p->fd);
}

/* --- a consumer ---------------------------------------------------------------------------------- */

struct toy_consumer {
	const struct toy_instance *instance;
	void *owner;
	int fd;
	bool is_lost;
	unsigned char packet[TOY_MESSAGE_MAX];
};

static bool toy_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec,
                              int *fd, struct error *err)
{
	struct toy_consumer *c = consumer;
	char hello[2 * TOY_NAME_MAX + 8];

	c->instance = instance;
	c->owner = spec->owner;
	(void)snprintf(hello, sizeof(hello), "C %s %s", spec->topic, spec->subscription);
	*fd = c->fd = toy_dial(c->instance->run_id, hello, err);
	return c->fd >= 0;
}

static unsigned toy_consumer_serve(void *consumer, unsigned max)
{
	struct toy_consumer *c = consumer;
	unsigned served = 0;

	while (served < max && !c->is_lost) {
		ssize_t n = recv(c->fd, c->packet, sizeof(c->packet), MSG_DONTWAIT);
		c->instance->core->looked(c->owner);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			c->is_lost = true;
			c->instance->core->event(c->owner, DRIVER_EVENT_FATAL,
			                         "the broker is gone");
			break;
		}
		const struct received m = { .payload = c->packet,
			                    .payload_len = (size_t)n,
			                    .partition = -1,
			                    .redelivery = REDELIVERY_NO };
		c->instance->core->received(c->owner, &m);
		served++;
	}
	return served;
}

static void toy_consumer_close(void *consumer)
{
	struct toy_consumer *c = consumer;

	close(c->fd);
}

/* --- the broker that it brings along ------------------------------------------------------------- */

static bool toy_wants_broker(const void *config)
{
	(void)config;
	return true;
}

static const struct driver_broker toy_broker = {
	.is_wanted = toy_wants_broker,
	.run = toy_broker_run,
};

/* --- the driver ---------------------------------------------------------------------------------- */

static const char *const toy_classes[] = { NULL };

extern const struct driver driver_toy;
const struct driver driver_toy = {
	.name = "toy",
	.summary = "the example of docs/write-a-driver.md",
	.caveats = "Nothing is kept: a subscription without consumers loses what is sent.  A "
		   "consumer that does not read stops all others.",
	.classes = toy_classes,
	.options = toy_options,
	.config_size = sizeof(struct toy_config),
	.instance_size = sizeof(struct toy_instance),
	.producer_size = sizeof(struct toy_producer),
	.consumer_size = sizeof(struct toy_consumer),
	.describe = toy_describe,
	.traits = toy_traits,
	.open = toy_open,
	.close = toy_close,
	.producer_open = toy_producer_open,
	.producer_close = toy_producer_close,
	.send = toy_send,
	.producer_serve = toy_producer_serve,
	.consumer_open = toy_consumer_open,
	.consumer_close = toy_consumer_close,
	.consumer_serve = toy_consumer_serve,
	.broker = &toy_broker,
};
