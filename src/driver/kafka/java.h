/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_JAVA_H
#define OMB_DRIVER_KAFKA_JAVA_H

/*
 * java -- the options of the Java client: what librdkafka calls each, and what it is when left out.
 *
 * Taken from kafka-clients 3.6 (the version that OMB uses) with names that 3.7 to 4.x added.
 */

#include <stdbool.h>

#include "driver/kafka/translation.h"

enum java_action {
	JAVA_SAME,   /* librdkafka has it by this name */
	JAVA_RENAME, /* ... by the name `target` */
	JAVA_IGNORE, /* no counterpart, and nothing comes of it: `note` says why */
	JAVA_LOSE,   /* no counterpart; something would come of it: `note` says what is here */
	JAVA_REFUSE, /* matters, cannot be had: `note` says why and what to do */
	JAVA_RULE,   /* `rule` does it */
};

struct java_option {
	const char *key;
	unsigned roles; /* of the Java client: who has this option */
	enum java_action action;
	const char *target;
	java_rule_fn *rule;
	const char *note;
	const char *usual; /* of JAVA_LOSE: the value that is as it is here anyway; or NULL */
};

/* NULL: not an option of the Java client. */
const struct java_option *java_find(const char *key);
/* i-th option, NULL behind the last. */
const struct java_option *java_at(unsigned i);

/* The property that is meant by a mistyped name, librdkafka's included; NULL = none is near. */
const char *java_nearest(const char *key);

/* What the Java client does where the file is silent, in librdkafka's words. */
struct java_default {
	enum kafka_role role;
	const char *key, *value, *note;
};

/* i-th default, NULL behind the last. */
const struct java_default *java_default_at(unsigned i);

#endif
