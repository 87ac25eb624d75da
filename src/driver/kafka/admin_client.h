/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_ADMIN_CLIENT_H
#define OMB_DRIVER_KAFKA_ADMIN_CLIENT_H

/*
 * admin_client -- the client that a call about topics or groups makes for itself.
 *
 * Blocks, in a disposable agent.  librdkafka 2.0.2 may hang or abort in rd_kafka_destroy after a
 * request that the broker does not know or did not answer; a client that saw one is left to the
 * end of the process.
 */

#include "driver/kafka/kafka.h"

#define ADMIN_BATCH      500   /* names in one request, as OMB */
#define ADMIN_ANSWER_MS  10000 /* until a broker answers at all, or answers again */
#define ADMIN_REQUEST_MS 30000 /* until it has done what was asked */

struct admin {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue; /* results */
	struct kafka_instance *instance;
	bool spoiled;     /* must not be destroyed */
	bool lost;        /* a broker answered once, and none does any more */
	char reason[256]; /* the last that the library said about its connections */
};

/* Waits until a broker answers, 10 s at most. */
bool admin_start(struct admin *a, struct kafka_instance *c, struct error *err);
void admin_stop(struct admin *a);

/* All topics; NULL and *code: not within the time.  The caller destroys it. */
const struct rd_kafka_metadata *admin_metadata(struct admin *a, int timeout_ms,
                                               rd_kafka_resp_err_t *code);

/* Does any broker answer?  Takes a second at most. */
bool admin_is_answered(struct admin *a, rd_kafka_resp_err_t *code);

/* Worth another try? */
bool admin_is_transient(rd_kafka_resp_err_t code);

/* Options for a request that is answered within `timeout_ms`, or fails by itself. */
rd_kafka_AdminOptions_t *admin_options(struct admin *a, rd_kafka_admin_op_t op,
                                       uint64_t timeout_ms);

/* The answer to a request; NULL: none came although the library's own time is over, or no broker has
 * answered anything for 10 s (`lost`), and the client is spoiled.  The caller destroys it. */
rd_kafka_event_t *admin_answer(struct admin *a, uint64_t timeout_ms);

/* `what: why (what the library said last)` */
bool admin_fail(struct admin *a, struct error *err, const char *what, const char *why);

void admin_wait_ms(unsigned ms);

#endif
