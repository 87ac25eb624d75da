/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_WORKER_H
#define OMB_WORKER_WORKER_H

/*
 * worker -- the one table of verbs through which `run` knows those that make the load.
 *
 * The verbs are OMB's fourteen (its worker's HTTP endpoints) and ours.  Each is *started* and later
 * *completed*: creating topics may take minutes, and the thread that waits also serves SIGINT and
 * the console.  The local form (local.h) forks agents; an ensemble (ensemble.h) is many workers behind this
 * table; tests have one more (tests/unit/piped_worker.h), a program behind JSON.
 *
 *     struct worker_call call = { .verb = WORKER_CREATE_TOPICS, .create_topics = { ... } };
 *     worker_start(w, &call);
 *     while (call.state == CALL_RUNNING)
 *             poll worker_fd(w), then worker_serve(w)
 *
 * One call at a time is under way on a worker; a call is never taken back, but STOP_ALL may be
 * started at any time and fails the one that is under way as cancelled.  What a call points to must
 * live until it completes.  What comes out is owned by the caller's arena or as stated.
 *
 * What a form that speaks to another process does besides: it asks CLOCK itself, first, for the origin
 * of instants (message.h); keeps room for two calls (one, and STOP_ALL); adds to `lead_ns` what a
 * message takes to arrive; and when the other side is gone fails the calls under way and all later ones, and
 * says so when it is asked (is_gone).
 */

#include "worker/call.h"

struct worker;

struct worker_ops {
	const char *name; /* "local", ... */
	void (*start)(struct worker *w, struct worker_call *call);
	int (*fd)(struct worker *w);       /* readable when serve has something to do */
	void (*serve)(struct worker *w);   /* never blocks */
	void (*destroy)(struct worker *w); /* no process of its is left behind */
	/* The other side is gone: no call will ever be answered.  Says why.  NULL: it never is. */
	bool (*is_gone)(struct worker *w, struct error *why);
};

struct worker {
	const struct worker_ops *ops;
};

void worker_start(struct worker *w, struct worker_call *call);
int worker_fd(struct worker *w);
void worker_serve(struct worker *w);
void worker_destroy(struct worker *w);
bool worker_is_gone(struct worker *w, struct error *why); /* *why is untouched if it is not */

/* For forms: the call fails because there is no such verb.  Whoever asked may go on without it. */
void worker_lacks(struct worker_call *call);

#endif
