/* SPDX-License-Identifier: Apache-2.0 */
#include "account/book.h"

#include "account/book_state.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t count_bits(uint64_t bits)
{
	return (uint64_t)__builtin_popcountll(bits);
}

/* The messages of a word whose sequence is below `limit`; the first of the word is `sequence`. */
static uint64_t below(uint64_t limit, uint64_t sequence)
{
	if (limit <= sequence)
		return 0;
	return limit - sequence >= 64 ? UINT64_MAX : (UINT64_C(1) << (limit - sequence)) - 1;
}

/* Below this it is known of every message of a key whether it was acknowledged, and received. */
static uint64_t limit_of(const struct book *b, uint32_t producer, uint32_t subscription,
                         const uint64_t *sent)
{
	uint64_t limit = smaller(sent[producer], b->producers[producer].answers.exact_below);

	return smaller(limit, b->exact_below[book_key(b, producer, subscription)]);
}

static uint64_t first_of(const struct block *block, uint32_t word)
{
	return (block->number << ACCOUNT_BLOCK_SHIFT) + (uint64_t)word * 64;
}

static uint64_t lost_of(const struct block *block, uint32_t subscription, uint32_t word,
                        uint64_t limit)
{
	return block_word(block, BLOCK_ANSWERED, word) & ~block_word(block, BLOCK_FAILED, word) &
	       ~block_word(block, block_lane_of(BLOCK_RECEIVED, subscription), word) &
	       below(limit, first_of(block, word));
}

/* --- counts ------------------------------------------------------------------------------------ */

/* One key's way through its blocks. */
struct settling {
	struct book *book;
	struct block *block;
	uint32_t subscription;
	uint64_t limit, sent;
	struct book_counts *counts, *partitions;
	uint64_t received; /* below the limit */
};

/* One count for each message of `bits`, at its partition. */
static void count_each(const struct settling *s, uint32_t word, uint64_t bits, size_t member)
{
	for (; bits != 0; bits &= bits - 1) {
		uint32_t offset = word * 64 + (uint32_t)__builtin_ctzll(bits);
		uint32_t code = block_code(&s->book->terms, s->block, offset);
		struct book_counts *to = &s->partitions[book_partition_index(s->book, code)];
		++*(uint64_t *)(void *)((char *)to + member);
	}
}

static void settle_word(struct settling *s, uint32_t w)
{
	uint64_t first = first_of(s->block, w);
	uint64_t received = block_word(s->block, block_lane_of(BLOCK_RECEIVED, s->subscription), w);
	uint64_t lost = lost_of(s->block, s->subscription, w, s->limit);
	uint64_t though_failed = block_word(s->block, BLOCK_FAILED, w) & received;
	uint64_t never_sent = received & ~below(s->sent, first);

	s->received += count_bits(received & below(s->limit, first));
	s->counts->lost += count_bits(lost);
	s->counts->delivered_though_failed += count_bits(though_failed);
	s->counts->never_sent += count_bits(never_sent);
	count_each(s, w, lost, offsetof(struct book_counts, lost));
	count_each(s, w, lost, offsetof(struct book_counts, missing));
	count_each(s, w, though_failed, offsetof(struct book_counts, delivered_though_failed));
	count_each(s, w, never_sent, offsetof(struct book_counts, never_sent));
}

static uint64_t closed_below(const struct book_producer *p, uint64_t limit)
{
	uint64_t messages = 0;

	for (size_t i = 0; i < p->closed_count; i++) {
		uint64_t first = p->closed[i].first << ACCOUNT_BLOCK_SHIFT;
		uint64_t end = smaller(p->closed[i].end << ACCOUNT_BLOCK_SHIFT, limit);
		messages += end > first ? end - first : 0;
	}
	return messages;
}

static void forget_settled(struct book_counts *c)
{
	c->lost = c->missing = c->delivered_though_failed = c->never_sent = 0;
}

static void settle_key(struct book *b, uint32_t producer, uint32_t subscription,
                       const uint64_t *sent)
{
	const struct book_producer *p = &b->producers[producer];
	struct settling s = {
		.book = b,
		.subscription = subscription,
		.limit = limit_of(b, producer, subscription, sent),
		.sent = sent[producer],
		.counts = &b->counts[book_key(b, producer, subscription)],
		.partitions = book_partitions_of(b, p->topic, subscription),
	};

	s.received = closed_below(p, s.limit);
	for (size_t i = 0; i < p->count; i++) {
		bool was_small = p->blocks[i]->is_small;
		s.block = p->blocks[i];
		block_grow(&b->terms, s.block);
		for (uint32_t w = 0; w < ACCOUNT_WORDS; w++)
			settle_word(&s, w);
		if (was_small)
			block_shrink(&b->terms, s.block);
	}
	/* Nobody knows where those would have gone that were not acknowledged. */
	s.counts->missing = s.limit - s.received;
	s.partitions[b->partitions_cap - 1].missing += s.counts->missing - s.counts->lost;
}

void book_settle(struct book *b, const uint64_t *sent)
{
	size_t keys = (size_t)b->shape.producers * b->shape.subscriptions;
	size_t partitions = (size_t)b->shape.topics * b->shape.subscriptions * b->partitions_cap;

	for (size_t i = 0; i < keys; i++)
		forget_settled(&b->counts[i]);
	for (size_t i = 0; i < partitions; i++)
		forget_settled(&b->partitions[i]);
	for (uint32_t p = 0; p < b->shape.producers; p++)
		for (uint32_t s = 0; s < b->producers[p].subscriptions; s++)
			settle_key(b, p, s, sent);
}

/* --- ranges ------------------------------------------------------------------------------------ */

struct naming {
	struct book_range range; /* under way, if any */
	bool any;
	book_visit_range *visit;
	void *to;
};

static void end_range(struct naming *n)
{
	if (n->any)
		n->visit(n->to, &n->range);
	n->any = false;
}

static void name_one(struct naming *n, uint64_t sequence, int32_t partition, uint64_t due_ns)
{
	struct book_range *r = &n->range;

	if (n->any && (sequence != r->last + 1 || partition != r->partition))
		end_range(n);
	if (!n->any) {
		r->first = sequence;
		r->partition = partition;
		r->first_due_ns = due_ns;
	}
	n->any = true;
	r->last = sequence;
	r->last_due_ns = due_ns;
}

static void name_lost(struct book *b, struct block *block, uint64_t limit, struct naming *n)
{
	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++) {
		uint64_t lost = lost_of(block, n->range.subscription, w, limit);
		for (; lost != 0; lost &= lost - 1) {
			uint32_t offset = w * 64 + (uint32_t)__builtin_ctzll(lost);
			uint32_t code = block_code(&b->terms, block, offset);
			uint64_t first = block->number << ACCOUNT_BLOCK_SHIFT;
			name_one(n, first + offset, (int32_t)code - 1, block_due_ns(block, offset));
		}
	}
}

/* Of one key. */
typedef void name_key(struct book *b, uint64_t limit, struct naming *n);

static void name_lost_of(struct book *b, uint64_t limit, struct naming *n)
{
	const struct book_producer *p = &b->producers[n->range.producer];

	for (size_t i = 0; i < p->count; i++) {
		bool was_small = p->blocks[i]->is_small;
		block_grow(&b->terms, p->blocks[i]);
		name_lost(b, p->blocks[i], limit, n);
		if (was_small)
			block_shrink(&b->terms, p->blocks[i]);
	}
	end_range(n);
}

static void name_all(struct book *b, const uint64_t *sent, name_key *name, book_visit_range *visit,
                     void *to)
{
	for (uint32_t p = 0; p < b->shape.producers; p++) {
		for (uint32_t s = 0; s < b->producers[p].subscriptions; s++) {
			struct naming n = { .visit = visit, .to = to };
			n.range.producer = p;
			n.range.subscription = s;
			name(b, limit_of(b, p, s, sent), &n);
		}
	}
}

void book_lost(struct book *b, const uint64_t *sent, book_visit_range *visit, void *to)
{
	name_all(b, sent, name_lost_of, visit, to);
}

/* --- what is missing --------------------------------------------------------------------------- */

/* Of a block that there is.  Where nothing of it was answered: when the last one before was due. */
static void name_missing(struct book *b, struct block *block, uint64_t limit, uint64_t before_ns,
                         struct naming *n)
{
	unsigned received = block_lane_of(BLOCK_RECEIVED, n->range.subscription);
	uint64_t first = block->number << ACCOUNT_BLOCK_SHIFT;
	bool was_small = block->is_small;

	block_grow(&b->terms, block);
	for (uint32_t w = 0; w < ACCOUNT_WORDS; w++) {
		uint64_t missing =
			~block_word(block, received, w) & below(limit, first_of(block, w));
		for (; missing != 0; missing &= missing - 1) {
			uint32_t offset = w * 64 + (uint32_t)__builtin_ctzll(missing);
			name_one(n, first + offset, -1,
			         block->has_due ? block_due_ns(block, offset) : before_ns);
		}
	}
	end_range(n);
	if (was_small)
		block_shrink(&b->terms, block);
}

/* Of one that there is not: neither an answer nor a receipt came. */
static void name_absent(uint64_t number, uint64_t limit, uint64_t before_ns, struct naming *n)
{
	uint64_t first = number << ACCOUNT_BLOCK_SHIFT;

	name_one(n, first, -1, before_ns);
	n->range.last = smaller(first + ACCOUNT_BLOCK, limit) - 1;
	end_range(n);
}

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

static void name_missing_of(struct book *b, uint64_t limit, struct naming *n)
{
	const struct book_producer *p = &b->producers[n->range.producer];
	uint64_t before_ns = 0;
	size_t run = 0, place = 0;

	for (uint64_t number = 0; number << ACCOUNT_BLOCK_SHIFT < limit; number++) {
		if (run < p->closed_count && p->closed[run].first == number) {
			if (p->closed_due_block < p->closed[run].end)
				before_ns = later(before_ns, p->closed_due_ns);
			number = p->closed[run++].end - 1;
		} else if (place < p->count && p->blocks[place]->number == number) {
			struct block *block = p->blocks[place++];
			name_missing(b, block, limit, before_ns, n);
			before_ns = later(before_ns, block->high_due_ns);
		} else {
			name_absent(number, limit, before_ns, n);
		}
	}
}

void book_missing(struct book *b, const uint64_t *sent, book_visit_range *visit, void *to)
{
	name_all(b, sent, name_missing_of, visit, to);
}
