/* SPDX-License-Identifier: Apache-2.0 */

/* What never came and when it was due, and what is still to come. */

#include "account/book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "account_bench.h"

/* --- what never came ----------------------------------------------------------------------------- */

static void assert_range(const struct book_range *r, uint64_t first, uint64_t last,
                         uint64_t first_due_ns, uint64_t last_due_ns)
{
	assert_int_equal(r->first, first);
	assert_int_equal(r->last, last);
	assert_int_equal(r->first_due_ns, first_due_ns);
	assert_int_equal(r->last_due_ns, last_due_ns);
	assert_int_equal(r->partition, -1);
}

/* Whatever the answer was, block by block, with the times that are known. */
static void what_never_came_is_named_with_its_due_times(void **state)
{
	(void)state;
	struct bench b;
	struct named named = { 0 };

	open_bench(&b, 8);
	for (uint64_t i = 0; i < 5 * ACCOUNT_BLOCK; i++) {
		/* All is well in the first two blocks, but for a failure and an answer that is missing
		 * and a message that is lost; nothing at all is known of the last three. */
		if (i < 2 * ACCOUNT_BLOCK && i != 20)
			answer(&b, i, i == 10);
		if (i < 2 * ACCOUNT_BLOCK && i != 10 && i != 20 && i != 21 &&
		    i != ACCOUNT_BLOCK - 1)
			receive(&b, (int)(i % LOOPS), i);
	}
	b.sent[1] = 4 * ACCOUNT_BLOCK + 7;
	const struct book_counts *c = settle(&b);
	book_missing(b.book, b.sent, keep_range, &named);
	assert_int_equal(named.count, 6);
	assert_range(&named.ranges[0], 10, 10, entry(10).due_ns, entry(10).due_ns);
	assert_range(&named.ranges[1], 20, 21, entry(20).due_ns, entry(21).due_ns);
	uint64_t last = ACCOUNT_BLOCK - 1;
	assert_range(&named.ranges[2], last, last, entry(last).due_ns, entry(last).due_ns);
	/* The second block was closed: its last message is the last that is known. */
	last = 2 * ACCOUNT_BLOCK - 1;
	uint64_t known_ns = entry(last).due_ns;
	assert_range(&named.ranges[3], last + 1, last + ACCOUNT_BLOCK, known_ns, known_ns);
	assert_range(&named.ranges[4], 3 * ACCOUNT_BLOCK, 4 * ACCOUNT_BLOCK - 1, known_ns,
	             known_ns);
	assert_range(&named.ranges[5], 4 * ACCOUNT_BLOCK, b.sent[1] - 1, known_ns, known_ns);
	uint64_t messages = 0;
	for (size_t i = 0; i < named.count; i++)
		messages += named.ranges[i].last - named.ranges[i].first + 1;
	assert_int_equal(messages, c->missing);
	close_bench(&b);
}

static void nothing_is_called_missing_beyond_what_is_known(void **state)
{
	(void)state;
	struct bench b;
	struct named named = { 0 };

	open_bench(&b, 1);
	for (uint64_t i = 0; i < 100; i++)
		answer(&b, i, false);
	book_missed(b.book, 1, 0, 40);
	(void)settle(&b);
	book_missing(b.book, b.sent, keep_range, &named);
	assert_int_equal(named.count, 1);
	assert_range(&named.ranges[0], 0, 39, entry(0).due_ns, entry(39).due_ns);
	close_bench(&b);
}

/* Producer 0 sends to a topic with one subscription, producer 1 to one with two. */
static void a_topic_is_missed_by_the_subscriptions_that_it_has(void **state)
{
	(void)state;
	static const uint32_t topic_of[] = { 0, 1 }, subscriptions_of[] = { 1, 2 };
	const struct book_shape of = { .topic_of = topic_of,
		                       .producers = 2,
		                       .topics = 2,
		                       .subscriptions = 2,
		                       .subscriptions_of = subscriptions_of,
		                       .partitions = 1,
		                       .bytes_max = 64 * MIB };
	struct book *book = book_create(&of);
	struct account_shape shape = account_shape(2, 1, 64);
	struct loop answers, receipts;
	uint64_t sent[] = { 100 * ACCOUNT_BLOCK, 3 * ACCOUNT_BLOCK };
	struct named named = { 0 };

	open_loop(&answers, &shape, ACCOUNT_ANSWERS);
	open_loop(&receipts, &shape, 0);
	size_t empty = book_bytes(book);
	for (uint64_t i = 0; i < sent[0]; i++) {
		struct account_entry e = entry(i);
		for (uint32_t p = 0; p < 2 && i < sent[p]; p++) {
			account_put(&answers.writer, p, &e);
			account_put(&receipts.writer, p, &e);
		}
		book_take(book, answers.area, UINT32_MAX);
		book_take(book, receipts.area, UINT32_MAX);
	}
	assert_int_equal(book_outstanding(book, (struct account_area *[]){ answers.area }, 1),
	                 sent[1]);
	book_take_over(book, answers.area);
	book_take_over(book, receipts.area);
	assert_in_range(book_bytes(book) - empty, 0, 8000); /* the blocks of producer 1 */
	sent[0] += 7;                                       /* of which nothing is known */
	book_settle(book, sent);
	assert_int_equal(book_counts(book, 0, 0)->missing, 7);
	assert_int_equal(book_counts(book, 0, 1)->missing, 0);
	assert_int_equal(book_counts(book, 1, 0)->missing, 0);
	assert_int_equal(book_counts(book, 1, 1)->missing, sent[1]);
	assert_int_equal(book_counts(book, 1, 1)->lost, sent[1]);
	book_lost(book, sent, keep_range, &named);
	assert_int_equal(named.count, 1);
	assert_int_equal(named.ranges[0].producer, 1);
	assert_int_equal(named.ranges[0].subscription, 1);
	close_loop(&answers);
	close_loop(&receipts);
	book_destroy(book);
}

/* --- what is still to come ----------------------------------------------------------------------- */

static uint64_t outstanding(struct bench *b)
{
	struct account_area *areas[1 + LOOPS] = { b->answers.area };

	for (int i = 0; i < LOOPS; i++)
		areas[1 + i] = b->receipts[i].area;
	for (int i = 0; i < 1 + LOOPS; i++)
		book_take(b->book, areas[i], UINT32_MAX);
	return book_outstanding(b->book, areas, 1 + LOOPS);
}

/* In what is sealed, in what is open, in both, in closed blocks, and in small ones far behind. */
static void what_is_still_to_come_is_known_while_loops_go_on(void **state)
{
	(void)state;
	struct bench b;
	uint64_t messages = 70 * ACCOUNT_BLOCK + 100;

	open_bench(&b, 1);
	assert_int_equal(outstanding(&b), 0);
	for (uint64_t i = 0; i < messages; i++) {
		bool failed = i == 50 || i == messages - 50; /* nobody waits for these */
		answer(&b, i, failed);
		if (i > 2 && !failed && i != 5 * ACCOUNT_BLOCK && i + 2 < messages)
			receive(&b, (int)(i % LOOPS), i);
		if (i % ACCOUNT_BLOCK == 77)
			(void)outstanding(&b);
	}
	assert_int_equal(outstanding(&b), 3 + 1 + 2);
	receive(&b, 3, 60); /* twice: that makes up for nothing */
	receive(&b, 2, messages - 1);
	assert_int_equal(outstanding(&b), 5);
	receive(&b, 0, 1);
	receive(&b, 1, 5 * ACCOUNT_BLOCK);
	assert_int_equal(outstanding(&b), 3);
	receive(&b, 0, 0);
	receive(&b, 0, 2);
	receive(&b, 0, messages - 2);
	assert_int_equal(outstanding(&b), 0);
	const struct book_counts *c = settle(&b);
	assert_int_equal(c->lost, 0);
	assert_int_equal(c->missing, 2);
	assert_int_equal(c->duplicated, 1);
	close_bench(&b);
}

static void each_subscription_waits_for_messages_of_its_own(void **state)
{
	(void)state;
	struct book *book = book_of(2, 2, 1, 64 * MIB);
	struct account_shape shape = account_shape(2, 1, 8);
	struct loop answers, receipts[2];
	struct account_area *areas[3];

	open_loop(&answers, &shape, ACCOUNT_ANSWERS);
	open_loop(&receipts[0], &shape, 0);
	open_loop(&receipts[1], &shape, 1);
	areas[0] = answers.area;
	areas[1] = receipts[0].area;
	areas[2] = receipts[1].area;
	for (uint32_t producer = 0; producer < 2; producer++) {
		for (uint64_t i = 0; i < 10; i++) {
			struct account_entry e = entry(i);
			account_put(&answers.writer, producer, &e);
			if (i < 8)
				account_put(&receipts[0].writer, producer, &e);
			if (i < 9 && producer == 1)
				account_put(&receipts[1].writer, producer, &e);
		}
	}
	assert_int_equal(book_outstanding(book, areas, 3), 2 + 2 + 10 + 1);
	/* Received before the answer came: nobody waits for it yet. */
	struct account_entry early = entry(99);
	account_put(&receipts[0].writer, 0, &early);
	assert_int_equal(book_outstanding(book, areas, 3), 2 + 2 + 10 + 1);
	close_loop(&answers);
	close_loop(&receipts[0]);
	close_loop(&receipts[1]);
	book_destroy(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_never_came_is_named_with_its_due_times),
		cmocka_unit_test(nothing_is_called_missing_beyond_what_is_known),
		cmocka_unit_test(a_topic_is_missed_by_the_subscriptions_that_it_has),
		cmocka_unit_test(what_is_still_to_come_is_known_while_loops_go_on),
		cmocka_unit_test(each_subscription_waits_for_messages_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
