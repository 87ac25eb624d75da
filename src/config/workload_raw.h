/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_WORKLOAD_RAW_H
#define OMB_CONFIG_WORKLOAD_RAW_H

/*
 * workload_raw -- the struct that workload_table fills: a workload, and beside it what must be
 * worked out from several keys.  Used by the workload*.c files alone.
 */

#include "config/option_spec.h"
#include "config/override.h"
#include "config/workload.h"

struct workload_raw {
	struct workload w;
	struct option_pick rate;   /* RATE_MAX or a number */
	struct option_pick agents; /* AGENTS_PER_CORE, AGENTS_PER_CLIENT or a number */
	uint32_t test_minutes, warmup_minutes;
	struct option_amount window, commit;
};

/* What a file or a place in it is being read with. */
struct workload_loading {
	const struct config_source *source;
	const struct config_mode *mode;
	struct arena *arena;
	struct error_list *errors, *warnings;
	const struct yaml_node *root; /* with overrides; NULL = not even YAML */
	bool failed[OPTION_ROWS_MAX]; /* rows of workload_table that an error was added about */
	struct workload_raw raw;
};

/* Everything that one key alone cannot tell. */
void workload_check(struct workload_loading *l);

/* Adds an error about `key` at its place; with `as_java` a warning when reading is lenient.  Does
 * nothing when the key has an error already. */
void workload_complain(struct workload_loading *l, const char *key, bool as_java, const char *fmt,
                       ...) __attribute__((format(printf, 4, 5)));

/* Has an error about `key` been added for this file? */
bool workload_key_failed(const struct workload_loading *l, const char *key);

#endif
