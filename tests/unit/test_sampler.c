/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sampler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define S UINT64_C(1000000000)

/* As of this second: 100 messages a second, each acknowledged in 5 us, two of three received. */
static void feed(struct sampler *s, uint64_t at_s)
{
	struct fact_totals totals = { 0 };
	struct snapshot *now = &totals.snapshot;

	now->taken_ns = at_s * S;
	now->counters[COUNTER_SENT] = now->counters[COUNTER_ACKNOWLEDGED] = 100 * at_s;
	now->counters[COUNTER_RECEIVED] = 60 * at_s;
	hist_copy_record(&now->latencies[WINDOW_MEASURED][LATENCY_PUBLISH], 5000, 100 * at_s);
	sampler_feed(s, &totals);
}

static void begin(struct sampler *s)
{
	const struct fact_totals nothing = { 0 };

	sampler_init(s, S, 1, 0);
	feed(s, 1);
	sampler_begin_window(s, &nothing, S);
}

static void assert_period(const struct record_period *p, const char *kind, uint64_t start_s,
                          uint64_t end_s)
{
	assert_string_equal(p->kind, kind);
	assert_int_equal(p->start_ns, start_s * S);
	assert_int_equal(p->end_ns, end_s * S);
	assert_int_equal(p->interval.taken_ns, (end_s - start_s) * S);
	assert_int_equal(p->interval.counters[COUNTER_SENT], 100 * (end_s - start_s));
	assert_int_equal(p->backlog, 40 * end_s);
}

static void periods_that_are_in_no_journal_are_one_of_a_kind_and_lose_nothing(void **state)
{
	struct sampler s;

	(void)state;
	begin(&s);
	feed(&s, 2);
	assert_period(sampler_add_period(&s, "measure"), "measure", 1, 2);
	uint64_t recorded = s.newest.interval.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count;
	sampler_set_written(&s);
	for (uint64_t at_s = 3; at_s <= 9; at_s++) {
		feed(&s, at_s);
		/* Who shows it sees what is new, not the whole. */
		assert_period(sampler_add_period(&s, "measure"), "measure", at_s - 1, at_s);
		sampler_keep(&s);
	}
	feed(&s, 10);
	(void)sampler_add_period(&s, "drain");
	sampler_keep(&s);

	assert_int_equal(s.kept_count, 2);
	assert_period(&s.kept[0], "measure", 2, 9);
	assert_period(&s.kept[1], "drain", 9, 10);
	for (size_t i = 0; i < s.kept_count; i++)
		recorded += s.kept[i].interval.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count;
	/* The first period has those that were recorded before and due in the window, too. */
	assert_int_equal(recorded, 1000);
	sampler_fini(&s);
}

static void of_a_period_that_is_written_its_figures_stay(void **state)
{
	struct sampler s;

	(void)state;
	begin(&s);
	for (uint64_t at_s = 2; at_s <= 5; at_s++) {
		feed(&s, at_s);
		(void)sampler_add_period(&s, at_s < 5 ? "measure" : "drain");
		sampler_set_written(&s);
	}
	assert_int_equal(s.kept_count, 0);
	assert_int_equal(s.samples.publish_rate.count, 3); /* not that of the drain */
	assert_true(s.samples.publish_rate.items[2] == 100);
	assert_true(s.samples.publish_ms[OMB_P50].items[2] == 0.005);
	sampler_fini(&s);
}

/* --- the slowest messages ------------------------------------------------------------------------- */

/* Due at 1 s, and done so long after. */
static struct fact_slow slow(uint64_t sequence, uint64_t acknowledged_ns, uint64_t received_ns,
                             bool is_measured)
{
	return (struct fact_slow){
		.sequence = sequence,
		.due_ns = S,
		.acknowledged_ns = acknowledged_ns ? S + acknowledged_ns : 0,
		.received_ns = received_ns ? S + received_ns : 0,
		.is_measured = is_measured,
	};
}

static void agents_of_different_workers_are_different_ones(void **state)
{
	struct fact_worker workers[2] = { { .index = 0 }, { .index = 1 } };
	struct fact_agent agents[2] = { { .role = AGENT_CONSUMER, .lost = true },
		                        { .role = AGENT_CONSUMER, .worker = 1, .generation = 1 } };
	struct fact_totals t = {
		.agents = agents, .agents_count = 2, .workers = workers, .workers_count = 2
	};
	struct sampler s;

	(void)state;
	begin(&s);
	workers[1].host.usage.ticks = agents[0].cpu_ns = 100;
	sampler_feed(&s, &t);
	assert_int_equal(s.fleet.consumers_lost,
	                 1); /* the other worker's has not taken its place */
	sampler_begin_window(&s, &t, 1);
	workers[1].host.usage.ticks = 150;
	agents[0].cpu_ns = 107;
	agents[1].cpu_ns = 3;
	sampler_end_window(&s, &t);
	assert_int_equal(sampler_window_cpu_ns(&s, &agents[0]), 7);
	assert_int_equal(sampler_window_cpu_ns(&s, &agents[1]), 3);
	assert_int_equal(sampler_window_usage(&s, &workers[0]).ticks, 0);
	assert_int_equal(sampler_window_usage(&s, &workers[1]).ticks, 50);
	sampler_fini(&s);
}

static void feed_slow(struct sampler *s, uint64_t at_s, const struct fact_slow *acknowledged,
                      size_t acknowledged_count, const struct fact_slow *received,
                      size_t received_count)
{
	struct fact_totals totals = {
		.slow_acknowledged = acknowledged,
		.slow_acknowledged_count = acknowledged_count,
		.slow_received = received,
		.slow_received_count = received_count,
	};

	totals.snapshot.taken_ns = at_s * S;
	sampler_feed(s, &totals);
}

/* Of a list, by their sequences. */
static void assert_slow(const struct fact_slowest *s, enum fact_slow_by by, const char *wanted)
{
	char found[200] = "";
	size_t len = 0;

	for (size_t i = 0; i < s->of[by].count; i++)
		len += (size_t)snprintf(found + len, sizeof(found) - len, "%s%d", i ? " " : "",
		                        (int)s->of[by].items[i].sequence);
	assert_string_equal(found, wanted);
}

static void a_period_names_the_slowest_that_came_in_it_and_the_window_those_of_all(void **state)
{
	const struct fact_slow before[] = { slow(1, 900, 0, false), slow(2, 10, 0, true) };
	const struct fact_slow sent[] = { slow(3, 500, 0, true), slow(4, 800, 0, false) };
	const struct fact_slow more[] = { slow(5, 700, 0, true) };
	const struct fact_slow arrived[] = { slow(3, 0, 600, true) };
	const struct fact_totals nothing = { 0 };
	struct sampler s;

	(void)state;
	sampler_init(&s, S, 1, 0);
	feed_slow(&s, 1, before, 2, NULL, 0);
	sampler_begin_window(&s, &nothing, S);
	feed_slow(&s, 2, sent, 2, NULL, 0);
	feed_slow(&s, 2, more, 1, NULL, 0);
	/* Due in the window and recorded before it began is the first period's. */
	const struct record_period *p = sampler_add_period(&s, "measure");
	assert_slow(&p->slowest, FACT_SLOW_ACKNOWLEDGED, "4 5 3 2");
	assert_slow(&p->slowest, FACT_SLOW_RECEIVED, "");
	sampler_set_written(&s);

	feed_slow(&s, 3, NULL, 0, arrived, 1);
	p = sampler_add_period(&s, "drain");
	assert_slow(&p->slowest, FACT_SLOW_ACKNOWLEDGED, "");
	assert_slow(&p->slowest, FACT_SLOW_RECEIVED, "3");
	/* The period before was written when that was not known; of the whole it is. */
	assert_slow(&s.slowest, FACT_SLOW_ACKNOWLEDGED, "5 3 2");
	assert_slow(&s.slowest, FACT_SLOW_RECEIVED, "3");
	assert_int_equal(s.slowest.of[FACT_SLOW_ACKNOWLEDGED].items[1].received_ns, S + 600);
	assert_int_equal(s.slowest.of[FACT_SLOW_RECEIVED].items[0].acknowledged_ns, S + 500);
	sampler_fini(&s);
}

static void periods_of_a_long_run_name_fewer_and_those_kept_in_memory_are_merged(void **state)
{
	const struct fact_totals nothing = { 0 };
	struct sampler s;

	(void)state;
	sampler_init(&s, S, 1, 0);
	s.slowest_each = 2;
	sampler_begin_window(&s, &nothing, S);
	for (uint64_t at_s = 2; at_s <= 4; at_s++) {
		struct fact_slow three[3];
		for (uint64_t i = 0; i < 3; i++)
			three[i] = slow(10 * at_s + i, 100 * at_s + i, 0, true);
		feed_slow(&s, at_s, three, 3, NULL, 0);
		const struct record_period *p = sampler_add_period(&s, "measure");
		assert_int_equal(p->slowest.of[FACT_SLOW_ACKNOWLEDGED].count, 2);
		sampler_keep(&s);
	}
	assert_slow(&s.kept[0].slowest, FACT_SLOW_ACKNOWLEDGED, "42 41 32 31 22 21");
	assert_slow(&s.slowest, FACT_SLOW_ACKNOWLEDGED, "42 41 40 32 31 30 22 21 20");
	sampler_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agents_of_different_workers_are_different_ones),
		cmocka_unit_test(
			a_period_names_the_slowest_that_came_in_it_and_the_window_those_of_all),
		cmocka_unit_test(
			periods_of_a_long_run_name_fewer_and_those_kept_in_memory_are_merged),
		cmocka_unit_test(periods_that_are_in_no_journal_are_one_of_a_kind_and_lose_nothing),
		cmocka_unit_test(of_a_period_that_is_written_its_figures_stay),
	};

	return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
