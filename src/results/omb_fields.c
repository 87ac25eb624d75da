/* SPDX-License-Identifier: Apache-2.0 */
#include "results/omb_fields.h"

#include "results/omb_record.h"

/* clang-format off */
#define FIELD(name, type, member, unit) { name, type, offsetof(struct omb_result, member), unit }

/* One element of an array of `item`s. */
#define FIGURE(name, type, member, item, figure, unit) \
	{ name, type, offsetof(struct omb_result, member) + (figure) * sizeof(item), unit }

/* The eight figures of one latency: the mean has another type than the others. */
#define FIGURES(name, mean_type, type, member, item, unit)              \
	FIGURE(name "Avg",     mean_type, member, item, OMB_AVG,   unit), \
	FIGURE(name "50pct",   type,      member, item, OMB_P50,   unit), \
	FIGURE(name "75pct",   type,      member, item, OMB_P75,   unit), \
	FIGURE(name "95pct",   type,      member, item, OMB_P95,   unit), \
	FIGURE(name "99pct",   type,      member, item, OMB_P99,   unit), \
	FIGURE(name "999pct",  type,      member, item, OMB_P999,  unit), \
	FIGURE(name "9999pct", type,      member, item, OMB_P9999, unit), \
	FIGURE(name "Max",     type,      member, item, OMB_MAX,   unit)

const struct omb_field omb_fields[OMB_FIELDS] = {
	FIELD("workload",          OMB_TEXT,    workload,            NULL),
	FIELD("driver",            OMB_TEXT,    driver,              NULL),
	FIELD("messageSize",       OMB_COUNT,   message_size,        NULL),
	FIELD("topics",            OMB_COUNT,   topics,              NULL),
	FIELD("partitions",        OMB_COUNT,   partitions,          NULL),
	FIELD("producersPerTopic", OMB_COUNT,   producers_per_topic, NULL),
	FIELD("consumersPerTopic", OMB_COUNT,   consumers_per_topic, NULL),
	FIELD("publishRate",       OMB_DOUBLES, publish_rate,        NULL),
	FIELD("publishErrorRate",  OMB_DOUBLES, publish_error_rate,  NULL),
	FIELD("consumeRate",       OMB_DOUBLES, consume_rate,        NULL),
	FIELD("backlog",           OMB_WHOLES,  backlog,             NULL),
	FIGURES("publishLatency", OMB_DOUBLES, OMB_DOUBLES,
	        publish_ms, struct omb_series, "ms"),
	FIGURES("publishDelayLatency", OMB_DOUBLES, OMB_WHOLES,
	        publish_delay_us, struct omb_series, "us"),
	FIGURES("aggregatedPublishLatency", OMB_DOUBLE, OMB_DOUBLE,
	        aggregated_publish_ms, double, "ms"),
	FIGURES("aggregatedPublishDelayLatency", OMB_DOUBLE, OMB_WHOLE,
	        aggregated_publish_delay_us, double, "us"),
	FIELD("aggregatedPublishLatencyQuantiles", OMB_DOUBLE_BY_PCT, publish_quantiles_ms, "ms"),
	FIELD("aggregatedPublishDelayLatencyQuantiles",
	      OMB_WHOLE_BY_PCT, publish_delay_quantiles_us, "us"),
	FIGURES("endToEndLatency", OMB_DOUBLES, OMB_DOUBLES,
	        end_to_end_ms, struct omb_series, "ms"),
	FIELD("aggregatedEndToEndLatencyQuantiles",
	      OMB_DOUBLE_BY_PCT, end_to_end_quantiles_ms, "ms"),
	FIGURES("aggregatedEndToEndLatency", OMB_DOUBLE, OMB_DOUBLE,
	        aggregated_end_to_end_ms, double, "ms"),
};
/* clang-format on */
