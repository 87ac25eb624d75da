/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_CHUNK_H
#define OMB_ACCOUNT_CHUNK_H

/*
 * chunk -- what one loop saw of one block: 4,096 neighbouring sequences of one producer.
 *
 * A chunk is a set: each sequence is in it once at most.  A message that is seen again goes into
 * another chunk of the same block, so that whoever merges all chunks (book.h) counts it again, and no
 * chunk has a count that could go wrong.  Chunks of answers are of the producer's loop and say which
 * messages the broker confirmed and which have failed; chunks of receipts are of a consumer's loop and
 * of one subscription.
 *
 *     head, and cells, each of 64 messages:
 *     | a bit a message: here | failed or marked | late | partition of each message, 0..2 bytes |
 *
 * A message touches the head and its cell: two or three cache lines.  The heads of a loop lie side by
 * side, so that those of a thousand producers are few pages (area.h).
 *
 * A chunk is complete at every instruction of its writer: what a message is comes before the bit that
 * says that it is here.  So the parent of a loop that was killed reads what is left as it lies there.
 */

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Tests make blocks small, to see thousands of them. */
#ifndef ACCOUNT_BLOCK_SHIFT
#define ACCOUNT_BLOCK_SHIFT 12
#endif
#define ACCOUNT_BLOCK   (UINT64_C(1) << ACCOUNT_BLOCK_SHIFT)
#define ACCOUNT_WORDS   (1u << (ACCOUNT_BLOCK_SHIFT - 6))

/* In the place of a subscription: a chunk of answers. */
#define ACCOUNT_ANSWERS UINT32_MAX

/* A message may carry each; LANE_HERE it always does. */
enum account_lane {
	LANE_HERE,
	LANE_FAILED,               /* of an answer: it is not "acknowledged" */
	LANE_MARKED = LANE_FAILED, /* of a receipt: the broker says that it delivered this before */
	LANE_LATE, /* of a receipt: after a later one of its producer and partition */
	ACCOUNT_LANES
};

/* Once sealed a chunk's state is CHUNK_SEALED + its place in the order of all that were. */
enum account_chunk_state { CHUNK_FREE, CHUNK_OPEN, CHUNK_SEALED };

struct account_cell {
	uint64_t lanes[ACCOUNT_LANES];
	unsigned char codes[]; /* of partitions */
};

/* The head. */
struct account_chunk {
	_Alignas(64) _Atomic uint64_t state;
	uint64_t block;                   /* sequence >> ACCOUNT_BLOCK_SHIFT */
	uint32_t producer, subscription;  /* numbers of the book (book.h) */
	uint32_t count;                   /* its writer's; a reader counts bits */
	uint16_t low, high;               /* of answers: first and last message that is here ... */
	uint64_t low_due_ns, high_due_ns; /* ... and when they were due */
	uint64_t cells_at;                /* from the head on */
	uint32_t cell_bytes;
};
static_assert(sizeof(struct account_chunk) == 64, "a head is a cache line");

/* One message, as it is told. */
struct account_entry {
	uint64_t sequence;
	uint64_t due_ns;   /* of an answer */
	int32_t partition; /* -1 = unknown */
	bool failed_or_marked, late;
};

/* How partitions are told apart: bytes for each message. */
static inline unsigned account_partition_bytes(uint32_t partitions)
{
	return partitions <= 1 ? 0 : partitions < UINT8_MAX ? 1 : 2;
}

/* No lane of a cell is in two cache lines. */
static inline uint32_t account_cell_bytes(unsigned partition_bytes)
{
	return ((uint32_t)sizeof(struct account_cell) + 64 * partition_bytes + 31) / 32 * 32;
}

/* 1 + partition, 0 = unknown: as bytes hold it. */
static inline uint32_t account_partition_code(unsigned bytes, int32_t partition)
{
	uint32_t most = bytes == 1 ? UINT8_MAX : UINT16_MAX;

	return partition >= 0 && (uint32_t)partition < most ? (uint32_t)partition + 1 : 0;
}

static inline void account_put_code(unsigned char *codes, unsigned bytes, uint32_t i, uint32_t code)
{
	if (bytes == 1) {
		codes[i] = (unsigned char)code;
	} else if (bytes == 2) {
		uint16_t two = (uint16_t)code;
		memcpy(codes + 2 * (size_t)i, &two, sizeof(two));
	}
}

/* Where there are no bytes there is one partition, or none at all. */
static inline uint32_t account_code(const unsigned char *codes, unsigned bytes, uint32_t i)
{
	uint16_t two;

	if (bytes < 2)
		return bytes == 0 ? 1 : codes[i];
	memcpy(&two, codes + 2 * (size_t)i, sizeof(two));
	return two;
}

static inline uint32_t account_offset(uint64_t sequence)
{
	return (uint32_t)(sequence & (ACCOUNT_BLOCK - 1));
}

static inline struct account_cell *account_chunk_cell(const struct account_chunk *c, uint32_t word)
{
	unsigned char *head = (unsigned char *)(uintptr_t)c;

	return (struct account_cell *)(void *)(head + c->cells_at + (size_t)word * c->cell_bytes);
}

/* A bit for each of 64 messages. */
static inline uint64_t account_chunk_word(const struct account_chunk *c, enum account_lane lane,
                                          uint32_t word)
{
	return account_chunk_cell(c, word)->lanes[lane];
}

static inline uint32_t account_chunk_code(const struct account_chunk *c, unsigned bytes,
                                          uint32_t offset)
{
	return account_code(account_chunk_cell(c, offset / 64)->codes, bytes, offset % 64);
}

/* May this message go into the chunk?  `cell` is where it would be. */
static inline bool account_chunk_takes(const struct account_chunk *c,
                                       const struct account_cell *cell, uint64_t sequence)
{
	return c->block == sequence >> ACCOUNT_BLOCK_SHIFT &&
	       (cell->lanes[LANE_HERE] >> (sequence % 64) & 1) == 0;
}

/* The stores of a loop keep the order they are written in: for a reader after its death that is
 * enough. */
static inline void account_in_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

/* Owner loop only; one that the chunk takes. */
static inline void account_chunk_put(struct account_chunk *c, struct account_cell *cell,
                                     unsigned partition_bytes, const struct account_entry *e)
{
	uint32_t offset = account_offset(e->sequence);
	uint64_t bit = UINT64_C(1) << (offset % 64);

	if (partition_bytes > 0)
		account_put_code(cell->codes, partition_bytes, offset % 64,
		                 account_partition_code(partition_bytes, e->partition));
	if (e->failed_or_marked)
		cell->lanes[LANE_FAILED] |= bit;
	if (e->late)
		cell->lanes[LANE_LATE] |= bit;
	if (c->count == 0 || offset < c->low) {
		c->low_due_ns = e->due_ns;
		c->low = (uint16_t)offset;
	}
	if (c->count == 0 || offset > c->high) {
		c->high_due_ns = e->due_ns;
		c->high = (uint16_t)offset;
	}
	account_in_order();
	cell->lanes[LANE_HERE] |= bit;
	account_in_order();
	c->count++;
}

/*
 * Disorder: did a later message of the same producer and partition arrive before?  `*last` is 1 + the
 * last of them, 0 = none, of one consumer since it was opened.
 */
static inline bool account_is_late(uint64_t *last, uint64_t sequence)
{
	if (sequence + 1 < *last)
		return true;
	*last = sequence + 1;
	return false;
}

#endif
