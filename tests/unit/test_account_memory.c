/* SPDX-License-Identifier: Apache-2.0 */

/* What the account of a run takes: bounded while all is well, little for what went wrong, and a limit. */

#include "account/book.h"
#include "account/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "account_bench.h"
#include "util/rng.h"

/*
 * A healthy group of four, in the shape of 1,000 producers at 1 M msg/s: each member has a quarter of
 * each block, at random places; and keeps a chunk open until four later blocks have begun.
 */
#define GROUP_PRODUCERS 1000
#define GROUP_MEMBERS   4
#define GROUP_BEHIND    4

struct group {
	struct book *book;
	unsigned partition_bytes;
	struct account_chunk *answers;
	struct account_chunk *quarters[GROUP_MEMBERS];
	struct rng rng;
};

static struct account_chunk *chunk_of(unsigned partition_bytes, struct rng *rng)
{
	uint32_t cell_bytes = account_cell_bytes(partition_bytes);
	size_t bytes = sizeof(struct account_chunk) + (size_t)cell_bytes * ACCOUNT_WORDS;
	struct account_chunk *c = aligned_alloc(64, (bytes + 63) / 64 * 64);

	assert_non_null(c);
	memset(c, 0, bytes);
	c->cells_at = sizeof(*c);
	c->cell_bytes = cell_bytes;
	for (uint32_t i = 0; i < ACCOUNT_BLOCK; i++)
		account_put_code(account_chunk_cell(c, i / 64)->codes, partition_bytes, i % 64,
		                 1 + (uint32_t)rng_below(rng, 16));
	return c;
}

static uint64_t *here(struct account_chunk *c, uint32_t word)
{
	return &account_chunk_cell(c, word)->lanes[LANE_HERE];
}

/* All messages are in it, or none. */
static void fill(struct account_chunk *c, bool with_all)
{
	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++)
		*here(c, w) = with_all ? UINT64_MAX : 0;
}

static void open_group(struct group *g, uint32_t partitions)
{
	*g = (struct group){
		.book = book_of(GROUP_PRODUCERS, 1, partitions, 256 * MIB),
		.partition_bytes = account_partition_bytes(partitions),
		.rng = { 99 },
	};
	g->answers = chunk_of(g->partition_bytes, &g->rng);
	g->answers->subscription = ACCOUNT_ANSWERS;
	fill(g->answers, true);
	for (int m = 0; m < GROUP_MEMBERS; m++)
		g->quarters[m] = chunk_of(g->partition_bytes, &g->rng);
	for (uint32_t i = 0; i < ACCOUNT_BLOCK; i++) {
		uint64_t m = rng_below(&g->rng, GROUP_MEMBERS);
		*here(g->quarters[m], i / 64) |= UINT64_C(1) << (i % 64);
	}
}

static void close_group(struct group *g)
{
	free(g->answers);
	for (int m = 0; m < GROUP_MEMBERS; m++)
		free(g->quarters[m]);
	book_destroy(g->book);
}

static void merge(struct group *g, struct account_chunk *c, uint32_t producer, uint64_t block)
{
	c->producer = producer;
	c->block = block;
	book_merge(g->book, c, g->partition_bytes);
}

/* The next block of so many producers is answered, and the one of four blocks ago received. */
static void next_block(struct group *g, uint32_t producers, uint64_t block)
{
	struct account_chunk **quarters = g->quarters;

	for (uint32_t p = 0; p < producers; p++) {
		merge(g, g->answers, p, block);
		if (block < GROUP_BEHIND)
			continue;
		uint64_t at = block - GROUP_BEHIND;
		/* Members come one by one, so a block is in parts for a while. */
		merge(g, quarters[2], p, at + 2);
		merge(g, quarters[0], p, at + 1);
		merge(g, quarters[3], p, at);
		merge(g, quarters[1], p, at);
	}
}

/* All of them for six minutes, and ten of them for the whole hour. */
static void an_hour_of_a_healthy_group_takes_what_a_minute_does(void **state)
{
	(void)state;
	uint64_t hour = UINT64_C(1000000) * 3600 / GROUP_PRODUCERS / ACCOUNT_BLOCK; /* blocks */
	struct group g;

	open_group(&g, 1);
	uint64_t block = 0;
	for (; block < hour / 60 + GROUP_BEHIND; block++)
		next_block(&g, GROUP_PRODUCERS, block);
	size_t minute_bytes = book_bytes_most(g.book);
	for (; block < hour / 10; block++)
		next_block(&g, GROUP_PRODUCERS, block);
	for (; block < hour; block++)
		next_block(&g, 10, block);
	assert_int_equal(book_bytes_most(g.book), minute_bytes);
	assert_in_range(book_bytes_most(g.book), MIB / 2, 64 * MIB);
	assert_int_equal(book_answers(g.book, 7)->acknowledged, hour * ACCOUNT_BLOCK);
	/* But for the quarters that are not in yet. */
	uint64_t received = book_counts(g.book, 7, 0)->received;
	assert_in_range(received, (hour - GROUP_BEHIND) * ACCOUNT_BLOCK, hour * ACCOUNT_BLOCK);
	close_group(&g);
}

static void partitions_of_what_is_under_way_are_within_the_bound(void **state)
{
	(void)state;
	struct group g;

	open_group(&g, 16);
	for (uint64_t block = 0; block < 12; block++)
		next_block(&g, GROUP_PRODUCERS, block);
	print_message("1,000 producers, 16 partitions, group of 4: %.1f MiB at most\n",
	              (double)book_bytes_most(g.book) / (double)MIB);
	assert_in_range(book_bytes_most(g.book), 16 * MIB, 64 * MIB);
	close_group(&g);
}

/* The whole way from loops to the book: areas are memory as far as they were touched. */
#define WAY_PRODUCERS 256
#define WAY_LOOPS     (1 + GROUP_MEMBERS)
#define WAY_LOOK      100 /* messages of each producer from one look of the parent to the next */

struct way {
	struct book *book;
	struct account_area *areas[WAY_LOOPS]; /* the first one of answers */
	size_t bytes;                          /* of each */
	struct account_writer writers[WAY_LOOPS];
	struct rng rng;
	uint64_t next; /* sequence, of every producer */
};

static void open_way(struct way *w)
{
	struct account_shape shape = account_shape(WAY_PRODUCERS, 16, 1024);

	*w = (struct way){ .book = book_of(WAY_PRODUCERS, 1, 16, 64 * MIB),
		           .bytes = account_area_bytes(&shape),
		           .rng = { 7 } };
	for (int i = 0; i < WAY_LOOPS; i++) {
		w->areas[i] = mmap(NULL, w->bytes, PROT_READ | PROT_WRITE,
		                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(w->areas[i], MAP_FAILED);
		account_area_init(w->areas[i], &shape);
		for (uint32_t k = 0; k < WAY_PRODUCERS; k++) {
			w->areas[i]->keys[k].producer = k;
			w->areas[i]->keys[k].subscription = i == 0 ? ACCOUNT_ANSWERS : 0;
		}
		account_writer_init(&w->writers[i], w->areas[i]);
	}
}

static void close_way(struct way *w)
{
	for (int i = 0; i < WAY_LOOPS; i++) {
		account_writer_fini(&w->writers[i]);
		munmap(w->areas[i], w->bytes);
	}
	book_destroy(w->book);
}

/* Every partition has its member. */
static void go_on(struct way *w, uint64_t until)
{
	for (; w->next < until; w->next++) {
		for (uint32_t p = 0; p < WAY_PRODUCERS; p++) {
			int32_t partition = (int32_t)rng_below(&w->rng, 16);
			struct account_entry e = { .sequence = w->next, .partition = partition };
			account_put(&w->writers[0], p, &e);
			account_put(&w->writers[1 + partition % GROUP_MEMBERS], p, &e);
		}
		for (int i = 0; i < WAY_LOOPS && w->next % WAY_LOOK == 0; i++)
			(void)book_take(w->book, w->areas[i], UINT32_MAX);
	}
}

static size_t touched_bytes(const struct way *w)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (w->bytes + page - 1) / page;
	unsigned char *resident = malloc(pages);
	size_t bytes = 0;

	assert_non_null(resident);
	for (int i = 0; i < WAY_LOOPS; i++) {
		assert_int_equal(mincore(w->areas[i], w->bytes, resident), 0);
		for (size_t k = 0; k < pages; k++)
			bytes += (resident[k] & 1) * page;
	}
	free(resident);
	return bytes;
}

/* Of the mapping of an area, as the system counts it for this process, in KiB. */
static unsigned long resident_kib(const struct account_area *a)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kib = 0;
	char line[512];
	bool is_its = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_its = (uintptr_t)a >= start && (uintptr_t)a < end;
		else if (is_its && sscanf(line, "Rss: %lu kB", &kib) == 1)
			break;
	}
	(void)fclose(f);
	return kib;
}

static void what_was_read_is_let_go_and_what_was_taken_over_is_gone(void **state)
{
	(void)state;
	struct way w;

	open_way(&w);
	go_on(&w, ACCOUNT_BLOCK + 100);
	assert_in_range(resident_kib(w.areas[1]), 1024, w.bytes / 1024);
	for (int i = 0; i < WAY_LOOPS; i++) {
		account_area_let_go(w.areas[i]);
		assert_in_range(resident_kib(w.areas[i]), 0, 256);
	}
	/* All of it is there, and the loops go on. */
	assert_true(touched_bytes(&w) > MIB);
	go_on(&w, 2 * ACCOUNT_BLOCK);
	for (int i = 0; i < WAY_LOOPS; i++) {
		book_take_over(w.book, w.areas[i]);
		account_area_free(w.areas[i]);
	}
	assert_in_range(touched_bytes(&w), 0, WAY_LOOPS * 256 * 1024);
	for (uint32_t p = 0; p < WAY_PRODUCERS; p++)
		assert_int_equal(book_counts(w.book, p, 0)->received, 2 * ACCOUNT_BLOCK);
	assert_true(book_is_exact(w.book));
	close_way(&w);
}

static void what_loops_hand_over_touches_what_is_open_and_no_more_with_time(void **state)
{
	(void)state;
	struct way w;

	open_way(&w);
	go_on(&w, 6 * ACCOUNT_BLOCK);
	size_t areas = touched_bytes(&w), book = book_bytes_most(w.book);
	go_on(&w, 9 * ACCOUNT_BLOCK);
	print_message("%d producers, 16 partitions, group of 4: areas %.1f MiB, book %.1f MiB\n",
	              WAY_PRODUCERS, (double)areas / (double)MIB, (double)book / (double)MIB);
	/* A few more of those that were behind at a look. */
	assert_in_range(touched_bytes(&w), areas, areas + areas / 20);
	assert_in_range(book_bytes_most(w.book), book, book + book / 20);
	/* Of each producer one chunk of answers is open, and four of each member's; and all of them are
	 * sealed at the same time here. */
	assert_in_range(areas, 16 * MIB, 40 * MIB);
	assert_in_range(book, 1 * MIB, 16 * MIB);
	assert_true(book_is_exact(w.book));
	close_way(&w);
}

static void blocks_that_close_in_disorder_leave_one_run(void **state)
{
	(void)state;
	struct group g;

	open_group(&g, 1);
	size_t empty = book_bytes(g.book);
	fill(g.quarters[0], true);
	for (uint64_t block = 0; block < 20000; block++) {
		merge(&g, g.answers, 0, block ^ 7);
		merge(&g, g.quarters[0], 0, block ^ 7);
	}
	assert_in_range(book_bytes(g.book) - empty, 1, 400);
	close_group(&g);
}

/* An hour with a message lost in every block of every producer. */
static void what_went_wrong_takes_little_once_it_is_behind(void **state)
{
	(void)state;
	struct group g;
	uint64_t blocks = 300, sent[GROUP_PRODUCERS] = { 0 };
	struct named named = { 0 };

	open_group(&g, 16);
	fill(g.quarters[0], true);
	*here(g.quarters[0], 5) &= ~(UINT64_C(1) << 9);
	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++)
		memcpy(account_chunk_cell(g.quarters[0], w)->codes,
		       account_chunk_cell(g.answers, w)->codes, 64);
	for (uint32_t i = 0; i < ACCOUNT_BLOCK; i++) /* known where it was acknowledged */
		account_put_code(account_chunk_cell(g.answers, i / 64)->codes, 1, i % 64, 12);
	size_t empty = book_bytes(g.book);
	for (uint64_t block = 0; block < blocks; block++) {
		for (uint32_t p = 0; p < 10; p++) {
			merge(&g, g.answers, p, block);
			merge(&g, g.quarters[0], p, block);
		}
	}
	/* 64 blocks of each at full size, the others at some 130 bytes. */
	assert_in_range(book_bytes(g.book) - empty, 0, 10 * (UINT64_C(64) * 6000 + blocks * 200));
	sent[3] = blocks * ACCOUNT_BLOCK;
	book_settle(g.book, sent);
	assert_int_equal(book_counts(g.book, 3, 0)->lost, blocks);
	assert_int_equal(book_partition(g.book, 0, 0, 11)->lost, blocks);
	/* A small block grows again when what was missing comes after all. */
	fill(g.quarters[1], false);
	*here(g.quarters[1], 5) = UINT64_C(1) << 9;
	for (uint64_t block = 0; block < blocks; block++)
		if (block != 2 && block != 200)
			merge(&g, g.quarters[1], 3, block);
	book_settle(g.book, sent);
	assert_int_equal(book_counts(g.book, 3, 0)->lost, 2);
	assert_int_equal(book_counts(g.book, 3, 0)->missing, 2);
	assert_int_equal(book_counts(g.book, 3, 0)->duplicated, 0);
	book_lost(g.book, sent, keep_range, &named);
	assert_int_equal(named.count, 2);
	assert_int_equal(named.ranges[0].first, 2 * ACCOUNT_BLOCK + UINT64_C(5) * 64 + 9);
	assert_int_equal(named.ranges[0].partition, 11);
	close_group(&g);
}

/* A consumer that is far behind: a byte a message at most, and a limit. */
static void a_backlog_has_a_limit_and_says_so(void **state)
{
	(void)state;
	struct book *book = book_of(2, 1, 16, 2 * MIB);
	struct group g = { .book = book, .partition_bytes = 1, .rng = { 5 } };
	uint64_t sent[2] = { 0, 100000 * (uint64_t)ACCOUNT_BLOCK };

	g.answers = chunk_of(1, &g.rng);
	g.answers->subscription = ACCOUNT_ANSWERS;
	fill(g.answers, true);
	for (uint64_t block = 0; block < 100000; block++)
		merge(&g, g.answers, 1, block);
	assert_in_range(book_bytes_most(book), MIB, 2 * MIB);
	assert_false(book_is_exact(book));
	uint64_t below = book_answers(book, 1)->exact_below;
	book_settle(book, sent);
	assert_in_range(below, 1000 * ACCOUNT_BLOCK, 99999 * (uint64_t)ACCOUNT_BLOCK);
	assert_int_equal(book_counts(book, 1, 0)->lost, below);
	/* The second half of the memory went to blocks without partitions. */
	assert_in_range(book_partition(book, 0, 0, -1)->lost, ACCOUNT_BLOCK, below);
	free(g.answers);
	book_destroy(book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_of_a_healthy_group_takes_what_a_minute_does),
		cmocka_unit_test(partitions_of_what_is_under_way_are_within_the_bound),
		cmocka_unit_test(what_loops_hand_over_touches_what_is_open_and_no_more_with_time),
		cmocka_unit_test(what_was_read_is_let_go_and_what_was_taken_over_is_gone),
		cmocka_unit_test(blocks_that_close_in_disorder_leave_one_run),
		cmocka_unit_test(what_went_wrong_takes_little_once_it_is_behind),
		cmocka_unit_test(a_backlog_has_a_limit_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
