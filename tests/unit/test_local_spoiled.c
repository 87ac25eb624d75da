/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What consumers of the local worker find when they compare contents, with real agents on the loopback
 * broker: which messages are named, and what they refuse to be compared with.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "local_bench.h"

#define LOOPBACK "driver: loopback\n"

static const struct payload_spec pool = { .size = 100, .count = 10 };

static void open_bench(struct fixture *f, const char *driver_yaml, uint32_t producers,
                       uint32_t subscriptions)
{
	open_worker(f, driver_yaml, per_client);
	f->accounted = producers;
	f->subscriptions = subscriptions;
	f->verify = &pool;
	create_topics(f, 1, 1);
	create_consumers(f, subscriptions, 1);
	create_producers(f, producers);
	wait_ready(f, subscriptions);
}

/* "0:10-12@0 omb-test-sub, ": producer, sequences, partition. */
static const char *named(const struct fact_totals *t)
{
	static char text[1024];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < t->spoiled_count; i++) {
		const struct fact_range *r = &t->spoiled[i];
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u:%u-%u@%d %s, ",
		                        r->producer, (unsigned)r->first, (unsigned)r->last,
		                        (int)r->partition, r->subscription);
	}
	return text;
}

/* Producer 1 hears of its part of the schedule later: its message is received between those of the other. */
static void what_was_spoiled_is_named_in_order_for_each_subscription(void **state)
{
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK "brokerFaults: \"spoil:1@1#5+1 spoil:1@0#10..13 spoil:1@0#20+1\"\n",
	           2, 2);
	uint64_t start_ns = start_load(&f, 1000, 2, 100 * MS);
	wait_counter(&f, COUNTER_RECEIVED, 200);
	struct fact_totals t = finish(&f);
	assert_string_equal(named(&t), "0:10-12@0 omb-test-sub, 0:20-20@0 omb-test-sub, "
	                               "0:10-12@0 omb-test-sub-1, 0:20-20@0 omb-test-sub-1, "
	                               "1:5-5@0 omb-test-sub, 1:5-5@0 omb-test-sub-1, ");
	assert_string_equal(t.spoiled[0].topic, f.topics[0]);
	assert_int_equal(t.spoiled[0].first_due_ns, start_ns + 20 * MS);
	assert_int_equal(t.spoiled[0].last_due_ns, start_ns + 24 * MS);
	assert_int_equal(t.snapshot.counters[COUNTER_SPOILED], 10);
	assert_int_equal(t.snapshot.counters[COUNTER_CORRUPT], 0);
	/* They came, and none is lost. */
	assert_int_equal(t.account.all.corrupted, 10);
	assert_int_equal(t.account.all.received, 200);
	assert_int_equal(t.account.all.missing, 0);
	assert_int_equal(t.partitions[0].account.corrupted + t.partitions[1].account.corrupted, 10);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Its successor has the pool, too, and receives all of it again. */
static void what_a_killed_agent_had_found_stays_and_is_named_once(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, LOOPBACK "brokerFaults: \"spoil:1@0#10..13\"\n", per_client);
	f.accounted = f.subscriptions = 1;
	f.verify = &pool;
	f.consume.commit_interval_ns = 60 * S;
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 1);
	wait_ready(&f, 1);
	start_load(&f, 1000, 1, 3600 * S); /* behind its end all would be committed */
	wait_counter(&f, COUNTER_RECEIVED, 100);
	kill(agent_now(&f, AGENT_CONSUMER, 0).pid, SIGKILL);
	wait_event(&f, EVENT_AGENT_RESUMED);
	uint64_t once = counter_now(&f, COUNTER_ACKNOWLEDGED);
	wait_counter(&f, COUNTER_RECEIVED, once + 100);
	struct fact_totals t = finish(&f);
	assert_string_equal(named(&t), "0:10-12@0 omb-test-sub, ");
	assert_int_equal(t.snapshot.counters[COUNTER_SPOILED], 6);
	assert_true(t.account.all.received >= 100);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* What they would call damaged is what they were not told of. */
static void consumers_are_not_compared_with_another_load(void **state)
{
	const struct payload_spec larger = { .size = 200, .count = 10 };
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK, 1, 1);
	struct worker_call call = call_of(&f, WORKER_START_LOAD);
	call.load = (struct load_spec){ .producers = 1, .payload = larger, .run = RUN_ID };
	assert_false(complete(&f, &call));
	assert_string_equal(call.err.text,
	                    "consumers compare what arrives with other payloads than these");
	call = call_of(&f, WORKER_START_LOAD);
	call.load = (struct load_spec){ .producers = 1, .payload = pool, .run = RUN_ID, .seed = 1 };
	assert_false(complete(&f, &call));
	assert_string_equal(call.err.text,
	                    "consumers compare what arrives with a load of another seed");
	close_worker(&f);
}

/* Texts of a payload file lie elsewhere in every call; the same ones are the same pool. */
static void payloads_that_are_given_are_the_same_wherever_they_lie(void **state)
{
	char here[100], there[100], other[100];
	const void *first[] = { here }, *second[] = { there }, *third[] = { other };
	struct payload_spec given = { .size = 100, .count = 1, .contents = first };
	struct payload_spec again = { .size = 100, .count = 1, .contents = second };
	struct payload_spec wrong = { .size = 100, .count = 1, .contents = third };
	struct fixture f;

	(void)state;
	memset(here, 'a', sizeof(here));
	memset(there, 'a', sizeof(there));
	memset(other, 'b', sizeof(other));
	open_worker(&f, LOOPBACK, per_client);
	f.verify = &given;
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	struct worker_call call = call_of(&f, WORKER_CREATE_PRODUCERS);
	call.create_producers = (struct worker_create_producers){
		.topics = f.topics, .count = 1, .payload = &wrong, .deal = f.deal
	};
	assert_false(complete(&f, &call));
	call.create_producers.payload = &again;
	must(&f, &call);
	close_worker(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_spoiled_is_named_in_order_for_each_subscription),
		cmocka_unit_test(what_a_killed_agent_had_found_stays_and_is_named_once),
		cmocka_unit_test(consumers_are_not_compared_with_another_load),
		cmocka_unit_test(payloads_that_are_given_are_the_same_wherever_they_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
