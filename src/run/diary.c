/* SPDX-License-Identifier: Apache-2.0 */
#include "run/diary.h"

#include "results/side_file.h"
#include "run/console.h"
#include "run/platform.h"

static uint64_t wall_ns(const struct diary *d)
{
	return d->platform->wall_ns(d->platform->to);
}

bool diary_is_kept(const struct diary *d)
{
	return d->journal.opened && !d->journal.stopped;
}

/* Finishes *line. */
static void write_line(struct diary *d, struct text *line, enum journal_sync sync)
{
	struct error err = { 0 };

	if (diary_is_kept(d) && !journal_append(&d->journal, line->data, line->len, sync, &err)) {
		console_say(d->console, CONSOLE_WARNING, wall_ns(d),
		            d->has_window ? "the run goes on, but if it is killed only what was "
		                            "measured until now can be recovered: %s"
		                          : "the run goes on, but can no longer be recovered if "
		                            "it is killed: %s",
		            err.text);
		d->failure = err;
		d->failed_ns = d->platform->now_ns(d->platform->to);
		journal_stop(&d->journal);
	}
	text_fini(line);
}

bool diary_open(struct diary *d, const char *folder, const struct record *before, struct error *err)
{
	struct error unregistered = { 0 };
	struct text line = { 0 };

	d->started_ns = before->started_ns;
	if (!journal_open(&d->journal, folder, before->run_id, err))
		return false;
	if (!journal_register(&d->journal, before->run_id, &unregistered))
		console_say(
			d->console, CONSOLE_WARNING, wall_ns(d),
			"the run is not registered: `omb cleanup` does not know that it lives: %s",
			unregistered.text);
	side_file_format_start(before, &line);
	write_line(d, &line, JOURNAL_SYNCED);
	return true;
}

/* Instants are written as of the start. */
static struct record origin(const struct diary *d)
{
	return (struct record){ .started_ns = d->started_ns };
}

void diary_driver(struct diary *d, const struct record *known)
{
	struct text line = { 0 };

	side_file_format_driver(known, &line);
	write_line(d, &line, JOURNAL_CACHED);
}

void diary_phase(struct diary *d, const struct record_phase *entered)
{
	const struct record from = origin(d);
	struct text line = { 0 };

	side_file_format_phase(&from, entered, &line);
	write_line(d, &line, JOURNAL_CACHED);
}

void diary_window(struct diary *d, const struct record *known)
{
	struct text line = { 0 };

	side_file_format_window(known, &line);
	write_line(d, &line,
	           JOURNAL_CACHED); /* a disk that is slow now would hold up the samples */
	d->has_window = diary_is_kept(d);
}

void diary_event(struct diary *d, const struct fact_event *e)
{
	const struct record from = origin(d);
	struct text line = { 0 };

	side_file_format_event(&from, e, &line);
	write_line(d, &line, JOURNAL_CACHED);
}

void diary_second(struct diary *d, const struct record_second *s)
{
	const struct record from = origin(d);
	struct text line = { 0 };

	side_file_format_second(&from, s, &line);
	write_line(d, &line, JOURNAL_CACHED);
}

bool diary_period(struct diary *d, const struct record_period *p)
{
	const struct record from = origin(d);
	struct text line = { 0 };

	side_file_format_period(&from, p, &line);
	write_line(d, &line, JOURNAL_CACHED);
	return diary_is_kept(d);
}

void diary_end(struct diary *d, bool is_needed)
{
	struct error err = { 0 };

	if (!d->journal.opened)
		return;
	/* Of a journal that was lost before the window nothing can be made. */
	if (!is_needed || !d->has_window) {
		if (!journal_remove(&d->journal, &err))
			console_say(d->console, CONSOLE_WARNING, wall_ns(d), "%s", err.text);
		return;
	}
	console_say(d->console, CONSOLE_WARNING, wall_ns(d),
	            "`omb recover %s` makes a result of what was measured%s", d->journal.path,
	            diary_is_kept(d) ? "" : " as long as the journal could be written");
	journal_close(&d->journal);
}
