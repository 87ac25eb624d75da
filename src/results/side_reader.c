/* SPDX-License-Identifier: Apache-2.0 */
#include "results/side_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

#include "results/record_fields.h"
#include "results/side_file.h"
#include "util/file.h"

struct reading {
	struct side_reader *r;
	struct json_stream *from;
	side_period *each;
	void *to;
	struct text key;
	uint64_t seen; /* members of the table, by their places */
	bool has_periods;
	struct error *err;
};

static bool refuse_at(const struct reading *in, int line, int column, const char *what)
{
	error_set(in->err, ERROR_CONFIG, "%s", what);
	in->err->line = line;
	in->err->column = column;
	return false;
}

/* The next member must be this one. */
static json_t *take_named(struct reading *in, const char *name)
{
	if (json_stream_next(in->from, &in->key, in->err) != JSON_STREAM_ITEM ||
	    strcmp(text_str(&in->key), name) != 0)
		return NULL;
	return json_stream_value(in->from, in->err);
}

/* The first two members say what the file is. */
static bool check_format(struct reading *in)
{
	json_t *format = NULL, *version = NULL;
	bool ok = false;

	if (json_stream_enter(in->from, '{', in->err))
		format = take_named(in, "format");
	const char *name = json_string_value(format);
	if (name != NULL && strcmp(name, "omb-reserved") == 0) {
		error_set(
			in->err, ERROR_CONFIG,
			"the run that is going to write its result here is not over, or was killed");
	} else if (name == NULL || strcmp(name, SIDE_FILE_FORMAT) != 0) {
		error_set(in->err, ERROR_CONFIG, "this is no result of omb");
	} else {
		version = take_named(in, "formatVersion");
		json_int_t number = json_integer_value(version);
		ok = number == SIDE_FILE_VERSION;
		if (!ok)
			error_set(in->err, ERROR_CONFIG,
			          "a result of format version %" JSON_INTEGER_FORMAT
			          ", this omb reads version %d",
			          number, SIDE_FILE_VERSION);
	}
	json_decref(format);
	json_decref(version);
	return ok;
}

static bool take_period(struct reading *in)
{
	struct record_period p = { 0 };
	struct arena scratch = { 0 };
	struct error why;
	struct fields_in fields = { .arena = &scratch, .err = &why };
	int line = in->from->line, column = in->from->column;
	json_t *value = json_stream_value(in->from, in->err);
	bool ok = value != NULL;

	if (ok && (!fields_read(&period_fields, value, &p, &fields) || p.end_ns < p.start_ns))
		ok = refuse_at(in, line, column,
		               p.end_ns < p.start_ns ? "a period ends before it starts" : why.text);
	p.interval.taken_ns = p.end_ns - p.start_ns;
	in->r->periods += ok;
	if (ok && in->each != NULL)
		ok = in->each(in->to, in->r, &p, in->err);
	json_decref(value);
	snapshot_fini(&p.interval);
	arena_fini(&scratch);
	return ok;
}

static bool take_periods(struct reading *in)
{
	enum json_stream_step step = JSON_STREAM_BAD;

	if (in->has_periods)
		return refuse_at(in, in->from->line, in->from->column, "periods come twice");
	in->has_periods = true;
	if (json_stream_enter(in->from, '[', in->err))
		while ((step = json_stream_next(in->from, NULL, in->err)) == JSON_STREAM_ITEM)
			if (!take_period(in))
				return false;
	return step == JSON_STREAM_END;
}

/* The place of a member in the table; its length: it has none. */
static size_t place_of(const char *name)
{
	size_t i = 0;

	while (i < record_fields.count && strcmp(record_fields.items[i].name, name) != 0)
		i++;
	return i;
}

static bool take_member(struct reading *in)
{
	size_t place = place_of(text_str(&in->key));
	int line = in->from->line, column = in->from->column;
	struct error why;
	struct fields_in fields = { .arena = &in->r->arena, .err = &why };

	if (place < record_fields.count && (in->seen >> place & 1) != 0)
		return refuse_at(in, line, column, "a member comes twice");
	json_t *value = json_stream_value(in->from, in->err);
	if (value == NULL)
		return false;
	bool ok = true;
	if (place < record_fields.count) {
		const struct field *f = &record_fields.items[place];
		in->seen |= UINT64_C(1) << place;
		if (!fields_read_value(f, value, &in->r->record, &fields)) {
			error_wrap(&why, "%s", f->name);
			ok = refuse_at(in, line, column, why.text);
		}
	}
	json_decref(value);
	return ok;
}

/* What every result has. */
static bool check_complete(struct reading *in)
{
	struct fields_in fields = { .arena = &in->r->arena, .err = in->err };

	for (size_t i = 0; i < record_fields.count; i++) {
		const struct field *f = &record_fields.items[i];
		if ((in->seen >> i & 1) == 0 && (f->flags & FIELD_MUST) != 0)
			return fields_read_value(f, NULL, &in->r->record, &fields);
	}
	return in->has_periods || error_set(in->err, ERROR_CONFIG, "periods is missing");
}

static bool take_members(struct reading *in)
{
	enum json_stream_step step;

	while ((step = json_stream_next(in->from, &in->key, in->err)) == JSON_STREAM_ITEM)
		if (!(strcmp(text_str(&in->key), "periods") == 0 ? take_periods(in)
		                                                 : take_member(in)))
			return false;
	return step == JSON_STREAM_END && json_stream_end(in->from, in->err) && check_complete(in);
}

bool side_reader_read(struct side_reader *r, struct json_stream *from, side_period *each, void *to,
                      struct error *err)
{
	struct reading in = { .r = r, .from = from, .each = each, .to = to, .err = err };

	*r = (struct side_reader){ .periods = 0 };
	bool ok = check_format(&in) && take_members(&in);
	text_fini(&in.key);
	return ok;
}

bool side_reader_load(struct side_reader *r, const char *path, side_period *each, void *to,
                      struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct json_stream from;

	*r = (struct side_reader){ .periods = 0 };
	if (fd < 0)
		return error_set_errno(err, errno, "result %s", path);
	json_stream_open(&from, fd);
	bool ok = side_reader_read(r, &from, each, to, err) || error_wrap(err, "result %s", path);
	json_stream_fini(&from);
	file_close(fd);
	return ok;
}

void side_reader_fini(struct side_reader *r)
{
	for (size_t i = 0; i < r->record.agents_count; i++) {
		const struct fact_agent *a = &r->record.agents[i];
		if (a->snapshot != NULL)
			snapshot_fini(a->snapshot);
		if (a->late != NULL)
			hist_copy_fini(a->late);
	}
	if (r->record.coordinator_late != NULL) /* made by the reader */
		hist_copy_fini((struct hist_copy *)(uintptr_t)r->record.coordinator_late);
	snapshot_fini(&r->record.totals);
	arena_fini(&r->arena);
	*r = (struct side_reader){ .periods = 0 };
}
