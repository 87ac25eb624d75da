/* SPDX-License-Identifier: Apache-2.0 */
#include "config/properties.h"

#include <stdint.h>
#include <string.h>

#include "config/option.h"
#include "config/override.h"
#include "config/yaml.h"
#include "util/arena.h"
#include "util/text.h"

/* Every known client has a few hundred; the search below is linear. */
#define PROPERTIES_MAX 5000

/* Walks over the characters of the text; `line` is the line of the file that `s` is on. */
struct cursor {
	const char *start, *s, *end;
	int line;
	const struct yaml_line *next, *lines_end; /* not reached yet; equal = none is left */
	struct properties *out;                   /* takes the joins */
	struct arena *arena;
};

/* One logical line: continuations joined, escapes still in it. */
struct logical {
	struct text text;
	int line;            /* where it starts */
	size_t joins_before; /* the joins from here on are in it */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_eol(char c)
{
	return c == '\n' || c == '\r';
}

/* Where the line of the file ends that `s` is on. */
static const char *line_end(const struct cursor *c)
{
	const char *end = c->s;

	while (end < c->end && !is_eol(*end) &&
	       (c->next == c->lines_end || end < c->start + c->next->offset))
		end++;
	while (end > c->s && is_blank(end[-1]))
		end--;
	return end;
}

/* The key is filled in when it is known. */
static void add_join(struct cursor *c, int line, int column, bool by_backslash)
{
	struct properties *p = c->out;

	if (p->join_count == p->join_cap) {
		size_t cap = p->join_cap ? p->join_cap * 2 : 16;
		struct property_join *joins = arena_alloc(c->arena, cap * sizeof(*joins));
		if (p->join_count > 0)
			memcpy(joins, p->joins, p->join_count * sizeof(*joins));
		p->joins = joins;
		p->join_cap = cap;
	}
	p->joins[p->join_count++] = (struct property_join){
		.text = arena_strndup(c->arena, c->s, (size_t)(line_end(c) - c->s)),
		.line = line,
		.column = column,
		.by_backslash = by_backslash,
	};
}

/* The cursor may have come to another line of the file without an end of line in the text. */
static void pass_lines(struct cursor *c)
{
	while (c->next != c->lines_end && (size_t)(c->s - c->start) >= c->next->offset) {
		const struct yaml_line *l = c->next++;
		c->line = l->line;
		if (l->joined)
			add_join(c, l->line, l->column, false);
	}
}

/* The next character; the end of a line of any kind comes back as '\n'. */
static bool take(struct cursor *c, char *out)
{
	if (c->s == c->end)
		return false;
	pass_lines(c);
	*out = *c->s++;
	if (!is_eol(*out))
		return true;
	if (*out == '\r' && c->s < c->end && *c->s == '\n')
		c->s++;
	*out = '\n';
	c->line++;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	while (c->s < c->end && is_blank(*c->s))
		c->s++;
}

static void skip_comment(struct cursor *c)
{
	char ch;

	while (take(c, &ch) && ch != '\n')
		;
}

/* One line of the file with its own escapes: false when a backslash continues it. */
static bool take_rest(struct cursor *c, struct text *out)
{
	bool escaped = false;
	char ch;

	while (take(c, &ch)) {
		if (ch == '\n' && !escaped)
			return true;
		if (ch == '\n') {
			out->len--; /* the backslash is not part of the line */
			out->data[out->len] = '\0';
			return false;
		}
		escaped = ch == '\\' && !escaped;
		text_add_bytes(out, &ch, 1);
	}
	if (escaped) {
		out->len--;
		out->data[out->len] = '\0';
	}
	return true;
}

/* As Java's reader does it, oddities included: a comment sign counts as long as the logical line is
 * empty, and a blank line ends a continued one. */
static bool take_logical(struct cursor *c, struct logical *out)
{
	out->text.len = 0;
	for (;;) {
		skip_blanks(c);
		if (c->s == c->end)
			return out->text.len > 0;
		if (out->text.len == 0 && (*c->s == '#' || *c->s == '!')) {
			skip_comment(c);
			continue;
		}
		pass_lines(c);
		if (out->text.len == 0) {
			out->line = c->line;
			out->joins_before = c->out->join_count;
		} else if (!is_eol(*c->s)) {
			add_join(c, c->line, 1, true);
		}
		if (take_rest(c, &out->text) && out->text.len > 0)
			return true;
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool take_unit(const char **s, const char *end, uint32_t *unit, struct error *err)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int digit = *s < end ? hex_digit(**s) : -1;
		if (digit < 0)
			return error_set(err, ERROR_CONFIG, "\\u needs four hexadecimal digits");
		*unit = *unit << 4 | (uint32_t)digit;
		++*s;
	}
	return true;
}

static void add_utf8(struct text *out, uint32_t c)
{
	char bytes[4];
	size_t len = 0;

	if (c < 0x80) {
		bytes[len++] = (char)c;
	} else if (c < 0x800) {
		bytes[len++] = (char)(0xc0 | c >> 6);
		bytes[len++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		bytes[len++] = (char)(0xe0 | c >> 12);
		bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[len++] = (char)(0x80 | (c & 0x3f));
	} else {
		bytes[len++] = (char)(0xf0 | c >> 18);
		bytes[len++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[len++] = (char)(0x80 | (c & 0x3f));
	}
	text_add_bytes(out, bytes, len);
}

/* What follows `\u`: one UTF-16 unit, or two that are one character. */
static bool take_unicode(const char **s, const char *end, struct text *out, struct error *err)
{
	uint32_t unit, low;

	if (!take_unit(s, end, &unit, err))
		return false;
	if (unit == 0)
		return error_set(err, ERROR_CONFIG, "\\u0000 cannot be part of a value");
	if (unit >= 0xd800 && unit < 0xdc00 && end - *s >= 6 && (*s)[0] == '\\' && (*s)[1] == 'u') {
		const char *ahead = *s + 2;
		if (!take_unit(&ahead, end, &low, err))
			return false;
		if (low >= 0xdc00 && low < 0xe000) {
			*s = ahead;
			add_utf8(out, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
			return true;
		}
	}
	/* Half a character has no UTF-8. */
	add_utf8(out, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
	return true;
}

/* What stands for itself behind a backslash stays. */
static char control_of(char c)
{
	switch (c) {
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 'f':
		return '\f';
	default:
		return c;
	}
}

/* Escapes resolved; NULL = failed. */
static const char *unescape(const char *s, const char *end, struct arena *a, struct error *err)
{
	struct text out = { 0 };
	const char *result = NULL;

	while (s < end) {
		char c = *s++;
		if (c == '\\' && s < end) {
			c = *s++;
			if (c == 'u') {
				if (!take_unicode(&s, end, &out, err))
					goto out;
				continue;
			}
			c = control_of(c);
		}
		text_add_bytes(&out, &c, 1);
	}
	result = arena_strndup(a, text_str(&out), out.len);
out:
	text_fini(&out);
	return result;
}

/* The end of the key, and in *value where the value starts. */
static const char *split(const char *s, const char *end, const char **value)
{
	bool escaped = false, separated = false;
	const char *key_end;

	for (; s < end; s++) {
		if (!escaped && (*s == '=' || *s == ':' || is_blank(*s)))
			break;
		escaped = *s == '\\' && !escaped;
	}
	key_end = s;
	for (; s < end; s++) {
		if (is_blank(*s))
			continue;
		if (separated || (*s != '=' && *s != ':'))
			break;
		separated = true;
	}
	*value = s;
	return key_end;
}

static struct property *find(const struct properties *p, const char *key)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->items[i].key, key) == 0)
			return &p->items[i];
	return NULL;
}

const struct property *properties_find(const struct properties *p, const char *key)
{
	return find(p, key);
}

void properties_set(struct properties *p, const char *key, const char *value, int line,
                    struct arena *a)
{
	struct property *old = find(p, key);

	if (old != NULL) {
		old->replaced_line = old->line;
		old->replaced = old->value;
		old->line = line;
		old->value = value;
		return;
	}
	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 16;
		struct property *items = arena_alloc(a, cap * sizeof(*items));
		if (p->count > 0)
			memcpy(items, p->items, p->count * sizeof(*items));
		p->items = items;
		p->cap = cap;
	}
	p->items[p->count++] = (struct property){ .key = key, .value = value, .line = line };
}

static bool add_logical(const struct logical *l, struct arena *a, struct properties *out,
                        struct error *err)
{
	const char *end = l->text.data + l->text.len;
	const char *value_start;
	const char *key_end = split(l->text.data, end, &value_start);
	const char *key = unescape(l->text.data, key_end, a, err);
	const char *value = key ? unescape(value_start, end, a, err) : NULL;

	for (size_t i = l->joins_before; i < out->join_count; i++)
		out->joins[i].key = key;
	if (value == NULL) {
		err->line = l->line;
		err->column = 1;
		return false;
	}
	properties_set(out, key, value, l->line, a);
	if (out->count > PROPERTIES_MAX)
		return error_set(err, ERROR_CONFIG, "more than %d properties", PROPERTIES_MAX);
	return true;
}

static bool parse_text(const struct option_block *block, struct arena *a, struct properties *out,
                       struct error *err)
{
	struct cursor c = {
		.start = block->text,
		.s = block->text,
		.end = block->text + block->len,
		.line = block->line,
		.next = block->lines,
		.lines_end = block->lines == NULL ? NULL : block->lines + block->line_count,
		.out = out,
		.arena = a,
	};
	struct logical l = { .line = block->line };
	bool ok = true;

	if (memchr(block->text, '\0', block->len) != NULL)
		return error_set(err, ERROR_CONFIG, "there is a NUL character in the properties");
	while (ok && take_logical(&c, &l))
		ok = add_logical(&l, a, out, err);
	text_fini(&l.text);
	return ok;
}

bool properties_parse(const char *text, size_t len, int first_line, struct arena *a,
                      struct properties *out, struct error *err)
{
	struct option_block block = { .text = text, .len = len, .line = first_line };

	return parse_text(&block, a, out, err);
}

bool properties_parse_block(const struct option_block *block, struct arena *a,
                            struct properties *out, struct error *err)
{
	if (block->text != NULL && !parse_text(block, a, out, err))
		return false;
	for (size_t i = 0; i < block->set_count; i++)
		properties_set(out, block->sets[i].key, block->sets[i].value, 0, a);
	return true;
}

void properties_add_all(struct properties *out, const struct properties *more, struct arena *a)
{
	for (size_t i = 0; i < more->count; i++)
		properties_set(out, more->items[i].key, more->items[i].value, more->items[i].line,
		               a);
}
