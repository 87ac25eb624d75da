/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

static const struct phase_plan plan = {
	.limit_ns = { [PHASE_CONNECT] = 100 * S,
	              [PHASE_SETTLE] = 60 * S,
	              [PHASE_SEARCH] = 300 * S,
	              [PHASE_WARMUP] = 10 * S,
	              [PHASE_DRAIN] = 30 * S },
	.build_limit_ns = 50 * S,
	.backlog_drain_limit_ns = 70 * S,
	.backlog_messages = 1000000,
	.backlog_left_messages = 1000,
};

struct step {
	struct phase_facts facts;
	enum phase next;
};

static void check_all(const struct phase_plan *p, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (run_next_phase(p, &steps[i].facts) != steps[i].next)
			fail_msg("step %zu from %s: %s, not %s", i,
			         phase_name(steps[i].facts.phase),
			         phase_name(run_next_phase(p, &steps[i].facts)),
			         phase_name(steps[i].next));
	}
}

#define CHECK_ALL(plan, steps) check_all(plan, steps, sizeof(steps) / sizeof((steps)[0]))

static void phases_follow_each_other_when_their_goal_is_reached(void **state)
{
	static const struct step steps[] = {
		{ { .phase = PHASE_CONNECT }, PHASE_CONNECT },
		{ { .phase = PHASE_CONNECT, .clients_open = true }, PHASE_SETTLE },
		{ { .phase = PHASE_SETTLE, .parts = 3, .parts_ready = 2 }, PHASE_SETTLE },
		{ { .phase = PHASE_SETTLE, .parts = 3, .parts_ready = 3 }, PHASE_WARMUP },
		{ { .phase = PHASE_SETTLE }, PHASE_WARMUP },
		{ { .phase = PHASE_WARMUP, .in_phase_ns = 10 * S - 1 }, PHASE_WARMUP },
		{ { .phase = PHASE_WARMUP, .in_phase_ns = 10 * S }, PHASE_MEASURE },
		{ { .phase = PHASE_MEASURE, .in_phase_ns = 1000 * S }, PHASE_MEASURE },
		{ { .phase = PHASE_MEASURE, .load_is_over = true }, PHASE_DRAIN },
		{ { .phase = PHASE_DRAIN }, PHASE_DRAIN },
		{ { .phase = PHASE_DRAIN, .drained = true }, PHASE_DONE },
		{ { .phase = PHASE_DONE }, PHASE_DONE },
		{ { .phase = PHASE_FAILED, .clients_open = true }, PHASE_FAILED },
	};

	(void)state;
	CHECK_ALL(&plan, steps);
}

static void every_phase_ends_at_its_limit(void **state)
{
	static const struct step steps[] = {
		{ { .phase = PHASE_CONNECT, .in_phase_ns = 100 * S }, PHASE_FAILED },
		{ { .phase = PHASE_SETTLE, .in_phase_ns = 60 * S, .parts = 1 }, PHASE_FAILED },
		/* The search has a limit of its own, and ends in an answer or a failure. */
		{ { .phase = PHASE_SEARCH, .in_phase_ns = 300 * S }, PHASE_SEARCH },
		{ { .phase = PHASE_SEARCH, .in_phase_ns = 300 * S, .failed = true }, PHASE_FAILED },
		{ { .phase = PHASE_DRAIN, .in_phase_ns = 30 * S - 1 }, PHASE_DRAIN },
		{ { .phase = PHASE_DRAIN, .in_phase_ns = 30 * S }, PHASE_DONE },
	};

	(void)state;
	CHECK_ALL(&plan, steps);
}

static void a_search_comes_before_the_warm_up(void **state)
{
	struct phase_plan searching = plan;
	static const struct step steps[] = {
		{ { .phase = PHASE_SETTLE }, PHASE_SEARCH },
		{ { .phase = PHASE_SEARCH }, PHASE_SEARCH },
		{ { .phase = PHASE_SEARCH, .search_is_over = true }, PHASE_WARMUP },
	};

	(void)state;
	searching.searches = true;
	CHECK_ALL(&searching, steps);
}

static void a_signal_stops_the_load_and_drains_only_what_was_sent(void **state)
{
	static const struct step steps[] = {
		{ { .phase = PHASE_CONNECT, .interrupted = true }, PHASE_DONE },
		{ { .phase = PHASE_SETTLE, .interrupted = true }, PHASE_DONE },
		{ { .phase = PHASE_SEARCH, .interrupted = true, .load_started = true },
		  PHASE_DRAIN },
		{ { .phase = PHASE_WARMUP, .interrupted = true, .load_started = true },
		  PHASE_DRAIN },
		{ { .phase = PHASE_MEASURE, .interrupted = true, .load_started = true },
		  PHASE_DRAIN },
		{ { .phase = PHASE_DRAIN, .interrupted = true, .load_started = true },
		  PHASE_DRAIN },
		{ { .phase = PHASE_DRAIN, .interrupted = true, .hurried = true }, PHASE_DONE },
	};

	(void)state;
	CHECK_ALL(&plan, steps);
}

static void a_failure_after_the_window_began_is_drained_and_a_second_one_ends_that(void **state)
{
	static const struct step steps[] = {
		{ { .phase = PHASE_MEASURE, .failed = true, .measured = true }, PHASE_DRAIN },
		{ { .phase = PHASE_DRAIN, .measured = true }, PHASE_DRAIN },
		{ { .phase = PHASE_DRAIN, .failed = true, .measured = true }, PHASE_DONE },
	};

	(void)state;
	CHECK_ALL(&plan, steps);
}

static void the_drain_waits_for_a_group_that_stands_still(void **state)
{
	/* drainTimeout 30 s, begun at 100 s, a session of 45 s. */
	static const struct {
		uint64_t lost_s, expected_s, limit_s;
		bool is_expected;
	} cases[] = {
		{ 0, 0, 30, false },
		{ 99, 100, 99 + 45 + 10 - 100, true },
		{ 60, 100, 30, true },                /* it is over before drainTimeout */
		{ 99, 145, 45 + 30, false },          /* it moved after 45 s */
		{ 99, 99 + 45 + 10, 54 + 30, false }, /* it must have moved */
		{ 50, 98, 30, false },                /* it moved before */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct drain_wait wait = {
			.timeout_ns = 30 * S,
			.entered_ns = 100 * S,
			.standstill_ns = 45 * S,
			.lost_ns = cases[i].lost_s * S,
			.expected_ns = cases[i].expected_s * S,
			.resume_is_expected = cases[i].is_expected,
		};
		if (drain_limit_ns(&wait) != cases[i].limit_s * S)
			fail_msg("case %zu", i);
	}
}

static void a_failure_ends_every_phase_but_the_last_ones(void **state)
{
	(void)state;
	for (unsigned phase = PHASE_CONNECT; phase < PHASE_DONE; phase++) {
		struct phase_facts facts = { .phase = (enum phase)phase, .failed = true };
		assert_int_equal(run_next_phase(&plan, &facts), PHASE_FAILED);
	}
	struct phase_facts done = { .phase = PHASE_DONE, .failed = true };
	assert_int_equal(run_next_phase(&plan, &done), PHASE_DONE);
}

static void without_producers_the_load_is_over(void **state)
{
	static const struct step steps[] = {
		{ { .phase = PHASE_SEARCH, .producers_gone = true }, PHASE_DRAIN },
		{ { .phase = PHASE_WARMUP, .producers_gone = true }, PHASE_DRAIN },
		{ { .phase = PHASE_MEASURE, .producers_gone = true }, PHASE_DRAIN },
	};

	(void)state;
	CHECK_ALL(&plan, steps);
}

static void a_backlog_is_built_then_drained_each_within_its_limit(void **state)
{
	static const struct {
		struct backlog_facts facts;
		enum backlog_step next;
	} cases[] = {
		{ { BACKLOG_NONE, 0, 5000000, false }, BACKLOG_NONE },
		{ { BACKLOG_BUILD, 0, 999999, false }, BACKLOG_BUILD },
		{ { BACKLOG_BUILD, 0, 1000000, false }, BACKLOG_DRAIN },
		{ { BACKLOG_BUILD, 50 * S, 5, false }, BACKLOG_DRAIN },
		{ { BACKLOG_DRAIN, 0, 1001, false }, BACKLOG_DRAIN },
		{ { BACKLOG_DRAIN, 0, 1000, false }, BACKLOG_TAIL },
		{ { BACKLOG_DRAIN, 70 * S, 900000, false }, BACKLOG_TAIL },
		{ { BACKLOG_DRAIN, 31 * S, 900000, true }, BACKLOG_TAIL },
		{ { BACKLOG_TAIL, 0, 2000000, false }, BACKLOG_TAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(run_next_backlog_step(&plan, &cases[i].facts), cases[i].next);
}

static void the_drain_is_over_when_all_answers_and_all_messages_are_there(void **state)
{
	static const struct {
		struct drain_facts facts;
		bool over;
	} cases[] = {
		{ { .acknowledged = 10, .subscriptions = 2, .received = 20 }, true },
		{ { .acknowledged = 10, .subscriptions = 2, .received = 19 }, false },
		{ { .acknowledged = 10, .subscriptions = 2, .received = 19, .quiet_ns = 20 * S },
		  false },
		{ { .unanswered = 1, .acknowledged = 10, .subscriptions = 2, .received = 20 },
		  false },
		{ { .acknowledged = 10, .subscriptions = 0 }, true },
		/* Delivered twice is no reason to wait. */
		{ { .acknowledged = 10, .subscriptions = 1, .received = 12 }, true },
		/* After a loss counts alone cannot tell. */
		{ { .acknowledged = 10, .subscriptions = 1, .received = 10, .agents_lost = true },
		  false },
		{ { .acknowledged = 10,
		    .subscriptions = 1,
		    .received = 10,
		    .agents_lost = true,
		    .quiet_ns = 1 * S },
		  true },
		{ { .acknowledged = 10,
		    .subscriptions = 1,
		    .received = 9,
		    .agents_lost = true,
		    .quiet_ns = 4 * S },
		  false },
		{ { .acknowledged = 10,
		    .subscriptions = 1,
		    .received = 9,
		    .agents_lost = true,
		    .quiet_ns = 5 * S },
		  true },
		{ { .acknowledged = 10,
		    .subscriptions = 1,
		    .received = 9,
		    .agents_lost = true,
		    .resume_is_expected = true,
		    .quiet_ns = 20 * S },
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (drain_is_over(&cases[i].facts) != cases[i].over)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_follow_each_other_when_their_goal_is_reached),
		cmocka_unit_test(every_phase_ends_at_its_limit),
		cmocka_unit_test(a_search_comes_before_the_warm_up),
		cmocka_unit_test(a_signal_stops_the_load_and_drains_only_what_was_sent),
		cmocka_unit_test(a_failure_ends_every_phase_but_the_last_ones),
		cmocka_unit_test(
			a_failure_after_the_window_began_is_drained_and_a_second_one_ends_that),
		cmocka_unit_test(the_drain_waits_for_a_group_that_stands_still),
		cmocka_unit_test(without_producers_the_load_is_over),
		cmocka_unit_test(a_backlog_is_built_then_drained_each_within_its_limit),
		cmocka_unit_test(the_drain_is_over_when_all_answers_and_all_messages_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
