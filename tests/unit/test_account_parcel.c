/* SPDX-License-Identifier: Apache-2.0 */
#include "account/book.h"
#include "account/parcel.h"
#include "account/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "account_bench.h"
#include "util/rng.h"

static void pack(void *to, const struct account_chunk *c, unsigned partition_bytes)
{
	assert_true(parcel_add(to, c, partition_bytes, c->producer, c->subscription));
}

static void merge(void *to, const struct account_chunk *c, unsigned partition_bytes)
{
	book_merge(to, c, partition_bytes);
}

static void count(void *to, const struct account_chunk *c, unsigned partition_bytes)
{
	(void)c;
	(void)partition_bytes;
	(*(unsigned *)to)++;
}

struct both {
	struct parcel *parcel;
	struct book *book;
};

static void pack_and_merge(void *to, const struct account_chunk *c, unsigned partition_bytes)
{
	const struct both *both = to;

	pack(both->parcel, c, partition_bytes);
	book_merge(both->book, c, partition_bytes);
}

/* All that the loops of `b` have, packed, and in its book. */
static struct text pack_bench(struct bench *b)
{
	struct both both = { parcel_create(SIZE_MAX), b->book };
	struct text bytes = { 0 };

	account_area_take_over(b->answers.area, pack_and_merge, &both);
	for (int i = 0; i < LOOPS; i++)
		account_area_take_over(b->receipts[i].area, pack_and_merge, &both);
	parcel_take(both.parcel, &bytes);
	parcel_destroy(both.parcel);
	return bytes;
}

/* Some are lost, late, marked, failed, and twice there: a little of everything. */
static void live(struct bench *b, uint64_t messages)
{
	struct rng rng;

	rng = (struct rng){ 7 };
	for (uint64_t i = 0; i < messages; i++) {
		uint64_t chance = rng_below(&rng, 1000);
		answer(b, i, chance < 3);
		if (chance > 990)
			continue;
		receive_as(b, (int)rng_below(&rng, LOOPS), i, chance % 97 == 5, chance % 89 == 5);
		if (chance % 113 == 9)
			receive_as(b, (int)rng_below(&rng, LOOPS), i, chance % 2 == 0, false);
	}
}

static void a_book_far_away_says_the_same(void **state)
{
	(void)state;

	for (uint32_t partitions = 1; partitions < 2000; partitions = partitions * 16 + 1) {
		struct bench b;
		struct error err = { 0 };

		open_bench(&b, partitions);
		struct book *away = book_of(2, 1, partitions, 64 * MIB);
		live(&b, 20000);
		struct text bytes = pack_bench(&b);
		assert_true(parcel_read(bytes.data, bytes.len, merge, away, &err));
		const struct book_counts *here = book_counts(b.book, 1, 0);
		book_settle(b.book, b.sent);
		book_settle(away, b.sent);
		assert_memory_equal(book_counts(away, 1, 0), here, sizeof(*here));
		assert_true(here->lost > 0 && here->duplicated > 0 && here->redelivered > 0);
		assert_true(here->out_of_order > 0 && here->delivered_though_failed > 0);
		assert_memory_equal(book_answers(away, 1), book_answers(b.book, 1),
		                    sizeof(struct book_answers));
		assert_memory_equal(book_partition(away, 0, 0, 0), book_partition(b.book, 0, 0, 0),
		                    sizeof(*here));
		text_fini(&bytes);
		book_destroy(away);
		close_bench(&b);
	}
}

static void ranges_have_the_due_times_of_who_packed_them(void **state)
{
	(void)state;
	struct bench b;
	struct named named = { 0 };
	struct error err = { 0 };
	struct book *away = book_of(2, 1, 8, 64 * MIB);

	open_bench(&b, 8);
	for (uint64_t i = 0; i < 6000; i++) {
		answer(&b, i, false);
		if (i < 5041 || i > 5043)
			receive(&b, 0, i);
	}
	struct text bytes = pack_bench(&b);
	assert_true(parcel_read(bytes.data, bytes.len, merge, away, &err));
	book_settle(away, b.sent);
	book_lost(away, b.sent, keep_range, &named);
	assert_int_equal(named.count, 1);
	assert_int_equal(named.ranges[0].first, 5041);
	assert_int_equal(named.ranges[0].first_due_ns, 5000 + 5041 * 333);
	assert_int_equal(named.ranges[0].last_due_ns, 5000 + 5043 * 333);
	text_fini(&bytes);
	book_destroy(away);
	close_bench(&b);
}

static void a_full_one_takes_no_more_and_is_empty_when_it_was_taken(void **state)
{
	(void)state;
	struct bench b;
	struct parcel *p = parcel_create(1);
	struct text bytes = { 0 }, none = { 0 };
	struct error err = { 0 };
	unsigned chunks = 0;

	open_bench(&b, 1);
	live(&b, 5000);
	struct account_chunk *c = account_area_chunk(b.answers.area, 0);
	assert_true(parcel_is_empty(p));
	parcel_take(p, &none);
	assert_int_equal(none.len, 0);
	unsigned added = 0; /* what is packed comes out in pieces: some go in before it is seen */
	while (parcel_add(p, c, 0, 1, ACCOUNT_ANSWERS))
		added++;
	assert_in_range(added, 1, 10000);
	parcel_take(p, &bytes);
	assert_true(parcel_is_empty(p));
	assert_true(parcel_add(p, c, 0, 1, ACCOUNT_ANSWERS));
	assert_true(parcel_read(bytes.data, bytes.len, count, &chunks, &err));
	assert_int_equal(chunks, added);
	text_fini(&bytes);
	parcel_destroy(p);
	close_bench(&b);
}

/* A healthy load is small on the wire: bounds of an order of magnitude, not of a zlib. */
static void a_chunk_of_a_healthy_load_is_small(void **state)
{
	(void)state;
	struct bench b;
	struct parcel *p = parcel_create(SIZE_MAX);
	struct text bytes = { 0 };

	open_bench(&b, 16);
	for (uint64_t i = 0; i < 4 * ACCOUNT_BLOCK; i++) {
		struct account_entry e = entry(i);
		e.partition = (int32_t)(i / 200 % 16);
		account_put(&b.answers.writer, 1, &e);
	}
	account_area_take(b.answers.area, UINT32_MAX, pack, p);
	parcel_take(p, &bytes);
	assert_in_range(bytes.len, 1, 4 * 600);
	text_fini(&bytes);
	parcel_destroy(p);
	close_bench(&b);
}

static bool fails(const char *bytes, size_t len)
{
	struct error err = { 0 };
	struct book *book = book_of(2, 1, 8, 4 * MIB);
	bool ok = parcel_read(bytes, len, merge, book, &err);

	if (!ok)
		assert_int_equal(err.kind, ERROR_PROTOCOL);
	book_destroy(book);
	return !ok;
}

static void bytes_that_are_none_are_told(void **state)
{
	(void)state;
	struct bench b;
	struct rng rng;

	open_bench(&b, 8);
	live(&b, 9000);
	struct text bytes = pack_bench(&b);
	assert_false(fails(bytes.data, bytes.len));
	assert_true(fails("no zlib", 7));
	for (size_t len = 1; len < bytes.len; len += 97)
		assert_true(fails(bytes.data, len));
	rng = (struct rng){ 3 };
	for (int i = 0; i < 300; i++) { /* whatever they are, nothing but a refusal comes of it */
		struct text copy = { 0 };
		text_add_bytes(&copy, bytes.data, bytes.len);
		for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--) {
			char *at = &copy.data[rng_below(&rng, copy.len)];
			*at = (char)((unsigned char)*at ^ 1u << rng_below(&rng, 8));
		}
		(void)fails(copy.data, copy.len);
		text_fini(&copy);
	}
	text_fini(&bytes);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_book_far_away_says_the_same),
		cmocka_unit_test(ranges_have_the_due_times_of_who_packed_them),
		cmocka_unit_test(a_full_one_takes_no_more_and_is_empty_when_it_was_taken),
		cmocka_unit_test(a_chunk_of_a_healthy_load_is_small),
		cmocka_unit_test(bytes_that_are_none_are_told),
	};

	return cmocka_run_group_tests_name("account_parcel", tests, NULL, NULL);
}
