/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_ENSEMBLE_H
#define OMB_WORKER_ENSEMBLE_H

/*
 * ensemble -- many workers behind the one table of verbs.
 *
 *                         ┌─► member 0   its share of the call ─┐
 *     worker_start(e) ────┼─► member 1                          ├──► merged answer
 *                         └─► member 2                         ─┘
 *
 * A call is asked of the members that it concerns, of each its share, all at once; it is complete when
 * all have answered.  Nothing here knows what a member is: each is a `struct worker`.
 *
 *     create-topics, topic-ends, delete-topics   the leader: the first that lives and is not OMB's
 *     initialize-driver, set-window, readiness, snapshot, events, finish, the statistics   all
 *     create-producers, start-load, adjust-publish-rate, probe-producers   those with producers
 *     create-consumers, pause-consumers, resume-consumers   those with consumers
 *     stop-all   all that live, at any time
 *     clock   nobody: ours
 *
 * Clients are dealt by plan/shares.h.  Producers of member m are numbered from m << STAMP_PRODUCER_BITS.
 * The load has one gate for all, and one schedule in which each producer has a place: a member has
 * places [first_producer, first_producer + its producers) of `producers`.  So its rate is
 *
 *     epoch.micro_per_s * (its own producers / load.producers)
 *
 * also where a member of OMB's makes shares equal: then `producers` are its own, and the rate its share.
 *
 * Losses.  A member is lost, for good, when worker_is_gone says so; when a verb that any worker answers at
 * once (ensemble_is_quick) was not answered by its deadline; or when any call is still open
 * ENSEMBLE_GRACE_NS after its deadline.  From then on nothing is asked of it, but to stop
 * where it may hear that.  What it had counted when it was heard of last stays in all totals; its agents are lost, and an event says which worker, when and why.
 * Up to `tolerate_losses` of them under load (from START_LOAD done to FINISH) a call goes on with the
 * others.  Else, and at any other time, a loss fails the call under way, or the next one: once, for the
 * load has to end in order, and later calls go on with those that are left.  FINISH, STOP_ALL, EVENTS and
 * DELETE_TOPICS do what can be done and fail by a loss only if nobody is left, or who was asked to stop
 * has not answered.  A run that begins (INITIALIZE_DRIVER) with a member lost fails.
 *
 * A call that fails names every member that failed, with its reason, and every one that owed an answer.
 * Others get ENSEMBLE_PATIENCE_NS to answer once one has failed; then the call has failed, and they are
 * not listened to any more.  Until such a member has ended its own call it is asked nothing but STOP_ALL.
 *
 * A verb that a member lacks: where all that it tells is less to know (events, topic-ends ...) the others'
 * answers stand, `lacking` is set and the call is done; readiness and what a load cannot do without fail
 * with `lacking`.  In place of finish its last snapshot is read, then it is told to stop.
 *
 * Merged: snapshots and histograms added (taken in the middle of all), edges added where all told them,
 * agents, events and slow messages with their worker, readiness by topic and subscription, partitions by
 * topic, subscription and number.  Rows are the leader's.  Hosts are told for each worker; that of the
 * whole is the leader's, with the usage of all.
 *
 * No account of every message is kept (account.lack says so), and members charge no message that nobody
 * received, which none of them can know (load_spec.shared).
 *
 * Clocks: with a table of them (clock_table.h; its members are these, by their place) those that consume
 * are told of all before the load begins, and again whenever that is due; a call to a member that is being
 * told waits for that.  Who cannot be told, although it has the verb, is lost: its latencies would be wrong.
 * The table is of one run: FINISH ends it.
 *
 * Time is injected; without a clock of their own (now_ns NULL) ensembles use clock_ns() and a timer.
 * Members' forms must end each call by its deadline, and read no argument after it.  One thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "facts/totals.h"
#include "plan/shares.h"
#include "util/error.h"
#include "worker/worker.h"

/* For others to answer once one has failed, and for a form to end its own call after its deadline. */
#define ENSEMBLE_PATIENCE_NS UINT64_C(2000000000)
#define ENSEMBLE_GRACE_NS    UINT64_C(2000000000)
/* For one that was given up to stop its load. */
#define ENSEMBLE_HOME_NS     UINT64_C(20000000000)

struct clock_table;

struct ensemble_member {
	struct worker *worker; /* the ensemble's from then on: worker_destroy ends it, too */
	const char *name;      /* that it calls itself; "" = it has not said */
	const char *url;       /* for messages: "http://a:8080" */
	enum share_role role;
	bool is_foreign; /* OMB's own program: its rate is a number, the same for all */
};

struct ensemble_options {
	const struct ensemble_member *members; /* copied, with the texts; in the user's order */
	unsigned count;                        /* 1..STAMP_WORKERS */
	unsigned tolerate_losses;
	struct clock_table
		*clocks; /* borrowed; NULL: they have one clock, or nobody compares them */
	uint64_t (*now_ns)(void *to); /* NULL: clock_ns() */
	void *to;
};

/* ERROR_CONFIG: too many, or nobody produces or consumes; the members are the caller's still. */
struct worker *ensemble_create(const struct ensemble_options *options, struct error *err);

/* The rest is for ensembles made here. */

/* When it wants to be served next although nothing has happened; UINT64_MAX: never.  Its descriptor
 * says so too, unless time is injected. */
uint64_t ensemble_next_ns(const struct worker *w);

/* As totals have them, without host facts and counters before the first snapshot; borrowed, `count` of
 * them, until the next call is served. */
const struct fact_worker *ensemble_workers(const struct worker *w, unsigned *count);

/* Any worker that is well answers it at once. */
bool ensemble_is_quick(enum worker_verb verb);

#endif
