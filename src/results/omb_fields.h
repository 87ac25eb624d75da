/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_OMB_FIELDS_H
#define OMB_RESULTS_OMB_FIELDS_H

/*
 * omb_fields -- the 62 fields of OMB's result file, in the file's order: writing and reading it and
 * the tables made of it all follow this one list.
 *
 * For the omb_* modules of this folder only.
 */

#include <stddef.h>

enum omb_type {
	OMB_TEXT,          /* char * */
	OMB_COUNT,         /* int64_t */
	OMB_DOUBLE,        /* double */
	OMB_WHOLE,         /* double, written without a fraction */
	OMB_DOUBLES,       /* struct omb_series */
	OMB_WHOLES,        /* struct omb_series, written without fractions */
	OMB_DOUBLE_BY_PCT, /* struct omb_quantiles */
	OMB_WHOLE_BY_PCT,  /* struct omb_quantiles, values written without fractions */
};

struct omb_field {
	const char *name;
	enum omb_type type;
	size_t offset;    /* in struct omb_result */
	const char *unit; /* "ms", "us" or NULL */
};

#define OMB_FIELDS 62

extern const struct omb_field omb_fields[OMB_FIELDS];

#endif
