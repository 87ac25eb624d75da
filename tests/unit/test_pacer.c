/* SPDX-License-Identifier: Apache-2.0 */
#include "load/pacer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S     UINT64_C(1000000000)

#define START (UINT64_C(123456789) * 1000)

static struct pacer_epoch epoch_at(uint64_t start_ns, double rate_per_s)
{
	return (struct pacer_epoch){
		.start_ns = start_ns,
		.micro_per_s = pacer_micro_per_s(rate_per_s),
	};
}

/* Advances until next_ns is not before `until_ns`; how many that were. */
static uint64_t run_until(struct pacer *p, uint64_t until_ns)
{
	uint64_t n = 0;

	for (; p->next_ns < until_ns; n++)
		pacer_advance(p);
	return n;
}

static void three_million_a_second_do_not_drift_in_an_hour(void **state)
{
	(void)state;
	struct pacer_epoch epoch = epoch_at(START, 3e6);
	struct pacer p;

	/* One of 1000 producers of the whole: an hour is 10,800,000 steps. */
	pacer_init(&p, &epoch, 999, 1000);
	assert_int_equal(run_until(&p, START + 3600 * S), UINT64_C(3000000) * 3600 / 1000);
	/* Message 10,800,000,999 of the whole schedule, exactly. */
	assert_int_equal(p.next_ns, START + UINT64_C(10800000999) * 1000 / 3);

	/* And every single message of a second, of a lone producer. */
	pacer_init(&p, &epoch, 0, 1);
	assert_int_equal(run_until(&p, START + S), 3000000);
	assert_int_equal(p.next_ns, START + S);
}

static void each_message_is_due_when_the_formula_says(void **state)
{
	(void)state;
	static const struct {
		double rate_per_s;
		uint32_t index, producers;
	} cases[] = {
		{ 0.1, 0, 1 },      { 0.1, 2, 3 },           { 1, 0, 1 },
		{ 7, 6, 7 },        { 14000, 13999, 14000 }, { 10000, 1, 3 },
		{ 3e6, 0, 1 },      { 3e6, 5, 7 },           { 600000, 0, 1 },
		{ 1e9, 0, 1 },      { 999999937, 1, 2 },     { 12345.678901, 3, 11 },
		{ 0.000002, 0, 1 },
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct pacer_epoch epoch = epoch_at(START, cases[c].rate_per_s);
		struct pacer p;
		pacer_init(&p, &epoch, cases[c].index, cases[c].producers);
		for (uint64_t n = 0; n < 2000; n++) {
			assert_int_equal(p.next_ns, pacer_due_ns(&epoch, cases[c].index,
			                                         cases[c].producers, n));
			pacer_advance(&p);
		}
	}
}

static void one_message_in_ten_seconds_works(void **state)
{
	(void)state;
	struct pacer_epoch epoch = epoch_at(START, 0.1);
	struct pacer p;

	pacer_init(&p, &epoch, 0, 1);
	for (uint64_t n = 0; n < 100; n++) {
		assert_int_equal(p.next_ns, START + n * 10 * S);
		pacer_advance(&p);
	}
}

static void producers_take_turns(void **state)
{
	(void)state;
	/* 14,000 producers at 1 msg/s each: one message every 71.4 us, never two at once. */
	struct pacer_epoch epoch = epoch_at(START, 14000);
	uint64_t total = 0, last_ns = 0;

	for (uint32_t i = 0; i < 14000; i++) {
		struct pacer p;
		pacer_init(&p, &epoch, i, 14000);
		assert_true(i == 0 || p.next_ns > last_ns);
		last_ns = p.next_ns;
		total += run_until(&p, START + 10 * S);
	}
	assert_int_equal(total, 140000);
}

static void rates_are_millionths_of_a_message(void **state)
{
	(void)state;
	assert_int_equal(pacer_micro_per_s(0.1), 100000);
	assert_int_equal(pacer_micro_per_s(3e6), UINT64_C(3000000000000));
	assert_int_equal(pacer_micro_per_s(0), 1);
	assert_int_equal(pacer_micro_per_s(-5), 1);
	assert_int_equal(pacer_micro_per_s(1e300), PACER_MICRO_PER_S_MAX);
	assert_int_equal(pacer_micro_per_s(0.0 / 0.0), 1);
}

static void a_new_rate_keeps_the_debt_of_the_old_one(void **state)
{
	(void)state;
	struct pacer_epoch slow = epoch_at(START, 100), fast = epoch_at(START + 2 * S, 1000);
	struct pacer p;

	pacer_init(&p, &slow, 0, 1);
	pacer_change(&p, &fast, false, START);
	/* 200 of the old epoch, each when it was due; then 1000 of the new one. */
	for (uint64_t n = 0; n < 200; n++) {
		assert_int_equal(p.next_ns, START + n * S / 100);
		pacer_advance(&p);
	}
	assert_int_equal(p.next_ns, START + 2 * S);
	assert_int_equal(run_until(&p, START + 3 * S), 1000);
}

static void a_forgiving_change_drops_the_debt(void **state)
{
	(void)state;
	struct pacer_epoch slow = epoch_at(START, 100), fast = epoch_at(START + 2 * S, 1000);
	struct pacer p;

	pacer_init(&p, &slow, 0, 1);
	pacer_change(&p, &fast, true, START);
	assert_int_equal(p.next_ns, START + 2 * S);
	assert_int_equal(run_until(&p, START + 3 * S), 1000);
}

static void changes_take_over_one_after_another(void **state)
{
	(void)state;
	struct pacer_epoch slow = epoch_at(START, 100), fast = epoch_at(START + 2 * S, 1000),
			   then = epoch_at(START + 3 * S, 10);
	struct pacer p;

	/* Nothing was sent when the second change comes: the debt of both epochs stays. */
	pacer_init(&p, &slow, 0, 1);
	pacer_change(&p, &fast, false, START);
	pacer_change(&p, &then, false, START);
	assert_int_equal(pacer_owed(&p, START + 5 * S), 200 + 1000 + 20);
	assert_int_equal(run_until(&p, START + 2 * S), 200);
	assert_int_equal(run_until(&p, START + 3 * S), 1000);
	assert_int_equal(run_until(&p, START + 5 * S), 20);
}

static void a_change_that_comes_late_sends_nothing_twice(void **state)
{
	(void)state;
	struct pacer_epoch before = epoch_at(START, 1000), after = epoch_at(START + S, 2000);
	struct pacer p;

	pacer_init(&p, &before, 0, 1);
	assert_int_equal(run_until(&p, START + S + S / 20), 1050);
	pacer_change(&p, &after, false, START + S + S / 20);
	assert_true(p.next_ns > START + S + S / 20 - S / 1000);
	/* The schedule had 1049 ms behind it: 951 ms at the new rate are left of two seconds. */
	assert_int_equal(run_until(&p, START + 2 * S), 951 * 2 - 1);

	pacer_init(&p, &before, 0, 1);
	pacer_change(&p, &after, true, START + S * 3 / 2);
	assert_int_equal(p.next_ns, START + S * 3 / 2);
}

static void turns_go_on_across_changes(void **state)
{
	(void)state;
	uint64_t total = 0;

	/* 14 producers, 10 messages in each epoch of a second: a new epoch must not start over with
	 * producer 0, or most would never have a turn. */
	for (uint32_t i = 0; i < 14; i++) {
		struct pacer_epoch first = epoch_at(START, 10);
		struct pacer p;
		uint64_t mine = 0;
		pacer_init(&p, &first, i, 14);
		for (uint64_t s = 1; s <= 7; s++) {
			struct pacer_epoch next = epoch_at(START + s * S, 10);
			mine += run_until(&p, START + s * S);
			pacer_change(&p, &next, s % 2 == 0, START + s * S);
		}
		assert_int_equal(mine, 5);
		total += mine;
	}
	assert_int_equal(total, 70);
}

static void a_change_reaches_producers_that_have_nothing_due_before_it(void **state)
{
	(void)state;
	struct pacer_epoch slow = epoch_at(START, 0.001), fast = epoch_at(START + 2 * S, 1000);
	struct pacer p;

	pacer_init(&p, &slow, 0, 1);
	pacer_advance(&p); /* the next one would be due in 1000 s */
	pacer_change(&p, &fast, false, START);
	assert_int_equal(p.next_ns, START + 2 * S);
}

static void changes_that_are_spread_over_producers_lose_and_add_nothing(void **state)
{
	(void)state;
	/* 7 producers, 1000/s for 1.5 s, 3000/s from then on. */
	struct pacer_epoch before = epoch_at(START, 1000),
			   after = epoch_at(START + S * 3 / 2, 3000);
	uint64_t total = 0;

	for (uint32_t i = 0; i < 7; i++) {
		struct pacer p;
		pacer_init(&p, &before, i, 7);
		total += run_until(&p, START + S / 4 * i); /* each has come differently far */
		pacer_change(&p, &after, false, START);
		total += run_until(&p, START + S * 5 / 2);
	}
	assert_int_equal(total, 1500 + 3000);
}

static void owed_is_what_advancing_would_count(void **state)
{
	(void)state;
	static const double rates[] = { 0.1, 3, 1000, 3e6, 12345.678901 };
	static const uint64_t ends[] = { 0, 1, 333, 334, 1000000, S - 1, S, S + 1, 3 * S + 17 };

	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
			struct pacer_epoch epoch = epoch_at(START, rates[r]);
			struct pacer p;
			pacer_init(&p, &epoch, 2, 5);
			pacer_advance(&p);
			uint64_t owed = pacer_owed(&p, START + ends[e]);
			assert_int_equal(owed, run_until(&p, START + ends[e]));
		}
	}
}

static void owed_counts_across_a_change_of_rate(void **state)
{
	(void)state;
	static const uint64_t ends[] = { S / 2, S, S + S / 10, S * 3 / 2, 2 * S + 1, 4 * S };

	for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
		struct pacer_epoch before = epoch_at(START, 1000),
				   after = epoch_at(START + S * 3 / 2, 777.7);
		struct pacer p;
		pacer_init(&p, &before, 1, 3);
		pacer_change(&p, &after, false, START);
		uint64_t owed = pacer_owed(&p, START + ends[e]);
		assert_int_equal(owed, run_until(&p, START + ends[e]));
	}
}

static bool is_same_place(const struct pacer *a, const struct pacer *b)
{
	return a->next_ns == b->next_ns && a->acc == b->acc && a->first == b->first &&
	       a->micro_per_s == b->micro_per_s && a->changes_count == b->changes_count;
}

static void skipping_is_advancing_so_often(void **state)
{
	(void)state;
	static const double rates[] = { 0.1, 3, 1000, 3e6, 12345.678901 };
	static const uint64_t skips[] = { 0, 1, 2, 499, 500, 501, 999, 1000, 1001, 5000, 100000 };

	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		for (size_t k = 0; k < sizeof(skips) / sizeof(skips[0]); k++) {
			struct pacer_epoch epoch = epoch_at(START, rates[r]);
			struct pacer_epoch second = epoch_at(START + S, 777.7);
			struct pacer_epoch third = epoch_at(START + 2 * S, 5);
			struct pacer walks, jumps;
			pacer_init(&walks, &epoch, 1, 2);
			pacer_change(&walks, &second, false, START);
			pacer_change(&walks, &third, false, START);
			jumps = walks;
			for (uint64_t i = 0; i < skips[k]; i++)
				pacer_advance(&walks);
			pacer_skip(&jumps, skips[k]);
			assert_true(is_same_place(&walks, &jumps));
		}
	}
}

static void the_slowest_rate_of_many_producers_does_not_overflow(void **state)
{
	(void)state;
	struct pacer_epoch epoch = epoch_at(START, 0);
	struct pacer p;

	/* 10 million producers at a millionth of a message a second: 317,000 years. */
	pacer_init(&p, &epoch, 9999999, 10000000);
	assert_true(p.next_ns > START);
	for (int i = 0; i < 2; i++) {
		uint64_t before_ns = p.next_ns;
		pacer_advance(&p);
		assert_true(p.next_ns > before_ns);
	}
	assert_int_equal(pacer_owed(&p, START + S), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_million_a_second_do_not_drift_in_an_hour),
		cmocka_unit_test(each_message_is_due_when_the_formula_says),
		cmocka_unit_test(one_message_in_ten_seconds_works),
		cmocka_unit_test(producers_take_turns),
		cmocka_unit_test(rates_are_millionths_of_a_message),
		cmocka_unit_test(a_new_rate_keeps_the_debt_of_the_old_one),
		cmocka_unit_test(a_forgiving_change_drops_the_debt),
		cmocka_unit_test(changes_take_over_one_after_another),
		cmocka_unit_test(a_change_that_comes_late_sends_nothing_twice),
		cmocka_unit_test(turns_go_on_across_changes),
		cmocka_unit_test(a_change_reaches_producers_that_have_nothing_due_before_it),
		cmocka_unit_test(changes_that_are_spread_over_producers_lose_and_add_nothing),
		cmocka_unit_test(owed_is_what_advancing_would_count),
		cmocka_unit_test(owed_counts_across_a_change_of_rate),
		cmocka_unit_test(skipping_is_advancing_so_often),
		cmocka_unit_test(the_slowest_rate_of_many_producers_does_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
