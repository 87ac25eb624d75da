/* SPDX-License-Identifier: Apache-2.0 */
#include "results/recovery.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts/fact_fields.h"
#include "results/result.h"
#include "results/side_file.h"
#include "stats/hdr_codec.h"
#include "stats/percentile.h"
#include "util/xalloc.h"

/* Counts of one run stay far below; sums of two cannot wrap. */
#define COUNT_MAX (INT64_C(1) << 53)

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

/* --- values ----------------------------------------------------------------------------------------- */

static uint64_t count_at(struct line *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || n > COUNT_MAX)
		refuse(l, "%s is no count", key);
	return l->ok ? (uint64_t)n : 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Null or absent: 0. */
static uint64_t count_or_none(struct line *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return v == NULL || json_is_null(v) ? 0 : count_at(l, o, key);
}

/* A time on the wall: beyond what counts reach. */
static uint64_t wall_at(struct line *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		refuse(l, "%s is no time", key);
	return l->ok ? (uint64_t)json_integer_value(v) : 0;
}

static double rate_or_none(struct line *l, const json_t *o, const char *key)
{
	double value = json_number_value(json_object_get(o, key));

	if (value > (double)COUNT_MAX)
		refuse(l, "%s is no rate", key);
	return value > 0 ? value : 0;
}

/* In the arena; NULL for null. */
static const char *text_at(struct line *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (v != NULL && !json_is_null(v) && !json_is_string(v))
		refuse(l, "%s is no text", key);
	return json_is_string(v) && l->ok ? arena_strdup(&l->r->arena, json_string_value(v)) : NULL;
}

/* The same, where there must be one. */
static const char *must_text_at(struct line *l, const json_t *o, const char *key)
{
	const char *text = text_at(l, o, key);

	if (text == NULL)
		refuse(l, "%s is missing", key);
	return text;
}

static const json_t *object_at(struct line *l, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_object(v))
		refuse(l, "%s is missing", key);
	return v;
}

static void counters_at(struct line *l, const json_t *o, uint64_t counters[COUNTER_COUNT])
{
	const json_t *all = object_at(l, o, "counters");

	/* One that this version does not know is left out, one that the other did not know is 0. */
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		counters[i] = count_or_none(l, all, counter_name((enum counter)i));
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

static enum record_rate rate_at(struct line *l, const json_t *o)
{
	const json_t *v = json_object_get(o, "rate");
	const char *name = json_is_string(v) ? json_string_value(v) : "";

	if (strcmp(name, "fixed") == 0)
		return RECORD_FIXED;
	if (strcmp(name, "searched") == 0)
		return RECORD_SEARCHED;
	if (strcmp(name, "max") != 0)
		refuse(l, "rate is none that is known");
	return RECORD_MAX;
}

/* What a search tried. */
static void take_readings(struct line *l, const json_t *load, struct record *out)
{
	const json_t *list = json_object_get(load, "searchReadings");
	size_t count = json_array_size(list);
	struct record_reading *items = arena_alloc(&l->r->arena, (count + 1) * sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(list, i);

		items[i] = (struct record_reading){
			.rate_per_s = rate_or_none(l, o, "ratePerS"),
			.carried_per_s = rate_or_none(l, o, "carriedPerS"),
			.sustained = json_is_true(json_object_get(o, "sustained")),
		};
	}
	out->readings = items;
	out->readings_count = count;
}

static void take_load(struct line *l, struct record *out)
{
	const json_t *o = object_at(l, l->root, "load");

	out->rate = rate_at(l, o);
	out->asked_per_s = rate_or_none(l, o, "askedPerS");
	out->topics = count_at(l, o, "topics");
	out->partitions = count_at(l, o, "partitionsPerTopic");
	out->subscriptions = count_at(l, o, "subscriptionsPerTopic");
	out->producers = count_at(l, o, "producers");
	out->consumers = count_at(l, o, "consumers");
	out->producers_per_topic = count_at(l, o, "producersPerTopic");
	out->consumers_per_subscription = count_at(l, o, "consumersPerSubscription");
	out->message_bytes = count_at(l, o, "messageBytes");
	out->stamped = json_is_true(json_object_get(o, "stamped"));
	out->wake_interval_ns = count_at(l, o, "wakeIntervalNs");
	out->sample_ns = count_at(l, o, "samplePeriodNs");
	out->window_messages = count_at(l, o, "maxInFlightMessages");
	out->window_bytes = count_or_none(l, o, "maxInFlightBytes");
	out->search_converged = json_is_true(json_object_get(o, "searchConverged"));
	out->search_trials = (unsigned)count_or_none(l, o, "searchTrials");
	take_readings(l, o, out);
}

/* Journals have it in the first line, or in that of the window, when the worker has told it. */
static void take_host(struct line *l, struct environment *e)
{
	const json_t *host = json_object_get(l->root, "host");
	const struct environment before = *e;
	struct error why;
	struct fields_in in = { .arena = &l->r->arena, .err = &why };

	if (host != NULL && !fields_read(&environment_fields, host, e, &in))
		refuse(l, "%s", why.text);
	e->version = before.version;
	e->commit = before.commit;
	e->build = before.build;
}

static void take_program(struct line *l, struct environment *e)
{
	const json_t *program = object_at(l, l->root, "omb");

	e->version = must_text_at(l, program, "version");
	e->commit = must_text_at(l, program, "commit");
	e->build = must_text_at(l, program, "build");
}

static void take_settings(struct line *l, struct record *out)
{
	json_t *all = json_object_get(l->root, "settings");
	struct record_setting *items =
		arena_alloc(&l->r->arena, (json_object_size(all) + 1) * sizeof(*items));
	const char *key;
	json_t *value;

	out->settings = items;
	out->settings_count = 0;
	json_object_foreach(all, key, value)
	{
		items[out->settings_count++] = (struct record_setting){
			.key = arena_strdup(&l->r->arena, key),
			.value = text_at(l, all, key),
		};
	}
}

static void take_start(struct line *l)
{
	struct record *out = &l->r->record;

	if (l->r->started) {
		refuse(l, "a second run begins here: a journal is of one run");
		return;
	}
	out->run_id = must_text_at(l, l->root, "id");
	out->workload_name = must_text_at(l, l->root, "workload");
	out->driver_name = must_text_at(l, l->root, "driver");
	out->workload_path = text_at(l, l->root, "workloadFile");
	out->driver_path = text_at(l, l->root, "driverFile");
	out->command_line = text_at(l, l->root, "commandLine");
	out->worker = text_at(l, l->root, "worker");
	out->result = text_at(l, l->root, "result");
	out->pid = (int)(count_or_none(l, l->root, "pid") & INT32_MAX);
	out->wall_started_ns = wall_at(l, l->root, "startedUnixNs");
	take_program(l, &out->environment);
	take_host(l, &out->environment);
	take_settings(l, out);
	take_load(l, out);
	l->r->started = l->ok;
}

static void take_driver(struct line *l)
{
	json_t *rows = json_object_get(l->root, "rows");
	size_t count = json_array_size(rows);
	struct fact_row *items = arena_alloc(&l->r->arena, (count + 1) * sizeof(*items));

	for (size_t i = 0; i < count; i++) {
		const json_t *o = json_array_get(rows, i);

		items[i] = (struct fact_row){
			.section = must_text_at(l, o, "section"),
			.key = must_text_at(l, o, "key"),
			.value = text_at(l, o, "value"),
			.origin = text_at(l, o, "origin"),
			.note = text_at(l, o, "note"),
		};
	}
	if (!l->ok)
		return;
	l->r->record.rows = items;
	l->r->record.rows_count = count;
}

static void take_phase(struct line *l)
{
	struct recovery *r = l->r;
	const char *name = must_text_at(l, l->root, "name");
	uint64_t at_ns = count_at(l, l->root, "atNs");

	if (!l->ok)
		return;
	r->phases = grow(r->phases, r->record.phases_count, &r->phases_cap, sizeof(*r->phases));
	if (r->record.phases_count > 0)
		r->phases[r->record.phases_count - 1].end_ns = at_ns;
	r->phases[r->record.phases_count++] = (struct record_phase){ name, at_ns, at_ns };
}

static void take_window(struct line *l)
{
	struct record *out = &l->r->record;

	out->window_start_ns = count_at(l, l->root, "startNs");
	out->counted_start_ns =
		later(out->window_start_ns, count_or_none(l, l->root, "countedStartNs"));
	out->readiness_ns = count_or_none(l, l->root, "readinessNs");
	out->ceiling_per_s = rate_or_none(l, l->root, "ceilingRate");
	take_host(l, &out->environment);
	take_load(l, out);
	counters_at(l, l->root, l->r->base);
	l->r->measured = l->ok;
}

static void take_event(struct line *l)
{
	struct recovery *r = l->r;
	const char *kind = must_text_at(l, l->root, "kind");
	const char *role = must_text_at(l, l->root, "role");
	struct fact_event e = {
		.agent = (unsigned)count_or_none(l, l->root, "agent"),
		.generation = (unsigned)count_or_none(l, l->root, "generation"),
		.at_ns = count_at(l, l->root, "atNs"),
		.gap_ns = count_or_none(l, l->root, "gapNs"),
		.count = count_or_none(l, l->root, "count"),
		.name = text_at(l, l->root, "name"),
		.text = text_at(l, l->root, "text"),
	};

	/* One of a kind that came later is no loss to this version. */
	if (!l->ok || !fact_event_kind_of(kind, &e.kind) || !agent_role_of(role, &e.role))
		return;
	r->events = grow(r->events, r->record.events_count, &r->events_cap, sizeof(*r->events));
	r->events[r->record.events_count++] = e;
}

/* A name that is one of few: the same text for all of its lines. */
static const char *phase_at(struct line *l)
{
	const struct recovery *r = l->r;
	const char *name = json_string_value(json_object_get(l->root, "phase"));

	for (size_t i = r->record.seconds_count; name != NULL && i > 0; i--)
		if (strcmp(r->seconds[i - 1].phase, name) == 0)
			return r->seconds[i - 1].phase;
	return must_text_at(l, l->root, "phase");
}

static void take_second(struct line *l)
{
	struct recovery *r = l->r;
	struct record_second s = {
		.at_ns = count_at(l, l->root, "atNs"),
		.phase = phase_at(l),
		.sent = count_at(l, l->root, "sent"),
		.acknowledged = count_at(l, l->root, "acknowledged"),
		.failed = count_at(l, l->root, "failed"),
		.received = count_at(l, l->root, "received"),
		.backlog = count_at(l, l->root, "backlog"),
	};

	if (!l->ok)
		return;
	r->seconds =
		grow(r->seconds, r->record.seconds_count, &r->seconds_cap, sizeof(*r->seconds));
	r->seconds[r->record.seconds_count++] = s;
}

/* Only our own buckets can be merged. */
static bool is_our_layout(const struct hist_copy *h)
{
	const struct hist_layout *l = hist_copy_layout(h);

	return l->highest == hist_layout_ns.highest && l->digits == hist_layout_ns.digits;
}

static void histogram_at(struct line *l, const json_t *all, enum latency which,
                         struct hist_copy *out)
{
	const char *name = latency_name(which);
	const json_t *v = json_object_get(all, name);
	struct error why;

	if (v == NULL || !l->ok)
		return;
	if (!json_is_string(v) || !hdr_codec_decode(json_string_value(v), json_string_length(v),
	                                            hist_layout_ns.unit_ns, out, &why))
		refuse(l, "%s is no histogram", name);
	else if (!is_our_layout(out) || out->count > (uint64_t)COUNT_MAX)
		refuse(l, "%s is no histogram that omb makes", name);
}

static const char *kind_at(struct line *l)
{
	static const char *const kinds[] = { "measure", "drain" };
	const char *kind = json_string_value(json_object_get(l->root, "kind"));

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kind != NULL && strcmp(kind, kinds[i]) == 0)
			return kinds[i];
	refuse(l, "kind is none that is known");
	return kinds[0];
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
	for (unsigned i = 0; i < LATENCY_COUNT; i++)
		hist_copy_add(&out->totals.latencies[WINDOW_MEASURED][i],
		              &p->interval.latencies[WINDOW_MEASURED][i]);
}

static void take_period(struct line *l)
{
	struct record_period p = {
		.kind = kind_at(l),
		.start_ns = count_at(l, l->root, "startNs"),
		.end_ns = count_at(l, l->root, "endNs"),
		.backlog = count_at(l, l->root, "backlog"),
	};
	const json_t *all = object_at(l, l->root, "histograms");

	if (!l->r->measured)
		refuse(l, "a period before the window");
	if (p.end_ns < p.start_ns)
		refuse(l, "it ends before it starts");
	counters_at(l, l->root, p.interval.counters);
	p.interval.cpu_ns = count_or_none(l, l->root, "cpuNs");
	p.interval.taken_ns = p.end_ns - p.start_ns;
	for (unsigned i = 0; i < LATENCY_COUNT; i++)
		histogram_at(l, all, (enum latency)i, &p.interval.latencies[WINDOW_MEASURED][i]);
	/* The line itself is copied into the result (side_file.c). */
	if (!side_file_is_period(l->text, l->len))
		refuse(l, "its last member is not its kind");
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
	    (format != NULL && strcmp(format, "omb-journal") != 0))
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
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		c[i] = r->base[i] + r->recorded[i];
	out->counted_end_ns = out->counted_start_ns;
	out->edge_lack = "a journal has samples";
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
