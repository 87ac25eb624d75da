/* SPDX-License-Identifier: Apache-2.0 */
#include "results/side_file.h"

#include <string.h>

#include "facts/fact_fields.h"
#include "results/journal.h"
#include "results/record_fields.h"

/* --- the file --------------------------------------------------------------------------------------- */

/* A line's last member: a period without it is an element of the list in the result. */
#define PERIOD_ENDING ",\"line\":\"period\"}"

bool side_file_is_period(const char *line, size_t len)
{
	size_t ending = strlen(PERIOD_ENDING);

	return len > ending && memcmp(line + len - ending, PERIOD_ENDING, ending) == 0;
}

struct copying {
	struct file_draft *out;
	const char *separator; /* before the next one */
};

static void begin_period(struct copying *c)
{
	text_add(&c->out->text, c->separator);
	c->separator = ",\n";
}

static bool copy_period(void *to, const char *line, size_t len, bool has_newline, struct error *err)
{
	struct copying *c = to;

	(void)has_newline;
	(void)err;
	if (side_file_is_period(line, len)) {
		begin_period(c);
		text_add_bytes(&c->out->text, line, len - strlen(PERIOD_ENDING));
		text_add(&c->out->text, "}");
		(void)file_draft_pass(c->out);
	}
	return true;
}

/* One on each line. */
static bool write_periods(const struct record *r, struct file_draft *out, struct error *err)
{
	struct fields_out to = { .text = &out->text, .origin_ns = r->started_ns };
	struct copying c = { .out = out, .separator = "\n" };

	text_add(&out->text, ",\n\"periods\": [");
	if (r->journal != NULL && !journal_each(r->journal, copy_period, &c, err))
		return false;
	for (size_t i = 0; i < r->periods_count; i++) {
		begin_period(&c);
		fields_write(&period_fields, &r->periods[i], &to);
	}
	text_add(&out->text, "]");
	return true;
}

/* One member on each line: a person can read it, and `grep '^"verdict"'` finds it. */
bool side_file_write(const struct record *r, struct file_draft *out, struct error *err)
{
	struct fields_out to = { .text = &out->text, .origin_ns = r->started_ns };

	text_addf(&out->text, "{\n\"format\": \"" SIDE_FILE_FORMAT "\",\n\"formatVersion\": %d",
	          SIDE_FILE_VERSION);
	for (size_t i = 0; i < record_fields.count; i++) {
		if (fields_leave_out(&record_fields.items[i], r))
			continue;
		text_addf(&out->text, ",\n\"%s\": ", record_fields.items[i].name);
		fields_write_value(&record_fields.items[i], r, &to);
		(void)file_draft_pass(out);
	}
	if (!write_periods(r, out, err))
		return false;
	text_add(&out->text, "\n}\n");
	return true;
}

/* --- lines of the journal --------------------------------------------------------------------------- */

static void write_line(const char *kind, const struct fields *f, const void *from,
                       const struct record *r, struct text *out)
{
	struct fields_out to = { .text = out, .origin_ns = r->started_ns };

	text_add(out, "{");
	fields_write_members(f, from, &to);
	text_addf(out, ",\"line\":\"%s\"}", kind);
}

void side_file_format_start(const struct record *r, struct text *out)
{
	struct fields_out to = { .text = out, .origin_ns = r->started_ns };

	text_add(out, "{");
	fields_write_members(&record_run_fields, r, &to);
	text_addf(out, ",\"format\":\"" SIDE_FILE_JOURNAL_FORMAT "\",\"formatVersion\":%d,",
	          SIDE_FILE_JOURNAL_VERSION);
	fields_write_members(&record_start_fields, r, &to);
	text_add(out, ",\"line\":\"start\"}");
}

void side_file_format_driver(const struct record *r, struct text *out)
{
	write_line("driver", &record_rows_fields, r, r, out);
}

void side_file_format_phase(const struct record *r, const struct record_phase *p, struct text *out)
{
	write_line("phase", &phase_start_fields, p, r, out);
}

void side_file_format_window(const struct record *r, struct text *out)
{
	write_line("window", &record_window_start_fields, r, r, out);
}

void side_file_format_event(const struct record *r, const struct fact_event *e, struct text *out)
{
	write_line("event", &event_fields, e, r, out);
}

void side_file_format_second(const struct record *r, const struct record_second *s,
                             struct text *out)
{
	write_line("second", &second_fields, s, r, out);
}

void side_file_format_period(const struct record *r, const struct record_period *p,
                             struct text *out)
{
	write_line("period", &period_fields, p, r, out);
}
