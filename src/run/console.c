/* SPDX-License-Identifier: Apache-2.0 */
#include "run/console.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/secret.h"
#include "util/units.h"

void console_init(struct console *c, const struct console_options *options)
{
	*c = (struct console){ .options = *options };
	if (!c->options.progress)
		c->options.progress = stderr;
	if (!c->options.summary)
		c->options.summary = stdout;
	c->live = options->format == CONSOLE_TEXT && !options->quiet &&
	          isatty(fileno(c->options.progress)) == 1;
}

char *console_format_count(double n, char *out)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	size_t unit = 0;

	/* 999.5 would be written as 1e+03. */
	while (n >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		n /= 1000;
		unit++;
	}
	(void)snprintf(out, CONSOLE_COUNT_TEXT, "%.3g%s", n, units[unit]);
	return out;
}

static void add_time(const struct console_progress *p, struct text *out)
{
	char total[UNITS_TEXT];

	text_addf(out, "%s %" PRIu64, p->phase, p->elapsed_ns / 1000000000u);
	if (p->total_ns)
		text_addf(out, "/%s", format_duration_short(p->total_ns, total));
	else
		text_add(out, "s");
}

static void add_pair(struct text *out, const char *name, bool is_known, uint64_t p50_ns,
                     uint64_t p99_ns)
{
	char a[UNITS_TEXT], b[UNITS_TEXT];

	if (is_known)
		text_addf(out, "%s %s/%s", name, format_duration_short(p50_ns, a),
		          format_duration_short(p99_ns, b));
	else
		text_addf(out, "%s -/-", name);
}

/* One blank between all of it: the longest line just fits. */
static void add_rates(const struct console_progress *p, struct text *out)
{
	char a[UNITS_TEXT], b[UNITS_TEXT];

	text_addf(out, " %s/s > %s/s", console_format_count(p->publish_per_s, a),
	          console_format_count(p->consume_per_s, b));
	add_pair(out, " p50/p99 pub", p->has_publish, p->publish_p50_ns, p->publish_p99_ns);
	add_pair(out, " e2e", p->has_e2e, p->e2e_p50_ns, p->e2e_p99_ns);
	text_addf(out, " backlog %s", console_format_count((double)p->backlog, a));
	text_addf(out, " err %s", console_format_count((double)p->errors, a));
}

void console_format_progress(const struct console_progress *p, struct text *out)
{
	char rate[CONSOLE_COUNT_TEXT];

	add_time(p, out);
	if (p->wanted)
		text_addf(out, " %" PRIu64 " of %" PRIu64, p->done, p->wanted);
	if (p->tried_per_s > 0)
		text_addf(out, " at %s/s", console_format_count(p->tried_per_s, rate));
	if (p->has_rates)
		add_rates(p, out);
}

static json_t *start_object(const char *event, uint64_t wall_ns)
{
	json_t *o = json_object();
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	struct tm tm = { 0 };
	char text[48];

	(void)gmtime_r(&seconds, &tm);
	size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + len, sizeof(text) - len, ".%03uZ",
	               (unsigned)(wall_ns / 1000000u % 1000));
	(void)json_object_set_new(o, "time", json_string(text));
	(void)json_object_set_new(o, "event", json_string(event));
	return o;
}

static void end_object(json_t *o, struct text *out)
{
	char *line = json_dumps(o, JSON_COMPACT);

	text_add(out, line ? line : "{}");
	free(line);
	json_decref(o);
}

void console_format_progress_json(const struct console_progress *p, uint64_t wall_ns,
                                  struct text *out)
{
	const struct {
		const char *name;
		uint64_t value;
		bool is_known;
	} numbers[] = {
		{ "elapsedNs", p->elapsed_ns, true },
		{ "totalNs", p->total_ns, true },
		{ "publishP50Ns", p->publish_p50_ns, p->has_publish },
		{ "publishP99Ns", p->publish_p99_ns, p->has_publish },
		{ "endToEndP50Ns", p->e2e_p50_ns, p->has_e2e },
		{ "endToEndP99Ns", p->e2e_p99_ns, p->has_e2e },
		{ "backlog", p->backlog, true },
		{ "errors", p->errors, true },
		{ "done", p->done, true },
		{ "wanted", p->wanted, true },
	};
	json_t *o = start_object("progress", wall_ns);

	(void)json_object_set_new(o, "phase", json_string(p->phase));
	(void)json_object_set_new(o, "publishRate", json_real(p->publish_per_s));
	(void)json_object_set_new(o, "consumeRate", json_real(p->consume_per_s));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		(void)json_object_set_new(o, numbers[i].name,
		                          numbers[i].is_known
		                                  ? json_integer((json_int_t)numbers[i].value)
		                                  : json_null());
	end_object(o, out);
}

/* With one system call, whatever its length: others write to the same stream, and whoever follows it
 * must not meet half a line. */
static void put(const struct console *c, const struct text *line)
{
	(void)fwrite(text_str(line), 1, line->len, c->options.progress);
	(void)fflush(c->options.progress);
}

/* Over what is on the live line now; longer text is cut so that it never wraps. */
static void rewrite_line(struct console *c, const char *text)
{
	struct text line = { 0 };
	size_t len = strlen(text);

	if (len >= CONSOLE_COLUMNS)
		len = CONSOLE_COLUMNS - 1;
	text_addf(&line, "\r%.*s", (int)len, text);
	if (len < c->live_len)
		text_addf(&line, "%*s", (int)(c->live_len - len), "");
	put(c, &line);
	text_fini(&line);
	c->live_len = len;
}

static void leave_live_line(struct console *c)
{
	if (c->live_len == 0)
		return;
	rewrite_line(c, "");
	(void)fputc('\r', c->options.progress);
	c->live_len = 0;
}

static void write_line(struct console *c, const char *text)
{
	struct text line = { 0 };

	leave_live_line(c);
	text_addf(&line, "%s\n", text);
	put(c, &line);
	text_fini(&line);
}

void console_progress(struct console *c, const struct console_progress *p, uint64_t wall_ns)
{
	struct text line = { 0 };

	if (c->options.quiet)
		return;
	if (c->options.format == CONSOLE_JSON)
		console_format_progress_json(p, wall_ns, &line);
	else
		console_format_progress(p, &line);
	if (c->live)
		rewrite_line(c, text_str(&line));
	else
		write_line(c, text_str(&line));
	text_fini(&line);
}

void console_say(struct console *c, enum console_level level, uint64_t wall_ns, const char *fmt,
                 ...)
{
	struct text said = { 0 }, line = { 0 };
	va_list ap;

	if (c->options.quiet && level == CONSOLE_INFO)
		return;
	va_start(ap, fmt);
	text_vaddf(&said, fmt, ap);
	va_end(ap);
	secret_add(&line, text_str(&said)); /* messages of client libraries are among it */
	text_fini(&said);
	if (c->options.format == CONSOLE_JSON) {
		json_t *o = start_object(level == CONSOLE_WARNING ? "warning" : "info", wall_ns);
		json_t *text = json_string(text_str(&line));

		(void)json_object_set_new(o, "text", text ? text : json_string("(not UTF-8)"));
		text_fini(&line);
		end_object(o, &line);
	}
	write_line(c, text_str(&line));
	text_fini(&line);
}

void console_summary(struct console *c, const char *text)
{
	leave_live_line(c);
	(void)fputs(text, c->options.summary);
	(void)fflush(c->options.summary);
}
