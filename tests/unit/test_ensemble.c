/* SPDX-License-Identifier: Apache-2.0 */
#include "ensemble_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/stamp.h"
#include "util/xalloc.h"

/* --- shares ----------------------------------------------------------------------------------------- */

static void clients_are_dealt_backwards_and_numbered_by_worker(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_clients(&b);
	/* Producers: slots w2 w1 w0.  7 of 3: t0 t3 t6 | t1 t4 | t2 t5. */
	const struct worker_create_producers *p = &b.puppets[2].last.create_producers;
	assert_int_equal(p->count, 3);
	assert_string_equal(p->topics[2], "t6");
	assert_int_equal(p->id_base, 2u << STAMP_PRODUCER_BITS);
	assert_false(p->account);
	assert_int_equal(b.puppets[1].last.create_producers.count, 2);
	assert_string_equal(b.puppets[0].last.create_producers.topics[1], "t5");
	assert_int_equal(b.puppets[0].last.create_producers.id_base, 0);
	assert_int_equal(b.puppets[3].asked[WORKER_CREATE_PRODUCERS], 0);
	/* Consumers: slots w3 w2 w1.  5 of 3: 0 3 | 1 4 | 2. */
	const struct worker_create_consumers *c = &b.puppets[3].last.create_consumers;
	assert_int_equal(c->count, 2);
	assert_string_equal(c->items[1].topic, "t3");
	assert_false(c->account);
	assert_int_equal(b.puppets[0].asked[WORKER_CREATE_CONSUMERS], 0);
	assert_int_equal(b.puppets[1].asked[WORKER_CREATE_CONSUMERS], 1);
	bed_teardown(&b);
}

static void each_producer_has_a_place_of_its_own_in_one_schedule(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_load(&b);
	for (unsigned i = 0; i < 3; i++) {
		const struct load_spec *own = &b.puppets[i].last.load;
		assert_int_equal(own->epoch.start_ns, 1001 * S);
		assert_int_equal(own->epoch.micro_per_s, 7000);
		assert_int_equal(own->producers, PRODUCERS);
		assert_true(own->shared);
	}
	assert_int_equal(b.puppets[2].last.load.first_producer, 0);
	assert_int_equal(b.puppets[1].last.load.first_producer, 3);
	assert_int_equal(b.puppets[0].last.load.first_producer, 5);
	assert_int_equal(b.puppets[3].asked[WORKER_START_LOAD], 0);
	bed_begin(&b);
	b.call.adjust.epoch.micro_per_s = 9000;
	bed_all_do(&b, WORKER_ADJUST_PUBLISH_RATE);
	assert_int_equal(b.puppets[0].last.adjust.epoch.micro_per_s, 9000);
	assert_int_equal(b.puppets[3].asked[WORKER_ADJUST_PUBLISH_RATE], 0);
	bed_begin(&b);
	bed_all_do(&b, WORKER_PAUSE_CONSUMERS);
	assert_int_equal(b.puppets[0].asked[WORKER_PAUSE_CONSUMERS], 0);
	assert_int_equal(b.puppets[3].asked[WORKER_PAUSE_CONSUMERS], 1);
	bed_teardown(&b);
}

static void with_a_worker_of_ombs_all_that_produce_have_the_same_rate(void **state)
{
	struct bed b = { 0 };

	(void)state;
	b.members[1].is_foreign = true;
	bed_setup(&b, 0);
	bed_make_load(&b);
	for (unsigned i = 0; i < 3; i++) {
		const struct load_spec *own = &b.puppets[i].last.load;
		assert_int_equal(own->epoch.micro_per_s, 7000 / 3);
		assert_int_equal(own->first_producer, 0);
		assert_int_equal(own->producers, i == 2 ? 3 : 2); /* so that the rate is its own */
	}
	bed_begin(&b);
	b.call.adjust.epoch.micro_per_s = 9000;
	bed_all_do(&b, WORKER_ADJUST_PUBLISH_RATE);
	assert_int_equal(b.puppets[1].last.adjust.epoch.micro_per_s, 3000);
	bed_begin(&b);
	b.call.load.mode = LOAD_UNLIMITED;
	bed_start(&b, WORKER_START_LOAD);
	FAILS_WITH(&b, "worker 1 (http://b)", "producerRate max");
	assert_int_equal(b.puppets[0].asked[WORKER_START_LOAD], 1);
	bed_teardown(&b);
}

static void topics_are_the_leaders_and_the_next_one_does_what_it_lacks(void **state)
{
	static const char *const names[] = { "x", "y" };
	static uint64_t ends[] = { 7 };
	struct bed b = { 0 };

	(void)state;
	b.members[0].is_foreign = true; /* the first of ours leads */
	bed_setup(&b, 0);
	bed_make_clients(&b);
	bed_begin(&b);
	b.call.create_topics.topics = 2;
	bed_start(&b, WORKER_CREATE_TOPICS);
	assert_null(b.puppets[0].call);
	b.puppets[1].call->create_topics.names = (const char **)(uintptr_t)names;
	bed_answer(&b, 1);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_string_equal(b.call.create_topics.names[1], "y");
	bed_begin(&b);
	b.puppets[1].lacks = WORKER_TOPIC_ENDS;
	b.call.topic_ends.topics_count = 1;
	bed_start(&b, WORKER_TOPIC_ENDS);
	b.puppets[2].call->topic_ends.ends = ends;
	bed_answer(&b, 2);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_int_equal(b.call.topic_ends.ends[0], 7);
	bed_teardown(&b);
}

static void topics_that_may_exist_after_a_failure_are_told(void **state)
{
	static const char *const names[] = { "x" };
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_begin(&b);
	b.call.create_topics.topics = 1;
	bed_start(&b, WORKER_CREATE_TOPICS);
	b.puppets[0].call->create_topics.names = (const char **)(uintptr_t)names;
	bed_refuse(&b, 0, ERROR_REFUSED, "no replicas");
	FAILS_WITH(&b, "worker 0 (http://a): no replicas");
	assert_int_equal(b.call.err.kind, ERROR_REFUSED);
	assert_string_equal(b.call.create_topics.names[0], "x");
	bed_teardown(&b);
}

static void a_broker_for_each_worker_is_refused(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_begin(&b);
	bed_start(&b, WORKER_INITIALIZE_DRIVER);
	for (unsigned i = 0; i < MEMBERS; i++) {
		b.puppets[i].call->initialize.broker_is_own = true;
		bed_answer(&b, i);
	}
	FAILS_WITH(&b, "each of 4 workers would start a broker of its own");
	bed_teardown(&b);
}

/* --- merging ---------------------------------------------------------------------------------------- */

static void totals_are_added_and_agents_know_their_worker(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_load(&b);
	bed_snapshot(&b);
	const struct fact_totals *t = &b.call.totals;
	assert_int_equal(t->snapshot.counters[COUNTER_SENT], 1000);
	assert_int_equal(t->snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count, 1000);
	assert_int_equal(t->snapshot.taken_ns, b.now_ns + 1); /* (0 + 1 + 2 + 3) / 4 */
	assert_int_equal(t->edges[FACT_WINDOW_START].at_ns, 1100 * S);
	assert_int_equal(t->edges[FACT_WINDOW_START].counters[COUNTER_SENT], 100);
	assert_int_equal(t->edges[FACT_WINDOW_END].at_ns, 0);
	assert_int_equal(t->agents_count, 4);
	assert_int_equal(t->agents[3].worker, 3);
	assert_int_equal(t->agents[3].counters[COUNTER_SENT], 400);
	assert_int_equal(t->host.usage.ticks, 400);
	assert_string_equal(t->host.environment.host, "host0");
	assert_int_equal(t->workers_count, 4);
	assert_string_equal(t->workers[1].url, "http://b");
	assert_int_equal(t->workers[1].producers, 2);
	assert_int_equal(t->workers[1].counters[COUNTER_SENT], 200);
	assert_int_equal(t->workers[2].host.usage.steal_ticks, 2);
	assert_non_null(t->account.lack);
	fact_totals_fini(&b.call.totals);
	bed_teardown(&b);
}

static void an_edge_is_known_when_all_have_counted_at_it(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_load(&b);
	bed_begin(&b);
	bed_start(&b, WORKER_SNAPSHOT);
	for (unsigned i = 0; i < MEMBERS; i++) {
		bed_count(&b, i, 10);
		if (i == 2) {
			b.puppets[i].call->totals.edges[FACT_WINDOW_START].at_ns = 0;
			b.puppets[i].call->totals.edge_lack = "agent 3 did not count";
		}
		bed_answer(&b, i);
	}
	assert_int_equal(b.call.totals.edges[FACT_WINDOW_START].at_ns, 0);
	assert_string_equal(b.call.totals.edge_lack, "worker 2 (http://c): agent 3 did not count");
	fact_totals_fini(&b.call.totals);
	bed_teardown(&b);
}

static void a_subscription_is_ready_when_its_members_on_all_workers_have_all_partitions(
	void **state)
{
	struct worker_ready here[] = { { "t", "s", 1, 4, 1, 1, false },
		                       { "u", "s", 2, 2, 1, 1, true } };
	struct worker_ready there[] = { { "t", "s", 3, 4, 1, 1, true },
		                        { "t", "r", 0, 4, 1, 0, false } };
	struct worker_silent silent[] = { { "t", 9 } };
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_clients(&b);
	bed_begin(&b);
	bed_start(&b, WORKER_READINESS);
	b.puppets[1].call->readiness = (struct worker_readiness){ here, 2, 1, 5, 4, silent, 1 };
	b.puppets[3].call->readiness = (struct worker_readiness){ there, 2, 0, 0, 0, NULL, 0 };
	for (unsigned i = 0; i < MEMBERS; i++)
		bed_answer(&b, i);
	const struct worker_readiness *r = &b.call.readiness;
	assert_int_equal(r->count, 3);
	assert_int_equal(r->ready, 2); /* t/s and u/s */
	assert_int_equal(r->producers, 5);
	assert_int_equal(r->producers_ready, 4);
	assert_int_equal(r->silent[0].producer, 9);
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->items[i].topic, "t") == 0 &&
		    strcmp(r->items[i].subscription, "s") == 0) {
			assert_int_equal(r->items[i].assigned, 4);
			assert_int_equal(r->items[i].members, 2);
			assert_true(r->items[i].probe_seen);
		}
	bed_teardown(&b);
}

static void partitions_of_a_subscription_on_several_workers_are_one(void **state)
{
	struct fact_partition here[] = { { "t", "s", 1, 5, { 0 } }, { "t", "s", 0, 7, { 0 } } };
	struct fact_partition there[] = { { "t", "s", 1, 6, { 0 } }, { "t", "r", 1, 3, { 0 } } };
	struct fact_producer producers[] = { { .producer = 1 }, { .producer = 2u << 22 } };
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_load(&b);
	bed_begin(&b);
	bed_start(&b, WORKER_FINISH);
	b.puppets[1].call->finish.totals.partitions = here;
	b.puppets[2].call->finish.totals.partitions = there;
	b.puppets[1].call->finish.totals.partitions_count = 2;
	b.puppets[2].call->finish.totals.partitions_count = 2;
	b.puppets[0].call->finish.totals.producers = &producers[0];
	b.puppets[2].call->finish.totals.producers = &producers[1];
	b.puppets[0].call->finish.totals.producers_count = 1;
	b.puppets[2].call->finish.totals.producers_count = 1;
	for (unsigned i = 0; i < MEMBERS; i++)
		bed_answer(&b, i);
	const struct fact_totals *t = &b.call.finish.totals;
	assert_int_equal(t->partitions_count, 3);
	assert_string_equal(t->partitions[0].subscription, "r");
	assert_int_equal(t->partitions[1].received, 7);
	assert_int_equal(t->partitions[2].received, 11);
	assert_int_equal(t->producers_count, 2);
	assert_int_equal(t->producers[1].producer >> STAMP_PRODUCER_BITS, 2);
	assert_false(t->account.is_kept);
	bed_teardown(&b);
}

static void events_of_all_are_in_order_of_time_and_say_where(void **state)
{
	struct fact_event here[] = {
		{ .kind = EVENT_AGENT_LOST, .role = AGENT_CONSUMER, .at_ns = 30, .text = "killed" },
	};
	struct fact_event there[] = { { .kind = EVENT_CLIENT, .at_ns = 20, .text = "no route" },
		                      { .kind = EVENT_CLIENT, .at_ns = 40, .name = "x" } };
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_begin(&b);
	bed_start(&b, WORKER_EVENTS);
	b.puppets[1].call->events = (struct fact_events){ here, 1 };
	b.puppets[2].call->events = (struct fact_events){ there, 2 };
	for (unsigned i = 0; i < MEMBERS; i++)
		bed_answer(&b, i);
	assert_int_equal(b.call.events.count, 3);
	assert_string_equal(b.call.events.items[0].text, "no route");
	assert_int_equal(b.call.events.items[0].worker, 2);
	assert_string_equal(b.call.events.items[1].text, "killed (worker 1 (http://b))");
	assert_int_equal(b.call.events.items[2].at_ns, 40);
	bed_teardown(&b);
}

static void counters_and_periods_are_sums(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_begin(&b);
	bed_start(&b, WORKER_PERIOD_STATS);
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct worker_period *p = &b.puppets[i].call->period;
		p->totals = (struct worker_counters){ 10 + i, 20, 1 };
		p->interval.counters[COUNTER_FAILED] = 2;
		hist_copy_record(&p->interval.latencies[WINDOW_OUTSIDE][LATENCY_E2E], 100 + i, 3);
		bed_answer(&b, i);
	}
	assert_int_equal(b.call.period.totals.sent, 46);
	assert_int_equal(b.call.period.totals.received, 80);
	assert_int_equal(b.call.period.totals.send_errors, 4);
	assert_int_equal(b.call.period.interval.counters[COUNTER_FAILED], 8);
	assert_int_equal(b.call.period.interval.latencies[WINDOW_OUTSIDE][LATENCY_E2E].count, 12);
	snapshot_fini(&b.call.period.interval);
	bed_begin(&b);
	bed_start(&b, WORKER_COUNTERS_STATS);
	for (unsigned i = 0; i < MEMBERS; i++) {
		b.puppets[i].call->counters = (struct worker_counters){ 100, 200, i };
		bed_answer(&b, i);
	}
	assert_int_equal(b.call.counters.sent, 400);
	assert_int_equal(b.call.counters.send_errors, 6);
	bed_teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_dealt_backwards_and_numbered_by_worker),
		cmocka_unit_test(each_producer_has_a_place_of_its_own_in_one_schedule),
		cmocka_unit_test(with_a_worker_of_ombs_all_that_produce_have_the_same_rate),
		cmocka_unit_test(topics_are_the_leaders_and_the_next_one_does_what_it_lacks),
		cmocka_unit_test(topics_that_may_exist_after_a_failure_are_told),
		cmocka_unit_test(a_broker_for_each_worker_is_refused),
		cmocka_unit_test(totals_are_added_and_agents_know_their_worker),
		cmocka_unit_test(an_edge_is_known_when_all_have_counted_at_it),
		cmocka_unit_test(
			a_subscription_is_ready_when_its_members_on_all_workers_have_all_partitions),
		cmocka_unit_test(partitions_of_a_subscription_on_several_workers_are_one),
		cmocka_unit_test(events_of_all_are_in_order_of_time_and_say_where),
		cmocka_unit_test(counters_and_periods_are_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
