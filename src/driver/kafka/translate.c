/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/translate.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/properties.h"
#include "driver/driver.h"
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

/* --- lists ------------------------------------------------------------------------------------ */

static void *grown(struct arena *a, const void *items, size_t count, size_t *cap, size_t size)
{
	*cap = *cap == 0 ? 16 : *cap * 2;

	void *bigger = arena_alloc(a, *cap * size);
	if (count > 0)
		memcpy(bigger, items, count * size);
	return bigger;
}

static struct kafka_setting *find(const struct kafka_settings *list, const char *key)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].key, key) == 0)
			return &list->items[i];
	return NULL;
}

const struct kafka_setting *kafka_setting_find(const struct kafka_settings *list, const char *key)
{
	return find(list, key);
}

const char *kafka_setting_value(const struct kafka_settings *list, const char *key,
                                const char *otherwise)
{
	const struct kafka_setting *s = find(list, key);
	return s == NULL ? otherwise : s->value;
}

void translation_set(struct translation *t, struct kafka_settings *list,
                     const struct kafka_setting *setting)
{
	struct kafka_setting *old = find(list, setting->key);

	if (old != NULL) {
		*old = *setting;
		return;
	}
	if (list->count == list->cap)
		list->items = grown(t->arena, list->items, list->count, &list->cap,
		                    sizeof(list->items[0]));
	list->items[list->count++] = *setting;
}

static void list_ignored(struct translation *t, const struct java_property *p, const char *origin,
                         const char *note)
{
	struct kafka_ignored_list *list = &t->c->ignored;

	for (unsigned role = 0; role < KAFKA_ROLES; role++) {
		if (!(p->roles & KAFKA_ROLE_BIT(role)))
			continue;
		if (list->count == list->cap)
			list->items = grown(t->arena, list->items, list->count, &list->cap,
			                    sizeof(list->items[0]));
		list->items[list->count++] = (struct kafka_ignored){
			.role = role,
			.key = p->key,
			.value = secret_shown(p->key, p->value),
			.note = note,
			.origin = origin,
		};
	}
}

void translation_ignore(struct translation *t, const struct java_property *p, const char *note)
{
	list_ignored(t, p, ORIGIN_IGNORED, note);
}

void translation_lose(struct translation *t, const struct java_property *p, const char *note)
{
	list_ignored(t, p, ORIGIN_NO_EFFECT, note);
}

void translation_mark(struct translation *t, struct kafka_settings *list, const char *key,
                      const char *origin, const char *note)
{
	struct kafka_setting *s = find(list, key);

	if (s == NULL || strcmp(s->origin, ORIGIN_FILE) != 0)
		return;
	s->origin = origin;
	s->note = s->note[0] == '\0' ? note : arena_printf(t->arena, "%s; %s", note, s->note);
}

static void add_failure(struct translation *t, int line, int column, const char *fmt, va_list ap)
{
	struct error err = { 0 };
	char text[480];

	vsnprintf(text, sizeof(text), fmt, ap);
	error_set(&err, ERROR_CONFIG, "%s%s%s%s", t->block == NULL ? "" : t->block,
	          t->block == NULL ? "" : ": ", text,
	          t->block != NULL && line == 0 ? " (from --set)" : "");
	err.line = line;
	err.column = column;
	/* What is wrong in commonConfig is wrong for each role. */
	for (size_t i = 0; i < t->errors->count; i++)
		if (t->errors->items[i].line == line &&
		    strcmp(t->errors->items[i].text, err.text) == 0)
			return;
	error_list_add(t->errors, &err);
}

void translation_fail(struct translation *t, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_failure(t, line, 0, fmt, ap);
	va_end(ap);
}

void translation_fail_at(struct translation *t, int line, int column, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_failure(t, line, column, fmt, ap);
	va_end(ap);
}

/* --- settings --------------------------------------------------------------------------------- */

/* The number cut to the range of `n`; the same text when it is inside or no number at all. */
static const char *cut(struct translation *t, const struct name *n, const char *value)
{
	char *end;

	if (n->type != NAME_INTEGER && n->type != NAME_NUMBER)
		return value;
	double number = strtod(value, &end);
	if (end == value || *end != '\0')
		return value;
	if (number < (double)n->min)
		return arena_printf(t->arena, "%lld", (long long)n->min);
	if (number > (double)n->max)
		return arena_printf(t->arena, "%lld", (long long)n->max);
	return value;
}

static unsigned scope_of(const struct name *n)
{
	unsigned roles = 0;

	if (n->flags & NAME_PRODUCER)
		roles |= KAFKA_ROLE_BIT(KAFKA_PRODUCER);
	if (n->flags & NAME_CONSUMER)
		roles |= KAFKA_ROLE_BIT(KAFKA_CONSUMER);
	if (n->flags & NAME_ADMIN)
		roles |= KAFKA_ROLE_BIT(KAFKA_ADMIN);
	return roles;
}

/* Two names of one setting in one block: the later wins, and the earlier is told. */
static void lose_earlier(struct translation *t, enum kafka_role role, const struct kafka_setting *s)
{
	const struct kafka_setting *old = find(&t->c->roles[role], s->key);

	if (old == NULL || t->block == NULL || old->block == NULL ||
	    strcmp(old->block, t->block) != 0 || old->line == s->line || s->line == 0)
		return;
	struct java_property p = { old->key, old->asked, old->line, KAFKA_ROLE_BIT(role) };
	translation_lose(t, &p,
	                 arena_printf(t->arena, "line %d sets it again: %s", s->line,
	                              secret_shown(s->key, s->value)));
}

/* Sets `s` for all roles of the property that the library has the name for. */
static void spread(struct translation *t, const struct java_property *p, const struct name *n,
                   struct kafka_setting s)
{
	struct error err = { 0 };

	if (!name_check(n, s.value, &err)) {
		translation_fail(t, p->line, "%s", err.text);
		return;
	}
	s.key = n->key;
	s.asked = p->value;
	s.line = p->line;
	s.block = t->block;
	for (unsigned role = 0; role < KAFKA_ROLES; role++) {
		if ((p->roles & scope_of(n) & KAFKA_ROLE_BIT(role)) == 0)
			continue;
		lose_earlier(t, role, &s);
		translation_set(t, &t->c->roles[role], &s);
	}
}

void translation_put(struct translation *t, const struct java_property *p, const char *key,
                     const char *value, const char *note)
{
	const struct name *n = name_find(key);
	const char *fits = cut(t, n, value);
	struct kafka_setting s = { .value = fits, .origin = ORIGIN_FILE, .note = "" };

	if (fits != value) {
		s.origin = ORIGIN_ALTERED;
		s.note = arena_printf(t->arena, "%s=%s: librdkafka takes %lld to %lld", p->key,
		                      p->value, (long long)n->min, (long long)n->max);
	} else if (note != NULL) {
		s.note = note;
	} else if (strcmp(p->key, n->key) != 0) {
		s.note = value == p->value ? p->key
		                           : arena_printf(t->arena, "%s=%s", p->key, p->value);
	}
	spread(t, p, n, s);
}

void translation_alter(struct translation *t, const struct java_property *p, const char *key,
                       const char *value, const char *note)
{
	struct kafka_setting s = {
		.value = value,
		.origin = ORIGIN_ALTERED,
		.note = arena_printf(t->arena, "%s=%s: %s", p->key, p->value, note),
	};

	spread(t, p, name_find(key), s);
}

void translation_keep(struct translation *t, const struct java_property *p)
{
	struct kafka_setting s = {
		.key = p->key,
		.value = p->value,
		.asked = p->value,
		.origin = ORIGIN_FILE,
		.note = "",
		.line = p->line,
	};

	for (unsigned role = 0; role < KAFKA_ROLES; role++)
		if (p->roles & KAFKA_ROLE_BIT(role))
			translation_set(t, &t->seen[role], &s);
}

void translation_default(struct translation *t, enum kafka_role role, const char *key,
                         const char *value, const char *origin, const char *note)
{
	struct kafka_settings *list = &t->c->roles[role];

	if (find(list, key) == NULL)
		translation_set(t, list,
		                &(struct kafka_setting){
					.key = key,
					.value = value,
					.origin = origin,
					.note = note,
				});
}

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

const char *translation_nearest(const char *key)
{
	struct option_spec known[512] = { { 0 } };
	size_t count = 0;

	for (unsigned i = 0; java_at(i) != NULL; i++)
		known[count++].name = java_at(i)->key;
	for (unsigned i = 0; name_at(i) != NULL; i++)
		if (!(name_at(i)->flags & NAME_HIDDEN))
			known[count++].name = name_at(i)->key;
	assert(count < sizeof(known) / sizeof(known[0]));
	return option_nearest(known, key);
}

static void unknown(struct translation *t, const struct java_property *p)
{
	const char *nearest = translation_nearest(p->key);

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

	rest.roles = p->roles & shown & ~scope_of(n);
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
	  "omb does not look at the library's statistics", false },
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

	if ((p->roles & scope_of(n)) == 0) {
		translation_lose(t, p, misplaced(t, scope_of(n)));
		return;
	}
	/* An alias means what its target means: the rule of that one applies, the text is its own. */
	const struct java_option *option = java_find(n->key);
	if (option != NULL && strcmp(p->key, n->key) != 0) {
		apply_java(t, option, p);
		return;
	}
	if (!apply_own_way(t, p))
		spread(t, p, n, s);
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
	unsigned roles = option != NULL ? option->roles : scope_of(n);
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
