/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_SETTINGS_H
#define OMB_DRIVER_KAFKA_SETTINGS_H

/*
 * settings -- what a driver file says, and what librdkafka is told because of it.
 *
 * Written by kafka.c's table of options and by translate.h; everybody else reads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/option.h"
#include "driver/driver.h"

enum kafka_role { KAFKA_PRODUCER, KAFKA_CONSUMER, KAFKA_ADMIN, KAFKA_ROLES };

enum kafka_broker { KAFKA_BROKER_EXTERNAL, KAFKA_BROKER_EMBEDDED };

/* As a bit of a set of roles. */
#define KAFKA_ROLE_BIT(role) (1U << (role))

struct kafka_setting {
	const char *key, *value; /* librdkafka's */
	const char *asked;       /* the value as the file has it; NULL = not from the file */
	const char *origin;      /* ORIGIN_* of driver.h */
	const char *note;        /* "" = none */
	int line;                /* in the driver file; 0 = not from it */
	const char *block;       /* whose line it is: "producerConfig"; NULL = none's */
};

struct kafka_settings {
	struct kafka_setting *items;
	size_t count, cap;
};

/* What the file says and the library is not told. */
struct kafka_ignored {
	enum kafka_role role;
	const char *key, *value, *note; /* a secret value is masked already */
	const char *origin;             /* ORIGIN_IGNORED or ORIGIN_NO_EFFECT */
};

struct kafka_ignored_list {
	struct kafka_ignored *items;
	size_t count, cap;
};

/* The driver file in the words of the file: the option table of kafka.c writes the first part. */
struct kafka_config {
	uint32_t replication_factor; /* 0 = as in OMB: the broker refuses it */
	struct option_block topic_block, common_block, producer_block, consumer_block;
	enum kafka_broker broker;
	uint64_t broker_memory;    /* bytes */
	const char *broker_faults; /* NULL: none */
	uint64_t broker_fault_seed;
	const char *broker_fault_log; /* file; NULL: none */

	/* Of embedded.c: where its broker will listen; NULL: there is none. */
	const char *servers;

	/* From here on: kafka_translate. */
	struct kafka_settings roles[KAFKA_ROLES];
	struct kafka_settings topic; /* for created topics; the broker's names */
	struct kafka_ignored_list ignored;
	uint32_t max_block_ms; /* how long a message may stay BUSY until the core fails it */
	bool manual_commit;    /* consumer_commit does something */
	bool java_defaults;
	const char *defaults_why; /* see driver_file.h; not of kafka_translate */
};

/* NULL: not set. */
const struct kafka_setting *kafka_setting_find(const struct kafka_settings *list, const char *key);
/* The value, or `otherwise`. */
const char *kafka_setting_value(const struct kafka_settings *list, const char *key,
                                const char *otherwise);

/* Files and commands of the settings: see driver.h.  The files of the Java client are those that
 * librdkafka is told in their place. */
void kafka_reach(const void *config, driver_reach_fn *fn, void *to);

/* The session timeout of the consumers: a broker that hears nothing of a member waits so long. */
uint32_t kafka_standstill_ms(const struct kafka_config *c);

#endif
