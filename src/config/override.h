/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CONFIG_OVERRIDE_H
#define OMB_CONFIG_OVERRIDE_H

/*
 * override -- `--set key=value`: one key of the workload or the driver file, said on the command
 * line.
 *
 *     --set replicationFactor=1            whichever file has this key
 *     --set driver.name=Kafka-tuned        both have `name`: the workload's unless said otherwise
 *     --set producerConfig.linger.ms=5     one property inside a text block
 *     --set topicConfig=retention.ms=1000  the whole block
 *
 * A value is taken as it stands (no YAML), unless it starts with [ or {.  The last of several for
 * one key wins.  An override also puts aside a key of the file that excludes it: testDuration=10s
 * replaces testDurationMinutes.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/error.h"

struct arena;
struct option_spec;
struct yaml_node;

struct override {
	const char *key, *value; /* borrowed */
};

/* How files are read; borrowed by what is loaded with it. */
struct config_mode {
	bool lenient; /* take what the Java program takes, and warn */
	const struct override *overrides;
	size_t override_count;
};

/* For which file an override is meant. */
enum override_file { OVERRIDE_WORKLOAD, OVERRIDE_DRIVER };

/* "key=value"; the parts live in the arena. */
bool override_parse(const char *arg, struct arena *a, struct override *out, struct error *err);

/*
 * Every override must name a key of the workload or of one of the driver's tables (NULL ends); all
 * that do not are added to *errors, each with the nearest name.  The files themselves pass over what
 * is not theirs, so call this once all of them are known.
 */
bool override_check(const struct config_mode *mode, const struct option_spec *workload,
                    const struct option_spec *const *driver, struct error_list *errors);

/*
 * The overrides that belong to this table of `file`, put into `map` (in place): values replaced or
 * pairs added.  Properties inside a block are left to override_property.  Keys that are also in
 * `first` (NULL = no table) belong there unless written with the file's own prefix.
 */
struct override_target {
	enum override_file file;
	const struct option_spec *table, *first;
};

bool override_apply(const struct config_mode *mode, const struct override_target *target,
                    struct yaml_node *map, struct arena *a, struct error_list *errors);

/* The name of the property if this override sets one inside `block` of `file`; else NULL. */
const char *override_property(const struct override *o, enum override_file file, const char *block);

/* Puts "what path" in front of all errors from `from` on: "workload w.yaml:7:3: topics: ...". */
void config_wrap(struct error_list *list, size_t from, const char *what, const char *path);

#endif
