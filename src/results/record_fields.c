/* SPDX-License-Identifier: Apache-2.0 */
#include "results/record_fields.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "facts/claim_fields.h"
#include "facts/fact_fields.h"
#include "results/record.h"
#include "results/record_account.h"
#include "util/arena.h"

#define COUNTS .names = fact_counter_names, .names_count = COUNTER_COUNT

/* For what is derived. */
static bool skip(const json_t *value, void *to, struct fields_in *in)
{
	(void)value;
	(void)to;
	(void)in;
	return true;
}

#define DERIVED_REAL(name, expression)                                     \
	static bool write_##name(const void *from, struct fields_out *out) \
	{                                                                  \
		const struct record *r = from;                             \
		fields_write_real(expression, out->text);                  \
		return true;                                               \
	}                                                                  \
	static const struct field_custom name = { write_##name, skip }

/* --- run -------------------------------------------------------------------------------------------- */

static void write_date(uint64_t wall_ns, struct text *out)
{
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	struct tm tm;
	char text[32] = "";

	if (!gmtime_r(&seconds, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		text_add(out, "null");
	else
		text_addf(out, "\"%s.%03uZ\"", text, (unsigned)(wall_ns / 1000000u % 1000));
}

static bool write_started(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	write_date(r->wall_started_ns, out->text);
	return true;
}

static bool write_ended(const void *from, struct fields_out *out)
{
	const struct record *r = from;
	uint64_t took_ns = r->ended_ns > r->started_ns ? r->ended_ns - r->started_ns : 0;

	write_date(r->wall_started_ns + took_ns, out->text);
	return true;
}

static const struct field_custom started = { write_started, skip };
static const struct field_custom ended = { write_ended, skip };

static const struct field run_items[] = {
	FIELD(struct record, run_id, "id", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record, workload_name, "workload", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record, driver_name, "driver", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record, workload_path, "workloadFile", FIELD_TEXT),
	FIELD(struct record, driver_path, "driverFile", FIELD_TEXT),
	FIELD(struct record, command_line, "commandLine", FIELD_MESSAGE),
	FIELD(struct record, worker, "worker", FIELD_TEXT),
	FIELD(struct record, wall_started_ns, "started", FIELD_CUSTOM, .custom = &started),
	FIELD(struct record, ended_ns, "ended", FIELD_CUSTOM, .custom = &ended),
	FIELD(struct record, wall_started_ns, "startedUnixNs", FIELD_WALL, .flags = FIELD_MUST),
	FIELD(struct record, ended_ns, "durationNs", FIELD_INSTANT),
	FIELD(struct record, interrupted, "interrupted", FIELD_BOOL),
	FIELD(struct record, failure, "failure", FIELD_MESSAGE),
	FIELD(struct record, recovered, "recovered", FIELD_BOOL),
	FIELD(struct record, pid, "pid", FIELD_INT),
};
const struct fields record_run_fields = FIELDS(struct record, run_items);

static const struct field program_items[] = {
	FIELD(struct record, environment.version, "version", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record, environment.commit, "commit", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record, environment.build, "build", FIELD_TEXT, .flags = FIELD_MUST),
};
static const struct fields program_fields = FIELDS(struct record, program_items);

/* --- settings --------------------------------------------------------------------------------------- */

static bool write_settings(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	for (size_t i = 0; i < r->settings_count; i++) {
		text_add(out->text, i > 0 ? "," : "{");
		fields_write_text(r->settings[i].key, out->text);
		text_add(out->text, ":");
		fields_write_text(r->settings[i].value, out->text);
	}
	text_add(out->text, r->settings_count > 0 ? "}" : "{}");
	return true;
}

static bool read_settings(const json_t *value, void *to, struct fields_in *in)
{
	struct record *r = to;
	struct record_setting *items =
		arena_alloc(in->arena, (json_object_size(value) + 1) * sizeof(*items));
	json_t *all = (json_t *)(uintptr_t)value; /* jansson's loop wants it so */
	const char *key;
	json_t *one;

	r->settings = items;
	r->settings_count = 0;
	json_object_foreach(all, key, one)
	{
		const char *text = json_string_value(one);
		if (text == NULL && !json_is_null(one))
			return error_set(in->err, ERROR_CONFIG, "%.100s is no text", key);
		items[r->settings_count++] = (struct record_setting){
			.key = arena_strdup(in->arena, key),
			.value = text != NULL ? arena_strdup(in->arena, text) : NULL,
		};
	}
	return true;
}

static const struct field_custom settings = { write_settings, read_settings };

/* --- load ------------------------------------------------------------------------------------------- */

static const char *const rate_names[] = {
	[RECORD_FIXED] = "fixed",
	[RECORD_SEARCHED] = "searched",
	[RECORD_MAX] = "max",
};

static bool write_corrected(const void *from, struct fields_out *out)
{
	static const char *const names[] = {
		[RECORD_MEANS_LOAD] = "load",
		[RECORD_MEANS_MAXIMUM] = "maximum",
		[RECORD_MEANS_OVERLOAD] = "overload",
		[RECORD_MEANS_NOTHING] = "none",
	};

	fields_write_text(names[record_meaning(from)], out->text);
	return true;
}

static const struct field_custom corrected = { write_corrected, skip };

static bool has_schedule(const void *from)
{
	const struct record *r = from;

	return r->rate != RECORD_MAX;
}

static bool is_searched(const void *from)
{
	const struct record *r = from;

	return r->rate == RECORD_SEARCHED;
}

static const struct field reading_items[] = {
	FIELD(struct record_reading, rate_per_s, "ratePerS", FIELD_REAL),
	FIELD(struct record_reading, carried_per_s, "carriedPerS", FIELD_REAL),
	FIELD(struct record_reading, sustained, "sustained", FIELD_BOOL),
};
static const struct fields reading_fields = FIELDS(struct record_reading, reading_items);

static const struct field load_items[] = {
	FIELD(struct record, rate, "rate", FIELD_NAME, .flags = FIELD_MUST, .names = rate_names,
	      .names_count = sizeof(rate_names) / sizeof(rate_names[0])),
	FIELD(struct record, rate, "corrected", FIELD_CUSTOM, .custom = &corrected),
	FIELD(struct record, asked_per_s, "askedPerS", FIELD_REAL, .flags = FIELD_NULL,
	      .when = has_schedule),
	FIELD(struct record, topics, "topics", FIELD_COUNT),
	FIELD(struct record, partitions, "partitionsPerTopic", FIELD_COUNT),
	FIELD(struct record, subscriptions, "subscriptionsPerTopic", FIELD_COUNT),
	FIELD(struct record, producers, "producers", FIELD_COUNT),
	FIELD(struct record, consumers, "consumers", FIELD_COUNT),
	FIELD(struct record, producers_per_topic, "producersPerTopic", FIELD_COUNT),
	FIELD(struct record, consumers_per_subscription, "consumersPerSubscription", FIELD_COUNT),
	FIELD(struct record, message_bytes, "messageBytes", FIELD_COUNT),
	FIELD(struct record, stamped, "stamped", FIELD_BOOL),
	FIELD(struct record, verified, "payloadsVerified", FIELD_BOOL),
	FIELD(struct record, wake_interval_ns, "wakeIntervalNs", FIELD_COUNT),
	FIELD(struct record, sample_ns, "samplePeriodNs", FIELD_COUNT),
	/* At rate max and far above capacity this is what the latencies are made of. */
	FIELD(struct record, window_messages, "maxInFlightMessages", FIELD_COUNT),
	FIELD(struct record, window_bytes, "maxInFlightBytes", FIELD_COUNT, .flags = FIELD_NULL),
	FIELD(struct record, search_converged, "searchConverged", FIELD_BOOL, .when = is_searched),
	FIELD(struct record, search_trials, "searchTrials", FIELD_UINT, .when = is_searched),
	FIELD(struct record, readings, "searchReadings", FIELD_LIST, .of = &reading_fields,
	      .count = offsetof(struct record, readings_count), .when = is_searched),
};
static const struct fields load_fields = FIELDS(struct record, load_items);

/* --- verdict ---------------------------------------------------------------------------------------- */

static const char *const weight_names[] = { "note", "SUSPECT", "INVALID" };
static const char *const verdict_names[] = { "VALID", "SUSPECT", "INVALID" };

static const struct field reason_items[] = {
	FIELD(struct verdict_reason, weight, "weight", FIELD_NAME, .names = weight_names,
	      .names_count = 3),
	FIELD(struct verdict_reason, name, "name", FIELD_TEXT),
	FIELD(struct verdict_reason, text, "text", FIELD_CHARS),
};
static const struct fields reason_fields = FIELDS(struct verdict_reason, reason_items);

static bool write_reasons(const void *from, struct fields_out *out)
{
	const struct verdict_result *v = from;

	text_add(out->text, "[");
	for (size_t i = 0; i < v->count; i++) {
		text_add(out->text, i > 0 ? "," : "");
		fields_write(&reason_fields, &v->reasons[i], out);
	}
	text_add(out->text, "]");
	return true;
}

static bool read_reasons(const json_t *value, void *to, struct fields_in *in)
{
	struct verdict_result *v = to;

	v->count = json_array_size(value);
	if (v->count > VERDICT_REASONS_MAX)
		return error_set(in->err, ERROR_CONFIG, "reasons are too many");
	for (size_t i = 0; i < v->count; i++)
		if (!fields_read(&reason_fields, json_array_get(value, i), &v->reasons[i], in))
			return false;
	return true;
}

static const struct field_custom reasons = { write_reasons, read_reasons };

static const struct field verdict_items[] = {
	FIELD(struct verdict_result, verdict, "verdict", FIELD_NAME, .flags = FIELD_MUST,
	      .names = verdict_names, .names_count = 3),
	FIELD(struct verdict_result, reasons, "reasons", FIELD_CUSTOM, .custom = &reasons),
};
static const struct fields verdict_fields = FIELDS(struct verdict_result, verdict_items);

/* --- window ----------------------------------------------------------------------------------------- */

DERIVED_REAL(publish_rate, record_publish_per_s(r));
DERIVED_REAL(consume_rate, record_consume_per_s(r));
DERIVED_REAL(producer_cpu, record_producer_cpu_per_message_ns(r));
DERIVED_REAL(consumer_cpu, record_consumer_cpu_per_message_ns(r));

static bool write_rates_by(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	fields_write_text(r->edges_known ? "edges" : "samples", out->text);
	return true;
}

/* Why the window's edges are not known is told by the verdict. */
static bool read_rates_by(const json_t *value, void *to, struct fields_in *in)
{
	struct record *r = to;
	const char *by = json_string_value(value);

	(void)in;
	r->edges_known = by != NULL && strcmp(by, "edges") == 0;
	return true;
}

static bool edges_are_known(const void *from)
{
	const struct record *r = from;

	return r->edges_known;
}

static const struct field_custom rates_by = { write_rates_by, read_rates_by };

/* Nothing is known of it where the worker, or the journal, did not tell. */
static bool usage_is_known(const void *from)
{
	const struct record *r = from;

	return r->window_usage.ticks > 0;
}

/* Shares become ticks again, of which there are so many. */
#define TICKS (UINT64_C(1) << 40)

static bool write_cpu_share(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	fields_write_real(host_usage_busy_share(&r->window_usage), out->text);
	return true;
}

static bool write_steal_share(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	fields_write_real(host_usage_steal_share(&r->window_usage), out->text);
	return true;
}

static bool read_share(const json_t *value, const char *name, double *out, struct fields_in *in)
{
	*out = json_number_value(value);
	if (!json_is_number(value) || !(*out >= 0 && *out <= 1))
		return error_set(in->err, ERROR_CONFIG, "%s is no share", name);
	return true;
}

static bool read_cpu_share(const json_t *value, void *to, struct fields_in *in)
{
	struct record *r = to;
	double share;

	if (value == NULL)
		return true;
	if (!read_share(value, "hostCpuShare", &share, in))
		return false;
	r->window_usage.ticks = TICKS;
	r->window_usage.idle_ticks = (uint64_t)((1 - share) * (double)TICKS);
	return true;
}

static bool read_steal_share(const json_t *value, void *to, struct fields_in *in)
{
	struct record *r = to;
	double share;

	if (value == NULL)
		return true;
	if (!read_share(value, "hostStealShare", &share, in))
		return false;
	r->window_usage.steal_ticks = (uint64_t)(share * (double)TICKS);
	return true;
}

static const struct field_custom cpu_share = { write_cpu_share, read_cpu_share };
static const struct field_custom steal_share = { write_steal_share, read_steal_share };

static bool write_coordinator_late(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	fact_wakeups_write(r->coordinator_late, out);
	return true;
}

static bool read_coordinator_late(const json_t *value, void *to, struct fields_in *in)
{
	struct record *r = to;
	struct hist_copy *late = NULL;
	bool ok = fact_wakeups_read(value, &late, in);

	r->coordinator_late = late;
	return ok;
}

static const struct field_custom coordinator_late = { write_coordinator_late,
	                                              read_coordinator_late };

static const struct field window_items[] = {
	FIELD(struct record, window_start_ns, "startNs", FIELD_INSTANT),
	FIELD(struct record, window_end_ns, "endNs", FIELD_INSTANT),
	FIELD(struct record, counted_start_ns, "countedStartNs", FIELD_INSTANT),
	FIELD(struct record, counted_end_ns, "countedEndNs", FIELD_INSTANT),
	FIELD(struct record, edges_known, "ratesBy", FIELD_CUSTOM, .custom = &rates_by),
	FIELD(struct record, window_counters, "publishRate", FIELD_CUSTOM, .custom = &publish_rate),
	FIELD(struct record, window_counters, "consumeRate", FIELD_CUSTOM, .custom = &consume_rate),
	FIELD(struct record, ceiling_per_s, "ceilingRate", FIELD_REAL, .flags = FIELD_NULL),
	FIELD(struct record, window_counters, "counters", FIELD_COUNTS, COUNTS),
	FIELD(struct record, edge_counters, "edgeCounters", FIELD_COUNTS, .flags = FIELD_NULL,
	      .when = edges_are_known, COUNTS),
	FIELD(struct record, readiness_ns, "readinessNs", FIELD_COUNT),
	FIELD(struct record, producer_cpu_ns, "producerCpuNs", FIELD_COUNT),
	FIELD(struct record, consumer_cpu_ns, "consumerCpuNs", FIELD_COUNT),
	FIELD(struct record, producer_cpu_ns, "producerCpuPerMessageNs", FIELD_CUSTOM,
	      .custom = &producer_cpu),
	FIELD(struct record, consumer_cpu_ns, "consumerCpuPerMessageNs", FIELD_CUSTOM,
	      .custom = &consumer_cpu),
	FIELD(struct record, window_usage, "hostCpuShare", FIELD_CUSTOM, .custom = &cpu_share,
	      .flags = FIELD_NULL, .when = usage_is_known),
	FIELD(struct record, window_usage, "hostStealShare", FIELD_CUSTOM, .custom = &steal_share,
	      .flags = FIELD_NULL, .when = usage_is_known),
	FIELD(struct record, window_usage.throttled_periods, "hostThrottledPeriods", FIELD_COUNT,
	      .flags = FIELD_NULL, .when = usage_is_known),
	FIELD(struct record, window_usage.throttled_ns, "hostThrottledNs", FIELD_COUNT,
	      .flags = FIELD_NULL, .when = usage_is_known),
	FIELD(struct record, coordinator_late, "coordinatorLate", FIELD_CUSTOM,
	      .custom = &coordinator_late),
};
static const struct fields window_fields = FIELDS(struct record, window_items);

/* --- latencies -------------------------------------------------------------------------------------- */

static const struct field percentile_items[] = {
	FIELD(struct record_percentile, ns, "ns", FIELD_COUNT),
	FIELD(struct record_percentile, lower_ns, "lowerNs", FIELD_COUNT),
	FIELD(struct record_percentile, upper_ns, "upperNs", FIELD_COUNT),
	FIELD(struct record_percentile, too_few, "tooFewSamples", FIELD_BOOL),
	FIELD(struct record_percentile, unresolved, "unresolved", FIELD_BOOL, .flags = FIELD_OMIT),
};
static const struct fields percentile_fields = FIELDS(struct record_percentile, percentile_items);

static bool write_percentiles(const void *from, struct fields_out *out)
{
	const struct record_latency *l = from;

	for (size_t i = 0; i < RECORD_PERCENTILES; i++) {
		text_add(out->text, i > 0 ? ",{\"percentile\":" : "[{\"percentile\":");
		fields_write_real(record_percentiles[i], out->text);
		text_add(out->text, ",");
		fields_write_members(&percentile_fields, &l->percentiles[i], out);
		text_add(out->text, "}");
	}
	text_add(out->text, "]");
	return true;
}

static bool write_meaning(const void *from, struct fields_out *out)
{
	const struct record_latency *l = from;

	fields_write_text(latency_help(l->which), out->text);
	return true;
}

static const struct field_custom percentiles = { write_percentiles, skip };
static const struct field_custom meaning = { write_meaning, skip };

/* All of it follows from the histogram, but for what a histogram leaves out. */
static const struct field latency_items[] = {
	FIELD(struct record_latency, which, "meaning", FIELD_CUSTOM, .custom = &meaning),
	FIELD(struct record_latency, meaningful, "meaningful", FIELD_BOOL),
	FIELD(struct record_latency, count, "count", FIELD_COUNT),
	FIELD(struct record_latency, mean_ns, "meanNs", FIELD_REAL),
	FIELD(struct record_latency, max_ns, "maxNs", FIELD_COUNT),
	FIELD(struct record_latency, overflow, "overflow", FIELD_COUNT),
	FIELD(struct record_latency, error_ns, "errorNs", FIELD_LIMIT, .flags = FIELD_OMIT),
	FIELD(struct record_latency, percentiles, "percentiles", FIELD_CUSTOM,
	      .custom = &percentiles),
};
static const struct fields latency_fields = FIELDS(struct record_latency, latency_items);

static bool write_latencies(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		struct record_latency l;

		record_latency(r, (enum latency)i, &l);
		text_addf(out->text, "%s\"%s\":{", i > 0 ? "," : "{",
		          latency_name((enum latency)i));
		fields_write_members(&latency_fields, &l, out);
		text_add(out->text, ",\"histogram\":");
		fact_histogram_write(&r->totals.latencies[WINDOW_MEASURED][i], out->text);
		text_add(out->text, "}");
	}
	text_add(out->text, "}");
	return true;
}

/* What the histogram was before it was written: its exact sum and maximum stand beside it. */
static void complete(struct hist_copy *h, const struct record_latency *l)
{
	double sum = l->mean_ns * (double)l->count;

	h->overflow = l->overflow;
	if (h->count == 0 || h->count != l->count)
		return;
	fact_histogram_set_max(h, l->max_ns);
	if (sum >= 0 && sum < 1e18) {
		h->sum = (uint64_t)(sum + 0.5);
		h->sum_unknown = false;
	}
}

static bool read_latencies(const json_t *value, void *to, struct fields_in *in)
{
	struct record *r = to;

	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		const char *name = latency_name((enum latency)i);
		const json_t *one = json_object_get(value, name);
		struct hist_copy *h = &r->totals.latencies[WINDOW_MEASURED][i];
		struct record_latency l;

		if (one == NULL) /* of a version that did not have it */
			continue;
		if (!fields_read(&latency_fields, one, &l, in) ||
		    !fact_histogram_read(json_object_get(one, "histogram"), name, h, in->err))
			return error_wrap(in->err, "%s", name);
		complete(h, &l);
	}
	return true;
}

static const struct field_custom latencies = { write_latencies, read_latencies };

/* --- course ----------------------------------------------------------------------------------------- */

static const struct field phase_start_items[] = {
	FIELD(struct record_phase, name, "name", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record_phase, start_ns, "atNs", FIELD_INSTANT, .flags = FIELD_MUST),
};
const struct fields phase_start_fields = FIELDS(struct record_phase, phase_start_items);

static const struct field phase_items[] = {
	FIELD(struct record_phase, name, "name", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record_phase, start_ns, "startNs", FIELD_INSTANT),
	FIELD(struct record_phase, end_ns, "endNs", FIELD_INSTANT),
};
static const struct fields phase_fields = FIELDS(struct record_phase, phase_items);

/* "built" is what was not not built. */
#define NEGATED(name, member)                                                        \
	static bool write_##name(const void *from, struct fields_out *out)           \
	{                                                                            \
		const struct record_backlog *b = from;                               \
		text_add(out->text, b->member ? "false" : "true");                   \
		return true;                                                         \
	}                                                                            \
	static bool read_##name(const json_t *value, void *to, struct fields_in *in) \
	{                                                                            \
		struct record_backlog *b = to;                                       \
		(void)in;                                                            \
		b->member = json_is_false(value);                                    \
		return true;                                                         \
	}                                                                            \
	static const struct field_custom name = { write_##name, read_##name }

NEGATED(built, not_built);
NEGATED(drained, not_drained);

static bool had_backlog(const void *from)
{
	const struct record *r = from;

	return r->backlog.asked_messages > 0;
}

static const struct field backlog_items[] = {
	FIELD(struct record_backlog, asked_messages, "askedMessages", FIELD_COUNT),
	FIELD(struct record_backlog, built_messages, "builtMessages", FIELD_COUNT),
	FIELD(struct record_backlog, left_messages, "leftMessages", FIELD_COUNT),
	FIELD(struct record_backlog, build_ns, "buildNs", FIELD_COUNT),
	FIELD(struct record_backlog, drain_ns, "drainNs", FIELD_COUNT),
	FIELD(struct record_backlog, not_built, "built", FIELD_CUSTOM, .custom = &built),
	FIELD(struct record_backlog, not_drained, "drained", FIELD_CUSTOM, .custom = &drained),
	FIELD(struct record_backlog, grew, "grew", FIELD_BOOL),
	FIELD(struct record_backlog, growing_ns, "growingNs", FIELD_COUNT),
	FIELD(struct record_backlog, growth_per_s, "growthPerS", FIELD_REAL),
	FIELD(struct record_backlog, received_per_s, "receivedPerS", FIELD_REAL),
};
static const struct fields backlog_fields = FIELDS(struct record_backlog, backlog_items);

static const struct field second_items[] = {
	FIELD(struct record_second, phase, "phase", FIELD_TEXT, .flags = FIELD_MUST),
	FIELD(struct record_second, at_ns, "atNs", FIELD_INSTANT, .flags = FIELD_MUST),
	FIELD(struct record_second, sent, "sent", FIELD_COUNT, .flags = FIELD_MUST),
	FIELD(struct record_second, acknowledged, "acknowledged", FIELD_COUNT, .flags = FIELD_MUST),
	FIELD(struct record_second, failed, "failed", FIELD_COUNT, .flags = FIELD_MUST),
	FIELD(struct record_second, received, "received", FIELD_COUNT, .flags = FIELD_MUST),
	FIELD(struct record_second, backlog, "backlog", FIELD_COUNT, .flags = FIELD_MUST),
};
const struct fields second_fields = FIELDS(struct record_second, second_items);

static bool write_events(const void *from, struct fields_out *out)
{
	const struct record *r = from;

	text_add(out->text, "[");
	for (size_t i = 0; i < r->events_count; i++) {
		text_add(out->text, i > 0 ? "," : "");
		fields_write(&event_fields, &r->events[i], out);
	}
	text_add(out->text, "]");
	return true;
}

static bool read_events(const json_t *value, void *to, struct fields_in *in)
{
	struct record *r = to;
	size_t count = json_array_size(value);
	struct fact_event *items = arena_alloc(in->arena, (count + 1) * sizeof(*items));

	r->events = items;
	r->events_count = 0;
	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_array_get(value, i);
		if (fact_event_is_known(one) &&
		    !fields_read(&event_fields, one, &items[r->events_count++], in))
			return false;
	}
	return true;
}

static const struct field_custom events = { write_events, read_events };

/* --- periods ---------------------------------------------------------------------------------------- */

static bool write_kind(const void *from, struct fields_out *out)
{
	const struct record_period *p = from;

	fields_write_text(p->kind, out->text);
	return true;
}

static bool read_kind(const json_t *value, void *to, struct fields_in *in)
{
	static const char *const kinds[] = { "measure", "drain" };
	struct record_period *p = to;
	const char *kind = json_string_value(value);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kind != NULL && strcmp(kind, kinds[i]) == 0)
			p->kind = kinds[i];
	return p->kind != NULL || error_set(in->err, ERROR_CONFIG, "kind is none that is known");
}

/* Both windows of an interval together: the series goes by recording time. */
static bool write_merged(const void *from, struct fields_out *out)
{
	const struct record_period *p = from;
	struct snapshot both = { 0 };

	for (unsigned i = 0; i < LATENCY_COUNT; i++)
		snapshot_latency(&p->interval, (enum latency)i,
		                 &both.latencies[WINDOW_MEASURED][i]);
	fact_histograms_write(&both, WINDOW_MEASURED, out->text);
	snapshot_fini(&both);
	return true;
}

static bool read_merged(const json_t *value, void *to, struct fields_in *in)
{
	struct record_period *p = to;

	if (!json_is_object(value))
		return error_set(in->err, ERROR_CONFIG, "histograms is missing");
	return fact_histograms_read(value, &p->interval, WINDOW_MEASURED, in->err);
}

static bool write_claims(const void *from, struct fields_out *out)
{
	return claims_write(&((const struct record_period *)from)->interval.claims, out->text);
}

static bool read_claims(const json_t *value, void *to, struct fields_in *in)
{
	return claims_read(value, &((struct record_period *)to)->interval.claims, in->err);
}

static bool period_has_slowest(const void *from)
{
	return !fact_slowest_is_empty(&((const struct record_period *)from)->slowest);
}

static bool has_slowest(const void *from)
{
	return !fact_slowest_is_empty(&((const struct record *)from)->slowest);
}

static const struct field_custom kind = { write_kind, read_kind };
static const struct field_custom claims = { write_claims, read_claims };
static const struct field_custom merged = { write_merged, read_merged };

static const struct field period_items[] = {
	FIELD(struct record_period, kind, "kind", FIELD_CUSTOM, .custom = &kind),
	FIELD(struct record_period, start_ns, "startNs", FIELD_INSTANT, .flags = FIELD_MUST),
	FIELD(struct record_period, end_ns, "endNs", FIELD_INSTANT, .flags = FIELD_MUST),
	FIELD(struct record_period, backlog, "backlog", FIELD_COUNT, .flags = FIELD_MUST),
	FIELD(struct record_period, interval.cpu_ns, "cpuNs", FIELD_COUNT),
	FIELD(struct record_period, interval.counters, "counters", FIELD_COUNTS,
	      .flags = FIELD_MUST, COUNTS),
	FIELD(struct record_period, interval.claims, "client", FIELD_CUSTOM, .custom = &claims),
	FIELD(struct record_period, interval, "histograms", FIELD_CUSTOM, .custom = &merged),
	FIELD(struct record_period, slowest, "slowest", FIELD_STRUCT, .of = &slowest_fields,
	      .when = period_has_slowest),
};
const struct fields period_fields = FIELDS(struct record_period, period_items);

/* --- the whole -------------------------------------------------------------------------------------- */

#define LIST(member, key, table)                                      \
	FIELD(struct record, member, key, FIELD_LIST, .of = &(table), \
	      .count = offsetof(struct record, member##_count))
#define COLUMNS(member, key, table)                                      \
	FIELD(struct record, member, key, FIELD_COLUMNS, .of = &(table), \
	      .count = offsetof(struct record, member##_count))
#define ROWS(member, key, table)                                      \
	FIELD(struct record, member, key, FIELD_ROWS, .of = &(table), \
	      .count = offsetof(struct record, member##_count))
#define PART(key, table, ...) \
	FIELD(struct record, run_id, key, FIELD_PART, .of = &(table), __VA_ARGS__)
#define HOST FIELD(struct record, environment, "host", FIELD_STRUCT, .of = &environment_fields)

static bool has_clocks(const void *from)
{
	return ((const struct record *)from)->clocks.count > 1;
}

static const struct field record_items[] = {
	PART("run", record_run_fields, .flags = FIELD_MUST),
	FIELD(struct record, verdict, "verdict", FIELD_STRUCT, .of = &verdict_fields),
	PART("load", load_fields, .flags = FIELD_MUST),
	PART("window", window_fields, .flags = FIELD_MUST),
	FIELD(struct record, totals, "latencies", FIELD_CUSTOM, .custom = &latencies),
	FIELD(struct record, totals.counters, "totals", FIELD_COUNTS, COUNTS),
	FIELD(struct record, account, "accounting", FIELD_CUSTOM, .custom = &record_account),
	FIELD(struct record, spoiled, "spoiledRanges", FIELD_ROWS, .of = &range_fields,
	      .count = offsetof(struct record, spoiled_count)),
	FIELD(struct record, clocks, "clocks", FIELD_STRUCT, .of = &fact_clocks_fields,
	      .when = has_clocks),
	FIELD(struct record, slowest, "slowest", FIELD_STRUCT, .of = &slowest_fields,
	      .flags = FIELD_NULL, .when = has_slowest),
	LIST(phases, "phases", phase_fields),
	FIELD(struct record, backlog, "backlog", FIELD_STRUCT, .of = &backlog_fields,
	      .flags = FIELD_NULL, .when = had_backlog),
	PART("omb", program_fields, .flags = FIELD_MUST),
	HOST,
	FIELD(struct record, settings, "workload", FIELD_CUSTOM, .custom = &settings),
	LIST(rows, "driver", row_fields),
	FIELD(struct record, events, "events", FIELD_CUSTOM, .custom = &events),
	LIST(agents, "agents", agent_account_fields),
	FIELD(struct record, workers, "workers", FIELD_LIST, .flags = FIELD_OMIT,
	      .of = &worker_fields, .count = offsetof(struct record, workers_count)),
	COLUMNS(seconds, "seconds", second_fields),
	ROWS(producer_totals, "producers", producer_fields),
	ROWS(partition_totals, "partitions", partition_fields),
};
const struct fields record_fields = FIELDS(struct record, record_items);

static const struct field start_items[] = {
	FIELD(struct record, result, "result", FIELD_TEXT),
	PART("omb", program_fields, .flags = FIELD_MUST),
	HOST,
	PART("load", load_fields, .flags = FIELD_MUST),
	FIELD(struct record, settings, "settings", FIELD_CUSTOM, .custom = &settings),
};
const struct fields record_start_fields = FIELDS(struct record, start_items);

static const struct field rows_items[] = { LIST(rows, "rows", row_fields) };
const struct fields record_rows_fields = FIELDS(struct record, rows_items);

static const struct field window_start_items[] = {
	FIELD(struct record, window_start_ns, "startNs", FIELD_INSTANT, .flags = FIELD_MUST),
	FIELD(struct record, counted_start_ns, "countedStartNs", FIELD_INSTANT),
	FIELD(struct record, readiness_ns, "readinessNs", FIELD_COUNT),
	FIELD(struct record, ceiling_per_s, "ceilingRate", FIELD_REAL, .flags = FIELD_NULL),
	HOST,                                           /* the worker has told it by now */
	PART("load", load_fields, .flags = FIELD_MUST), /* again: a search has found a rate */
	FIELD(struct record, window_counters, "counters", FIELD_COUNTS, .flags = FIELD_MUST,
	      COUNTS),
};
const struct fields record_window_start_fields = FIELDS(struct record, window_start_items);
