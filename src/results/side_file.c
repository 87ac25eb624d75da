/* SPDX-License-Identifier: Apache-2.0 */
#include "results/side_file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "results/journal.h"
#include "stats/hdr_codec.h"
#include "stats/percentile.h"
#include "util/secret.h"
#include "util/xalloc.h"

/* Nothing below checks what jansson returns for memory: it is made to abort like everything else
 * that sets up, and the values are all finite and valid UTF-8 by then. */

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *real(double value)
{
	return json_real(isfinite(value) ? value : 0);
}

/* Text from outside (a client library's message, a file name) may be anything. */
static json_t *string(const char *text)
{
	if (!text)
		return json_null();

	json_t *ok = json_string(text);
	if (ok)
		return ok;

	struct text clean = { 0 };
	for (const char *c = text; *c; c++)
		text_add_bytes(&clean, (unsigned char)*c < 0x80 ? c : "?", 1);
	ok = json_string(text_str(&clean));
	text_fini(&clean);
	return ok;
}

/* A message may quote what no one may see. */
static json_t *message(const char *text)
{
	struct text shown = { 0 };

	if (!text)
		return json_null();
	secret_add(&shown, text);
	json_t *value = string(text_str(&shown));
	text_fini(&shown);
	return value;
}

static void put(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static uint64_t since_start(const struct record *r, uint64_t at_ns)
{
	return at_ns > r->started_ns ? at_ns - r->started_ns : 0;
}

static json_t *date(uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	struct tm tm;
	char text[48];

	if (!gmtime_r(&seconds, &tm))
		return json_null();
	size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text + len, sizeof(text) - len, ".%03uZ",
	               (unsigned)(wall_ns / 1000000u % 1000));
	return json_string(text);
}

static json_t *histogram(const struct hist_copy *h)
{
	struct text text = { 0 };

	hdr_codec_encode(h, &text);
	json_t *value = json_string(text_str(&text));
	text_fini(&text);
	return value;
}

/* Both windows of an interval: the series goes by recording time. */
static json_t *merged_histograms(const struct snapshot *s)
{
	json_t *all = json_object();
	struct hist_copy both = { 0 };

	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		snapshot_latency(s, (enum latency)i, &both);
		if (both.count > 0)
			put(all, latency_name((enum latency)i), histogram(&both));
	}
	hist_copy_fini(&both);
	return all;
}

static json_t *window_histograms(const struct snapshot *s, enum window window)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		const struct hist_copy *h = &s->latencies[window][i];
		if (h->count > 0)
			put(all, latency_name((enum latency)i), histogram(h));
	}
	return all;
}

static json_t *counters(const uint64_t counts[COUNTER_COUNT])
{
	json_t *all = json_object();

	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		put(all, counter_name((enum counter)i), number(counts[i]));
	return all;
}

static json_t *run_member(const struct record *r)
{
	json_t *o = json_object();
	uint64_t wall_end = r->wall_started_ns + since_start(r, r->ended_ns);

	put(o, "id", string(r->run_id));
	put(o, "workload", string(r->workload_name));
	put(o, "driver", string(r->driver_name));
	put(o, "workloadFile", string(r->workload_path));
	put(o, "driverFile", string(r->driver_path));
	put(o, "commandLine", message(r->command_line));
	put(o, "worker", string(r->worker));
	put(o, "started", date(r->wall_started_ns));
	put(o, "ended", date(wall_end));
	put(o, "startedUnixNs", number(r->wall_started_ns));
	put(o, "durationNs", number(since_start(r, r->ended_ns)));
	put(o, "interrupted", json_boolean(r->interrupted));
	put(o, "failure", message(r->failure));
	put(o, "recovered", json_boolean(r->recovered));
	put(o, "pid", json_integer(r->pid));
	return o;
}

static json_t *program_member(const struct record *r)
{
	json_t *o = json_object();

	put(o, "version", string(r->environment.version));
	put(o, "commit", string(r->environment.commit));
	put(o, "build", string(r->environment.build));
	return o;
}

static json_t *limit(uint64_t value)
{
	return value == UINT64_MAX ? json_null() : number(value);
}

static json_t *host_member(const struct record *r)
{
	const struct environment *e = &r->environment;
	json_t *o = json_object();

	put(o, "name", string(e->host));
	put(o, "kernel", string(e->kernel));
	put(o, "cpuModel", string(e->cpu_model));
	put(o, "cpusOnline", number(e->cpus_online));
	put(o, "cpusAllowed", number(e->cpus_allowed));
	put(o, "cpuQuota", e->cpu_quota > 0 ? real(e->cpu_quota) : json_null());
	put(o, "virtualMachine", json_boolean(e->virtual_machine));
	put(o, "memoryBytes", number(e->memory_bytes));
	put(o, "governor", string(e->governor));
	put(o, "clockSource", string(e->clock_source));
	put(o, "openFilesLimit", limit(e->open_files_max));
	put(o, "processesLimit", limit(e->processes_max));
	return o;
}

static json_t *workload_member(const struct record *r)
{
	json_t *o = json_object();

	for (size_t i = 0; i < r->settings_count; i++)
		put(o, r->settings[i].key, string(r->settings[i].value));
	return o;
}

static json_t *driver_member(const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->rows_count; i++) {
		const struct fact_row *row = &r->rows[i];
		json_t *o = json_object();

		put(o, "section", string(row->section));
		put(o, "key", string(row->key));
		put(o, "value", message(secret_shown(row->key, row->value)));
		put(o, "origin", string(row->origin));
		if (row->note && *row->note)
			put(o, "note", message(row->note));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static const char *rate_name(enum record_rate rate)
{
	switch (rate) {
	case RECORD_FIXED:
		return "fixed";
	case RECORD_SEARCHED:
		return "searched";
	case RECORD_MAX:
		return "max";
	}
	abort();
}

static const char *meaning_name(enum record_meaning meaning)
{
	static const char *const names[] = {
		[RECORD_MEANS_LOAD] = "load",
		[RECORD_MEANS_MAXIMUM] = "maximum",
		[RECORD_MEANS_OVERLOAD] = "overload",
		[RECORD_MEANS_NOTHING] = "none",
	};

	return names[meaning];
}

static json_t *readings_member(const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->readings_count; i++) {
		const struct record_reading *reading = &r->readings[i];
		json_t *one = json_object();

		put(one, "ratePerS", real(reading->rate_per_s));
		put(one, "carriedPerS", real(reading->carried_per_s));
		put(one, "sustained", json_boolean(reading->sustained));
		(void)json_array_append_new(list, one);
	}
	return list;
}

static json_t *load_member(const struct record *r)
{
	json_t *o = json_object();

	put(o, "rate", string(rate_name(r->rate)));
	put(o, "corrected", string(meaning_name(record_meaning(r))));
	put(o, "askedPerS", r->rate == RECORD_MAX ? json_null() : real(r->asked_per_s));
	put(o, "topics", number(r->topics));
	put(o, "partitionsPerTopic", number(r->partitions));
	put(o, "subscriptionsPerTopic", number(r->subscriptions));
	put(o, "producers", number(r->producers));
	put(o, "consumers", number(r->consumers));
	put(o, "producersPerTopic", number(r->producers_per_topic));
	put(o, "consumersPerSubscription", number(r->consumers_per_subscription));
	put(o, "messageBytes", number(r->message_bytes));
	put(o, "stamped", json_boolean(r->stamped));
	put(o, "wakeIntervalNs", number(r->wake_interval_ns));
	put(o, "samplePeriodNs", number(r->sample_ns));
	/* At rate max and far above capacity this is what the latencies are made of. */
	put(o, "maxInFlightMessages", number(r->window_messages));
	put(o, "maxInFlightBytes", r->window_bytes ? number(r->window_bytes) : json_null());
	if (r->rate == RECORD_SEARCHED) {
		put(o, "searchConverged", json_boolean(r->search_converged));
		put(o, "searchTrials", number(r->search_trials));
		put(o, "searchReadings", readings_member(r));
	}
	return o;
}

static json_t *verdict_member(const struct record *r)
{
	json_t *o = json_object();
	json_t *reasons = json_array();

	put(o, "verdict", string(verdict_name(r->verdict.verdict)));
	for (size_t i = 0; i < r->verdict.count; i++) {
		const struct verdict_reason *reason = &r->verdict.reasons[i];
		bool is_note = reason->weight == VERDICT_VALID;
		json_t *one = json_object();

		put(one, "weight", string(is_note ? "note" : verdict_name(reason->weight)));
		put(one, "name", string(reason->name));
		put(one, "text", message(reason->text));
		(void)json_array_append_new(reasons, one);
	}
	put(o, "reasons", reasons);
	return o;
}

/* How late a process woke up; null where nobody told. */
static json_t *wakeups(const struct hist_copy *late)
{
	static const double at[] = { 50, 95, 99 };
	uint64_t ns[3];

	if (late == NULL)
		return json_null();
	percentile_values(late, at, 3, ns);
	json_t *o = json_object();
	put(o, "count", number(late->count));
	put(o, "p50Ns", number(ns[0]));
	put(o, "p95Ns", number(ns[1]));
	put(o, "p99Ns", number(ns[2]));
	put(o, "maxNs", number(late->max));
	put(o, "histogram", histogram(late));
	return o;
}

/* Nothing is known of it where the worker, or the journal, did not tell. */
static void put_usage(json_t *o, const struct host_usage *u)
{
	bool is_known = u->ticks > 0;

	put(o, "hostCpuShare", is_known ? real(host_usage_busy_share(u)) : json_null());
	put(o, "hostStealShare", is_known ? real(host_usage_steal_share(u)) : json_null());
	put(o, "hostThrottledPeriods", is_known ? number(u->throttled_periods) : json_null());
	put(o, "hostThrottledNs", is_known ? number(u->throttled_ns) : json_null());
}

static json_t *window_member(const struct record *r)
{
	json_t *o = json_object();

	put(o, "startNs", number(since_start(r, r->window_start_ns)));
	put(o, "endNs", number(since_start(r, r->window_end_ns)));
	put(o, "countedStartNs", number(since_start(r, r->counted_start_ns)));
	put(o, "countedEndNs", number(since_start(r, r->counted_end_ns)));
	put(o, "ratesBy", string(r->edge_lack == NULL ? "edges" : "samples"));
	put(o, "sampledStartNs", number(since_start(r, r->sampled_start_ns)));
	put(o, "sampledEndNs", number(since_start(r, r->sampled_end_ns)));
	put(o, "publishRate", real(record_publish_per_s(r)));
	put(o, "consumeRate", real(record_consume_per_s(r)));
	put(o, "ceilingRate", r->ceiling_per_s > 0 ? real(r->ceiling_per_s) : json_null());
	put(o, "counters", counters(r->window_counters));
	put(o, "readinessNs", number(r->readiness_ns));
	put(o, "producerCpuNs", number(r->producer_cpu_ns));
	put(o, "consumerCpuNs", number(r->consumer_cpu_ns));
	put(o, "producerCpuPerMessageNs", real(record_producer_cpu_per_message_ns(r)));
	put(o, "consumerCpuPerMessageNs", real(record_consumer_cpu_per_message_ns(r)));
	put_usage(o, &r->window_usage);
	put(o, "coordinatorLate", wakeups(r->coordinator_late));
	return o;
}

static json_t *percentile_list(const struct record_latency *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < RECORD_PERCENTILES; i++) {
		json_t *o = json_object();

		put(o, "percentile", real(record_percentiles[i]));
		put(o, "ns", number(l->percentiles[i].ns));
		put(o, "lowerNs", number(l->percentiles[i].lower_ns));
		put(o, "upperNs", number(l->percentiles[i].upper_ns));
		put(o, "tooFewSamples", json_boolean(l->percentiles[i].too_few));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *latencies_member(const struct record *r)
{
	json_t *all = json_object();

	for (unsigned i = 0; i < LATENCY_COUNT; i++) {
		json_t *o = json_object();
		struct record_latency l;

		record_latency(r, (enum latency)i, &l);
		put(o, "meaning", string(latency_help(l.which)));
		put(o, "meaningful", json_boolean(l.meaningful));
		put(o, "count", number(l.count));
		put(o, "meanNs", real(l.mean_ns));
		put(o, "maxNs", number(l.max_ns));
		put(o, "overflow", number(l.overflow));
		put(o, "percentiles", percentile_list(&l));
		put(o, "histogram", histogram(&r->totals.latencies[WINDOW_MEASURED][i]));
		put(all, latency_name(l.which), o);
	}
	return all;
}

static json_t *phases_member(const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->phases_count; i++) {
		json_t *o = json_object();

		put(o, "name", string(r->phases[i].name));
		put(o, "startNs", number(since_start(r, r->phases[i].start_ns)));
		put(o, "endNs", number(since_start(r, r->phases[i].end_ns)));
		(void)json_array_append_new(list, o);
	}
	return list;
}

static json_t *backlog_member(const struct record *r)
{
	const struct record_backlog *b = &r->backlog;
	json_t *o = json_object();

	if (b->asked_messages == 0) {
		json_decref(o);
		return json_null();
	}
	put(o, "askedMessages", number(b->asked_messages));
	put(o, "builtMessages", number(b->built_messages));
	put(o, "leftMessages", number(b->left_messages));
	put(o, "buildNs", number(b->build_ns));
	put(o, "drainNs", number(b->drain_ns));
	put(o, "built", json_boolean(!b->not_built));
	put(o, "drained", json_boolean(!b->not_drained));
	put(o, "grew", json_boolean(b->grew));
	put(o, "growingNs", number(b->growing_ns));
	put(o, "growthPerS", real(b->growth_per_s));
	put(o, "receivedPerS", real(b->received_per_s));
	return o;
}

static json_t *seconds_member(const struct record *r)
{
	static const char *const names[] = { "atNs",   "sent",     "acknowledged",
		                             "failed", "received", "backlog" };
	json_t *o = json_object();
	json_t *phase = json_array();
	json_t *columns[6];

	for (size_t c = 0; c < 6; c++)
		columns[c] = json_array();
	for (size_t i = 0; i < r->seconds_count; i++) {
		const struct record_second *s = &r->seconds[i];
		const uint64_t values[6] = { since_start(r, s->at_ns),
			                     s->sent,
			                     s->acknowledged,
			                     s->failed,
			                     s->received,
			                     s->backlog };

		(void)json_array_append_new(phase, string(s->phase));
		for (size_t c = 0; c < 6; c++)
			(void)json_array_append_new(columns[c], number(values[c]));
	}
	put(o, "phase", phase);
	for (size_t c = 0; c < 6; c++)
		put(o, names[c], columns[c]);
	return o;
}

static json_t *period_object(const struct record *r, const struct record_period *p)
{
	json_t *o = json_object();

	put(o, "kind", string(p->kind));
	put(o, "startNs", number(since_start(r, p->start_ns)));
	put(o, "endNs", number(since_start(r, p->end_ns)));
	put(o, "backlog", number(p->backlog));
	put(o, "cpuNs", number(p->interval.cpu_ns));
	put(o, "counters", counters(p->interval.counters));
	put(o, "histograms", merged_histograms(&p->interval));
	return o;
}

static json_t *agents_member(const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->agents_count; i++) {
		const struct fact_agent *a = &r->agents[i];
		json_t *o = json_object();

		put(o, "role", string(agent_role_name(a->role)));
		put(o, "index", number(a->index));
		put(o, "generation", number(a->generation));
		put(o, "pid", json_integer(a->pid));
		put(o, "clients", number(a->clients));
		put(o, "threads", number(a->loops));
		put(o, "lost", json_boolean(a->lost));
		put(o, "slow", json_boolean(a->slow));
		put(o, "cpuNs", number(a->cpu_ns));
		put(o, "windowCpuNs", number(a->window_cpu_ns));
		put(o, "maxRssBytes", number(a->max_rss_bytes));
		put(o, "pssBytes", number(a->pss_bytes));
		put(o, "loopsKnown", number(a->loops_known));
		put(o, "busiestLoop", real(a->busiest_loop));
		put(o, "allLoops", real(a->all_loops));
		put(o, "libraryThreads", number(a->library_threads));
		put(o, "libraryThread", string(a->library_thread));
		put(o, "libraryCpuNs", number(a->library_cpu_ns));
		put(o, "late", wakeups(a->late));
		put(o, "counters", counters(a->counters));
		if (a->snapshot) {
			put(o, "measured", window_histograms(a->snapshot, WINDOW_MEASURED));
			put(o, "outside", window_histograms(a->snapshot, WINDOW_OUTSIDE));
		}
		(void)json_array_append_new(list, o);
	}
	return list;
}

static void append_row(json_t *rows, json_t *const *cells, size_t count)
{
	json_t *row = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(row, cells[i]);
	(void)json_array_append_new(rows, row);
}

static json_t *table(const char *columns, json_t *rows)
{
	json_t *o = json_object();

	put(o, "columns", json_loads(columns, 0, NULL));
	put(o, "rows", rows);
	return o;
}

static json_t *producers_member(const struct record *r)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < r->producer_totals_count; i++) {
		const struct fact_producer *p = &r->producer_totals[i];
		json_t *const cells[] = { number(p->producer), string(p->topic),
			                  number(p->sent),     number(p->acknowledged),
			                  number(p->failed),   number(p->unacknowledged),
			                  number(p->unsent) };

		append_row(rows, cells, sizeof(cells) / sizeof(cells[0]));
	}
	return table("[\"producer\",\"topic\",\"sent\",\"acknowledged\",\"failed\","
	             "\"unacknowledged\",\"unsent\"]",
	             rows);
}

static json_t *partitions_member(const struct record *r)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < r->partition_totals_count; i++) {
		const struct fact_partition *p = &r->partition_totals[i];
		json_t *const cells[] = { string(p->topic), string(p->subscription),
			                  number(p->partition), number(p->received) };

		append_row(rows, cells, sizeof(cells) / sizeof(cells[0]));
	}
	return table("[\"topic\",\"subscription\",\"partition\",\"received\"]", rows);
}

static json_t *event_object(const struct record *r, const struct fact_event *e)
{
	json_t *o = json_object();

	put(o, "kind", string(fact_event_kind_name(e->kind)));
	put(o, "atNs", number(since_start(r, e->at_ns)));
	put(o, "role", string(agent_role_name(e->role)));
	put(o, "agent", number(e->agent));
	put(o, "generation", number(e->generation));
	if (e->gap_ns)
		put(o, "gapNs", number(e->gap_ns));
	if (e->count)
		put(o, "count", number(e->count));
	if (e->name)
		put(o, "name", message(e->name));
	if (e->text)
		put(o, "text", message(e->text));
	return o;
}

static json_t *events_member(const struct record *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->events_count; i++)
		(void)json_array_append_new(list, event_object(r, &r->events[i]));
	return list;
}

static json_t *totals_member(const struct record *r)
{
	return counters(r->totals.counters);
}

/* One member on each line: a person can read it, and `grep '^"verdict"'` finds it. */
static void add_member(struct text *out, const char *key, json_t *value)
{
	char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	text_addf(out, ",\n\"%s\": %s", key, dumped ? dumped : "null");
	free(dumped);
	json_decref(value);
}

/* --- periods ---------------------------------------------------------------------------------------- */

struct copying {
	struct file_draft *out;
	const char *separator; /* before the next one */
};

static void begin_period(struct copying *c)
{
	text_add(&c->out->text, c->separator);
	c->separator = ",\n";
}

/* A line's last member: a period without it is an element of the list in the result. */
#define PERIOD_ENDING ",\"line\":\"period\"}"

bool side_file_is_period(const char *line, size_t len)
{
	size_t ending = strlen(PERIOD_ENDING);

	return len > ending && memcmp(line + len - ending, PERIOD_ENDING, ending) == 0;
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
	struct copying c = { .out = out, .separator = "\n" };

	text_add(&out->text, ",\n\"periods\": [");
	if (r->journal != NULL && !journal_each(r->journal, copy_period, &c, err))
		return false;
	for (size_t i = 0; i < r->periods_count; i++) {
		char *dumped;
		json_t *o = period_object(r, &r->periods[i]);
		begin_period(&c);
		dumped = json_dumps(o, JSON_COMPACT);
		text_add(&out->text, dumped);
		free(dumped);
		json_decref(o);
	}
	text_add(&out->text, "]");
	return true;
}

bool side_file_write(const struct record *r, struct file_draft *out, struct error *err)
{
	static const struct {
		const char *key;
		json_t *(*make)(const struct record *r);
	} members[] = {
		{ "run", run_member },
		{ "verdict", verdict_member },
		{ "load", load_member },
		{ "window", window_member },
		{ "latencies", latencies_member },
		{ "totals", totals_member },
		{ "phases", phases_member },
		{ "backlog", backlog_member },
		{ "omb", program_member },
		{ "host", host_member },
		{ "workload", workload_member },
		{ "driver", driver_member },
		{ "events", events_member },
		{ "agents", agents_member },
		{ "seconds", seconds_member },
		{ "producers", producers_member },
		{ "partitions", partitions_member },
	};

	text_addf(&out->text, "{\n\"format\": \"omb-result\",\n\"formatVersion\": %d",
	          SIDE_FILE_VERSION);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		add_member(&out->text, members[i].key, members[i].make(r));
		(void)file_draft_pass(out);
	}
	if (!write_periods(r, out, err))
		return false;
	text_add(&out->text, "\n}\n");
	return true;
}

/* --- lines of the journal --------------------------------------------------------------------------- */

static void add_line(struct text *out, const char *kind, json_t *object)
{
	put(object, "line", string(kind));

	char *dumped = json_dumps(object, JSON_COMPACT);
	text_add(out, dumped);
	free(dumped);
	json_decref(object);
}

void side_file_format_start(const struct record *r, struct text *out)
{
	json_t *o = run_member(r);

	put(o, "format", string("omb-journal"));
	put(o, "formatVersion", number(SIDE_FILE_JOURNAL_VERSION));
	put(o, "result", string(r->result));
	put(o, "omb", program_member(r));
	put(o, "host", host_member(r));
	put(o, "load", load_member(r));
	put(o, "settings", workload_member(r));
	add_line(out, "start", o);
}

void side_file_format_driver(const struct record *r, struct text *out)
{
	json_t *o = json_object();

	put(o, "rows", driver_member(r));
	add_line(out, "driver", o);
}

void side_file_format_phase(const struct record *r, const struct record_phase *p, struct text *out)
{
	json_t *o = json_object();

	put(o, "name", string(p->name));
	put(o, "atNs", number(since_start(r, p->start_ns)));
	add_line(out, "phase", o);
}

void side_file_format_window(const struct record *r, struct text *out)
{
	json_t *o = json_object();

	put(o, "startNs", number(since_start(r, r->window_start_ns)));
	put(o, "countedStartNs", number(since_start(r, r->counted_start_ns)));
	put(o, "readinessNs", number(r->readiness_ns));
	put(o, "ceilingRate", r->ceiling_per_s > 0 ? real(r->ceiling_per_s) : json_null());
	put(o, "host", host_member(r)); /* the worker has told it by now */
	put(o, "load", load_member(r)); /* again: a search has found a rate */
	put(o, "counters", counters(r->window_counters));
	add_line(out, "window", o);
}

void side_file_format_event(const struct record *r, const struct fact_event *e, struct text *out)
{
	add_line(out, "event", event_object(r, e));
}

void side_file_format_second(const struct record *r, const struct record_second *s,
                             struct text *out)
{
	json_t *o = json_object();

	put(o, "phase", string(s->phase));
	put(o, "atNs", number(since_start(r, s->at_ns)));
	put(o, "sent", number(s->sent));
	put(o, "acknowledged", number(s->acknowledged));
	put(o, "failed", number(s->failed));
	put(o, "received", number(s->received));
	put(o, "backlog", number(s->backlog));
	add_line(out, "second", o);
}

void side_file_format_period(const struct record *r, const struct record_period *p,
                             struct text *out)
{
	add_line(out, "period", period_object(r, p));
}
