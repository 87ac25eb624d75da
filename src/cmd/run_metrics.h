/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_RUN_METRICS_H
#define OMB_CMD_RUN_METRICS_H

/*
 * run_metrics -- `omb run --metrics PORT`: what the runs of a command have done so far, for Prometheus.
 *
 * A server on this host's loopback that is served while a run waits for something else; one page, made
 * with every sample, so that whoever asks gets bytes and costs the run nothing more.
 */

#include "cmd/args.h"
#include "run/options.h"
#include "util/error.h"

struct run_metrics;

#define RUN_METRICS_FLAG                                                                     \
	{                                                                                    \
		"metrics", NULL, FLAG_VALUE, "PORT",                                         \
			"serve metrics for Prometheus at 127.0.0.1:PORT/metrics as it goes " \
			"on (docs/metrics.md)"                                               \
	}

/* *out is NULL without the flag.  After run_block_signals. */
bool run_metrics_open(const struct args *args, struct run_metrics **out, struct error *err);
/* NULL: nothing. */
void run_metrics_close(struct run_metrics *m);

/* For one run; NULL: nothing. */
void run_metrics_attach(struct run_metrics *m, struct run_options *options);

#endif
