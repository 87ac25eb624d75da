/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/kafka/translation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"
#include "util/arena.h"
#include "util/secret.h"

/* --- lists ------------------------------------------------------------------------------------ */

static void *grown(struct arena *a, const void *items, size_t count, size_t *cap, size_t size)
{
	*cap = *cap == 0 ? 16 : *cap * 2;

	void *bigger = arena_alloc(a, *cap * size);
	if (items != NULL)
		memcpy(bigger, items, count * size);
	return bigger;
}

static struct kafka_setting *find(const struct kafka_settings *list, const char *key)
{
	const struct kafka_setting *s = kafka_setting_find(list, key);

	return s == NULL ? NULL : &list->items[s - list->items];
}

void translation_set(struct translation *t, struct kafka_settings *list,
                     const struct kafka_setting *setting)
{
	struct kafka_setting *old = find(list, setting->key);

	if (old != NULL) {
		*old = *setting;
		return;
	}
	if (list->items == NULL || list->count == list->cap)
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

/* Room for a message with the longest value that is quoted in one. */
#define FAILURE_TEXT 480

static void add_failure(struct translation *t, int line, int column, const char *text)
{
	struct error err = { 0 };

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
	char text[FAILURE_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_failure(t, line, 0, text);
}

void translation_fail_at(struct translation *t, int line, int column, const char *fmt, ...)
{
	char text[FAILURE_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_failure(t, line, column, text);
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

unsigned translation_scope(const struct name *n)
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

void translation_spread(struct translation *t, const struct java_property *p, const struct name *n,
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
		if ((p->roles & translation_scope(n) & KAFKA_ROLE_BIT(role)) == 0)
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
	translation_spread(t, p, n, s);
}

void translation_alter(struct translation *t, const struct java_property *p, const char *key,
                       const char *value, const char *note)
{
	struct kafka_setting s = {
		.value = value,
		.origin = ORIGIN_ALTERED,
		.note = arena_printf(t->arena, "%s=%s: %s", p->key, p->value, note),
	};

	translation_spread(t, p, name_find(key), s);
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
