/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading half of omb_result.h: JSON of OMB or ours back into the struct.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/omb_fields.h"
#include "results/omb_result.h"
#include "util/file.h"
#include "util/xalloc.h"

/* A week of 10 s samples is some 30 MB. */
#define FILE_MAX ((size_t)256 << 20)

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

static bool parse_series(const json_t *j, struct omb_series *out)
{
	size_t len = json_array_size(j);

	if (!json_is_array(j))
		return false;
	out->items = xcalloc(len + 1, sizeof(*out->items));
	out->cap = len + 1;
	for (size_t i = 0; i < len; i++) {
		if (!parse_number(json_array_get(j, i), &out->items[i]))
			return false;
		out->count = i + 1;
	}
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

static bool parse_field(const struct omb_field *f, json_t *value, void *at)
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
	case OMB_DOUBLES:
	case OMB_WHOLES:
		return parse_series(value, at);
	case OMB_DOUBLE_BY_PCT:
	case OMB_WHOLE_BY_PCT:
		return parse_quantiles(value, at);
	}
	abort();
}

static bool parse_fields(json_t *root, struct omb_result *out, struct error *err)
{
	const char *name;
	json_t *value;

	if (!json_is_object(root))
		return error_set(err, ERROR_CONFIG, "not a JSON object");
	json_object_foreach(root, name, value)
	{
		const struct omb_field *f = field_named(name);
		if (f == NULL)
			return error_set(err, ERROR_CONFIG,
			                 "\"%s\" is not a field of a result file", name);
		if (!parse_field(f, value, (char *)out + f->offset))
			return error_set(err, ERROR_CONFIG, "%s: the value has a wrong type", name);
	}
	return true;
}

bool omb_result_parse(const char *json, size_t len, struct omb_result *out, struct error *err)
{
	json_error_t where;
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &where);

	*out = (struct omb_result){ .workload = NULL };
	if (root == NULL) {
		error_set(err, ERROR_CONFIG, "%s", where.text);
		err->line = where.line;
		err->column = where.column;
		return false;
	}
	bool ok = parse_fields(root, out, err);
	if (!ok)
		omb_result_fini(out);
	json_decref(root);
	return ok;
}

bool omb_result_load(const char *path, struct omb_result *out, struct error *err)
{
	size_t len = 0;
	char *json = file_read(path, FILE_MAX, &len, err);

	*out = (struct omb_result){ .workload = NULL };
	if (json == NULL)
		return error_wrap(err, "result");
	bool ok = omb_result_parse(json, len, out, err);
	free(json);
	return ok || error_wrap(err, "result %s", path);
}
