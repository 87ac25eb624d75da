/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the account of every message makes of a verdict; the other rules are in test_verdict.c.
 */
#include "results/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define UNMENTIONED (-1)

/* 9,000,000 messages, nothing wrong, without a schedule. */
static struct verdict_facts healthy(void)
{
	return (struct verdict_facts){
		.stamped = true,
		.window_ns = UINT64_C(60000000000),
		.window_acknowledged = 6000000,
		.sent = 9000000,
		.acknowledged = 9000000,
		.received = 9000000,
		.subscriptions = 1,
	};
}

static const struct verdict_reason *find(const struct verdict_result *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->reasons[i].name, name) == 0)
			return &r->reasons[i];
	return NULL;
}

/* The weight that `name` has in the verdict. */
static int weight_of(const struct verdict_facts *f, const char *name)
{
	struct verdict_result r;

	verdict_judge(f, &r);
	const struct verdict_reason *reason = find(&r, name);
	return reason == NULL ? UNMENTIONED : (int)reason->weight;
}

static void expect(const struct verdict_facts *f, enum verdict verdict, const char *reason)
{
	struct verdict_result r;

	verdict_judge(f, &r);
	assert_int_equal(r.verdict, verdict);
	assert_int_equal(weight_of(f, reason), verdict);
}

static const struct fact_account exact = { .is_kept = true, .is_exact = true };

/* An exact account that has this, of a healthy run otherwise. */
#define ACCOUNT_CASE(verdict, reason, member, ...)   \
	do {                                         \
		struct verdict_facts f = healthy();  \
		struct fact_account account = exact; \
		account.all.member = 3;              \
		f.account = &account;                \
		f.exact_below = ACCOUNT_EXACT;       \
		__VA_ARGS__;                         \
		expect(&f, verdict, reason);         \
	} while (0)

static void what_became_of_messages_has_its_weight(void **state)
{
	(void)state;
	ACCOUNT_CASE(VERDICT_INVALID, "lost", lost, (void)0);
	ACCOUNT_CASE(VERDICT_INVALID, "neverSent", never_sent, (void)0);
	ACCOUNT_CASE(VERDICT_SUSPECT, "duplicated", duplicated, (void)0);
	ACCOUNT_CASE(VERDICT_SUSPECT, "redelivered", redelivered, (void)0);
	ACCOUNT_CASE(VERDICT_SUSPECT, "outOfOrder", out_of_order, (void)0);
	ACCOUNT_CASE(VERDICT_SUSPECT, "deliveredThoughFailed", delivered_though_failed, (void)0);
	ACCOUNT_CASE(VERDICT_SUSPECT, "accounting", received, account.is_exact = false);
}

static void an_exact_account_without_a_fault_needs_no_words(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.account = &exact;
	f.exact_below = ACCOUNT_EXACT;
	verdict_judge(&f, &r);
	assert_int_equal(r.count, 0);
}

/* At least once: what a dead consumer had not committed comes again. */
static void what_comes_again_after_a_consumers_death_is_a_note(void **state)
{
	static const char *const names[] = { "duplicated", "redelivered", "outOfOrder" };
	struct fact_account account = exact;

	(void)state;
	account.all.duplicated = account.all.redelivered = account.all.out_of_order = 3;
	for (size_t i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		struct verdict_facts f = healthy();
		f.account = &account;
		f.exact_below = ACCOUNT_EXACT;
		f.agents_restarted = i % 2;
		f.consumers_lost = 1 - i % 2;
		assert_int_equal(weight_of(&f, names[i / 2]), VERDICT_VALID);
	}
}

/* One lost and one twice: sums are equal.  Three lost: the sums know no more than that. */
static void an_exact_account_takes_the_place_of_sums(void **state)
{
	struct fact_account account = exact;
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.account = &account;
	f.exact_below = ACCOUNT_EXACT;
	account.all.lost = account.all.duplicated = 1;
	assert_int_equal(weight_of(&f, "lost"), VERDICT_INVALID);
	assert_int_equal(weight_of(&f, "duplicated"), VERDICT_SUSPECT);

	account.all.duplicated = 0;
	account.all.lost = 3;
	f.received -= 3;
	verdict_judge(&f, &r);
	assert_int_equal(r.count, 1);
	assert_string_equal(r.reasons[0].text,
	                    "3 of 9000000 acknowledged messages (times subscriptions) were never "
	                    "received");

	account.all.lost = 0;
	f.received += 6;
	f.unacknowledged = 3; /* and received all the same: nothing is wrong with the account */
	assert_int_equal(weight_of(&f, "surplus"), UNMENTIONED);
	account.all.delivered_though_failed = 3;
	f.unacknowledged = 0;
	f.failed = 3;
	assert_int_equal(weight_of(&f, "surplus"), UNMENTIONED);
	assert_int_equal(weight_of(&f, "deliveredThoughFailed"), VERDICT_SUSPECT);
}

/* What a book that was full did not see the sums still do. */
static void beside_an_account_that_is_not_exact_sums_tell_what_it_does_not_know(void **state)
{
	struct fact_account account = { .is_kept = true };
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.account = &account;
	f.exact_below = 4096;
	account.all.lost = 3;
	f.received -= 3;
	verdict_judge(&f, &r);
	assert_null(find(&r, "missing"));
	assert_non_null(strstr(find(&r, "lost")->text, "at least 3 of"));
	assert_non_null(strstr(find(&r, "accounting")->text, "from message 4096 of a producer on"));

	f.received -= 1;
	verdict_judge(&f, &r);
	assert_non_null(strstr(find(&r, "missing")->text, "4 of 9000000"));

	account.all.lost = 0;
	account.all.duplicated = 2;
	f.received = f.acknowledged + 2;
	assert_int_equal(weight_of(&f, "surplus"), UNMENTIONED);
	f.received++;
	assert_int_equal(weight_of(&f, "surplus"), VERDICT_SUSPECT);
}

static void what_was_lost_may_have_a_reason(void **state)
{
	static const struct {
		struct verdict_facts change;
		const char *want;
	} cases[] = {
		{ { .drain_limit_reached = true }, "drain limit" },
		{ { .drain_cut = true }, "may still be on their way" },
		{ { .consumers_lost = 1, .drain_cut = true }, "lost for good" },
		{ { .corrupt = 1 }, "damaged" },
	};
	struct fact_account account = exact;

	(void)state;
	account.all.lost = 3;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict_facts f = healthy();
		struct verdict_result r;

		f.account = &account;
		f.exact_below = ACCOUNT_EXACT;
		f.drain_limit_reached = cases[i].change.drain_limit_reached;
		f.drain_cut = cases[i].change.drain_cut;
		f.consumers_lost = cases[i].change.consumers_lost;
		f.corrupt = cases[i].change.corrupt;
		verdict_judge(&f, &r);
		if (!strstr(find(&r, "lost")->text, cases[i].want))
			fail_msg("\"%s\" lacks \"%s\"", find(&r, "lost")->text, cases[i].want);
	}
}

static void of_a_run_that_was_killed_no_account_is_judged(void **state)
{
	struct fact_account account = exact;
	struct verdict_facts f = healthy();

	(void)state;
	account.all.lost = 3;
	f.account = &account;
	f.recovered = true;
	assert_int_equal(weight_of(&f, "lost"), UNMENTIONED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_became_of_messages_has_its_weight),
		cmocka_unit_test(an_exact_account_without_a_fault_needs_no_words),
		cmocka_unit_test(what_comes_again_after_a_consumers_death_is_a_note),
		cmocka_unit_test(an_exact_account_takes_the_place_of_sums),
		cmocka_unit_test(
			beside_an_account_that_is_not_exact_sums_tell_what_it_does_not_know),
		cmocka_unit_test(what_was_lost_may_have_a_reason),
		cmocka_unit_test(of_a_run_that_was_killed_no_account_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
