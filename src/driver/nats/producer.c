/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer -- publishes each message with a reply subject of its own, whose last part is the
 * message's number: no answer has to be looked up, and one that comes too late finds nobody.
 *
 * In JetStream the server answers when the stream has the message.  Core answers nothing; there a
 * message to the producer itself follows each pass of sends, and when it comes back the server has
 * taken all before it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "driver/nats/nats.h"
#include "stats/claims.h"
#include "util/xalloc.h"

#define TICK_NS    UINT64_C(250000000)
#define HEADER_MAX 1024
#define HEAD_BYTES 128 /* of a message on the wire besides its payload, about */

static size_t slots_bytes(const struct nats_config *c)
{
	return c->max_in_flight * sizeof(struct nats_slot);
}

static bool listen_to_replies(struct nats_producer *p, struct error *err)
{
	char wildcard[sizeof(p->reply) + 2];
	natsInbox *inbox = NULL;
	natsStatus s = natsInbox_Create(&inbox);

	if (s == NATS_OK) {
		p->reply_len = (size_t)snprintf(p->reply, sizeof(p->reply), "%s.", inbox);
		natsInbox_Destroy(inbox);
		snprintf(wildcard, sizeof(wildcard), "%s*", p->reply);
		s = natsConnection_SubscribeSync(&p->replies, p->link->nc, wildcard);
	}
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(p->replies, -1, -1);
	return s == NATS_OK ||
	       error_set(err, ERROR_BROKER, "subscribing to replies: %s", natsStatus_GetText(s));
}

bool nats_producer_open(void *instance, void *producer, const struct producer_spec *spec, int *fd,
                        struct error *err)
{
	struct nats_instance *c = instance;
	struct nats_producer *p = producer;
	struct nats_link_spec link = {
		.config = c->config,
		.core = c->core,
		.owner = spec->owner,
		.client_id = c->client_id,
		.tick_ns = TICK_NS,
	};

	*p = (struct nats_producer){
		.config = c->config,
		.core = c->core,
		.owner = spec->owner,
		.topic = spec->topic,
	};
	/* Touched only as far as it is used. */
	p->slots = mmap(NULL, slots_bytes(c->config), PROT_READ | PROT_WRITE,
	                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p->slots == MAP_FAILED)
		return error_set_errno(err, errno, "memory for messages under way");
	p->link = nats_link_open(&link, err);
	if (p->link == NULL || !listen_to_replies(p, err)) {
		nats_link_close(p->link);
		munmap(p->slots, slots_bytes(c->config));
		return false;
	}
	*fd = p->link->epoll_fd;
	return true;
}

static void give_back(struct nats_producer *p, struct nats_slot *slot, const char *failure)
{
	struct sent_report r = {
		.acknowledged = failure == NULL,
		.partition = -1,
		.reason = failure,
	};

	slot->is_done = true;
	p->served++;
	p->core->sent(p->owner, slot->token, &r);
}

static struct nats_slot *slot_of(struct nats_producer *p, uint64_t number)
{
	return &p->slots[number % p->config->max_in_flight];
}

static void advance(struct nats_producer *p)
{
	while (p->tail < p->head && slot_of(p, p->tail)->is_done)
		p->tail++;
}

void nats_producer_close(void *producer)
{
	struct nats_producer *p = producer;

	nats_producer_serve(p, UINT32_MAX);
	for (; p->tail < p->head; p->tail++)
		if (!slot_of(p, p->tail)->is_done)
			give_back(p, slot_of(p, p->tail), "producer closed");
	nats_link_close(p->link);
	natsSubscription_Destroy(p->replies);
	munmap(p->slots, slots_bytes(p->config));
}

/* --- sending ------------------------------------------------------------------------------------- */

/* Without an allocation, and without asking for a format: it is done for every message. */
static void number_reply(struct nats_producer *p, uint64_t number)
{
	char digits[20];
	size_t n = 0, at = p->reply_len;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (n > 0)
		p->reply[at++] = digits[--n];
	p->reply[at] = '\0';
}

/* Headers of NATS are lines of text: what is none is refused.  An empty one swallows the next when
 * libnats 3.4 reads it. */
static natsStatus set_header(natsMsg *msg, const char *name, const char *value, size_t len)
{
	char text[HEADER_MAX];

	if (len == 0 || len >= sizeof(text) || memchr(value, '\0', len) != NULL ||
	    memchr(value, '\n', len) != NULL || memchr(value, '\r', len) != NULL)
		return NATS_INVALID_ARG;
	memcpy(text, value, len);
	text[len] = '\0';
	return natsMsgHeader_Add(msg, name, text);
}

static natsStatus publish_with_headers(struct nats_producer *p, const struct outgoing *m,
                                       const char *reply)
{
	natsMsg *msg = NULL;
	natsStatus s = natsMsg_Create(&msg, p->topic, reply, m->payload, (int)m->payload_len);

	if (s == NATS_OK && m->key != NULL)
		s = set_header(msg, NATS_KEY_HEADER, m->key, m->key_len);
	for (size_t i = 0; s == NATS_OK && i < m->headers_count; i++) {
		const struct header *h = &m->headers[i];
		s = set_header(msg, h->name, h->value != NULL ? h->value : "", h->value_len);
	}
	if (s == NATS_OK)
		s = natsConnection_PublishMsg(p->link->nc, msg);
	natsMsg_Destroy(msg);
	return s;
}

static natsStatus publish(struct nats_producer *p, const struct outgoing *m)
{
	const char *reply = p->config->mode == NATS_MODE_JETSTREAM ? p->reply : NULL;

	if (m->key != NULL || m->headers_count > 0)
		return publish_with_headers(p, m, reply);
	if (reply == NULL)
		return natsConnection_Publish(p->link->nc, p->topic, m->payload,
		                              (int)m->payload_len);
	return natsConnection_PublishRequest(p->link->nc, p->topic, reply, m->payload,
	                                     (int)m->payload_len);
}

static bool has_room(struct nats_producer *p)
{
	struct nats_link *l = p->link;

	if (p->head - p->tail >= p->config->max_in_flight || !nats_link_is_up(l))
		return false;
	if (l->unsent >= p->config->max_buffer_bytes && !l->is_armed)
		nats_link_write(l);
	return l->unsent < p->config->max_buffer_bytes;
}

static enum send_status refuse(struct nats_producer *p, natsStatus s, size_t bytes,
                               struct error *err)
{
	if (s == NATS_MAX_PAYLOAD)
		error_set(err, ERROR_BROKER,
		          "a message of %zu bytes: the server's max_payload is %lld", bytes,
		          (long long)natsConnection_GetMaxPayload(p->link->nc));
	else if (s == NATS_INSUFFICIENT_BUFFER || s == NATS_CONNECTION_DISCONNECTED)
		return SEND_BUSY;
	else if (s == NATS_INVALID_ARG)
		error_set(err, ERROR_BROKER,
		          "a key or a header that NATS cannot carry: a line of text of 1 to "
		          "%d bytes",
		          HEADER_MAX - 1);
	else
		error_set(err, ERROR_BROKER, "publishing: %s", natsStatus_GetText(s));
	return SEND_FAILED;
}

static void take_over(struct nats_producer *p, uint64_t token)
{
	*slot_of(p, p->head) = (struct nats_slot){ .token = token, .tick = p->link->tick };
	p->head++;
	if (p->config->mode == NATS_MODE_CORE && p->config->confirm == NATS_CONFIRM_NONE) {
		give_back(p, slot_of(p, p->head - 1), NULL);
		advance(p);
	}
}

enum send_status nats_send(void *producer, const struct outgoing *m, uint64_t token,
                           struct error *err)
{
	struct nats_producer *p = producer;

	if (p->link->is_over) {
		error_set(err, ERROR_BROKER, "the connection is given up");
		return SEND_FAILED;
	}
	if (!has_room(p))
		return SEND_BUSY;
	number_reply(p, p->head);
	natsStatus s = publish(p, m);
	if (s != NATS_OK)
		return refuse(p, s, m->payload_len, err);
	nats_link_gave(p->link, m->payload_len + m->key_len + HEAD_BYTES);
	take_over(p, token);
	if (p->config->pace == NATS_PACE_MESSAGE)
		nats_flush(p);
	return SEND_QUEUED;
}

/* Core: when this comes back the server has taken everything before it. */
static void mark_pass(struct nats_producer *p)
{
	if (p->marked == p->head || p->tail == p->head)
		return;
	number_reply(p, p->head);
	if (natsConnection_Publish(p->link->nc, p->reply, NULL, 0) == NATS_OK) {
		nats_link_gave(p->link, HEAD_BYTES);
		p->marked = p->head;
	}
}

void nats_flush(void *producer)
{
	struct nats_producer *p = producer;

	if (!nats_link_is_up(p->link))
		return;
	if (p->config->mode == NATS_MODE_CORE)
		mark_pass(p);
	if (p->link->is_dirty && !p->link->is_armed)
		nats_link_write(p->link);
}

/* --- answers ------------------------------------------------------------------------------------- */

static void take_marker(struct nats_producer *p, uint64_t number)
{
	for (; p->tail < number && p->tail < p->head; p->tail++)
		if (!slot_of(p, p->tail)->is_done)
			give_back(p, slot_of(p, p->tail), NULL);
}

static void take_answer(struct nats_producer *p, natsMsg *msg, uint64_t number)
{
	char why[160];

	if (number < p->tail || number >= p->head || slot_of(p, number)->is_done)
		return;
	if (natsMsg_IsNoResponders(msg))
		give_back(p, slot_of(p, number), "no stream takes messages of this subject");
	else if (nats_wire_answer(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), why,
	                          sizeof(why)))
		give_back(p, slot_of(p, number), NULL);
	else
		give_back(p, slot_of(p, number), why);
	advance(p);
}

static bool take_reply(struct nats_producer *p)
{
	uint64_t number;
	natsMsg *msg;

	if (natsSubscription_NextMsg(&msg, p->replies, 0) != NATS_OK)
		return false;
	if (nats_wire_number(natsMsg_GetSubject(msg), &number)) {
		if (p->config->mode == NATS_MODE_CORE)
			take_marker(p, number);
		else
			take_answer(p, msg, number);
	}
	natsMsg_Destroy(msg);
	return true;
}

/* They are in the order of their sending, so the first that is in time ends it. */
static void expire(struct nats_producer *p)
{
	uint32_t limit = (uint32_t)(p->config->publish_timeout_ns / TICK_NS) + 1;

	for (; p->tail < p->head; p->tail++) {
		struct nats_slot *slot = slot_of(p, p->tail);
		if (!slot->is_done && p->link->tick - slot->tick < limit && !p->link->is_over)
			break;
		if (!slot->is_done)
			give_back(p, slot, "no answer within publishTimeout");
	}
}

unsigned nats_producer_serve(void *producer, unsigned max)
{
	struct nats_producer *p = producer;

	p->served = 0;
	do
		while (p->served < max && take_reply(p))
			;
	while (p->served < max && nats_link_look(p->link));
	if (p->served < max)
		expire(p);
	return p->served;
}

void nats_producer_claims(void *producer, struct claims *out)
{
	struct nats_producer *p = producer;

	nats_link_claims(p->link, NULL, out);
	claims_say(out, CLAIM_QUEUE_MESSAGES, p->head - p->tail);
	claims_say(out, CLAIM_QUEUE_BYTES, p->link->unsent);
}
