/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer -- a member of a durable consumer (JetStream) or of a queue group (core).
 *
 * A server delivers again what is not confirmed within ackWait, also what only waits here for its
 * turn, because the consumer is slow or paused.  So three times within ackWait everything that waits
 * is taken from libnats and the server asked for patience ("+WPI").
 *
 * Pull: requests for half of pullBatch wait at the server, two at the same time; when the messages
 * of one have come the next is made.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/nats/nats.h"
#include "util/text.h"
#include "util/xalloc.h"

#define ASK_TICKS  6 /* of a third of ackWait: a request without an answer is made again */
#define HEAD_BYTES 128

static bool is_jetstream(const struct nats_consumer *c)
{
	return c->config->mode == NATS_MODE_JETSTREAM;
}

static bool confirms(const struct nats_consumer *c)
{
	return is_jetstream(c) && c->config->ack_policy != NATS_ACK_NONE;
}

static bool pulls(const struct nats_consumer *c)
{
	return is_jetstream(c) && c->config->delivery == NATS_PULL;
}

static bool publish(struct nats_consumer *c, const char *subject, const char *reply,
                    const char *body)
{
	int len = (int)strlen(body);
	natsStatus s = reply == NULL ? natsConnection_Publish(c->link->nc, subject, body, len)
	                             : natsConnection_PublishRequest(c->link->nc, subject, reply,
	                                                             body, len);

	nats_link_gave(c->link, strlen(body) + HEAD_BYTES);
	return s == NATS_OK;
}

/* --- the durable consumer ------------------------------------------------------------------------ */

static void ask_for_durable(struct nats_consumer *c)
{
	char deliver[256], reply[sizeof(c->inbox) + 8];
	struct text subject = { 0 }, body = { 0 };
	struct nats_durable d = {
		.stream = c->stream,
		.name = c->group,
		.deliver_subject = pulls(c) ? NULL : deliver,
		.ack = (enum nats_ack)c->config->ack_policy,
		.ack_wait_ns = c->config->ack_wait_ns,
		.max_ack_pending = c->config->max_ack_pending,
	};

	snprintf(deliver, sizeof(deliver), "deliver.%s", c->group);
	snprintf(reply, sizeof(reply), "%s.c", c->inbox);
	nats_wire_create_subject(&d, &subject);
	nats_wire_create_body(&d, &body);
	publish(c, text_str(&subject), reply, text_str(&body));
	c->asked_tick = c->link->tick;
	text_fini(&subject);
	text_fini(&body);
}

static void take_control(struct nats_consumer *c)
{
	char why[160], text[256];
	natsMsg *msg;

	while (c->control != NULL && natsSubscription_NextMsg(&msg, c->control, 0) == NATS_OK) {
		if (natsMsg_IsNoResponders(msg)) {
			c->core->event(c->owner, DRIVER_EVENT_CLIENT,
			               "no answer of JetStream: the server has none, or it starts");
		} else if (nats_wire_answer(natsMsg_GetData(msg),
		                            (size_t)natsMsg_GetDataLength(msg), why, sizeof(why))) {
			c->is_made = true;
		} else {
			snprintf(text, sizeof(text), "durable consumer %s: %s", c->group, why);
			c->core->event(c->owner, DRIVER_EVENT_CLIENT, text);
		}
		natsMsg_Destroy(msg);
	}
}

static natsStatus subscribe(struct nats_consumer *c)
{
	natsConnection *nc = c->link->nc;
	char subject[sizeof(c->inbox) + 256];

	if (!is_jetstream(c))
		return natsConnection_QueueSubscribeSync(&c->data, nc, c->topic, c->group);
	snprintf(subject, sizeof(subject), "%s.c", c->inbox);
	natsStatus s = natsConnection_SubscribeSync(&c->control, nc, subject);
	if (s != NATS_OK)
		return s;
	if (pulls(c)) {
		snprintf(subject, sizeof(subject), "%s.m.*", c->inbox);
		return natsConnection_SubscribeSync(&c->data, nc, subject);
	}
	snprintf(subject, sizeof(subject), "deliver.%s", c->group);
	return natsConnection_QueueSubscribeSync(&c->data, nc, subject, c->group);
}

/* The connection is there: the first time, or again. */
static void begin(struct nats_consumer *c)
{
	char text[160];

	if (!c->has_begun) {
		natsStatus s = subscribe(c);
		int limit = c->config->pending_limit_bytes == 0
		                    ? -1
		                    : (int)c->config->pending_limit_bytes;
		if (s == NATS_OK)
			s = natsSubscription_SetPendingLimits(c->data, -1, limit);
		if (s != NATS_OK) {
			snprintf(text, sizeof(text), "subscribing: %s", natsStatus_GetText(s));
			c->core->event(c->owner, DRIVER_EVENT_FATAL, text);
			return;
		}
		c->has_begun = true;
	}
	if (is_jetstream(c) && !c->is_made)
		ask_for_durable(c);
	c->pulled = 0; /* the server forgets those of a lost connection */
}

/* --- open and close ------------------------------------------------------------------------------- */

static void prepare_confirmation(struct nats_consumer *c)
{
	if (!confirms(c))
		return;
	/* The server sends no more than these, to all members together. */
	c->held_cap = c->config->max_ack_pending + (pulls(c) ? c->config->pull_batch : 0);
	c->held = xcalloc(c->held_cap, sizeof(c->held[0]));
	c->unacked_cap = c->config->ack_policy == NATS_ACK_ALL ? 1 : c->config->max_ack_pending;
	/* Stream, consumer, domain, account, and five numbers. */
	c->stride = strlen(c->stream) + strlen(c->group) + 256;
	c->unacked = xcalloc(c->unacked_cap, c->stride); /* touched only as far as it is used */
}

static void forget(struct nats_consumer *c)
{
	for (; c->held_tail < c->held_head; c->held_tail++)
		natsMsg_Destroy(c->held[c->held_tail % c->held_cap]);
	nats_link_close(c->link);
	natsSubscription_Destroy(c->control);
	natsSubscription_Destroy(c->data);
	free(c->held);
	free(c->unacked);
	free(c->topic);
	free(c->stream);
	free(c->group);
}

bool nats_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec, int *fd,
                        struct error *err)
{
	struct nats_instance *n = instance;
	struct nats_consumer *c = consumer;
	struct text stream = { 0 };
	natsInbox *inbox = NULL;
	struct nats_link_spec link = {
		.config = n->config,
		.core = n->core,
		.owner = spec->owner,
		.client_id = n->client_id,
		.tick_ns = n->config->ack_wait_ns / 3,
	};

	*c = (struct nats_consumer){ .config = n->config, .core = n->core, .owner = spec->owner };
	nats_wire_stream_name(spec->topic, &stream);
	c->topic = xstrdup(spec->topic);
	c->stream = text_take(&stream);
	c->group = xstrdup(spec->subscription);
	prepare_confirmation(c);
	c->link = nats_link_open(&link, err);
	if (c->link == NULL || natsInbox_Create(&inbox) != NATS_OK) {
		forget(c);
		return false;
	}
	snprintf(c->inbox, sizeof(c->inbox), "%s", inbox);
	natsInbox_Destroy(inbox);
	*fd = c->link->epoll_fd;
	return true;
}

void nats_consumer_close(void *consumer)
{
	struct nats_consumer *c = consumer;

	nats_consumer_commit(c);
	forget(c);
}

/* --- what waits here ------------------------------------------------------------------------------ */

static natsMsg *next_message(struct nats_consumer *c)
{
	natsMsg *msg = NULL;

	if (c->held_tail < c->held_head)
		return c->held[c->held_tail++ % c->held_cap];
	if (c->data == NULL || natsSubscription_NextMsg(&msg, c->data, 0) != NATS_OK)
		return NULL;
	return msg;
}

static void ask_for_patience(struct nats_consumer *c)
{
	natsMsg *msg;

	while (c->held_head - c->held_tail < c->held_cap && c->data != NULL &&
	       natsSubscription_NextMsg(&msg, c->data, 0) == NATS_OK)
		c->held[c->held_head++ % c->held_cap] = msg;
	for (uint64_t i = c->held_tail; i < c->held_head; i++) {
		const char *reply = natsMsg_GetReply(c->held[i % c->held_cap]);
		if (reply != NULL)
			publish(c, reply, NULL, "+WPI");
	}
}

/* --- pull ----------------------------------------------------------------------------------------- */

static void ask_for_messages(struct nats_consumer *c)
{
	uint32_t batch = c->config->pull_batch / 2;
	struct text subject = { 0 };
	char reply[sizeof(c->inbox) + 16], body[96];

	/* Requests of which nothing was heard for so long are lost: they had expired long ago. */
	if (c->link->tick - c->pull_tick > ASK_TICKS)
		c->pulled = 0;
	if (c->pulled > batch)
		return;
	text_addf(&subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", c->stream, c->group);
	snprintf(reply, sizeof(reply), "%s.m.1", c->inbox);
	snprintf(body, sizeof(body), "{\"batch\":%u,\"expires\":%" PRIu64 "}", batch,
	         c->config->ack_wait_ns);
	for (; c->pulled <= batch; c->pulled += batch)
		publish(c, text_str(&subject), reply, body);
	c->pull_tick = c->link->tick;
	text_fini(&subject);
}

/* A request has come to its end: what was not sent of it will not be. */
static void end_request(struct nats_consumer *c, natsMsg *msg)
{
	const char *unsent = NULL;
	uint32_t n = c->pulled;

	if (natsMsgHeader_Get(msg, "Nats-Pending-Messages", &unsent) == NATS_OK)
		n = (uint32_t)strtoul(unsent, NULL, 10);
	c->pulled -= n < c->pulled ? n : c->pulled;
}

/* --- delivery -------------------------------------------------------------------------------------- */

static void remember(struct nats_consumer *c, const char *reply)
{
	if (!confirms(c) || reply == NULL)
		return;
	if (c->config->ack_policy == NATS_ACK_ALL)
		c->unacked_count = 0;
	if (c->unacked_count == c->unacked_cap || strlen(reply) >= c->stride) {
		publish(c, reply, NULL, "+ACK");
		return;
	}
	memcpy(c->unacked + c->unacked_count++ * c->stride, reply, strlen(reply) + 1);
}

/* False: the server says something of a pull request, and it is no message. */
static bool is_message(struct nats_consumer *c, natsMsg *msg)
{
	const char *status = NULL;

	if (!pulls(c))
		return true;
	if (natsMsg_GetReply(msg) != NULL || natsMsgHeader_Get(msg, "Status", &status) != NATS_OK) {
		c->pulled -= c->pulled > 0;
		return true;
	}
	end_request(c, msg);
	return false;
}

/* Core delivers once, if at all. */
static enum redelivery redelivery_of(const struct nats_consumer *c,
                                     const struct nats_delivery_facts *facts)
{
	if (is_jetstream(c) && facts->delivered == 0)
		return REDELIVERY_UNKNOWN;
	return facts->delivered > 1 ? REDELIVERY_YES : REDELIVERY_NO;
}

/* What this driver and the server put there themselves is none. */
static bool is_of_sender(const char *name)
{
	return strcmp(name, NATS_KEY_HEADER) != 0 && strncmp(name, "Nats-", 5) != 0;
}

static bool header_of(const struct received *m, size_t i, struct header *out)
{
	natsMsg *msg = (natsMsg *)(uintptr_t)m->native;
	const char **names = NULL;
	int count = 0;
	bool found = false;

	if (natsMsgHeader_Keys(msg, &names, &count) != NATS_OK)
		return false;
	for (int k = 0; !found && k < count; k++) {
		const char *value = NULL;
		if (!is_of_sender(names[k]) || i-- > 0)
			continue;
		found = natsMsgHeader_Get(msg, names[k], &value) == NATS_OK;
		*out = (struct header){ names[k], value, found ? strlen(value) : 0 };
	}
	free((void *)names); /* the names themselves are the message's */
	return found;
}

static bool deliver(struct nats_consumer *c, natsMsg *msg)
{
	struct nats_delivery_facts facts = { 0 };
	const char *reply = natsMsg_GetReply(msg);

	if (!is_message(c, msg))
		return false;
	if (is_jetstream(c))
		nats_wire_delivery(reply, &facts);
	struct received r = {
		.payload = natsMsg_GetData(msg),
		.payload_len = (size_t)natsMsg_GetDataLength(msg),
		.partition = -1,
		.redelivery = redelivery_of(c, &facts),
		.broker_ms = facts.broker_ns / 1000000,
		.header = header_of,
		.native = msg,
	};
	/* Without headers this looks at one word. */
	if (natsMsgHeader_Get(msg, NATS_KEY_HEADER, &r.key) == NATS_OK)
		r.key_len = strlen(r.key);
	c->core->received(c->owner, &r);
	remember(c, reply);
	return true;
}

static void attend(struct nats_consumer *c)
{
	bool is_up = nats_link_is_up(c->link);

	if (is_up && nats_link_is_new(c->link))
		begin(c);
	take_control(c);
	if (is_up && is_jetstream(c) && c->has_begun && !c->is_made &&
	    c->link->tick != c->asked_tick)
		ask_for_durable(c);
	if (is_up && c->is_made && pulls(c) && !c->is_paused)
		ask_for_messages(c);
	if (is_up && c->link->is_dirty && !c->link->is_armed)
		nats_link_write(c->link);
}

unsigned nats_consumer_serve(void *consumer, unsigned max)
{
	struct nats_consumer *c = consumer;
	unsigned served = 0;
	natsMsg *msg;

	for (;;) {
		while (!c->is_paused && served < max && (msg = next_message(c)) != NULL) {
			served += deliver(c, msg);
			natsMsg_Destroy(msg);
		}
		if (served >= max)
			return served;
		uint32_t tick = c->link->tick;
		bool found = nats_link_look(c->link);
		if (confirms(c) && c->link->tick != tick && nats_link_is_up(c->link))
			ask_for_patience(c);
		attend(c);
		if (!found)
			return served;
	}
}

void nats_consumer_commit(void *consumer)
{
	struct nats_consumer *c = consumer;

	if (c->unacked_count == 0 || !nats_link_is_up(c->link))
		return;
	for (size_t i = 0; i < c->unacked_count; i++)
		publish(c, c->unacked + i * c->stride, NULL, "+ACK");
	c->unacked_count = 0;
	if (!c->link->is_armed)
		nats_link_write(c->link);
}

bool nats_consumer_ask(void *consumer, enum consumer_wish wish, struct error *err)
{
	struct nats_consumer *c = consumer;

	(void)err;
	switch (wish) {
	case CONSUMER_PAUSE:
		c->is_paused = true;
		return true;
	case CONSUMER_RESUME:
		c->is_paused = false;
		nats_link_nudge(c->link); /* what came meanwhile makes no edge */
		return true;
	}
	abort();
}

void nats_consumer_claims(void *consumer, struct claims *out)
{
	struct nats_consumer *c = consumer;

	nats_link_claims(c->link, c->data, out);
}
