/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_KAFKA_H
#define OMB_DRIVER_KAFKA_KAFKA_H

/*
 * kafka -- the Kafka driver: one client of librdkafka for each producer and each consumer.
 *
 * librdkafka has threads of its own (two for each client and one for each broker), but calls back
 * only from inside the functions that a hook calls: rd_kafka_poll for a producer,
 * rd_kafka_consume_batch_queue for a consumer.  So all that is here belongs to the thread of its
 * loop; nothing is locked.  Log lines of the library are dropped: what matters comes as an event.
 *
 * Waiting: the library writes to an eventfd when a client's queue turns from empty to not empty
 * (kafka.md of the design has the measurements).  Nobody reads it; each write is an edge.  That is
 * why serving goes on until the queue is empty.
 */

#include "driver/driver.h"
#include "driver/kafka/settings.h"
#include "driver/kafka/statistics.h"
#include "driver/kafka_library.h"

/* Messages taken from a consumer's queue in one call: 52 ns each at 1000 against 68 ns at 10. */
#define KAFKA_BATCH    1000

/* How long a close may take when the broker does not answer. */
#define KAFKA_CLOSE_MS 2000

struct kafka_member;

struct kafka_instance {
	const struct kafka_config *config;
	const struct driver_core *core;
	void *owner; /* of the client, for progress */
	char run_id[64];
	char client_id[128];
	struct kafka_member *leaving; /* consumers that began to close and have not left yet */
	unsigned opened;              /* producers and consumers, so far */
	bool is_late;                 /* one of them was not done when it was closed */
	rd_kafka_message_t *batch[KAFKA_BATCH]; /* of the consumer that is being served */
};

struct kafka_producer {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	const struct driver_core *core;
	void *owner;
	uint64_t outstanding; /* queued and not yet reported */
	unsigned served;      /* by the call that is under way */
	bool has_offsets;     /* of what was acknowledged; not with acks=0 */
	struct kafka_statistics statistics;
	int wake_fd;
};

struct kafka_consumer {
	struct kafka_instance *instance;
	struct kafka_member *member;
};

/* --- producer.c ------------------------------------------------------------------------------- */

bool kafka_producer_open(void *instance, void *producer, const struct producer_spec *spec, int *fd,
                         struct error *err);
void kafka_producer_close_begin(void *producer);
void kafka_producer_close(void *producer);
enum send_status kafka_send(void *producer, const struct outgoing *m, uint64_t token,
                            struct error *err);
unsigned kafka_producer_serve(void *producer, unsigned max);
void kafka_producer_claims(void *producer, struct claims *out);

/* --- consumer.c ------------------------------------------------------------------------------- */

bool kafka_consumer_open(void *instance, void *consumer, const struct consumer_spec *spec, int *fd,
                         struct error *err);
void kafka_consumer_close_begin(void *consumer);
void kafka_consumer_close(void *consumer);
unsigned kafka_consumer_serve(void *consumer, unsigned max);
void kafka_consumer_commit(void *consumer);
bool kafka_consumer_ask(void *consumer, enum consumer_wish wish, struct error *err);
void kafka_consumer_claims(void *consumer, struct claims *out);
bool kafka_consumer_settle(void *consumer, bool *again, struct error *err);

/* Gives those that are leaving their groups until `deadline_ms`.  A client that cannot leave by
 * then is left to the end of the process: destroying it would wait for the broker. */
void kafka_consumers_leave(struct kafka_instance *c, uint64_t deadline_ms);

/* --- admin.c, describe.c ---------------------------------------------------------------------- */

extern const struct driver_admin kafka_admin;

bool kafka_describe(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                    struct error *err);

#endif
