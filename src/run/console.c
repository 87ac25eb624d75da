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

static outlet_words_fn add_unwritten;

void console_init(struct console *c, const struct console_options *options)
{
	*c = (struct console){ .options = *options };
	if (!c->options.progress)
		c->options.progress = stderr;
	if (!c->options.summary)
		c->options.summary = stdout;
	outlet_open(&c->progress, c->options.progress);
	c->progress.words = add_unwritten;
	c->progress.context = c;
	c->live = options->format == CONSOLE_TEXT && !options->quiet &&
	          isatty(fileno(c->options.progress)) == 1;
}

void console_fini(struct console *c)
{
	outlet_close(&c->progress, 0);
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

static void add_said(const struct console *c, enum console_level level, uint64_t wall_ns,
                     const char *said, struct text *out)
{
	if (c->options.format != CONSOLE_JSON) {
		text_add(out, said);
		return;
	}
	json_t *o = start_object(level == CONSOLE_WARNING ? "warning" : "info", wall_ns);
	json_t *text = json_string(said);

	(void)json_object_set_new(o, "text", text ? text : json_string("(not UTF-8)"));
	end_object(o, out);
}

static void add_unwritten(void *context, uint64_t lines, struct text *out)
{
	const struct console *c = context;
	char said[64];

	(void)snprintf(said, sizeof(said), "%" PRIu64 " line%s not written", lines,
	               lines == 1 ? " was" : "s were");
	add_said(c, CONSOLE_WARNING, c->wall_ns, said, out);
	text_add(out, "\n");
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
	if (outlet_put_passing(&c->progress, text_str(&line), line.len))
		c->live_len = len;
	text_fini(&line);
}

static void add_leaving(const struct console *c, struct text *out)
{
	if (c->live_len > 0)
		text_addf(out, "\r%*s\r", (int)c->live_len, "");
}

/* With one system call, whatever its length: others write to the same stream, and whoever follows it
 * must not meet half a line. */
static void write_line(struct console *c, const char *text)
{
	struct text line = { 0 };

	add_leaving(c, &line);
	text_addf(&line, "%s\n", text);
	if (outlet_put(&c->progress, text_str(&line), line.len))
		c->live_len = 0;
	text_fini(&line);
}

void console_progress(struct console *c, const struct console_progress *p, uint64_t wall_ns)
{
	struct text line = { 0 };

	if (c->options.quiet)
		return;
	c->wall_ns = wall_ns;
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
	struct text said = { 0 }, shown = { 0 }, line = { 0 };
	va_list ap;

	if (c->options.quiet && level == CONSOLE_INFO)
		return;
	c->wall_ns = wall_ns;
	va_start(ap, fmt);
	text_vaddf(&said, fmt, ap);
	va_end(ap);
	secret_add(&shown, text_str(&said)); /* messages of client libraries are among it */
	add_said(c, level, wall_ns, text_str(&shown), &line);
	write_line(c, text_str(&line));
	text_fini(&said);
	text_fini(&shown);
	text_fini(&line);
}

bool console_summary(struct console *c, const char *text)
{
	struct outlet summary;
	struct text leaving = { 0 };

	add_leaving(c, &leaving);
	if (outlet_put_passing(&c->progress, text_str(&leaving), leaving.len))
		c->live_len = 0;
	text_fini(&leaving);
	outlet_open(&summary, c->options.summary);
	bool shown = outlet_put_within(&summary, text, strlen(text), UINT64_MAX);
	outlet_close(&summary, 0);
	return shown;
}
