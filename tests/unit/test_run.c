/* SPDX-License-Identifier: Apache-2.0 */
#include "run/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/driver_file.h"
#include "config/workload.h"
#include "fake_worker.h"
#include "plan/plan.h"
#include "util/arena.h"
#include "util/file.h"
#include "util/secret.h"
#include "util/xalloc.h"

/* One run against the fake worker, and what came of it. */
struct bench {
	struct fake_worker *fake;
	struct arena arena;
	struct workload workload;
	struct driver_file driver;
	struct plan plan;
	char folder[64];
	struct run_report report;
	struct error err;
	enum run_outcome outcome;
	json_t *side, *omb; /* the files; NULL = not written */
	bool quiet;
	char *summary, *progress;
	size_t summary_len, progress_len;
	unsigned files; /* in the folder afterwards */
};

/* 1,000 messages/s to 2 topics of 4 partitions, 1 subscription each. */
#define BASE                                                                                  \
	"name: simulated\ntopics: 2\npartitionsPerTopic: 4\nmessageSize: 100\n"               \
	"useRandomizedPayloads: true\nrandomBytesRatio: 0.5\nrandomizedPayloadPoolSize: 10\n" \
	"consumerPerSubscription: 1\nproducersPerTopic: 1\nsamplePeriod: 2s\n"

#define FIXED                                                                                   \
	BASE "subscriptionsPerTopic: 1\nproducerRate: 1000\nwarmupDuration: 2s\ntestDuration: " \
	     "10s\n"

static void load_files(struct bench *b, const char *workload)
{
	static const struct config_mode mode = { 0 };
	static const char driver[] = "driver: kafka\nname: Simulated\n";
	struct error_list errors = { 0 }, warnings = { 0 };
	struct config_source source = { "/nowhere/w.yaml", workload, strlen(workload) };

	bool ok = workload_parse(&source, &mode, &b->arena, &b->workload, &errors, &warnings);
	if (!ok)
		fail_msg("%s", errors.items[0].text);
	b->driver = (struct driver_file){ .path = "d.yaml", .mode = &mode, .arena = &b->arena };
	ok = driver_file_parse(driver, strlen(driver), &b->driver, &errors, &warnings);
	if (!ok)
		fail_msg("%s", errors.items[0].text);
	error_list_fini(&warnings);

	const struct plan_host host = { .cpus = 2, .run = 7 };
	assert_true(plan_make(&b->plan, &b->workload, &host, &b->arena, &b->err));
}

static void setup(struct bench *b, const char *workload)
{
	*b = (struct bench){ .folder = "/tmp/omb-test-run-XXXXXX" };
	assert_non_null(mkdtemp(b->folder));
	assert_int_equal(setenv("XDG_STATE_HOME", b->folder, 1), 0);
	load_files(b, workload);
	b->fake = xcalloc(1, sizeof(*b->fake));
	fake_worker_init(b->fake, b->plan.subscriptions);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static json_t *load_json(const struct text *path)
{
	return path->len ? json_load_file(path->data, 0, NULL) : NULL;
}

static void count_files(struct bench *b)
{
	DIR *dir = opendir(b->folder);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		b->files += entry->d_type == DT_REG;
	(void)closedir(dir);
}

static void go(struct bench *b)
{
	struct run_platform platform = fake_platform(b->fake);
	FILE *progress = open_memstream(&b->progress, &b->progress_len);
	FILE *summary = open_memstream(&b->summary, &b->summary_len);
	const struct run_options options = {
		.workload = &b->workload,
		.driver = &b->driver,
		.plan = &b->plan,
		.worker = &b->fake->base,
		.run_id = "01lg22la7e2p",
		.run = 7,
		.workload_path = "w.yaml",
		.driver_path = "d.yaml",
		.output = b->folder,
		.command_line = "omb run --set sasl.password=hunter2",
		.console = { .progress = progress, .summary = summary, .quiet = b->quiet },
		.platform = &platform,
	};

	b->outcome = run_one(&options, &b->report, &b->err);
	(void)fclose(progress);
	(void)fclose(summary);
	b->side = load_json(&b->report.side_path);
	b->omb = load_json(&b->report.result_path);
	count_files(b);
}

static void teardown(struct bench *b)
{
	char *command = xasprintf("rm -rf '%s'", b->folder);

	assert_int_equal(system(command), 0);
	free(command);
	json_decref(b->side);
	json_decref(b->omb);
	free(b->summary);
	free(b->progress);
	run_report_fini(&b->report);
	fake_worker_fini(b->fake);
	free(b->fake);
	arena_fini(&b->arena);
}

static json_int_t counter_of(json_t *counters, const char *name)
{
	return json_integer_value(json_object_get(counters, name));
}

static json_t *member(const struct bench *b, const char *outer, const char *inner)
{
	return json_object_get(json_object_get(b->side, outer), inner);
}

/* Clients were closed before their groups were deleted. */
static void assert_closed_before_deleted(const struct bench *b)
{
	bool closed = false;

	for (size_t i = 0; i < b->fake->log_len; i++) {
		enum worker_verb verb = b->fake->log[i];
		closed |= verb == WORKER_FINISH || verb == WORKER_STOP_ALL;
		if (verb == WORKER_DELETE_TOPICS)
			assert_true(closed);
	}
}

static void assert_cleaned_up(const struct bench *b)
{
	assert_closed_before_deleted(b);
	assert_int_equal(b->fake->topics_deleted, 2);
	assert_true(b->fake->verbs[WORKER_STOP_ALL] > 0);
	assert_int_equal(b->fake->log[b->fake->log_len - 1], WORKER_STOP_ALL);
}

static void assert_reason(const struct bench *b, const char *name)
{
	json_t *reasons = member(b, "verdict", "reasons");
	json_t *reason;
	size_t i;

	json_array_foreach(reasons, i, reason)
	{
		if (strcmp(json_string_value(json_object_get(reason, "name")), name) == 0)
			return;
	}
	fail_msg("no reason \"%s\"", name);
}

static void a_healthy_run_measures_exactly_what_was_due_in_its_window(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_int_equal(run_exit_code(&b.report, &b.err), 0);
	assert_int_equal(b.fake->window.end_ns - b.fake->window.start_ns, 10 * FAKE_S);
	assert_int_equal(b.fake->window.start_ns - b.fake->gate_ns, 2 * FAKE_S);
	assert_int_equal(b.fake->window.load_end_ns, b.fake->window.end_ns);

	json_t *publish = member(&b, "latencies", "publish");
	assert_int_equal(counter_of(publish, "count"), 10000);
	assert_int_equal(counter_of(json_object_get(b.side, "totals"), "sent"), 12000);
	assert_int_equal(counter_of(json_object_get(b.side, "totals"), "received"), 12000);
	assert_string_equal(json_string_value(member(&b, "verdict", "verdict")), "VALID");
	assert_non_null(strstr(b.summary, "12,000 sent, 12,000 acknowledged, 12,000 received (1 "
	                                  "subscription): nothing lost"));
	assert_cleaned_up(&b);
	teardown(&b);
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
	static const enum worker_verb last[] = { WORKER_FINISH, WORKER_EVENTS, WORKER_DELETE_TOPICS,
		                                 WORKER_STOP_ALL };
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	go(&b);
	assert_memory_equal(b.fake->log, want, sizeof(want));
	assert_memory_equal(b.fake->log + b.fake->log_len - 4, last, sizeof(last));
	assert_int_equal(b.fake->groups_deleted, 2);
	teardown(&b);
}

static void intervals_add_up_to_the_totals(void **state)
{
	struct bench b;
	json_int_t sum = 0;
	json_t *period = NULL;
	size_t i;

	(void)state;
	setup(&b, FIXED);
	b.fake->consume_per_s = 1500;
	go(&b);

	json_t *periods = json_object_get(b.side, "periods");
	assert_int_equal(json_array_size(periods), 6); /* five of the window and the drain */
	json_array_foreach(periods, i, period) sum +=
		counter_of(json_object_get(period, "counters"), "received");
	assert_string_equal(json_string_value(json_object_get(period, "kind")), "drain");
	/* Everything but what was received in the 2 s of warm-up. */
	json_t *seconds = member(&b, "seconds", "received");
	json_int_t before = json_integer_value(json_array_get(seconds, 1));
	assert_in_range(12000 - sum, before, before + 100);
	assert_int_equal(json_array_size(json_object_get(b.omb, "publishRate")), 5);
	assert_int_equal(json_object_size(b.omb), 62);
	teardown(&b);
}

static void the_journal_is_gone_when_there_is_a_result(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	go(&b);
	assert_int_equal(b.files, 2);
	assert_true(ends_with(text_str(&b.report.result_path), ".json"));
	assert_true(ends_with(text_str(&b.report.side_path), ".omb"));
	assert_non_null(strstr(text_str(&b.report.result_path), "/w-Simulated-2023-11-1"));
	teardown(&b);
}

static void secrets_do_not_reach_the_result(void **state)
{
	struct bench b;
	struct error err;
	size_t len;

	(void)state;
	secret_learn("sasl.password", "hunter2");
	setup(&b, FIXED);
	go(&b);
	char *text = file_read(text_str(&b.report.side_path), 1 << 24, &len, &err);
	assert_non_null(text);
	assert_null(strstr(text, "hunter2"));
	assert_non_null(strstr(text, "sasl.password"));
	free(text);
	teardown(&b);
}

static void kept_topics_are_not_deleted(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED "keepTopics: true\n");
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_int_equal(b.fake->verbs[WORKER_DELETE_TOPICS], 0);
	teardown(&b);
}

static void a_producer_only_run_has_nothing_to_wait_for(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, BASE "subscriptionsPerTopic: 0\nproducerRate: 1000\nwarmupDuration: 0s\n"
	               "testDuration: 3s\n");
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	/* Without a warm-up the first message of all is the first of the window. */
	assert_int_equal(counter_of(member(&b, "latencies", "publish"), "count"), 3000);
	assert_int_equal(counter_of(json_object_get(b.side, "totals"), "sent"), 3000);
	teardown(&b);
}

static void subscriptions_that_are_not_ready_in_time_are_named(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->ready_after_ns = FAKE_NEVER;
	go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_int_equal(b.err.kind, ERROR_TIMEOUT);
	assert_string_equal(b.err.text, "1 of 2 subscriptions were not ready within 60 s: "
	                                "topic-1/group (3 of 4 partitions, no probe seen)");
	assert_in_range(fake_elapsed_ns(b.fake), 60 * FAKE_S, 62 * FAKE_S);
	assert_int_equal(b.fake->verbs[WORKER_START_LOAD], 0);
	assert_int_equal(b.files, 0);
	assert_cleaned_up(&b);
	teardown(&b);
}

static void probes_are_repeated_fast_and_then_slowly(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->ready_after_ns = 5 * FAKE_S + FAKE_S / 2;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	/* 21 in the first 2 s, then every second until 6 s have passed. */
	assert_in_range(b.fake->verbs[WORKER_PROBE_PRODUCERS], 23, 26);
	teardown(&b);
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

		setup(&b, FIXED);
		b.fake->fail_verb = (int)verbs[i];
		go(&b);
		assert_int_equal(b.outcome, RUN_FAILED);
		assert_string_equal(b.err.text, want);
		assert_int_equal(run_exit_code(&b.report, &b.err), 1);
		assert_int_equal(b.files, 0);
		assert_cleaned_up(&b);
		free(want);
		teardown(&b);
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

		setup(&b, FIXED);
		b.fake->signal_on_verb = cases[i].on_verb;
		b.fake->signal_at_ns[0] = cases[i].at_ns;
		go(&b);
		assert_int_equal(b.outcome, RUN_INTERRUPTED);
		assert_int_equal(run_exit_code(&b.report, &b.err), 130);
		assert_true(b.report.stop_wanted);
		assert_int_equal(b.omb != NULL, cases[i].result);
		assert_int_equal(b.files, cases[i].result ? 2 : 0);
		assert_cleaned_up(&b);
		teardown(&b);
	}
}

static void an_interrupted_measurement_drains_and_is_marked_partial(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->consume_per_s = 800; /* some backlog to drain */
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_true(ends_with(text_str(&b.report.result_path), ".json.partial"));
	json_t *totals = json_object_get(b.side, "totals");
	assert_int_equal(counter_of(totals, "received"), counter_of(totals, "acknowledged"));
	assert_in_range(fake_elapsed_ns(b.fake), 8 * FAKE_S, 10 * FAKE_S);
	teardown(&b);
}

static void a_second_signal_skips_the_drain(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->consume_per_s = 100;
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	b.fake->signal_at_ns[1] = 8 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_in_range(fake_elapsed_ns(b.fake), 8 * FAKE_S, 8 * FAKE_S + 500 * FAKE_MS);
	assert_cleaned_up(&b);
	teardown(&b);
}

static void a_third_signal_leaves_the_topics(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->consume_per_s = 100;
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	b.fake->signal_at_ns[1] = b.fake->signal_at_ns[2] = 8 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_int_equal(b.fake->topics_deleted, 0);
	teardown(&b);
}

static void a_verb_that_takes_long_is_cancelled_by_a_signal(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->slow_verb = WORKER_CREATE_TOPICS;
	b.fake->slow_ns = 50 * FAKE_S;
	b.fake->signal_at_ns[0] = 3 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_in_range(fake_elapsed_ns(b.fake), 3 * FAKE_S, 3 * FAKE_S + 500 * FAKE_MS);
	assert_cleaned_up(&b); /* named before they were created */
	teardown(&b);
}

static void a_signal_during_the_deletion_comes_too_late_to_spoil_the_result(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->signal_on_verb = WORKER_DELETE_TOPICS;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_true(b.report.stop_wanted);
	teardown(&b);
}

static void a_producer_lost_for_good_is_invalid_and_ends_the_load(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->producer_lost_at_ns = 5 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_int_equal(run_exit_code(&b.report, &b.err), 3);
	assert_true(ends_with(text_str(&b.report.result_path), ".json.invalid"));
	assert_reason(&b, "agents");
	assert_reason(&b, "rate");
	assert_true(fake_elapsed_ns(b.fake) < 13 * FAKE_S);
	assert_cleaned_up(&b);
	teardown(&b);
}

static void a_quiet_run_says_why_its_result_is_invalid(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.quiet = true;
	b.fake->producer_lost_at_ns = 5 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_null(strstr(b.summary, "INVALID"));
	assert_non_null(strstr(b.progress, "INVALID: agents: 1 producer agent was lost for good"));
	teardown(&b);
}

static void producers_lost_before_the_window_are_a_failure_that_says_why(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->producer_lost_at_ns = 1 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_non_null(strstr(b.err.text, "killed by signal 9"));
	assert_cleaned_up(&b);
	teardown(&b);
}

static void a_producer_lost_before_the_load_fails_at_once_and_says_why(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->ready_after_ns = FAKE_NEVER;
	b.fake->producer_lost_at_ns = 5 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_FAILED);
	assert_string_equal(b.err.text,
	                    "producer agent 0 was lost before the load: killed by signal 9");
	assert_in_range(fake_elapsed_ns(b.fake), 5 * FAKE_S, 8 * FAKE_S);
	assert_cleaned_up(&b);
	teardown(&b);
}

static void a_consumer_restarted_with_success_is_suspect(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->consumer_lost_at_ns = 5 * FAKE_S;
	b.fake->consumer_back_at_ns = 7 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_string_equal(json_string_value(member(&b, "verdict", "verdict")), "SUSPECT");
	assert_reason(&b, "agents");
	json_t *totals = json_object_get(b.side, "totals");
	assert_int_equal(counter_of(totals, "received"), 12000);
	teardown(&b);
}

static void a_consumer_lost_for_good_does_not_hold_up_the_end(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->consumer_lost_at_ns = 5 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_reason(&b, "missing");
	/* 12 s of load and 5 s of silence, not the whole drain limit. */
	assert_in_range(fake_elapsed_ns(b.fake), 16 * FAKE_S, 19 * FAKE_S);
	teardown(&b);
}

static void lost_messages_are_waited_for_as_long_as_the_drain_limit_and_then_counted(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED "drainTimeout: 20s\n");
	b.fake->lose = 3;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_reason(&b, "missing");
	assert_non_null(strstr(b.summary, "3 missing"));
	assert_in_range(fake_elapsed_ns(b.fake), 32 * FAKE_S, 33 * FAKE_S);
	teardown(&b);
}

static void a_broker_that_is_too_slow_leaves_messages_unsent(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->capacity_per_s = 500;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_reason(&b, "rate");
	assert_in_range(counter_of(json_object_get(b.side, "totals"), "unsent"), 5990, 6010);
	teardown(&b);
}

/* The coordinator is off its CPU now and then: rates are what was counted, by the time in which it was. */
static void rates_are_right_however_late_the_samples(void **state)
{
	(void)state;
	for (uint64_t late_ms = 0; late_ms <= 700; late_ms += 100) {
		struct bench b;

		setup(&b, FIXED);
		if (late_ms > 0) {
			/* From 0.9 s before the window on: its first sample comes late. */
			b.fake->stopped_at_ns = 1500 * FAKE_MS;
			b.fake->stopped_ns = 500 * FAKE_MS + late_ms * FAKE_MS;
		}
		go(&b);
		double rate = json_real_value(member(&b, "window", "publishRate"));
		if (fabs(rate - 1000) > 2)
			fail_msg("%d ms late: %.2f/s", (int)late_ms, rate);
		const json_t *rates = json_object_get(b.omb, "publishRate");
		for (size_t i = 0; i < json_array_size(rates); i++)
			assert_true(fabs(json_real_value(json_array_get(rates, i)) - 1000) < 2);
		teardown(&b);
	}
}

static void the_search_finds_a_planted_capacity(void **state)
{
	static const double capacities[] = { 3000, 47000, 200000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bench b;

		setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\n"
		               "testDuration: 4s\n");
		b.fake->capacity_per_s = capacities[i];
		go(&b);
		double found = json_real_value(member(&b, "load", "askedPerS"));
		assert_true(found > 0.95 * capacities[i] && found <= capacities[i]);
		assert_true(json_is_true(member(&b, "load", "searchConverged")));
		assert_int_equal(b.outcome, RUN_GOOD);
		assert_true(fake_elapsed_ns(b.fake) < 120 * FAKE_S);
		teardown(&b);
	}
}

static void without_a_confirmed_rate_nothing_is_measured(void **state)
{
	static const double capacities[] = { 0.01, 0.5 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct bench b;

		setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\n"
		               "testDuration: 4s\n");
		b.fake->capacity_per_s = capacities[i];
		go(&b);
		assert_int_equal(b.outcome, RUN_FAILED);
		assert_int_equal(run_exit_code(&b.report, &b.err), 1);
		assert_non_null(strstr(b.err.text, "nothing was measured"));
		assert_non_null(strstr(b.err.text, " asked, ")); /* what was tried */
		assert_null(b.omb);
		assert_int_equal(b.files, 0);
		assert_int_equal(b.fake->topics_deleted, 2);
		assert_true(fake_elapsed_ns(b.fake) < 400 * FAKE_S);
		teardown(&b);
	}
}

static void a_broker_of_3_messages_a_second_is_measured_at_no_more(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\n"
	               "testDuration: 60s\n");
	b.fake->capacity_per_s = 3;
	go(&b);
	double found = json_real_value(member(&b, "load", "askedPerS"));
	assert_true(found > 2.5 && found <= 3.1);
	assert_true(json_array_size(member(&b, "load", "searchReadings")) > 0);
	teardown(&b);
}

/* The window waits until the lower rate is confirmed. */
static void a_rate_that_does_not_hold_in_the_warm_up_is_not_measured(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 60s\n"
	               "testDuration: 10s\n");
	b.fake->capacity_per_s = 50000;
	b.fake->weaker_at_ns = 60 * FAKE_S;
	b.fake->weaker_per_s = 30000;
	go(&b);
	double found = json_real_value(member(&b, "load", "askedPerS"));
	assert_true(found > 25000 && found <= 30000);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_int_equal(b.fake->window.end_ns - b.fake->window.start_ns, 10 * FAKE_S);
	assert_true(b.fake->window.start_ns > b.fake->start_ns + 120 * FAKE_S);

	assert_non_null(strstr(b.summary, "carried")); /* by rates that were refused */
	teardown(&b);
}

static void rate_max_has_no_corrected_latencies_and_says_why(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: max\nwarmupDuration: 1s\n"
	               "testDuration: 3s\n");
	b.fake->capacity_per_s = 5000;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_true(json_is_false(
		json_object_get(member(&b, "latencies", "correctedPublish"), "meaningful")));
	assert_true(
		json_is_true(json_object_get(member(&b, "latencies", "publish"), "meaningful")));
	assert_non_null(strstr(b.summary, "without a schedule nothing is due"));
	assert_non_null(strstr(b.summary, "in flight: at most"));
	teardown(&b);
}

static const char *reason_text(const struct bench *b, const char *name)
{
	json_t *reason;
	size_t i;

	json_array_foreach(member(b, "verdict", "reasons"), i, reason)
	{
		if (strcmp(json_string_value(json_object_get(reason, "name")), name) == 0)
			return json_string_value(json_object_get(reason, "text"));
	}
	return NULL;
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

		setup(&b, workload);
		b.fake->fail_verb = (int)cases[i].verb;
		b.fake->fail_after_ns = cases[i].after_ns;
		go(&b);
		assert_int_equal(b.outcome, RUN_FAILED);
		assert_int_equal(run_exit_code(&b.report, &b.err), 1);
		assert_string_equal(b.err.text, want);
		assert_true(ends_with(text_str(&b.report.result_path), ".json.partial"));
		assert_string_equal(json_string_value(member(&b, "run", "failure")), want);
		assert_non_null(strstr(reason_text(&b, "failure"), want));
		assert_int_equal(b.files, 2);
		json_t *totals = json_object_get(b.side, "totals");
		assert_true(counter_of(totals, "acknowledged") >= 2000);
		assert_int_equal(counter_of(totals, "sent"), counter_of(totals, "acknowledged"));
		assert_int_equal(b.fake->verbs[WORKER_FINISH], 1);
		assert_cleaned_up(&b);
		free(workload);
		free(want);
		teardown(&b);
	}
}

static void a_failed_deletion_spoils_nothing(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->fail_verb = WORKER_DELETE_TOPICS;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_reason(&b, "leftBehind");
	teardown(&b);
}

static void two_agents_that_hang_at_the_end_do_not_cost_the_others_their_counts(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->lose = 1; /* the drain is not complete */
	b.fake->producer_hangs = b.fake->consumer_hangs = true;
	b.fake->slow_verb = WORKER_FINISH; /* as long as two rounds of closing may take */
	b.fake->slow_ns = 55 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_int_equal(counter_of(json_object_get(b.side, "totals"), "acknowledged"), 12000);
	assert_string_equal(reason_text(&b, "agents"),
	                    "1 producer agent and 1 consumer agent were lost for good: producer "
	                    "agent 0: it did not answer");
	teardown(&b);
}

/* No more than a moment after all limits; and not a word of an assertion. */
static void a_worker_that_breaks_its_word_ends_the_run_with_what_is_known(void **state)
{
	static const enum worker_verb verbs[] = { WORKER_FINISH, WORKER_SNAPSHOT, WORKER_EVENTS,
		                                  WORKER_DELETE_TOPICS };

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		struct bench b;

		setup(&b, FIXED);
		b.fake->slow_verb = (int)verbs[i];
		b.fake->is_deaf = true;
		go(&b);
		assert_true(fake_elapsed_ns(b.fake) < 300 * FAKE_S);
		/* These come before the window. */
		bool measured = verbs[i] != WORKER_SNAPSHOT && verbs[i] != WORKER_EVENTS;
		assert_int_equal(b.side != NULL, measured);
		if (measured)
			assert_in_range(
				counter_of(json_object_get(b.side, "totals"), "acknowledged"),
				11000, 12000);
		teardown(&b);
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

		setup(&b, FIXED);
		b.fake->slow_verb = cases[i].slow_verb;
		b.fake->slow_ns = 10 * FAKE_S;
		b.fake->stopped_at_ns = cases[i].at_ns;
		b.fake->stopped_ns = 3600 * FAKE_S;
		go(&b);
		assert_non_null(b.side);
		json_t *totals = json_object_get(b.side, "totals");
		assert_int_equal(counter_of(totals, "sent"), cases[i].sent);
		assert_int_equal(counter_of(totals, "received"), cases[i].sent);
		assert_in_range(fake_elapsed_ns(b.fake), 3600 * FAKE_S, 3640 * FAKE_S);
		assert_cleaned_up(&b);
		teardown(&b);
	}
}

static void agents_lost_when_everything_had_arrived_are_a_note(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->producer_hangs = b.fake->consumer_hangs = true;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_string_equal(json_string_value(member(&b, "verdict", "verdict")), "VALID");
	assert_string_equal(
		reason_text(&b, "agents"),
		"2 agents ended early, but after everything had arrived: producer agent "
		"0: it did not answer");
	teardown(&b);
}

static void an_agent_that_is_slow_to_close_is_not_lost(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->producer_is_slow = true;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_reason(&b, "slowToClose");
	assert_null(reason_text(&b, "agents"));
	teardown(&b);
}

static void a_second_signal_hastens_the_close_and_keeps_the_totals(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED);
	b.fake->slow_verb = WORKER_FINISH;
	b.fake->slow_ns = 18 * FAKE_S;
	b.fake->signal_at_ns[0] = 7 * FAKE_S;
	b.fake->signal_at_ns[1] = 9 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	/* Cancelled by STOP_ALL, and asked again of agents that have ended. */
	assert_int_equal(b.fake->verbs[WORKER_FINISH], 2);
	assert_int_equal(counter_of(json_object_get(b.side, "totals"), "acknowledged"),
	                 counter_of(json_object_get(b.side, "totals"), "sent"));
	assert_true(json_array_size(member(&b, "producers", "rows")) == 1);
	teardown(&b);
}

static void the_drain_waits_as_long_as_a_group_may_stand_still(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED "drainTimeout: 5s\n");
	b.fake->standstill_ms = 45000;
	b.fake->consumer_lost_at_ns = 11 * FAKE_S;
	b.fake->consumer_back_at_ns = 56 * FAKE_S;
	b.fake->consume_per_s = 2000;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	assert_string_equal(json_string_value(member(&b, "verdict", "verdict")), "SUSPECT");
	assert_int_equal(counter_of(json_object_get(b.side, "totals"), "received"), 12000);
	assert_non_null(strstr(reason_text(&b, "drain"), "its group may stand still for 45 s"));
	assert_in_range(fake_elapsed_ns(b.fake), 56 * FAKE_S, 60 * FAKE_S);
	teardown(&b);
}

static void a_group_that_never_moves_again_is_not_waited_for_without_end(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED "drainTimeout: 5s\n");
	b.fake->standstill_ms = 45000;
	b.fake->consumer_lost_at_ns = 11 * FAKE_S;
	b.fake->consumer_back_at_ns = 10000 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_reason(&b, "missing");
	/* 45 s and the margin from its death on, and drainTimeout. */
	assert_in_range(fake_elapsed_ns(b.fake), 65 * FAKE_S, 73 * FAKE_S);
	teardown(&b);
}

static void a_backlog_is_built_and_drained_and_timed(void **state)
{
	struct bench b;

	(void)state;
	/* 0.001 GiB are 10737 messages of 100 bytes: 11 s of 1000/s. */
	setup(&b, FIXED "consumerBacklogSizeGB: 0.001\n");
	b.fake->consume_per_s = 3000;
	go(&b);
	assert_int_equal(b.outcome, RUN_GOOD);
	json_t *backlog = json_object_get(b.side, "backlog");
	assert_true(json_is_true(json_object_get(backlog, "built")));
	assert_true(json_is_true(json_object_get(backlog, "drained")));
	assert_in_range(counter_of(backlog, "buildNs"), 10 * FAKE_S, 12 * FAKE_S);
	assert_in_range(counter_of(backlog, "drainNs"), 4 * FAKE_S, 6 * FAKE_S);
	assert_in_range(counter_of(backlog, "leftMessages"), 0, 1000);
	/* The test time comes after the drain, as in OMB. */
	uint64_t window = b.fake->window.end_ns - b.fake->window.start_ns;
	assert_in_range(window, 24 * FAKE_S, 28 * FAKE_S);
	assert_int_equal(counter_of(json_object_get(b.side, "totals"), "received"),
	                 counter_of(json_object_get(b.side, "totals"), "acknowledged"));
	teardown(&b);
}

static void a_backlog_that_provably_grows_is_not_waited_for(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED "consumerBacklogSizeGB: 0.001\ndrainTimeout: 5s\n");
	b.fake->consume_per_s = 900;
	go(&b);
	assert_int_equal(b.outcome, RUN_INVALID);
	assert_string_equal(reason_text(&b, "backlog"),
	                    "the consumers cannot catch up: in 30 s the backlog grew by 100 msg/s, "
	                    "for 900 msg/s were received and 1000 msg/s came in");
	/* 2 s of warm-up, 11 s of building, 30 s of proof and 5 s of drain. */
	assert_in_range(fake_elapsed_ns(b.fake), 46 * FAKE_S, 51 * FAKE_S);
	json_t *backlog = json_object_get(b.side, "backlog");
	assert_true(json_is_true(json_object_get(backlog, "built")));
	assert_true(json_is_false(json_object_get(backlog, "drained")));
	assert_true(json_is_true(json_object_get(backlog, "grew")));
	teardown(&b);
}

static void a_backlog_that_shrinks_too_slowly_has_a_limit_of_its_own(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED "consumerBacklogSizeGB: 0.001\nbacklogDrainTimeout: 70s\n");
	b.fake->consume_per_s = 1010;
	go(&b);
	assert_non_null(strstr(reason_text(&b, "backlog"), "backlogDrainTimeout"));
	assert_in_range(fake_elapsed_ns(b.fake), 83 * FAKE_S, 120 * FAKE_S);
	teardown(&b);
}

static void a_backlog_that_does_not_build_up_has_a_limit_of_its_own(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, FIXED "consumerBacklogSizeGB: 0.001\nbacklogBuildTimeout: 4s\n");
	go(&b);
	assert_non_null(strstr(reason_text(&b, "backlog"), "backlogBuildTimeout"));
	assert_in_range(counter_of(json_object_get(b.side, "backlog"), "buildNs"), 4 * FAKE_S,
	                6 * FAKE_S);
	teardown(&b);
}

/* A rate of next to nothing must not overflow the limits. */
static void a_backlog_that_would_take_centuries_can_be_interrupted(void **state)
{
	struct bench b;

	(void)state;
	setup(&b, BASE "subscriptionsPerTopic: 1\nproducerRate: 0.001\nwarmupDuration: 0s\n"
	               "testDuration: 10s\nconsumerBacklogSizeGB: 1000000\n");
	b.fake->signal_at_ns[0] = 3000 * FAKE_S;
	go(&b);
	assert_int_equal(b.outcome, RUN_INTERRUPTED);
	assert_true(fake_elapsed_ns(b.fake) >= 3000 * FAKE_S);
	json_t *backlog = json_object_get(b.side, "backlog");
	assert_true(json_is_false(json_object_get(backlog, "built")));
	/* Its consumers were let loose again. */
	assert_int_equal(b.fake->verbs[WORKER_RESUME_CONSUMERS], 1);
	json_t *totals = json_object_get(b.side, "totals");
	assert_int_equal(counter_of(totals, "received"), counter_of(totals, "acknowledged"));
	assert_null(reason_text(&b, "backlog"));
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_run_measures_exactly_what_was_due_in_its_window),
		cmocka_unit_test(verbs_come_in_their_order_and_the_window_before_the_load),
		cmocka_unit_test(intervals_add_up_to_the_totals),
		cmocka_unit_test(the_journal_is_gone_when_there_is_a_result),
		cmocka_unit_test(secrets_do_not_reach_the_result),
		cmocka_unit_test(kept_topics_are_not_deleted),
		cmocka_unit_test(a_producer_only_run_has_nothing_to_wait_for),
		cmocka_unit_test(subscriptions_that_are_not_ready_in_time_are_named),
		cmocka_unit_test(probes_are_repeated_fast_and_then_slowly),
		cmocka_unit_test(a_verb_that_fails_ends_the_run_and_leaves_nothing_behind),
		cmocka_unit_test(a_signal_ends_the_run_in_every_phase),
		cmocka_unit_test(an_interrupted_measurement_drains_and_is_marked_partial),
		cmocka_unit_test(a_second_signal_skips_the_drain),
		cmocka_unit_test(a_third_signal_leaves_the_topics),
		cmocka_unit_test(a_verb_that_takes_long_is_cancelled_by_a_signal),
		cmocka_unit_test(a_signal_during_the_deletion_comes_too_late_to_spoil_the_result),
		cmocka_unit_test(a_producer_lost_for_good_is_invalid_and_ends_the_load),
		cmocka_unit_test(a_quiet_run_says_why_its_result_is_invalid),
		cmocka_unit_test(producers_lost_before_the_window_are_a_failure_that_says_why),
		cmocka_unit_test(a_producer_lost_before_the_load_fails_at_once_and_says_why),
		cmocka_unit_test(a_consumer_restarted_with_success_is_suspect),
		cmocka_unit_test(a_consumer_lost_for_good_does_not_hold_up_the_end),
		cmocka_unit_test(
			lost_messages_are_waited_for_as_long_as_the_drain_limit_and_then_counted),
		cmocka_unit_test(a_broker_that_is_too_slow_leaves_messages_unsent),
		cmocka_unit_test(rates_are_right_however_late_the_samples),
		cmocka_unit_test(the_search_finds_a_planted_capacity),
		cmocka_unit_test(without_a_confirmed_rate_nothing_is_measured),
		cmocka_unit_test(a_broker_of_3_messages_a_second_is_measured_at_no_more),
		cmocka_unit_test(a_rate_that_does_not_hold_in_the_warm_up_is_not_measured),
		cmocka_unit_test(rate_max_has_no_corrected_latencies_and_says_why),
		cmocka_unit_test(a_verb_that_fails_late_keeps_what_was_measured),
		cmocka_unit_test(a_failed_deletion_spoils_nothing),
		cmocka_unit_test(
			two_agents_that_hang_at_the_end_do_not_cost_the_others_their_counts),
		cmocka_unit_test(a_worker_that_breaks_its_word_ends_the_run_with_what_is_known),
		cmocka_unit_test(a_coordinator_that_was_stopped_for_an_hour_goes_on),
		cmocka_unit_test(agents_lost_when_everything_had_arrived_are_a_note),
		cmocka_unit_test(an_agent_that_is_slow_to_close_is_not_lost),
		cmocka_unit_test(a_second_signal_hastens_the_close_and_keeps_the_totals),
		cmocka_unit_test(the_drain_waits_as_long_as_a_group_may_stand_still),
		cmocka_unit_test(a_group_that_never_moves_again_is_not_waited_for_without_end),
		cmocka_unit_test(a_backlog_is_built_and_drained_and_timed),
		cmocka_unit_test(a_backlog_that_provably_grows_is_not_waited_for),
		cmocka_unit_test(a_backlog_that_shrinks_too_slowly_has_a_limit_of_its_own),
		cmocka_unit_test(a_backlog_that_does_not_build_up_has_a_limit_of_its_own),
		cmocka_unit_test(a_backlog_that_would_take_centuries_can_be_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
