/* SPDX-License-Identifier: Apache-2.0 */
#include "account/block.h"

#include <stdlib.h>

#include "util/xalloc.h"

#define LANE_BYTES     (ACCOUNT_WORDS * sizeof(uint64_t))

/* More exceptions than this take more than a quarter of what a lane and the partitions do. */
#define EXCEPTIONS_MAX (ACCOUNT_BLOCK / 8)

#define OF_ANSWERS     UINT16_MAX

/* The lane of which every bit is set.  Only read. */
static uint64_t every[ACCOUNT_WORDS];

static uint64_t *lane_of_all(void)
{
	if (every[0] == 0)
		memset(every, 0xff, sizeof(every));
	return every;
}

static unsigned lanes_count(const struct block_terms *t)
{
	return BLOCK_LANES - BLOCK_OF_SUBSCRIPTION + t->subscriptions * BLOCK_OF_SUBSCRIPTION;
}

static size_t block_bytes(const struct block_terms *t)
{
	return sizeof(struct block) + lanes_count(t) * sizeof(uint64_t *);
}

static size_t codes_bytes(const struct block_terms *t)
{
	return (size_t)t->partition_bytes * ACCOUNT_BLOCK;
}

/* --- lanes ------------------------------------------------------------------------------------- */

static void put_lane(struct block_terms *t, struct block *b, unsigned lane, uint64_t *to)
{
	if (b->lanes[lane] != NULL && b->lanes[lane] != every) {
		free(b->lanes[lane]);
		t->bytes -= LANE_BYTES;
	}
	b->lanes[lane] = to;
}

static uint64_t *writable(struct block_terms *t, struct block *b, unsigned lane)
{
	uint64_t *old = b->lanes[lane];

	if (old != NULL && old != every)
		return old;
	uint64_t *words = xcalloc(ACCOUNT_WORDS, sizeof(*words));
	if (old != NULL)
		memcpy(words, old, LANE_BYTES);
	t->bytes += LANE_BYTES;
	b->lanes[lane] = words;
	return words;
}

uint64_t block_word(const struct block *b, unsigned lane, uint32_t word)
{
	return b->lanes[lane] != NULL ? b->lanes[lane][word] : 0;
}

bool block_has(const struct block *b, unsigned lane, uint32_t offset)
{
	return (block_word(b, lane, offset / 64) >> (offset % 64) & 1) != 0;
}

void block_set_word(struct block_terms *t, struct block *b, unsigned lane, uint32_t word,
                    uint64_t value)
{
	if (block_word(b, lane, word) != value)
		writable(t, b, lane)[word] = value;
}

void block_set(struct block_terms *t, struct block *b, unsigned lane, uint32_t offset, bool value)
{
	uint64_t bit = UINT64_C(1) << (offset % 64);
	uint64_t before = block_word(b, lane, offset / 64);

	block_set_word(t, b, lane, offset / 64, value ? before | bit : before & ~bit);
}

void block_tidy_lane(struct block_terms *t, struct block *b, unsigned lane)
{
	const uint64_t *words = b->lanes[lane];

	if (words == NULL || words == every || words[0] + 1 > 1)
		return;
	for (uint32_t i = 1; i < ACCOUNT_WORDS; i++)
		if (words[i] != words[0])
			return;
	put_lane(t, b, lane, words[0] != 0 ? lane_of_all() : NULL);
}

void block_fill_lane(struct block *b, unsigned lane)
{
	b->lanes[lane] = lane_of_all();
}

static bool is_of_all(const struct block *b, unsigned lane)
{
	return b->lanes[lane] != NULL && b->lanes[lane] == every;
}

/* --- blocks ------------------------------------------------------------------------------------ */

struct block *block_create(struct block_terms *t, uint64_t number, bool with_partitions)
{
	struct block *b = xcalloc(1, block_bytes(t));

	b->number = number;
	t->bytes += block_bytes(t);
	if (with_partitions && t->partition_bytes > 0) {
		b->codes = xcalloc(1, codes_bytes(t));
		t->bytes += codes_bytes(t);
	}
	return b;
}

void block_forget_partitions(struct block_terms *t, struct block *b)
{
	if (b->codes == NULL)
		return;
	free(b->codes);
	b->codes = NULL;
	t->bytes -= codes_bytes(t);
}

static void forget_exceptions(struct block_terms *t, struct block *b)
{
	t->bytes -= b->exceptions_count * sizeof(*b->exceptions);
	free(b->exceptions);
	b->exceptions = NULL;
	b->exceptions_count = 0;
}

void block_destroy(struct block_terms *t, struct block *b)
{
	for (unsigned i = 0; i < lanes_count(t); i++)
		put_lane(t, b, i, NULL);
	block_forget_partitions(t, b);
	forget_exceptions(t, b);
	t->bytes -= block_bytes(t);
	free(b);
}

bool block_is_complete(const struct block_terms *t, const struct block *b)
{
	if (b->is_small || !is_of_all(b, BLOCK_ANSWERED) || b->lanes[BLOCK_FAILED] != NULL)
		return false;
	for (uint32_t s = 0; s < t->subscriptions; s++)
		if (!is_of_all(b, block_lane_of(BLOCK_RECEIVED, s)))
			return false;
	return true;
}

bool block_is_plain(const struct block_terms *t, const struct block *b)
{
	for (uint32_t s = 0; s < t->subscriptions; s++)
		if (b->lanes[block_lane_of(BLOCK_MARKED, s)] != NULL ||
		    b->lanes[block_lane_of(BLOCK_LATE, s)] != NULL)
			return false;
	return true;
}

uint32_t block_code(const struct block_terms *t, const struct block *b, uint32_t offset)
{
	return b->codes != NULL || t->partition_bytes == 0
	               ? account_code(b->codes, t->partition_bytes, offset)
	               : 0;
}

/* The schedule is a line through two of its points. */
uint64_t block_due_ns(const struct block *b, uint32_t offset)
{
	if (!b->has_due)
		return 0;
	if (b->high == b->low || offset == b->low || b->high_due_ns < b->low_due_ns)
		return b->low_due_ns;
	double step = (double)(b->high_due_ns - b->low_due_ns) / (b->high - b->low);
	double from_low = ((double)offset - b->low) * step;
	return b->low_due_ns + (uint64_t)(int64_t)(from_low + (from_low < 0 ? -0.5 : 0.5));
}

/* --- small blocks ------------------------------------------------------------------------------ */

/* The lanes of a subscription, or of the answers, that are set for one message. */
static uint16_t lanes_at(const struct block *b, unsigned first, unsigned count, uint32_t offset)
{
	unsigned lanes = 0;

	for (unsigned i = 0; i < count; i++)
		lanes |= (unsigned)block_has(b, first + i, offset) << i;
	return (uint16_t)lanes;
}

/* Messages of a word with which not all is well: the first lane is to be set, the others not. */
static uint64_t not_well(const struct block *b, unsigned first, unsigned count, uint32_t word)
{
	uint64_t bits = ~block_word(b, first, word);

	for (unsigned i = 1; i < count; i++)
		bits |= block_word(b, first + i, word);
	return bits;
}

/* Of one subscription, or of the answers; false: there are more than `most` in all. */
static bool list_exceptions(const struct block_terms *t, const struct block *b, uint16_t of,
                            struct block_exception *to, uint32_t *count)
{
	bool answers = of == OF_ANSWERS;
	unsigned first = answers ? BLOCK_ANSWERED : block_lane_of(BLOCK_RECEIVED, of);
	unsigned lanes = answers ? 2 : BLOCK_OF_SUBSCRIPTION;

	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++) {
		for (uint64_t bits = not_well(b, first, lanes, w); bits != 0; bits &= bits - 1) {
			uint32_t offset = w * 64 + (uint32_t)__builtin_ctzll(bits);
			if (*count == EXCEPTIONS_MAX)
				return false;
			to[(*count)++] = (struct block_exception){
				.offset = (uint16_t)offset,
				.code = (uint16_t)block_code(t, b, offset),
				.subscription = of,
				.lanes = lanes_at(b, first, lanes, offset),
			};
		}
	}
	return true;
}

void block_shrink(struct block_terms *t, struct block *b)
{
	struct block_exception list[EXCEPTIONS_MAX];
	uint32_t count = 0;

	if (b->is_small || !list_exceptions(t, b, OF_ANSWERS, list, &count))
		return;
	for (uint32_t s = 0; s < t->subscriptions; s++)
		if (!list_exceptions(t, b, (uint16_t)s, list, &count))
			return;
	for (unsigned i = 0; i < lanes_count(t); i++)
		put_lane(t, b, i, NULL);
	block_forget_partitions(t, b);
	b->exceptions = xmalloc((count + 1) * sizeof(*b->exceptions));
	memcpy(b->exceptions, list, count * sizeof(*list));
	b->exceptions_count = count;
	t->bytes += count * sizeof(*b->exceptions);
	b->is_small = true;
}

void block_grow(struct block_terms *t, struct block *b)
{
	if (!b->is_small)
		return;
	b->is_small = false;
	b->lanes[BLOCK_ANSWERED] = lane_of_all();
	for (uint32_t s = 0; s < t->subscriptions; s++)
		b->lanes[block_lane_of(BLOCK_RECEIVED, s)] = lane_of_all();
	if (t->partition_bytes > 0) {
		b->codes = xcalloc(1, codes_bytes(t));
		t->bytes += codes_bytes(t);
	}
	for (uint32_t i = 0; i < b->exceptions_count; i++) {
		const struct block_exception *e = &b->exceptions[i];
		bool answers = e->subscription == OF_ANSWERS;
		unsigned first =
			answers ? BLOCK_ANSWERED : block_lane_of(BLOCK_RECEIVED, e->subscription);
		unsigned lanes = answers ? 2 : BLOCK_OF_SUBSCRIPTION;
		for (unsigned k = 0; k < lanes; k++)
			block_set(t, b, first + k, e->offset, (e->lanes >> k & 1) != 0);
		if (b->codes != NULL)
			account_put_code(b->codes, t->partition_bytes, e->offset, e->code);
	}
	forget_exceptions(t, b);
}
