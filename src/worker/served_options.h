/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_SERVED_OPTIONS_H
#define OMB_WORKER_SERVED_OPTIONS_H

/* served_options -- what a served worker (served.h) is made of, and what nobody tells it later. */

#include <stddef.h>

#include "load/assignment.h"
#include "load/deal.h"
#include "net/poller.h"
#include "worker/worker.h"

struct override;

/* What OMB's protocol does not carry: of --workload and --set. */
struct served_settings {
	struct deal_spec deal;
	struct consume_spec consume;
	struct load_spec load; /* pacing, window, seed; payload, rate and keys come with the load */
	const struct override *overrides; /* of the driver file that is posted */
	size_t overrides_count;
	const char *name; /* what this worker calls itself */
};

struct served_options {
	struct worker *worker;
	struct poller *poller;
	const struct served_settings *settings;
	/* What callers have to show (RFC 6750); NULL = nothing. */
	const char *token;
	/* May a driver file that was posted be used here?  False: *err.  Optional. */
	bool (*may_initialize)(void *to, const struct worker_initialize *ask, struct error *err);
	/* A line of the log, without its end. */
	void (*log)(void *to, const char *line);
	void *to;
};

#endif
