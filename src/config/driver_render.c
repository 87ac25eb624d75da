/* SPDX-License-Identifier: Apache-2.0 */
#include "config/driver_render.h"

#include <ctype.h>
#include <string.h>

#include "config/option.h"
#include "config/workload.h"
#include "config/yaml.h"
#include "util/arena.h"

/* --- what --set says ------------------------------------------------------------------------------ */

/* NULL: it is meant for the workload. */
static const char *driver_key(const struct override *o)
{
	static const char ours[] = "driver.", others[] = "workload.";

	if (strncmp(o->key, ours, strlen(ours)) == 0)
		return o->key + strlen(ours);
	if (strncmp(o->key, others, strlen(others)) == 0 || option_find(workload_table, o->key))
		return NULL;
	return o->key;
}

static struct yaml_node *scalar(const char *text, enum yaml_style style, struct arena *a)
{
	struct yaml_node *node = arena_alloc(a, sizeof(*node));

	*node = (struct yaml_node){ .kind = YAML_SCALAR,
		                    .style = style,
		                    .text = arena_strdup(a, text),
		                    .text_len = strlen(text),
		                    .weight = 1 };
	return node;
}

/* As option values are read: text as it stands, or a list or mapping in flow notation. */
static struct yaml_node *value_of(const struct override *o, struct arena *a, struct error *err)
{
	struct yaml_doc doc;

	if (o->value[0] != '[' && o->value[0] != '{')
		return scalar(o->value, o->value[0] != '\0' ? YAML_PLAIN : YAML_QUOTED, a);
	if (yaml_parse(o->value, strlen(o->value), a, &doc, err))
		return doc.root;
	err->line = err->column = 0;
	error_wrap(err, "--set %s", o->key);
	return NULL;
}

/* All pairs with this key go, a new one comes in the place of the first, or at the end. */
static void replace(struct yaml_node *map, const char *key, struct yaml_node *value,
                    struct arena *a)
{
	struct yaml_pair *pairs = arena_alloc(a, (map->count + 1) * sizeof(*pairs));
	struct yaml_pair pair = { scalar(key, YAML_PLAIN, a), value };
	size_t count = 0;
	bool is_there = false;

	for (size_t i = 0; i < map->count; i++) {
		bool is_same = strcmp(map->pairs[i].key->text, key) == 0;
		if (!is_same)
			pairs[count++] = map->pairs[i];
		else if (!is_there)
			pairs[count++] = pair;
		is_there = is_there || is_same;
	}
	if (!is_there)
		pairs[count++] = pair;
	map->pairs = pairs;
	map->count = count;
}

/* java.util.Properties reads it back as it is. */
static void add_property(const char *key, const char *value, struct text *out)
{
	text_addf(out, "%s=", key);
	if (isspace((unsigned char)value[0]))
		text_add(out, "\\");
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			text_add(out, "\\n");
		else
			text_addf(out, "%s%c", *value == '\\' ? "\\" : "", *value);
	}
	text_add(out, "\n");
}

static void set_property(struct yaml_node *map, const char *block, const char *property,
                         const char *value, struct arena *a)
{
	const struct yaml_node *before = yaml_find(map, block);
	struct text text = { 0 };

	if (before != NULL && before->kind == YAML_SCALAR && !yaml_is_null(before)) {
		text_add(&text, before->text);
		/* Nor may a backslash at its end take the new line in. */
		size_t len = text.len;
		if (len > 0 && text.data[len - 1] != '\n')
			text_add(&text, text.data[len - 1] == '\\' ? "\n\n" : "\n");
		else if (len > 1 && text.data[len - 2] == '\\')
			text_add(&text, "\n");
	}
	add_property(property, value, &text);
	replace(map, block, scalar(text_str(&text), YAML_BLOCK, a), a);
	text_fini(&text);
}

static bool apply(struct yaml_node *map, const struct override *o, struct arena *a,
                  struct error *err)
{
	const char *key = driver_key(o), *dot;

	if (key == NULL)
		return true;
	dot = strchr(key, '.');
	if (dot != NULL && dot != key && dot[1] != '\0' && yaml_find(map, key) == NULL) {
		set_property(map, arena_strndup(a, key, (size_t)(dot - key)), dot + 1, o->value, a);
		return true;
	}
	struct yaml_node *value = value_of(o, a, err);
	if (value != NULL)
		replace(map, key, value, a);
	return value != NULL;
}

/* --- text ----------------------------------------------------------------------------------------- */

static void add_quoted(const struct yaml_node *s, struct text *out)
{
	text_add(out, "\"");
	for (size_t i = 0; i < s->text_len; i++) {
		unsigned char c = (unsigned char)s->text[i];
		if (c == '\n')
			text_add(out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			text_addf(out, "\\x%02x", c);
		else
			text_addf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
	}
	text_add(out, "\"");
}

/* Where it means without quotes what it meant before: a number, a flag, a word. */
static bool is_plain(const struct yaml_node *s)
{
	static const char good[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-";
	/* "-5" is a number, "- 5" and "-" are lists. */
	bool is_dash = s->text[0] == '-' && !isdigit((unsigned char)s->text[1]);

	return s->style == YAML_PLAIN && s->text_len > 0 && !is_dash &&
	       s->text[strspn(s->text, good)] == '\0';
}

static bool is_literal(const struct yaml_node *s)
{
	const char *t = s->text;

	if (s->text_len < 2 || isspace((unsigned char)t[0]) || t[s->text_len - 1] != '\n' ||
	    t[s->text_len - 2] == '\n')
		return false;
	for (size_t i = 0; i < s->text_len; i++) {
		unsigned char c = (unsigned char)t[i];
		bool is_blank_line = (c == ' ' || c == '\t') && t[i + 1] == '\n';
		if ((c < 0x20 && c != '\n') || c == 0x7f || is_blank_line)
			return false;
	}
	return true;
}

static void indent(size_t depth, struct text *out)
{
	for (size_t i = 0; i < depth; i++)
		text_add(out, "  ");
}

static void add_literal(const struct yaml_node *s, size_t depth, struct text *out)
{
	text_add(out, "|\n");
	for (const char *at = s->text; *at != '\0';) {
		size_t len = strcspn(at, "\n");
		if (len > 0)
			indent(depth + 1, out);
		text_add_bytes(out, at, len + 1);
		at += len + 1;
	}
}

static void add_node(const struct yaml_node *n, size_t depth, struct text *out);

static void add_scalar(const struct yaml_node *s, size_t depth, struct text *out)
{
	if (yaml_is_null(s))
		text_add(out, "null");
	else if (is_plain(s))
		text_add(out, s->text);
	else if (is_literal(s)) {
		add_literal(s, depth, out);
		return; /* has its end */
	} else
		add_quoted(s, out);
	text_add(out, "\n");
}

static void add_list(const struct yaml_node *n, size_t depth, struct text *out)
{
	for (size_t i = 0; i < n->count; i++) {
		indent(depth, out);
		text_add(out, "- ");
		add_node(n->items[i], depth + 1, out);
	}
}

static void add_map(const struct yaml_node *n, size_t depth, struct text *out)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct yaml_node *key = n->pairs[i].key;
		indent(depth, out);
		if (is_plain(key))
			text_add(out, key->text);
		else
			add_quoted(key, out);
		text_add(out, ": ");
		add_node(n->pairs[i].value, depth, out);
	}
}

/* What follows a key or a dash, with the end of its line. */
static void add_node(const struct yaml_node *n, size_t depth, struct text *out)
{
	if (n->kind == YAML_SCALAR) {
		add_scalar(n, depth, out);
		return;
	}
	if (n->count == 0) {
		text_add(out, n->kind == YAML_LIST ? "[]\n" : "{}\n");
		return;
	}
	text_add(out, "\n");
	if (n->kind == YAML_LIST)
		add_list(n, depth + 1, out);
	else
		add_map(n, depth + 1, out);
}

bool driver_render(const char *text, size_t len, const struct config_mode *mode, struct arena *a,
                   struct text *out, struct error *err)
{
	struct yaml_doc doc;

	if (!yaml_parse(text, len, a, &doc, err))
		return false;
	struct yaml_node map = *doc.root;
	if (map.kind != YAML_MAP)
		return error_set(err, ERROR_CONFIG, "a driver file is a mapping, and this is %s",
		                 yaml_kind_name(&map));
	for (size_t i = 0; i < mode->override_count; i++)
		if (!apply(&map, &mode->overrides[i], a, err))
			return false;
	add_map(&map, 0, out);
	return true;
}
