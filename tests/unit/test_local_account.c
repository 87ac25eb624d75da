/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of the local worker with real agents on the loopback broker: what became of every message,
 * whoever dies meanwhile, and what corrected end to end is charged for it.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "local_bench.h"
#include "util/clock.h"

#define LOOPBACK "driver: loopback\n"

static void open_bench(struct fixture *f, const char *driver_yaml, struct deal_spec deal,
                       uint32_t producers, uint32_t subscriptions)
{
	open_worker(f, driver_yaml, deal);
	f->accounted = producers;
	f->subscriptions = subscriptions;
}

/* Everything that was acknowledged has arrived, each message of its own, and nobody who lives sends any more
 * or waits for an answer. */
static bool is_drained(struct fixture *f)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);

	must(f, &call);
	const struct fact_totals *t = &call.totals;
	const uint64_t *c = t->snapshot.counters;
	bool is_offering = false;
	for (size_t i = 0; i < t->agents_count; i++) {
		const struct fact_agent *a = &t->agents[i];
		uint64_t answered = a->counters[COUNTER_ACKNOWLEDGED] + a->counters[COUNTER_FAILED];
		is_offering |= !a->lost && (a->is_offering || a->counters[COUNTER_SENT] > answered);
	}
	bool arrived = c[COUNTER_RECEIVED] >= c[COUNTER_ACKNOWLEDGED] * f->subscriptions;
	bool is_drained = !is_offering && arrived && t->outstanding == 0;
	snapshot_fini(&call.totals.snapshot);
	return is_drained;
}

static void drain(struct fixture *f)
{
	struct pollfd p = { .fd = worker_fd(f->w), .events = POLLIN };
	uint64_t limit_ns = clock_ns() + 30 * S;

	while (!is_drained(f)) {
		assert_true(clock_ns() < limit_ns);
		poll(&p, 1, 10);
		worker_serve(f->w);
	}
}

static uint64_t corrected_e2e(const struct fact_totals *t)
{
	struct hist_copy both = { 0 };

	snapshot_latency(&t->snapshot, LATENCY_CORRECTED_E2E, &both);
	uint64_t count = both.count;
	hist_copy_fini(&both);
	return count;
}

static uint64_t receipts_of(const struct book_counts *c)
{
	return c->received + c->redelivered + c->duplicated;
}

static void assert_counts(const struct book_counts *got, const struct book_counts *want)
{
	assert_int_equal(got->received, want->received);
	assert_int_equal(got->lost, want->lost);
	assert_int_equal(got->missing, want->missing);
	assert_int_equal(got->delivered_though_failed, want->delivered_though_failed);
	assert_int_equal(got->duplicated, want->duplicated);
	assert_int_equal(got->redelivered, want->redelivered);
	assert_int_equal(got->out_of_order, want->out_of_order);
	assert_int_equal(got->corrupted, want->corrupted);
	assert_int_equal(got->never_sent, want->never_sent);
}

/* --- all is well ---------------------------------------------------------------------------------- */

static void assert_all_is_well(const struct fact_totals *t, uint64_t messages,
                               uint32_t subscriptions)
{
	const struct fact_account *a = &t->account;
	struct book_counts partitions = { 0 };

	assert_true(a->is_kept && a->is_exact && a->is_order_known);
	assert_counts(&a->all, &(struct book_counts){ .received = messages * subscriptions });
	assert_int_equal(a->lost_count + a->lost_left_off, 0);
	assert_in_range(a->bytes_most, 1, 64 << 20);
	for (size_t i = 0; i < t->producers_count; i++) {
		const struct fact_producer *p = &t->producers[i];
		assert_counts(&p->account,
		              &(struct book_counts){ .received = p->sent * subscriptions });
		assert_int_equal(p->exact_below, ACCOUNT_EXACT);
	}
	for (size_t i = 0; i < t->partitions_count; i++) {
		const struct fact_partition *p = &t->partitions[i];
		assert_counts(&p->account, &(struct book_counts){ .received = p->received });
		fact_counts_add(&partitions, &p->account);
	}
	assert_counts(&partitions, &a->all);
	assert_int_equal(corrected_e2e(t), messages * subscriptions);
}

static void in_healthy_groups_every_message_comes_once_to_each_subscription(void **state)
{
	static const struct {
		const struct deal_spec *deal;
		uint32_t producers, consumers, subscriptions, partitions;
	} cases[] = {
		{ &per_client, 2, 1, 1, 1 },
		{ &per_client, 2, 4, 1, 8 },
		{ &threaded, 6, 8, 2, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		open_bench(&f, LOOPBACK, *cases[i].deal, cases[i].producers,
		           cases[i].subscriptions);
		create_topics(&f, 2, cases[i].partitions);
		create_consumers(&f, cases[i].consumers, cases[i].partitions);
		create_producers(&f, cases[i].producers);
		wait_ready(&f, cases[i].subscriptions);
		/* Slow enough that a machine which stood still for a moment catches up: what is late by
		 * more than a second is never sent. */
		start_load(&f, 10000, cases[i].producers, 3 * S / 2);
		wait_counter(&f, COUNTER_ACKNOWLEDGED, 15000);
		drain(&f);
		struct fact_totals t = finish(&f);
		assert_all_is_well(&t, 15000, cases[i].subscriptions);
		/* Whoever asks again is told the same. */
		struct fact_totals again = finish(&f);
		assert_all_is_well(&again, 15000, cases[i].subscriptions);
		fact_totals_fini(&again);
		fact_totals_fini(&t);
		close_worker(&f);
	}
}

static void without_an_account_nothing_is_known_of_a_message(void **state)
{
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK, per_client, 0, 1);
	create_topics(&f, 1, 2);
	create_consumers(&f, 1, 2);
	create_producers(&f, 1);
	wait_ready(&f, 1);
	start_load(&f, 1000, 1, S / 10);
	wait_counter(&f, COUNTER_RECEIVED, 100);
	struct fact_totals t = finish(&f);
	assert_false(t.account.is_kept);
	assert_int_equal(t.producers[0].exact_below, 0);
	assert_memory_equal(&t.producers[0].account, &fact_counts_unknown,
	                    sizeof(fact_counts_unknown));
	assert_true(t.partitions_count > 0);
	assert_memory_equal(&t.partitions[0].account, &fact_counts_unknown,
	                    sizeof(fact_counts_unknown));
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Nobody was to receive what goes to the second topic: nobody misses it. */
static void a_topic_without_subscriptions_is_missed_by_none(void **state)
{
	struct fixture f;
	struct worker_call call;

	(void)state;
	open_bench(&f, LOOPBACK, per_client, 2, 1);
	create_topics(&f, 2, 1);
	const struct worker_subscription item = { f.topics[0], "omb-test-sub" };
	call = call_of(&f, WORKER_CREATE_CONSUMERS);
	call.create_consumers = (struct worker_create_consumers){
		.items = &item,
		.count = 1,
		.partitions = 1,
		.deal = f.deal,
		.account = true,
		.producer_topics = f.topics,
		.producers = 2,
	};
	must(&f, &call);
	call = call_of(&f, WORKER_CREATE_PRODUCERS);
	call.create_producers = (struct worker_create_producers){
		.topics = f.topics, .count = 2, .account = true, .deal = f.deal
	};
	must(&f, &call);
	wait_ready(&f, 1);
	start_load(&f, 2000, 2, S / 10);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 200);
	wait_counter(&f, COUNTER_RECEIVED, 100);
	struct fact_totals t = finish(&f);
	assert_true(t.account.is_exact);
	assert_counts(&t.account.all, &(struct book_counts){ .received = 100 });
	assert_int_equal(t.producers[0].account.received + t.producers[1].account.received, 100);
	assert_int_equal(corrected_e2e(&t), 100);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* More chunks than a loop has: those that the parent has looked at are free again. */
static void what_is_handed_over_is_taken_while_the_load_goes_on(void **state)
{
	/* A loop has 1,024, and one look takes 256 at the most. */
	const uint64_t messages = 1400 * UINT64_C(4096);
	struct fixture f;

	(void)state;
	open_bench(&f, "driver: \"null\"\n", per_client, 1, 0);
	create_topics(&f, 1, 1);
	create_producers(&f, 1);
	struct worker_call load = call_of(&f, WORKER_START_LOAD);
	load.load = (struct load_spec){
		.mode = LOAD_UNLIMITED,
		.epoch = { clock_ns(), 1 },
		.producers = 1,
		.payload = { .size = 100, .count = 10 },
		.max_block_ns = 60 * S,
		.window_messages = 1000,
		.run = RUN_ID,
	};
	must(&f, &load);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, messages);
	struct fact_totals t = finish(&f);
	assert_true(t.account.is_kept && t.account.is_exact);
	assert_int_equal(t.producers[0].exact_below, ACCOUNT_EXACT);
	assert_in_range(t.account.bytes_most, 1, 1 << 20);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Chunks of receipts that were sealed and not looked at yet are neither in the book nor at hand of a loop,
 * and what answers say is in the book. */
static void what_was_handed_over_is_not_still_to_come(void **state)
{
	const uint64_t messages = 3 * UINT64_C(4096);
	struct fixture f;
	uint64_t received = 0;

	(void)state;
	open_bench(&f, LOOPBACK "deliveryDelay: 1s\n", per_client, 1, 1);
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 1);
	wait_ready(&f, 1);
	uint64_t start_ns = start_load(&f, 20000, 1, messages * S / 20000);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, messages);
	/* Answers are looked at now; receipts come later, and nothing is served meanwhile: nobody looks. */
	struct pollfd p = { .fd = worker_fd(f.w), .events = POLLIN };
	while (clock_ns() < start_ns + messages * S / 20000 + 200 * MS) {
		poll(&p, 1, 10);
		worker_serve(f.w);
	}
	for (uint64_t limit_ns = clock_ns() + 30 * S; received < messages; poll(NULL, 0, 5)) {
		struct worker_call call = call_of(&f, WORKER_SNAPSHOT);
		assert_true(clock_ns() < limit_ns);
		worker_start(f.w, &call);
		assert_int_equal(call.state, CALL_DONE);
		received = call.totals.snapshot.counters[COUNTER_RECEIVED];
		if (received == messages)
			assert_int_equal(call.totals.outstanding, 0);
		snapshot_fini(&call.totals.snapshot);
	}
	close_worker(&f);
}

/* --- what the broker did ------------------------------------------------------------------------- */

/* 300 messages of one producer, a millisecond apart, for each subscription a consumer; returns when the
 * first was due. */
static uint64_t run_300(struct fixture *f, const char *driver_yaml, uint32_t subscriptions,
                        bool account, uint64_t receipts)
{
	open_bench(f, driver_yaml, per_client, account ? 1 : 0, subscriptions);
	create_topics(f, 1, 1);
	create_consumers(f, subscriptions, 1);
	create_producers(f, 1);
	wait_ready(f, subscriptions);
	uint64_t start_ns = start_load(f, 1000, 1, 300 * MS);
	wait_counter(f, COUNTER_SENT, 300);
	wait_counter(f, COUNTER_RECEIVED, receipts);
	return start_ns;
}

#define LOSS_AND_DUPLICATE LOOPBACK "brokerFaults: \"lose:1@100+1 duplicate:1@101+1\"\n"

static void a_loss_is_charged_once_whatever_comes_twice(void **state)
{
	struct fixture f;

	(void)state;
	uint64_t start_ns = run_300(&f, LOSS_AND_DUPLICATE, 1, true, 300);
	uint64_t due_ns = start_ns + 99 * MS, before_ns = clock_ns();
	struct fact_totals t = finish(&f);
	uint64_t after_ns = clock_ns();
	assert_true(t.account.is_exact);
	assert_counts(
		&t.account.all,
		&(struct book_counts){ .received = 299, .lost = 1, .missing = 1, .duplicated = 1 });
	assert_int_equal(t.account.lost_count, 1);
	const struct fact_range *lost = &t.account.lost[0];
	assert_int_equal(lost->producer, 0);
	assert_string_equal(lost->topic, f.topics[0]);
	assert_string_equal(lost->subscription, "omb-test-sub");
	assert_int_equal(lost->partition, 0);
	assert_int_equal(lost->first, 99);
	assert_int_equal(lost->last, 99);
	assert_int_equal(lost->first_due_ns, due_ns);
	assert_int_equal(t.partitions[0].account.lost, 1);
	assert_int_equal(t.partitions[0].received, 300);
	const struct hist_copy *h = &t.snapshot.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_E2E];
	assert_int_equal(h->count, 301);
	assert_in_range(h->max, before_ns - due_ns, after_ns - due_ns);
	assert_int_equal(t.snapshot.latencies[WINDOW_MEASURED][LATENCY_E2E].count, 300);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* By sums they cancel: that is what is known then, and is said. */
static void without_an_account_a_duplicate_makes_up_for_a_loss(void **state)
{
	struct fixture f;

	(void)state;
	(void)run_300(&f, LOSS_AND_DUPLICATE, 1, false, 300);
	struct fact_totals t = finish(&f);
	assert_false(t.account.is_kept);
	assert_int_equal(corrected_e2e(&t), 300);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* A partition of which nothing came is one of which something was lost. */
static void a_partition_that_lost_everything_is_told(void **state)
{
	struct fixture f;

	(void)state;
	(void)run_300(&f, LOOPBACK "brokerFaults: \"lose:1@1\"\n", 1, true, 0);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 300);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.partitions_count, 1);
	assert_int_equal(t.partitions[0].received, 0);
	assert_int_equal(t.partitions[0].account.lost, 300);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* The topic has more partitions than anybody said. */
static void order_is_not_known_where_a_partition_is_not(void **state)
{
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK, per_client, 1, 1);
	create_topics(&f, 1, 4);
	create_consumers(&f, 1, 1);
	create_producers(&f, 1);
	start_load(&f, 1000, 1, 100 * MS);
	wait_counter(&f, COUNTER_RECEIVED, 100);
	struct fact_totals t = finish(&f);
	assert_true(t.account.is_exact);
	assert_false(t.account.is_order_known);
	assert_int_equal(t.account.all.out_of_order, 0);
	fact_totals_fini(&t);
	close_worker(&f);
}

static void failed_ones_that_never_arrive_are_charged_to_each_subscription(void **state)
{
	struct fixture f;

	(void)state;
	(void)run_300(&f, LOOPBACK "brokerFaults: \"error:1@10+5\"\n", 2, true, 590);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.snapshot.counters[COUNTER_FAILED], 5);
	assert_true(t.account.is_exact);
	assert_counts(&t.account.all, &(struct book_counts){ .received = 590, .missing = 10 });
	assert_int_equal(t.account.lost_count, 0);
	assert_int_equal(corrected_e2e(&t), 600);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* No answer tells when they were due: the schedule does. */
static void unanswered_ones_that_never_arrive_are_charged_from_when_they_were_due(void **state)
{
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK "delay: 100s\n", per_client, 1, 1);
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 1);
	start_load(&f, 1000, 1, 300 * MS);
	wait_counter(&f, COUNTER_SENT, 300);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.snapshot.counters[COUNTER_UNACKNOWLEDGED], 300);
	assert_true(t.account.is_exact);
	assert_counts(&t.account.all, &(struct book_counts){ .missing = 300 });
	const struct hist_copy *h = &t.snapshot.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_E2E];
	assert_int_equal(h->count, 300);
	/* The least is known to the width of its bucket. */
	assert_in_range(h->max - h->min, 299 * MS - h->min / 500, 299 * MS + h->min / 500);
	fact_totals_fini(&t);
	close_worker(&f);
}

static void failed_ones_that_arrive_are_not_charged_besides(void **state)
{
	struct fixture f;

	(void)state;
	(void)run_300(&f, LOOPBACK "brokerFaults: \"deny:1@10+5\"\n", 1, true, 300);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.snapshot.counters[COUNTER_FAILED], 5);
	assert_counts(&t.account.all,
	              &(struct book_counts){ .received = 300, .delivered_though_failed = 5 });
	assert_int_equal(corrected_e2e(&t), 300);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* A damaged stamp names no message: it is counted where it came, and missed by its subscription. */
static void damaged_ones_are_counted_where_they_came(void **state)
{
	struct fixture f;

	(void)state;
	(void)run_300(&f, LOOPBACK "brokerFaults: \"corrupt:1@10+5\"\n", 1, true, 295);
	wait_counter(&f, COUNTER_CORRUPT, 5);
	struct fact_totals t = finish(&f);
	assert_counts(
		&t.account.all,
		&(struct book_counts){ .received = 295, .lost = 5, .missing = 5, .corrupted = 5 });
	assert_int_equal(t.partitions[0].account.corrupted, 5);
	fact_totals_fini(&t);
	close_worker(&f);
}

static void what_is_still_to_come_is_told_although_something_came_twice(void **state)
{
	struct fixture f;

	(void)state;
	(void)run_300(&f, LOSS_AND_DUPLICATE, 1, true, 300);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 300);
	struct pollfd p = { .fd = worker_fd(f.w), .events = POLLIN };
	uint64_t outstanding = 0, limit_ns = clock_ns() + 30 * S;
	/* Until the producer has ended its load. */
	while (outstanding == 0) {
		struct worker_call call = call_of(&f, WORKER_SNAPSHOT);
		must(&f, &call);
		outstanding = call.totals.outstanding;
		snapshot_fini(&call.totals.snapshot);
		assert_true(clock_ns() < limit_ns);
		poll(&p, 1, 10);
		worker_serve(f.w);
	}
	assert_int_equal(outstanding, 1);
	close_worker(&f);
}

static void of_very_many_losses_the_first_are_told_and_the_others_counted(void **state)
{
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK "brokerFaults: \"lose:2@1\"\n", per_client, 1, 1);
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 1);
	wait_ready(&f, 1);
	start_load(&f, 40000, 1, 600 * MS);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 24000);
	wait_counter(&f, COUNTER_RECEIVED, 12000);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.account.all.lost, 12000);
	assert_int_equal(t.account.lost_count, 10000);
	assert_int_equal(t.account.lost_left_off, 2000);
	for (size_t i = 1; i < t.account.lost_count; i++)
		assert_int_equal(t.account.lost[i].first, t.account.lost[i - 1].first + 2);
	assert_int_equal(corrected_e2e(&t), 24000);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* --- deaths -------------------------------------------------------------------------------------- */

/* What it had and had not committed comes again, to it or to another one: that is the truth, and told. */
static void a_consumer_agent_that_is_killed_loses_nothing(void **state)
{
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK, per_client, 2, 1);
	create_topics(&f, 1, 4);
	create_consumers(&f, 2, 4);
	create_producers(&f, 2);
	wait_ready(&f, 1);
	start_load(&f, 20000, 2, S);
	wait_counter(&f, COUNTER_RECEIVED, 3000);
	kill(agent_now(&f, AGENT_CONSUMER, 0).pid, SIGKILL);
	(void)wait_event(&f, EVENT_AGENT_RESTARTED);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 20000);
	drain(&f);
	struct fact_totals t = finish(&f);
	const struct book_counts *all = &t.account.all;
	assert_true(t.account.is_exact && t.account.is_order_known);
	assert_counts(all, &(struct book_counts){ .received = 20000,
	                                          .duplicated = all->duplicated,
	                                          .redelivered = all->redelivered });
	/* The one that it was at is in the account before it is counted. */
	uint64_t counted = t.snapshot.counters[COUNTER_RECEIVED];
	assert_in_range(receipts_of(all), counted, counted + 1);
	assert_in_range(corrected_e2e(&t), counted - 1, counted);
	for (size_t i = 0; i < t.producers_count; i++)
		assert_int_equal(t.producers[i].account.received, 10000);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Sent, in flight, or never sent: each message that was due is in corrected end to end once. */
static void a_producer_agent_that_is_killed_leaves_no_message_out(void **state)
{
	struct fixture f;

	(void)state;
	open_bench(&f, LOOPBACK "delay: 30ms\n", per_client, 2, 1);
	create_topics(&f, 1, 2);
	create_consumers(&f, 1, 2);
	create_producers(&f, 2);
	wait_ready(&f, 1);
	start_load(&f, 4000, 2, S);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 1000);
	kill(agent_now(&f, AGENT_PRODUCER, 0).pid, SIGKILL);
	(void)wait_event(&f, EVENT_AGENT_LOST);
	drain(&f);
	struct fact_totals t = finish(&f);
	const struct book_counts *all = &t.account.all;
	uint64_t sent = t.snapshot.counters[COUNTER_SENT];
	assert_true(t.account.is_exact);
	assert_int_equal(sent + t.snapshot.counters[COUNTER_UNSENT], 4000);
	assert_counts(all, &(struct book_counts){ .received = all->received,
	                                          .missing = sent - all->received });
	for (size_t i = 0; i < t.producers_count; i++) {
		const struct fact_producer *p = &t.producers[i];
		assert_int_equal(p->account.received + p->account.missing, p->sent);
		assert_true(p->account.received >= p->acknowledged);
	}
	assert_int_equal(corrected_e2e(&t), 4000);
	fact_totals_fini(&t);
	close_worker(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_healthy_groups_every_message_comes_once_to_each_subscription),
		cmocka_unit_test(without_an_account_nothing_is_known_of_a_message),
		cmocka_unit_test(a_topic_without_subscriptions_is_missed_by_none),
		cmocka_unit_test(what_is_handed_over_is_taken_while_the_load_goes_on),
		cmocka_unit_test(what_was_handed_over_is_not_still_to_come),
		cmocka_unit_test(a_loss_is_charged_once_whatever_comes_twice),
		cmocka_unit_test(without_an_account_a_duplicate_makes_up_for_a_loss),
		cmocka_unit_test(a_partition_that_lost_everything_is_told),
		cmocka_unit_test(order_is_not_known_where_a_partition_is_not),
		cmocka_unit_test(failed_ones_that_never_arrive_are_charged_to_each_subscription),
		cmocka_unit_test(
			unanswered_ones_that_never_arrive_are_charged_from_when_they_were_due),
		cmocka_unit_test(failed_ones_that_arrive_are_not_charged_besides),
		cmocka_unit_test(damaged_ones_are_counted_where_they_came),
		cmocka_unit_test(what_is_still_to_come_is_told_although_something_came_twice),
		cmocka_unit_test(of_very_many_losses_the_first_are_told_and_the_others_counted),
		cmocka_unit_test(a_consumer_agent_that_is_killed_loses_nothing),
		cmocka_unit_test(a_producer_agent_that_is_killed_leaves_no_message_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
