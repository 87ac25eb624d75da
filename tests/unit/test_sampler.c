/* SPDX-License-Identifier: Apache-2.0 */
#include "run/sampler.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_that_are_in_no_journal_are_one_of_a_kind_and_lose_nothing),
		cmocka_unit_test(of_a_period_that_is_written_its_figures_stay),
	};

	return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
