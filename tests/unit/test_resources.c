/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/resources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/option.h"
#include "config/workload.h"
#include "plan/plan.h"
#include "plan/result_size.h"
#include "util/arena.h"

static const struct resource_limits plenty = {
	.files_soft = UINT64_MAX,
	.files_hard = UINT64_MAX,
	.files_each = UINT64_MAX,
	.files_system = UINT64_MAX,
	.processes = UINT64_MAX,
	.threads_system = UINT64_MAX,
	.threads_group = UINT64_MAX,
	.mappings = UINT64_MAX,
	.local_ports = UINT64_MAX,
	.tracked = UINT64_MAX,
	.memory_bytes = UINT64_MAX,
	.cpus = 2,
};

static struct workload ordinary(void)
{
	return (struct workload){
		.topics = 1,
		.partitions_per_topic = 16,
		.producers_per_topic = 10,
		.subscriptions_per_topic = 1,
		.consumers_per_subscription = 4,
		.rate_mode = RATE_FIXED,
		.rate_per_s = 100000,
		.message_size = 1024,
		.test_ns = 60000000000,
		.warmup_ns = 30000000000,
		.sample_ns = 10000000000,
		.agents = AGENTS_PER_CLIENT,
		.threads_per_agent = 1,
		.wake_ns = 100000,
		.max_in_flight = 65536,
		.backlog_drain_ratio = 1,
	};
}

struct answer {
	struct arena arena;
	struct resources need;
	struct doubts doubts;
};

static struct resource_driver kafka_like(void)
{
	return (struct resource_driver){
		.producer = { .threads = 3,
		              .files = 8,
		              .sockets = 2,
		              .memory_bytes = UINT64_C(512) * 1024 },
		.consumer = { .threads = 4,
		              .files = 11,
		              .sockets = 3,
		              .memory_bytes = UINT64_C(256) * 1024 },
		.delivers = true,
		.partitions = true,
		.keys = true,
		.commits = true,
	};
}

static struct resource_driver bare_like(void)
{
	return (struct resource_driver){
		.producer = { .files = 1, .memory_bytes = UINT64_C(64) * 1024 },
		.consumer = { .files = 1, .memory_bytes = UINT64_C(64) * 1024 },
	};
}

static struct answer ask(const struct workload *w, const struct resource_driver *driver,
                         const struct resource_limits *limits)
{
	struct answer a = { .arena = { 0 } };
	const struct plan_host host = { .cpus = limits->cpus };
	struct plan plan;
	struct error err = { 0 };

	assert_true(plan_make(&plan, w, &host, &a.arena, &err));
	resources_estimate(&plan, driver, &a.need);
	a.doubts = resources_doubts(&plan, &a.need, driver, limits, &a.arena);
	return a;
}

/* The doubt whose text contains `part`; NULL = none. */
static const struct doubt *find(const struct answer *a, const char *part)
{
	for (size_t i = 0; i < a->doubts.count; i++)
		if (strstr(a->doubts.items[i].text, part) != NULL)
			return &a->doubts.items[i];
	return NULL;
}

static void an_ordinary_plan_raises_no_doubt(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();
	struct answer a = ask(&w, &d, &plenty);

	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);
}

static void processes_threads_and_sockets_add_up(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();
	struct answer a = ask(&w, &d, &plenty);

	assert_int_equal(a.need.producer_agents, 10);
	assert_int_equal(a.need.consumer_agents, 4);
	assert_int_equal(a.need.processes, 15);
	/* Our own thread, a loop each, librdkafka's: 3 of a producer and 4 of a consumer. */
	assert_int_equal(a.need.threads, 1 + 14 + 10 * 3 + 4 * 4);
	assert_int_equal(a.need.sockets, 10 * 2 + 4 * 3);
	arena_fini(&a.arena);
}

static void threads_of_an_agent_never_outnumber_its_clients(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = bare_like();

	d.delivers = true;
	w.threads_per_agent = 8;
	struct answer a = ask(&w, &d, &plenty);
	assert_int_equal(a.need.loops_most, 1);
	assert_int_equal(a.need.threads, 1 + 14);
	arena_fini(&a.arena);

	w.agents = AGENTS_NUMBER;
	w.agent_count = 3; /* 4 + 3 + 3 producers, 2 + 1 + 1 consumers */
	w.threads_per_agent = 2;
	a = ask(&w, &d, &plenty);
	assert_int_equal(a.need.loops_most, 2);
	assert_int_equal(a.need.threads, 1 + 6 + 4);
	arena_fini(&a.arena);
}

static void an_account_that_is_not_kept_or_not_whole_is_told(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();

	w.accounting = ACCOUNTING_OFF;
	struct answer a = ask(&w, &d, &plenty);
	assert_non_null(find(&a, "no account is kept (accounting is off)"));
	arena_fini(&a.arena);

	w = ordinary();
	w.message_size = 31; /* once is enough */
	a = ask(&w, &d, &plenty);
	assert_non_null(find(&a, "messages are not accounted for"));
	assert_null(find(&a, "no account is kept"));
	arena_fini(&a.arena);

	w = ordinary();
	w.producers_per_topic = 1000;
	w.consumers_per_subscription = w.partitions_per_topic = 1000;
	w.rate_per_s = 1e6;
	a = ask(&w, &d, &plenty);
	assert_int_equal(a.need.account_bytes, UINT64_C(1000000) * 8192);
	assert_non_null(find(&a, "the account of 1000 producers at 1000 consumer agents"));
	assert_null(find(&a, "out of order"));
	uint64_t kept = a.need.memory_bytes;
	arena_fini(&a.arena);
	w.accounting = ACCOUNTING_OFF;
	a = ask(&w, &d, &plenty);
	assert_in_range(kept - a.need.memory_bytes, UINT64_C(1) << 30, UINT64_C(5) << 28);
	arena_fini(&a.arena);

	w.accounting = ACCOUNTING_EXACT;
	w.agents = AGENTS_NUMBER;
	w.agent_count = 2;
	a = ask(&w, &d, &plenty);
	assert_null(find(&a, "the account of"));
	assert_non_null(find(&a, "out of order will not be known"));
	arena_fini(&a.arena);
}

static void memory_of_the_issues_scenario_is_below_200_mb(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();
	struct answer a = ask(&w, &d, &plenty);

	assert_in_range(a.need.memory_bytes, UINT64_C(10) << 20, UINT64_C(200) << 20);
	assert_true(a.need.memory_full_bytes > a.need.memory_bytes + UINT64_C(10) * 65536 * 1024);
	arena_fini(&a.arena);
}

static struct result_size size_of(const struct workload *w)
{
	const struct plan_host host = { .cpus = 2 };
	struct arena arena = { 0 };
	struct result_size size;
	struct plan plan;
	struct error err;

	assert_true(plan_make(&plan, w, &host, &arena, &err));
	result_size_estimate(&plan, &size);
	arena_fini(&arena);
	return size;
}

static void files_grow_with_the_samples_of_a_test_and_with_its_clients(void **state)
{
	struct workload w = ordinary();

	(void)state;
	struct result_size minute = size_of(&w);
	assert_int_equal(minute.periods, 7); /* and the drain */
	w.test_ns *= 60;
	struct result_size hour = size_of(&w);
	assert_int_equal(hour.periods, 361);
	assert_int_equal(hour.period_bytes, minute.period_bytes);
	assert_in_range(hour.side_bytes - minute.side_bytes, 354 * hour.period_bytes,
	                360 * (hour.period_bytes + 1000));
	assert_true(hour.json_bytes > UINT64_C(360) * 200 &&
	            hour.journal_bytes > 361 * hour.period_bytes);
	/* Ten times as many samples, each of a tenth of the messages. */
	w.sample_ns /= 10;
	struct result_size fine = size_of(&w);
	assert_int_equal(fine.periods, 3601);
	assert_true(fine.period_bytes <= hour.period_bytes && fine.side_bytes > hour.side_bytes);
	w.producers_per_topic *= 10;
	assert_true(size_of(&w).side_bytes > fine.side_bytes + UINT64_C(90) * 5000);

	/* And with what has a line of its own: each partition in each subscription, each agent. */
	struct workload more = w;
	more.partitions_per_topic *= 10;
	assert_in_range(size_of(&more).side_bytes - size_of(&w).side_bytes, 144 * 20, 144 * 500);
	assert_int_equal(size_of(&more).period_bytes, size_of(&w).period_bytes);
	more = w;
	more.agents = AGENTS_NUMBER;
	more.agent_count = 1;
	assert_true(size_of(&more).side_bytes + UINT64_C(99) * 1400 < size_of(&w).side_bytes);

	/* Without an end it is told for a day, and without a rate what it is at most. */
	uint64_t test_ns = w.test_ns;
	w.test_ns = 0;
	assert_int_equal(size_of(&w).periods, 86401);
	assert_true(size_of(&w).is_daily && !size_of(&w).is_most);
	w.rate_mode = RATE_SEARCH;
	w.test_ns = test_ns;
	assert_true(size_of(&w).is_most && size_of(&w).period_bytes >= fine.period_bytes);
}

static void of_very_many_samples_each_names_fewer_of_the_slowest_messages(void **state)
{
	static const struct {
		uint64_t test_s, sample_s;
		unsigned each;
	} cases[] = {
		{ 60, 1, 20 },   { 9999, 1, 20 }, { 10000, 1, 19 },  { 86400, 10, 20 },
		{ 86400, 1, 2 }, { 0, 1, 2 },     { 864000, 10, 2 }, { 8640000, 1, 1 },
	};
	struct workload w = ordinary();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		w.test_ns = cases[i].test_s * 1000000000;
		w.sample_ns = cases[i].sample_s * 1000000000;
		assert_int_equal(result_size_slowest(&w), cases[i].each);
		assert_int_equal(size_of(&w).slowest, cases[i].each);
	}
}

static void consumers_without_a_partition_are_doubted(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();

	w.topics = 3;
	w.partitions_per_topic = 1;
	w.subscriptions_per_topic = 2;
	struct answer a = ask(&w, &d, &plenty);
	const struct doubt *doubt = find(&a, "idle consumers");
	assert_non_null(doubt);
	assert_int_equal(doubt->severity, DOUBT_WARNING);
	assert_string_equal(doubt->text,
	                    "idle consumers: 4 of a subscription share 1 partition, so "
	                    "18 of 24 consumers never receive anything");
	assert_string_equal(doubt->remedy, "--set partitionsPerTopic=4");
	arena_fini(&a.arena);

	d.partitions = false; /* a broker whose consumers do not share partitions */
	a = ask(&w, &d, &plenty);
	assert_null(find(&a, "idle consumers"));
	arena_fini(&a.arena);

	d.partitions = true;
	w.partitions_per_topic = 4;
	a = ask(&w, &d, &plenty);
	assert_null(find(&a, "idle consumers"));
	arena_fini(&a.arena);
}

static void limits_that_are_too_low_come_with_the_command_that_raises_them(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();
	struct resource_limits low = plenty;
	const struct doubt *doubt;

	w.topics = 100;
	low.files_hard = 1024;
	low.processes = 2000;
	low.threads_of_user = 300;
	low.threads_system = 4000;
	low.local_ports = 1000;
	struct answer a = ask(&w, &d, &low);

	doubt = find(&a, "this process needs some");
	assert_non_null(doubt);
	assert_non_null(strstr(doubt->remedy, "prlimit --pid $$ --nofile="));
	assert_null(find(&a, "the largest agent needs"));
	doubt = find(&a, "RLIMIT_NPROC");
	assert_non_null(doubt);
	assert_non_null(strstr(doubt->remedy, "prlimit --pid $$ --nproc="));
	doubt = find(&a, "the system allows 4000");
	assert_non_null(doubt);
	assert_non_null(strstr(doubt->remedy, "sysctl kernel.pid_max="));
	doubt = find(&a, "this host has 1000 local ports");
	assert_non_null(doubt);
	assert_non_null(strstr(doubt->remedy, "ip_local_port_range"));
	arena_fini(&a.arena);
	low.local_ports = a.need.sockets;
	a = ask(&w, &d, &low);
	assert_null(find(&a, "local ports"));
	arena_fini(&a.arena);

	w.agents = AGENTS_NUMBER; /* two agents with 700 clients each: now they have the files */
	w.agent_count = 1;
	a = ask(&w, &d, &low);
	assert_non_null(find(&a, "the largest agent needs"));
	assert_null(find(&a, "this process needs some"));
	arena_fini(&a.arena);
}

static void tables_of_the_kernel_that_are_too_small_come_with_their_setting(void **state)
{
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();

	(void)state;
	w.topics = 100; /* 1,000 producers, 400 consumers */
	struct answer a = ask(&w, &d, &plenty);
	struct resources need = a.need;
	assert_int_equal(a.doubts.count, 0);
	/* This process, and as if every agent were the largest of its role. */
	assert_int_equal(need.files, need.files_here + UINT64_C(1000) * (16 + 8 + 3 + 8) +
	                                     UINT64_C(400) * (16 + 8 + 3 + 11));
	arena_fini(&a.arena);

	struct {
		uint64_t need; /* no doubt where there is just so much */
		size_t limit;
		const char *text, *remedy;
	} cases[] = {
		{ need.files, offsetof(struct resource_limits, files_system), "(fs.file-max)",
		  "sysctl fs.file-max=" },
		{ need.threads, offsetof(struct resource_limits, threads_group), "(pids.max)",
		  "TasksMax=" },
		{ need.mappings_agent, offsetof(struct resource_limits, mappings),
		  "(vm.max_map_count)", "sysctl vm.max_map_count=" },
		{ need.sockets, offsetof(struct resource_limits, tracked),
		  "firewall has room to track", "nf_conntrack_max=" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (uint64_t lacks = 0; lacks < 2; lacks++) {
			struct resource_limits l = plenty;
			uint64_t has = cases[i].need - lacks;
			memcpy((char *)&l + cases[i].limit, &has, sizeof(has));
			a = ask(&w, &d, &l);
			const struct doubt *told = find(&a, cases[i].text);
			assert_int_equal(a.doubts.count, lacks);
			assert_true(lacks == 0 ||
			            (told != NULL && told->severity == DOUBT_WARNING &&
			             strstr(told->remedy, cases[i].remedy) != NULL));
			arena_fini(&a.arena);
		}
}

/* Stacks: a client library has threads for each client. */
static void mappings_grow_with_the_threads_of_an_agent(void **state)
{
	struct resource_driver kafka = kafka_like(), bare = bare_like();
	struct workload w = ordinary();

	(void)state;
	w.producers_per_topic = 10000;
	w.agents = AGENTS_NUMBER;
	w.agent_count = 1;
	bare.delivers = true;
	struct answer a = ask(&w, &kafka, &plenty);
	assert_true(a.need.mappings_agent > 65530); /* what Linux begins with */
	arena_fini(&a.arena);
	a = ask(&w, &bare, &plenty);
	assert_true(a.need.mappings_agent < 1000);
	arena_fini(&a.arena);
}

static void a_limit_above_what_a_process_can_have_raises_that_first(void **state)
{
	struct resource_limits l = plenty;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();

	(void)state;
	l.files_hard = l.files_each = 50;
	struct answer a = ask(&w, &d, &l);
	assert_non_null(strstr(find(&a, "this process needs some")->remedy,
	                       "sysctl fs.nr_open=116; sudo prlimit --pid $$ --nofile=116:116"));
	arena_fini(&a.arena);
}

static void a_soft_limit_below_the_hard_one_is_no_doubt(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();
	struct resource_limits l = plenty;

	l.files_soft = 10;
	struct answer a = ask(&w, &d, &l);
	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);
}

static void too_little_memory_is_doubted(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();
	struct resource_limits l = plenty;

	l.memory_bytes = 1 << 20;
	struct answer a = ask(&w, &d, &l);
	assert_int_equal(find(&a, "the agents take some")->severity, DOUBT_WARNING);
	arena_fini(&a.arena);

	l.memory_bytes = 500 << 20;
	a = ask(&w, &d, &l);
	assert_int_equal(find(&a, "every window in flight full")->severity, DOUBT_NOTE);
	arena_fini(&a.arena);
}

static void set_member(struct workload *w, size_t offset, const void *value, size_t size)
{
	memcpy((char *)w + offset, value, size);
}

static void doubts_about_what_is_measured(void **state)
{
	(void)state;
	static const uint32_t no = 0, tiny = 31;
	static const uint64_t none = 0, one = 1, short_ns = 5000000000, wake_ns = 1000000;
	static const double huge = 50e6, rare = 0.01;
	static const enum rate_mode max = RATE_MAX;
#define SET(member, value)                                                 \
	{                                                                  \
		offsetof(struct workload, member), &(value), sizeof(value) \
	}
	static const struct {
		struct {
			size_t offset;
			const void *value;
			size_t size;
		} set[2];
		const char *text;
	} cases[] = {
		{ { SET(message_size, tiny) }, "no room for the stamp" },
		{ { SET(test_ns, none) }, "the test has no end" },
		{ { SET(test_ns, short_ns) }, "shorter than its samplePeriod" },
		{ { SET(warmup_ns, none) }, "no warm-up" },
		{ { SET(rate_mode, max) }, "without a schedule" },
		{ { SET(max_in_flight, one), SET(wake_ns, wake_ns) },
		  "the rate cannot be reached" },
		{ { SET(rate_per_s, huge) }, "more than client libraries usually carry" },
		{ { SET(rate_per_s, rare) }, "not every producer sends" },
		{ { SET(producers_per_topic, no) }, "there are no producers" },
		{ { SET(topics, no) }, "there are no topics" },
		{ { SET(consumers_per_subscription, no) }, "subscriptions without consumers" },
	};
#undef SET
	struct resource_driver d = kafka_like();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct workload w = ordinary();
		for (size_t s = 0; s < 2; s++)
			if (cases[i].set[s].value != NULL)
				set_member(&w, cases[i].set[s].offset, cases[i].set[s].value,
				           cases[i].set[s].size);
		struct answer a = ask(&w, &d, &plenty);
		if (a.doubts.count != 1 || find(&a, cases[i].text) == NULL)
			fail_msg("\"%s\": %zu doubts, first: %s", cases[i].text, a.doubts.count,
			         a.doubts.count ? a.doubts.items[0].text : "none");
		arena_fini(&a.arena);
	}
}

static void a_small_window_needs_no_warning_at_the_maximum_rate(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();

	w.rate_mode = RATE_MAX;
	w.max_in_flight_bytes = 2000000;
	struct answer a = ask(&w, &d, &plenty);
	assert_int_equal(a.doubts.count, 0);
	arena_fini(&a.arena);
}

/* 50 us of each wait, by every producer thread. */
static void spinning_is_told_with_the_cpu_that_it_takes(void **state)
{
	static const struct {
		uint32_t producers; /* an agent each */
		double rate_per_s;  /* 0: searched for */
		uint64_t wake_ns;
		double cpus;
		enum doubt_severity severity;
		const char *text;
	} cases[] = {
		{ 1, 1000, 0, 0.05, DOUBT_NOTE, "up to 0.05 of 2 CPUs for waiting, in 1 thread:" },
		{ 1, 10000, 0, 0.5, DOUBT_NOTE, "up to 0.5 of 2 CPUs" },
		{ 1, 100000, 0, 1, DOUBT_NOTE, "up to 1 of 2 CPUs" },
		{ 1, 100000, 200000, 0.25, DOUBT_NOTE, "up to 0.25 of 2 CPUs" },
		{ 4, 40000, 0, 2, DOUBT_WARNING, "up to 2 of 2 CPUs for waiting, in 4 threads:" },
		{ 2, 0, 0, 2, DOUBT_WARNING, "up to 2 of 2 CPUs" },
		{ 2, 0, 100000, 1, DOUBT_NOTE, "up to 1 of 2 CPUs" },
	};
	struct resource_driver d = kafka_like();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct workload w = ordinary();
		w.pacing = PACING_SPIN;
		w.producers_per_topic = cases[i].producers;
		w.rate_mode = cases[i].rate_per_s > 0 ? RATE_FIXED : RATE_SEARCH;
		w.rate_per_s = cases[i].rate_per_s;
		w.wake_ns = cases[i].wake_ns;
		struct answer a = ask(&w, &d, &plenty);
		const struct doubt *told = find(&a, cases[i].text);
		assert_true(told != NULL && told->severity == cases[i].severity);
		assert_int_equal(a.need.spinning_loops, cases[i].producers);
		assert_int_equal(a.need.spinning_cpus * 1000, cases[i].cpus * 1000);
		arena_fini(&a.arena);
	}
}

static void spinning_that_gains_nothing_is_told(void **state)
{
	struct resource_driver d = kafka_like();
	struct workload w = ordinary();

	(void)state;
	w.pacing = PACING_SPIN;
	w.agents = AGENTS_NUMBER;
	w.agent_count = 1;
	struct answer a = ask(&w, &d, &plenty);
	assert_string_equal(find(&a, "a pass of sends every 100us at most")->remedy,
	                    "--set wakeInterval=0");
	arena_fini(&a.arena);

	w.wake_ns = 0;
	a = ask(&w, &d, &plenty);
	assert_null(find(&a, "a pass of sends"));
	arena_fini(&a.arena);

	w.rate_mode = RATE_MAX;
	w.max_in_flight_bytes = 2000000;
	a = ask(&w, &d, &plenty);
	assert_non_null(find(&a, "pacing has no effect: without a schedule"));
	assert_int_equal(a.doubts.count, 1);
	arena_fini(&a.arena);
}

static void a_driver_that_delivers_nothing_must_not_be_subscribed_to(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = bare_like();
	struct answer a = ask(&w, &d, &plenty);

	assert_string_equal(find(&a, "delivers nothing")->remedy, "--set subscriptionsPerTopic=0");
	arena_fini(&a.arena);
}

static void keys_of_which_nothing_comes_are_told(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like(), bare = bare_like();

	w.payload_path_unused = true;
	w.backlog_drain_ratio = 0.5;
	w.max_in_flight_bytes = 100;
	w.keys = KEYS_RANDOM;
	w.commit_messages = 5;
	bare.delivers = true;
	struct answer a = ask(&w, &bare, &plenty);
	assert_non_null(find(&a, "payloadFile has no effect: useRandomizedPayloads is true"));
	assert_non_null(find(&a, "backlogDrainRatio has no effect"));
	assert_non_null(find(&a, "maxInFlight of 100 bytes holds no message of 1024"));
	assert_non_null(find(&a, "keyDistributor has no effect"));
	assert_non_null(find(&a, "partitionsPerTopic has no effect"));
	assert_non_null(find(&a, "commitInterval has no effect: consumers of this driver"));
	assert_int_equal(a.doubts.count, 6);
	arena_fini(&a.arena);

	w = ordinary();
	w.random_ratio = 0.5;
	w.payload_pool = 10;
	w.rate_mode = RATE_SEARCH;
	w.rate_scope = RATE_PER_PRODUCER;
	w.subscriptions_per_topic = w.consumers_per_subscription = 0;
	w.processing_ns = 1;
	w.commit_ns = 1;
	a = ask(&w, &d, &plenty);
	assert_non_null(find(&a, "randomBytesRatio has no effect"));
	assert_non_null(find(&a, "randomizedPayloadPoolSize has no effect"));
	assert_non_null(find(&a, "producerRateScope has no effect"));
	assert_non_null(find(&a, "messageProcessingTime has no effect"));
	assert_non_null(find(&a, "commitInterval has no effect: there are no consumers"));
	assert_int_equal(a.doubts.count, 5);
	arena_fini(&a.arena);
}

static void warnings_come_before_notes(void **state)
{
	(void)state;
	struct workload w = ordinary();
	struct resource_driver d = kafka_like();
	struct resource_limits l = plenty;

	w.warmup_ns = 0;   /* a note */
	l.files_hard = 10; /* two warnings, found later */
	struct answer a = ask(&w, &d, &l);
	assert_int_equal(a.doubts.count, 3);
	assert_int_equal(a.doubts.items[0].severity, DOUBT_WARNING);
	assert_int_equal(a.doubts.items[1].severity, DOUBT_WARNING);
	assert_int_equal(a.doubts.items[2].severity, DOUBT_NOTE);
	arena_fini(&a.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_plan_raises_no_doubt),
		cmocka_unit_test(processes_threads_and_sockets_add_up),
		cmocka_unit_test(threads_of_an_agent_never_outnumber_its_clients),
		cmocka_unit_test(an_account_that_is_not_kept_or_not_whole_is_told),
		cmocka_unit_test(memory_of_the_issues_scenario_is_below_200_mb),
		cmocka_unit_test(files_grow_with_the_samples_of_a_test_and_with_its_clients),
		cmocka_unit_test(of_very_many_samples_each_names_fewer_of_the_slowest_messages),
		cmocka_unit_test(consumers_without_a_partition_are_doubted),
		cmocka_unit_test(limits_that_are_too_low_come_with_the_command_that_raises_them),
		cmocka_unit_test(tables_of_the_kernel_that_are_too_small_come_with_their_setting),
		cmocka_unit_test(mappings_grow_with_the_threads_of_an_agent),
		cmocka_unit_test(a_limit_above_what_a_process_can_have_raises_that_first),
		cmocka_unit_test(a_soft_limit_below_the_hard_one_is_no_doubt),
		cmocka_unit_test(too_little_memory_is_doubted),
		cmocka_unit_test(doubts_about_what_is_measured),
		cmocka_unit_test(a_small_window_needs_no_warning_at_the_maximum_rate),
		cmocka_unit_test(spinning_is_told_with_the_cpu_that_it_takes),
		cmocka_unit_test(spinning_that_gains_nothing_is_told),
		cmocka_unit_test(a_driver_that_delivers_nothing_must_not_be_subscribed_to),
		cmocka_unit_test(keys_of_which_nothing_comes_are_told),
		cmocka_unit_test(warnings_come_before_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
