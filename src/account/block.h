/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_ACCOUNT_BLOCK_H
#define OMB_ACCOUNT_BLOCK_H

/*
 * block -- what is known of 4,096 neighbouring sequences of one producer, while not all is well with
 * them; of the files of the book alone.
 *
 * A bit a message for each thing that may be said of it: a lane.  Lanes that say nothing, and lanes
 * that say it of all, take no memory.  A block that is not expected to change any more shrinks: it
 * becomes the list of the messages with which not all is well, and grows again, the same, when it does
 * change after all.
 */

#include "account/chunk.h"

/* Lanes: two of answers, then three for each subscription. */
enum block_lane {
	BLOCK_ANSWERED,
	BLOCK_FAILED,
	BLOCK_RECEIVED, /* ... of subscription 0 */
	BLOCK_MARKED,   /* each receipt so far was marked */
	BLOCK_LATE,     /* each receipt so far was late */
	BLOCK_LANES = 5
};
#define BLOCK_OF_SUBSCRIPTION 3

/* What blocks of a book have in common. */
struct block_terms {
	uint32_t subscriptions;
	unsigned partition_bytes;
	size_t bytes; /* that all of them take */
};

struct block_exception {
	uint16_t offset;
	uint16_t code;         /* of its partition */
	uint16_t subscription; /* UINT16_MAX: of the answers */
	uint16_t lanes;        /* a bit for each of its lanes that is set */
};

struct block {
	uint64_t number;
	bool has_due;
	uint16_t low, high; /* the first and last that were answered ... */
	uint64_t low_due_ns, high_due_ns;
	unsigned char *codes;               /* of partitions; NULL: unknown, or there is one */
	struct block_exception *exceptions; /* of one that has shrunk */
	uint32_t exceptions_count;
	bool is_small;
	uint64_t *lanes[]; /* NULL: no bit is set */
};

static inline unsigned block_lane_of(enum block_lane lane, uint32_t subscription)
{
	return (unsigned)lane + subscription * BLOCK_OF_SUBSCRIPTION;
}

struct block *block_create(struct block_terms *t, uint64_t number, bool with_partitions);
void block_destroy(struct block_terms *t, struct block *b);

uint64_t block_word(const struct block *b, unsigned lane, uint32_t word);
bool block_has(const struct block *b, unsigned lane, uint32_t offset);
/* Not of one that is small. */
void block_set_word(struct block_terms *t, struct block *b, unsigned lane, uint32_t word,
                    uint64_t value);
void block_set(struct block_terms *t, struct block *b, unsigned lane, uint32_t offset, bool value);
/* Every bit of a lane that is of nobody, of a new one. */
void block_fill_lane(struct block *b, unsigned lane);
/* A lane whose bits have come to be all alike takes no memory from here on. */
void block_tidy_lane(struct block_terms *t, struct block *b, unsigned lane);

/* Everything acknowledged, and received by every subscription. */
bool block_is_complete(const struct block_terms *t, const struct block *b);
/* ... and nothing more to say: no receipt was marked or late. */
bool block_is_plain(const struct block_terms *t, const struct block *b);
void block_forget_partitions(struct block_terms *t, struct block *b);

/* Not worth it when all too much is not well. */
void block_shrink(struct block_terms *t, struct block *b);
void block_grow(struct block_terms *t, struct block *b);

uint32_t block_code(const struct block_terms *t, const struct block *b, uint32_t offset);
uint64_t block_due_ns(const struct block *b, uint32_t offset);

#endif
