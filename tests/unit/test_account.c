/* SPDX-License-Identifier: Apache-2.0 */
#include "account/book.h"
#include "account/writer.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "account_bench.h"
#include "stats/counter.h"
#include "util/rng.h"
#include "util/xalloc.h"

/* --- what became of messages --------------------------------------------------------------------- */

static void three_lost_are_named_with_partition_and_due_time(void **state)
{
	(void)state;
	struct bench b;
	struct named named = { 0 };

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 20000; i++) {
		answer(&b, i, false);
		if (i < 1041 || i > 1043)
			receive(&b, (int)(i % LOOPS), i);
	}
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, 19997);
	assert_int_equal(c->lost, 3);
	assert_int_equal(c->missing, 3);
	assert_int_equal(c->duplicated, 0);
	assert_int_equal(book_answers(b.book, 1)->acknowledged, 20000);
	assert_int_equal(book_partition(b.book, 0, 0, 0)->lost, 3);
	assert_int_equal(book_partition_acknowledged(b.book, 0, 0), 20000);
	assert_true(book_is_exact(b.book));

	book_lost(b.book, b.sent, keep_range, &named);
	assert_int_equal(named.count, 1);
	assert_int_equal(named.ranges[0].producer, 1);
	assert_int_equal(named.ranges[0].subscription, 0);
	assert_int_equal(named.ranges[0].first, 1041);
	assert_int_equal(named.ranges[0].last, 1043);
	assert_int_equal(named.ranges[0].partition, 0);
	assert_int_equal(named.ranges[0].first_due_ns, 5000 + 1041 * 333);
	assert_int_equal(named.ranges[0].last_due_ns, 5000 + 1043 * 333);
	close_bench(&b);
}

static void a_range_goes_across_blocks_and_ends_where_the_partition_does(void **state)
{
	(void)state;
	struct bench b;
	struct named named = { 0 };

	open_bench(&b, 8);
	for (uint64_t i = 0; i < 3 * ACCOUNT_BLOCK; i++) {
		struct account_entry e = entry(i);
		e.partition = i < ACCOUNT_BLOCK + 2 ? 3 : 4;
		account_put(&b.answers.writer, 1, &e);
		if (i < ACCOUNT_BLOCK - 2 || i > ACCOUNT_BLOCK + 3)
			account_put(&b.receipts[0].writer, 1, &e);
	}
	b.sent[1] = 3 * ACCOUNT_BLOCK;
	assert_int_equal(settle(&b)->lost, 6);
	book_lost(b.book, b.sent, keep_range, &named);
	assert_int_equal(named.count, 2);
	assert_int_equal(named.ranges[0].first, ACCOUNT_BLOCK - 2);
	assert_int_equal(named.ranges[0].last, ACCOUNT_BLOCK + 1);
	assert_int_equal(named.ranges[0].partition, 3);
	assert_int_equal(named.ranges[1].first, ACCOUNT_BLOCK + 2);
	assert_int_equal(named.ranges[1].partition, 4);
	assert_int_equal(book_partition(b.book, 0, 0, 3)->lost, 4);
	assert_int_equal(book_partition(b.book, 0, 0, 4)->lost, 2);
	close_bench(&b);
}

/* A loss and a duplicate cancel in sums; not here. */
static void one_lost_and_one_twice_are_both_told(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 100; i++) {
		answer(&b, i, false);
		if (i != 50)
			receive(&b, 0, i);
	}
	receive(&b, 0, 60);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->lost, 1);
	assert_int_equal(c->duplicated, 1);
	assert_int_equal(c->received, 99);
	close_bench(&b);
}

static void every_message_five_times_is_four_duplicates_of_each(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 10000; i++) {
		answer(&b, i, false);
		for (int n = 0; n < 5; n++)
			receive(&b, 0, i);
	}
	const struct book_counts *c = settle(&b);
	assert_true(book_is_exact(b.book));
	assert_int_equal(c->received, 10000);
	assert_int_equal(c->duplicated, 40000);
	assert_int_equal(c->lost, 0);
	close_bench(&b);
}

static void what_comes_again_after_its_block_was_closed_is_a_duplicate(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	size_t empty = book_bytes(b.book);
	for (uint64_t i = 0; i < ACCOUNT_BLOCK; i++) {
		answer(&b, i, false);
		receive(&b, 0, i);
	}
	book_take(b.book, b.answers.area, UINT32_MAX);
	assert_true(book_bytes(b.book) > empty + 150);
	book_take(b.book, b.receipts[0].area, UINT32_MAX);
	assert_true(book_bytes(b.book) < empty + 100); /* two short lists */
	receive(&b, 1, 7);
	receive_as(&b, 1, 8, true, false);
	receive_as(&b, 1, 9, false, true);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, ACCOUNT_BLOCK);
	assert_int_equal(c->duplicated, 2);
	assert_int_equal(c->redelivered, 1);
	assert_int_equal(c->out_of_order, 0);
	close_bench(&b);
}

/* Which loop is merged first is an accident. */
static void a_marked_receipt_is_the_second_whichever_is_told_first(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct bench b;

		open_bench(&b, 1);
		for (uint64_t i = 0; i < 10; i++)
			answer(&b, i, false);
		for (uint64_t i = 0; i < 10; i++) {
			receive(&b, first, i);
			receive_as(&b, 1 - first, i, true, true);
		}
		const struct book_counts *c = settle(&b);
		assert_int_equal(c->received, 10);
		assert_int_equal(c->redelivered, 10);
		assert_int_equal(c->duplicated, 0);
		assert_int_equal(c->out_of_order, 0);
		close_bench(&b);
	}
}

static void a_mark_on_the_only_receipt_is_no_redelivery(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 10; i++)
		answer(&b, i, false);
	for (uint64_t i = 0; i < 10; i++)
		receive_as(&b, 0, i, i < 4, false);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, 10);
	assert_int_equal(c->redelivered, 0);
	assert_int_equal(c->duplicated, 0);
	close_bench(&b);
}

static void disorder_is_of_messages_that_came_late_each_time(void **state)
{
	(void)state;
	static const uint64_t arrive[] = { 0, 1, 4, 2, 3, 5, 2, 3, 4, 5, 6 };
	uint64_t last = 0;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 7; i++)
		answer(&b, i, false);
	/* 2 and 3 are late; from 2 on all is read again, which is no disorder of 4 and 5. */
	for (size_t i = 0; i < sizeof(arrive) / sizeof(arrive[0]); i++)
		receive_as(&b, 0, arrive[i], false, account_is_late(&last, arrive[i]));
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, 7);
	assert_int_equal(c->out_of_order, 2);
	assert_int_equal(c->duplicated, 4);
	assert_int_equal(book_partition(b.book, 0, 0, 0)->out_of_order, 2);
	close_bench(&b);
}

static void failed_and_unanswered_ones_are_missing_and_not_lost(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	answer(&b, 0, false);
	answer(&b, 1, true);  /* failed, and delivered */
	answer(&b, 2, true);  /* failed, and not */
	answer(&b, 5, false); /* 3 has no answer and came; 4 has none and did not come */
	receive(&b, 0, 0);
	receive(&b, 0, 1);
	receive(&b, 0, 3);
	receive(&b, 0, 7); /* nobody sent it */
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->lost, 1);
	assert_int_equal(c->missing, 3);
	assert_int_equal(c->delivered_though_failed, 1);
	assert_int_equal(c->never_sent, 1);
	assert_int_equal(book_answers(b.book, 1)->failed, 2);
	/* Of those that the broker did not take nobody knows the partition. */
	assert_int_equal(book_partition(b.book, 0, 0, 0)->missing, 1);
	assert_int_equal(book_partition(b.book, 0, 0, -1)->missing, 2);
	close_bench(&b);
}

static void sent_and_never_heard_of_is_missing_in_whole_blocks(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < ACCOUNT_BLOCK; i++) {
		answer(&b, i, false);
		receive(&b, 0, i);
	}
	b.sent[1] = 10 * ACCOUNT_BLOCK + 5;
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->missing, 9 * ACCOUNT_BLOCK + 5);
	assert_int_equal(c->lost, 0);
	assert_int_equal(book_counts(b.book, 0, 0)->missing, 0);
	close_bench(&b);
}

static void each_subscription_has_losses_of_its_own(void **state)
{
	(void)state;
	struct book *book = book_of(1, 2, 16, 64 * MIB);
	struct account_shape shape = account_shape(1, 16, 8);
	struct loop answers, receipts[2];
	uint64_t sent = 100;
	struct named named = { 0 };

	open_loop(&answers, &shape, ACCOUNT_ANSWERS);
	open_loop(&receipts[0], &shape, 0);
	open_loop(&receipts[1], &shape, 1);
	for (uint64_t i = 0; i < sent; i++) {
		struct account_entry e = entry(i);
		e.partition = 3;
		account_put(&answers.writer, 0, &e);
		e.partition = 2; /* a consumer says otherwise: the producer's word counts */
		if (i != 10)
			account_put(&receipts[0].writer, 0, &e);
		if (i < 20 || i > 21)
			account_put(&receipts[1].writer, 0, &e);
	}
	book_take_over(book, answers.area);
	book_take_over(book, receipts[1].area);
	book_take_over(book, receipts[0].area);
	book_settle(book, &sent);
	assert_int_equal(book_counts(book, 0, 0)->lost, 1);
	assert_int_equal(book_counts(book, 0, 1)->lost, 2);
	assert_int_equal(book_partition(book, 0, 1, 3)->lost, 2);
	book_lost(book, &sent, keep_range, &named);
	assert_int_equal(named.count, 2);
	assert_int_equal(named.ranges[1].subscription, 1);
	assert_int_equal(named.ranges[1].first, 20);
	assert_int_equal(named.ranges[1].last, 21);
	close_loop(&answers);
	close_loop(&receipts[0]);
	close_loop(&receipts[1]);
	book_destroy(book);
}

/* The rate changed in the middle, and the later half was told first. */
static void due_times_go_by_the_outermost_answers(void **state)
{
	(void)state;
	struct bench b;
	struct named named = { 0 };

	open_bench(&b, 1);
	for (uint64_t half = 2; half-- > 0;) {
		for (uint64_t i = half * 100; i < half * 100 + 100; i++) {
			struct account_entry e = entry(i);
			e.due_ns = i < 100 ? 1000 + i * 1000 : 200000 + i * 10;
			account_put(&b.answers.writer, 1, &e);
			if (i != 0 && i != 199)
				receive(&b, 0, i);
		}
		struct account_shape shape = account_shape(2, 1, 64);
		end_loop(&b, &b.answers);
		open_loop(&b.answers, &shape, ACCOUNT_ANSWERS);
	}
	b.sent[1] = 200;
	assert_int_equal(settle(&b)->lost, 2);
	book_lost(b.book, b.sent, keep_range, &named);
	assert_int_equal(named.count, 2);
	assert_int_equal(named.ranges[0].first_due_ns, 1000);
	assert_int_equal(named.ranges[1].first_due_ns, 201990);
	close_bench(&b);
}

static void partitions_are_told_apart_up_to_the_widest(void **state)
{
	(void)state;
	static const uint32_t partitions[] = { 2, 254, 255, 256, 1000, 65534 };

	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
		struct bench b;
		int32_t last = (int32_t)partitions[i] - 1;
		open_bench(&b, partitions[i]);
		for (uint64_t k = 0; k < 4; k++) {
			struct account_entry e = entry(k);
			e.partition = k < 2 ? last : k == 2 ? last - 1 : -1;
			account_put(&b.answers.writer, 1, &e);
			if (k == 1)
				account_put(&b.receipts[0].writer, 1, &e);
		}
		b.sent[1] = 4;
		book_corrupted(b.book, 0, 0, last, 9);
		settle(&b);
		assert_int_equal(book_partition(b.book, 0, 0, last)->lost, 1);
		assert_int_equal(book_partition(b.book, 0, 0, last)->received, 1);
		assert_int_equal(book_partition(b.book, 0, 0, last)->corrupted, 9);
		assert_int_equal(book_partition(b.book, 0, 0, last - 1)->lost, 1);
		assert_int_equal(book_partition(b.book, 0, 0, -1)->lost, 1);
		close_bench(&b);
	}
}

static void what_is_of_another_run_changes_nothing(void **state)
{
	(void)state;
	struct bench b;
	struct account_shape shape = account_shape(2, 1, 4);
	struct loop strange;

	open_bench(&b, 1);
	open_loop(&strange, &shape, 5); /* no such subscription */
	struct account_entry e = entry(1);
	account_put(&strange.writer, 1, &e);
	strange.area->keys[0].producer = 77;
	strange.area->keys[0].subscription = 0;
	account_put(&strange.writer, 0, &e);
	book_take_over(b.book, strange.area);
	book_missed(b.book, 77, 0, 3);
	book_corrupted(b.book, 1, 0, 0, 3);
	close_loop(&strange);
	assert_int_equal(settle(&b)->received, 0);
	assert_true(book_is_exact(b.book));
	close_bench(&b);
}

/* --- the hand-over ------------------------------------------------------------------------------- */

static void an_open_chunk_of_a_dead_loop_is_taken_over(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 100; i++) {
		answer(&b, i, false);
		receive(&b, i < 60 ? 0 : 1, i);
	}
	assert_int_equal(book_take(b.book, b.receipts[0].area, UINT32_MAX), 0);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, 100);
	assert_int_equal(c->lost, 0);
	close_bench(&b);
}

/* Killed between two stores of a seal: the chunk has its place, and nobody was told. */
static void a_chunk_whose_seal_was_cut_short_is_taken_over_once(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < ACCOUNT_BLOCK; i++)
		receive(&b, 0, i);
	struct account_area *a = b.receipts[0].area;
	assert_int_equal(counter_read(&a->sealed), 1);
	counter_set(&a->sealed, 0);
	b.sent[1] = ACCOUNT_BLOCK;
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, ACCOUNT_BLOCK);
	assert_int_equal(c->duplicated, 0);
	close_bench(&b);
}

static void chunks_that_were_taken_are_not_taken_over_again(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 10 * ACCOUNT_BLOCK; i++) {
		receive(&b, 0, i);
		book_take(b.book, b.receipts[0].area, UINT32_MAX);
	}
	b.sent[1] = 10 * ACCOUNT_BLOCK;
	/* The same few chunks go to and fro. */
	assert_int_equal(counter_read(&b.receipts[0].area->used), 1);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, 10 * ACCOUNT_BLOCK);
	assert_int_equal(c->duplicated, 0);
	close_bench(&b);
}

static void a_look_takes_no_more_than_it_is_told_to(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 5 * ACCOUNT_BLOCK; i++)
		receive(&b, 0, i);
	assert_int_equal(book_take(b.book, b.receipts[0].area, 3), 3);
	assert_int_equal(book_take(b.book, b.receipts[0].area, 3), 2);
	assert_int_equal(book_take(b.book, b.receipts[0].area, 3), 0);
	close_bench(&b);
}

static void with_no_chunk_free_it_is_not_exact_from_there(void **state)
{
	(void)state;
	struct bench b;
	struct account_shape shape = account_shape(2, 1, 0);

	open_bench(&b, 1);
	close_loop(&b.receipts[0]);
	shape.chunks = 3;
	open_loop(&b.receipts[0], &shape, 0);
	uint64_t room = 3 * ACCOUNT_BLOCK;
	for (uint64_t i = 0; i < room + 500; i++) {
		answer(&b, i, false);
		if (i != 17)
			receive(&b, 0, i);
	}
	/* The parent comes, and there is room again: what was missed stays so. */
	book_take(b.book, b.receipts[0].area, UINT32_MAX);
	for (uint64_t i = room + 500; i < room + 600; i++) {
		answer(&b, i, false);
		receive(&b, 0, i);
	}
	const struct book_counts *c = settle(&b);
	assert_false(book_is_exact(b.book));
	assert_int_equal(book_exact_below(b.book, 1, 0), room);
	assert_int_equal(book_exact_below(b.book, 0, 0), ACCOUNT_EXACT);
	assert_int_equal(book_answers(b.book, 1)->exact_below, ACCOUNT_EXACT);
	/* The 500 that were missed are not called lost; the one that is lost is. */
	assert_int_equal(c->lost, 1);
	assert_int_equal(c->missing, 1);
	close_bench(&b);
}

static void what_was_not_told_of_answers_bounds_what_can_be_lost(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 100; i++)
		answer(&b, i, false);
	book_missed(b.book, 1, ACCOUNT_ANSWERS, 40);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->lost, 40);
	assert_int_equal(c->missing, 40);
	assert_false(book_is_exact(b.book));
	close_bench(&b);
}

#define HANDED (400 * (uint64_t)ACCOUNT_BLOCK)

struct hander {
	struct loop *loop;
	atomic_bool is_done;
};

static void *hand_over(void *arg)
{
	struct hander *h = arg;
	struct account_area *a = h->loop->area;

	for (uint64_t i = 0; i < HANDED; i++) {
		struct account_entry e = entry(i ^ 1);
		/* A loop does not wait.  This one does, to be sure that nothing is missed. */
		while (counter_read(&a->sealed) - counter_read(&a->taken) > 4)
			sched_yield();
		account_put(&h->loop->writer, 1, &e);
	}
	atomic_store(&h->is_done, true);
	return NULL;
}

static void a_loop_and_its_parent_need_no_lock(void **state)
{
	(void)state;
	struct bench b;
	struct account_shape shape = account_shape(2, 16, 0);
	pthread_t thread;

	open_bench(&b, 16);
	close_loop(&b.receipts[0]);
	shape.chunks = 16;
	open_loop(&b.receipts[0], &shape, 0);
	struct hander h = { .loop = &b.receipts[0] };
	assert_int_equal(pthread_create(&thread, NULL, hand_over, &h), 0);
	while (!atomic_load(&h.is_done))
		if (book_take(b.book, b.receipts[0].area, 2) == 0)
			sched_yield();
	pthread_join(thread, NULL);
	assert_true(counter_read(&b.receipts[0].area->used) <= 16);
	b.sent[1] = HANDED;
	const struct book_counts *c = settle(&b);
	assert_true(book_is_exact(b.book));
	assert_int_equal(c->received, HANDED);
	assert_int_equal(c->missing, 0);
	assert_int_equal(c->duplicated, 0);
	close_bench(&b);
}

/* --- memory of what goes on and on ------------------------------------------------------------------ */

/* Marks and disorder alone do not keep a block for ever. */
static void a_complete_block_far_behind_is_closed_with_its_marks(void **state)
{
	(void)state;
	struct bench b;

	open_bench(&b, 1);
	size_t empty = book_bytes(b.book);
	for (uint64_t i = 0; i < 200 * (uint64_t)ACCOUNT_BLOCK; i++) {
		answer(&b, i, false);
		receive_as(&b, 0, i, i % 100 == 0, i % 50 == 0);
		if (i % ACCOUNT_BLOCK == 0) {
			book_take(b.book, b.answers.area, UINT32_MAX);
			book_take(b.book, b.receipts[0].area, UINT32_MAX);
		}
	}
	assert_in_range(book_bytes(b.book) - empty, 64 * 1000, 70 * 1500);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->received, 200 * ACCOUNT_BLOCK);
	assert_int_equal(c->out_of_order, 200 * ACCOUNT_BLOCK / 50);
	assert_int_equal(c->redelivered, 0);
	assert_int_equal(c->lost, 0);
	close_bench(&b);
}

/* No whole page of it is memory. */
static void assert_untouched(const void *from, size_t bytes)
{
	uintptr_t first = ((uintptr_t)from + 4095) & ~(uintptr_t)4095;
	size_t pages = ((uintptr_t)from + bytes - first) / 4096;
	unsigned char *resident = xcalloc(pages + 1, 1);

	assert_true(pages > 0);
	assert_int_equal(mincore((void *)first, pages * 4096, resident), 0);
	for (size_t i = 0; i < pages; i++)
		assert_int_equal(resident[i] & 1, 0);
	free(resident);
}

static void a_loop_that_hands_over_nothing_takes_no_memory(void **state)
{
	(void)state;
	struct account_shape shape = account_shape(14000, 100, 4096);
	struct loop l;

	open_loop(&l, &shape, 0);
	unsigned char *last = account_area_cells(l.area, shape.chunks - 1);
	assert_in_range((uintptr_t)last, (uintptr_t)l.area,
	                (uintptr_t)l.area + l.bytes - l.area->chunk_bytes);
	struct account_entry e = entry(1);
	account_put(&l.writer, 13999, &e);
	struct book *book = book_of(1000, 1, 100, 64 * MIB);
	book_take_over(book, l.area);
	/* The chunk at hand, and none of those behind. */
	assert_untouched(account_area_chunk(l.area, 8),
	                 (shape.chunks - 8) * sizeof(struct account_chunk));
	assert_untouched(account_area_cells(l.area, 8), (size_t)4096 * 4096);
	book_destroy(book);
	close_loop(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_lost_are_named_with_partition_and_due_time),
		cmocka_unit_test(a_range_goes_across_blocks_and_ends_where_the_partition_does),
		cmocka_unit_test(one_lost_and_one_twice_are_both_told),
		cmocka_unit_test(every_message_five_times_is_four_duplicates_of_each),
		cmocka_unit_test(what_comes_again_after_its_block_was_closed_is_a_duplicate),
		cmocka_unit_test(a_marked_receipt_is_the_second_whichever_is_told_first),
		cmocka_unit_test(a_mark_on_the_only_receipt_is_no_redelivery),
		cmocka_unit_test(disorder_is_of_messages_that_came_late_each_time),
		cmocka_unit_test(failed_and_unanswered_ones_are_missing_and_not_lost),
		cmocka_unit_test(sent_and_never_heard_of_is_missing_in_whole_blocks),
		cmocka_unit_test(each_subscription_has_losses_of_its_own),
		cmocka_unit_test(due_times_go_by_the_outermost_answers),
		cmocka_unit_test(partitions_are_told_apart_up_to_the_widest),
		cmocka_unit_test(what_is_of_another_run_changes_nothing),
		cmocka_unit_test(an_open_chunk_of_a_dead_loop_is_taken_over),
		cmocka_unit_test(a_chunk_whose_seal_was_cut_short_is_taken_over_once),
		cmocka_unit_test(chunks_that_were_taken_are_not_taken_over_again),
		cmocka_unit_test(a_look_takes_no_more_than_it_is_told_to),
		cmocka_unit_test(with_no_chunk_free_it_is_not_exact_from_there),
		cmocka_unit_test(what_was_not_told_of_answers_bounds_what_can_be_lost),
		cmocka_unit_test(a_loop_and_its_parent_need_no_lock),
		cmocka_unit_test(a_complete_block_far_behind_is_closed_with_its_marks),
		cmocka_unit_test(a_loop_that_hands_over_nothing_takes_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
