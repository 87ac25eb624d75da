/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_STATE_H
#define OMB_RUN_STATE_H

/*
 * state -- one run while it goes on: where it stands, and how it waits.
 *
 * The steps of a run (connect.h, offer.h, close.h) are sequential code on this struct.  Whatever
 * they wait for, they wait in state_call or state_wait, which serve the worker, the signals and the
 * console meanwhile.
 */

#include <stdbool.h>
#include <stdint.h>

#include "load/search.h"
#include "plan/plan.h"
#include "run/diary.h"
#include "run/growth.h"
#include "run/limits.h"
#include "run/phase.h"
#include "run/platform.h"
#include "run/run.h"
#include "run/sampler.h"
#include "run/topics.h"
#include "util/arena.h"
#include "worker/worker.h"

#define STATE_MS LIMITS_MS
#define STATE_S  LIMITS_S

/* What happened to an agent and stands on the console already. */
struct told_event {
	enum fact_event_kind kind;
	enum agent_role role;
	unsigned agent, generation;
	struct told_event *next;
};

struct run {
	const struct run_options *options;
	struct run_platform platform;
	struct worker *w;
	struct arena arena;
	struct console console;
	struct diary diary;

	struct plan plan;            /* a copy: a search changes its rate */
	struct plan_clients clients; /* once the topics have names */
	const char *const *topics;   /* as the worker named them; NULL before */
	size_t topics_count;
	struct fact_rows rows; /* what the driver says of its configuration */

	struct phase_plan phases;
	enum phase phase;
	uint64_t entered_ns;
	struct record_phase log[PHASE_COUNT]; /* the phases so far, in order */
	size_t log_len;
	unsigned signals;
	bool load_started;
	uint64_t lead_ns;      /* what begins earlier after it was said begins late for some */
	uint64_t gate_ns;      /* when the load began */
	struct error failure;  /* the first one; ERROR_NONE = none */
	bool failed_in_phase;  /* one since the phase was entered */
	bool worker_is_broken; /* it did not even answer STOP_ALL: nothing is asked of it any more */

	uint64_t started_ns, wall_started_ns;
	uint64_t readiness_ns;
	struct worker_window window; /* start_ns UINT64_MAX: not known yet */
	bool measured;               /* the window has begun */
	bool counted;                /* and the sample at its end was taken, or tried */
	uint64_t parts_ready, parts; /* subscriptions and producers: what readiness is about */
	uint64_t done, wanted; /* of the verb under way, for the console */
	uint64_t next_tick_ns; /* of the console */
	struct told_event *told;

	bool searching; /* rate 0 */
	struct search_options search_options;
	struct search search;
	struct search_decision decision;
	uint64_t search_began_ns;
	bool search_cut; /* its time was up before it had ended by itself */

	enum backlog_step backlog_step;
	uint64_t backlog_entered_ns, backlog_look_ns;
	struct record_backlog backlog;
	struct growth growth; /* while the backlog is drained */

	struct sampler sampler;
	bool drained, drain_limit_reached;
	uint64_t standstill_ns; /* of a group that lost a member, as the driver says; 0 = none */
	uint64_t
		drain_limit_ns; /* as it was in the end; more than drainTimeout if a group stood still */
	uint64_t resume_expected_ns; /* when that was so for the last time; 0 = never */
	uint64_t idle_consumers;     /* without a partition when all was ready */
	struct host_usage usage_start, usage_end; /* at the ends of the window */

	/* FINISH's answer; everything it points to is in the arena but the snapshots. */
	struct fact_totals totals;
	bool finished;
	bool interrupted; /* a signal came before the totals were complete */
	struct topics_found topics_found;
	bool left_behind;      /* topics or groups could not be deleted ... */
	struct error left_why; /* ... and why */
	struct fact_events events;
};

uint64_t state_now_ns(const struct run *r);

/* Signals that end a call early: it is cancelled by stopping the worker. */
enum state_patience {
	PATIENCE_CONNECT = 1, /* nothing has been sent yet */
	PATIENCE_LOAD = 2,    /* the first one only ends the load */
	PATIENCE_CLOSE = 3,   /* the third signal */
	PATIENCE_ENDLESS = 1000,
};

/* Carries out one verb within `limit_ns`.  False: *err says why, the verb's name in front.  Returns
 * in bounded time whatever the worker does, with *call as it is then. */
bool state_call(struct run *r, struct worker_call *call, uint64_t limit_ns,
                enum state_patience patience, struct error *err);

/* Until the instant, or earlier when another signal comes. */
void state_wait(struct run *r, uint64_t until_ns);

/* All waiting does this; at other times it is asked for. */
void state_look_for_signals(struct run *r);

/* Goes to `next` (logs the phase that ends). */
void state_enter(struct run *r, enum phase next);

/* Remembers the first failure; the next step of the run is to end.  What a signal cancelled is
 * none. */
void state_fail(struct run *r, const struct error *err);

/* What the phase machine wants to know, as it stands. */
struct phase_facts state_facts(const struct run *r);

/* Asks the machine and enters what it says.  True: the phase has changed. */
bool state_advance(struct run *r, const struct phase_facts *facts);

#endif
