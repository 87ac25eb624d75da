/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_JSON_STREAM_H
#define OMB_UTIL_JSON_STREAM_H

/*
 * json_stream -- a JSON text that is longer than memory: its outer structure is walked, and what stands in
 * it is read value by value.
 *
 *     json_stream_enter(s, '{', err);
 *     while ((step = json_stream_next(s, &key, err)) == JSON_STREAM_ITEM)
 *             value = json_stream_value(s, err);
 *
 * Any bytes are safe.  An error has its line and column.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/error.h"
#include "util/text.h"

struct json_t; /* jansson's */

#define JSON_STREAM_DEPTH 4 /* containers that are walked; those in values do not count */

struct json_stream {
	int fd; /* borrowed; -1 = all of it is in `data` */
	off_t offset;
	const char *data;
	size_t at, len;
	char *chunk;       /* owned */
	struct text value; /* the one that is read; owned */
	int line, column;
	int failure;                     /* errno of reading */
	char closing[JSON_STREAM_DEPTH]; /* brackets of what was entered */
	unsigned depth;
	bool is_first; /* nothing of the innermost one was taken yet */
};

/* From the first byte of a file on. */
void json_stream_open(struct json_stream *s, int fd);
/* Over memory, which is borrowed. */
void json_stream_over(struct json_stream *s, const char *data, size_t len);
void json_stream_fini(struct json_stream *s);

/* Steps into the value that comes, which must be this: '{' or '['. */
bool json_stream_enter(struct json_stream *s, char bracket, struct error *err);
/* Does a list come, or an object? */
bool json_stream_is_at(struct json_stream *s, char bracket);

enum json_stream_step {
	JSON_STREAM_ITEM, /* a value comes: it must be taken, or entered */
	JSON_STREAM_END,  /* of the innermost container, which is left */
	JSON_STREAM_BAD,  /* *err */
};

/* `key` (NULL in a list) is replaced. */
enum json_stream_step json_stream_next(struct json_stream *s, struct text *key, struct error *err);

/* The whole value; the caller releases it.  NULL: *err. */
struct json_t *json_stream_value(struct json_stream *s, struct error *err);

/* Goes past the value, of any length; what stands between its brackets is not judged. */
bool json_stream_skip(struct json_stream *s, struct error *err);

/* A text that has at most `max` bytes as it is written, escapes as they are; what json_stream_value takes
 * for one, but much faster.  *text ends with a NUL, and has none within; borrowed until the next value or
 * member. */
bool json_stream_text(struct json_stream *s, size_t max, const char **text, size_t *len,
                      struct error *err);

/* Behind the outermost value there is nothing but blanks. */
bool json_stream_end(struct json_stream *s, struct error *err);

#endif
