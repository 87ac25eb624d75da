/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_STATE_H
#define OMB_RUN_STATE_H

/*
 * state -- one run while it goes on, made of parts.
 *
 * Each part is written by one file, which its comment names (run.c gives some their first value), and
 * read by whoever needs it.  Sampler, diary and console are modules with functions of their own:
 * whoever has something for them calls these.  What has rules of its own (sampler, growth, diary, the search) stands in a header that knows nothing of runs.
 */

#include <stdbool.h>
#include <stdint.h>

#include "load/search.h"
#include "plan/plan.h"
#include "results/pair.h"
#include "run/backlog_rule.h"
#include "run/diary.h"
#include "run/growth.h"
#include "run/options.h"
#include "run/phase.h"
#include "run/platform.h"
#include "run/sampler.h"
#include "util/arena.h"
#include "worker/worker.h"

/* course.c: where the run stands, and whether all is well. */
struct course {
	enum phase_id phase;
	const struct phase *row; /* of the table (phases.h) */
	uint64_t entered_ns;
	struct record_phase log[PHASE_COUNT]; /* the stages so far, in order */
	size_t log_len;
	struct error failure; /* the first one; ERROR_NONE = none */
	bool failed_here;     /* one since the phase was entered */
};

/* await.c: what came while something was waited for. */
struct awaited {
	unsigned signals;
	bool worker_is_broken; /* it did not even answer STOP_ALL: nothing is asked of it any more */
	uint64_t done, wanted; /* of the verb under way, for the console */
	struct hist_copy late; /* how late this process woke up within the window; owned */
	bool is_lacking[WORKER_VERB_COUNT]; /* verbs that the worker turned out not to have */
	const char *lacks;                  /* their names, in the arena; NULL = none */
};

/* progress.c: what was told already. */
struct told_event {
	enum fact_event_kind kind;
	enum agent_role role;
	unsigned worker, agent, generation;
	uint64_t at_ns, gap_ns; /* of an outage */
	struct told_event *next;
};

struct shown {
	uint64_t next_tick_ns;
	struct told_event *told; /* what happened to agents */
	uint64_t silence_ns;     /* the longest when events were asked for */
};

/* phase_connect.c: what was made, and what the driver says of itself. */
struct made {
	struct plan_clients clients; /* once the topics have names */
	const char *const *topics;   /* as the worker named them; NULL before */
	size_t topics_count;
	struct fact_rows rows;
	bool broker_is_local;   /* it shares a host with the load */
	bool broker_is_own;     /* it ends with the run, and all that is on it */
	uint64_t standstill_ns; /* of a group that lost a member; 0 = none */
	uint64_t redelivery_ns; /* until others are given what a dead member had; 0 = at once */
	uint64_t lead_ns;       /* what begins earlier after it was said begins late for some */
};

/* phase_settle.c */
struct settled {
	uint64_t ready, wanted;  /* subscriptions and producers */
	uint64_t idle_consumers; /* without a partition when all was ready */
	uint64_t look_ns;        /* when the next probes are sent */
	uint64_t took_ns;
	struct text missing; /* what was not ready at the last look, in words; empty = all was */
	bool has_told_why;   /* the failure says already what the clients say */
};

/* phase_load.c */
struct loaded {
	bool started;
	uint64_t gate_ns; /* when the load began */
};

/* window.c: what is measured. */
struct measured {
	struct worker_window edges; /* as the worker knows them; UINT64_MAX: not known yet */
	bool begun;
	bool counted; /* the sample at its end was taken, or tried */
};

/* rate_search.c: rate 0. */
struct rate_search {
	struct search_options options;
	struct search state;
	struct search_decision decision;
	double rate_per_s; /* that is tried, or was found */
	uint64_t began_ns;
	bool cut; /* its time was up before it had ended by itself */
};

/* backlog.c */
struct backlog_test {
	enum backlog_step step;
	struct backlog_plan plan;
	uint64_t entered_ns, look_ns;
	struct record_backlog found;
	struct growth growth; /* while the backlog is drained */
};

/* phase_drain.c */
struct drained {
	bool complete, limit_reached;
	uint64_t look_ns, took_ns;
	uint64_t limit_ns;           /* more than drainTimeout if a group stood still */
	uint64_t resume_expected_ns; /* when that was so for the last time; 0 = never */
};

/* phase_close.c: the end.  What the totals point to is in the arena but the snapshots. */
struct closed {
	struct fact_totals totals;
	struct fact_events events;
	bool totals_are_last_seen; /* by a snapshot, before the clients were closed */
	bool interrupted;          /* a signal came before the totals were complete */
	bool left_behind;          /* topics or groups could not be deleted ... */
	struct error left_why;     /* ... and why */
};

/* topic_check.c: whether the topics are still what was written to. */
struct topics_found {
	uint64_t gone, shorter; /* topics that are not there; that took fewer than acknowledged */
	const char *example;    /* of the worst one, in words; NULL = all is well, or unknown */
	const char *unknown;    /* why nothing is known; NULL = it is, or the driver cannot tell */
};

struct run {
	/* run.c, before the first phase. */
	const struct run_options *options;
	struct run_platform platform;
	struct worker *w;
	struct arena arena;
	struct console console;
	uint64_t started_ns, wall_started_ns;
	const struct plan *plan;

	struct course course;
	struct awaited await;
	struct shown shown;
	struct pair pair; /* output.c: the names of the result, reserved */
	struct diary diary;
	struct sampler sampler; /* begun by phase_load.c; fed by sample.c, window.c at its ends, and
	                         * phase_close.c with the final totals */
	struct made made;
	struct settled settle;
	struct loaded load;
	struct measured window;
	struct rate_search search;
	struct backlog_test backlog;
	struct drained drain;
	struct closed close;
	struct topics_found topics_found;
};

static inline uint64_t state_now_ns(const struct run *r)
{
	return r->platform.now_ns(r->platform.to);
}

static inline uint64_t state_wall_ns(const struct run *r)
{
	return r->platform.wall_ns(r->platform.to);
}

/* Asked for; with rate 0 what the search says. */
static inline double state_rate_per_s(const struct run *r)
{
	return r->plan->searches ? r->search.rate_per_s : r->plan->rate_per_s;
}

#endif
