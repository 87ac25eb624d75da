/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_FACT_FIELDS_H
#define OMB_FACTS_FACT_FIELDS_H

/*
 * fact_fields -- the facts as JSON: in messages between coordinator and worker, in journals and in
 * results (util/fields.h).
 */

#include "stats/snapshot.h"
#include "util/fields.h"

extern const struct fields row_fields, environment_fields, usage_fields, agent_fields,
	worker_fields, producer_fields, partition_fields, event_fields;
extern const struct fields account_fields, range_fields; /* of the whole; a range */
extern const struct fields snapshot_fields;              /* the histograms of both windows apart */
extern const struct fields interval_fields; /* newer minus older: a length instead of an instant */
extern const struct fields
	agent_account_fields; /* an agent with its histograms, once it has ended */
#define TOTALS_ITEMS 16
extern const struct field totals_items[TOTALS_ITEMS];
extern const struct fields totals_fields; /* all that a worker tells of its agents */

/* Histograms as text (stats/hdr_codec.h); those of a window that are not empty, as an object. */
void fact_histogram_write(const struct hist_copy *h, struct text *out);
void fact_histograms_write(const struct snapshot *s, enum window window, struct text *out);
/* Only such that can be merged with ours; the error names it. */
bool fact_histogram_read(const struct json_t *value, const char *name, struct hist_copy *out,
                         struct error *err);
/* The exact maximum, which is no part of the text; ignored if it cannot be that of the histogram. */
void fact_histogram_set_max(struct hist_copy *h, uint64_t max);
bool fact_histograms_read(const struct json_t *all, struct snapshot *to, enum window window,
                          struct error *err);

/* How late a process woke up: an object with percentiles, or null.  Read into the arena; what it holds is
 * the reader's to finish. */
void fact_wakeups_write(const struct hist_copy *h, struct fields_out *out);
bool fact_wakeups_read(const struct json_t *value, struct hist_copy **out, struct fields_in *in);

/* Of a kind that came later: no loss to this version. */
bool fact_event_is_known(const struct json_t *event);

/* For FIELD_COUNTS. */
extern const char *const fact_counter_names[];

#endif
