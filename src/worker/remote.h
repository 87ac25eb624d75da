/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_REMOTE_H
#define OMB_WORKER_REMOTE_H

/*
 * remote -- the worker verbs carried out by `omb worker` on another host (docs/worker-protocol.md).
 *
 *     greeting ─► (clock) ─► session ─► ready ─► calls ... ─► lost
 *         └ it has no such greeting: OMB's own program
 *
 * A session with a lease is renewed every REMOTE_RENEW_NS, whatever else is under way, so a worker
 * that dies, hangs or is cut off is noticed within REMOTE_ANSWER_NS after that: it is then lost, for
 * good, and every call fails with which worker it was, when and why.  Connections that break are
 * made again as long as the worker is heard of: asks carry numbers, and one that comes twice is
 * carried out once.
 *
 * Its clock is asked again and again, on a connection that carries nothing else.  Instants are
 * translated by what is known of it when a message is written or read (load/clock_fit.h).
 *
 * All remote workers share one HTTP client, and serving one of them serves all.  One thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "facts/clock.h"
#include "worker/remote_text.h"
#include "worker/worker.h"

struct clock_fit;
struct http_client;

#define REMOTE_RENEW_NS  UINT64_C(3000000000)
#define REMOTE_ANSWER_NS UINT64_C(10000000000)

enum remote_stage {
	REMOTE_GREETING,
	REMOTE_FOREIGN, /* nobody of ours: it may be OMB's own program.  Nothing can be asked of it */
	REMOTE_READY,
	REMOTE_LOST, /* or never reached */
};

struct remote_options {
	struct http_client *http; /* outlives the worker */
	const char *url;          /* "http://a:8080" */
	unsigned index;           /* its place among the workers, from 0 */
	enum fact_clock_source clock_source;
};

struct remote_facts {
	enum remote_stage stage;
	struct remote_hello hello;     /* once it has answered */
	const struct clock_fit *clock; /* never NULL */
	struct error why;              /* of REMOTE_LOST: with the worker's address */
	uint64_t lost_ns;              /* clock_ns() */
};

/* Begins to greet; whoever made it serves it until it is no longer greeting.  Ended by worker_destroy,
 * which waits a little for the session to end.  Never NULL. */
struct worker *worker_remote_create(const struct remote_options *options);

/* Borrowed; of a worker that was made here. */
const struct remote_facts *worker_remote_facts(const struct worker *w);

/* "omb 0.1.0 on host-7; its clock 3.2h behind, known to 45us"; of one that is ready. */
void worker_remote_introduce(const struct worker *w, struct text *out);

#endif
