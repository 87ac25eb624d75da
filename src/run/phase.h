/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASE_H
#define OMB_RUN_PHASE_H

/*
 * phase -- the order of a run as two pure functions: no clock, no worker, no I/O.
 *
 * Whoever runs the run gathers the facts, asks what the next phase is, and does what belongs to it.
 * Every phase but the last two has a limit, so a run always ends.  A failure ends it too; what was
 * measured before is drained and kept.
 */

#include <stdbool.h>
#include <stdint.h>

enum phase {
	/* Topics, then consumers, then producers are being created. */
	PHASE_CONNECT,
	/* Probes are sent again and again until every subscription of every topic has its partitions
	 * and has seen one: a total is not enough, and a consumer without partitions would miss the
	 * start of the run. */
	PHASE_SETTLE,
	/* Rate 0 only: the rate is raised and lowered until the maximum is known. */
	PHASE_SEARCH,
	/* Full rate; what is due now is not measured.  Without a warm-up it lasts until the gate opens. */
	PHASE_WARMUP,
	/* Full rate; what is due now is measured. */
	PHASE_MEASURE,
	/* Nothing is due any more; what was sent is still answered and received. */
	PHASE_DRAIN,
	PHASE_DONE,
	/* A phase ran over its limit, or a verb failed. */
	PHASE_FAILED,
	PHASE_COUNT
};

/* Within PHASE_MEASURE, of a workload with consumerBacklogSizeGB. */
enum backlog_step {
	BACKLOG_NONE,  /* no such test */
	BACKLOG_BUILD, /* consumers are paused until the backlog is large enough */
	BACKLOG_DRAIN, /* they work again until it is small enough; the load goes on */
	BACKLOG_TAIL,  /* drained, and testDuration more follows, as OMB has it; or given up */
};

struct phase_plan {
	bool searches;                   /* rate 0 */
	uint64_t limit_ns[PHASE_COUNT];  /* of WARMUP: its length; MEASURE ends with the window */
	uint64_t build_limit_ns;         /* of BACKLOG_BUILD; it then goes on with what there is */
	uint64_t backlog_drain_limit_ns; /* of BACKLOG_DRAIN; the window ends then */
	uint64_t backlog_messages, backlog_left_messages;
};

struct phase_facts {
	enum phase phase;
	uint64_t in_phase_ns;
	bool failed;      /* a verb did, in this phase */
	bool measured;    /* the window has begun */
	bool interrupted; /* first signal */
	bool hurried;     /* second signal */
	bool load_started;
	bool load_is_over;   /* MEASURE: the end of the window has passed */
	bool producers_gone; /* every producer agent is lost: nothing is sent any more */
	bool clients_open;   /* CONNECT: every verb of it is done */
	uint64_t parts, parts_ready; /* SETTLE: subscriptions and producers */
	bool search_is_over;
	bool drained; /* DRAIN: drain_is_over says so */
};

enum phase run_next_phase(const struct phase_plan *p, const struct phase_facts *f);

struct backlog_facts {
	enum backlog_step step;
	uint64_t in_step_ns;
	uint64_t backlog_messages; /* over all subscriptions */
	bool grows;                /* BACKLOG_DRAIN: the consumers provably cannot catch up */
};

enum backlog_step run_next_backlog_step(const struct phase_plan *p, const struct backlog_facts *f);

/* How long the drain may take. */
struct drain_wait {
	uint64_t timeout_ns;     /* drainTimeout */
	uint64_t entered_ns;     /* the drain's begin */
	uint64_t standstill_ns;  /* of a group whose member has died; 0 = it does not stand still */
	uint64_t lost_ns;        /* when the last consumer agent died; 0 = none did */
	bool resume_is_expected; /* what a dead one had has not come to another one until now */
	uint64_t expected_ns;    /* when that was so for the last time; 0 = never */
};

/* drainTimeout; but while a group stands still nothing can arrive: it is waited for until the
 * session of the dead member must have timed out, and drainTimeout counts from when the partitions
 * have come to another one. */
uint64_t drain_limit_ns(const struct drain_wait *w);

struct drain_facts {
	unsigned offering;   /* producer agents that still send what was due before the end */
	uint64_t unanswered; /* sent by agents that live, neither acknowledged nor failed */
	uint64_t acknowledged, subscriptions, received;
	bool agents_lost;        /* at least one, restarted or not */
	bool resume_is_expected; /* as in drain_wait */
	uint64_t quiet_ns;       /* since one of the counts changed */
};

/* Has everything arrived that will?  After agents were lost, counts alone cannot tell (a dead
 * producer's last messages, messages delivered twice), so it must also have been quiet. */
bool drain_is_over(const struct drain_facts *f);

const char *phase_name(enum phase phase);              /* "warm-up" */
const char *backlog_step_name(enum backlog_step step); /* "build" */

#endif
