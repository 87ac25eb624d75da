/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_H
#define OMB_WORKER_LOCAL_H

/*
 * local -- the worker verbs carried out by agents that this process forks.
 *
 * The process that calls this touches no client library and has one thread; it may hold signals
 * blocked as it likes.  Every agent is a child and is reaped here.  Agents end within 5 s of the
 * death of their parent.
 */

#include "load/assignment.h"
#include "load/deal.h"
#include "worker/worker.h"

struct worker_local_options {
	struct deal_spec deal;
	struct consume_spec consume;
	const char *run_id;
	uint16_t run;              /* of the stamp */
	uint32_t producer_id_base; /* high bits name the worker; 0 for a single local one */
	bool keep_topics;          /* agents that survive their parent leave the topics alone */
};

/* Caller ends it with worker_destroy.  Never NULL. */
struct worker *worker_local_create(const struct worker_local_options *options);

#endif
