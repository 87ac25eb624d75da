/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_FACT_FIELDS_H
#define OMB_FACTS_FACT_FIELDS_H

/*
 * fact_fields -- the facts as JSON: in messages between coordinator and worker, in journals and in
 * results (util/fields.h).
 */

#include "util/fields.h"

extern const struct fields row_fields, environment_fields, usage_fields, agent_fields,
	producer_fields, partition_fields, event_fields;
extern const struct fields snapshot_fields; /* the histograms of both windows apart */
extern const struct fields interval_fields; /* newer minus older: a length instead of an instant */
#define TOTALS_ITEMS 9
extern const struct field totals_items[TOTALS_ITEMS];
extern const struct fields totals_fields; /* all that a worker tells of its agents */

/* For FIELD_COUNTS. */
extern const char *const fact_counter_names[];

#endif
