/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "run/backlog_rule.h"
#include "run/drain_rule.h"

#define S UINT64_C(1000000000)

struct step {
	enum phase_id phase;
	struct phase_facts facts;
	enum phase_id next; /* PHASE_NONE: it goes on */
};

static void check_all(const struct step *steps, size_t count, bool measured)
{
	for (size_t i = 0; i < count; i++) {
		const struct phase *p = &phases[steps[i].phase];
		enum phase_end end = phase_ends(p, &steps[i].facts);
		enum phase_id next = end == ENDS_NOT ? PHASE_NONE : phase_next(p, end, measured);
		if (next != steps[i].next)
			fail_msg("step %zu from %s: %d, not %d", i, p->name, (int)next,
			         (int)steps[i].next);
	}
}

#define CHECK_ALL(steps)      check_all(steps, sizeof(steps) / sizeof((steps)[0]), false)
#define CHECK_MEASURED(steps) check_all(steps, sizeof(steps) / sizeof((steps)[0]), true)

static void phases_follow_each_other_when_their_goal_is_reached(void **state)
{
	static const enum phase_id order[] = {
		PHASE_INITIALIZE, PHASE_TOPICS, PHASE_CONSUMERS, PHASE_PRODUCERS, PHASE_SETTLE,
		PHASE_SEARCH,     PHASE_WARMUP, PHASE_MEASURE,   PHASE_DRAIN,     PHASE_CLOSE,
		PHASE_CHECK,      PHASE_DELETE, PHASE_STOP,      PHASE_END,
	};
	static const struct phase_facts reached = { .reached = true }, not_yet = { 0 };

	(void)state;
	for (size_t i = 0; order[i] != PHASE_END; i++) {
		assert_int_equal(phases[order[i]].then[ENDS_REACHED], order[i + 1]);
		assert_int_equal(phase_ends(&phases[order[i]], &reached), ENDS_REACHED);
		assert_int_equal(phase_ends(&phases[order[i]], &not_yet), ENDS_NOT);
	}
	assert_int_equal(phases[PHASE_ABORT].then[ENDS_REACHED], PHASE_DELETE);
}

/* Whatever way a run takes through the table, it comes to its end. */
static void no_phase_is_followed_by_one_that_was_before(void **state)
{
	(void)state;
	for (enum phase_id id = PHASE_INITIALIZE; id < PHASE_COUNT; id++) {
		assert_non_null(phases[id].name);
		assert_non_null(phases[id].enter);
		for (enum phase_end end = ENDS_FAILED; end < ENDS_COUNT; end++)
			assert_true(phases[id].then[end] == PHASE_NONE ||
			            phases[id].then[end] > id);
		/* Which waits for something has a limit, or an end of its own (the window). */
		assert_true(phases[id].is_reached == NULL || id == PHASE_MEASURE ||
		            (phases[id].then[ENDS_LATE] != PHASE_NONE && phases[id].limit_ns &&
		             phases[id].expire));
	}
}

static void every_phase_ends_at_its_limit(void **state)
{
	static const struct step steps[] = {
		{ PHASE_SETTLE, { .late = true }, PHASE_ABORT },
		{ PHASE_SEARCH, { .late = true }, PHASE_ABORT },
		{ PHASE_WARMUP, { .late = true }, PHASE_ABORT },
		{ PHASE_DRAIN, { .late = true }, PHASE_CLOSE },
		/* What is reached at last is reached. */
		{ PHASE_SETTLE, { .late = true, .reached = true }, PHASE_SEARCH },
	};

	(void)state;
	CHECK_ALL(steps);
}

static void a_signal_stops_the_load_and_drains_only_what_was_sent(void **state)
{
	static const struct step steps[] = {
		{ PHASE_INITIALIZE, { .signals = 1, .reached = true }, PHASE_ABORT },
		{ PHASE_PRODUCERS, { .signals = 1, .reached = true }, PHASE_ABORT },
		{ PHASE_SETTLE, { .signals = 1 }, PHASE_ABORT },
		{ PHASE_SEARCH, { .signals = 1 }, PHASE_DRAIN },
		{ PHASE_WARMUP, { .signals = 1 }, PHASE_DRAIN },
		{ PHASE_MEASURE, { .signals = 1 }, PHASE_DRAIN },
		{ PHASE_DRAIN, { .signals = 1 }, PHASE_NONE },
		{ PHASE_DRAIN, { .signals = 2 }, PHASE_CLOSE },
		{ PHASE_CLOSE, { .signals = 3 }, PHASE_NONE },
	};

	(void)state;
	CHECK_ALL(steps);
}

static void a_failure_after_the_window_began_is_drained_and_a_second_one_ends_that(void **state)
{
	static const struct step steps[] = {
		{ PHASE_MEASURE, { .failed = true }, PHASE_DRAIN },
		{ PHASE_DRAIN, { 0 }, PHASE_NONE },
		{ PHASE_DRAIN, { .failed = true }, PHASE_CLOSE },
	};

	(void)state;
	CHECK_MEASURED(steps);
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

static void the_drain_waits_for_what_is_kept_from_the_others(void **state)
{
	/* drainTimeout 5 s, begun at 100 s; what a dead consumer had comes again after 30 s. */
	static const struct {
		uint64_t redelivery_s, lost_s, now_s, limit_s;
		bool is_held;
	} cases[] = {
		{ 30, 99, 101, 99 + 30 + 10 - 100, true },
		{ 30, 99, 138, 39, true },
		{ 30, 99, 139, 39, false },
		{ 30, 40, 101, 5, false }, /* it came before */
		{ 30, 0, 101, 5, false },
		{ 0, 99, 101, 5, false },
	};
	const struct drain_facts facts = {
		.acknowledged = 10,
		.subscriptions = 1,
		.received = 9,
		.agents_lost = true,
		.is_held = true,
		.quiet_ns = 20 * S,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct drain_wait wait = {
			.timeout_ns = 5 * S,
			.entered_ns = 100 * S,
			.redelivery_ns = cases[i].redelivery_s * S,
			.lost_ns = cases[i].lost_s * S,
		};
		if (drain_limit_ns(&wait) != cases[i].limit_s * S ||
		    drain_is_held(&wait, cases[i].now_s * S) != cases[i].is_held)
			fail_msg("case %zu", i);
	}
	assert_false(drain_is_over(&facts));
	struct drain_facts all = facts;
	all.received = 10; /* nothing of it is missing */
	assert_true(drain_is_over(&all));
}

static void a_failure_ends_every_phase_but_the_last_ones(void **state)
{
	static const struct phase_facts failed = { .failed = true };

	(void)state;
	for (enum phase_id id = PHASE_INITIALIZE; id < PHASE_CLOSE; id++) {
		assert_int_equal(phase_ends(&phases[id], &failed), ENDS_FAILED);
		assert_int_equal(phase_next(&phases[id], ENDS_FAILED, false), PHASE_ABORT);
	}
	for (enum phase_id id = PHASE_CLOSE; id < PHASE_COUNT; id++)
		assert_int_equal(phase_ends(&phases[id], &failed), ENDS_NOT);
}

static void without_producers_the_load_is_over(void **state)
{
	static const struct step steps[] = {
		{ PHASE_SEARCH, { .lost = true }, PHASE_DRAIN },
		{ PHASE_WARMUP, { .lost = true }, PHASE_DRAIN },
		{ PHASE_MEASURE, { .lost = true }, PHASE_DRAIN },
		{ PHASE_DRAIN, { .lost = true }, PHASE_NONE },
	};

	(void)state;
	CHECK_ALL(steps);
}

static void a_backlog_is_built_then_drained_each_within_its_limit(void **state)
{
	static const struct backlog_plan plan = {
		.messages = 1000000,
		.left_messages = 1000,
		.build_limit_ns = 50 * S,
		.drain_limit_ns = 70 * S,
	};
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
		assert_int_equal(backlog_next_step(&plan, &cases[i].facts), cases[i].next);
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
		/* Nor does it make up for what is still to come, if that is known. */
		{ { .acknowledged = 10, .subscriptions = 1, .received = 12, .outstanding = 1 },
		  false },
		{ { .acknowledged = 10,
		    .subscriptions = 1,
		    .received = 12,
		    .outstanding = 1,
		    .agents_lost = true,
		    .quiet_ns = 4 * S },
		  false },
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
		cmocka_unit_test(no_phase_is_followed_by_one_that_was_before),
		cmocka_unit_test(a_signal_stops_the_load_and_drains_only_what_was_sent),
		cmocka_unit_test(a_failure_ends_every_phase_but_the_last_ones),
		cmocka_unit_test(
			a_failure_after_the_window_began_is_drained_and_a_second_one_ends_that),
		cmocka_unit_test(the_drain_waits_for_a_group_that_stands_still),
		cmocka_unit_test(the_drain_waits_for_what_is_kept_from_the_others),
		cmocka_unit_test(without_producers_the_load_is_over),
		cmocka_unit_test(a_backlog_is_built_then_drained_each_within_its_limit),
		cmocka_unit_test(the_drain_is_over_when_all_answers_and_all_messages_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
