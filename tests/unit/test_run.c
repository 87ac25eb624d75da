/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "run_bench.h"
#include "util/file.h"
#include "util/secret.h"
#include "util/xalloc.h"

static void a_healthy_run_measures_exactly_what_was_due_in_its_window(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_int_equal(run_exit_code(&b.report, &b.err), 0);
	assert_int_equal(b.fake->window.end_ns - b.fake->window.start_ns, 10 * FAKE_S);
	assert_int_equal(b.fake->window.start_ns - b.fake->gate_ns, 2 * FAKE_S);
	assert_int_equal(b.fake->window.load_end_ns, b.fake->window.end_ns);

	json_t *publish = bench_member(&b, "latencies", "publish");
	assert_int_equal(bench_counter(publish, "count"), 10000);
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "sent"), 12000);
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "received"), 12000);
	assert_string_equal(json_string_value(bench_member(&b, "verdict", "verdict")), "VALID");
	assert_non_null(strstr(b.summary, "12,000 sent, 12,000 acknowledged, 12,000 received"));
	assert_non_null(strstr(b.summary, "as many received as"));
	bench_assert_cleaned_up(&b);
	bench_teardown(&b);
}

static void verbs_come_in_their_order_and_the_window_before_the_load(void **state)
{
	static const enum worker_verb want[] = {
		WORKER_INITIALIZE_DRIVER,
		WORKER_CREATE_TOPICS,
		WORKER_CREATE_CONSUMERS,
		WORKER_CREATE_PRODUCERS,
		WORKER_PROBE_PRODUCERS,
		WORKER_READINESS,
		WORKER_EVENTS,
		WORKER_SET_WINDOW,
		WORKER_START_LOAD,
	};
	static const enum worker_verb last[] = { WORKER_FINISH, WORKER_EVENTS, WORKER_TOPIC_ENDS,
		                                 WORKER_DELETE_TOPICS, WORKER_STOP_ALL };
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	bench_go(&b);
	assert_memory_equal(b.fake->log, want, sizeof(want));
	assert_memory_equal(b.fake->log + b.fake->log_len - 5, last, sizeof(last));
	assert_int_equal(b.fake->groups_deleted, 2);
	bench_teardown(&b);
}

/* The 12,000 were all acknowledged in the first topic. */
static void topics_that_somebody_deleted_make_the_result_invalid(void **state)
{
	static const struct {
		uint64_t ends[2];
		const char *said;
		uint32_t partitions[2]; /* 0: not known */
	} cases[] = {
		{ { 12000, 0 }, NULL, { 0 } },
		{ { WORKER_NO_TOPIC, 0 }, "is not there any more", { 0 } },
		/* Nobody knows whether it is another one, or has lost its end. */
		{ { 11999, 0 }, "messages are gone from a topic of this run: topic", { 0 } },
		{ { 11999, 0 },
		  "took 11999 messages, but 12000 were acknowledged in it: its end is gone, or it "
		  "was made anew",
		  { 0 } },
		{ { 10, WORKER_NO_TOPIC }, "somebody deleted 2 topics", { 0 } },
		{ { 12000, 0 }, NULL, { 4, 0 } },
		{ { 12000, 0 }, "1 partitions and not", { 4, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		bench_setup(&b, FIXED);
		b.fake->topic_ends = cases[i].ends;
		b.fake->topic_partitions = cases[i].partitions;
		bench_go(&b);
		assert_int_equal(b.outcome, cases[i].said ? RUN_INVALID : RUN_GOOD);
		if (cases[i].said) {
			char *verdict = json_dumps(json_object_get(b.side, "verdict"), 0);
			assert_non_null(strstr(verdict, cases[i].said));
			free(verdict);
		}
		bench_teardown(&b);
	}
}

/* It was asked to, and does not say that it did. */
static void a_worker_that_does_not_compare_contents_is_told_of(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "verifyPayload: true\n");
	bench_go(&b);
	char *verdict = json_dumps(json_object_get(b.side, "verdict"), 0);
	assert_non_null(strstr(verdict, "contents were to be compared (verifyPayload), and the "
	                                "worker did not"));
	free(verdict);
	assert_false(
		json_is_true(json_object_get(json_object_get(b.side, "load"), "payloadsVerified")));
	bench_teardown(&b);
}

static void intervals_add_up_to_the_totals(void **state)
{
	struct bench b;
	json_int_t sum = 0;
	json_t *period = NULL;
	size_t i;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->consume_per_s = 1500;
	bench_go(&b);

	json_t *periods = json_object_get(b.side, "periods");
	assert_int_equal(json_array_size(periods), 6); /* five of the window and the drain */
	json_array_foreach(periods, i, period) sum +=
		bench_counter(json_object_get(period, "counters"), "received");
	assert_string_equal(json_string_value(json_object_get(period, "kind")), "drain");
	/* Everything but what was received in the 2 s of warm-up. */
	json_t *seconds = bench_member(&b, "seconds", "received");
	json_int_t before = json_integer_value(json_array_get(seconds, 1));
	assert_in_range(12000 - sum, before, before + 100);
	assert_int_equal(json_array_size(json_object_get(b.omb, "publishRate")), 5);
	assert_int_equal(json_object_size(b.omb), 62);
	bench_teardown(&b);
}

static void the_journal_is_gone_when_there_is_a_result(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	bench_go(&b);
	assert_int_equal(b.files, 2);
	assert_true(bench_ends_with(text_str(&b.report.result_path), ".json"));
	assert_true(bench_ends_with(text_str(&b.report.side_path), ".omb"));
	assert_non_null(strstr(text_str(&b.report.result_path), "/w-Simulated-2023-11-1"));
	bench_teardown(&b);
}

static void a_run_without_files_leaves_its_figures_alone(void **state)
{
	struct bench with, without;

	(void)state;
	bench_setup(&with, FIXED);
	bench_go(&with);
	bench_setup(&without, FIXED);
	without.without_files = true;
	bench_go(&without);
	assert_int_equal(without.outcome, RUN_GOOD);
	assert_int_equal(without.err.kind, ERROR_NONE);
	assert_int_equal(without.files, 0);
	assert_int_equal(without.report.result_path.len + without.report.side_path.len, 0);
	assert_true(without.report.figures.publish_per_s > 0);
	assert_memory_equal(&without.report.figures, &with.report.figures,
	                    sizeof(with.report.figures));
	assert_non_null(strstr(without.summary, "sent"));
	bench_teardown(&without);
	bench_teardown(&with);
}

static void secrets_do_not_reach_the_result(void **state)
{
	struct bench b;
	struct error err;
	size_t len;

	(void)state;
	secret_learn("sasl.password", "hunter2");
	bench_setup(&b, FIXED);
	bench_go(&b);
	char *text = file_read(text_str(&b.report.side_path), 1 << 24, &len, &err);
	assert_non_null(text);
	assert_null(strstr(text, "hunter2"));
	assert_non_null(strstr(text, "sasl.password"));
	free(text);
	bench_teardown(&b);
}

static void kept_topics_are_not_deleted(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED "keepTopics: true\n");
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_int_equal(b.fake->verbs[WORKER_DELETE_TOPICS], 0);
	bench_teardown(&b);
}

static void a_producer_only_run_has_nothing_to_wait_for(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, BASE "subscriptionsPerTopic: 0\nproducerRate: 1000\nwarmupDuration: 0s\n"
	                     "testDuration: 3s\n");
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	/* Without a warm-up the first message of all is the first of the window. */
	assert_int_equal(bench_counter(bench_member(&b, "latencies", "publish"), "count"), 3000);
	assert_int_equal(bench_counter(json_object_get(b.side, "totals"), "sent"), 3000);
	bench_teardown(&b);
}

static void subscriptions_that_are_not_ready_in_time_are_named(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->ready_after_ns = FAKE_NEVER;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_int_equal(b.err.kind, ERROR_TIMEOUT);
	assert_string_equal(b.err.text, "1 of 2 subscriptions were not ready within 60 s: "
	                                "topic-1/group (3 of 4 partitions, no probe seen)");
	assert_in_range(fake_elapsed_ns(b.fake), 60 * FAKE_S, 62 * FAKE_S);
	assert_int_equal(b.fake->verbs[WORKER_START_LOAD], 0);
	assert_int_equal(b.files, 0);
	bench_assert_cleaned_up(&b);
	bench_teardown(&b);
}

static void producers_that_do_not_connect_fail_the_run_before_its_load_and_are_named(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->has_silent_producer = true;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_int_equal(b.err.kind, ERROR_TIMEOUT);
	assert_non_null(strstr(b.err.text,
	                       "1 of 2 producers had no probe acknowledged within 60 s: "
	                       "producer 1 of topic-"));
	assert_int_equal(b.fake->verbs[WORKER_START_LOAD], 0);
	bench_assert_cleaned_up(&b);
	bench_teardown(&b);
}

static void probes_are_repeated_fast_and_then_slowly(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->ready_after_ns = 5 * FAKE_S + FAKE_S / 2;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	/* 21 in the first 2 s, then every second until 6 s have passed. */
	assert_in_range(b.fake->verbs[WORKER_PROBE_PRODUCERS], 23, 26);
	bench_teardown(&b);
}

static void a_verb_that_fails_ends_the_run_and_leaves_nothing_behind(void **state)
{
	static const enum worker_verb verbs[] = { WORKER_CREATE_TOPICS,    WORKER_CREATE_CONSUMERS,
		                                  WORKER_CREATE_PRODUCERS, WORKER_PROBE_PRODUCERS,
		                                  WORKER_READINESS,        WORKER_SET_WINDOW,
		                                  WORKER_START_LOAD,       WORKER_SNAPSHOT };

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct bench b;
		char *want = xasprintf("%s: planted", worker_verb_name(verbs[i]));

		bench_setup(&b, FIXED);
		b.fake->fail_verb = (int)verbs[i];
		bench_go(&b);
		assert_int_equal(b.outcome, RUN_FAILED);
		assert_string_equal(b.err.text, want);
		assert_int_equal(run_exit_code(&b.report, &b.err), 1);
		assert_int_equal(b.files, 0);
		bench_assert_cleaned_up(&b);
		free(want);
		bench_teardown(&b);
	}
}

static void a_signal_ends_the_run_in_every_phase(void **state)
{
	static const struct {
		int on_verb;
		uint64_t at_ns;
		bool result;
	} cases[] = {
		{ WORKER_CREATE_TOPICS, 0, false },
		{ WORKER_CREATE_CONSUMERS, 0, false },
		{ WORKER_CREATE_PRODUCERS, 0, false },
		{ WORKER_READINESS, 0, false },
		{ -1, FAKE_S, false },    /* warm-up */
		{ -1, 5 * FAKE_S, true }, /* measurement */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		bench_setup(&b, FIXED);
		b.fake->signal_on_verb = cases[i].on_verb;
		b.fake->signal_at_ns[0] = cases[i].at_ns;
		bench_go(&b);
		assert_int_equal(b.outcome, RUN_INTERRUPTED);
		assert_int_equal(run_exit_code(&b.report, &b.err), 130);
		assert_true(b.report.stop_wanted);
		assert_int_equal(b.omb != NULL, cases[i].result);
		assert_int_equal(b.files, cases[i].result ? 2 : 0);
		bench_assert_cleaned_up(&b);
		bench_teardown(&b);
	}
}

static void an_interrupted_measurement_drains_and_is_marked_partial(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->consume_per_s = 800; /* some backlog to drain */
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_true(bench_ends_with(text_str(&b.report.result_path), ".json.partial"));
	json_t *totals = json_object_get(b.side, "totals");
	assert_int_equal(bench_counter(totals, "received"), bench_counter(totals, "acknowledged"));
	assert_in_range(fake_elapsed_ns(b.fake), 8 * FAKE_S, 10 * FAKE_S);
	bench_teardown(&b);
}

static void a_second_signal_skips_the_drain(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->consume_per_s = 100;
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	b.fake->signal_at_ns[1] = 8 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_in_range(fake_elapsed_ns(b.fake), 8 * FAKE_S, 8 * FAKE_S + 500 * FAKE_MS);
	bench_assert_cleaned_up(&b);
	bench_teardown(&b);
}

static void a_third_signal_leaves_the_topics(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->consume_per_s = 100;
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	b.fake->signal_at_ns[1] = b.fake->signal_at_ns[2] = 8 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_int_equal(b.fake->topics_deleted, 0);
	assert_non_null(strstr(b.progress, "`omb cleanup` deletes them"));
	bench_teardown(&b);
}

static void a_third_signal_before_there_are_topics_advises_no_cleanup(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->signal_on_verb = WORKER_INITIALIZE_DRIVER;
	b.fake->signals_at_once = 3;
	bench_go(&b);
	assert_non_null(strstr(b.progress, "interrupted a third time"));
	assert_null(strstr(b.progress, "cleanup"));
	bench_teardown(&b);
}

static void a_verb_that_takes_long_is_cancelled_by_a_signal(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->slow_verb = WORKER_CREATE_TOPICS;
	b.fake->slow_ns = 50 * FAKE_S;
	b.fake->signal_at_ns[0] = 3 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_in_range(fake_elapsed_ns(b.fake), 3 * FAKE_S, 3 * FAKE_S + 500 * FAKE_MS);
	bench_assert_cleaned_up(&b); /* named before they were created */
	bench_teardown(&b);
}

static void a_signal_during_the_deletion_comes_too_late_to_spoil_the_result(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->signal_on_verb = WORKER_DELETE_TOPICS;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_true(b.report.stop_wanted);
	bench_teardown(&b);
}

static void a_broker_that_is_too_slow_leaves_messages_unsent(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->capacity_per_s = 500;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	bench_assert_reason(&b, "rate");
	assert_in_range(bench_counter(json_object_get(b.side, "totals"), "unsent"), 5990, 6010);
	bench_teardown(&b);
}

/* The coordinator is off its CPU now and then: rates are what was counted, by the time in which it was. */
static void rates_are_right_however_late_the_samples(void **state)
{
	(void)state;
	for (uint64_t late_ms = 0; late_ms <= 700; late_ms += 100) {
		struct bench b;

		bench_setup(&b, FIXED);
		b.fake->has_no_edges = true;
		if (late_ms > 0) {
			/* From 0.9 s before the window on: its first sample comes late. */
			b.fake->stopped_at_ns = 1500 * FAKE_MS;
			b.fake->stopped_ns = 500 * FAKE_MS + late_ms * FAKE_MS;
		}
		bench_go(&b);
		double rate = json_real_value(bench_member(&b, "window", "publishRate"));
		if (fabs(rate - 1000) > 2)
			fail_msg("%d ms late: %.2f/s", (int)late_ms, rate);
		const json_t *rates = json_object_get(b.omb, "publishRate");
		for (size_t i = 0; i < json_array_size(rates); i++)
			assert_true(fabs(json_real_value(json_array_get(rates, i)) - 1000) < 2);
		bench_teardown(&b);
	}
}

/* Whatever the samples were: they say what was counted when they were taken. */
static void rates_are_those_of_the_window_where_the_loops_counted_at_its_ends(void **state)
{
	static const struct {
		bool has_no_edges;
		double least, most;
		const char *by;
	} cases[] = {
		/* Nothing was sent in the 5 s in which nobody looked. */
		{ true, 600, 700, "samples" },
		{ false, 999.5, 1000.5, "edges" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bench b;

		bench_setup(&b, FIXED);
		b.fake->has_no_edges = cases[i].has_no_edges;
		b.fake->stopped_at_ns = 11 * FAKE_S; /* over the end of the window */
		b.fake->stopped_ns = 6 * FAKE_S;
		bench_go(&b);
		double rate = json_real_value(bench_member(&b, "window", "publishRate"));
		if (rate < cases[i].least || rate > cases[i].most)
			fail_msg("by %s: %.2f/s", cases[i].by, rate);
		assert_string_equal(json_string_value(bench_member(&b, "window", "ratesBy")),
		                    cases[i].by);
		const char *why = bench_reason(&b, "rates");
		assert_true((why != NULL) == cases[i].has_no_edges);
		if (why != NULL)
			assert_non_null(strstr(why, "the worker does not tell what was counted"));
		assert_true((bench_reason(&b, "sampling") != NULL) == cases[i].has_no_edges);
		/* CPU time is of the samples, and so is what it was spent on. */
		assert_int_equal(
			(int)json_real_value(bench_member(&b, "window", "producerCpuPerMessageNs")),
			1000);
		bench_teardown(&b);
	}
}

/* Lines off a terminal: latencies of the interval or none, but never 0. */
static void every_line_under_load_has_the_latencies_of_its_interval(void **state)
{
	struct bench b;
	unsigned lines = 0;

	(void)state;
	bench_setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 1000\nwarmupDuration: 7s\n"
	                     "testDuration: 5s\ndrainTimeout: 7s\n");
	b.fake->lose = 10; /* the drain takes as long as it may */
	bench_go(&b);
	char *rest = b.progress;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!strstr(line, "p50/p99"))
			continue;
		lines++;
		if (strstr(line, " 0s/0s"))
			fail_msg("%s", line);
	}
	assert_true(lines >= 8); /* every 2 s: warm-up, measurement, drain */
	bench_teardown(&b);
}

static void the_search_finds_a_planted_capacity(void **state)
{
	static const double capacities[] = { 3000, 47000, 200000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bench b;

		bench_setup(&b,
		            BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\n"
		                 "testDuration: 4s\n");
		b.fake->capacity_per_s = capacities[i];
		bench_go(&b);
		double found = json_real_value(bench_member(&b, "load", "askedPerS"));
		assert_true(found > 0.95 * capacities[i] && found <= capacities[i]);
		assert_true(json_is_true(bench_member(&b, "load", "searchConverged")));
		assert_int_equal(b.outcome, RUN_GOOD);
		assert_true(fake_elapsed_ns(b.fake) < 120 * FAKE_S);
		bench_teardown(&b);
	}
}

static void without_a_confirmed_rate_nothing_is_measured(void **state)
{
	static const double capacities[] = { 0.01, 0.5 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bench b;

		bench_setup(&b,
		            BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\n"
		                 "testDuration: 4s\n");
		b.fake->capacity_per_s = capacities[i];
		bench_go(&b);
		assert_int_equal(b.outcome, RUN_FAILED);
		assert_int_equal(run_exit_code(&b.report, &b.err), 1);
		assert_non_null(strstr(b.err.text, "nothing was measured"));
		assert_non_null(strstr(b.err.text, " asked, ")); /* what was tried */
		assert_null(b.omb);
		assert_int_equal(b.files, 0);
		assert_int_equal(b.fake->topics_deleted, 2);
		assert_true(fake_elapsed_ns(b.fake) < 400 * FAKE_S);
		bench_teardown(&b);
	}
}

/* Without its share every rate would fall short. */
static void a_producer_agent_that_is_lost_ends_the_search(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\n"
	                     "testDuration: 4s\n");
	b.fake->producer_lost_at_ns = 3 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_non_null(strstr(b.err.text, "lost"));
	assert_null(b.omb);
	assert_true(fake_elapsed_ns(b.fake) < 60 * FAKE_S);
	bench_teardown(&b);
}

static void a_broker_of_3_messages_a_second_is_measured_at_no_more(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\n"
	                     "testDuration: 60s\n");
	b.fake->capacity_per_s = 3;
	bench_go(&b);
	double found = json_real_value(bench_member(&b, "load", "askedPerS"));
	assert_true(found > 2.5 && found <= 3.1);
	assert_true(json_array_size(bench_member(&b, "load", "searchReadings")) > 0);
	bench_teardown(&b);
}

/* The window waits until the lower rate is confirmed. */
static void a_rate_that_does_not_hold_in_the_warm_up_is_not_measured(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 60s\n"
	                     "testDuration: 10s\n");
	b.fake->capacity_per_s = 50000;
	b.fake->weaker_at_ns = 60 * FAKE_S;
	b.fake->weaker_per_s = 30000;
	bench_go(&b);
	double found = json_real_value(bench_member(&b, "load", "askedPerS"));
	assert_true(found > 25000 && found <= 30000);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_int_equal(b.fake->window.end_ns - b.fake->window.start_ns, 10 * FAKE_S);
	assert_true(b.fake->window.start_ns > b.fake->start_ns + 120 * FAKE_S);

	assert_non_null(strstr(b.summary, "carried")); /* by rates that were refused */
	bench_teardown(&b);
}

static void rate_max_has_no_corrected_latencies_and_says_why(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: max\nwarmupDuration: 1s\n"
	                     "testDuration: 3s\n");
	b.fake->capacity_per_s = 5000;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_true(json_is_false(
		json_object_get(bench_member(&b, "latencies", "correctedPublish"), "meaningful")));
	assert_true(json_is_true(
		json_object_get(bench_member(&b, "latencies", "publish"), "meaningful")));
	assert_non_null(strstr(b.summary, "without a schedule nothing is due"));
	assert_non_null(strstr(b.summary, "in flight: at most"));
	bench_teardown(&b);
}

static void the_host_is_that_of_the_worker(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->steal_percent = 50;
	b.fake->throttled = 2;
	bench_go(&b);
	assert_string_equal(json_string_value(bench_member(&b, "host", "name")), "far-away");
	assert_true(json_real_value(bench_member(&b, "host", "cpuQuota")) == 1.5);
	assert_true(fabs(json_real_value(bench_member(&b, "window", "hostStealShare")) - 0.5) <
	            0.01);
	assert_true(fabs(json_real_value(bench_member(&b, "window", "hostCpuShare")) - 0.5) < 0.01);
	json_int_t throttled =
		json_integer_value(bench_member(&b, "window", "hostThrottledPeriods"));
	json_int_t sent = bench_counter(bench_member(&b, "window", "counters"), "sent");
	assert_int_equal(throttled, 2 * sent);
	bench_assert_reason(&b, "hostCpu");
	/* The program is the one that wrote the result. */
	assert_string_not_equal(json_string_value(bench_member(&b, "omb", "version")), "");
	bench_teardown(&b);
}

static json_int_t coordinator_wakeups(uint64_t stopped_ns)
{
	struct bench b;

	bench_setup(&b, FIXED);
	b.fake->stopped_at_ns = 6 * FAKE_S;
	b.fake->stopped_ns = stopped_ns;
	bench_go(&b);
	const json_t *late = bench_member(&b, "window", "coordinatorLate");
	json_int_t count = json_integer_value(json_object_get(late, "count"));
	bench_teardown(&b);
	return count;
}

/* Its seconds are all there, those that it missed too. */
static void a_stop_of_the_coordinator_counts_as_the_seconds_that_it_missed(void **state)
{
	(void)state;
	json_int_t usual = coordinator_wakeups(0);
	assert_in_range(usual, 10, 20);
	assert_in_range(coordinator_wakeups(5 * FAKE_S), usual - 1, usual + 1);
}

/* The latencies of the fluid are 1 ms. */
static void what_threads_and_sentinels_saw_reaches_the_result_and_its_verdict(void **state)
{
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED);
	b.fake->busiest_loop = 0.99;
	b.fake->library_cpu_ns = 12 * FAKE_S; /* warm-up and window are 12 s */
	b.fake->late_ns = 2 * FAKE_MS;
	b.fake->stopped_at_ns = 6 * FAKE_S;
	b.fake->stopped_ns = 3 * FAKE_S;
	bench_go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_string_equal(bench_reason(&b, "agentCpu"),
	                    "a loop of producer agent 0, beside others with 3 % each, used 99 % of "
	                    "a core: it may have been the limit");
	assert_string_equal(bench_reason(&b, "libraryCpu"),
	                    "a thread of the client library (rdk:broker1 in producer agent 0) used "
	                    "100 % of a core: it may have been the limit");
	assert_non_null(
		strstr(bench_reason(&b, "sentinel"), "producer agents woke up 2.0 ms late"));
	assert_non_null(strstr(b.summary, "omb itself woke up"));

	const json_t *late = bench_member(&b, "window", "coordinatorLate");
	assert_in_range(json_integer_value(json_object_get(late, "maxNs")), 2 * FAKE_S, 3 * FAKE_S);
	const json_t *agents = json_object_get(b.side, "agents");
	const json_t *producer = json_array_get(agents, 0), *consumer = json_array_get(agents, 1);
	late = json_object_get(producer, "late");
	assert_int_equal(json_integer_value(json_object_get(late, "count")), 1000);
	assert_in_range(json_integer_value(json_object_get(late, "p99Ns")), 2 * FAKE_MS,
	                2 * FAKE_MS + 2000);
	assert_true(json_is_null(json_object_get(consumer, "late"))); /* it does not tell */
	bench_teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_run_measures_exactly_what_was_due_in_its_window),
		cmocka_unit_test(verbs_come_in_their_order_and_the_window_before_the_load),
		cmocka_unit_test(topics_that_somebody_deleted_make_the_result_invalid),
		cmocka_unit_test(a_worker_that_does_not_compare_contents_is_told_of),
		cmocka_unit_test(intervals_add_up_to_the_totals),
		cmocka_unit_test(the_host_is_that_of_the_worker),
		cmocka_unit_test(a_stop_of_the_coordinator_counts_as_the_seconds_that_it_missed),
		cmocka_unit_test(what_threads_and_sentinels_saw_reaches_the_result_and_its_verdict),
		cmocka_unit_test(the_journal_is_gone_when_there_is_a_result),
		cmocka_unit_test(a_run_without_files_leaves_its_figures_alone),
		cmocka_unit_test(secrets_do_not_reach_the_result),
		cmocka_unit_test(kept_topics_are_not_deleted),
		cmocka_unit_test(a_producer_only_run_has_nothing_to_wait_for),
		cmocka_unit_test(subscriptions_that_are_not_ready_in_time_are_named),
		cmocka_unit_test(
			producers_that_do_not_connect_fail_the_run_before_its_load_and_are_named),
		cmocka_unit_test(probes_are_repeated_fast_and_then_slowly),
		cmocka_unit_test(a_verb_that_fails_ends_the_run_and_leaves_nothing_behind),
		cmocka_unit_test(a_signal_ends_the_run_in_every_phase),
		cmocka_unit_test(an_interrupted_measurement_drains_and_is_marked_partial),
		cmocka_unit_test(a_second_signal_skips_the_drain),
		cmocka_unit_test(a_third_signal_leaves_the_topics),
		cmocka_unit_test(a_third_signal_before_there_are_topics_advises_no_cleanup),
		cmocka_unit_test(a_verb_that_takes_long_is_cancelled_by_a_signal),
		cmocka_unit_test(a_signal_during_the_deletion_comes_too_late_to_spoil_the_result),
		cmocka_unit_test(a_broker_that_is_too_slow_leaves_messages_unsent),
		cmocka_unit_test(rates_are_right_however_late_the_samples),
		cmocka_unit_test(rates_are_those_of_the_window_where_the_loops_counted_at_its_ends),
		cmocka_unit_test(every_line_under_load_has_the_latencies_of_its_interval),
		cmocka_unit_test(the_search_finds_a_planted_capacity),
		cmocka_unit_test(without_a_confirmed_rate_nothing_is_measured),
		cmocka_unit_test(a_producer_agent_that_is_lost_ends_the_search),
		cmocka_unit_test(a_broker_of_3_messages_a_second_is_measured_at_no_more),
		cmocka_unit_test(a_rate_that_does_not_hold_in_the_warm_up_is_not_measured),
		cmocka_unit_test(rate_max_has_no_corrected_latencies_and_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
