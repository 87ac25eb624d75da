/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/translate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/properties.h"
#include "driver/driver.h"
#include "driver/kafka/java.h"
#include "driver/kafka/translation.h"
#include "util/arena.h"
#include "util/secret.h"

#define EVERY_ROLE                                                         \
	(KAFKA_ROLE_BIT(KAFKA_PRODUCER) | KAFKA_ROLE_BIT(KAFKA_CONSUMER) | \
	 KAFKA_ROLE_BIT(KAFKA_ADMIN))

static const struct {
	const char *name;
	unsigned roles;
} blocks[] = {
	{ "commonConfig", EVERY_ROLE },
	{ "producerConfig", KAFKA_ROLE_BIT(KAFKA_PRODUCER) },
	{ "consumerConfig", KAFKA_ROLE_BIT(KAFKA_CONSUMER) },
};

/* --- blocks ----------------------------------------------------------------------------------- */

/* "an option of the producer: does nothing in consumerConfig" */
static const char *misplaced(struct translation *t, unsigned roles)
{
	static const char *const whose[] = { "the producer", "the consumer", "the admin client" };
	unsigned role = 0;

	while (role < KAFKA_ADMIN && !(roles & KAFKA_ROLE_BIT(role)))
		role++;
	return arena_printf(t->arena, "an option of %s: does nothing in %s", whose[role], t->block);
}

static void unknown(struct translation *t, const struct java_property *p)
{
	const char *nearest = java_nearest(p->key);

	if (t->opts->lenient)
		translation_lose(t, p, "unknown");
	else if (name_is_of_topics(p->key))
		translation_fail(t, p->line,
		                 "%s: a property of topics: it belongs into topicConfig", p->key);
	else if (nearest == NULL)
		translation_fail(
			t, p->line,
			"unknown property \"%s\": neither the Java client nor librdkafka has it",
			p->key);
	else
		translation_fail(t, p->line, "unknown property \"%s\", did you mean \"%s\"?",
		                 p->key, nearest);
}

/* The Java client has it for roles for which the library does not. */
static void lose_rest(struct translation *t, const struct java_property *p, const struct name *n)
{
	static const unsigned shown =
		KAFKA_ROLE_BIT(KAFKA_PRODUCER) | KAFKA_ROLE_BIT(KAFKA_CONSUMER);
	struct java_property rest = *p;

	rest.roles = p->roles & shown & ~translation_scope(n);
	if (rest.roles == 0)
		return;
	translation_lose(t, &rest,
	                 arena_printf(t->arena, "librdkafka has it for the %s only",
	                              n->flags & NAME_PRODUCER ? "producer" : "consumer"));
}

static void apply_java(struct translation *t, const struct java_option *option,
                       struct java_property *p)
{
	const char *target = option->action == JAVA_SAME ? option->key : option->target;

	if ((p->roles & option->roles) == 0) {
		translation_lose(t, p, misplaced(t, option->roles));
		return;
	}
	p->roles &= option->roles;
	switch (option->action) {
	case JAVA_SAME:
	case JAVA_RENAME:
		translation_put(t, p, target, p->value, NULL);
		lose_rest(t, p, name_find(target));
		return;
	case JAVA_IGNORE:
		translation_ignore(t, p, option->note);
		return;
	case JAVA_LOSE:
		if (option->usual != NULL && strcasecmp(option->usual, p->value) == 0)
			translation_ignore(t, p, "as it is here");
		else
			translation_lose(t, p, option->note);
		return;
	case JAVA_REFUSE:
		if (p->value[0] == '\0')
			translation_ignore(t, p, "none is asked for");
		else
			translation_fail(t, p->line, "%s: %s", p->key, option->note);
		return;
	case JAVA_RULE:
		option->rule(t, p);
		return;
	}
	abort();
}

/* Properties that only librdkafka has and that omb does not pass on as they are. */
static const struct {
	const char *key;
	unsigned roles;
	const char *note;
	bool refused; /* when it is not false */
} own_ways[] = {
	{ "debug", EVERY_ROLE, "omb drops the log lines of the library", false },
	{ "delivery.report.only.error", EVERY_ROLE, "omb would never hear of what was acknowledged",
	  true },
	{ "log.connection.close", EVERY_ROLE, "omb drops the log lines of the library", false },
	{ "log.thread.name", EVERY_ROLE, "omb drops the log lines of the library", false },
	{ "log_level", EVERY_ROLE, "omb drops the log lines of the library", false },
	{ "statistics.interval.ms", KAFKA_ROLE_BIT(KAFKA_PRODUCER),
	  "omb asks for the library's statistics by itself", false },
	{ "topic.blacklist", EVERY_ROLE, "omb subscribes to its own topics by name", false },
};

/* True: done with.  Else the roles that are left stay in *p. */
static bool apply_own_way(struct translation *t, struct java_property *p)
{
	for (size_t i = 0; i < sizeof(own_ways) / sizeof(own_ways[0]); i++) {
		struct java_property mine = *p;

		mine.roles &= own_ways[i].roles;
		if (strcmp(own_ways[i].key, p->key) != 0 || mine.roles == 0)
			continue;
		if (!own_ways[i].refused)
			translation_lose(t, &mine, own_ways[i].note);
		else if (strcasecmp(p->value, "false") != 0)
			translation_fail(t, p->line, "%s: %s", p->key, own_ways[i].note);
		else
			translation_ignore(t, &mine, "as it is here");
		p->roles &= ~mine.roles;
	}
	return p->roles == 0;
}

static void apply_librdkafka(struct translation *t, const struct name *n, struct java_property *p)
{
	struct kafka_setting s = { .value = p->value, .origin = ORIGIN_FILE, .note = "" };

	if ((p->roles & translation_scope(n)) == 0) {
		translation_lose(t, p, misplaced(t, translation_scope(n)));
		return;
	}
	/* An alias means what its target means: the rule of that one applies, the text is its own. */
	const struct java_option *option = java_find(n->key);
	if (option != NULL && strcmp(p->key, n->key) != 0) {
		apply_java(t, option, p);
		return;
	}
	if (!apply_own_way(t, p))
		translation_spread(t, p, n, s);
}

static void apply(struct translation *t, const struct property *property, unsigned roles)
{
	struct java_property p = { property->key, property->value, property->line, roles };
	const struct java_option *option = java_find(p.key);
	const struct name *n = name_find(p.key);

	if (option != NULL)
		apply_java(t, option, &p);
	else if (n != NULL && !(n->flags & NAME_HIDDEN))
		apply_librdkafka(t, n, &p);
	else
		unknown(t, &p);
}

/* The Java client trims every value, so a blank at the end of a line does no harm. */
static const char *trimmed(struct translation *t, const char *value)
{
	size_t len;

	while (*value > '\0' && *value <= ' ')
		value++;
	for (len = strlen(value); len > 0 && value[len - 1] > '\0' && value[len - 1] <= ' '; len--)
		;
	return arena_strndup(t->arena, value, len);
}

/* Java takes the last of two lines for one property, and says nothing. */
static void lose_duplicate(struct translation *t, const struct property *p, unsigned roles)
{
	struct java_property first = { p->key, p->replaced, p->replaced_line, roles };

	if (p->line > 0 && p->replaced_line > 0 && strcmp(p->replaced, p->value) != 0)
		translation_lose(t, &first,
		                 arena_printf(t->arena, "line %d sets it again: %s", p->line,
		                              secret_shown(p->key, p->value)));
}

static void read_block(struct translation *t, const struct option_block *block, unsigned roles)
{
	struct properties list = { 0 };
	struct error err = { 0 };

	if (!properties_parse_block(block, t->arena, &list, &err)) {
		translation_fail(t, err.line, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < list.count; i++)
		secret_learn(list.items[i].key, list.items[i].value);
	if (!stray_check(t, block, &list)) {
		t->astray = true;
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		struct property *p = &list.items[i];
		p->value = trimmed(t, p->value);
		lose_duplicate(t, p, roles);
		apply(t, p, roles);
	}
}

/* The broker would refuse it, but only when the run has begun. */
static bool check_topic_property(struct translation *t, const struct property *p)
{
	const struct java_option *option = java_find(p->key);
	const struct name *n = name_find(p->key);

	if (name_is_of_topics(p->key) || (option == NULL && n == NULL))
		return true;
	unsigned roles = option != NULL ? option->roles : translation_scope(n);
	translation_fail(t, p->line, "%s: an option of the client: it belongs into %s", p->key,
	                 roles == KAFKA_ROLE_BIT(KAFKA_PRODUCER)   ? "producerConfig"
	                 : roles == KAFKA_ROLE_BIT(KAFKA_CONSUMER) ? "consumerConfig"
	                                                           : "commonConfig");
	return false;
}

/* What a topic may have is the broker's business: it answers by name if it does not know one. */
static void read_topic(struct translation *t)
{
	struct properties list = { 0 };
	struct error err = { 0 };

	t->block = "topicConfig";
	if (!properties_parse_block(&t->c->topic_block, t->arena, &list, &err))
		translation_fail(t, err.line, "%s", err.text);
	if (!stray_check(t, &t->c->topic_block, &list))
		t->astray = true;
	for (size_t i = 0; i < list.count; i++) {
		const struct property *p = &list.items[i];
		const char *value = trimmed(t, p->value);
		if (!check_topic_property(t, p))
			continue;
		translation_set(t, &t->c->topic,
		                &(struct kafka_setting){
					.key = p->key,
					.value = value,
					.asked = value,
					.origin = ORIGIN_FILE,
					.note = "",
					.line = p->line,
				});
		if (p->line > 0 && p->replaced_line > 0)
			translation_mark(t, &t->c->topic, p->key, ORIGIN_ALTERED,
			                 arena_printf(t->arena, "line %d has another value: %s",
			                              p->replaced_line, p->replaced));
	}
}

void kafka_translate(struct kafka_config *c, const struct kafka_translate_opts *opts,
                     struct arena *a, struct error_list *errors)
{
	struct translation t = { .c = c, .opts = opts, .arena = a, .errors = errors };
	const struct option_block *texts[] = { &c->common_block, &c->producer_block,
		                               &c->consumer_block };

	c->java_defaults = opts->java_defaults;
	c->max_block_ms = 60000; /* the Java client's default */
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		t.block = blocks[i].name;
		read_block(&t, texts[i], blocks[i].roles);
	}
	read_topic(&t);
	t.block = NULL;
	if (!t.astray) /* else what is asked for is not known: nothing is missing, it is elsewhere */
		rules_finish(&t);
}
