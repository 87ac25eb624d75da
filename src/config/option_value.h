/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_OPTION_VALUE_H
#define OMB_CONFIG_OPTION_VALUE_H

/*
 * option_value -- one value of one option: from text to member.
 */

#include <stdbool.h>

#include "config/option_spec.h"

struct arena;
struct error;
struct yaml_node;

/* A liberty that lenient reading took is told in *note (kind NONE: none was).  Neither error nor
 * note has a place; both begin with "name: ". */
struct option_value {
	const struct option_spec *spec;
	const struct yaml_node *node;
	bool lenient; /* the row has OPTION_OMB and reading is lenient */
	struct arena *arena;
	struct error *err, *note;
};

bool option_store(const struct option_value *v, void *out);

/* `"text"` with control characters replaced, cut to what fits a message. */
#define OPTION_QUOTE 72
const char *option_quote(const char *text, char out[OPTION_QUOTE]);

#endif
