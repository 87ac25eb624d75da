/* SPDX-License-Identifier: Apache-2.0 */
/*
 * effects -- settings of which nothing, or less, comes because of others.
 *
 * The library takes them without a word, and so does the Java client.  They stay set, marked, so
 * that a reader of the configuration does not take them for what was measured.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver/driver.h"
#include "driver/kafka/translate.h"
#include "driver/kafka/translation.h"
#include "util/arena.h"

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void void_prefix(struct translation *t, enum kafka_role role, const char *prefix,
                        const char *why)
{
	struct kafka_settings *list = &t->c->roles[role];

	for (size_t i = 0; i < list->count; i++)
		if (starts_with(list->items[i].key, prefix))
			translation_mark(t, list, list->items[i].key, ORIGIN_NO_EFFECT, why);
}

/* Certificates and passwords that nobody asks for: the connection is plain. */
static void mark_security(struct translation *t, enum kafka_role role)
{
	const char *protocol =
		kafka_setting_value(&t->c->roles[role], "security.protocol", "plaintext");
	const char *why = arena_printf(t->arena, "security.protocol is %s", protocol);

	if (strcasecmp(protocol, "ssl") != 0 && strcasecmp(protocol, "sasl_ssl") != 0)
		void_prefix(t, role, "ssl.", why);
	if (!starts_with(protocol, "sasl") && !starts_with(protocol, "SASL"))
		void_prefix(t, role, "sasl.", why);
}

static void mark_commit(struct translation *t)
{
	if (t->c->manual_commit)
		translation_mark(t, &t->c->roles[KAFKA_CONSUMER], "auto.commit.interval.ms",
		                 ORIGIN_NO_EFFECT,
		                 "enable.auto.commit is false: omb commits, see the workload's "
		                 "commitInterval");
}

static void mark_batch(struct translation *t)
{
	struct kafka_settings *list = &t->c->roles[KAFKA_PRODUCER];
	const char *max = kafka_setting_value(list, "message.max.bytes", "1000000");
	const char *batch = kafka_setting_value(list, "batch.size", "0");

	if (strtoll(batch, NULL, 10) > strtoll(max, NULL, 10))
		translation_mark(
			t, list, "batch.size", ORIGIN_NO_EFFECT,
			arena_printf(t->arena, "librdkafka ends a batch at message.max.bytes (%s)",
		                     t->opts->java_defaults
		                             ? arena_printf(t->arena, "max.request.size, %s", max)
		                             : max));
}

static void mark_compression(struct translation *t)
{
	struct kafka_settings *list = &t->c->roles[KAFKA_PRODUCER];
	const char *type = kafka_setting_value(list, "compression.type", "none");

	if (strcasecmp(type, "none") == 0 || strcasecmp(type, "snappy") == 0)
		translation_mark(t, list, "compression.level", ORIGIN_NO_EFFECT,
		                 arena_printf(t->arena, "compression.type is %s", type));
}

static void mark_topic(struct translation *t)
{
	const char *acks = kafka_setting_value(&t->c->roles[KAFKA_PRODUCER], "acks", "all");

	if (strcmp(acks, "all") != 0 && strcmp(acks, "-1") != 0)
		translation_mark(t, &t->c->topic, "min.insync.replicas", ORIGIN_NO_EFFECT,
		                 arena_printf(t->arena, "acks is %s", acks));
}

void effects_finish(struct translation *t)
{
	for (unsigned role = 0; role < KAFKA_ROLES; role++)
		mark_security(t, role);
	mark_commit(t);
	mark_batch(t);
	mark_compression(t);
	mark_topic(t);
}
