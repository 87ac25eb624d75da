/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_RECORD_FIELDS_H
#define OMB_RESULTS_RECORD_FIELDS_H

/*
 * record_fields -- a record as JSON, in results and in journals (util/fields.h): what is written here is
 * read here, by the same tables.
 *
 * What is derived from other members is written for readers without this program, and not read back.
 */

#include "util/fields.h"

/* The members of a result, in their order, but for the periods; of a struct record. */
extern const struct fields record_fields;

/* Of a struct record, too: members of lines of a journal. */
extern const struct fields record_run_fields, record_start_fields, record_rows_fields,
	record_window_start_fields;

/* Of struct record_phase (its start alone), record_second, record_period. */
extern const struct fields phase_start_fields, second_fields, period_fields;

#endif
