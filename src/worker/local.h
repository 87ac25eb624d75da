/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_LOCAL_H
#define OMB_WORKER_LOCAL_H

/*
 * local -- the worker verbs carried out by agents that this process forks.
 *
 * The process that calls this touches no client library and has one thread; it may hold signals
 * blocked as it likes.  Every agent is a child and is reaped here.  Agents end within 5 s of the
 * death of their parent.
 *
 * One worker serves any number of runs, one after the other, and keeps nothing from one to the next.
 */

#include "worker/worker.h"

/* Caller ends it with worker_destroy.  Never NULL. */
struct worker *worker_local_create(void);

#endif
