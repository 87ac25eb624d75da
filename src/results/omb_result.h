/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_OMB_RESULT_H
#define OMB_RESULTS_OMB_RESULT_H

/*
 * omb_result -- OMB's result file: 62 fields in their order, types, units and number formats.
 *
 * OMB's own chart and CSV tools read it, and the latter dies of a field it does not know, so there
 * is never a 63rd.  Everything else that a run knows goes into our file beside it.
 *
 * Our nanosecond histograms are turned into OMB's microseconds with 5 digits first, and all
 * figures are computed from those by OMB's rules: publish and end-to-end latencies are whole
 * microseconds written as milliseconds, publish delays are microseconds.  Unlike OMB's, end-to-end
 * values below a millisecond are kept, and publish values are not clipped at 60 s.
 *
 * Zeroed is valid and empty.  Owns all that its pointers point to.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/omb_record.h"
#include "stats/hist_copy.h"
#include "util/error.h"
#include "util/file.h"

/* Send called to acknowledged, due to send called, send called to received: all in nanoseconds,
 * merged over all agents and borrowed. */
struct omb_latencies {
	const struct hist_copy *publish, *publish_delay, *end_to_end;
};

/* What happened in one sample period. */
struct omb_sample {
	uint64_t elapsed_ns; /* never 0 */
	uint64_t acknowledged, failed, received;
	uint64_t backlog; /* at its end, in messages over all subscriptions */
	struct omb_latencies latencies;
};

void omb_result_add_sample(struct omb_result *r, const struct omb_sample *s);

/* The aggregated fields, from the histograms of the whole measured window. */
void omb_result_set_totals(struct omb_result *r, const struct omb_latencies *window);

/* Appends the file, byte for byte as Jackson's pretty printer (no newline at the end). */
void omb_result_write(const struct omb_result *r, struct file_draft *out);

/* Reads OMB's files and ours.  As OMB's reader: missing fields are fine, unknown ones an error.
 * `out` is valid and empty after a failure (ERROR_CONFIG, or ERROR_SYSTEM for the file). */
bool omb_result_parse(const char *json, size_t len, struct omb_result *out, struct error *err);
/* Series are not stored: each number is given away.  `series` is the member of the result. */
typedef void omb_series_take(void *to, struct omb_series *series, double value);
bool omb_result_load(const char *path, struct omb_result *out, omb_series_take *take, void *to,
                     struct error *err);

void omb_series_add(struct omb_series *s, double value);

void omb_result_fini(struct omb_result *r);

#endif
