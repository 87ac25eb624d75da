/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_OMB_RECORD_H
#define OMB_RESULTS_OMB_RECORD_H

/* omb_record -- what stands in OMB's result file. */

#include <stddef.h>
#include <stdint.h>

/* What is said of each latency, in the order of the file. */
enum omb_figure {
	OMB_AVG,
	OMB_P50,
	OMB_P75,
	OMB_P95,
	OMB_P99,
	OMB_P999,
	OMB_P9999,
	OMB_MAX,
	OMB_FIGURES,
};

/* One element per sample period. */
struct omb_series {
	double *items;
	size_t count, cap;
};

/* Percentile -> value, percentiles ascending. */
struct omb_quantiles {
	struct omb_quantile {
		double percentile, value;
	} * items;
	size_t count, cap;
};

struct omb_result {
	char *workload, *driver; /* their names; NULL is written as null */
	int64_t message_size, topics, partitions, producers_per_topic;
	int64_t consumers_per_topic; /* consumerPerSubscription, not times subscriptions */

	struct omb_series publish_rate, publish_error_rate, consume_rate; /* per second */
	struct omb_series backlog;                                        /* messages */
	struct omb_series publish_ms[OMB_FIGURES];
	struct omb_series publish_delay_us[OMB_FIGURES];
	struct omb_series end_to_end_ms[OMB_FIGURES];

	double aggregated_publish_ms[OMB_FIGURES];
	double aggregated_publish_delay_us[OMB_FIGURES];
	double aggregated_end_to_end_ms[OMB_FIGURES];
	struct omb_quantiles publish_quantiles_ms;
	struct omb_quantiles publish_delay_quantiles_us;
	struct omb_quantiles end_to_end_quantiles_ms;
};

#endif
