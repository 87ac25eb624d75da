/* SPDX-License-Identifier: Apache-2.0 */
#include "results/prometheus.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "results/prometheus_table.h"
#include "stats/percentile.h"
#include "util/java_number.h"
#include "util/xalloc.h"

#define MINUTE_NS UINT64_C(60000000000)
#define SLOTS     ((size_t)PROMETHEUS_EACH_MAX + 1) /* the last one is "other" */

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",     [METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram", [METRIC_SUMMARY] = "summary",
	[METRIC_UNTYPED] = "untyped",
};

/* In the order of metrics_of_omb_latency. */
static const enum latency of_omb[PROMETHEUS_OMB_LATENCIES] = { LATENCY_DELAY, LATENCY_PUBLISH,
	                                                       LATENCY_E2E };

/* --- the last minute ------------------------------------------------------------------------------ */

/* False: `now` is of another load. */
static bool goes_on(const struct hist_copy *now, const struct hist_copy *before)
{
	for (size_t i = before->lo; i < before->hi; i++)
		if (hist_copy_count_at(now, i) < hist_copy_count_at(before, i))
			return false;
	return now->count >= before->count && now->overflow >= before->overflow;
}

static void begin_minute(struct prometheus_minute *m, const struct snapshot *s)
{
	m->began_ns = s->taken_ns;
	for (size_t i = 0; i < PROMETHEUS_OMB_LATENCIES; i++) {
		hist_copy_fini(&m->base[i]);
		snapshot_latency(s, of_omb[i], &m->base[i]);
	}
}

void prometheus_minute_turn(struct prometheus_minute *m, const struct snapshot *s)
{
	struct hist_copy now[PROMETHEUS_OMB_LATENCIES] = { 0 };
	bool same = m->began_ns != 0 && s->taken_ns >= m->began_ns;

	for (size_t i = 0; i < PROMETHEUS_OMB_LATENCIES; i++) {
		snapshot_latency(s, of_omb[i], &now[i]);
		same = same && goes_on(&now[i], &m->base[i]);
	}
	if (!same)
		m->is_known = false;
	bool over = same && s->taken_ns - m->began_ns >= MINUTE_NS;
	for (size_t i = 0; i < PROMETHEUS_OMB_LATENCIES; i++) {
		if (over)
			hist_copy_diff(&now[i], &m->base[i], &m->done[i]);
		hist_copy_fini(&now[i]);
	}
	m->is_known |= over;
	if (!same || over)
		begin_minute(m, s);
}

void prometheus_minute_fini(struct prometheus_minute *m)
{
	for (size_t i = 0; i < PROMETHEUS_OMB_LATENCIES; i++) {
		hist_copy_fini(&m->base[i]);
		hist_copy_fini(&m->done[i]);
	}
	*m = (struct prometheus_minute){ .began_ns = 0 };
}

/* --- lines ------------------------------------------------------------------------------------------ */

static void write_head(const struct metric *m, struct text *out)
{
	text_addf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
	          type_names[m->type]);
}

/* Not finite: as Java has it, "+Inf" and so on being for `le` alone here. */
static void write_number(double value, struct text *out)
{
	char digits[JAVA_NUMBER_SIZE];

	text_add(out, isnan(value) ? "NaN" : java_number_format(value, digits));
}

static void write_label(const char *name, const char *value, bool *first, struct text *out)
{
	text_addf(out, "%s%s=\"", *first ? "{" : ",", name);
	*first = false;
	for (const char *s = value; *s != '\0'; s++) {
		if (*s == '\n')
			text_add(out, "\\n");
		else if (*s == '"' || *s == '\\')
			text_addf(out, "\\%c", *s);
		else
			text_add_bytes(out, s, 1);
	}
	text_add(out, "\"");
}

/* Counts beyond 2^53 lose digits, which Prometheus would drop too. */
static void write_count(uint64_t value, struct text *out)
{
	text_addf(out, " %" PRIu64 "\n", value);
}

/* A family of one line without labels. */
static void write_one(const struct metric *m, uint64_t value, struct text *out)
{
	write_head(m, out);
	text_add(out, m->name);
	write_count(value, out);
}

/* With the labels that are not NULL; 1 as its value. */
static void write_info(const struct metric *m, const char *const *names, const char *const *values,
                       size_t count, struct text *out)
{
	bool first = true;

	write_head(m, out);
	text_add(out, m->name);
	for (size_t i = 0; i < count; i++)
		if (values[i] != NULL)
			write_label(names[i], values[i], &first, out);
	text_add(out, first ? " 1\n" : "} 1\n");
}

/* --- OMB's ------------------------------------------------------------------------------------------ */

static void write_quantiles(const char *name, bool success, const struct hist_copy *c,
                            struct text *out)
{
	static const char *const quantiles[] = { "0.5",   "0.75",   "0.95", "0.99",
		                                 "0.999", "0.9999", "1.0" };

	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		double value = NAN;
		if (c != NULL && c->count > 0)
			value = (double)percentile_value(c, 100 * strtod(quantiles[i], NULL)) / 1e6;
		text_addf(out, "%s{success=\"%s\",quantile=\"%s\"} ", name,
		          success ? "true" : "false", quantiles[i]);
		write_number(value, out);
		text_add(out, "\n");
	}
}

static void write_summary(const struct metric *m, const struct hist_copy *all,
                          const struct hist_copy *minute, struct text *out)
{
	write_head(m, out);
	/* OMB never times a failure either. */
	write_quantiles(m->name, false, NULL, out);
	text_addf(out, "%s_sum{success=\"false\"} 0.0\n%s_count{success=\"false\"} 0\n", m->name,
	          m->name);
	write_quantiles(m->name, true, minute, out);
	text_addf(out, "%s_sum{success=\"true\"} ", m->name);
	write_number(percentile_mean(all) * (double)all->count / 1e6, out);
	text_addf(out, "\n%s_count{success=\"true\"}", m->name);
	write_count(all->count, out);
}

static void write_of_omb(const struct fact_totals *t, const struct prometheus_minute *minute,
                         struct text *out)
{
	const uint64_t *c = t->snapshot.counters;
	const uint64_t values[OMB_COUNTS] = {
		[OMB_MESSAGES_SENT] = c[COUNTER_ACKNOWLEDGED],
		[OMB_SEND_ERRORS] = c[COUNTER_FAILED],
		[OMB_BYTES_SENT] = c[COUNTER_BYTES_ACKED],
		[OMB_MESSAGES_RECEIVED] = c[COUNTER_RECEIVED] + c[COUNTER_PROBES_RECEIVED],
		[OMB_BYTES_RECEIVED] = c[COUNTER_BYTES_RECEIVED],
	};

	for (size_t i = 0; i < OMB_COUNTS; i++)
		write_one(&metrics_of_omb[i], values[i], out);
	for (size_t i = 0; !t->without_latencies && i < PROMETHEUS_OMB_LATENCIES; i++) {
		struct hist_copy all = { 0 };
		bool is_known = minute != NULL && minute->is_known;
		snapshot_latency(&t->snapshot, of_omb[i], &all);
		write_summary(&metrics_of_omb_latency[i], &all, is_known ? &minute->done[i] : NULL,
		              out);
		hist_copy_fini(&all);
	}
}

/* --- agents ----------------------------------------------------------------------------------------- */

/* All generations of an agent, or of all those that have no line of their own. */
struct slot {
	bool is_used;
	unsigned worker, index;
	uint64_t counters[COUNTER_COUNT], cpu_ns;
};

struct fleet {
	struct slot *slots; /* SLOTS of each role; owned */
	unsigned living[AGENT_ROLES], lost[AGENT_ROLES], clients[AGENT_ROLES];
};

/* Its own, or that of the others. */
static struct slot *slot_of(struct slot *of_role, const struct fact_agent *a)
{
	struct slot *s = of_role;

	for (; s < of_role + SLOTS - 1 && s->is_used; s++)
		if (s->index == a->index && s->worker == a->worker)
			return s;
	s->is_used = true;
	s->index = a->index;
	s->worker = a->worker;
	return s;
}

static void fleet_read(const struct fact_totals *t, struct fleet *f)
{
	*f = (struct fleet){ .slots = xcalloc(AGENT_ROLES * SLOTS, sizeof(*f->slots)) };
	for (size_t i = 0; i < t->agents_count; i++) {
		const struct fact_agent *a = &t->agents[i];

		if (!agent_role_makes_load(a->role))
			continue;
		struct slot *s = slot_of(&f->slots[a->role * SLOTS], a);
		s->cpu_ns += a->cpu_ns;
		for (size_t c = 0; c < COUNTER_COUNT; c++)
			s->counters[c] += a->counters[c];
		if (a->lost)
			f->lost[a->role]++;
		else if (a->ended_ns == 0) {
			f->living[a->role]++;
			f->clients[a->role] += a->clients;
		}
	}
}

static void write_value(double unit, uint64_t value, struct text *out)
{
	if (unit == 1) {
		write_count(value, out);
		return;
	}
	text_add(out, " ");
	write_number((double)value * unit, out);
	text_add(out, "\n");
}

/* The next slot in use of the roles, from *at on; NULL: there is none. */
static const struct slot *next_slot(const struct fleet *f, unsigned roles, size_t *at)
{
	for (; *at < AGENT_ROLES * SLOTS; ++*at)
		if ((roles >> (*at / SLOTS) & 1) != 0 && f->slots[*at].is_used)
			return &f->slots[*at];
	return NULL;
}

/* Its address: two on one host may call themselves the same. */
static const char *worker_name(const struct fact_worker *w)
{
	return w->url != NULL && w->url[0] != '\0' ? w->url : w->name;
}

/* name{role="...",agent="..."}, and the worker where there are several. */
static void write_agent(const struct fact_totals *t, const struct metric *m, const struct slot *s,
                        size_t at, struct text *out)
{
	bool is_other = at % SLOTS == SLOTS - 1, first = false;

	text_addf(out, "%s{role=\"%s\",agent=\"", m->name,
	          agent_role_name((enum agent_role)(at / SLOTS)));
	if (is_other)
		text_add(out, "other\"");
	else
		text_addf(out, "%u\"", s->index);
	if (!is_other && s->worker < t->workers_count)
		write_label("worker", worker_name(&t->workers[s->worker]), &first, out);
	text_add(out, "}");
}

static void write_counters(const struct fact_totals *t, const struct fleet *f, struct text *out)
{
	for (size_t c = 0; c < COUNTER_COUNT; c++) {
		const struct metric_of_counter *m = &metrics_of_counters[c];
		const struct slot *s;

		write_head(&m->metric, out);
		if (t->agents_count == 0) { /* a worker that does not know them */
			text_add(out, m->metric.name);
			write_value(m->unit, t->snapshot.counters[c], out);
		}
		for (size_t at = 0; (s = next_slot(f, m->roles, &at)) != NULL; at++) {
			write_agent(t, &m->metric, s, at, out);
			write_value(m->unit, s->counters[c], out);
		}
	}
}

static void write_roles(const struct metric *m, const unsigned *of_role, struct text *out)
{
	write_head(m, out);
	for (int r = 0; r < AGENT_ROLES; r++)
		if (agent_role_makes_load((enum agent_role)r))
			text_addf(out, "%s{role=\"%s\"} %u\n", m->name,
			          agent_role_name((enum agent_role)r), of_role[r]);
}

static void write_agents(const struct fact_totals *t, struct text *out)
{
	struct fleet f;
	const struct slot *s;

	fleet_read(t, &f);
	write_counters(t, &f, out);
	write_head(&metrics_other[METRIC_AGENT_CPU], out);
	for (size_t at = 0; (s = next_slot(&f, UINT_MAX, &at)) != NULL; at++) {
		write_agent(t, &metrics_other[METRIC_AGENT_CPU], s, at, out);
		write_value(1e-9, s->cpu_ns, out);
	}
	write_roles(&metrics_other[METRIC_AGENTS], f.living, out);
	write_roles(&metrics_other[METRIC_AGENTS_LOST], f.lost, out);
	write_roles(&metrics_other[METRIC_CLIENTS], f.clients, out);
	free(f.slots);
}

/* --- workers ---------------------------------------------------------------------------------------- */

static void write_of_worker(const struct metric *m, const struct fact_worker *w, uint64_t value,
                            struct text *out)
{
	bool first = true;

	text_add(out, m->name);
	write_label("worker", worker_name(w), &first, out);
	text_add(out, "}");
	write_count(value, out);
}

/* A coordinator has no more than 1,024 of them (load/stamp.h). */
static void write_workers(const struct fact_totals *t, struct text *out)
{
	if (t->workers_count == 0)
		return;
	write_head(&metrics_other[METRIC_WORKER_UP], out);
	for (size_t i = 0; i < t->workers_count; i++)
		write_of_worker(&metrics_other[METRIC_WORKER_UP], &t->workers[i],
		                !t->workers[i].lost, out);
	for (size_t m = 0; m < METRICS_OF_WORKERS; m++) {
		write_head(&metrics_of_workers[m], out);
		for (size_t i = 0; i < t->workers_count; i++)
			write_of_worker(&metrics_of_workers[m], &t->workers[i],
			                t->workers[i].counters[counters_of_workers[m]], out);
	}
}

/* --- latencies -------------------------------------------------------------------------------------- */

static const struct {
	const char *le;
	uint64_t ns;
} bounds[] = {
	{ "0.00005", 50000 },  { "0.0001", 100000 },  { "0.00025", 250000 }, { "0.0005", 500000 },
	{ "0.001", 1000000 },  { "0.0025", 2500000 }, { "0.005", 5000000 },  { "0.01", 10000000 },
	{ "0.025", 25000000 }, { "0.05", 50000000 },  { "0.1", 100000000 },  { "0.25", 250000000 },
	{ "0.5", 500000000 },  { "1", 1000000000 },   { "2.5", 2500000000 }, { "5", 5000000000 },
	{ "10", 10000000000 }, { "30", 30000000000 }, { "60", 60000000000 },
};

static void write_histogram(const struct metric *m, const struct hist_copy *c, struct text *out)
{
	const struct hist_layout *l = hist_copy_layout(c);
	uint64_t below = 0;
	size_t at = c->lo;

	write_head(m, out);
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		/* What begins above the bound is beyond it; a bucket that holds it has 0.1 % more. */
		for (; at < c->hi && hist_layout_lowest(l, at) * l->unit_ns <= bounds[i].ns; at++)
			below += hist_copy_count_at(c, at);
		text_addf(out, "%s_bucket{le=\"%s\"}", m->name, bounds[i].le);
		write_count(below, out);
	}
	text_addf(out, "%s_bucket{le=\"+Inf\"}", m->name);
	write_count(c->count, out);
	text_addf(out, "%s_sum ", m->name);
	write_number(percentile_mean(c) * (double)c->count * l->unit_ns / 1e9, out);
	text_addf(out, "\n%s_count", m->name);
	write_count(c->count, out);
}

static void write_latencies(const struct snapshot *s, struct text *out)
{
	for (int i = 0; i < LATENCY_COUNT; i++) {
		struct hist_copy all = { 0 };
		snapshot_latency(s, (enum latency)i, &all);
		write_histogram(&metrics_of_latencies[i], &all, out);
		hist_copy_fini(&all);
	}
}

/* --- topics ----------------------------------------------------------------------------------------- */

struct topics {
	const char *names[PROMETHEUS_EACH_MAX]; /* borrowed */
	uint64_t acknowledged[SLOTS], received[SLOTS];
	size_t count;
	bool has_others;
};

/* Where a topic's counts are; those of one topic mostly stand side by side. */
static size_t topic_slot(struct topics *t, const char *name)
{
	for (size_t i = t->count; i-- > 0;)
		if (strcmp(t->names[i], name) == 0)
			return i;
	if (t->count < PROMETHEUS_EACH_MAX) {
		t->names[t->count] = name;
		return t->count++;
	}
	t->has_others = true;
	return SLOTS - 1;
}

static void write_topic_counts(const struct metric *m, const struct topics *t,
                               const uint64_t *counts, struct text *out)
{
	write_head(m, out);
	for (size_t i = 0; i < t->count; i++) {
		bool first = true;
		text_add(out, m->name);
		write_label("topic", t->names[i], &first, out);
		text_add(out, "}");
		write_count(counts[i], out);
	}
	if (t->has_others)
		text_addf(out, "%s{topic=\"other\"} %" PRIu64 "\n", m->name, counts[SLOTS - 1]);
}

static void write_topics(const struct fact_totals *t, struct text *out)
{
	struct topics topics = { .count = 0 };

	for (size_t i = 0; i < t->producers_count; i++)
		topics.acknowledged[topic_slot(&topics, t->producers[i].topic)] +=
			t->producers[i].acknowledged;
	for (size_t i = 0; i < t->partitions_count; i++)
		topics.received[topic_slot(&topics, t->partitions[i].topic)] +=
			t->partitions[i].received;
	if (topics.count == 0)
		return;
	write_topic_counts(&metrics_other[METRIC_TOPIC_ACKNOWLEDGED], &topics, topics.acknowledged,
	                   out);
	write_topic_counts(&metrics_other[METRIC_TOPIC_RECEIVED], &topics, topics.received, out);
}

static void write_account(const struct fact_account *account, struct text *out)
{
	const struct metric *m = &metrics_other[METRIC_ACCOUNT];
	const struct book_counts *all = &account->all;
	const struct {
		const char *what;
		uint64_t count;
	} rows[] = {
		{ "received", all->received },
		{ "duplicated", all->duplicated },
		{ "redelivered", all->redelivered },
		{ "out_of_order", all->out_of_order },
		{ "corrupted", all->corrupted },
		{ "lost", all->lost },
		{ "missing", all->missing },
		{ "delivered_though_failed", all->delivered_though_failed },
		{ "never_sent", all->never_sent },
	};

	if (!account->is_kept)
		return;
	write_head(m, out);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].count != FACT_UNKNOWN)
			text_addf(out, "%s{what=\"%s\"} %" PRIu64 "\n", m->name, rows[i].what,
			          rows[i].count);
}

/* --- all -------------------------------------------------------------------------------------------- */

static void write_about(const struct prometheus_about *about, struct text *out)
{
	static const char *const build_names[] = { "version", "commit" };
	static const char *const run_names[] = { "run_id", "workload", "driver", "worker" };
	static const char *const phase_names[] = { "phase" };
	const char *run[] = { about->run_id, about->workload, about->driver, about->worker };
	struct environment program = { .version = NULL };

	environment_set_program(&program);
	const char *build[] = { program.version, program.commit };
	write_info(&metrics_other[METRIC_BUILD], build_names, build, 2, out);
	write_info(&metrics_other[METRIC_RUN], run_names, run, 4, out);
	if (about->phase != NULL)
		write_info(&metrics_other[METRIC_PHASE], phase_names, &about->phase, 1, out);
	if (about->rate_per_s > 0) {
		write_head(&metrics_other[METRIC_RATE], out);
		text_addf(out, "%s ", metrics_other[METRIC_RATE].name);
		write_number(about->rate_per_s, out);
		text_add(out, "\n");
	}
}

static void write_host(const struct host_usage *u, struct text *out)
{
	if (u->ticks == 0)
		return; /* hidden, or not told */
	write_one(&metrics_other[METRIC_HOST_TICKS], u->ticks, out);
	write_one(&metrics_other[METRIC_HOST_IDLE], u->idle_ticks, out);
	write_one(&metrics_other[METRIC_HOST_STEAL], u->steal_ticks, out);
	write_head(&metrics_other[METRIC_HOST_THROTTLED], out);
	text_add(out, metrics_other[METRIC_HOST_THROTTLED].name);
	write_value(1e-9, u->throttled_ns, out);
}

void prometheus_write(const struct prometheus_about *about, const struct fact_totals *totals,
                      const struct prometheus_minute *minute, struct text *out)
{
	uint64_t wanted = totals->snapshot.counters[COUNTER_ACKNOWLEDGED] * about->subscriptions;
	uint64_t received = totals->snapshot.counters[COUNTER_RECEIVED];

	write_of_omb(totals, minute, out);
	write_about(about, out);
	write_agents(totals, out);
	write_workers(totals, out);
	if (about->subscriptions > 0)
		write_one(&metrics_other[METRIC_BACKLOG], wanted > received ? wanted - received : 0,
		          out);
	write_one(&metrics_other[METRIC_OUTSTANDING], totals->outstanding, out);
	write_host(&totals->host.usage, out);
	if (!totals->without_latencies)
		write_latencies(&totals->snapshot, out);
	write_topics(totals, out);
	write_account(&totals->account, out);
}

static void describe(const struct metric *m, struct text *out)
{
	text_addf(out, "| `%s` | %s | %s | %s |\n", m->name, type_names[m->type], m->labels,
	          m->help);
}

void prometheus_describe(struct text *out)
{
	text_add(
		out,
		"# Metrics\n\n"
		"What `omb run --metrics PORT` and `omb worker -sp PORT` tell Prometheus, below `/metrics`, in "
		"its text format 0.0.4. Made by `tools/docs`.\n\n"
		"Counts begin anew with every run. Of agents and topics those beyond the first 100 "
		"are summed as `other`. Histograms have the suffixes `_bucket`, `_sum` and `_count`, "
		"summaries the last two.\n\n"
		"| metric | type | labels | what it is |\n|---|---|---|---|\n");
	for (size_t i = 0; i < OMB_COUNTS; i++)
		describe(&metrics_of_omb[i], out);
	for (size_t i = 0; i < PROMETHEUS_OMB_LATENCIES; i++)
		describe(&metrics_of_omb_latency[i], out);
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		describe(&metrics_of_counters[i].metric, out);
	for (size_t i = 0; i < LATENCY_COUNT; i++)
		describe(&metrics_of_latencies[i], out);
	for (size_t i = 0; i < METRICS_OF_WORKERS; i++)
		describe(&metrics_of_workers[i], out);
	for (size_t i = 0; i < METRIC_OTHERS; i++)
		describe(&metrics_other[i], out);
	text_add(
		out,
		"\nOMB's own metrics (`benchmark_...`) are those of its worker, whose names Prometheus' "
		"conventions would not allow for counters: they are `untyped`, which no query "
		"notices. What OMB has cut to whole milliseconds is exact here.\n");
}
