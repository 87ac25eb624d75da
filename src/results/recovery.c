/* SPDX-License-Identifier: Apache-2.0 */
#include "results/recovery.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts/fact_fields.h"
#include "results/record_fields.h"
#include "results/result.h"
#include "results/side_file.h"
#include "util/xalloc.h"

/* One line while it is read: the first thing that is wrong with it is what is told. */
struct line {
	struct recovery *r;
	const char *text;
	size_t len;
	json_t *root;
	struct error *err;
	bool ok;
};

static void refuse(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void refuse(struct line *l, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (!l->ok)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->ok = error_set(l->err, ERROR_CONFIG, "line %zu: %s", l->r->lines + 1, text);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The line's members that the table knows; the others of *to stay as they are. */
static bool take(struct line *l, const struct fields *f, void *to)
{
	struct error why;
	struct fields_in in = { .arena = &l->r->arena, .err = &why };

	if (l->ok && !fields_read_members(f, l->root, to, &in))
		refuse(l, "%s", why.text);
	return l->ok;
}

/* --- lines ------------------------------------------------------------------------------------------ */

/* Room for one more; returns the place. */
static void *grow(void *items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return items;
	*cap = *cap > 0 ? 2 * *cap : 64;
	return xrealloc(items, *cap * size);
}

static void take_start(struct line *l)
{
	struct record *out = &l->r->record;

	if (l->r->started) {
		refuse(l, "a second run begins here: a journal is of one run");
		return;
	}
	take(l, &record_run_fields, out);
	l->r->started = take(l, &record_start_fields, out);
	out->recovered = true;
}

static void take_driver(struct line *l)
{
	take(l, &record_rows_fields, &l->r->record);
}

static void take_phase(struct line *l)
{
	struct recovery *r = l->r;
	struct record_phase p = { 0 };

	if (!take(l, &phase_start_fields, &p))
		return;
	p.end_ns = p.start_ns;
	r->phases = grow(r->phases, r->record.phases_count, &r->phases_cap, sizeof(*r->phases));
	if (r->record.phases_count > 0)
		r->phases[r->record.phases_count - 1].end_ns = p.start_ns;
	r->phases[r->record.phases_count++] = p;
}

static void take_window(struct line *l)
{
	struct record *out = &l->r->record;
	uint64_t *counters = out->window_counters, before[COUNTER_COUNT];

	memcpy(before, counters, sizeof(before));
	if (take(l, &record_window_start_fields, out)) {
		/* What is written at its start are the counts until then. */
		memcpy(l->r->base, counters, sizeof(before));
		memcpy(counters, before, sizeof(before));
		out->counted_start_ns = later(out->window_start_ns, out->counted_start_ns);
		l->r->measured = true;
	}
}

static void take_event(struct line *l)
{
	struct recovery *r = l->r;
	struct fact_event e = { 0 };

	if (!fact_event_is_known(l->root) || !take(l, &event_fields, &e))
		return;
	r->events = grow(r->events, r->record.events_count, &r->events_cap, sizeof(*r->events));
	r->events[r->record.events_count++] = e;
}

/* A name that is one of few: the same text for all of its lines. */
static const char *phase_name(struct recovery *r, const char *name)
{
	for (size_t i = r->record.seconds_count; i > 0; i--)
		if (strcmp(r->seconds[i - 1].phase, name) == 0)
			return r->seconds[i - 1].phase;
	return arena_strdup(&r->arena, name);
}

static void take_second(struct line *l)
{
	struct recovery *r = l->r;
	struct arena scratch = { 0 };
	struct record_second s = { 0 };
	struct error why;
	struct fields_in in = { .arena = &scratch, .err = &why };

	if (!fields_read(&second_fields, l->root, &s, &in)) {
		refuse(l, "%s", why.text);
	} else {
		s.phase = phase_name(r, s.phase);
		r->seconds = grow(r->seconds, r->record.seconds_count, &r->seconds_cap,
		                  sizeof(*r->seconds));
		r->seconds[r->record.seconds_count++] = s;
	}
	arena_fini(&scratch);
}

/* Of its interval nothing but sums and figures stays. */
static void add_period(struct recovery *r, const struct record_period *p)
{
	struct record *out = &r->record;

	r->periods++;
	r->periods_end_ns = later(r->periods_end_ns, p->end_ns);
	result_add_period(&r->samples, p);
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		r->recorded[i] += p->interval.counters[i];
	out->totals.cpu_ns += p->interval.cpu_ns;
	if (strcmp(p->kind, "measure") != 0)
		return;
	out->window_end_ns = later(out->window_end_ns, p->end_ns);
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		out->window_counters[i] += p->interval.counters[i];
	fact_slowest_add(&out->slowest, &p->slowest);
	fact_slowest_join(&out->slowest);
	for (unsigned i = 0; i < LATENCY_COUNT; i++)
		hist_copy_add(&out->totals.latencies[WINDOW_MEASURED][i],
		              &p->interval.latencies[WINDOW_MEASURED][i]);
}

static void take_period(struct line *l)
{
	struct record_period p = { 0 };

	take(l, &period_fields, &p);
	if (!l->r->measured)
		refuse(l, "a period before the window");
	if (p.end_ns < p.start_ns)
		refuse(l, "it ends before it starts");
	/* The line itself is copied into the result (side_file.c). */
	if (!side_file_is_period(l->text, l->len))
		refuse(l, "its last member is not its kind");
	p.interval.taken_ns = p.end_ns - p.start_ns;
	if (l->ok)
		add_period(l->r, &p);
	snapshot_fini(&p.interval);
}

static void take_kind(struct line *l, const char *kind)
{
	static const struct {
		const char *kind;
		void (*take)(struct line *l);
	} kinds[] = {
		{ "start", take_start },   { "driver", take_driver }, { "phase", take_phase },
		{ "window", take_window }, { "event", take_event },   { "second", take_second },
		{ "period", take_period },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kind != NULL && strcmp(kind, kinds[i].kind) == 0)
			kinds[i].take(l);
	/* Another kind is of a later minor version, and no loss to this one. */
}

/* The first line says what the file is. */
static void check_format(struct line *l)
{
	const json_t *version = json_object_get(l->root, "formatVersion");
	const char *format = json_string_value(json_object_get(l->root, "format"));
	const char *line = json_string_value(json_object_get(l->root, "line"));
	const char *program =
		json_string_value(json_object_get(json_object_get(l->root, "omb"), "version"));

	if (line == NULL || strcmp(line, "start") != 0 ||
	    (format != NULL && strcmp(format, SIDE_FILE_JOURNAL_FORMAT) != 0))
		refuse(l, "this is no journal of omb");
	else if (format == NULL || json_integer_value(version) != SIDE_FILE_JOURNAL_VERSION)
		refuse(l,
		       "a journal of another version (%" JSON_INTEGER_FORMAT
		       ", of omb %.40s), this one reads %d",
		       json_integer_value(version), program != NULL ? program : "?",
		       SIDE_FILE_JOURNAL_VERSION);
}

void recovery_init(struct recovery *r)
{
	*r = (struct recovery){ .record = { .recovered = true } };
}

bool recovery_take(struct recovery *r, const char *text, size_t len, struct error *err)
{
	struct line l = { .r = r, .text = text, .len = len, .err = err, .ok = true };
	const struct record before = r->record;

	l.root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *kind = json_string_value(json_object_get(l.root, "line"));
	r->damaged = l.root == NULL;
	if (kind == NULL)
		refuse(&l, r->started ? "it is damaged" : "this is no journal of omb");
	if (l.ok && !r->started)
		check_format(&l);
	if (l.ok)
		take_kind(&l, kind);
	json_decref(l.root);
	if (!l.ok)
		r->record = before;
	r->lines += l.ok;
	return l.ok;
}

bool recovery_is_cut(const struct recovery *r, const char *line, size_t len)
{
	static const char begin[] = "{\"id\":\""; /* of a first line, as side_file.c writes it */
	size_t compared = len < strlen(begin) ? len : strlen(begin);

	return r->damaged && (r->started || memcmp(line, begin, compared) == 0);
}

/* --- the record ------------------------------------------------------------------------------------- */

static const struct record_second *last_second(const struct recovery *r)
{
	return r->record.seconds_count > 0 ? &r->seconds[r->record.seconds_count - 1] : NULL;
}

static void end_record(struct recovery *r)
{
	struct record *out = &r->record;
	const struct record_second *second = last_second(r);
	uint64_t end_ns = out->window_start_ns;

	if (second != NULL)
		end_ns = later(end_ns, second->at_ns);
	end_ns = later(end_ns, r->periods_end_ns);
	for (size_t i = 0; i < out->phases_count; i++)
		end_ns = later(end_ns, r->phases[i].start_ns);
	for (size_t i = 0; i < out->events_count; i++)
		end_ns = later(end_ns, r->events[i].at_ns);
	if (out->phases_count > 0)
		r->phases[out->phases_count - 1].end_ns = end_ns;
	out->ended_ns = end_ns;
	out->phases = r->phases;
	out->seconds = r->seconds;
	out->samples = &r->samples;
	out->events = r->events;
}

/* Seconds know less than periods, and more of the end. */
static void add_last_second(struct recovery *r)
{
	const struct record_second *s = last_second(r);
	uint64_t *c = r->record.totals.counters;

	if (s == NULL)
		return;
	c[COUNTER_SENT] = later(c[COUNTER_SENT], s->sent);
	c[COUNTER_ACKNOWLEDGED] = later(c[COUNTER_ACKNOWLEDGED], s->acknowledged);
	c[COUNTER_FAILED] = later(c[COUNTER_FAILED], s->failed);
	c[COUNTER_RECEIVED] = later(c[COUNTER_RECEIVED], s->received);
}

static uint64_t rest(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

/* Killed within its first period: the counts of the seconds are all there is. */
static void window_of_seconds(struct recovery *r)
{
	struct record *out = &r->record;
	const struct record_second *s = last_second(r);
	uint64_t *c = out->window_counters;

	if (s == NULL || s->at_ns <= out->window_start_ns)
		return;
	out->window_end_ns = out->counted_end_ns = s->at_ns;
	c[COUNTER_SENT] = rest(s->sent, r->base[COUNTER_SENT]);
	c[COUNTER_ACKNOWLEDGED] = rest(s->acknowledged, r->base[COUNTER_ACKNOWLEDGED]);
	c[COUNTER_FAILED] = rest(s->failed, r->base[COUNTER_FAILED]);
	c[COUNTER_RECEIVED] = rest(s->received, r->base[COUNTER_RECEIVED]);
}

static void judge(struct recovery *r)
{
	struct record *out = &r->record;
	const struct hist_copy *h = out->totals.latencies[WINDOW_MEASURED];
	struct verdict_facts f = {
		.recovered = true,
		.ended_ns = out->ended_ns,
		.scheduled = out->rate != RECORD_MAX,
		.stamped = out->stamped,
		.window_ns = out->window_end_ns - out->window_start_ns,
		.asked_per_s = out->asked_per_s,
		.search_cut = out->rate == RECORD_SEARCHED && !out->search_converged,
		.window_acknowledged = out->window_counters[COUNTER_ACKNOWLEDGED],
		.window_latencies = h[LATENCY_PUBLISH].count,
		.published_per_s = record_publish_per_s(out),
		.wake_interval_ns = out->wake_interval_ns,
		.sent = out->totals.counters[COUNTER_SENT],
		.negative = out->totals.counters[COUNTER_NEGATIVE],
		.producers = out->producers,
	};

	verdict_look_at_window(h, out->window_counters, &f);
	verdict_judge(&f, &out->verdict);
}

bool recovery_finish(struct recovery *r, struct error *err)
{
	struct record *out = &r->record;
	uint64_t *c = out->totals.counters;

	if (!r->started)
		return error_set(err, ERROR_SYSTEM,
		                 "it is empty: the run was killed before it began");
	if (!r->measured)
		return error_set(err, ERROR_SYSTEM,
		                 "the run was killed before anything was measured");
	end_record(r);
	out->account_lack = "the run did not end";
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		c[i] = r->base[i] + r->recorded[i];
	out->counted_end_ns = out->counted_start_ns;
	if (out->window_end_ns > out->window_start_ns) {
		out->counted_end_ns = out->window_end_ns;
	} else {
		out->window_end_ns = out->window_start_ns;
		window_of_seconds(r);
	}
	add_last_second(r);
	/* Nobody knows of any answer to these. */
	c[COUNTER_UNACKNOWLEDGED] =
		rest(c[COUNTER_SENT], c[COUNTER_ACKNOWLEDGED] + c[COUNTER_FAILED]);
	judge(r);
	return true;
}

void recovery_fini(struct recovery *r)
{
	omb_result_fini(&r->samples);
	snapshot_fini(&r->record.totals);
	free(r->phases);
	free(r->seconds);
	free(r->events);
	arena_fini(&r->arena);
	*r = (struct recovery){ .lines = 0 };
}
