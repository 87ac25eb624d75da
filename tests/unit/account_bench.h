/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_ACCOUNT_BENCH_H
#define OMB_TESTS_ACCOUNT_BENCH_H

/*
 * account_bench -- a book of one topic, loops that tell it what they see, and what it names.
 */

#include <stdint.h>
#include <sys/mman.h>

#include "account/book.h"
#include "account/writer.h"

#define MIB ((size_t)1 << 20)

static inline struct book *book_of(uint32_t producers, uint32_t subscriptions, uint32_t partitions,
                                   size_t bytes_max)
{
	static const uint32_t topic_zero[1000]; /* of every producer */
	const struct book_shape shape = {
		.topic_of = topic_zero,
		.producers = producers,
		.topics = 1,
		.subscriptions = subscriptions,
		.partitions = partitions,
		.bytes_max = bytes_max,
	};

	return book_create(&shape);
}

struct named {
	struct book_range ranges[8];
	size_t count;
};

/* Of book_lost and its like. */
static inline void keep_range(void *to, const struct book_range *range)
{
	struct named *n = to;

	assert_in_range(n->count, 0, 7);
	n->ranges[n->count++] = *range;
}

/* --- loops -------------------------------------------------------------------------------------- */

/* One topic, so many producers, one loop of answers and `loops` loops of receipts. */
#define LOOPS 4

struct loop {
	struct account_area *area;
	size_t bytes;
	struct account_writer writer;
};

struct bench {
	struct book *book;
	struct loop answers, receipts[LOOPS];
	uint64_t sent[2];
};

static inline void open_loop(struct loop *l, const struct account_shape *shape,
                             uint32_t subscription)
{
	l->bytes = account_area_bytes(shape);
	l->area = mmap(NULL, l->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(l->area, MAP_FAILED);
	account_area_init(l->area, shape);
	for (uint32_t k = 0; k < shape->keys; k++) {
		l->area->keys[k].producer = k;
		l->area->keys[k].subscription = subscription;
	}
	account_writer_init(&l->writer, l->area);
}

static inline void close_loop(struct loop *l)
{
	if (l->area == NULL)
		return;
	account_writer_fini(&l->writer);
	munmap(l->area, l->bytes);
	l->area = NULL;
}

static inline void open_bench(struct bench *b, uint32_t partitions)
{
	struct account_shape shape = account_shape(2, partitions, 64);

	*b = (struct bench){ .book = book_of(2, 1, partitions, 64 * MIB) };
	open_loop(&b->answers, &shape, ACCOUNT_ANSWERS);
	for (int i = 0; i < LOOPS; i++)
		open_loop(&b->receipts[i], &shape, 0);
}

static inline void close_bench(struct bench *b)
{
	close_loop(&b->answers);
	for (int i = 0; i < LOOPS; i++)
		close_loop(&b->receipts[i]);
	book_destroy(b->book);
}

static inline struct account_entry entry(uint64_t sequence)
{
	return (struct account_entry){
		.sequence = sequence,
		.due_ns = 5000 + sequence * 333,
		.partition = 0,
	};
}

static inline void answer(struct bench *b, uint64_t sequence, bool failed)
{
	struct account_entry e = entry(sequence);

	e.failed_or_marked = failed;
	account_put(&b->answers.writer, 1, &e);
	if (sequence >= b->sent[1])
		b->sent[1] = sequence + 1;
}

static inline void receive(struct bench *b, int loop, uint64_t sequence)
{
	struct account_entry e = entry(sequence);

	account_put(&b->receipts[loop].writer, 1, &e);
}

static inline void receive_as(struct bench *b, int loop, uint64_t sequence, bool marked, bool late)
{
	struct account_entry e = entry(sequence);

	e.failed_or_marked = marked;
	e.late = late;
	account_put(&b->receipts[loop].writer, 1, &e);
}

/* The loop has ended, and its area is merged. */
static inline void end_loop(struct bench *b, struct loop *l)
{
	book_take_over(b->book, l->area);
	close_loop(l);
}

static inline const struct book_counts *settle(struct bench *b)
{
	if (b->answers.area != NULL)
		end_loop(b, &b->answers);
	for (int i = 0; i < LOOPS; i++)
		if (b->receipts[i].area != NULL)
			end_loop(b, &b->receipts[i]);
	book_settle(b->book, b->sent);
	return book_counts(b->book, 1, 0);
}

#endif
