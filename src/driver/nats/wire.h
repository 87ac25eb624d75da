/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_NATS_WIRE_H
#define OMB_DRIVER_NATS_WIRE_H

/*
 * wire -- what the NATS driver writes and reads besides payloads: names, requests to JetStream's
 * API, its answers, the subject that a message is acknowledged on.  Pure.
 *
 * libnats could ask JetStream itself, but waits for the answer in the thread that would have to
 * receive it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

enum nats_ack { NATS_ACK_EXPLICIT, NATS_ACK_ALL, NATS_ACK_NONE };

struct nats_durable {
	const char *stream, *name;
	const char *deliver_subject; /* NULL: pull */
	enum nats_ack ack;
	uint64_t ack_wait_ns;
	uint32_t max_ack_pending;
};

/* A stream's name for a topic: what names may not have becomes '_'. */
void nats_wire_stream_name(const char *topic, struct text *out);

/* The request that makes a durable consumer, or finds it as it is. */
void nats_wire_create_subject(const struct nats_durable *d, struct text *out);
void nats_wire_create_body(const struct nats_durable *d, struct text *out);

/* False: the answer is an error, whose description is in `why`. */
bool nats_wire_answer(const char *json, size_t len, char *why, size_t why_size);

struct nats_delivery_facts {
	uint64_t delivered; /* how often so far, this time included */
	uint64_t stream_sequence;
	int64_t broker_ns; /* when the server stored it, ns since 1970 */
};

/* From the subject that a message is acknowledged on:
 * $JS.ACK.[domain.account.]stream.consumer.delivered.sequence.sequence.ns.pending[.token] */
bool nats_wire_delivery(const char *reply, struct nats_delivery_facts *out);

/* The number behind the last dot of a subject.  False: there is none. */
bool nats_wire_number(const char *subject, uint64_t *number);

/* "host:4222" and "nats://host" are servers; an empty name, a space or another scheme is not. */
/* The version in what a server says first, "INFO {...}".  False: it says none. */
bool nats_wire_version(const char *info, size_t len, char *out, size_t size);

bool nats_wire_is_server(const char *server);

#endif
