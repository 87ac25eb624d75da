/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json_stream.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/xalloc.h"

#define CHUNK     ((size_t)65536)
#define VALUE_MAX ((size_t)64 << 20)
#define THE_END   (-1)

/* --- bytes ------------------------------------------------------------------------------------------ */

void json_stream_over(struct json_stream *s, const char *data, size_t len)
{
	*s = (struct json_stream){ .fd = -1, .data = data, .len = len, .line = 1, .column = 1 };
}

void json_stream_open(struct json_stream *s, int fd)
{
	json_stream_over(s, NULL, 0);
	s->fd = fd;
	s->chunk = xmalloc(CHUNK);
}

void json_stream_fini(struct json_stream *s)
{
	free(s->chunk);
	text_fini(&s->value);
	json_stream_over(s, NULL, 0);
}

static bool read_more(struct json_stream *s)
{
	ssize_t n;

	if (s->fd < 0 || s->failure != 0)
		return false;
	do
		n = pread(s->fd, s->chunk, CHUNK, s->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		s->failure = errno;
	if (n <= 0)
		return false;
	s->offset += n;
	s->data = s->chunk;
	s->at = 0;
	s->len = (size_t)n;
	return true;
}

/* The next byte, which stays. */
static int peek(struct json_stream *s)
{
	if (s->at == s->len && !read_more(s))
		return THE_END;
	return (unsigned char)s->data[s->at];
}

static void advance(struct json_stream *s)
{
	bool is_newline = s->data[s->at] == '\n';

	s->line += is_newline;
	s->column = is_newline ? 1 : s->column + 1;
	s->at++;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int peek_behind_blanks(struct json_stream *s)
{
	while (is_blank(peek(s)))
		advance(s);
	return peek(s);
}

static bool refuse(const struct json_stream *s, struct error *err, const char *what)
{
	if (s->failure != 0)
		return error_set_errno(err, s->failure, "reading");
	error_set(err, ERROR_CONFIG, "%s", what);
	err->line = s->line;
	err->column = s->column;
	return false;
}

static bool expect(struct json_stream *s, char wanted, struct error *err)
{
	int c = peek_behind_blanks(s);
	char what[] = "a ? is missing";

	if (c != wanted) {
		what[2] = wanted;
		return refuse(s, err, c == THE_END ? "it ends too early" : what);
	}
	advance(s);
	return true;
}

/* --- values ----------------------------------------------------------------------------------------- */

/* Where the bytes of a value stand, as they are taken. */
struct extent {
	unsigned depth;
	bool in_string, is_escaped, is_over;
};

/* Is this byte one of the value's?  A number ends before what is none of it. */
static bool belongs(struct extent *e, int c)
{
	if (e->in_string) {
		bool ends = c == '"' && !e->is_escaped;
		e->is_escaped = c == '\\' && !e->is_escaped;
		e->in_string = !ends;
		e->is_over = ends && e->depth == 0;
		return true;
	}
	if (c == '"') {
		e->in_string = true;
		return true;
	}
	if (c == '{' || c == '[') {
		e->depth++;
		return true;
	}
	if (e->depth == 0 && (is_blank(c) || c == ',' || c == ']' || c == '}'))
		return false;
	if (c == '}' || c == ']') {
		e->depth--;
		e->is_over = e->depth == 0;
	}
	return true;
}

/* Behind those of the value that were read already; false: it is over. */
static bool pass_span(struct json_stream *s, struct extent *e)
{
	bool goes_on = true;

	while (goes_on && s->at < s->len) {
		goes_on = belongs(e, (unsigned char)s->data[s->at]);
		if (goes_on)
			advance(s);
		goes_on &= !e->is_over;
	}
	return goes_on;
}

/* Behind the value; into `kept` what it is, unless that is NULL. */
static bool pass_bytes(struct json_stream *s, struct text *kept, size_t max, struct error *err)
{
	struct extent e = { .depth = 0 };
	bool goes_on = true;
	size_t len = 0;

	peek_behind_blanks(s);
	while (goes_on && peek(s) != THE_END) {
		size_t from = s->at;
		goes_on = pass_span(s, &e);
		len += s->at - from;
		if (kept != NULL && len > max)
			return refuse(s, err,
			              max == VALUE_MAX ? "a value of more than 64 MiB"
			                               : "a text is too long");
		if (kept != NULL)
			text_add_bytes(kept, s->data + from, s->at - from);
	}
	if (goes_on && (len == 0 || e.depth > 0 || e.in_string))
		return refuse(s, err, "it ends too early");
	s->is_first = false;
	return len > 0 || refuse(s, err, "a value is missing");
}

/* Into s->value. */
static bool take_bytes(struct json_stream *s, size_t max, struct error *err)
{
	s->value.len = 0;
	return pass_bytes(s, &s->value, max, err);
}

/* What take_bytes took. */
static json_t *parse_value(struct json_stream *s, int line, int column, struct error *err)
{
	json_error_t where;
	json_t *value = json_loadb(s->value.data, s->value.len,
	                           JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &where);

	if (value == NULL) {
		error_set(err, ERROR_CONFIG, "%s", where.text);
		err->line = line + where.line - 1;
		err->column = where.line > 1 ? where.column : column + where.column - 1;
	}
	return value;
}

json_t *json_stream_value(struct json_stream *s, struct error *err)
{
	peek_behind_blanks(s);
	int line = s->line, column = s->column;
	return take_bytes(s, VALUE_MAX, err) ? parse_value(s, line, column, err) : NULL;
}

bool json_stream_skip(struct json_stream *s, struct error *err)
{
	return pass_bytes(s, NULL, 0, err);
}

/* A text of these bytes means what it says: no escapes, and nothing that must be looked at. */
static bool is_plain(const char *bytes, size_t len)
{
	unsigned char odd = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		odd |= c < 0x20 || c > 0x7e || c == '\\';
	}
	return odd == 0;
}

bool json_stream_text(struct json_stream *s, size_t max, const char **text, size_t *len,
                      struct error *err)
{
	if (peek_behind_blanks(s) != '"')
		return refuse(s, err, "a text is missing");
	int line = s->line, column = s->column;
	if (!take_bytes(s, max + 2, err))
		return false;
	if (!is_plain(s->value.data + 1, s->value.len - 2)) {
		json_t *value = parse_value(s, line, column, err);
		if (value == NULL)
			return false;
		s->value.len = 1;
		text_add_bytes(&s->value, json_string_value(value), json_string_length(value));
		text_add(&s->value, "\"");
		json_decref(value);
	}
	*text = s->value.data + 1;
	*len = s->value.len - 2;
	s->value.data[s->value.len - 1] = '\0'; /* the quote */
	return true;
}

/* --- structure -------------------------------------------------------------------------------------- */

bool json_stream_is_at(struct json_stream *s, char bracket)
{
	return peek_behind_blanks(s) == bracket;
}

bool json_stream_enter(struct json_stream *s, char bracket, struct error *err)
{
	assert(s->depth < JSON_STREAM_DEPTH);
	if (!expect(s, bracket, err))
		return false;
	s->closing[s->depth++] = bracket == '{' ? '}' : ']';
	s->is_first = true;
	return true;
}

static bool take_key(struct json_stream *s, struct text *key, struct error *err)
{
	const char *name = "";
	size_t len = 0;

	if (peek_behind_blanks(s) != '"')
		return refuse(s, err, "the name of a member is missing");
	if (!json_stream_text(s, VALUE_MAX - 2, &name, &len, err))
		return false;
	key->len = 0;
	text_add_bytes(key, name, len);
	return expect(s, ':', err);
}

enum json_stream_step json_stream_next(struct json_stream *s, struct text *key, struct error *err)
{
	assert(s->depth > 0);
	if (peek_behind_blanks(s) == s->closing[s->depth - 1]) {
		advance(s);
		s->depth--;
		s->is_first = false;
		return JSON_STREAM_END;
	}
	if (!s->is_first && !expect(s, ',', err))
		return JSON_STREAM_BAD;
	s->is_first = false;
	if (key != NULL && !take_key(s, key, err))
		return JSON_STREAM_BAD;
	return JSON_STREAM_ITEM;
}

bool json_stream_end(struct json_stream *s, struct error *err)
{
	return peek_behind_blanks(s) == THE_END && s->failure == 0
	               ? true
	               : refuse(s, err, "something stands behind its end");
}
