/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "util/arena.h"
#include "util/fields.h"

/* Counts of one run stay far below; sums of two cannot wrap. */
#define COUNT_MAX (INT64_C(1) << 53)

static bool refuse(const struct fields_in *in, const char *name, const char *what)
{
	return error_set(in->err, ERROR_CONFIG, "%.100s is no %s", name, what);
}

static bool read_integer(const json_t *v, int64_t least, int64_t most, int64_t *out)
{
	*out = json_integer_value(v);
	return json_is_integer(v) && *out >= least && *out <= most;
}

static bool read_number(const struct field *f, const json_t *v, void *to, struct fields_in *in)
{
	int64_t most = COUNT_MAX, value;

	if (f->kind == FIELD_WALL || f->kind == FIELD_LIMIT)
		most = INT64_MAX;
	else if (f->size == sizeof(uint32_t))
		most = UINT32_MAX;
	if (!read_integer(v, 0, most, &value))
		return refuse(in, f->name, f->kind == FIELD_WALL ? "time" : "count");

	uint64_t wide = (uint64_t)value + (f->kind == FIELD_INSTANT ? in->origin_ns : 0);
	uint32_t narrow = (uint32_t)value;
	memcpy(to, f->size == sizeof(wide) ? (const void *)&wide : &narrow, f->size);
	return true;
}

static bool read_int(const struct field *f, const json_t *v, int *to, struct fields_in *in)
{
	int64_t value;

	if (!read_integer(v, INT32_MIN, INT32_MAX, &value))
		return refuse(in, f->name, "number");
	*to = (int)value;
	return true;
}

static bool read_real(const struct field *f, const json_t *v, double *to, struct fields_in *in)
{
	*to = json_number_value(v);
	if (!json_is_number(v) || *to > (double)COUNT_MAX || *to < -(double)COUNT_MAX)
		return refuse(in, f->name, "rate");
	return true;
}

static bool read_name(const struct field *f, const json_t *v, void *to, struct fields_in *in)
{
	const char *name = json_string_value(v);

	for (uint32_t i = 0; name != NULL && i < f->names_count; i++)
		if (f->names[i] != NULL && strcmp(f->names[i], name) == 0) {
			memcpy(to, &i, sizeof(i));
			return true;
		}
	return error_set(in->err, ERROR_CONFIG, "%.100s is none that is known", f->name);
}

static bool read_counts(const struct field *f, const json_t *v, uint64_t *to, struct fields_in *in)
{
	if (!json_is_object(v))
		return refuse(in, f->name, "object");
	for (size_t i = 0; i < f->names_count; i++) {
		const json_t *one = json_object_get(v, f->names[i]);
		int64_t value = 0;

		if (one != NULL && !read_integer(one, 0, COUNT_MAX, &value))
			return refuse(in, f->names[i], "count");
		to[i] = (uint64_t)value;
	}
	return true;
}

/* Room for so many structs. */
static char *make_list(const struct field *f, size_t count, void *base, struct fields_in *in)
{
	char *items = arena_alloc(in->arena, (count + 1) * f->of->size);

	memset(items, 0, (count + 1) * f->of->size);
	memcpy((char *)base + f->offset, &items, sizeof(items));
	memcpy((char *)base + f->count, &count, sizeof(count));
	return items;
}

static bool read_list(const struct field *f, const json_t *v, void *base, struct fields_in *in)
{
	size_t count = json_array_size(v);

	if (!json_is_array(v))
		return refuse(in, f->name, "list");
	char *items = make_list(f, count, base, in);
	for (size_t i = 0; i < count; i++)
		if (!fields_read(f->of, json_array_get(v, i), items + i * f->of->size, in))
			return false;
	return true;
}

/* All columns that are there are as long as the first one of the table. */
static bool read_columns(const struct field *f, const json_t *v, void *base, struct fields_in *in)
{
	size_t count = json_array_size(json_object_get(v, f->of->items[0].name));
	char *items = make_list(f, count, base, in);

	for (size_t k = 0; k < f->of->count; k++) {
		const struct field *one = &f->of->items[k];
		const json_t *column = json_object_get(v, one->name);

		if (json_array_size(column) != (column != NULL ? count : 0))
			return refuse(in, one->name, "column");
		for (size_t i = 0; i < count; i++)
			if (!fields_read_value(one, json_array_get(column, i),
			                       items + i * f->of->size, in))
				return false;
	}
	return true;
}

/* The column of this name; SIZE_MAX: there is none. */
static size_t column_named(const json_t *names, const char *name)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *one = json_string_value(json_array_get(names, i));
		if (one != NULL && strcmp(one, name) == 0)
			return i;
	}
	return SIZE_MAX;
}

static bool read_rows(const struct field *f, const json_t *v, void *base, struct fields_in *in)
{
	const json_t *names = json_object_get(v, "columns"), *rows = json_object_get(v, "rows");
	size_t count = json_array_size(rows);
	char *items = make_list(f, count, base, in);

	if (!json_is_array(names) || !json_is_array(rows))
		return refuse(in, f->name, "table");
	for (size_t k = 0; k < f->of->count; k++) {
		const struct field *one = &f->of->items[k];
		size_t at = column_named(names, one->name);

		for (size_t i = 0; i < count; i++)
			if (!fields_read_value(one, json_array_get(json_array_get(rows, i), at),
			                       items + i * f->of->size, in))
				return false;
	}
	return true;
}

static bool read_text(const struct field *f, const json_t *v, void *to, struct fields_in *in)
{
	if (!json_is_string(v))
		return refuse(in, f->name, "text");
	if (f->kind == FIELD_CHARS) {
		(void)snprintf(to, f->size, "%s", json_string_value(v));
		return true;
	}
	const char *copy = arena_strdup(in->arena, json_string_value(v));
	memcpy(to, &copy, sizeof(copy));
	return true;
}

static bool read_value(const struct field *f, const json_t *v, void *base, struct fields_in *in)
{
	void *to = (char *)base + f->offset;

	switch (f->kind) {
	case FIELD_BOOL:
		*(bool *)to = json_is_true(v);
		return json_is_boolean(v) || refuse(in, f->name, "truth value");
	case FIELD_INT:
		return read_int(f, v, to, in);
	case FIELD_UINT:
	case FIELD_COUNT:
	case FIELD_WALL:
	case FIELD_INSTANT:
	case FIELD_LIMIT:
		return read_number(f, v, to, in);
	case FIELD_REAL:
		return read_real(f, v, to, in);
	case FIELD_TEXT:
	case FIELD_MESSAGE:
	case FIELD_CHARS:
		return read_text(f, v, to, in);
	case FIELD_NAME:
		return read_name(f, v, to, in);
	case FIELD_COUNTS:
		return read_counts(f, v, to, in);
	case FIELD_STRUCT:
		return fields_read_members(f->of, v, to, in);
	case FIELD_PART:
		return fields_read_members(f->of, v, base, in);
	case FIELD_LIST:
		return read_list(f, v, base, in);
	case FIELD_COLUMNS:
		return read_columns(f, v, base, in);
	case FIELD_ROWS:
		return read_rows(f, v, base, in);
	case FIELD_CUSTOM:
		return f->custom->read(v, base, in);
	}
	return refuse(in, f->name, "member");
}

bool fields_read_value(const struct field *f, const json_t *v, void *base, struct fields_in *in)
{
	const uint64_t no_limit = UINT64_MAX;

	if (f->kind == FIELD_LIMIT && json_is_null(v)) {
		memcpy((char *)base + f->offset, &no_limit, sizeof(no_limit));
		return true;
	}
	if (v != NULL && !json_is_null(v))
		return read_value(f, v, base, in);
	if ((f->flags & FIELD_MUST) != 0)
		return error_set(in->err, ERROR_CONFIG, "%.100s is missing", f->name);
	return f->kind != FIELD_CUSTOM || f->custom->read(NULL, base, in);
}

bool fields_read_members(const struct fields *f, const json_t *from, void *to, struct fields_in *in)
{
	if (!json_is_object(from))
		return error_set(in->err, ERROR_CONFIG, "an object is missing");
	for (size_t i = 0; i < f->count; i++)
		if (!fields_read_value(&f->items[i], json_object_get(from, f->items[i].name), to,
		                       in))
			return false;
	return true;
}

bool fields_read(const struct fields *f, const json_t *from, void *to, struct fields_in *in)
{
	memset(to, 0, f->size);
	return fields_read_members(f, from, to, in);
}
