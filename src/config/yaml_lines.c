/* SPDX-License-Identifier: Apache-2.0 */
#include "config/yaml_lines.h"

#include <string.h>

#include "config/yaml_node.h"
#include "util/arena.h"

/* Walks over the lines of the file. */
struct walk {
	const char *s, *end; /* what is left of the file */
	int line;            /* of `s`, from 1 */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_eol(char c)
{
	return c == '\n' || c == '\r';
}

/* The walk goes behind the end of its line. */
static void next_line(struct walk *w)
{
	while (w->s < w->end && !is_eol(*w->s))
		w->s++;
	if (w->s < w->end && w->s[0] == '\r' && w->s + 1 < w->end && w->s[1] == '\n')
		w->s++;
	if (w->s < w->end)
		w->s++;
	w->line++;
}

/* Without the blanks at both ends; the number of those in front. */
static size_t trim(const char **s, const char **end)
{
	const char *start = *s;

	while (*s < *end && is_blank(**s))
		++*s;
	while (*end > *s && is_blank((*end)[-1]))
		--*end;
	return (size_t)(*s - start);
}

/* To where the text begins in the file. */
static struct walk start_of(const struct yaml_node *node, const char *source, size_t len)
{
	struct walk w = { source, source + len, 1 };

	while (w.line < node->line && w.s < w.end)
		next_line(&w);
	if (node->style == YAML_BLOCK)
		next_line(&w); /* behind the `>` */
	for (int i = 1; node->style != YAML_BLOCK && i < node->column && w.s + 1 < w.end; w.s++)
		if (((unsigned char)w.s[1] & 0xc0) != 0x80) /* columns are characters */
			i++;
	if (node->style == YAML_QUOTED && w.s < w.end)
		w.s++;
	return w;
}

/* Finds what stands in the walk's line in the text from *at on, and moves *at behind it.  The text
 * may end within the line: a quote, a comment or a bracket follows.  False: it is not there. */
static bool match(const struct yaml_node *node, const char *s, const char *end, size_t *at)
{
	size_t left = node->text_len - *at, len = (size_t)(end - s);

	if (len > left)
		len = left;
	if (len == 0 || memcmp(node->text + *at, s, len) != 0)
		return false;
	*at += len;
	return true;
}

static void add(struct yaml_line **lines, size_t *count, size_t *cap, struct yaml_line line,
                struct arena *a)
{
	if (*count == *cap) {
		*cap = *cap == 0 ? 8 : *cap * 2;
		struct yaml_line *more = arena_alloc(a, *cap * sizeof(*more));
		if (*count > 0)
			memcpy(more, *lines, *count * sizeof(*more));
		*lines = more;
	}
	(*lines)[(*count)++] = line;
}

void yaml_lines_find(struct yaml_node *node, const char *source, size_t len, struct arena *a)
{
	struct walk w = start_of(node, source, len);
	struct yaml_line *lines = NULL;
	size_t at = 0, count = 0, cap = 0;

	for (; w.s < w.end && at < node->text_len; next_line(&w)) {
		const char *s = w.s, *end = s;
		while (end < w.end && !is_eol(*end))
			end++;
		int column = (int)trim(&s, &end) + 1;
		if (s == end)
			continue;
		if (count == 0 && node->style != YAML_BLOCK)
			column = node->column; /* the walk began in the middle of this line */

		bool joined = count > 0;
		for (; at < node->text_len && (is_blank(node->text[at]) || node->text[at] == '\n');
		     at++)
			if (node->text[at] == '\n')
				joined = false;
		size_t offset = at;
		if (!match(node, s, end, &at))
			break;
		add(&lines, &count, &cap, (struct yaml_line){ offset, w.line, column, joined }, a);
	}
	node->lines = lines;
	node->line_count = count;
}
