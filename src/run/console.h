/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_CONSOLE_H
#define OMB_RUN_CONSOLE_H

/*
 * console -- what a person (or a log collector) sees while a run goes on.
 *
 * On a terminal one line is rewritten in place every second; elsewhere a line is written every
 * sample period: phase and time, msg/s published > consumed, latencies, backlog, errors.
 * CONSOLE_JSON writes one object a line instead, each with the members `time` and `event`.
 * Everything fits 100 columns.  Progress goes to stderr, so that stdout has the summary alone.
 *
 * No run waits for who reads its progress (util/outlet.h): what there is no room for is counted, and told
 * by the next line.  The summary is waited for: all that mattered is over by then.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "util/outlet.h"
#include "util/text.h"

#define CONSOLE_COLUMNS 100

enum console_format { CONSOLE_TEXT, CONSOLE_JSON };

struct console_options {
	enum console_format format; /* --log-format */
	bool quiet;                 /* --quiet: warnings and the names of the files only */
	FILE *progress;             /* NULL = stderr */
	FILE *summary;              /* NULL = stdout */
};

struct console {
	struct console_options options; /* streams filled in */
	bool live;                      /* the line is rewritten in place */
	size_t live_len;                /* columns that are on the screen now */
	struct outlet progress;
	uint64_t wall_ns; /* of what is being said */
};

struct console_progress {
	const char *phase;
	uint64_t elapsed_ns, total_ns; /* in this phase; total 0 = open end */
	uint64_t done, wanted;         /* of what is being created; wanted 0 = nothing */
	bool has_rates;
	double tried_per_s; /* by the search; 0 = there is none */
	double publish_per_s, consume_per_s;
	/* Corrected ones, or without a schedule send -> acknowledged and send -> received.  Nothing is
	 * shown of a latency of which the interval has no value. */
	bool has_publish, has_e2e;
	uint64_t publish_p50_ns, publish_p99_ns, e2e_p50_ns, e2e_p99_ns;
	uint64_t backlog, errors;
};

/* What a message is about. */
enum console_level { CONSOLE_INFO, CONSOLE_WARNING };

/* The console stays where it is from then on. */
void console_init(struct console *c, const struct console_options *options);
void console_fini(struct console *c); /* also of a zeroed one */

void console_progress(struct console *c, const struct console_progress *p, uint64_t wall_ns);

/* A line that stays. */
void console_say(struct console *c, enum console_level level, uint64_t wall_ns, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));

/* The summary, or in JSON an object made elsewhere; ends the live line.  False: nobody read it, and a
 * signal ended the wait for that. */
bool console_summary(struct console *c, const char *text);

/* The line without the newline; pure. */
void console_format_progress(const struct console_progress *p, struct text *out);
void console_format_progress_json(const struct console_progress *p, uint64_t wall_ns,
                                  struct text *out);

/* "950", "12.3k", "1.25M": three digits for people. */
#define CONSOLE_COUNT_TEXT 32
char *console_format_count(double n, char *out);

#endif
