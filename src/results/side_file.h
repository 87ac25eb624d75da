/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_SIDE_FILE_H
#define OMB_RESULTS_SIDE_FILE_H

/*
 * side_file -- `<name>.omb`: all that a run knows and OMB's result file has no field for.
 *
 * JSON, one member of the outermost object on each line; docs/result-format.md describes it.
 * Instants are nanoseconds since the start of the run, durations nanoseconds; histograms are
 * HdrHistogram's compressed V2 form in base64, in nanoseconds.  Secrets do not get in: values of
 * keys that look like one are masked here once more, whatever the driver did.
 *
 * The same pieces make the lines of the journal while the run goes on.
 */

#include "results/record.h"
#include "util/error.h"
#include "util/file.h"
#include "util/text.h"

#define SIDE_FILE_FORMAT  "omb-result"
#define SIDE_FILE_VERSION 1

/* Appends; closed periods are copied from the journal, one at a time.  False: it could not be read. */
bool side_file_write(const struct record *r, struct file_draft *out, struct error *err);

/* --- lines of the journal, without their newlines; appended ---
 *
 * What a reader makes of them is in recovery.h.  Every line has the member `line`, its kind; a new kind
 * or member does not change the version. */
#define SIDE_FILE_JOURNAL_FORMAT  "omb-journal"
#define SIDE_FILE_JOURNAL_VERSION 1

void side_file_format_start(const struct record *r, struct text *out); /* before anything is done */
void side_file_format_driver(const struct record *r, struct text *out); /* its configuration */
void side_file_format_phase(const struct record *r, const struct record_phase *p,
                            struct text *out); /* at its start */
/* At the start of the window; window_counters holds the counts so far. */
void side_file_format_window(const struct record *r, struct text *out);
void side_file_format_event(const struct record *r, const struct fact_event *e, struct text *out);
void side_file_format_second(const struct record *r, const struct record_second *s,
                             struct text *out);
void side_file_format_period(const struct record *r, const struct record_period *p,
                             struct text *out);

/* Was this line made by side_file_format_period?  Of a line that is valid JSON. */
bool side_file_is_period(const char *line, size_t len);

#endif
