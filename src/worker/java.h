/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_JAVA_H
#define OMB_WORKER_JAVA_H

/*
 * java -- the worker verbs carried out by OMB's own program, over its own protocol.
 *
 * What that protocol lacks is lacking (worker_lacks): readiness (probes are counted), events, finish (the
 * last snapshot has to do, and stop-all closes the clients), topic-ends, delete-topics (its topics
 * stay), set-clocks; and the destructive reads of statistics, which this form makes itself, once for all
 * (java_totals.h).  Its program keeps to a finite rate: LOAD_UNLIMITED is refused.
 *
 *     begin of the load   the request is sent at that instant
 *     window              the statistics are read at its edges
 *     end of the load     1 message a second and worker, which is as little as it can be told, until
 *                         stop-all
 *
 * The driver file goes there with every --set in it (config/driver_render.h), and its own stop-all
 * first, for it would refuse a second driver.
 *
 * It has no session: nobody keeps others from it, and it loads until it is told to stop.  Its counters are
 * asked for every JAVA_LOOK_NS, so one that dies or hangs is lost within 15 s, as in remote.h.
 *
 * Nothing is sent twice but questions for counters.  One thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "worker/worker.h"

struct http_client;

#define JAVA_LOOK_NS   UINT64_C(3000000000)
#define JAVA_ANSWER_NS UINT64_C(10000000000)

enum java_stage {
	JAVA_GREETING, /* it is asked for its counters */
	JAVA_READY,
	JAVA_LOST, /* or no worker at all */
};

struct java_facts {
	enum java_stage stage;
	struct error why; /* of JAVA_LOST: with the worker's address */
	uint64_t lost_ns;
};

/* As worker_remote_create; the client outlives the worker. */
struct worker *worker_java_create(struct http_client *http, const char *url);

/* Borrowed; of a worker that was made here. */
const struct java_facts *worker_java_facts(const struct worker *w);

#endif
