/* SPDX-License-Identifier: Apache-2.0 */
#include "results/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

/* 60 s at 100,000/s with 30 s of warm-up, nothing wrong. */
static struct verdict_facts healthy(void)
{
	return (struct verdict_facts){
		.scheduled = true,
		.stamped = true,
		.window_ns = 60 * S,
		.asked_per_s = 100000,
		.window_acknowledged = 6000000,
		.published_per_s = 100000,
		.late = { { 150000, 600000 }, { 250000, 900000 }, { 400000, 1500000 } },
		.wake_interval_ns = 200000,
		.window_sent = 6000000,
		.producers = 4,
		.sent = 9000000,
		.acknowledged = 9000000,
		.received = 9000000,
		.subscriptions = 1,
		.half_acknowledged = 3000000,
		.agent_cpu_max = 0.3,
	};
}

static const struct verdict_reason *find(const struct verdict_result *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++) {
		if (strcmp(r->reasons[i].name, name) == 0)
			return &r->reasons[i];
	}
	return NULL;
}

static void expect(const struct verdict_facts *f, enum verdict verdict, const char *reason)
{
	struct verdict_result r;

	verdict_judge(f, &r);
	if (r.verdict != verdict)
		fail_msg("%s: %s, not %s", reason, verdict_name(r.verdict), verdict_name(verdict));
	if (!find(&r, reason))
		fail_msg("no reason \"%s\"", reason);
}

static void a_healthy_run_is_valid_and_needs_no_words(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	verdict_judge(&f, &r);
	assert_int_equal(r.verdict, VERDICT_VALID);
	assert_int_equal(r.count, 0);
}

/* One fact of a healthy run is changed. */
#define CASE(verdict, reason, ...)                  \
	do {                                        \
		struct verdict_facts f = healthy(); \
		__VA_ARGS__;                        \
		expect(&f, verdict, reason);        \
	} while (0)

static void each_fault_has_its_weight(void **state)
{
	(void)state;
	CASE(VERDICT_SUSPECT, "interrupted", f.interrupted = true);
	CASE(VERDICT_SUSPECT, "search", f.search_cut = true);
	CASE(VERDICT_VALID, "search", f.refused_least_per_s = 107e3; f.refused_most_per_s = 176e3);
	CASE(VERDICT_SUSPECT, "rate", f.window_acknowledged = 5993000);
	CASE(VERDICT_INVALID, "rate", f.window_acknowledged = 5690000);
	CASE(VERDICT_SUSPECT, "throughput", f.published_per_s = 98833);
	CASE(VERDICT_INVALID, "throughput", f.published_per_s = 10000);
	CASE(VERDICT_SUSPECT, "failed", f.failed = 1);
	CASE(VERDICT_SUSPECT, "failed", f.unacknowledged = 1);
	CASE(VERDICT_INVALID, "failed", f.failed = 50000; f.unacknowledged = 50000);
	CASE(VERDICT_INVALID, "missing", f.received -= 1);
	CASE(VERDICT_SUSPECT, "surplus", f.received += 1);
	CASE(VERDICT_INVALID, "topics", f.topics_gone = 1; f.topics_example = "x is gone");
	CASE(VERDICT_INVALID, "topics", f.topics_short = 2; f.topics_example = "x is short");
	CASE(VERDICT_VALID, "topics", f.topics_unknown = "timed out");
	CASE(VERDICT_INVALID, "corrupt", f.corrupt = 1);
	CASE(VERDICT_INVALID, "corrupt", f.spoiled = 1);
	CASE(VERDICT_SUSPECT, "contents", f.unverified = true);
	CASE(VERDICT_SUSPECT, "foreign", f.foreign = 1);
	CASE(VERDICT_SUSPECT, "foreign", f.unstamped = 1);
	CASE(VERDICT_SUSPECT, "accounting", f.stamped = false; f.received += 12);
	CASE(VERDICT_INVALID, "missing", f.stamped = false; f.received -= 1);
	CASE(VERDICT_INVALID, "agents", f.producers_lost = 1);
	CASE(VERDICT_INVALID, "agents", f.consumers_lost = 1);
	CASE(VERDICT_SUSPECT, "agents", f.agents_restarted = 1);
	CASE(VERDICT_SUSPECT, "clients", f.fatal_events = 1);
	CASE(VERDICT_VALID, "events", f.other_events = 1);
	CASE(VERDICT_SUSPECT, "idleConsumers", f.idle_consumers = 1);
	CASE(VERDICT_SUSPECT, "backlog", f.backlog_growth = 61000);
	CASE(VERDICT_SUSPECT, "backlog", f.backlog_not_built = true);
	CASE(VERDICT_SUSPECT, "backlog", f.backlog_not_drained = true);
	CASE(VERDICT_VALID, "brokerLocal", f.broker_is_local = true);
	CASE(VERDICT_VALID, "leftBehind", f.left_behind = true);
	CASE(VERDICT_VALID, "settings", f.settings = "a setting is not as the driver file says");
	CASE(VERDICT_INVALID, "samples", f.window_acknowledged = 0);
	CASE(VERDICT_SUSPECT, "samples", f.window_acknowledged = 60;
	     f.asked_per_s = f.published_per_s = 1);
}

static void the_reason_stands_beside_the_count(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.failed = 60;
	f.failure_cause = (struct verdict_cause){ "Message size too large", 60 };
	verdict_judge(&f, &r);
	assert_non_null(strstr(find(&r, "failed")->text, "\"Message size too large\" (60 times)"));

	/* Without an answer nothing failed: the connections say why. */
	f = healthy();
	f.unacknowledged = 60;
	f.other_events = 12;
	f.other_cause = (struct verdict_cause){ "Connection refused", 12 };
	verdict_judge(&f, &r);
	assert_non_null(strstr(find(&r, "failed")->text, "\"Connection refused\" (12 times)"));
	assert_non_null(strstr(find(&r, "events")->text, "\"Connection refused\" (12 times)"));
}

/* All that is known of a sample that was taken late is the most that was acknowledged before. */
static void a_late_sample_is_not_the_brokers(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result result;

	(void)state;
	f.published_per_s = f.asked_per_s / 2;
	f.counted_late_ns = f.window_ns;
	verdict_judge(&f, &result);
	assert_int_equal(result.verdict, VERDICT_SUSPECT);
	assert_int_equal(result.count, 1);
	assert_string_equal(result.reasons[0].name, "sampling");

	f.published_per_s = f.asked_per_s / 4; /* whatever the sample missed: too few */
	expect(&f, VERDICT_INVALID, "throughput");
}

static void what_is_within_its_bound_is_not_mentioned(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.window_acknowledged = 5995000; /* 99.92 % */
	f.published_per_s = 99000;       /* 99 % */
	f.backlog_growth = 60000;        /* 2 % of the half */
	verdict_judge(&f, &r);
	assert_int_equal(r.count, 0);
}

/* The verdict, and the weight that `name` has in it; -1 = it is not mentioned. */
static int weight_of(const struct verdict_facts *f, const char *name)
{
	struct verdict_result r;

	verdict_judge(f, &r);
	const struct verdict_reason *reason = find(&r, name);
	return reason == NULL ? -1 : (int)reason->weight;
}

#define UNMENTIONED (-1)

/* wakeInterval is 0.2 ms. */
static void lateness_is_judged_against_the_latencies_that_are_shown(void **state)
{
	static const struct {
		const char *what;
		enum verdict_point at;
		struct verdict_late late;
		int want;
	} cases[] = {
		{ "below both", VERDICT_P99, { 600000, 8 * MS }, UNMENTIONED },
		{ "at 1 ms", VERDICT_P99, { 1200000, 2 * MS }, UNMENTIONED },
		{ "above 1 ms", VERDICT_P99, { 1200001, 2 * MS }, VERDICT_SUSPECT },
		{ "at 25 %", VERDICT_P99, { 2200000, 8 * MS }, UNMENTIONED },
		{ "above 25 %", VERDICT_P99, { 2200008, 8 * MS }, VERDICT_SUSPECT },
		{ "much of little", VERDICT_P50, { 900000, 900000 }, UNMENTIONED },
		{ "little of much", VERDICT_P50, { 900 * MS, 4000 * MS }, UNMENTIONED },
		{ "within the wake interval", VERDICT_P50, { 200000, 200000 }, UNMENTIONED },
		{ "in the middle", VERDICT_P50, { 2 * MS, 4 * MS }, VERDICT_SUSPECT },
		{ "at p95", VERDICT_P95, { 2 * MS, 4 * MS }, VERDICT_SUSPECT },
		{ "nothing was measured", VERDICT_P99, { 2 * MS, 0 }, UNMENTIONED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict_facts f = healthy();

		f.late[cases[i].at] = cases[i].late;
		if (weight_of(&f, "publishDelay") != cases[i].want)
			fail_msg("%s: %d", cases[i].what, weight_of(&f, "publishDelay"));
	}
}

static void the_percentile_with_the_largest_share_is_told(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.late[VERDICT_P95] = (struct verdict_late){ 3200000, 4 * MS };
	f.late[VERDICT_P99] = (struct verdict_late){ 4200000, 8 * MS };
	verdict_judge(&f, &r);
	assert_non_null(strstr(find(&r, "publishDelay")->text, "at p95 messages were sent 3.2 ms"));
	assert_non_null(strstr(find(&r, "publishDelay")->text, "75 %"));
}

static void cpu_steal_and_throttling_weigh_only_beside_a_lateness(void **state)
{
	static const struct {
		const char *name;
		double agent_cpu_max, steal_share;
		uint64_t throttled;
		bool is_told;
	} cases[] = {
		{ "agentCpu", 0.94, 0, 0, false }, { "agentCpu", 0.95, 0, 0, false },
		{ "agentCpu", 0.96, 0, 0, true },  { "hostCpu", 0, 0.009, 0, false },
		{ "hostCpu", 0, 0.01, 0, false },  { "hostCpu", 0, 0.011, 0, true },
		{ "hostCpu", 0, 0, 0, false },     { "hostCpu", 0, 0, 1, true },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = i / 2;
		bool late = i % 2 == 1;
		struct verdict_facts f = healthy();

		f.agent_cpu_max = cases[n].agent_cpu_max;
		f.steal_share = cases[n].steal_share;
		f.throttled = cases[n].throttled;
		if (late)
			f.late[VERDICT_P95] = (struct verdict_late){ 3 * MS, 4 * MS };
		int want = !cases[n].is_told ? UNMENTIONED : late ? VERDICT_SUSPECT : VERDICT_VALID;
		if (weight_of(&f, cases[n].name) != want)
			fail_msg("case %zu, late %d: %d", n, late, weight_of(&f, cases[n].name));
	}
}

/* 6,000,000 messages of 4 producers in 60 s: 1 % are 60,000, and 2.4 s. */
/* A sentinel that was late is a lateness that was seen, with a schedule or without. */
static void agents_that_wake_up_late_are_named_and_cpu_explains_it(void **state)
{
	static const struct {
		const char *what;
		uint64_t wakeups, late_ns, shown_ns;
		int want;
	} cases[] = {
		{ "at 1 ms", 1000, MS, 2 * MS, UNMENTIONED },
		{ "above 1 ms", 1000, MS + 1, 2 * MS, VERDICT_SUSPECT },
		{ "at 25 %", 1000, 2 * MS, 8 * MS, UNMENTIONED },
		{ "above 25 %", 1000, 2 * MS + 8, 8 * MS, VERDICT_SUSPECT },
		{ "of few", 999, 2 * MS, 2 * MS, UNMENTIONED },
		{ "nothing was measured", 1000, 2 * MS, 0, UNMENTIONED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int k = 0; k < VERDICT_SENTINELS * VERDICT_POINTS * 2; k++) {
			struct verdict_facts f = healthy();
			struct verdict_sentinel *s = &f.sentinels[k % VERDICT_SENTINELS];
			int at = k / VERDICT_SENTINELS % VERDICT_POINTS;

			f.scheduled = k < VERDICT_SENTINELS * VERDICT_POINTS;
			f.steal_share = 0.5;
			s->wakeups = cases[i].wakeups;
			s->late_ns[at] = cases[i].late_ns;
			s->shown_ns[at] = cases[i].shown_ns;
			if (weight_of(&f, "sentinel") != cases[i].want)
				fail_msg("%s, %d", cases[i].what, k);
			assert_int_equal(weight_of(&f, "hostCpu"), cases[i].want == UNMENTIONED
			                                                   ? VERDICT_VALID
			                                                   : VERDICT_SUSPECT);
		}
	}
}

static void a_coordinator_that_misses_seconds_is_a_note(void **state)
{
	struct verdict_facts f = healthy();

	(void)state;
	f.coordinator_late_ns = S;
	assert_int_equal(weight_of(&f, "sentinel"), UNMENTIONED);
	f.coordinator_late_ns = S + 1;
	assert_int_equal(weight_of(&f, "sentinel"), VERDICT_VALID);
	f.steal_share = 0.5; /* it is no lateness of the load */
	assert_int_equal(weight_of(&f, "hostCpu"), VERDICT_VALID);
}

static void the_thread_that_may_have_been_the_limit_is_named(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.late[VERDICT_P99] = (struct verdict_late){ 20 * MS, 30 * MS };
	f.agent_cpu_max = 0.99;
	f.busiest_loop = "a loop of producer agent 1, beside others with 3 % each,";
	f.library_cpu_max = 0.98;
	f.busiest_library = "rdk:broker1 in producer agent 0";
	verdict_judge(&f, &r);
	assert_int_equal(find(&r, "agentCpu")->weight, VERDICT_SUSPECT);
	assert_string_equal(find(&r, "agentCpu")->text,
	                    "a loop of producer agent 1, beside others with 3 % each, used 99 % of "
	                    "a core: it may have been the limit");
	assert_int_equal(find(&r, "libraryCpu")->weight, VERDICT_SUSPECT);
	assert_string_equal(
		find(&r, "libraryCpu")->text,
		"a thread of the client library (rdk:broker1 in producer agent 0) used 98 "
		"% of a core: it may have been the limit");

	f = healthy();
	f.library_cpu_max = 0.95;
	assert_int_equal(weight_of(&f, "libraryCpu"), UNMENTIONED);
	f.library_cpu_max = 0.96;
	assert_int_equal(weight_of(&f, "libraryCpu"), VERDICT_VALID);
	f.scheduled = false;
	assert_int_equal(weight_of(&f, "libraryCpu"), UNMENTIONED);
}

static void wake_ups_are_merged_by_role_and_stand_beside_the_latency_they_are_part_of(void **state)
{
	static const enum latency shown[2][VERDICT_SENTINELS] = {
		{ LATENCY_PUBLISH, LATENCY_E2E },
		{ LATENCY_CORRECTED_PUBLISH, LATENCY_CORRECTED_E2E },
	};
	struct hist_copy late[3] = { 0 }, latencies[LATENCY_COUNT] = { 0 };
	const struct fact_agent agents[] = {
		{ .role = AGENT_PRODUCER, .late = &late[0] },
		{ .role = AGENT_CONSUMER, .late = &late[1] },
		{ .role = AGENT_PRODUCER, .late = &late[2] },
		{ .role = AGENT_CONSUMER }, /* of a worker that does not tell */
	};

	(void)state;
	hist_copy_record(&late[0], 1000, 500);
	hist_copy_record(&late[1], 3000, 7);
	hist_copy_record(&late[2], 2000, 500);
	for (unsigned i = 0; i < LATENCY_COUNT; i++)
		hist_copy_record(&latencies[i], i + 1, 1);
	for (int scheduled = 0; scheduled < 2; scheduled++) {
		struct verdict_facts f = { .scheduled = scheduled != 0 };

		verdict_look_at_wakeups(agents, 4, latencies, &f);
		assert_int_equal(f.sentinels[VERDICT_PRODUCERS].wakeups, 1000);
		assert_in_range(f.sentinels[VERDICT_PRODUCERS].late_ns[VERDICT_P50], 1000, 1001);
		assert_in_range(f.sentinels[VERDICT_PRODUCERS].late_ns[VERDICT_P95], 2000, 2001);
		assert_int_equal(f.sentinels[VERDICT_CONSUMERS].wakeups, 7);
		for (int s = 0; s < VERDICT_SENTINELS; s++)
			assert_int_equal(f.sentinels[s].shown_ns[VERDICT_P99],
			                 shown[scheduled][s] + 1);
	}
	for (int i = 0; i < 3; i++)
		hist_copy_fini(&late[i]);
	for (unsigned i = 0; i < LATENCY_COUNT; i++)
		hist_copy_fini(&latencies[i]);
}

static void a_blocked_producer_is_judged_by_messages_and_by_time(void **state)
{
	static const struct {
		uint64_t blocked, blocked_ns;
		int want;
	} cases[] = {
		{ 59999, S, UNMENTIONED },         { 60000, 2400 * MS, UNMENTIONED },
		{ 60001, 0, VERDICT_SUSPECT },     { 1, 2399 * MS, UNMENTIONED },
		{ 1, 2401 * MS, VERDICT_SUSPECT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict_facts f = healthy();

		f.window_blocked = cases[i].blocked;
		f.window_blocked_ns = cases[i].blocked_ns;
		if (weight_of(&f, "queue") != cases[i].want)
			fail_msg("case %zu: %d", i, weight_of(&f, "queue"));
	}
}

static void the_shares_of_rate_and_throughput_have_two_bounds(void **state)
{
	static const struct {
		double share;
		int rate, throughput;
	} cases[] = {
		{ 1, UNMENTIONED, UNMENTIONED },
		{ 0.9991, UNMENTIONED, UNMENTIONED },
		{ 0.9989, VERDICT_SUSPECT, UNMENTIONED },
		{ 0.9901, VERDICT_SUSPECT, UNMENTIONED },
		{ 0.9899, VERDICT_SUSPECT, VERDICT_SUSPECT },
		{ 0.9501, VERDICT_SUSPECT, VERDICT_SUSPECT },
		{ 0.9499, VERDICT_INVALID, VERDICT_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict_facts f = healthy();

		f.window_acknowledged = (uint64_t)(6e6 * cases[i].share);
		f.published_per_s = 1e5 * cases[i].share;
		if (weight_of(&f, "rate") != cases[i].rate ||
		    weight_of(&f, "throughput") != cases[i].throughput)
			fail_msg("case %zu", i);
	}
}

static void what_a_histogram_cannot_hold_and_clocks_that_disagree_are_told(void **state)
{
	(void)state;
	CASE(VERDICT_SUSPECT, "negative", f.negative = 1);
	CASE(VERDICT_SUSPECT, "overflow", f.overflow = 1);
}

/* The smaller the latency, the more an error of the clocks is of it. */
static void clocks_that_are_not_known_well_enough_are_told(void **state)
{
	static const struct {
		struct fact_clocks clocks;
		int64_t p50_ns;   /* -1: nothing was received */
		const char *want; /* NULL: no reason at all */
		enum verdict verdict;
	} cases[] = {
		{ { 2, true, 250000, 0 }, 1000000, NULL, VERDICT_VALID },
		{ { 2, true, 250000, 1 }, 1000000, "clock", VERDICT_VALID },
		{ { 2, true, 250001, 0 }, 1000000, "clock", VERDICT_SUSPECT },
		{ { 2, false, 0, 0 }, 1000000, "clock", VERDICT_SUSPECT },
		/* One clock is never wrong, and without latencies nothing is. */
		{ { 1, false, 9000000, 9 }, 1000000, NULL, VERDICT_VALID },
		{ { 2, false, 0, 0 }, -1, NULL, VERDICT_VALID },
		/* All of them came before they were sent. */
		{ { 2, true, 250000, 0 }, 0, "clock", VERDICT_SUSPECT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict_facts f = healthy();
		struct verdict_result r;
		f.clocks = cases[i].clocks;
		f.has_e2e = cases[i].p50_ns >= 0;
		f.e2e_ns[VERDICT_P50] = f.has_e2e ? (uint64_t)cases[i].p50_ns : 0;
		verdict_judge(&f, &r);
		if (r.verdict != cases[i].verdict || r.count != (cases[i].want != NULL))
			fail_msg("case %zu", i);
		if (r.count > 0)
			assert_string_equal(r.reasons[0].name, cases[i].want);
	}
}

/* The members of the facts that come from histograms. */
static void the_facts_of_the_window_come_from_its_histograms_and_counters(void **state)
{
	struct hist_copy latencies[LATENCY_COUNT];
	struct verdict_facts f = healthy();

	(void)state;
	memset(latencies, 0, sizeof(latencies)); /* empty */
	hist_copy_record(&latencies[LATENCY_DELAY], 1000, 98);
	hist_copy_record(&latencies[LATENCY_DELAY], 5000, 2);
	hist_copy_record(&latencies[LATENCY_CORRECTED_PUBLISH], 7000, 100);
	hist_copy_record(&latencies[LATENCY_E2E], UINT64_MAX, 3);
	const uint64_t counters[COUNTER_COUNT] = {
		[COUNTER_SENT] = 100,
		[COUNTER_BLOCKED] = 7,
		[COUNTER_BLOCKED_NS] = 9000,
	};
	verdict_look_at_window(latencies, counters, &f);
	assert_int_equal(f.window_sent, 100);
	assert_int_equal(f.window_blocked, 7);
	assert_int_equal(f.window_blocked_ns, 9000);
	assert_int_equal(f.late[VERDICT_P95].delay_ns, 1000);
	assert_in_range(f.late[VERDICT_P99].delay_ns, 5000, 5010);
	assert_in_range(f.late[VERDICT_P50].corrected_ns, 7000, 7010);
	assert_int_equal(f.overflow, 3);
	for (int i = 0; i < LATENCY_COUNT; i++)
		hist_copy_fini(&latencies[i]);
}

static void a_slow_rate_may_miss_one_message_by_rounding(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.asked_per_s = 0.1;
	f.window_acknowledged = 5; /* of 6 */
	f.published_per_s = 5 / 60.0;
	verdict_judge(&f, &r);
	assert_null(find(&r, "rate"));
	f.window_acknowledged = 4;
	f.published_per_s = 4 / 60.0;
	verdict_judge(&f, &r);
	assert_non_null(find(&r, "rate"));
}

static void without_a_schedule_lateness_means_nothing(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.scheduled = false;
	f.asked_per_s = 0;
	f.late[VERDICT_P99] = (struct verdict_late){ S, S };
	f.window_blocked = 5000000;
	f.agent_cpu_max = 1.5;
	verdict_judge(&f, &r);
	assert_int_equal(r.verdict, VERDICT_VALID);
	assert_int_equal(r.count, 0);
}

static void nothing_is_missing_where_nobody_consumes(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.subscriptions = 0;
	f.received = 0;
	verdict_judge(&f, &r);
	assert_int_equal(r.count, 0);
}

static void subscriptions_are_counted_each(void **state)
{
	(void)state;
	CASE(VERDICT_INVALID, "missing", f.subscriptions = 2);

	struct verdict_facts f = healthy();
	struct verdict_result r;
	f.subscriptions = 2;
	f.received = 2 * f.acknowledged;
	verdict_judge(&f, &r);
	assert_int_equal(r.count, 0);
}

static void missing_and_surplus_messages_say_by_how_much_and_why(void **state)
{
	static const struct {
		struct verdict_facts change;
		int64_t received;
		const char *reason, *want;
	} cases[] = {
		{ { 0 }, -7, "missing", "7 of 9000000 acknowledged" },
		{ { 0 }, -7, "missing", "lost after they were acknowledged" },
		{ { .drain_limit_reached = true }, -7, "missing", "drain limit" },
		{ { .drain_cut = true }, -7, "missing", "may still be on their way" },
		{ { .consumers_lost = 1 }, -7, "missing", "lost for good" },
		{ { .agents_restarted = 1 }, -7, "missing", "restarted" },
		{ { 0 }, 3, "surplus", "3 messages more" },
		{ { 0 }, 3, "surplus", "delivered more than once" },
		{ { .producers_lost = 1 }, 3, "surplus", "did not see its last acknowledgements" },
		{ { .unacknowledged = 3 },
		  3,
		  "surplus",
		  "failed messages may have been delivered" },
		{ { .redelivered = 9 }, 3, "surplus", "delivered again" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct verdict_facts f = healthy();
		struct verdict_result r;

		f.drain_limit_reached = cases[i].change.drain_limit_reached;
		f.drain_cut = cases[i].change.drain_cut;
		f.consumers_lost = cases[i].change.consumers_lost;
		f.producers_lost = cases[i].change.producers_lost;
		f.agents_restarted = cases[i].change.agents_restarted;
		f.unacknowledged = cases[i].change.unacknowledged;
		f.redelivered = cases[i].change.redelivered;
		f.received = (uint64_t)((int64_t)f.received + cases[i].received);
		verdict_judge(&f, &r);

		const struct verdict_reason *reason = find(&r, cases[i].reason);
		if (reason == NULL)
			fail_msg("no reason \"%s\"", cases[i].reason);
		else if (!strstr(reason->text, cases[i].want))
			fail_msg("\"%s\" lacks \"%s\"", reason->text, cases[i].want);
	}
}

/* `omb cleanup` cannot do it either. */
static void a_broker_that_refuses_deletion_is_named_and_no_cleanup_is_advised(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.left_behind = true;
	verdict_judge(&f, &r);
	assert_non_null(strstr(r.reasons[0].text, "omb cleanup"));
	f.deletion_refused = "topic t: the broker does not delete topics";
	verdict_judge(&f, &r);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.verdict, VERDICT_VALID);
	assert_non_null(strstr(r.reasons[0].text, f.deletion_refused));
	assert_null(strstr(r.reasons[0].text, "omb cleanup"));
}

static void the_worst_reason_comes_first_and_decides(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.broker_is_local = true;
	f.agents_restarted = 1;
	f.corrupt = 1;
	verdict_judge(&f, &r);
	assert_int_equal(r.verdict, VERDICT_INVALID);
	assert_int_equal(r.count, 3);
	assert_string_equal(r.reasons[0].name, "corrupt");
	assert_string_equal(r.reasons[1].name, "agents");
	assert_string_equal(r.reasons[2].name, "brokerLocal");
}

static void everything_wrong_at_once_has_room(void **state)
{
	struct verdict_facts f = healthy();
	struct verdict_result r;

	(void)state;
	f.interrupted = f.broker_is_local = f.left_behind = f.search_cut = true;
	f.settings = "x";
	f.window_acknowledged = 0;
	f.published_per_s = 0;
	f.late[VERDICT_P99] = (struct verdict_late){ S, S };
	f.clocks = (struct fact_clocks){ .count = 2 };
	f.has_e2e = true;
	f.window_blocked = f.window_blocked_ns = f.negative = f.overflow = 9000000;
	f.failed = f.unacknowledged = f.corrupt = f.foreign = f.unstamped = 9000000;
	f.received = 0;
	f.producers_lost = f.consumers_lost = f.agents_restarted = 1;
	f.fatal_events = f.other_events = f.idle_consumers = 1;
	f.backlog_growth = 10000000;
	f.backlog_not_built = f.backlog_not_drained = true;
	f.agent_cpu_max = f.steal_share = 1;
	f.throttled = 1;
	f.library_cpu_max = 1;
	f.edge_lack = "x";
	f.coordinator_late_ns = 2 * S;
	struct fact_account account = { .is_kept = true };
	account.all = (struct book_counts){ 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	f.account = &account;
	for (int i = 0; i < VERDICT_SENTINELS; i++)
		f.sentinels[i] = (struct verdict_sentinel){ 1000, { S }, { S } };
	verdict_judge(&f, &r);
	assert_int_equal(r.verdict, VERDICT_INVALID);
	assert_true(r.count <= VERDICT_REASONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_run_is_valid_and_needs_no_words),
		cmocka_unit_test(each_fault_has_its_weight),
		cmocka_unit_test(the_reason_stands_beside_the_count),
		cmocka_unit_test(a_late_sample_is_not_the_brokers),
		cmocka_unit_test(what_is_within_its_bound_is_not_mentioned),
		cmocka_unit_test(lateness_is_judged_against_the_latencies_that_are_shown),
		cmocka_unit_test(the_percentile_with_the_largest_share_is_told),
		cmocka_unit_test(cpu_steal_and_throttling_weigh_only_beside_a_lateness),
		cmocka_unit_test(agents_that_wake_up_late_are_named_and_cpu_explains_it),
		cmocka_unit_test(a_coordinator_that_misses_seconds_is_a_note),
		cmocka_unit_test(the_thread_that_may_have_been_the_limit_is_named),
		cmocka_unit_test(
			wake_ups_are_merged_by_role_and_stand_beside_the_latency_they_are_part_of),
		cmocka_unit_test(a_blocked_producer_is_judged_by_messages_and_by_time),
		cmocka_unit_test(the_shares_of_rate_and_throughput_have_two_bounds),
		cmocka_unit_test(clocks_that_are_not_known_well_enough_are_told),
		cmocka_unit_test(what_a_histogram_cannot_hold_and_clocks_that_disagree_are_told),
		cmocka_unit_test(the_facts_of_the_window_come_from_its_histograms_and_counters),
		cmocka_unit_test(a_slow_rate_may_miss_one_message_by_rounding),
		cmocka_unit_test(without_a_schedule_lateness_means_nothing),
		cmocka_unit_test(nothing_is_missing_where_nobody_consumes),
		cmocka_unit_test(subscriptions_are_counted_each),
		cmocka_unit_test(missing_and_surplus_messages_say_by_how_much_and_why),
		cmocka_unit_test(a_broker_that_refuses_deletion_is_named_and_no_cleanup_is_advised),
		cmocka_unit_test(the_worst_reason_comes_first_and_decides),
		cmocka_unit_test(everything_wrong_at_once_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
