/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_PROMETHEUS_TABLE_H
#define OMB_RESULTS_PROMETHEUS_TABLE_H

/*
 * prometheus_table -- the metrics: name, type, labels and help of each.
 */

#include "facts/totals.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_SUMMARY, METRIC_UNTYPED };

struct metric {
	const char *name;
	enum metric_type type;
	const char *labels; /* for people: "role, agent"; "" = none */
	const char *help;
};

/* OMB's, as its program has them. */
enum metric_of_omb {
	OMB_MESSAGES_SENT,
	OMB_SEND_ERRORS,
	OMB_BYTES_SENT,
	OMB_MESSAGES_RECEIVED,
	OMB_BYTES_RECEIVED,
	OMB_COUNTS
};
extern const struct metric metrics_of_omb[OMB_COUNTS];
extern const struct metric metrics_of_omb_latency[3]; /* delay, publish, end to end */

/* Of counters of agents. */
struct metric_of_counter {
	struct metric metric;
	double unit;    /* of the metric in one of the counter's: 1, or 1e-9 */
	unsigned roles; /* bits of enum agent_role: who counts it */
};
extern const struct metric_of_counter metrics_of_counters[COUNTER_COUNT];

extern const struct metric metrics_of_latencies[LATENCY_COUNT];

enum metric_other {
	METRIC_BUILD,
	METRIC_RUN,
	METRIC_PHASE,
	METRIC_RATE,
	METRIC_AGENTS,
	METRIC_AGENTS_LOST,
	METRIC_CLIENTS,
	METRIC_AGENT_CPU,
	METRIC_BACKLOG,
	METRIC_OUTSTANDING,
	METRIC_HOST_TICKS,
	METRIC_HOST_IDLE,
	METRIC_HOST_STEAL,
	METRIC_HOST_THROTTLED,
	METRIC_TOPIC_ACKNOWLEDGED,
	METRIC_TOPIC_RECEIVED,
	METRIC_WORKER_UP,
	METRIC_ACCOUNT,
	METRIC_OTHERS
};
extern const struct metric metrics_other[METRIC_OTHERS];

/* Of each of several workers; the counters that it is about. */
#define METRICS_OF_WORKERS 5
extern const struct metric metrics_of_workers[METRICS_OF_WORKERS];
extern const enum counter counters_of_workers[METRICS_OF_WORKERS];

#endif
