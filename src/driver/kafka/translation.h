/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_TRANSLATION_H
#define OMB_DRIVER_KAFKA_TRANSLATION_H

/*
 * translation -- one run of kafka_translate while it is under way: what rules read and write.
 *
 * Rules that need several options (a store's place and its type, a codec and its level) keep what
 * they saw in `seen`, by the Java client's names, and are finished once all blocks are read.
 */

#include <stdbool.h>

#include "driver/kafka/names.h"
#include "driver/kafka/settings.h"

struct kafka_translate_opts;
struct properties;

/* A property as it is being translated. */
struct java_property {
	const char *key, *value;
	int line;
	unsigned roles; /* KAFKA_ROLE_BIT of those it is for */
};

struct translation {
	struct kafka_config *c;
	const struct kafka_translate_opts *opts;
	struct arena *arena;
	struct error_list *errors;
	const char *block; /* that is being read: "producerConfig"; NULL = all are */
	bool astray;       /* a block has properties inside of values: see stray.c */
	struct kafka_settings seen[KAFKA_ROLES];
};

/* What a row of java.h does that the table has no word for. */
typedef void java_rule_fn(struct translation *t, const struct java_property *p);

/* Adds or replaces; `from` fills asked and line and may be NULL. */
void translation_set(struct translation *t, struct kafka_settings *list,
                     const struct kafka_setting *setting);

/* For all roles of the property that librdkafka has `key` for.  A number outside the library's
 * range is cut and marked altered; any other value that it refuses is an error.  `note` NULL: the
 * value is as written, and a differing name is noted. */
void translation_put(struct translation *t, const struct java_property *p, const char *key,
                     const char *value, const char *note);

/* The same, marked altered whatever the value. */
void translation_alter(struct translation *t, const struct java_property *p, const char *key,
                       const char *value, const char *note);

/* Keeps the property for a rule that comes at the end. */
void translation_keep(struct translation *t, const struct java_property *p);

/* Lists the property as ignored: nothing comes of it anywhere. */
void translation_ignore(struct translation *t, const struct java_property *p, const char *note);

/* Lists the property as without effect: somebody wanted something. */
void translation_lose(struct translation *t, const struct java_property *p, const char *note);

/* The setting stays as it is, and is marked: ORIGIN_ALTERED or ORIGIN_NO_EFFECT.  Only one that is
 * from the file and has no mark. */
void translation_mark(struct translation *t, struct kafka_settings *list, const char *key,
                      const char *origin, const char *note);

/* "producerConfig: KEY: ..." at the property's line; the same failure is added once. */
void translation_fail(struct translation *t, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same at a column; 0 = not known. */
void translation_fail_at(struct translation *t, int line, int column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The roles that the library has it for. */
unsigned translation_scope(const struct name *n);

/* Sets `s` for all roles of the property that the library has the name for. */
void translation_spread(struct translation *t, const struct java_property *p, const struct name *n,
                        struct kafka_setting s);

/* What was left out: set unless the role has it.  `origin` is static. */
void translation_default(struct translation *t, enum kafka_role role, const char *key,
                         const char *value, const char *origin, const char *note);

/* --- stray.c ---------------------------------------------------------------------------------- */

/* Refuses a block in which a property became part of another's value.  False: it did. */
bool stray_check(struct translation *t, const struct option_block *block,
                 const struct properties *list);

/* --- rules.c ---------------------------------------------------------------------------------- */

java_rule_fn rule_acks, rule_assignment, rule_buffer_memory, rule_ciphers, rule_client_id,
	rule_endpoint, rule_group_protocol, rule_ignore_keys, rule_keep, rule_kinit, rule_max_block,
	rule_metadata_age, rule_offset_reset, rule_minus_one, rule_partitioner,
	rule_request_timeout, rule_security_protocol;

void rules_finish(struct translation *t);

/* --- effects.c -------------------------------------------------------------------------------- */

/* Marks settings that are void or less, as the others stand. */
void effects_finish(struct translation *t);

/* --- security.c ------------------------------------------------------------------------------- */

java_rule_fn rule_jaas;

/* Key stores and trust stores. */
void security_finish(struct translation *t, enum kafka_role role);

#endif
