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

#endif
