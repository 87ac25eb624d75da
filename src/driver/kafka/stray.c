/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stray -- properties that are no lines of their own and so would go lost without a word.
 *
 *     producerConfig: >          YAML makes one line of it: client.id is "x linger.ms=50 acks=1"
 *       client.id=x
 *       linger.ms=50
 *       acks=1
 *
 * The same happens behind a backslash, in a text that goes on without `|`, and where somebody wrote
 * several properties in one line.  Java takes what it gets and measures with its defaults.  Texts
 * that have a notation of their own (a JAAS line) may hold anything; they are taken for a mistake
 * only where a line of the file begins with a name that cannot be part of one.
 */
#include <string.h>

#include "config/properties.h"
#include "driver/kafka/java.h"
#include "driver/kafka/translation.h"
#include "util/arena.h"
#include "util/secret.h"

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f' || c == '\n' || c == '\r';
}

/* A word that may be a property. */
struct word {
	const char *name;
	bool known;  /* the client or the broker has a property of this name */
	bool plain;  /* could be a word of a text: without a dot, and not one of the common two */
	bool equals; /* `=` follows */
	bool separated; /* `=`, `:` and a blank, or a blank alone follows, or nothing */
};

static bool is_known(const char *name)
{
	const struct name *n = name_find(name);

	return java_find(name) != NULL || (n != NULL && !(n->flags & NAME_HIDDEN)) ||
	       name_is_of_topics(name);
}

static bool is_plain(const char *name)
{
	return strchr(name, '.') == NULL && strcmp(name, "acks") != 0 &&
	       strcmp(name, "retries") != 0;
}

static struct word word_at(struct translation *t, const char *s)
{
	size_t len = 0;

	while (is_name_char(s[len]))
		len++;
	const char *name = arena_strndup(t->arena, s, len), *after = s + len;
	while (is_blank(*after))
		after++;

	struct word w = { .name = name, .plain = is_plain(name), .equals = *after == '=' };
	w.separated = *after == '\0' || *after == '=' || after > s + len ||
	              (*after == ':' && (!w.plain || after[1] == '\0' || is_blank(after[1])));
	/* Mistyped: hardly anything but a property has a dot and an equals sign. */
	w.known =
		len > 0 && (is_known(name) || (!w.plain && w.equals && java_nearest(name) != NULL));
	return w;
}

/* Texts with a notation of their own, in which `name=value` means something else. */
static bool is_free(const char *key)
{
	static const char *const keys[] = {
		"sasl.jaas.config",
		"sasl.kerberos.kinit.cmd",
		"sasl.oauthbearer.config",
		"sasl.oauthbearer.extensions",
	};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return secret_is_key(key);
}

/* Does a line that was joined to another look like a property of its own? */
static bool is_property(const struct property_join *join, const struct word *w)
{
	bool free = join->key != NULL && is_free(join->key);

	if (w->known && w->separated && (!w->plain || (w->equals && !free)))
		return true;
	/* One that nobody knows, in a folded block: still more likely a property than a text. */
	return w->name[0] != '\0' && w->equals && !free && !join->by_backslash;
}

static void check_join(struct translation *t, const struct option_block *block,
                       const struct property_join *join)
{
	struct word w = word_at(t, join->text);
	const char *whose = join->key != NULL ? arena_printf(t->arena, "the value of %s", join->key)
	                                      : "the comment before it";

	if (!is_property(join, &w))
		return;
	if (join->by_backslash)
		translation_fail(t, join->line,
		                 "the backslash at the end of the line before makes \"%s\" part of "
		                 "%s; write it without the backslash, or twice",
		                 w.name, whose);
	else
		translation_fail_at(
			t, block->head_line, block->head_column,
			"%s makes one line of several: \"%s\" (line %d) becomes part of %s; "
			"write `%s: |`",
			block->folded ? "`>`" : "YAML", w.name, join->line, whose, t->block);
}

/* `acks=1 linger.ms=50`: a later word of the value that begins as a property would. */
static void check_value(struct translation *t, const struct property *p)
{
	const char *s = p->value;

	if (is_free(p->key))
		return;
	for (;;) {
		s += strcspn(s, " \t\f\n\r,;");
		s += strspn(s, " \t\f\n\r,;");
		if (*s == '\0')
			return;
		struct word w = word_at(t, s);
		if (!w.known || !(w.equals || (w.separated && s[strlen(w.name)] == ':')))
			continue;
		translation_fail(t, p->line,
		                 "%s: its value goes on with \"%s\", which is a property of its "
		                 "own: %s",
		                 p->key, w.name,
		                 p->line > 0 ? arena_printf(t->arena,
		                                            "one property a line, under `%s: |`",
		                                            t->block)
		                             : arena_printf(t->arena, "--set %s.%s=... sets it",
		                                            t->block, w.name));
		return;
	}
}

bool stray_check(struct translation *t, const struct option_block *block,
                 const struct properties *list)
{
	size_t before = t->errors->count;

	for (size_t i = 0; i < list->join_count; i++)
		check_join(t, block, &list->joins[i]);
	/* What was joined stands in a value, too, and is told already. */
	if (t->errors->count == before)
		for (size_t i = 0; i < list->count; i++)
			check_value(t, &list->items[i]);
	return t->errors->count == before;
}
