/* SPDX-License-Identifier: Apache-2.0 */
#include "account/book.h"

#include <stdlib.h>

#include "account/book_state.h"
#include "util/xalloc.h"

/* A block so far behind the newest of its producer is not expected to change. */
#define BEHIND     64

/* What a block may grow by in one merge, at most: lanes and partitions. */
#define GROWTH_MAX (6 * ACCOUNT_BLOCK)

/* --- blocks of a producer ---------------------------------------------------------------------- */

/* How many of the open blocks have a lower number. */
static size_t place_of(const struct book_producer *p, uint64_t number)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->blocks[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many runs of closed blocks begin at or before `number`. */
static size_t runs_until(const struct book_producer *p, uint64_t number)
{
	size_t low = 0, high = p->closed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->closed[middle].first <= number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_closed(const struct book_producer *p, uint64_t number)
{
	size_t runs = runs_until(p, number);

	return runs > 0 && number < p->closed[runs - 1].end;
}

static void insert_run(struct book *b, struct book_producer *p, size_t at, uint64_t number)
{
	if (p->closed_count == p->closed_cap) {
		size_t cap = p->closed_cap > 0 ? 2 * p->closed_cap : 2;
		p->closed = xrealloc(p->closed, cap * sizeof(*p->closed));
		b->terms.bytes += (cap - p->closed_cap) * sizeof(*p->closed);
		p->closed_cap = cap;
	}
	memmove(p->closed + at + 1, p->closed + at, (p->closed_count - at) * sizeof(*p->closed));
	p->closed[at] = (struct book_run){ number, number + 1 };
	p->closed_count++;
}

static void add_to_closed(struct book *b, struct book_producer *p, uint64_t number)
{
	size_t at = runs_until(p, number);
	struct book_run *before = at > 0 ? &p->closed[at - 1] : NULL;
	struct book_run *after = at < p->closed_count ? &p->closed[at] : NULL;
	bool joins_before = before != NULL && before->end == number;
	bool joins_after = after != NULL && after->first == number + 1;

	if (joins_before && joins_after) {
		before->end = after->end;
		p->closed_count--;
		memmove(p->closed + at, p->closed + at + 1,
		        (p->closed_count - at) * sizeof(*p->closed));
	} else if (joins_before) {
		before->end++;
	} else if (joins_after) {
		after->first--;
	} else {
		insert_run(b, p, at, number);
	}
}

static void close_block(struct book *b, struct book_producer *p, size_t place)
{
	uint64_t number = p->blocks[place]->number;

	if (number >= p->closed_due_block) {
		p->closed_due_block = number;
		p->closed_due_ns = p->blocks[place]->high_due_ns;
	}
	block_destroy(&b->terms, p->blocks[place]);
	p->count--;
	memmove(p->blocks + place, p->blocks + place + 1,
	        (p->count - place) * sizeof(struct block *));
	if (place < p->behind)
		p->behind--;
	add_to_closed(b, p, number);
}

/* What can be given up of a block: all of it, or most.  True: it is closed. */
static bool settle_block(struct book *b, struct book_producer *p, size_t place, bool is_behind)
{
	struct block *block = p->blocks[place];

	if (block_is_complete(&b->terms, block)) {
		if (is_behind || block_is_plain(&b->terms, block)) {
			close_block(b, p, place);
			return true;
		}
		block_forget_partitions(&b->terms, block);
	} else if (is_behind) {
		block_shrink(&b->terms, block);
	}
	return false;
}

static bool is_behind(const struct book_producer *p, uint64_t number)
{
	return number + BEHIND <= p->newest;
}

static void settle_behind(struct book *b, struct book_producer *p)
{
	while (p->behind < p->count && is_behind(p, p->blocks[p->behind]->number))
		if (!settle_block(b, p, p->behind, true))
			p->behind++;
}

static size_t open_block(struct book *b, struct book_producer *p, uint64_t number)
{
	bool with_partitions = b->terms.bytes < b->shape.bytes_max / 2;

	if (p->count == p->cap) {
		size_t cap = p->cap > 0 ? 2 * p->cap : 8;
		p->blocks = xrealloc(p->blocks, cap * sizeof(struct block *));
		b->terms.bytes += (cap - p->cap) * sizeof(struct block *);
		p->cap = cap;
	}
	if (number > p->newest) {
		p->newest = number;
		settle_behind(b, p);
	}
	size_t place = place_of(p, number);
	memmove(p->blocks + place + 1, p->blocks + place,
	        (p->count - place) * sizeof(struct block *));
	p->blocks[place] = block_create(&b->terms, number, with_partitions);
	/* What a topic has not misses nothing. */
	for (uint32_t s = p->subscriptions; s < b->shape.subscriptions; s++)
		block_fill_lane(p->blocks[place], block_lane_of(BLOCK_RECEIVED, s));
	p->count++;
	if (place < p->behind)
		p->behind++;
	return place;
}

/* --- answers ----------------------------------------------------------------------------------- */

static uint32_t code_of(const struct book *b, const struct account_chunk *c, unsigned bytes,
                        uint32_t offset)
{
	if (bytes == b->terms.partition_bytes)
		return account_chunk_code(c, bytes, offset);
	return bytes > 0 ? account_chunk_code(c, bytes, offset) : 0;
}

static void merge_due(struct block *block, const struct account_chunk *c)
{
	if (!block->has_due || c->low < block->low) {
		block->low = c->low;
		block->low_due_ns = c->low_due_ns;
	}
	if (!block->has_due || c->high > block->high) {
		block->high = c->high;
		block->high_due_ns = c->high_due_ns;
	}
	block->has_due = true;
}

/* The partition of an answer is the message's; of a receipt it is as good as long as there is none. */
static void keep_code(const struct book *b, struct block *block, uint32_t offset, uint32_t code,
                      bool is_answer)
{
	unsigned bytes = b->terms.partition_bytes;

	if (block == NULL || block->codes == NULL || code == 0)
		return;
	if (is_answer || account_code(block->codes, bytes, offset) == 0)
		account_put_code(block->codes, bytes, offset, code);
}

static void merge_answers(struct book *b, struct book_producer *p, struct block *block,
                          const struct account_chunk *c, unsigned bytes)
{
	uint64_t *acknowledged = &b->acknowledged[(size_t)p->topic * b->partitions_cap];

	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++) {
		uint64_t before = block_word(block, BLOCK_ANSWERED, w);
		uint64_t fresh = account_chunk_word(c, LANE_HERE, w) & ~before;
		uint64_t failed = account_chunk_word(c, LANE_FAILED, w) & fresh;
		if (fresh == 0)
			continue;
		block_set_word(&b->terms, block, BLOCK_ANSWERED, w, before | fresh);
		block_set_word(&b->terms, block, BLOCK_FAILED, w,
		               block_word(block, BLOCK_FAILED, w) | failed);
		uint64_t good = (uint64_t)__builtin_popcountll(fresh & ~failed);
		p->answers.acknowledged += good;
		p->answers.failed += (uint64_t)__builtin_popcountll(failed);
		if (bytes == 0 && b->terms.partition_bytes == 0) {
			acknowledged[0] += good;
			continue;
		}
		for (uint64_t bits = fresh; bits != 0; bits &= bits - 1) {
			uint32_t at = (uint32_t)__builtin_ctzll(bits);
			uint32_t code = code_of(b, c, bytes, w * 64 + at);
			keep_code(b, block, w * 64 + at, code, true);
			if ((failed >> at & 1) == 0)
				acknowledged[book_partition_index(b, code)]++;
		}
	}
	if (c->count > 0)
		merge_due(block, c);
	block_tidy_lane(&b->terms, block, BLOCK_ANSWERED);
}

/* --- receipts ---------------------------------------------------------------------------------- */

/* Who counts a receipt. */
struct takers {
	struct book_counts *producer, *partitions;
	unsigned partition_bytes; /* of the chunk */
};

/* A message of which a receipt was known. */
static void take_again(struct book *b, struct block *block, unsigned first, uint32_t offset,
                       const struct account_chunk *c, struct book_counts *to[2])
{
	unsigned lane_marked = first + LANE_MARKED, lane_late = first + LANE_LATE;
	bool marked = (account_chunk_word(c, LANE_MARKED, offset / 64) >> (offset % 64) & 1) != 0;
	bool late = (account_chunk_word(c, LANE_LATE, offset / 64) >> (offset % 64) & 1) != 0;
	/* Of several receipts the one without a mark is the first, whichever was told first. */
	bool was_marked = block != NULL && block_has(block, lane_marked, offset);
	bool was_late = block != NULL && block_has(block, lane_late, offset);

	for (int i = 0; i < 2; i++) {
		if (marked || was_marked)
			to[i]->redelivered++;
		else
			to[i]->duplicated++;
		if (was_late && !late && to[i]->out_of_order > 0)
			to[i]->out_of_order--;
	}
	if (was_marked && !marked)
		block_set(&b->terms, block, lane_marked, offset, false);
	if (was_late && !late)
		block_set(&b->terms, block, lane_late, offset, false);
}

/* A word of receipts with anything to be said of them one by one. */
static void take_each(struct book *b, struct block *block, unsigned first, uint32_t word,
                      const struct account_chunk *c, const struct takers *to)
{
	uint64_t before = block != NULL ? block_word(block, first, word) : UINT64_MAX;
	uint64_t late =
		account_chunk_word(c, LANE_LATE, word) & account_chunk_word(c, LANE_HERE, word);

	for (uint64_t bits = account_chunk_word(c, LANE_HERE, word); bits != 0; bits &= bits - 1) {
		uint32_t at = (uint32_t)__builtin_ctzll(bits);
		uint32_t code = code_of(b, c, to->partition_bytes, word * 64 + at);
		struct book_counts *both[2] = {
			to->producer,
			&to->partitions[book_partition_index(b, code)],
		};
		if (before >> at & 1) {
			take_again(b, block, first, word * 64 + at, c, both);
			continue;
		}
		for (int i = 0; i < 2; i++) {
			both[i]->received++;
			both[i]->out_of_order += late >> at & 1;
		}
		keep_code(b, block, word * 64 + at, code, false);
	}
}

/* `block` NULL: it was closed, with every message received. */
static void merge_receipts(struct book *b, struct book_producer *p, struct block *block,
                           const struct account_chunk *c, unsigned bytes)
{
	struct takers to = {
		.producer = &b->counts[book_key(b, c->producer, c->subscription)],
		.partitions = book_partitions_of(b, p->topic, c->subscription),
		.partition_bytes = bytes,
	};
	unsigned first = block_lane_of(BLOCK_RECEIVED, c->subscription);

	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++) {
		uint64_t here = account_chunk_word(c, LANE_HERE, w);
		uint64_t before = block != NULL ? block_word(block, first, w) : UINT64_MAX;
		if (here == 0)
			continue;
		if ((here & before) == 0 && account_chunk_word(c, LANE_LATE, w) == 0 &&
		    bytes == 0 && b->terms.partition_bytes == 0) {
			uint64_t n = (uint64_t)__builtin_popcountll(here);
			to.producer->received += n;
			to.partitions[0].received += n;
		} else {
			take_each(b, block, first, w, c, &to);
		}
		if (block == NULL)
			continue;
		uint64_t fresh = here & ~before;
		for (unsigned lane = LANE_MARKED; lane <= LANE_LATE; lane++)
			block_set_word(&b->terms, block, first + lane, w,
			               block_word(block, first + lane, w) |
			                       (account_chunk_word(c, (enum account_lane)lane, w) &
			                        fresh));
		block_set_word(&b->terms, block, first, w, before | here);
	}
	for (unsigned lane = 0; block != NULL && lane < BLOCK_OF_SUBSCRIPTION; lane++)
		block_tidy_lane(&b->terms, block, first + lane);
}

/* --- merging ----------------------------------------------------------------------------------- */

void book_missed(struct book *b, uint32_t producer, uint32_t subscription, uint64_t sequence)
{
	if (producer >= b->shape.producers)
		return;
	uint64_t *below = NULL;
	if (subscription == ACCOUNT_ANSWERS)
		below = &b->producers[producer].answers.exact_below;
	else if (subscription < b->producers[producer].subscriptions)
		below = &b->exact_below[book_key(b, producer, subscription)];
	if (below != NULL && sequence < *below)
		*below = sequence;
}

static void merge_into(struct book *b, struct book_producer *p, struct block *block,
                       const struct account_chunk *c, unsigned bytes)
{
	if (c->subscription != ACCOUNT_ANSWERS)
		merge_receipts(b, p, block, c, bytes);
	else if (block != NULL) /* else every message of it was answered */
		merge_answers(b, p, block, c, bytes);
}

void book_merge(struct book *b, const struct account_chunk *c, unsigned partition_bytes)
{
	bool is_answers = c->subscription == ACCOUNT_ANSWERS;

	if (c->producer >= b->shape.producers ||
	    (!is_answers && c->subscription >= b->producers[c->producer].subscriptions))
		return;
	struct book_producer *p = &b->producers[c->producer];
	if (is_closed(p, c->block)) {
		merge_into(b, p, NULL, c, partition_bytes);
		return;
	}
	size_t growth = GROWTH_MAX + (size_t)b->shape.subscriptions * ACCOUNT_WORDS;
	if (b->terms.bytes + growth > b->shape.bytes_max) {
		book_missed(b, c->producer, c->subscription, c->block << ACCOUNT_BLOCK_SHIFT);
		return;
	}
	size_t place = place_of(p, c->block);
	if (place == p->count || p->blocks[place]->number != c->block)
		place = open_block(b, p, c->block);
	block_grow(&b->terms, p->blocks[place]);
	merge_into(b, p, p->blocks[place], c, partition_bytes);
	if (b->terms.bytes > b->bytes_most)
		b->bytes_most = b->terms.bytes;
	settle_block(b, p, place, is_behind(p, c->block));
}

void book_corrupted(struct book *b, uint32_t topic, uint32_t subscription, int32_t partition,
                    uint64_t messages)
{
	if (topic >= b->shape.topics || subscription >= b->shape.subscriptions)
		return;
	uint32_t code = partition < 0 ? 0 : (uint32_t)partition + 1;
	book_partitions_of(b, topic, subscription)[book_partition_index(b, code)].corrupted +=
		messages;
}

static void visit_chunk(void *to, const struct account_chunk *chunk, unsigned partition_bytes)
{
	book_merge(to, chunk, partition_bytes);
}

static void visit_missed(void *to, uint32_t producer, uint32_t subscription, uint64_t sequence)
{
	book_missed(to, producer, subscription, sequence);
}

uint32_t book_take(struct book *b, struct account_area *area, uint32_t most)
{
	return account_area_take(area, most, visit_chunk, b);
}

void book_take_over(struct book *b, struct account_area *area)
{
	account_area_take_over(area, visit_chunk, b);
	account_area_missed(area, visit_missed, b);
}

/* --- the book ---------------------------------------------------------------------------------- */

struct book *book_create(const struct book_shape *shape)
{
	struct book *b = xcalloc(1, sizeof(*b));
	size_t keys = (size_t)shape->producers * shape->subscriptions;

	assert(shape->subscriptions < UINT16_MAX && shape->partitions < UINT16_MAX);
	b->shape = *shape;
	b->partitions_cap = (shape->partitions > 0 ? shape->partitions : 1) + 1;
	size_t ends = (size_t)shape->topics * b->partitions_cap;
	size_t partitions = ends * shape->subscriptions;
	b->terms = (struct block_terms){
		.subscriptions = shape->subscriptions,
		.partition_bytes = account_partition_bytes(shape->partitions),
		.bytes = sizeof(*b) + shape->producers * sizeof(*b->producers) +
		         keys * (sizeof(*b->counts) + sizeof(*b->exact_below)) +
		         partitions * sizeof(*b->partitions) + ends * sizeof(*b->acknowledged),
	};
	b->bytes_most = b->terms.bytes;
	b->producers = xcalloc(shape->producers + 1, sizeof(*b->producers));
	b->counts = xcalloc(keys + 1, sizeof(*b->counts));
	b->exact_below = xmalloc((keys + 1) * sizeof(*b->exact_below));
	b->partitions = xcalloc(partitions + 1, sizeof(*b->partitions));
	b->acknowledged = xcalloc(ends + 1, sizeof(*b->acknowledged));
	for (size_t i = 0; i < keys; i++)
		b->exact_below[i] = ACCOUNT_EXACT;
	for (uint32_t i = 0; i < shape->producers; i++) {
		assert(shape->topic_of[i] < shape->topics);
		b->producers[i].topic = shape->topic_of[i];
		b->producers[i].subscriptions =
			shape->subscriptions_of != NULL
				? shape->subscriptions_of[shape->topic_of[i]]
				: shape->subscriptions;
		assert(b->producers[i].subscriptions <= shape->subscriptions);
		b->producers[i].answers.exact_below = ACCOUNT_EXACT;
	}
	b->shape.topic_of = b->shape.subscriptions_of = NULL;
	return b;
}

void book_destroy(struct book *b)
{
	if (b == NULL)
		return;
	for (uint32_t i = 0; i < b->shape.producers; i++) {
		struct book_producer *p = &b->producers[i];
		for (size_t k = 0; k < p->count; k++)
			block_destroy(&b->terms, p->blocks[k]);
		free(p->blocks);
		free(p->closed);
	}
	free(b->acknowledged);
	free(b->partitions);
	free(b->exact_below);
	free(b->counts);
	free(b->producers);
	free(b);
}

const struct book_answers *book_answers(const struct book *b, uint32_t producer)
{
	return &b->producers[producer].answers;
}

const struct book_counts *book_counts(const struct book *b, uint32_t producer,
                                      uint32_t subscription)
{
	return &b->counts[book_key(b, producer, subscription)];
}

uint64_t book_exact_below(const struct book *b, uint32_t producer, uint32_t subscription)
{
	return b->exact_below[book_key(b, producer, subscription)];
}

static uint32_t index_of(const struct book *b, int32_t partition)
{
	return book_partition_index(b, partition < 0 ? 0 : (uint32_t)partition + 1);
}

const struct book_counts *book_partition(const struct book *b, uint32_t topic,
                                         uint32_t subscription, int32_t partition)
{
	return &book_partitions_of(b, topic, subscription)[index_of(b, partition)];
}

uint64_t book_partition_acknowledged(const struct book *b, uint32_t topic, int32_t partition)
{
	return b->acknowledged[(size_t)topic * b->partitions_cap + index_of(b, partition)];
}

bool book_is_exact(const struct book *b)
{
	for (uint32_t i = 0; i < b->shape.producers; i++)
		if (b->producers[i].answers.exact_below != ACCOUNT_EXACT)
			return false;
	for (size_t k = 0; k < (size_t)b->shape.producers * b->shape.subscriptions; k++)
		if (b->exact_below[k] != ACCOUNT_EXACT)
			return false;
	return true;
}

size_t book_bytes(const struct book *b)
{
	return b->terms.bytes;
}

size_t book_bytes_most(const struct book *b)
{
	return b->bytes_most;
}
