/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_SERVED_QUEUE_H
#define OMB_WORKER_SERVED_QUEUE_H

/*
 * served_queue -- calls of many askers on one worker, which takes one at a time.
 *
 * They are carried out in their order.  STOP_ALL does not wait: what is under way fails as cancelled,
 * and so does all that waits; only another STOP_ALL that is under way comes first.
 *
 * `ended` is called once for each call, also from within served_queue_add, and owns the call from
 * then on; it may add others.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"
#include "worker/worker.h"

struct served_call {
	struct worker_call call; /* its arena is the one below */
	struct arena arena;
	void (*ended)(struct served_call *c);
	void *to;
	struct served_call *next; /* of the queue's lists */
};

struct served_queue {
	struct worker *w;
	struct served_call *running, *stopping; /* what the worker has */
	struct served_call *first;              /* what waits */
	struct served_call *cancelled;
	bool is_looking;
};

struct served_call *served_call_create(enum worker_verb verb, void (*ended)(struct served_call *c),
                                       void *to);
/* Also what the worker allocated for its answer. */
void served_call_destroy(struct served_call *c);

void served_queue_add(struct served_queue *q, struct served_call *c);
/* When the worker's descriptor is readable. */
void served_queue_serve(struct served_queue *q);

/* Forgets all calls: the worker must be destroyed without being served again. */
void served_queue_fini(struct served_queue *q);

/* Something is under way, or waits. */
bool served_queue_is_busy(const struct served_queue *q);

#endif
