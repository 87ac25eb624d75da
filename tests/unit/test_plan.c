/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/option.h"
#include "config/payload_files.h"
#include "config/workload.h"
#include "plan/names.h"
#include "util/arena.h"

static const struct plan_host host = { .cpus = 4, .run = 77 };

static struct workload ordinary(void)
{
	return (struct workload){
		.topics = 3,
		.partitions_per_topic = 16,
		.producers_per_topic = 2,
		.subscriptions_per_topic = 2,
		.consumers_per_subscription = 3,
		.rate_mode = RATE_FIXED,
		.rate_per_s = 10000,
		.message_size = 1024,
		.seed = 5,
		.test_ns = 60000000000,
		.threads_per_agent = 1,
		.max_in_flight = 65536,
		.backlog_drain_ratio = 1,
	};
}

static struct plan make(const struct workload *w, struct arena *arena)
{
	struct plan plan;
	struct error err = { 0 };

	assert_true(plan_make(&plan, w, &host, arena, &err));
	return plan;
}

static const char *const topics[] = { "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9" };

static void counts_are_products_of_the_workloads(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();
	struct plan plan = make(&w, &arena);

	assert_int_equal(plan.producers, 6);
	assert_int_equal(plan.consumers, 18);
	assert_int_equal(plan.load.producers, 6);
	assert_int_equal(plan.load.run, 77);
	assert_true(plan_bytes_per_s(&plan) == 10000 * 1024.0);
	arena_fini(&arena);
}

static void rates_are_totals_unless_the_scope_says_otherwise(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();

	assert_int_equal(make(&w, &arena).load.epoch.micro_per_s, UINT64_C(10000000000));
	w.rate_scope = RATE_PER_PRODUCER;
	assert_int_equal(make(&w, &arena).load.epoch.micro_per_s, UINT64_C(60000000000));
	w.rate_scope = RATE_TOTAL;
	w.rate_per_s = 0.1;
	assert_int_equal(make(&w, &arena).load.epoch.micro_per_s, 100000);
	arena_fini(&arena);
}

static void rate_0_searches_from_10000_and_max_has_no_schedule(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();

	w.rate_mode = RATE_SEARCH;
	struct plan plan = make(&w, &arena);
	assert_true(plan.searches);
	assert_int_equal(plan.load.mode, LOAD_PACED);
	assert_int_equal(plan.load.epoch.micro_per_s, UINT64_C(10000000000));
	assert_true(plan_bytes_per_s(&plan) == 0);

	w.rate_mode = RATE_MAX;
	plan = make(&w, &arena);
	assert_false(plan.searches);
	assert_int_equal(plan.load.mode, LOAD_UNLIMITED);
	assert_true(plan.load.epoch.micro_per_s > 0);
	arena_fini(&arena);
}

static void the_window_is_the_smaller_of_messages_and_bytes_and_never_0(void **state)
{
	(void)state;
	static const struct {
		uint64_t messages, bytes;
		uint32_t size, window;
	} cases[] = {
		{ 65536, 0, 1024, 65536 },   { 65536, 2000000, 1024, 1953 },
		{ 100, 2000000, 1024, 100 }, { 65536, 100, 1024, 1 },
		{ 1, 0, 1024, 1 },           { UINT64_MAX, 0, 1, UINT32_MAX },
	};
	struct arena arena = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct workload w = ordinary();
		w.message_size = cases[i].size;
		w.max_in_flight = cases[i].messages;
		w.max_in_flight_bytes = cases[i].bytes;
		assert_int_equal(make(&w, &arena).load.window_messages, cases[i].window);
	}
	arena_fini(&arena);
}

static void stamps_need_32_bytes(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();

	w.message_size = 31;
	assert_false(make(&w, &arena).stamped);
	w.message_size = 32;
	assert_true(make(&w, &arena).stamped);
	arena_fini(&arena);
}

static void contents_are_compared_where_a_stamp_says_what_they_are(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();
	struct error err;
	struct plan plan;

	assert_false(make(&w, &arena).verify);
	w.verify_payload = true;
	assert_true(make(&w, &arena).verify);
	w.message_size = 31;
	assert_false(plan_make(&plan, &w, &host, &arena, &err));
	assert_string_equal(err.text,
	                    "verifyPayload: payloads of 31 bytes have no room for the stamp "
	                    "of 32, which says what they hold");
	arena_fini(&arena);
}

static void an_account_is_kept_unless_something_stands_against_it(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();

	struct plan plan = make(&w, &arena);
	assert_true(plan.account);
	assert_null(plan.account_lack);
	w.accounting = ACCOUNTING_OFF;
	plan = make(&w, &arena);
	assert_false(plan.account);
	assert_string_equal(plan.account_lack, "accounting is off");

	w = ordinary();
	w.message_size = 31;
	plan = make(&w, &arena);
	assert_false(plan.account);
	assert_string_equal(plan.account_lack,
	                    "payloads of 31 bytes have no room for the stamp of 32");

	w = ordinary();
	w.consumers_per_subscription = 0;
	assert_string_equal(make(&w, &arena).account_lack, "there are no consumers");

	w = ordinary();
	w.partitions_per_topic = PLAN_ACCOUNT_MAX;
	assert_true(make(&w, &arena).account);
	w.partitions_per_topic++;
	assert_string_equal(make(&w, &arena).account_lack,
	                    "a topic has more than 65534 partitions or subscriptions");

	/* 4,194,304 keys in one loop, and one producer more. */
	w = ordinary();
	w.topics = 1;
	w.agents = AGENTS_NUMBER;
	w.agent_count = 1;
	w.consumers_per_subscription = 1;
	w.subscriptions_per_topic = 1024;
	w.producers_per_topic = 4096;
	assert_true(make(&w, &arena).account);
	w.producers_per_topic++;
	assert_string_equal(make(&w, &arena).account_lack,
	                    "a consumer thread has more than 4194304 subscriptions times "
	                    "producers");
	w.agent_count = 2;
	assert_true(make(&w, &arena).account);
	arena_fini(&arena);
}

static void loops_keep_keys_of_the_producers_that_they_hear_of(void **state)
{
	(void)state;
	static const struct {
		enum agent_layout agents;
		uint32_t count, threads, topics, producers, subscriptions, members;
		uint64_t keys;
	} cases[] = {
		/* Each of 8 members alone, in two loops, in two agents of two threads. */
		{ AGENTS_PER_CLIENT, 0, 1, 1, 10, 1, 8, 80 },
		{ AGENTS_NUMBER, 2, 1, 1, 10, 1, 8, 20 },
		{ AGENTS_NUMBER, 2, 2, 1, 10, 1, 8, 40 },
		/* More subscriptions than members in a loop. */
		{ AGENTS_NUMBER, 2, 1, 100, 3, 2, 1, 600 },
		{ AGENTS_NUMBER, 2, 1, 3, 10, 2, 4, 120 },
	};
	struct arena arena = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct workload w = ordinary();
		w.agents = cases[i].agents;
		w.agent_count = cases[i].count;
		w.threads_per_agent = cases[i].threads;
		w.topics = cases[i].topics;
		w.producers_per_topic = cases[i].producers;
		w.subscriptions_per_topic = cases[i].subscriptions;
		w.consumers_per_subscription = cases[i].members;
		struct plan plan = make(&w, &arena);
		assert_int_equal(plan_account_keys(&plan), cases[i].keys);
		plan.account = false;
		assert_int_equal(plan_account_keys(&plan), 0);
	}
	arena_fini(&arena);
}

static void payloads_come_from_files_or_from_the_seed(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();
	const void *contents[] = { "a", "b" };
	struct payload_files files = { .contents = contents, .count = 2, .size = 1024 };
	struct plan_host with_files = { .cpus = 1, .payloads = &files };
	struct plan plan;
	struct error err = { 0 };

	assert_true(plan_make(&plan, &w, &with_files, &arena, &err));
	assert_int_equal(plan.load.payload.count, 2);
	assert_ptr_equal(plan.load.payload.contents, contents);

	w.randomized_payloads = true;
	w.payload_pool = 1000;
	w.random_ratio = 0.5;
	plan = make(&w, &arena);
	assert_int_equal(plan.load.payload.count, 1000);
	assert_null(plan.load.payload.contents);
	assert_int_equal(plan.load.payload.size, 1024);
	assert_true(plan.load.payload.random_ratio == 0.5);
	arena_fini(&arena);
}

static void agents_threads_and_cpus_are_handed_on(void **state)
{
	(void)state;
	static const uint32_t cpus[] = { 2, 3 };
	struct arena arena = { 0 };
	struct workload w = ordinary();

	w.agents = AGENTS_NUMBER;
	w.agent_count = 5;
	w.threads_per_agent = 2;
	w.agent_cpus = (struct cpu_list){ .cpus = cpus, .count = 2 };
	w.agent_nice = -3;
	struct plan plan = make(&w, &arena);
	assert_int_equal(deal_agents(&plan.deal, plan.producers), 5);
	assert_int_equal(plan.deal.loops, 2);
	assert_int_equal(plan.deal.pin_count, 2);
	assert_int_equal(plan.deal.pin_cpus[1], 3);
	assert_int_equal(plan.deal.nice, -3);
	w.agents = AGENTS_PER_CORE;
	plan = make(&w, &arena);
	assert_int_equal(deal_agents(&plan.deal, plan.producers), 4);
	arena_fini(&arena);
}

static void a_backlog_counts_over_all_subscriptions(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();

	assert_int_equal(make(&w, &arena).backlog_messages, 0);
	w.backlog_gib = 100;
	struct plan plan = make(&w, &arena);
	assert_int_equal(plan.backlog_messages, 100 * 1024 * 1024);
	assert_int_equal(plan.backlog_left_messages, 1000); /* OMB's least */
	w.backlog_drain_ratio = 0.99;
	assert_int_equal(make(&w, &arena).backlog_left_messages, 1024 * 1024);
	arena_fini(&arena);
}

static void absurd_numbers_of_clients_are_refused(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();
	struct plan plan;
	struct error err = { 0 };

	w.topics = 1000000;
	w.consumers_per_subscription = 1000;
	assert_false(plan_make(&plan, &w, &host, &arena, &err));
	assert_int_equal(err.kind, ERROR_CONFIG);
	assert_string_equal(err.text, "topics * subscriptionsPerTopic * consumerPerSubscription: "
	                              "2000000000 consumers are more than 10000000");
	arena_fini(&arena);
}

/* How many entries of the list are this pair. */
static unsigned count_pair(const struct plan_clients *c, uint32_t consumers, const char *topic,
                           const char *group)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < consumers; i++)
		count += strcmp(c->consumers[i].topic, topic) == 0 &&
		         strcmp(c->consumers[i].subscription, group) == 0;
	return count;
}

static void every_subscription_of_every_topic_has_its_members(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();
	struct plan plan = make(&w, &arena);
	struct plan_clients c = plan_clients(&plan, "01lg22la7e2p", topics, 99, &arena);

	assert_int_equal(c.groups_count, 6);
	for (size_t g = 0; g < c.groups_count; g++) {
		struct name_parts parts;
		assert_true(name_parse(c.groups[g].subscription, &parts));
		assert_int_equal(parts.kind, NAME_GROUP);
		assert_int_equal(parts.number, g % 2);
		assert_string_equal(c.groups[g].topic, topics[g / 2]);
		assert_int_equal(
			count_pair(&c, plan.consumers, topics[g / 2], c.groups[g].subscription), 3);
	}
	arena_fini(&arena);
}

static void no_two_topics_share_a_group(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();
	struct plan plan = make(&w, &arena);
	struct plan_clients c = plan_clients(&plan, "01lg22la7e2p", topics, 99, &arena);

	for (size_t a = 0; a < c.groups_count; a++)
		for (size_t b = 0; b < a; b++)
			assert_string_not_equal(c.groups[a].subscription, c.groups[b].subscription);
	arena_fini(&arena);
}

static void every_topic_has_its_producers(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();
	struct plan plan = make(&w, &arena);
	struct plan_clients c = plan_clients(&plan, "01lg22la7e2p", topics, 99, &arena);

	for (uint32_t t = 0; t < 3; t++) {
		unsigned count = 0;
		for (uint32_t p = 0; p < plan.producers; p++)
			count += c.producer_topics[p] == topics[t];
		assert_int_equal(count, 2);
	}
	arena_fini(&arena);
}

static bool same_order(uint64_t seed_a, uint64_t seed_b, uint64_t chance_a, uint64_t chance_b)
{
	struct arena arena = { 0 };
	struct workload wa = ordinary(), wb = ordinary();
	bool same = true;

	wa.topics = wb.topics = 10;
	wa.seed = seed_a;
	wb.seed = seed_b;
	struct plan a = make(&wa, &arena), b = make(&wb, &arena);
	struct plan_clients ca = plan_clients(&a, "01lg22la7e2p", topics, chance_a, &arena);
	struct plan_clients cb = plan_clients(&b, "01lg22la7e2p", topics, chance_b, &arena);
	for (uint32_t i = 0; i < a.producers; i++)
		same = same && ca.producer_topics[i] == cb.producer_topics[i];
	for (uint32_t i = 0; i < a.consumers; i++)
		same = same && ca.consumers[i].topic == cb.consumers[i].topic;
	arena_fini(&arena);
	return same;
}

static void the_order_follows_from_the_seed_alone(void **state)
{
	(void)state;
	assert_true(same_order(1, 1, 5, 5));
	assert_true(same_order(1, 1, 5, 6));
	assert_false(same_order(1, 2, 5, 5));
}

static void all_orders_are_equally_likely(void **state)
{
	(void)state;
	unsigned first[3] = { 0 }, last[3] = { 0 };

	for (uint64_t seed = 0; seed < 3000; seed++) {
		struct arena arena = { 0 };
		struct workload w = ordinary();
		w.producers_per_topic = 1;
		w.seed = seed;
		struct plan plan = make(&w, &arena);
		struct plan_clients c = plan_clients(&plan, "01lg22la7e2p", topics, 1, &arena);
		for (int t = 0; t < 3; t++) {
			first[t] += c.producer_topics[0] == topics[t];
			last[t] += c.producer_topics[2] == topics[t];
		}
		arena_fini(&arena);
	}
	for (int t = 0; t < 3; t++) {
		assert_in_range(first[t], 870, 1130); /* 1000, deviation 26 */
		assert_in_range(last[t], 870, 1130);
	}
}

static void a_workload_without_topics_or_subscriptions_makes_empty_lists(void **state)
{
	(void)state;
	struct arena arena = { 0 };
	struct workload w = ordinary();

	w.subscriptions_per_topic = 0;
	struct plan plan = make(&w, &arena);
	struct plan_clients c = plan_clients(&plan, "01lg22la7e2p", topics, 1, &arena);
	assert_int_equal(plan.consumers, 0);
	assert_int_equal(c.groups_count, 0);
	w.topics = 0;
	plan = make(&w, &arena);
	plan_clients(&plan, "01lg22la7e2p", topics, 1, &arena);
	assert_int_equal(plan.producers, 0);
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_products_of_the_workloads),
		cmocka_unit_test(rates_are_totals_unless_the_scope_says_otherwise),
		cmocka_unit_test(rate_0_searches_from_10000_and_max_has_no_schedule),
		cmocka_unit_test(the_window_is_the_smaller_of_messages_and_bytes_and_never_0),
		cmocka_unit_test(stamps_need_32_bytes),
		cmocka_unit_test(contents_are_compared_where_a_stamp_says_what_they_are),
		cmocka_unit_test(an_account_is_kept_unless_something_stands_against_it),
		cmocka_unit_test(loops_keep_keys_of_the_producers_that_they_hear_of),
		cmocka_unit_test(payloads_come_from_files_or_from_the_seed),
		cmocka_unit_test(agents_threads_and_cpus_are_handed_on),
		cmocka_unit_test(a_backlog_counts_over_all_subscriptions),
		cmocka_unit_test(absurd_numbers_of_clients_are_refused),
		cmocka_unit_test(every_subscription_of_every_topic_has_its_members),
		cmocka_unit_test(no_two_topics_share_a_group),
		cmocka_unit_test(every_topic_has_its_producers),
		cmocka_unit_test(the_order_follows_from_the_seed_alone),
		cmocka_unit_test(all_orders_are_equally_likely),
		cmocka_unit_test(a_workload_without_topics_or_subscriptions_makes_empty_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
