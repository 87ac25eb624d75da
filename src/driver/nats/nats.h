/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_NATS_NATS_H
#define OMB_DRIVER_NATS_NATS_H

/*
 * nats -- the NATS driver, by libnats: JetStream, and NATS itself ("core") without it.
 *
 * A topic is a subject, and in JetStream a stream of the same name that keeps it; a subscription is
 * a durable consumer whose messages its members share, in core a queue group.  Each producer and
 * each consumer has a connection of its own (link.h), served by the loop's thread: libnats is given
 * the loop's descriptors instead of threads, so no message passes from thread to thread.
 *
 *     config.c     what a driver file may say; describe.c  what that means
 *     wire.c       what is written and read besides payloads: pure
 *     link.c       a connection
 *     producer.c   publishes with a reply subject of its own for each message
 *     consumer.c   push (the server sends) and pull (it is asked for batches)
 *     admin.c      streams and durable consumers; the only part that waits
 */

#include "driver/driver.h"
#include "driver/nats/config.h"
#include "driver/nats/link.h"
#include "driver/nats/wire.h"
#include "driver/nats_library.h"

/* Of what has none: NATS knows no keys. */
#define NATS_KEY_HEADER "Key"

struct nats_instance {
	const struct nats_config *config;
	const struct driver_core *core;
	void *owner; /* for progress */
	char client_id[128];
};

extern const struct driver_admin nats_admin;

/* --- describe.c --------------------------------------------------------------------- */

bool nats_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                   struct error *err);

/* --- producer.c ------------------------------------------------------------------------------- */

struct nats_slot {
	uint64_t token;
	uint32_t tick; /* of the link when it was sent */
	bool is_done;  /* answered, before one that was sent earlier */
};

struct nats_producer {
	const struct nats_config *config;
	const struct driver_core *core;
	void *owner;
	const char *topic;
	struct nats_link *link;
	natsSubscription *replies; /* to everything that it publishes */
	struct nats_slot *slots;   /* ring of max_in_flight, a mapping */
	uint64_t head, tail;       /* of the ring: sent so far, answered without a gap so far */
	uint64_t marked;           /* core: a marker follows all before this one */
	unsigned served;           /* by the call that is under way */
	size_t reply_len;          /* of the prefix in `reply` */
	char reply[96];            /* "_INBOX.x.", then the number of the message */
};

bool nats_producer_open(void *instance, void *producer, const struct producer_spec *spec, int *fd,
                        struct error *err);
void nats_producer_close(void *producer);
enum send_status nats_send(void *producer, const struct outgoing *m, uint64_t token,
                           struct error *err);
void nats_flush(void *producer);
unsigned nats_producer_serve(void *producer, unsigned max);
void nats_producer_claims(void *producer, struct claims *out);

/* --- consumer.c ------------------------------------------------------------------------------- */

struct nats_consumer {
	const struct nats_config *config;
	const struct driver_core *core;
	void *owner;
	struct nats_link *link;
	natsSubscription *control, *data;
	char *topic, *stream, *group; /* owned */
	char inbox[64];
	bool has_begun; /* subscribed; only once, libnats repeats it at each connection */
	bool is_made;   /* the server has the durable consumer */
	bool is_paused;
	uint32_t asked_tick; /* for the durable consumer */
	natsMsg **held;      /* ring: taken from libnats to ask the server for patience */
	uint64_t held_head, held_tail;
	size_t held_cap;
	char *unacked; /* reply subjects of what was handed over, `stride` bytes each */
	size_t stride, unacked_count, unacked_cap;
	uint32_t pulled, pull_tick; /* messages asked for that have not come; when the last was */
};

bool nats_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec, int *fd,
                        struct error *err);
void nats_consumer_close(void *consumer);
unsigned nats_consumer_serve(void *consumer, unsigned max);
void nats_consumer_commit(void *consumer);
void nats_consumer_claims(void *consumer, struct claims *out);
bool nats_consumer_ask(void *consumer, enum consumer_wish wish, struct error *err);

#endif
