/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_WORKER_METRICS_H
#define OMB_CMD_WORKER_METRICS_H

/*
 * worker_metrics -- `omb worker -sp PORT`: what the worker has done so far, for Prometheus.
 *
 * Who asks makes the worker look at its counts, unless it is at something that takes long: then the page
 * of before has to do.  Nothing that a coordinator asks for is changed by it.
 */

#include "net/address.h"
#include "util/error.h"

struct poller;
struct served;
struct worker_metrics;

/* `name`: what the worker calls itself; borrowed, as the others are. */
struct worker_metrics *worker_metrics_open(struct poller *poller, const struct address *at,
                                           struct served *served, const char *name,
                                           struct error *err);
const struct address *worker_metrics_address(const struct worker_metrics *m);

/* Both: NULL is nothing.  Nobody is served any more; the poller must be there. */
void worker_metrics_shut(struct worker_metrics *m);
/* After the served worker was destroyed, which may have been looking. */
void worker_metrics_destroy(struct worker_metrics *m);

#endif
