/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_OPTION_DOC_H
#define OMB_CONFIG_OPTION_DOC_H

/*
 * option_doc -- documentation from the rows that also parse.
 */

#include "config/option_spec.h"

struct text;

/* "topics          number of topics to create (1..1000000, required)": lines for a terminal. */
void option_help(const struct option_spec *table, struct text *out);
/* A table: key, type, range, default, meaning. */
void option_markdown(const struct option_spec *table, struct text *out);
/* .TP paragraphs of a man page. */
void option_roff(const struct option_spec *table, struct text *out);

/* "whole number", "duration", "NO_KEY | KEY_ROUND_ROBIN | ...": what may be written. */
void option_type_text(const struct option_spec *spec, struct text *out);
/* "1..1000000", ">= 1s"; nothing when there is no limit. */
void option_range_text(const struct option_spec *spec, struct text *out);

#endif
