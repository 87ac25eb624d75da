/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A local worker that has a share of a load: it merges nothing, and whoever asks can.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "account/book.h"
#include "account/parcel.h"
#include "local_bench.h"

#define PRODUCERS 2
#define FAULTS \
	"driver: loopback\nbrokerFaults: \"lose:1@100+1 duplicate:1@150+1 corrupt:1@200+1\"\n"

/* Whoever asks: a book of one topic with one subscription. */
struct asker {
	struct fixture f;
	struct book *book;
	bool is_whole;
	size_t chunks_bytes, missed;
	uint64_t damaged;
};

static void merge(void *to, const struct account_chunk *c, unsigned partition_bytes)
{
	/* Numbers of producers are from 0 on, and there is one subscription: as the book has them. */
	assert_in_range(c->producer, 0, PRODUCERS - 1);
	assert_true(c->subscription == ACCOUNT_ANSWERS || c->subscription == 0);
	book_merge(to, c, partition_bytes);
}

static void ask(struct asker *a)
{
	struct worker_call call = call_of(&a->f, WORKER_ACCOUNT);
	struct error err = { 0 };

	must(&a->f, &call);
	const struct worker_account *got = &call.account;
	assert_true(got->is_kept && got->is_order_known);
	assert_int_equal(got->subscriptions_count, 1);
	assert_string_equal(got->subscriptions[0].topic, a->f.topics[0]);
	assert_true(got->at_ns == got->clock_ns);
	if (!parcel_read(got->chunks, got->chunks_len, merge, a->book, &err))
		fail_msg("%s", err.text);
	a->chunks_bytes += got->chunks_len;
	a->is_whole = got->is_whole;
	a->missed = got->missed_count;
	a->damaged = 0;
	for (size_t i = 0; i < got->damaged_count; i++)
		a->damaged += got->damaged[i].messages;
}

static void open_asker(struct asker *a, const char *driver)
{
	static const uint32_t topic_of[PRODUCERS];
	const struct book_shape shape = {
		.topic_of = topic_of,
		.producers = PRODUCERS,
		.topics = 1,
		.subscriptions = 1,
		.partitions = 4,
		.bytes_max = (size_t)64 << 20,
	};

	*a = (struct asker){ .book = book_create(&shape) };
	a->f = (struct fixture){
		.driver_yaml = driver,
		.deal = per_client,
		.accounted = PRODUCERS,
		.subscriptions = 1,
		.is_share = true,
		.w = worker_local_create(),
	};
	initialize(&a->f);
	create_topics(&a->f, 1, 4);
}

static void close_asker(struct asker *a)
{
	book_destroy(a->book);
	close_worker(&a->f);
}

static uint64_t corrected_e2e(const struct fact_totals *t)
{
	struct hist_copy both = { 0 };

	snapshot_latency(&t->snapshot, LATENCY_CORRECTED_E2E, &both);
	uint64_t count = both.count;
	hist_copy_fini(&both);
	return count;
}

static void whoever_asks_knows_what_became_of_every_message(void **state)
{
	struct asker a;
	uint64_t sent[PRODUCERS];

	(void)state;
	open_asker(&a, FAULTS);
	create_consumers(&a.f, 2, 4);
	create_producers(&a.f, PRODUCERS);
	wait_ready(&a.f, 1);
	start_load(&a.f, 20000, PRODUCERS, S);
	wait_counter(&a.f, COUNTER_ACKNOWLEDGED, 15000);
	ask(&a);
	assert_false(a.is_whole);
	assert_true(a.chunks_bytes > 0); /* two producers have filled a chunk by now */
	wait_counter(&a.f, COUNTER_ACKNOWLEDGED, 20000);
	/* One is lost, one comes twice, and one comes damaged, which is received by no name. */
	wait_counter(&a.f, COUNTER_RECEIVED, 19999);
	struct fact_totals t = finish(&a.f);
	ask(&a);
	assert_true(a.is_whole);
	assert_int_equal(a.missed, 0);
	assert_int_equal(a.damaged, 1);
	for (size_t i = 0; i < t.producers_count; i++)
		sent[t.producers[i].producer] = t.producers[i].sent;
	book_settle(a.book, sent);
	struct book_counts all = { 0 };
	for (uint32_t i = 0; i < PRODUCERS; i++)
		fact_counts_add(&all, book_counts(a.book, i, 0));
	assert_int_equal(all.received, 19998);
	assert_int_equal(all.lost, 2); /* the damaged one is, too: nobody knows that it came */
	assert_int_equal(all.duplicated, 1);
	assert_int_equal(all.out_of_order + all.never_sent, 0);
	/* The worker itself says nothing of it, and charges nobody for what it cannot know. */
	assert_false(t.account.is_kept);
	assert_int_equal(corrected_e2e(&t), t.snapshot.counters[COUNTER_RECEIVED]);
	fact_totals_fini(&t);
	ask(&a);
	assert_true(a.is_whole);
	close_asker(&a);
}

/* All of its producers are elsewhere. */
static void consumers_alone_have_a_share(void **state)
{
	struct asker a;

	(void)state;
	open_asker(&a, "driver: loopback\n");
	create_consumers(&a.f, 2, 4);
	ask(&a);
	assert_false(a.is_whole);
	struct fact_totals t = finish(&a.f);
	ask(&a);
	assert_true(a.is_whole);
	assert_int_equal(a.chunks_bytes, 0);
	fact_totals_fini(&t);
	close_asker(&a);
}

static void a_whole_load_is_merged_where_it_is(void **state)
{
	struct asker a;

	(void)state;
	open_asker(&a, "driver: loopback\n");
	do_verb(&a.f, WORKER_STOP_ALL);
	a.f.is_share = false;
	initialize(&a.f);
	create_topics(&a.f, 1, 4);
	create_consumers(&a.f, 1, 4);
	create_producers(&a.f, PRODUCERS);
	struct worker_call call = call_of(&a.f, WORKER_ACCOUNT);
	must(&a.f, &call);
	assert_false(call.account.is_kept);
	close_asker(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_asks_knows_what_became_of_every_message),
		cmocka_unit_test(consumers_alone_have_a_share),
		cmocka_unit_test(a_whole_load_is_merged_where_it_is),
	};

	return cmocka_run_group_tests_name("local_share", tests, NULL, NULL);
}
