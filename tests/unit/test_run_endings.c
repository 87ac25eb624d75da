/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that end otherwise than planned: agents that are lost, verbs that fail, backlogs that grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "run_bench.h"
#include "util/xalloc.h"

static void a_producer_lost_for_good_is_invalid_and_ends_the_load(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->producer_lost_at_ns = 5 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_int_equal(run_exit_code(&b.report, &b.err), 3);
	assert_true(bench_ends_with(text_str(&b.report.result_path), ".json.invalid"));
	bench_assert_reason(&b, "agents");
	bench_assert_reason(&b, "rate");
	assert_true(fake_elapsed_ns(b.fake) < 13 * FAKE_S);
	bench_assert_cleaned_up(&b);
	bench_teardown(&b);
}

static void a_quiet_run_says_why_its_result_is_invalid(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.quiet = true;
	b.fake->producer_lost_at_ns = 5 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_null(strstr(b.summary, "INVALID"));
	assert_non_null(strstr(b.progress, "INVALID: agents: 1 producer agent was lost for good"));
	bench_teardown(&b);
}

static void producers_lost_before_the_window_are_a_failure_that_says_why(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->producer_lost_at_ns = 1 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_non_null(strstr(b.err.text, "killed by signal 9"));
	bench_assert_cleaned_up(&b);
	bench_teardown(&b);
}

static void a_producer_lost_before_the_load_fails_at_once_and_says_why(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->ready_after_ns = FAKE_NEVER;
	b.fake->producer_lost_at_ns = 5 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_string_equal(b.err.text,
	                    "producer agent 0 was lost before the load: killed by signal 9");
	assert_in_range(fake_elapsed_ns(b.fake), 5 * FAKE_S, 8 * FAKE_S);
	bench_assert_cleaned_up(&b);
	bench_teardown(&b);
}

static void a_consumer_restarted_with_success_is_suspect(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->consumer_lost_at_ns = 5 * FAKE_S;
	b.fake->consumer_back_at_ns = 7 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_string_equal(json_string_value(bench_member(&b, "verdict", "verdict")), "SUSPECT");
	bench_assert_reason(&b, "agents");
	json_t *totals = json_object_get(b.side, "totals");
	assert_int_equal(bench_counter(totals, "received"), 12000);
	bench_teardown(&b);
}

static void a_consumer_lost_for_good_does_not_hold_up_the_end(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->consumer_lost_at_ns = 5 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	bench_assert_reason(&b, "missing");
	/* 12 s of load and 5 s of silence, not the whole drain limit. */
	assert_in_range(fake_elapsed_ns(b.fake), 16 * FAKE_S, 19 * FAKE_S);
	bench_teardown(&b);
}

static void lost_messages_are_waited_for_as_long_as_the_drain_limit_and_then_counted(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "drainTimeout: 20s\n");
	b.fake->lose = 3;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	bench_assert_reason(&b, "missing");
	assert_non_null(strstr(b.summary, "3 missing"));
	assert_in_range(fake_elapsed_ns(b.fake), 32 * FAKE_S, 33 * FAKE_S);
	bench_teardown(&b);
}

/* In the middle of an hour of building a backlog, say. */
static void a_verb_that_fails_late_keeps_what_was_measured(void **state)
{
	static const struct {
		enum worker_verb verb;
		uint64_t after_ns;
		const char *more;
	} cases[] = {
		{ WORKER_SNAPSHOT, 6 * FAKE_S, "" },
		{ WORKER_SNAPSHOT, 12 * FAKE_S, "" }, /* the one that ends the window */
		{ WORKER_PAUSE_CONSUMERS, 0, "consumerBacklogSizeGB: 0.001\n" },
		{ WORKER_RESUME_CONSUMERS, 0, "consumerBacklogSizeGB: 0.001\n" },
		{ WORKER_SET_WINDOW, 3 * FAKE_S, "consumerBacklogSizeGB: 0.001\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;
		char *workload = xasprintf("%s%s", FIXED, cases[i].more);
		char *want = xasprintf("%s: planted", worker_verb_name(cases[i].verb));

		bench_setup(&b, workload);
		b.fake->fail_verb = (int)cases[i].verb;
		b.fake->fail_after_ns = cases[i].after_ns;
		bench_go(&b);
		assert_int_equal(b.outcome, RUN_FAILED);
		assert_int_equal(run_exit_code(&b.report, &b.err), 1);
		assert_string_equal(b.err.text, want);
		assert_true(bench_ends_with(text_str(&b.report.result_path), ".json.partial"));
		assert_string_equal(json_string_value(bench_member(&b, "run", "failure")), want);
		assert_non_null(strstr(bench_reason(&b, "failure"), want));
		assert_int_equal(b.files, 2);
		json_t *totals = json_object_get(b.side, "totals");
		assert_true(bench_counter(totals, "acknowledged") >= 2000);
		assert_int_equal(bench_counter(totals, "sent"),
		                 bench_counter(totals, "acknowledged"));
		assert_int_equal(b.fake->verbs[WORKER_FINISH], 1);
		bench_assert_cleaned_up(&b);
		free(workload);
		free(want);
		bench_teardown(&b);
	}
}

static void a_failed_deletion_spoils_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->fail_verb = WORKER_DELETE_TOPICS;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	bench_assert_reason(&b, "leftBehind");
	bench_teardown(&b);
}

static void two_agents_that_hang_at_the_end_do_not_cost_the_others_their_counts(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->lose = 1; /* the drain is not complete */
	b.fake->producer_hangs = b.fake->consumer_hangs = true;
	b.fake->slow_verb = WORKER_FINISH; /* as long as two rounds of closing may take */
	b.fake->slow_ns = 55 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "acknowledged"), 12000);
	assert_string_equal(bench_reason(&b, "agents"),
	                    "1 producer agent and 1 consumer agent were lost for good: producer "
	                    "agent 0: it did not answer");
	bench_teardown(&b);
}

/* No more than a moment after all limits; and not a word of an assertion. */
static void a_worker_that_breaks_its_word_ends_the_run_with_what_is_known(void **state)
{
	static const enum worker_verb verbs[] = { WORKER_FINISH, WORKER_SNAPSHOT, WORKER_EVENTS,
		                                  WORKER_DELETE_TOPICS };

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct bench b;

		bench_setup(&b, FIXED);
		b.fake->slow_verb = (int)verbs[i];
		b.fake->is_deaf = true;
		bench_go(&b);
		assert_true(fake_elapsed_ns(b.fake) < 300 * FAKE_S);
		/* These come before the window. */
		bool measured = verbs[i] != WORKER_SNAPSHOT && verbs[i] != WORKER_EVENTS;
		assert_int_equal(b.side != NULL, measured);
		if (measured)
			assert_in_range(
				bench_counter(json_object_get(b.side, "totals"), "acknowledged"),
				11000, 12000);
		bench_teardown(&b);
	}
}

/* Ctrl-Z and fg, in the middle of a verb and of the measurement. */
static void a_coordinator_that_was_stopped_for_an_hour_goes_on(void **state)
{
	static const struct {
		int slow_verb;
		uint64_t at_ns;
		json_int_t sent;
	} cases[] = {
		{ WORKER_CREATE_TOPICS, FAKE_S, 12000 },
		{ WORKER_START_LOAD, 6 * FAKE_S, 0 }, /* the window is over when it wakes up */
		{ -1, 8 * FAKE_S, 12000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		bench_setup(&b, FIXED);
		b.fake->slow_verb = cases[i].slow_verb;
		b.fake->slow_ns = 10 * FAKE_S;
		b.fake->stopped_at_ns = cases[i].at_ns;
		b.fake->stopped_ns = 3600 * FAKE_S;
		bench_go(&b);
		assert_non_null(b.side);
		json_t *totals = json_object_get(b.side, "totals");
		assert_int_equal(bench_counter(totals, "sent"), cases[i].sent);
		assert_int_equal(bench_counter(totals, "received"), cases[i].sent);
		assert_in_range(fake_elapsed_ns(b.fake), 3600 * FAKE_S, 3640 * FAKE_S);
		bench_assert_cleaned_up(&b);
		bench_teardown(&b);
	}
}

static void agents_lost_when_everything_had_arrived_are_a_note(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->producer_hangs = b.fake->consumer_hangs = true;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_string_equal(json_string_value(bench_member(&b, "verdict", "verdict")), "VALID");
	assert_string_equal(
		bench_reason(&b, "agents"),
		"2 agents ended early, but after everything had arrived: producer agent "
		"0: it did not answer");
	bench_teardown(&b);
}

static void an_agent_that_is_slow_to_close_is_not_lost(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->producer_is_slow = true;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	bench_assert_reason(&b, "slowToClose");
	assert_null(bench_reason(&b, "agents"));
	bench_teardown(&b);
}

static void a_second_signal_hastens_the_close_and_keeps_the_totals(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->slow_verb = WORKER_FINISH;
	b.fake->slow_ns = 18 * FAKE_S;
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	b.fake->signal_at_ns[1] = 9 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	/* Cancelled by STOP_ALL, and asked again of agents that have ended. */
	assert_int_equal(b.fake->verbs[WORKER_FINISH], 2);
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "acknowledged"),
	                 bench_counter(json_object_get(b.side, "totals"), "sent"));
	assert_true(json_array_size(bench_member(&b, "producers", "rows")) == 1);
	bench_teardown(&b);
}

static void the_drain_waits_as_long_as_a_group_may_stand_still(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "drainTimeout: 5s\n");
	b.fake->standstill_ms = 45000;
	b.fake->consumer_lost_at_ns = 11 * FAKE_S;
	b.fake->consumer_back_at_ns = 56 * FAKE_S;
	b.fake->consume_per_s = 2000;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_string_equal(json_string_value(bench_member(&b, "verdict", "verdict")), "SUSPECT");
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "received"), 12000);
	assert_non_null(strstr(bench_reason(&b, "drain"), "its group may stand still for 45 s"));
	assert_in_range(fake_elapsed_ns(b.fake), 56 * FAKE_S, 60 * FAKE_S);
	bench_teardown(&b);
}

static void the_drain_waits_for_what_a_dead_consumer_had(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "drainTimeout: 5s\n");
	b.fake->redelivery_ms = 30000;
	b.fake->consumer_lost_at_ns = 11 * FAKE_S;
	b.fake->consumer_back_at_ns = 41 * FAKE_S;
	b.fake->consume_per_s = 2000;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "received"), 12000);
	assert_non_null(
		strstr(bench_reason(&b, "drain"), "what it had may be kept from others for 30 s"));
	assert_in_range(fake_elapsed_ns(b.fake), 41 * FAKE_S, 45 * FAKE_S);
	bench_teardown(&b);
}

static void a_group_that_never_moves_again_is_not_waited_for_without_end(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "drainTimeout: 5s\n");
	b.fake->standstill_ms = 45000;
	b.fake->consumer_lost_at_ns = 11 * FAKE_S;
	b.fake->consumer_back_at_ns = 10000 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	bench_assert_reason(&b, "missing");
	/* 45 s and the margin from its death on, and drainTimeout. */
	assert_in_range(fake_elapsed_ns(b.fake), 65 * FAKE_S, 73 * FAKE_S);
	bench_teardown(&b);
}

static void a_backlog_is_built_and_drained_and_timed(void **state)
{
	struct bench b;

	(void)state;
	/* 0.001 GiB are 10737 messages of 100 bytes: 11 s of 1000/s. */
	bench_setup(&b, FIXED "consumerBacklogSizeGB: 0.001\n");
	b.fake->consume_per_s = 3000;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	json_t *backlog = json_object_get(b.side, "backlog");
	assert_true(json_is_true(json_object_get(backlog, "built")));
	assert_true(json_is_true(json_object_get(backlog, "drained")));
	assert_in_range(bench_counter(backlog, "buildNs"), 10 * FAKE_S, 12 * FAKE_S);
	assert_in_range(bench_counter(backlog, "drainNs"), 4 * FAKE_S, 6 * FAKE_S);
	assert_in_range(bench_counter(backlog, "leftMessages"), 0, 1000);
	/* The test time comes after the drain, as in OMB. */
	uint64_t window = b.fake->window.end_ns - b.fake->window.start_ns;
	assert_in_range(window, 24 * FAKE_S, 28 * FAKE_S);
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "received"),
	                 bench_counter(json_object_get(b.side, "totals"), "acknowledged"));
	bench_teardown(&b);
}

static void a_backlog_that_provably_grows_is_not_waited_for(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "consumerBacklogSizeGB: 0.001\ndrainTimeout: 5s\n");
	b.fake->consume_per_s = 900;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_string_equal(bench_reason(&b, "backlog"),
	                    "the consumers cannot catch up: in 30 s the backlog grew by 100 msg/s, "
	                    "for 900 msg/s were received and 1000 msg/s came in");
	/* 2 s of warm-up, 11 s of building, 30 s of proof and 5 s of drain. */
	assert_in_range(fake_elapsed_ns(b.fake), 46 * FAKE_S, 51 * FAKE_S);
	json_t *backlog = json_object_get(b.side, "backlog");
	assert_true(json_is_true(json_object_get(backlog, "built")));
	assert_true(json_is_false(json_object_get(backlog, "drained")));
	assert_true(json_is_true(json_object_get(backlog, "grew")));
	bench_teardown(&b);
}

static void a_backlog_that_shrinks_too_slowly_has_a_limit_of_its_own(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "consumerBacklogSizeGB: 0.001\nbacklogDrainTimeout: 70s\n");
	b.fake->consume_per_s = 1010;
	bench_go(&b);
	assert_non_null(strstr(bench_reason(&b, "backlog"), "backlogDrainTimeout"));
	assert_in_range(fake_elapsed_ns(b.fake), 83 * FAKE_S, 120 * FAKE_S);
	bench_teardown(&b);
}

static void a_backlog_that_does_not_build_up_has_a_limit_of_its_own(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "consumerBacklogSizeGB: 0.001\nbacklogBuildTimeout: 4s\n");
	bench_go(&b);
	assert_non_null(strstr(bench_reason(&b, "backlog"), "backlogBuildTimeout"));
	assert_in_range(bench_counter(json_object_get(b.side, "backlog"), "buildNs"), 4 * FAKE_S,
	                6 * FAKE_S);
	bench_teardown(&b);
}

/* A rate of next to nothing must not overflow the limits. */
static void a_backlog_that_would_take_centuries_can_be_interrupted(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0.001\nwarmupDuration: 0s\n"
	                     "testDuration: 10s\nconsumerBacklogSizeGB: 1000000\n");
	b.fake->signal_at_ns[0] = 3000 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_true(fake_elapsed_ns(b.fake) >= 3000 * FAKE_S);
	json_t *backlog = json_object_get(b.side, "backlog");
	assert_true(json_is_false(json_object_get(backlog, "built")));
	/* Its consumers were let loose again. */
	assert_int_equal(b.fake->verbs[WORKER_RESUME_CONSUMERS], 1);
	json_t *totals = json_object_get(b.side, "totals");
	assert_int_equal(bench_counter(totals, "received"), bench_counter(totals, "acknowledged"));
	assert_null(bench_reason(&b, "backlog"));
	bench_teardown(&b);
}

/* Where the first of these verbs stands in what the worker was asked; fails if it was not. */
static size_t first_of(const struct fake_worker *f, enum worker_verb verb)
{
	size_t at = 0;

	while (at < f->log_len && f->log[at] != verb)
		at++;
	assert_true(at < f->log_len);
	return at;
}

static size_t last_of(const struct fake_worker *f, enum worker_verb verb)
{
	size_t at = f->log_len;

	while (at > 0 && f->log[at - 1] != verb)
		at--;
	assert_true(at > 0);
	return at - 1;
}

/* OMB's own worker has none: stop-all forgets the run, and groups with members cannot be deleted. */
static void a_worker_without_finish_ends_by_its_last_snapshot_and_stop_all(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "drainTimeout: 5s\n");
	b.fake->lacks_verb = WORKER_FINISH;
	b.fake->swallow = 3;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	json_t *totals = json_object_get(b.side, "totals");
	assert_int_equal(bench_counter(totals, "sent"), 12000);
	assert_int_equal(bench_counter(totals, "acknowledged"), 11997);
	assert_int_equal(bench_counter(totals, "unacknowledged"), 3);
	assert_int_equal(bench_counter(totals, "received"), 11997);
	bench_assert_reason(&b, "failed"); /* the three are not passed over in silence */
	assert_string_equal(bench_reason(&b, "workerLacks"),
	                    "the worker does not have: finish; so the final counts are those of "
	                    "its last snapshot, and what was under way then counts as unanswered");
	assert_null(strstr(b.progress, "final totals are missing"));
	size_t stopped = first_of(b.fake, WORKER_STOP_ALL);
	assert_true(last_of(b.fake, WORKER_SNAPSHOT) < stopped);
	assert_true(stopped < first_of(b.fake, WORKER_DELETE_TOPICS));
	bench_teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_producer_lost_for_good_is_invalid_and_ends_the_load),
		cmocka_unit_test(a_quiet_run_says_why_its_result_is_invalid),
		cmocka_unit_test(producers_lost_before_the_window_are_a_failure_that_says_why),
		cmocka_unit_test(a_producer_lost_before_the_load_fails_at_once_and_says_why),
		cmocka_unit_test(a_consumer_restarted_with_success_is_suspect),
		cmocka_unit_test(a_consumer_lost_for_good_does_not_hold_up_the_end),
		cmocka_unit_test(
			lost_messages_are_waited_for_as_long_as_the_drain_limit_and_then_counted),
		cmocka_unit_test(a_verb_that_fails_late_keeps_what_was_measured),
		cmocka_unit_test(a_failed_deletion_spoils_nothing),
		cmocka_unit_test(a_worker_without_finish_ends_by_its_last_snapshot_and_stop_all),
		cmocka_unit_test(
			two_agents_that_hang_at_the_end_do_not_cost_the_others_their_counts),
		cmocka_unit_test(a_worker_that_breaks_its_word_ends_the_run_with_what_is_known),
		cmocka_unit_test(a_coordinator_that_was_stopped_for_an_hour_goes_on),
		cmocka_unit_test(agents_lost_when_everything_had_arrived_are_a_note),
		cmocka_unit_test(an_agent_that_is_slow_to_close_is_not_lost),
		cmocka_unit_test(a_second_signal_hastens_the_close_and_keeps_the_totals),
		cmocka_unit_test(the_drain_waits_as_long_as_a_group_may_stand_still),
		cmocka_unit_test(the_drain_waits_for_what_a_dead_consumer_had),
		cmocka_unit_test(a_group_that_never_moves_again_is_not_waited_for_without_end),
		cmocka_unit_test(a_backlog_is_built_and_drained_and_timed),
		cmocka_unit_test(a_backlog_that_provably_grows_is_not_waited_for),
		cmocka_unit_test(a_backlog_that_shrinks_too_slowly_has_a_limit_of_its_own),
		cmocka_unit_test(a_backlog_that_does_not_build_up_has_a_limit_of_its_own),
		cmocka_unit_test(a_backlog_that_would_take_centuries_can_be_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
