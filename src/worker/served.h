/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_SERVED_H
#define OMB_WORKER_SERVED_H

/*
 * served -- a worker for those who call over HTTP: requests become verbs of any `struct worker`.
 *
 * Two protocols (docs/worker-protocol.md): OMB's own, its 14 paths as its Java worker has them, and ours,
 * below /omb/v1, for coordinators of this program: sessions with a lease.  Whoever has made something
 * has the worker: the others are refused with 409 meanwhile.
 *
 * What a request says is never believed: bodies have limits, driver files from afar name no files and
 * run no commands outside of `allow_files` (reach.h).  What goes wrong with a request of OMB's protocol
 * is in the log alone, as with the Java worker; its answer says no more than that.
 *
 * Borrows the worker, the poller and the settings.  One thread.
 */

#include <stdbool.h>
#include <stddef.h>

#include "http/server.h"
#include "worker/served_options.h"

struct served;

struct served *served_create(const struct served_options *options, struct error *err);
/* Whoever waits must have been told before: http_server_close. */
void served_destroy(struct served *s);

/* Stops everything, whoever had it made: the poller's turns then bring served_is_idle about. */
void served_stop(struct served *s);
bool served_is_idle(const struct served *s);

/* What the worker has done so far: `told` once, with totals that are gone afterwards, or with NULL if it
 * cannot say.  One look at a time; it takes its turn among what others ask for. */
void served_look(struct served *s, void (*told)(void *to, const struct fact_totals *totals),
                 void *to);

/* For http_options; `to` is the struct served. */
extern const struct http_calls served_calls;

#endif
