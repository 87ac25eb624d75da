/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/readiness.h"

static void a_subscription_is_ready_with_all_partitions_shared_and_a_probe(void **state)
{
	static const struct {
		const char *why;
		struct worker_ready s;
		bool is_ready;
	} cases[] = {
		{ "all of it", { "t", "s", 4, 4, 2, 2, true }, true },
		{ "no probe", { "t", "s", 4, 4, 2, 2, false }, false },
		{ "a partition without consumer", { "t", "s", 3, 4, 2, 2, true }, false },
		{ "a partition that two still have", { "t", "s", 5, 4, 2, 2, true }, false },
		{ "one has all, the other waits", { "t", "s", 4, 4, 2, 1, true }, false },
		{ "more consumers than partitions", { "t", "s", 2, 2, 5, 2, true }, true },
		{ "of those too few are busy", { "t", "s", 2, 2, 5, 1, true }, false },
		{ "more are busy than there have to be", { "t", "s", 4, 4, 2, 3, true }, true },
		{ "no partitions, and a probe", { "t", "s", 0, 0, 2, 0, true }, true },
		{ "no partitions, and no probe", { "t", "s", 0, 0, 2, 0, false }, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (readiness_of(&cases[i].s) != cases[i].is_ready)
			fail_msg("%s", cases[i].why);
}

static void a_load_begins_when_all_subscriptions_and_all_producers_are_ready(void **state)
{
	struct worker_readiness r = {
		.count = 2, .ready = 2, .producers = 3, .producers_ready = 3
	};

	(void)state;
	assert_true(readiness_is_complete(&r));
	r.ready = 1;
	assert_false(readiness_is_complete(&r));
	r.ready = 2;
	r.producers_ready = 2;
	assert_false(readiness_is_complete(&r));
	r = (struct worker_readiness){ 0 };
	assert_true(readiness_is_complete(&r));
}

static void assert_words(const struct worker_readiness *r, double limit_s, const char *wanted)
{
	struct text words = { 0 };

	readiness_describe(r, limit_s, &words);
	assert_string_equal(text_str(&words), wanted);
	text_fini(&words);
}

static void what_is_complete_needs_no_words(void **state)
{
	struct worker_ready items[] = { { "t", "s", 4, 4, 2, 2, true } };

	(void)state;
	assert_words(&(struct worker_readiness){ .items = items,
	                                         .count = 1,
	                                         .ready = 1,
	                                         .producers = 1,
	                                         .producers_ready = 1 },
	             60, "");
}

static void what_a_subscription_waits_for_is_told(void **state)
{
	static const struct {
		struct worker_ready s;
		const char *words;
	} cases[] = {
		{ { "t", "s", 2, 4, 2, 2, false },
		  "1 of 1 subscriptions were not ready within 1.5 s: "
		  "t/s (2 of 4 partitions, no probe seen)" },
		{ { "t", "s", 2, 4, 2, 1, true },
		  "1 of 1 subscriptions were not ready within 1.5 s: "
		  "t/s (2 of 4 partitions, a probe was seen)" },
		{ { "t", "s", 4, 4, 2, 1, true },
		  "1 of 1 subscriptions were not ready within 1.5 s: "
		  "t/s (1 of 2 consumers have partitions, a probe was seen)" },
		{ { "t", "s", 4, 4, 2, 2, false },
		  "1 of 1 subscriptions were not ready within 1.5 s: t/s (no probe seen)" },
		{ { "t", "s", 0, 0, 2, 0, false },
		  "1 of 1 subscriptions were not ready within 1.5 s: t/s (no probe seen)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct worker_ready s = cases[i].s;
		assert_words(&(struct worker_readiness){ .items = &s, .count = 1 }, 1.5,
		             cases[i].words);
	}
}

static void three_subscriptions_are_named_and_the_others_counted(void **state)
{
	struct worker_ready items[] = {
		{ "a", "s", 1, 1, 1, 1, false }, { "b", "s", 1, 1, 1, 1, true },
		{ "c", "s", 1, 1, 1, 1, false }, { "d", "s", 1, 1, 1, 1, false },
		{ "e", "s", 1, 1, 1, 1, false }, { "f", "s", 1, 1, 1, 1, false },
	};

	(void)state;
	assert_words(&(struct worker_readiness){ .items = items, .count = 6, .ready = 1 }, 60,
	             "5 of 6 subscriptions were not ready within 60 s: a/s (no probe seen), "
	             "c/s (no probe seen), d/s (no probe seen) and 2 more");
	/* Where only their number is known. */
	assert_words(&(struct worker_readiness){ .count = 6, .ready = 1 }, 60,
	             "5 of 6 subscriptions were not ready within 60 s");
}

static void producers_without_an_answer_are_named_three_at_the_most(void **state)
{
	struct worker_silent silent[] = { { "t", 2 }, { "u", 7 }, { "t", 8 }, { "t", 9 } };
	struct worker_readiness r = {
		.producers = 9, .producers_ready = 8, .silent = silent, .silent_count = 1
	};

	(void)state;
	assert_words(&r, 60,
	             "1 of 9 producers had no probe acknowledged within 60 s: producer 2 of t");
	r.producers_ready = 4;
	r.silent_count = 4;
	assert_words(&r, 60,
	             "5 of 9 producers had no probe acknowledged within 60 s: producer 2 of t, "
	             "producer 7 of u, producer 8 of t and 2 more");
}

/* What the clients say has to find room behind all this. */
static void behind_subscriptions_one_producer_is_named(void **state)
{
	struct worker_ready items[] = { { "a", "s", 1, 1, 1, 1, false } };
	struct worker_silent silent[] = { { "t", 2 }, { "u", 7 } };

	(void)state;
	assert_words(&(struct worker_readiness){ .items = items,
	                                         .count = 1,
	                                         .producers = 3,
	                                         .producers_ready = 1,
	                                         .silent = silent,
	                                         .silent_count = 2 },
	             60,
	             "1 of 1 subscriptions were not ready within 60 s: a/s (no probe seen); "
	             "2 of 3 producers had no probe acknowledged: producer 2 of t and 1 more");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subscription_is_ready_with_all_partitions_shared_and_a_probe),
		cmocka_unit_test(a_load_begins_when_all_subscriptions_and_all_producers_are_ready),
		cmocka_unit_test(what_is_complete_needs_no_words),
		cmocka_unit_test(what_a_subscription_waits_for_is_told),
		cmocka_unit_test(three_subscriptions_are_named_and_the_others_counted),
		cmocka_unit_test(producers_without_an_answer_are_named_three_at_the_most),
		cmocka_unit_test(behind_subscriptions_one_producer_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
