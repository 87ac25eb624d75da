/* SPDX-License-Identifier: Apache-2.0 */
#include "run/diary.h"

#include "results/side_file.h"
#include "run/state.h"

static uint64_t wall_ns(const struct run *r)
{
	return r->platform.wall_ns(r->platform.to);
}

bool diary_is_kept(const struct run *r)
{
	return r->diary.journal.opened && !r->diary.journal.stopped;
}

/* Finishes *line. */
static void write_line(struct run *r, struct text *line, enum journal_sync sync)
{
	struct error err = { 0 };

	if (diary_is_kept(r) &&
	    !journal_append(&r->diary.journal, line->data, line->len, sync, &err)) {
		console_say(&r->console, CONSOLE_WARNING, wall_ns(r),
		            "the run goes on, but can no longer be recovered if it is killed: %s",
		            err.text);
		r->diary.failure = err;
		r->diary.failed_ns = r->platform.now_ns(r->platform.to);
		journal_stop(&r->diary.journal);
	}
	text_fini(line);
}

bool diary_open(struct run *r, const char *folder, const struct record *before, struct error *err)
{
	struct error unregistered = { 0 };
	struct text line = { 0 };

	if (!journal_open(&r->diary.journal, folder, r->options->run_id, err))
		return false;
	if (!journal_register(&r->diary.journal, r->options->run_id, &unregistered))
		console_say(
			&r->console, CONSOLE_WARNING, wall_ns(r),
			"the run is not registered: `omb cleanup` does not know that it lives: %s",
			unregistered.text);
	side_file_format_start(before, &line);
	write_line(r, &line, JOURNAL_SYNCED);
	return true;
}

/* Instants are written as of the start. */
static struct record origin(const struct run *r)
{
	return (struct record){ .started_ns = r->started_ns };
}

void diary_driver(struct run *r, const struct record *known)
{
	struct text line = { 0 };

	side_file_format_driver(known, &line);
	write_line(r, &line, JOURNAL_CACHED);
}

void diary_phase(struct run *r)
{
	const struct record from = origin(r);
	struct text line = { 0 };

	side_file_format_phase(&from, &r->log[r->log_len - 1], &line);
	write_line(r, &line, JOURNAL_CACHED);
}

void diary_window(struct run *r, const struct record *known)
{
	struct text line = { 0 };

	side_file_format_window(known, &line);
	write_line(r, &line,
	           JOURNAL_CACHED); /* a disk that is slow now would hold up the samples */
	r->diary.has_window = diary_is_kept(r);
}

void diary_event(struct run *r, const struct fact_event *e)
{
	const struct record from = origin(r);
	struct text line = { 0 };

	side_file_format_event(&from, e, &line);
	write_line(r, &line, JOURNAL_CACHED);
}

void diary_second(struct run *r, const struct record_second *s)
{
	const struct record from = origin(r);
	struct text line = { 0 };

	side_file_format_second(&from, s, &line);
	write_line(r, &line, JOURNAL_CACHED);
}

void diary_period(struct run *r, const struct record_period *p)
{
	const struct record from = origin(r);
	struct text line = { 0 };

	side_file_format_period(&from, p, &line);
	write_line(r, &line, JOURNAL_CACHED);
}

void diary_end(struct run *r, bool is_needed)
{
	struct error err = { 0 };

	if (!r->diary.journal.opened)
		return;
	/* Of a journal that was lost before the window nothing can be made. */
	if (!is_needed || !r->diary.has_window) {
		if (!journal_remove(&r->diary.journal, &err))
			console_say(&r->console, CONSOLE_WARNING, wall_ns(r), "%s", err.text);
		return;
	}
	console_say(&r->console, CONSOLE_WARNING, wall_ns(r),
	            "`omb recover %s` makes a result of what was measured%s", r->diary.journal.path,
	            diary_is_kept(r) ? "" : " as long as the journal could be written");
	journal_close(&r->diary.journal);
}
