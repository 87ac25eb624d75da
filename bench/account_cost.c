/* SPDX-License-Identifier: Apache-2.0 */

/*
 * account_cost -- what one message costs the account: where it is told, and where it is merged.
 *
 *     account_cost none|put|receive|merge PRODUCERS PARTITIONS MESSAGES
 *
 * Messages of all producers in turn, each to a partition at random.  `none` only makes them up; `put`
 * tells them to one area besides, whose chunks are given back unread: what it costs a producers' loop;
 * `receive` judges their order, too: a consumers' loop; `merge` tells them to two, as answers and as receipts, and has a book read both: what it costs the parent is
 * `merge` - `put` - (`put` - `none`).  Of the times printed, or of the instructions that callgrind counts.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "account/book.h"
#include "account/writer.h"
#include "util/clock.h"
#include "util/rng.h"
#include "util/xalloc.h"

/* Chunks that the parent may be behind; it looks once for so many messages. */
#define BEHIND     4096
#define LOOK_EVERY 100000

enum mode { MODE_NONE, MODE_PUT, MODE_RECEIVE, MODE_MERGE };

struct bench {
	enum mode mode;
	uint32_t producers, partitions;
	struct account_area *areas[2]; /* of answers and of receipts */
	struct account_writer writers[2];
	struct book *book;
	uint64_t *last;   /* [partition][producer], as receipts have it */
	uint64_t made_up; /* so that nothing is left out */
};

static struct account_area *map_area(const struct account_shape *shape, uint32_t subscription)
{
	struct account_area *a = mmap(NULL, account_area_bytes(shape), PROT_READ | PROT_WRITE,
	                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (a == MAP_FAILED) {
		perror("account_cost: mmap");
		exit(1);
	}
	account_area_init(a, shape);
	for (uint32_t k = 0; k < shape->keys; k++) {
		a->keys[k].producer = k;
		a->keys[k].subscription = subscription;
	}
	return a;
}

static void open_bench(struct bench *b)
{
	struct account_shape shape = account_shape(b->producers, b->partitions, BEHIND);
	uint32_t *topic_of = xcalloc(b->producers, sizeof(*topic_of));
	const struct book_shape book = {
		.topic_of = topic_of,
		.producers = b->producers,
		.topics = 1,
		.subscriptions = 1,
		.partitions = b->partitions,
		.bytes_max = (size_t)256 << 20,
	};

	b->book = book_create(&book);
	b->last = xcalloc((size_t)b->producers * b->partitions, sizeof(*b->last));
	free(topic_of);
	for (uint32_t i = 0; i < 2; i++) {
		b->areas[i] = map_area(&shape, i == 0 ? ACCOUNT_ANSWERS : 0);
		account_writer_init(&b->writers[i], b->areas[i]);
	}
}

static void read_nothing(void *to, const struct account_chunk *chunk, unsigned partition_bytes)
{
	(void)to;
	(void)chunk;
	(void)partition_bytes;
}

static void look(struct bench *b)
{
	for (int i = 0; i < 2; i++) {
		if (b->mode == MODE_MERGE)
			book_take(b->book, b->areas[i], UINT32_MAX);
		else
			account_area_take(b->areas[i], UINT32_MAX, read_nothing, NULL);
	}
}

static void send_and_receive(struct bench *b, uint64_t messages)
{
	struct rng rng = { 1 };
	uint64_t sequence = 0;

	for (uint64_t n = 0, key = 0; n < messages; n++) {
		struct account_entry e = {
			.sequence = sequence,
			.due_ns = n,
			.partition = (int32_t)rng_below(&rng, b->partitions),
		};
		if (b->mode == MODE_NONE)
			b->made_up += e.sequence ^ (uint64_t)e.partition;
		if (b->mode == MODE_RECEIVE)
			e.late = account_is_late(
				&b->last[(uint64_t)e.partition * b->producers + key], sequence);
		if (b->mode != MODE_NONE)
			account_put(&b->writers[1], (uint32_t)key, &e);
		if (b->mode == MODE_MERGE)
			account_put(&b->writers[0], (uint32_t)key, &e);
		if (++key == b->producers) {
			key = 0;
			sequence++;
		}
		if (n % LOOK_EVERY == 0)
			look(b);
	}
	look(b);
}

int main(int argc, char **argv)
{
	static const char *const modes[] = { "none", "put", "receive", "merge" };
	struct bench b = { 0 };

	if (argc != 5) {
		fprintf(stderr,
		        "account_cost none|put|receive|merge PRODUCERS PARTITIONS MESSAGES\n");
		return 2;
	}
	while (b.mode < MODE_MERGE && strcmp(argv[1], modes[b.mode]) != 0)
		b.mode++;
	b.producers = (uint32_t)strtoul(argv[2], NULL, 10);
	b.partitions = (uint32_t)strtoul(argv[3], NULL, 10);
	uint64_t messages = strtoull(argv[4], NULL, 10);
	open_bench(&b);
	uint64_t from_ns = clock_ns();
	send_and_receive(&b, messages);
	printf("%s: %.2f ns a message (%llu)\n", modes[b.mode],
	       (double)(clock_ns() - from_ns) / (double)messages, (unsigned long long)b.made_up);
	if (b.mode != MODE_NONE && !book_is_exact(b.book))
		return 1;
	for (int i = 0; i < 2; i++)
		account_writer_fini(&b.writers[i]);
	book_destroy(b.book);
	free(b.last);
	return 0;
}
