/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "config/yaml_lines.h"
#include "util/arena.h"
#include "util/xalloc.h"

struct anchor {
	const char *name;
	struct yaml_node *node;
	struct anchor *next; /* older ones; the newest of a name counts */
};

struct builder {
	yaml_parser_t parser;
	struct arena *arena;
	const char *text;
	size_t len;
	struct anchor *anchors;
	size_t weight; /* of all nodes so far, each alias counted as what it stands for */
	struct error *err;
};

/* A list that grows on the heap before it is copied into the arena. */
struct pointers {
	struct yaml_node **items; /* owned */
	size_t count, cap;
};

static void pointers_add(struct pointers *p, struct yaml_node *node)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 16;
		p->items = xrealloc(p->items, p->cap * sizeof(struct yaml_node *));
	}
	p->items[p->count++] = node;
}

static bool fail_at(struct builder *b, const yaml_mark_t *mark, const char *what)
{
	error_set(b->err, ERROR_CONFIG, "%s", what);
	b->err->line = (int)mark->line + 1;
	b->err->column = (int)mark->column + 1;
	return false;
}

/* The reader (bad UTF-8) knows an offset and no mark. */
static yaml_mark_t mark_of_offset(const struct builder *b, size_t offset)
{
	yaml_mark_t mark = { 0 };

	for (size_t i = 0; i < offset && i < b->len; i++) {
		mark.column++;
		if (b->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static bool next_event(struct builder *b, yaml_event_t *event)
{
	if (yaml_parser_parse(&b->parser, event))
		return true;

	yaml_mark_t mark = b->parser.problem_mark;
	if (b->parser.error == YAML_READER_ERROR)
		mark = mark_of_offset(b, b->parser.problem_offset);
	fail_at(b, &mark, b->parser.problem ? b->parser.problem : "this is not YAML");
	return false;
}

static struct yaml_node *new_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
	struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));

	node->kind = kind;
	node->line = (int)event->start_mark.line + 1;
	node->column = (int)event->start_mark.column + 1;
	node->weight = 1;
	return node;
}

static bool count_weight(struct builder *b, size_t weight, const yaml_event_t *event)
{
	b->weight += weight;
	if (b->weight > YAML_MAX_NODES)
		return fail_at(b, &event->start_mark, "there is too much in this document");
	return true;
}

/* Called when the node is complete, so that an alias inside it finds nothing: no cycles. */
static void remember_anchor(struct builder *b, const char *name, struct yaml_node *node)
{
	struct anchor *a = arena_alloc(b->arena, sizeof(*a));

	*a = (struct anchor){ name, node, b->anchors };
	b->anchors = a;
}

static struct yaml_node *resolve_alias(struct builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;

	for (struct anchor *a = b->anchors; a != NULL; a = a->next)
		if (strcmp(a->name, name) == 0)
			return count_weight(b, a->node->weight, event) ? a->node : NULL;
	fail_at(b, &event->start_mark, "this alias has no anchor before it");
	return NULL;
}

static struct yaml_node *build_scalar(struct builder *b, const yaml_event_t *event)
{
	struct yaml_node *node = new_node(b, YAML_SCALAR, event);
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	if (memchr(text, '\0', len) != NULL) {
		fail_at(b, &event->start_mark, "there is a NUL character in this text");
		return NULL;
	}
	node->text = arena_strndup(b->arena, text, len);
	node->text_len = len;

	yaml_scalar_style_t style = event->data.scalar.style;
	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
		node->style = YAML_BLOCK;
	else if (style != YAML_PLAIN_SCALAR_STYLE)
		node->style = YAML_QUOTED;
	if (style != YAML_LITERAL_SCALAR_STYLE && event->end_mark.line > event->start_mark.line)
		yaml_lines_find(node, b->text, b->len, b->arena);
	return count_weight(b, 1, event) ? node : NULL;
}

static struct yaml_node *build(struct builder *b, const yaml_event_t *event, unsigned depth);

/* All nodes up to the event that ends the collection. */
static bool build_children(struct builder *b, yaml_event_type_t end, unsigned depth,
                           struct pointers *out)
{
	for (;;) {
		yaml_event_t event;

		if (!next_event(b, &event))
			return false;

		bool over = event.type == end;
		struct yaml_node *child = over ? NULL : build(b, &event, depth);
		yaml_event_delete(&event);
		if (over)
			return true;
		if (child == NULL)
			return false;
		pointers_add(out, child);
	}
}

static bool fill_map(struct builder *b, struct yaml_node *map, struct pointers *children)
{
	map->count = children->count / 2; /* keys and values come in turn */
	map->pairs = arena_alloc(b->arena, map->count * sizeof(struct yaml_pair));
	for (size_t i = 0; i < map->count; i++) {
		struct yaml_pair pair = { children->items[2 * i], children->items[2 * i + 1] };

		if (pair.key->kind != YAML_SCALAR) {
			error_set(b->err, ERROR_CONFIG, "a key must be a text, not %s",
			          yaml_kind_name(pair.key));
			b->err->line = pair.key->line;
			b->err->column = pair.key->column;
			return false;
		}
		map->pairs[i] = pair;
	}
	return true;
}

static struct yaml_node *build_collection(struct builder *b, const yaml_event_t *event,
                                          unsigned depth)
{
	bool is_map = event->type == YAML_MAPPING_START_EVENT;
	struct yaml_node *node = new_node(b, is_map ? YAML_MAP : YAML_LIST, event);
	struct pointers children = { 0 };
	bool ok = false;

	if (depth >= YAML_MAX_DEPTH) {
		fail_at(b, &event->start_mark, "this is nested too deeply");
		goto out;
	}
	if (!count_weight(b, 1, event))
		goto out;
	if (!build_children(b, is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT, depth + 1,
	                    &children))
		goto out;

	for (size_t i = 0; i < children.count; i++)
		node->weight += children.items[i]->weight;
	if (is_map) {
		ok = fill_map(b, node, &children);
	} else {
		node->count = children.count;
		node->items = arena_alloc(b->arena, children.count * sizeof(struct yaml_node *));
		if (children.count > 0)
			memcpy(node->items, children.items,
			       children.count * sizeof(struct yaml_node *));
		ok = true;
	}
out:
	free(children.items);
	return ok ? node : NULL;
}

/* The node that begins with `event`; NULL = failed. */
static struct yaml_node *build(struct builder *b, const yaml_event_t *event, unsigned depth)
{
	const yaml_char_t *anchor;
	struct yaml_node *node;

	if (event->type == YAML_ALIAS_EVENT)
		return resolve_alias(b, event);

	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		node = build_scalar(b, event);
	} else {
		anchor = event->type == YAML_MAPPING_START_EVENT
		                 ? event->data.mapping_start.anchor
		                 : event->data.sequence_start.anchor;
		node = build_collection(b, event, depth);
	}
	if (node != NULL && anchor != NULL)
		remember_anchor(b, arena_strdup(b->arena, (const char *)anchor), node);
	return node;
}

/* One event that carries nothing but its type and its place. */
static bool skip_event(struct builder *b, yaml_event_type_t *type, int *line)
{
	yaml_event_t event;

	if (!next_event(b, &event))
		return false;
	*type = event.type;
	*line = (int)event.start_mark.line + 1;
	yaml_event_delete(&event);
	return true;
}

static bool build_document(struct builder *b, struct yaml_doc *out)
{
	yaml_event_type_t type;
	yaml_event_t event;
	int line;

	if (!skip_event(b, &type, &line)) /* the start of the stream */
		return false;
	if (!skip_event(b, &type, &line)) /* the start of a document, or the end */
		return false;
	if (type == YAML_STREAM_END_EVENT)
		return error_set(b->err, ERROR_CONFIG, "there is nothing in it");

	if (!next_event(b, &event))
		return false;
	out->root = build(b, &event, 0);
	yaml_event_delete(&event);
	if (out->root == NULL)
		return false;

	if (!skip_event(b, &type, &line)) /* the end of the document */
		return false;
	if (!skip_event(b, &type, &line))
		return false;
	out->more_line = type == YAML_STREAM_END_EVENT ? 0 : line;
	return true;
}

bool yaml_parse(const char *text, size_t len, struct arena *a, struct yaml_doc *out,
                struct error *err)
{
	struct builder b = { .arena = a, .text = text, .len = len, .err = err };
	struct yaml_doc doc = { 0 };

	if (len > YAML_MAX_BYTES)
		return error_set(err, ERROR_CONFIG, "%zu bytes are more than the limit of %zu", len,
		                 YAML_MAX_BYTES);
	if (!yaml_parser_initialize(&b.parser))
		return error_set(err, ERROR_SYSTEM, "no memory for the YAML parser");
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, len);

	bool ok = build_document(&b, &doc);
	yaml_parser_delete(&b.parser);
	if (ok)
		*out = doc;
	return ok;
}

struct yaml_node *yaml_find(const struct yaml_node *map, const char *key)
{
	if (map->kind != YAML_MAP)
		return NULL;
	for (size_t i = map->count; i > 0; i--)
		if (strcmp(map->pairs[i - 1].key->text, key) == 0)
			return map->pairs[i - 1].value;
	return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };

	if (node->kind != YAML_SCALAR || node->style != YAML_PLAIN)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(node->text, words[i]) == 0)
			return true;
	return false;
}

int yaml_text_line(const struct yaml_node *scalar)
{
	return scalar->style == YAML_BLOCK && scalar->line > 0 ? scalar->line + 1 : scalar->line;
}

const char *yaml_kind_name(const struct yaml_node *node)
{
	switch (node->kind) {
	case YAML_SCALAR:
		return "a text";
	case YAML_LIST:
		return "a list";
	case YAML_MAP:
		return "a mapping";
	}
	abort();
}
