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

static void periods_that_are_folded_are_one_and_lose_nothing(void **state)
{
	struct sampler s;

	(void)state;
	begin(&s);
	feed(&s, 2);
	assert_period(sampler_add_period(&s, "measure", PERIOD_OWN), "measure", 1, 2);
	for (uint64_t at_s = 3; at_s <= 9; at_s++) {
		feed(&s, at_s);
		/* Who shows it sees what is new, not the whole. */
		assert_period(sampler_add_period(&s, "measure", PERIOD_FOLDED), "measure", at_s - 1,
		              at_s);
	}
	feed(&s, 10);
	(void)sampler_add_period(&s, "drain", PERIOD_OWN);

	assert_int_equal(s.periods_count, 3);
	assert_period(&s.periods[0], "measure", 1, 2);
	assert_period(&s.periods[1], "measure", 2, 9);
	assert_period(&s.periods[2], "drain", 9, 10);
	uint64_t recorded = 0;
	for (size_t i = 0; i < s.periods_count; i++)
		recorded += s.periods[i].interval.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count;
	/* The first period has those that were recorded before and due in the window, too. */
	assert_int_equal(recorded, 1000);
	sampler_fini(&s);
}

static void folding_ends_with_a_period_of_its_own(void **state)
{
	struct sampler s;

	(void)state;
	begin(&s);
	for (uint64_t at_s = 2; at_s <= 5; at_s++) {
		feed(&s, at_s);
		(void)sampler_add_period(&s, "measure", at_s == 3 ? PERIOD_OWN : PERIOD_FOLDED);
	}
	assert_int_equal(s.periods_count, 3);
	assert_period(&s.periods[0], "measure", 1, 2);
	assert_period(&s.periods[1], "measure", 2, 3);
	assert_period(&s.periods[2], "measure", 3, 5);
	sampler_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_that_are_folded_are_one_and_lose_nothing),
		cmocka_unit_test(folding_ends_with_a_period_of_its_own),
	};

	return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
