/* SPDX-License-Identifier: Apache-2.0 */
#include "run/summary.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "results/record_account.h"
#include "run/account_line.h"
#include "run/console.h"
#include "run/slowest_line.h"
#include "util/secret.h"
#include "util/units.h"

static char *grouped_rate(double per_s, char *out)
{
	/* A tenth of a message counts at low rates only. */
	if (per_s < 100) {
		(void)snprintf(out, UNITS_TEXT, "%.3g", per_s);
		return out;
	}
	return format_grouped((uint64_t)(per_s + 0.5), out);
}

/* Further lines are indented as far as `first` is long. */
static void add_wrapped(struct text *out, const char *first, const char *text)
{
	text_add(out, first);
	text_add_wrapped(out, text, strlen(first), CONSOLE_COLUMNS);
}

static void add_search(const struct record *r, struct text *line)
{
	char rate[UNITS_TEXT], most[UNITS_TEXT];
	double least_per_s, most_per_s;

	text_addf(line, "%s msg/s found as the maximum (in %u trials",
	          grouped_rate(r->asked_per_s, rate), r->search_trials);
	if (record_refused(r, &least_per_s, &most_per_s))
		text_addf(line, "; rates that were not sustained carried %s to %s msg/s",
		          grouped_rate(least_per_s, rate), grouped_rate(most_per_s, most));
	text_addf(line, "%s)", r->search_converged ? "" : "; out of time, perhaps not the highest");
}

static void add_title(const struct record *r, struct text *out)
{
	char rate[UNITS_TEXT], duration[UNITS_TEXT];
	struct text line = { 0 };

	text_addf(&line, "%s on %s: ", r->workload_name, r->driver_name);
	switch (r->rate) {
	case RECORD_FIXED:
		text_addf(&line, "%s msg/s asked for", grouped_rate(r->asked_per_s, rate));
		break;
	case RECORD_SEARCHED:
		add_search(r, &line);
		break;
	case RECORD_MAX:
		text_add(&line, "as fast as the window in flight allows");
		break;
	}
	text_addf(&line, ", measured for %s%s",
	          format_duration_short(r->window_end_ns - r->window_start_ns, duration),
	          r->interrupted ? " (interrupted)"
	          : r->recovered ? " (recovered)"
	                         : "");
	add_wrapped(out, "", text_str(&line));
	text_fini(&line);
}

static void add_throughput(const struct record *r, struct text *out)
{
	double mib = (double)r->message_bytes / (1024.0 * 1024.0);
	char rate[UNITS_TEXT];

	text_addf(out, "\n  published  %12s msg/s  %8.2f MiB/s\n",
	          grouped_rate(record_publish_per_s(r), rate), record_publish_per_s(r) * mib);
	if (r->subscriptions > 0)
		text_addf(out, "  consumed   %12s msg/s  %8.2f MiB/s\n",
		          grouped_rate(record_consume_per_s(r), rate),
		          record_consume_per_s(r) * mib);
}

/* Columns of the table: 50, 95, 99, 99.9, 99.99. */
static const size_t shown[] = { 0, 2, 3, 4, 5 };
#define SHOWN (sizeof(shown) / sizeof(shown[0]))

static const struct {
	enum latency which;
	const char *label;
} rows[] = {
	{ LATENCY_DELAY, "publish delay       due -> send" },
	{ LATENCY_CALL, "send call        send -> return" },
	{ LATENCY_PUBLISH, "publish             send -> ack" },
	{ LATENCY_CORRECTED_PUBLISH, "corrected publish    due -> ack" },
	{ LATENCY_E2E, "end to end     send -> received" },
	{ LATENCY_CORRECTED_E2E, "corrected e2e   due -> received" },
};

struct marks {
	bool too_few, unresolved;
};

static char mark_of(const struct record_percentile *p, struct marks *seen)
{
	seen->too_few |= p->too_few;
	seen->unresolved |= p->unresolved;
	if (p->unresolved)
		return '~';
	return p->too_few ? '*' : ' ';
}

static void add_latency(const struct record *r, size_t row, struct marks *seen, struct text *out)
{
	struct record_latency l;
	char text[UNITS_TEXT];

	record_latency(r, rows[row].which, &l);
	text_addf(out, "  %-31s", rows[row].label);
	for (size_t i = 0; i < SHOWN; i++) {
		const struct record_percentile *p = &l.percentiles[shown[i]];

		if (!l.meaningful || l.count == 0) {
			text_addf(out, "%10s ", "-");
			continue;
		}
		text_addf(out, "%10s%c", format_duration_short(p->ns, text), mark_of(p, seen));
	}
	text_addf(out, "%10s\n",
	          l.meaningful && l.count ? format_duration_short(l.max_ns, text) : "-");
}

/* What end-to-end latencies owe to clocks that are not one. */
static void add_clocks(const struct record *r, struct text *out)
{
	uint64_t error_ns = fact_clocks_error_ns(&r->clocks);
	char error[UNITS_TEXT];

	if (r->clocks.count < 2)
		return;
	if (error_ns == UINT64_MAX)
		text_addf(out,
		          "  end to end: between %u clocks; how far they are apart is not known\n",
		          r->clocks.count);
	else
		text_addf(out, "  end to end: \xc2\xb1 %s, between %u clocks\n",
		          format_duration_short(error_ns, error), r->clocks.count);
}

/* Numbers that are not those of a load that the broker carried say so where they stand. */
static void add_meaning(const struct record *r, struct text *out)
{
	switch (record_meaning(r)) {
	case RECORD_MEANS_LOAD:
		return;
	case RECORD_MEANS_MAXIMUM:
		add_wrapped(
			out, "  - ",
			"the latencies are those at the edge of what is sustained: a rate below "
			"it has lower ones.");
		return;
	case RECORD_MEANS_OVERLOAD:
		add_wrapped(
			out, "  - ",
			"more was asked for than was carried: the corrected latencies are those "
			"of a queue that grew, and the longer the run the higher they are.");
		return;
	case RECORD_MEANS_NOTHING:
		add_wrapped(out, "  - ",
		            "without a schedule nothing is due: there is no delay and no corrected "
		            "latency. The latencies are those of the window in flight.");
		return;
	}
	abort();
}

static void add_latencies(const struct record *r, struct text *out)
{
	struct marks seen = { false, false };

	text_addf(out, "\n  %-31s%10s %10s %10s %10s %10s %10s\n", "latency", "p50", "p95", "p99",
	          "p99.9", "p99.99", "max");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		add_latency(r, i, &seen, out);
	if (seen.too_few)
		text_add(out,
		         "  * too few samples lie above: with 95 % confidence it is not bounded\n");
	if (seen.unresolved)
		text_add(out, "  ~ less than the clocks may be wrong by: it is not resolved\n");
	add_clocks(r, out);
	add_meaning(r, out);
}

static void add_slowest(const struct record *r, struct text *out)
{
	struct text line = { 0 };

	slowest_line_format(r, &line);
	if (line.len > 0)
		add_wrapped(out, "  ", text_str(&line));
	text_fini(&line);
}

static void add_in_flight(const struct record *r, struct text *out)
{
	char count[UNITS_TEXT], bytes[UNITS_TEXT];

	if (r->rate == RECORD_FIXED)
		return;
	text_addf(out, "  in flight: at most %s messages",
	          format_grouped(r->window_messages, count));
	if (r->window_bytes)
		text_addf(out, " or %s", format_bytes_short(r->window_bytes, bytes));
	text_add(out, " for each producer\n");
}

static void add_accounting(const struct record *r, const char *side_path, struct text *out)
{
	struct text line = { 0 };

	account_line_format(r, side_path, &line);
	add_wrapped(out, "  ", text_str(&line));
	text_fini(&line);
}

static void add_outages(const struct record *r, struct text *out)
{
	for (size_t i = 0; i < r->events_count; i++) {
		struct text words = { 0 };

		if (r->events[i].kind != EVENT_OUTAGE)
			continue;
		fact_outage_format(&r->events[i], r->started_ns, &words);
		add_wrapped(out, "  outage: ", text_str(&words));
		text_fini(&words);
	}
}

static const struct fact_row *row_of(const struct record *r, const char *section, const char *key)
{
	for (size_t i = 0; i < r->rows_count; i++)
		if (strcmp(r->rows[i].section, section) == 0 &&
		    (key == NULL || strcmp(r->rows[i].key, key) == 0))
			return &r->rows[i];
	return NULL;
}

/* Which client it was, where it stands in for another: whose defaults it had. */
static void add_client(const struct record *r, struct text *out)
{
	const struct fact_row *defaults = row_of(r, "meaning", "client defaults");
	const struct fact_row *library = row_of(r, "library", NULL);

	if (defaults && library)
		text_addf(out, "  client: %s %s with %s defaults\n", library->key, library->value,
		          defaults->value);
}

static void add_broker(const struct record *r, struct text *out)
{
	const char *broker = r->environment.broker;

	if (strcmp(broker, "unknown") == 0)
		text_add(out, "  broker: of an unknown version\n");
	else if (broker[0] != '\0')
		text_addf(out, "  broker: %s\n", broker);
}

static void add_cost(const struct record *r, struct text *out)
{
	if (r->recovered)
		return; /* agents take their accounts along */
	text_addf(out, "  client CPU a message: %.2f us to publish",
	          record_producer_cpu_per_message_ns(r) / 1e3);
	if (r->subscriptions > 0)
		text_addf(out, ", %.2f us to consume", record_consumer_cpu_per_message_ns(r) / 1e3);
	text_add(out, "\n");
	if (r->ceiling_per_s > 0)
		text_addf(out, "  generator: used %.2g %% of what it can do here (omb calibrate)\n",
		          record_publish_per_s(r) / r->ceiling_per_s * 100);
}

/* Shares of memory where they are known; else what each had at most, shared pages counted twice. */
static void add_memory(const struct record *r, struct text *out)
{
	uint64_t bytes = 0;
	char text[UNITS_TEXT];

	for (size_t i = 0; i < r->agents_count; i++) {
		const struct fact_agent *a = &r->agents[i];
		bytes += a->pss_bytes ? a->pss_bytes : a->max_rss_bytes;
	}
	if (bytes > 0)
		text_addf(out, "  client memory: %s in %zu agent%s\n",
		          format_bytes_short(bytes, text), r->agents_count,
		          r->agents_count == 1 ? "" : "s");
}

static void add_backlog(const struct record *r, struct text *out)
{
	const struct record_backlog *b = &r->backlog;
	char n[UNITS_TEXT], duration[UNITS_TEXT];

	if (b->asked_messages == 0)
		return;
	text_addf(out, "  backlog: %s messages built in %s", format_grouped(b->built_messages, n),
	          format_duration_short(b->build_ns, duration));
	if (b->not_built)
		text_addf(out, " (%s asked for)", format_grouped(b->asked_messages, n));
	text_addf(out, ", %s %s in %s\n", b->not_drained ? "not drained:" : "drained to",
	          format_grouped(b->left_messages, n),
	          format_duration_short(b->drain_ns, duration));
}

static void add_verdict(const struct record *r, struct text *out)
{
	text_addf(out, "\n  %s\n", verdict_name(r->verdict.verdict));
	for (size_t i = 0; i < r->verdict.count; i++) {
		const struct verdict_reason *reason = &r->verdict.reasons[i];
		char first[64];

		(void)snprintf(first, sizeof(first), "    %-8s %-14s ",
		               reason->weight == VERDICT_VALID ? "note"
		                                               : verdict_name(reason->weight),
		               reason->name);
		struct text text = { 0 };
		secret_add(&text, reason->text);
		add_wrapped(out, first, text_str(&text));
		text_fini(&text);
	}
}

void summary_format(const struct record *r, const char *result_path, const char *side_path,
                    struct text *out)
{
	text_add(out, "\n");
	add_title(r, out);
	add_throughput(r, out);
	add_latencies(r, out);
	add_slowest(r, out);
	text_add(out, "\n");
	add_in_flight(r, out);
	add_accounting(r, side_path, out);
	add_outages(r, out);
	add_backlog(r, out);
	add_broker(r, out);
	add_client(r, out);
	add_cost(r, out);
	add_memory(r, out);
	add_verdict(r, out);
	if (side_path == NULL)
		text_add(out, "\n  The result could not be written: there are no files.\n");
	else if (result_path == NULL)
		text_addf(out, "\n  %s\n", side_path);
	else
		text_addf(out, "\n  %s\n  %s\n", result_path, side_path);
}

static json_t *text_or_null(const char *text)
{
	json_t *value = text ? json_string(text) : NULL;

	return value ? value : json_null();
}

static json_t *message(const char *text)
{
	struct text clean = { 0 };

	secret_add(&clean, text);
	json_t *value = text_or_null(text_str(&clean));
	text_fini(&clean);
	return value;
}

static json_t *outages(const struct record *r)
{
	json_t *all = json_array();

	for (size_t i = 0; i < r->events_count; i++) {
		const struct fact_event *e = &r->events[i];

		if (e->kind != EVENT_OUTAGE)
			continue;
		json_t *one = json_object();
		uint64_t at_ns = e->at_ns > r->started_ns ? e->at_ns - r->started_ns : 0;
		(void)json_object_set_new(one, "role", json_string(agent_role_name(e->role)));
		(void)json_object_set_new(one, "atNs", json_integer((json_int_t)at_ns));
		(void)json_object_set_new(one, "gapNs", json_integer((json_int_t)e->gap_ns));
		(void)json_object_set_new(one, "count", json_integer((json_int_t)e->count));
		(void)json_object_set_new(one, "open", json_boolean(e->is_open));
		(void)json_object_set_new(one, "text", text_or_null(e->text));
		(void)json_array_append_new(all, one);
	}
	return all;
}

/* A line is no place for each range that was lost. */
static json_t *accounting(const struct record *r)
{
	struct text text = { 0 };
	struct fields_out to = { .text = &text, .origin_ns = r->started_ns };

	(void)record_account.write(r, &to);
	json_t *o = json_loads(text_str(&text), 0, NULL);
	(void)json_object_del(o, "lostRanges");
	text_fini(&text);
	return o;
}

void summary_format_json(const struct record *r, const char *result_path, const char *side_path,
                         struct text *out)
{
	json_t *o = json_object();
	json_t *reasons = json_array();

	(void)json_object_set_new(o, "event", json_string("summary"));
	(void)json_object_set_new(o, "workload", text_or_null(r->workload_name));
	(void)json_object_set_new(o, "driver", text_or_null(r->driver_name));
	(void)json_object_set_new(o, "publishRate", json_real(record_publish_per_s(r)));
	(void)json_object_set_new(o, "consumeRate", json_real(record_consume_per_s(r)));
	if (r->ceiling_per_s > 0)
		(void)json_object_set_new(o, "ceilingRate", json_real(r->ceiling_per_s));
	const struct fact_row *defaults = row_of(r, "meaning", "client defaults");
	if (defaults)
		(void)json_object_set_new(o, "clientDefaults", text_or_null(defaults->value));
	for (unsigned i = 0; i < COUNTER_COUNT; i++)
		(void)json_object_set_new(o, counter_name((enum counter)i),
		                          json_integer((json_int_t)r->totals.counters[i]));
	(void)json_object_set_new(o, "accounting", accounting(r));
	(void)json_object_set_new(o, "failureCause",
	                          r->failure_cause ? message(r->failure_cause) : json_null());
	(void)json_object_set_new(o, "failureOften", json_integer((json_int_t)r->failure_often));
	(void)json_object_set_new(o, "outages", outages(r));
	(void)json_object_set_new(o, "verdict", json_string(verdict_name(r->verdict.verdict)));
	for (size_t i = 0; i < r->verdict.count; i++)
		(void)json_array_append_new(reasons, message(r->verdict.reasons[i].text));
	(void)json_object_set_new(o, "reasons", reasons);
	(void)json_object_set_new(o, "result", text_or_null(result_path));
	(void)json_object_set_new(o, "details", text_or_null(side_path));

	char *line = json_dumps(o, JSON_COMPACT);
	text_addf(out, "%s\n", line ? line : "{}");
	free(line);
	json_decref(o);
}
