/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_BACKLOG_RULE_H
#define OMB_RUN_BACKLOG_RULE_H

/*
 * backlog_rule -- the steps of a backlog test as a pure function.
 */

#include <stdbool.h>
#include <stdint.h>

/* Within the measurement, of a workload with consumerBacklogSizeGB. */
enum backlog_step {
	BACKLOG_NONE,  /* no such test */
	BACKLOG_BUILD, /* consumers are paused until the backlog is large enough */
	BACKLOG_DRAIN, /* they work again until it is small enough; the load goes on */
	BACKLOG_TAIL,  /* drained, and testDuration more follows, as OMB has it; or given up */
};

struct backlog_plan {
	uint64_t messages, left_messages;
	uint64_t build_limit_ns; /* it then goes on with what there is */
	uint64_t drain_limit_ns; /* the window ends then */
};

struct backlog_facts {
	enum backlog_step step;
	uint64_t in_step_ns;
	uint64_t backlog_messages; /* over all subscriptions */
	bool grows;                /* BACKLOG_DRAIN: the consumers provably cannot catch up */
};

enum backlog_step backlog_next_step(const struct backlog_plan *p, const struct backlog_facts *f);

const char *backlog_step_name(enum backlog_step step); /* "build" */

#endif
