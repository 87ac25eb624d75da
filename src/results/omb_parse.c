/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading half of omb_result.h: JSON of OMB or ours back into the struct.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/omb_fields.h"
#include "results/omb_result.h"
#include "util/file.h"
#include "util/json_stream.h"
#include "util/xalloc.h"

/* Jackson writes what is not finite as a string. */
static bool parse_number(const json_t *j, double *out)
{
	const char *word = json_string_value(j);

	if (json_is_number(j)) {
		*out = json_number_value(j);
		return true;
	}
	if (word == NULL)
		return false;
	if (strcmp(word, "NaN") == 0)
		*out = NAN;
	else if (strcmp(word, "Infinity") == 0)
		*out = INFINITY;
	else if (strcmp(word, "-Infinity") == 0)
		*out = -INFINITY;
	else
		return false;
	return true;
}

static bool parse_text(const json_t *j, char **out)
{
	if (!json_is_string(j))
		return false;
	*out = xstrdup(json_string_value(j));
	return true;
}

static bool parse_count(const json_t *j, int64_t *out)
{
	if (!json_is_integer(j))
		return false;
	*out = json_integer_value(j);
	return true;
}

static int by_percentile(const void *a, const void *b)
{
	const struct omb_quantile *x = a, *y = b;

	return (x->percentile > y->percentile) - (x->percentile < y->percentile);
}

static bool parse_quantiles(json_t *j, struct omb_quantiles *out)
{
	const char *key;
	json_t *value;

	if (!json_is_object(j))
		return false;
	out->cap = json_object_size(j) + 1;
	out->items = xcalloc(out->cap, sizeof(*out->items));
	json_object_foreach(j, key, value)
	{
		struct omb_quantile *q = &out->items[out->count];
		char *end;
		q->percentile = strtod(key, &end);
		if (end == key || *end != '\0' || !parse_number(value, &q->value))
			return false;
		out->count++;
	}
	qsort(out->items, out->count, sizeof(*out->items), by_percentile);
	return true;
}

static const struct omb_field *field_named(const char *name)
{
	for (size_t i = 0; i < OMB_FIELDS; i++) {
		if (strcmp(omb_fields[i].name, name) == 0)
			return &omb_fields[i];
	}
	return NULL;
}

/* A file while it is read. */
struct parse {
	struct json_stream *from;
	struct omb_result *out;
	omb_series_take *take;
	void *to;
	struct error *err;
	uint64_t seen; /* fields */
};

static bool wrong_type(const struct parse *p, const struct omb_field *f)
{
	return error_set(p->err, ERROR_CONFIG, "%s: the value has a wrong type", f->name);
}

/* One number is in memory at a time. */
static bool parse_series(struct parse *p, const struct omb_field *f)
{
	struct omb_series *series = (void *)((char *)p->out + f->offset);
	enum json_stream_step step = JSON_STREAM_BAD;

	if (json_stream_enter(p->from, '[', p->err))
		while ((step = json_stream_next(p->from, NULL, p->err)) == JSON_STREAM_ITEM) {
			double number;
			json_t *value = json_stream_value(p->from, p->err);
			bool ok =
				value != NULL && (parse_number(value, &number) || wrong_type(p, f));
			json_decref(value);
			if (!ok)
				return false;
			p->take(p->to, series, number);
		}
	return step == JSON_STREAM_END;
}

static bool parse_value(const struct omb_field *f, json_t *value, void *at)
{
	if (json_is_null(value))
		return true; /* as if it was missing */
	switch (f->type) {
	case OMB_TEXT:
		return parse_text(value, at);
	case OMB_COUNT:
		return parse_count(value, at);
	case OMB_DOUBLE:
	case OMB_WHOLE:
		return parse_number(value, at);
	case OMB_DOUBLE_BY_PCT:
	case OMB_WHOLE_BY_PCT:
		return parse_quantiles(value, at);
	case OMB_DOUBLES:
	case OMB_WHOLES:
		return false; /* it is no list */
	}
	abort();
}

static bool parse_field(struct parse *p, const char *name)
{
	const struct omb_field *f = field_named(name);

	if (f == NULL)
		return error_set(p->err, ERROR_CONFIG, "\"%s\" is not a field of a result file",
		                 name);
	uint64_t bit = UINT64_C(1) << (f - omb_fields);
	if ((p->seen & bit) != 0) {
		error_set(p->err, ERROR_CONFIG, "%s comes twice", name);
		p->err->line = p->from->line;
		p->err->column = p->from->column;
		return false;
	}
	p->seen |= bit;
	bool is_series = f->type == OMB_DOUBLES || f->type == OMB_WHOLES;
	if (is_series && json_stream_is_at(p->from, '['))
		return parse_series(p, f);
	json_t *value = json_stream_value(p->from, p->err);
	if (value == NULL)
		return false;
	bool ok = parse_value(f, value, (char *)p->out + f->offset) || wrong_type(p, f);
	json_decref(value);
	return ok;
}

static bool parse_fields(struct parse *p)
{
	enum json_stream_step step = JSON_STREAM_BAD;
	struct text key = { 0 };

	if (json_stream_is_at(p->from, '[') || json_stream_is_at(p->from, '"'))
		return error_set(p->err, ERROR_CONFIG, "not a JSON object");
	if (json_stream_enter(p->from, '{', p->err))
		while ((step = json_stream_next(p->from, &key, p->err)) == JSON_STREAM_ITEM)
			if (!parse_field(p, text_str(&key))) {
				step = JSON_STREAM_BAD;
				break;
			}
	text_fini(&key);
	return step == JSON_STREAM_END && json_stream_end(p->from, p->err);
}

static void store(void *to, struct omb_series *series, double value)
{
	(void)to;
	omb_series_add(series, value);
}

static bool parse(struct json_stream *from, struct omb_result *out, omb_series_take *take, void *to,
                  struct error *err)
{
	struct parse p = { .from = from, .out = out, .take = take, .to = to, .err = err };

	*out = (struct omb_result){ .workload = NULL };
	bool ok = parse_fields(&p);
	if (!ok)
		omb_result_fini(out);
	json_stream_fini(from);
	return ok;
}

bool omb_result_parse(const char *json, size_t len, struct omb_result *out, struct error *err)
{
	struct json_stream from;

	json_stream_over(&from, json, len);
	return parse(&from, out, store, NULL, err);
}

bool omb_result_load(const char *path, struct omb_result *out, omb_series_take *take, void *to,
                     struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct json_stream from;

	*out = (struct omb_result){ .workload = NULL };
	if (fd < 0)
		return error_set_errno(err, errno, "result %s", path);
	json_stream_open(&from, fd);
	bool ok = parse(&from, out, take, to, err);
	file_close(fd);
	return ok || error_wrap(err, "result %s", path);
}
