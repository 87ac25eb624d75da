/* SPDX-License-Identifier: Apache-2.0 */
#include "results/prometheus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/file.h"
#include "util/xalloc.h"

#define S UINT64_C(1000000000)

static const struct prometheus_about nobody = { .run_id = NULL };

/* The value of the line that begins with `name` and a blank; NULL: there is none. */
static const char *value_of(const struct text *page, const char *name)
{
	static char value[64];
	size_t len = strlen(name);

	for (const char *line = text_str(page); line != NULL;) {
		const char *end = strchr(line, '\n');
		if (strncmp(line, name, len) == 0 && line[len] == ' ' && end != NULL) {
			(void)snprintf(value, sizeof(value), "%.*s", (int)(end - line - len - 1),
			               line + len + 1);
			return value;
		}
		line = end != NULL ? end + 1 : NULL;
	}
	return NULL;
}

static void assert_value(const struct text *page, const char *name, const char *want)
{
	const char *got = value_of(page, name);

	if (got == NULL)
		fail_msg("no line %s in\n%s", name, text_str(page));
	assert_string_equal(got, want);
}

static size_t lines_with(const struct text *page, const char *start)
{
	size_t n = 0, len = strlen(start);

	for (const char *line = text_str(page); *line != '\0'; line = strchr(line, '\n') + 1)
		n += strncmp(line, start, len) == 0;
	return n;
}

/* What OMB's own worker said after a load; what differs are the values and the type of counters. */
static void omb_s_worker_s_lines_are_all_there(void **state)
{
	(void)state;
	struct fact_totals totals = { .outstanding = 0 };
	struct error err = { 0 };
	struct text page = { 0 };
	size_t len, lines = 0;
	char *java = file_read("tests/golden/omb-protocol/metrics.txt", 1 << 20, &len, &err);

	assert_non_null(java);
	prometheus_write(&nobody, &totals, NULL, &page);
	for (char *line = java, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (line[0] == '#')
			continue;
		*strrchr(line, ' ') = '\0';
		if (value_of(&page, line) == NULL)
			fail_msg("no line %s", line);
		lines++;
	}
	assert_int_equal(lines, 5 + 3 * 2 * 9);
	text_fini(&page);
	free(java);
}

static void omb_s_counts_are_omb_s(void **state)
{
	(void)state;
	struct fact_totals totals = { .outstanding = 0 };
	struct text page = { 0 };

	totals.snapshot.counters[COUNTER_ACKNOWLEDGED] = 20598;
	totals.snapshot.counters[COUNTER_PROBES_ACKED] = 4;
	totals.snapshot.counters[COUNTER_FAILED] = 3;
	totals.snapshot.counters[COUNTER_RECEIVED] = 20598;
	totals.snapshot.counters[COUNTER_PROBES_RECEIVED] = 4;
	hist_copy_record(&totals.snapshot.latencies[WINDOW_OUTSIDE][LATENCY_PUBLISH], 1500000, 2);
	hist_copy_record(&totals.snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH], 3000000, 1);
	prometheus_write(&nobody, &totals, NULL, &page);
	assert_value(&page, "benchmark_producer_messages_sent", "20598");
	assert_value(&page, "benchmark_producer_message_send_errors", "3");
	assert_value(&page, "benchmark_consumer_messages_recv", "20602");
	assert_value(&page, "benchmark_producer_produce_latency_count{success=\"true\"}", "3");
	assert_value(&page, "benchmark_producer_produce_latency_sum{success=\"true\"}", "6.0");
	assert_value(&page, "benchmark_producer_produce_latency{success=\"true\",quantile=\"0.5\"}",
	             "NaN");
	snapshot_fini(&totals.snapshot);
	text_fini(&page);
}

static void assert_median(const struct prometheus_minute *m, const struct snapshot *s,
                          const char *want)
{
	struct fact_totals totals = { .snapshot = *s };
	struct text page = { 0 };

	prometheus_write(&nobody, &totals, m, &page);
	assert_value(&page, "benchmark_consumer_e2e_latency{success=\"true\",quantile=\"0.5\"}",
	             want);
	text_fini(&page);
}

static void quantiles_are_those_of_the_last_whole_minute(void **state)
{
	(void)state;
	struct prometheus_minute m = { 0 };
	struct snapshot s = { .taken_ns = 100 * S }, other = { .taken_ns = 500 * S };
	struct hist_copy *e2e = &s.latencies[WINDOW_MEASURED][LATENCY_E2E];

	hist_copy_record(e2e, 1, 1000);
	prometheus_minute_turn(&m, &s);
	hist_copy_record(e2e, 1000, 10);
	s.taken_ns += 59 * S;
	prometheus_minute_turn(&m, &s);
	assert_median(&m, &s, "NaN");
	s.taken_ns += S;
	prometheus_minute_turn(&m, &s);
	assert_median(&m, &s, "0.001");
	hist_copy_record(e2e, 2000, 1);
	s.taken_ns += 59 * S;
	prometheus_minute_turn(&m, &s);
	assert_median(&m, &s, "0.001");
	s.taken_ns += S;
	prometheus_minute_turn(&m, &s);
	assert_median(&m, &s, "0.002");

	/* Another load, with as many and others. */
	hist_copy_record(&other.latencies[WINDOW_MEASURED][LATENCY_E2E], 7, 5000);
	prometheus_minute_turn(&m, &other);
	assert_median(&m, &other, "NaN");
	other.taken_ns += 60 * S;
	hist_copy_record(&other.latencies[WINDOW_MEASURED][LATENCY_E2E], 1999, 1);
	prometheus_minute_turn(&m, &other);
	assert_median(&m, &other, "0.001999");
	prometheus_minute_fini(&m);
	snapshot_fini(&s);
	snapshot_fini(&other);
}

static void buckets_count_all_that_is_not_above_them(void **state)
{
	(void)state;
	static const struct {
		const char *le, *count;
	} want[] = {
		{ "0.00005", "1" }, { "0.0001", "3" }, { "0.00025", "4" }, { "0.025", "4" },
		{ "0.05", "5" },    { "60", "5" },     { "+Inf", "6" },
	};
	struct fact_totals totals = { .outstanding = 0 };
	struct text page = { 0 };
	struct hist_copy *of = totals.snapshot.latencies[WINDOW_MEASURED];

	hist_copy_record(&of[LATENCY_DELAY], 0, 1);
	hist_copy_record(&of[LATENCY_DELAY], 100000, 2);
	hist_copy_record(&of[LATENCY_DELAY], 101000, 1);
	hist_copy_record(&of[LATENCY_DELAY], 50 * S / 1000, 1);
	hist_copy_record(&of[LATENCY_DELAY], 4000 * S, 1);
	prometheus_write(&nobody, &totals, NULL, &page);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		char name[80];
		(void)snprintf(name, sizeof(name), "omb_publish_delay_seconds_bucket{le=\"%s\"}",
		               want[i].le);
		assert_value(&page, name, want[i].count);
	}
	assert_value(&page, "omb_publish_delay_seconds_count", "6");
	assert_value(&page, "omb_publish_delay_seconds_sum", "4000.050301");
	assert_null(strstr(page.data, "omb_topic_"));
	text_fini(&page);

	totals.without_latencies = true;
	prometheus_write(&nobody, &totals, NULL, &page);
	assert_null(strstr(page.data, "_bucket"));
	assert_null(strstr(page.data, "quantile"));
	snapshot_fini(&totals.snapshot);
	text_fini(&page);
}

static void agents_beyond_the_first_hundred_are_summed(void **state)
{
	(void)state;
	enum { AGENTS = 1000 };
	struct fact_agent *agents = xcalloc(AGENTS, sizeof(*agents));
	struct fact_totals totals = { .agents = agents, .agents_count = AGENTS };
	struct text page = { 0 };

	for (unsigned i = 0; i < AGENTS; i++) {
		agents[i].role = AGENT_PRODUCER;
		agents[i].index = i;
		agents[i].clients = 2;
		agents[i].counters[COUNTER_SENT] = 1;
	}
	/* What an agent did before it died counts with what the one in its place does. */
	agents[AGENTS - 1].index = 7;
	agents[AGENTS - 1].generation = 1;
	agents[7].lost = true;
	agents[7].cpu_ns = S / 2;
	prometheus_write(&nobody, &totals, NULL, &page);
	assert_int_equal(lines_with(&page, "omb_sent_messages_total{"), PROMETHEUS_EACH_MAX + 1);
	assert_value(&page, "omb_sent_messages_total{role=\"producer\",agent=\"0\"}", "1");
	assert_value(&page, "omb_sent_messages_total{role=\"producer\",agent=\"7\"}", "2");
	assert_value(&page, "omb_sent_messages_total{role=\"producer\",agent=\"other\"}", "899");
	assert_value(&page, "omb_agent_cpu_seconds_total{role=\"producer\",agent=\"7\"}", "0.5");
	assert_value(&page, "omb_agents{role=\"producer\"}", "999");
	assert_value(&page, "omb_lost_agents{role=\"producer\"}", "1");
	assert_value(&page, "omb_clients{role=\"producer\"}", "1998");
	text_fini(&page);
	free(agents);
}

static void a_worker_without_agents_has_sums(void **state)
{
	(void)state;
	struct fact_totals totals = { .outstanding = 0 };
	struct text page = { 0 };

	totals.snapshot.counters[COUNTER_SENT] = 5;
	prometheus_write(&nobody, &totals, NULL, &page);
	assert_value(&page, "omb_sent_messages_total", "5");
	text_fini(&page);
}

static void of_several_workers_each_is_told(void **state)
{
	(void)state;
	struct fact_agent agents[] = {
		{ .role = AGENT_PRODUCER, .worker = 0, .index = 3 },
		{ .role = AGENT_PRODUCER, .worker = 1, .index = 3 },
	};
	struct fact_worker workers[] = {
		{ .name = "same", .url = "http://a:8080" },
		{ .name = "same", .url = "http://b:8080", .lost = true },
	};
	struct fact_totals totals = {
		.agents = agents, .agents_count = 2, .workers = workers, .workers_count = 2
	};
	struct text page = { 0 };

	agents[0].counters[COUNTER_SENT] = 5;
	agents[1].counters[COUNTER_SENT] = 6;
	workers[1].counters[COUNTER_BYTES_ACKED] = 700;
	prometheus_write(&nobody, &totals, NULL, &page);
	assert_value(
		&page,
		"omb_sent_messages_total{role=\"producer\",agent=\"3\",worker=\"http://a:8080\"}",
		"5");
	assert_value(
		&page,
		"omb_sent_messages_total{role=\"producer\",agent=\"3\",worker=\"http://b:8080\"}",
		"6");
	assert_value(&page, "omb_worker_up{worker=\"http://a:8080\"}", "1");
	assert_value(&page, "omb_worker_up{worker=\"http://b:8080\"}", "0");
	assert_value(&page, "omb_worker_acknowledged_bytes_total{worker=\"http://b:8080\"}", "700");
	text_fini(&page);
}

static void topics_beyond_the_first_hundred_are_summed(void **state)
{
	(void)state;
	enum { TOPICS = 300 };
	struct fact_producer *producers = xcalloc(2 * (size_t)TOPICS, sizeof(*producers));
	struct fact_partition received = { .received = 9 };
	char names[TOPICS][8];
	struct fact_totals totals = {
		.producers = producers,
		.producers_count = 2 * (size_t)TOPICS,
		.partitions = &received,
		.partitions_count = 1,
	};
	struct text page = { 0 };

	for (size_t i = 0; i < 2 * (size_t)TOPICS; i++) {
		(void)snprintf(names[i % TOPICS], sizeof(names[0]), "t%zu", i % TOPICS);
		producers[i] =
			(struct fact_producer){ .topic = names[i % TOPICS], .acknowledged = 3 };
	}
	received.topic = names[1];
	prometheus_write(&nobody, &totals, NULL, &page);
	assert_int_equal(lines_with(&page, "omb_topic_acknowledged_messages{"),
	                 PROMETHEUS_EACH_MAX + 1);
	assert_value(&page, "omb_topic_acknowledged_messages{topic=\"t99\"}", "6");
	assert_value(&page, "omb_topic_acknowledged_messages{topic=\"other\"}", "1200");
	assert_value(&page, "omb_topic_received_messages{topic=\"t1\"}", "9");
	text_fini(&page);
	free(producers);
}

static void labels_may_have_any_letters(void **state)
{
	(void)state;
	const struct prometheus_about about = { .workload = "a \"b\" \\ c\nd",
		                                .driver = "\xc3\xa9",
		                                .phase = "load",
		                                .rate_per_s = 1e7,
		                                .subscriptions = 2 };
	struct fact_totals totals = { .outstanding = 0 };
	struct text page = { 0 };

	totals.snapshot.counters[COUNTER_ACKNOWLEDGED] = 10;
	totals.snapshot.counters[COUNTER_RECEIVED] = 19;
	prometheus_write(&about, &totals, NULL, &page);
	assert_value(&page, "omb_run_info{workload=\"a \\\"b\\\" \\\\ c\\nd\",driver=\"\xc3\xa9\"}",
	             "1");
	assert_value(&page, "omb_phase_info{phase=\"load\"}", "1");
	assert_value(&page, "omb_asked_rate_messages_per_second", "1.0E7");
	assert_value(&page, "omb_backlog_messages", "1");
	text_fini(&page);

	prometheus_write(&nobody, &totals, NULL, &page);
	assert_null(value_of(&page, "omb_backlog_messages"));
	text_fini(&page);
}

/* What no account knows is left out: it is not 0. */
static void an_account_tells_what_it_knows(void **state)
{
	(void)state;
	struct fact_totals totals = { .account = { .is_kept = true } };
	struct text page = { 0 };

	totals.account.all = fact_counts_unknown;
	totals.account.all.lost = 4;
	prometheus_write(&nobody, &totals, NULL, &page);
	assert_value(&page, "omb_account_messages{what=\"lost\"}", "4");
	assert_int_equal(lines_with(&page, "omb_account_messages{"), 1);
	text_fini(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(omb_s_worker_s_lines_are_all_there),
		cmocka_unit_test(omb_s_counts_are_omb_s),
		cmocka_unit_test(quantiles_are_those_of_the_last_whole_minute),
		cmocka_unit_test(buckets_count_all_that_is_not_above_them),
		cmocka_unit_test(agents_beyond_the_first_hundred_are_summed),
		cmocka_unit_test(a_worker_without_agents_has_sums),
		cmocka_unit_test(of_several_workers_each_is_told),
		cmocka_unit_test(topics_beyond_the_first_hundred_are_summed),
		cmocka_unit_test(labels_may_have_any_letters),
		cmocka_unit_test(an_account_tells_what_it_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
