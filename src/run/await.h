/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_AWAIT_H
#define OMB_RUN_AWAIT_H

/*
 * await -- the one loop that all waiting of a run goes through: it serves the worker, looks for
 * signals and lets the console tick, so nothing is late because something else takes long.
 */

#include <stdbool.h>
#include <stdint.h>

struct error;
struct run;
struct worker_call;

/* Signals that end a call early: it is cancelled by stopping the worker. */
enum await_patience {
	PATIENCE_CONNECT = 1, /* nothing has been sent yet */
	PATIENCE_LOAD = 2,    /* the first one only ends the load */
	PATIENCE_CLOSE = 3,   /* the third signal */
	PATIENCE_ENDLESS = 1000,
};

/* Carries out one verb within `limit_ns`.  False: *err says why, the verb's name in front.  Returns
 * in bounded time whatever the worker does, with *call as it is then. */
bool await_verb(struct run *r, struct worker_call *call, uint64_t limit_ns,
                enum await_patience patience, struct error *err);

/* Until the instant, or earlier when another signal comes. */
void await_instant(struct run *r, uint64_t until_ns);

/* All waiting does this; at other times it is asked for. */
void await_signals(struct run *r);

#endif
