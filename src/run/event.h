/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_EVENT_H
#define OMB_RUN_EVENT_H

/*
 * event -- what a worker tells of its agents, as it stands in journals and results.
 */

#include "results/record.h"
#include "worker/worker.h"

/* Borrows the event's texts. */
struct record_event event_record(const struct worker_event *e);

/* What to do about a text that a client library reported, where that is always the same; else "". */
const char *event_hint(const char *text);

/* The failure that client libraries reported most often; NULL = none did. */
const struct worker_event *event_commonest(const struct worker_events *events);

#endif
