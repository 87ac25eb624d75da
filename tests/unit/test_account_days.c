/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Thousands of bad days for the account, each from a seed: producers that die, members of groups that
 * die and are replaced, partitions that move and are read again from the last commit; messages lost,
 * duplicated, swapped, delivered though failed; a parent that looks late; areas that are too small.
 * The book has to name exactly what happened, or say from where on it does not know.
 */

#include "account/book.h"
#include "account/parcel.h"
#include "account/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "util/rng.h"
#include "util/xalloc.h"

#define DAYS          2000
#define PRODUCERS     3
#define SUBSCRIPTIONS 2
#define MEMBERS       4
#define PARTITIONS    300
#define LONG_DAY      12000 /* messages of a producer: blocks get far behind */
#define STEP_NS       1000  /* between two due times */

enum answer { ANSWER_NONE, ANSWER_GOOD, ANSWER_FAILED };

struct message {
	int32_t partition;
	enum answer answer; /* that it will have */
	bool is_answered;   /* and that came */
	uint16_t receipts[SUBSCRIPTIONS], marked[SUBSCRIPTIONS], late[SUBSCRIPTIONS];
};

struct producer {
	struct message *messages;
	uint64_t wanted, sent;
	uint64_t *pending; /* sequences that have no answer yet */
	size_t pending_count;
	bool dead;
};

struct record {
	uint32_t producer;
	uint64_t sequence;
};

/* What is in a partition, and how far each subscription has come. */
struct partition {
	struct record *records;
	size_t count, cap;
	struct {
		size_t position, committed, highest;
		uint32_t owner;
	} at[SUBSCRIPTIONS];
};

struct member {
	uint64_t *last; /* [topic][partition][producer], as the loop keeps it */
	uint64_t *most; /* the same as the test knows it: 1 + the highest sequence */
};

struct loop {
	void *memory;
	struct account_area *area; /* in it */
	struct account_writer writer;
};

struct day {
	struct rng rng;
	uint64_t seed;
	uint32_t producers, topics, subscriptions, partitions, members, loops;
	uint32_t topic_of[PRODUCERS];
	bool marks, swaps, is_tight;
	uint32_t open_max, behind;
	unsigned loss, twice, fails; /* in 1000 */
	struct producer p[PRODUCERS];
	struct partition *logs; /* [topic][partition] */
	struct member member[SUBSCRIPTIONS][MEMBERS];
	struct loop sending, receiving[SUBSCRIPTIONS * MEMBERS];
	struct book *book;
	/* On some days the book is in another process, and these come there in their own time: what
	 * producers' loops hand over, and consumers'. */
	struct parcel *parcels[2];
};

static bool chance(struct day *d, unsigned in_1000)
{
	return rng_below(&d->rng, 1000) < in_1000;
}

static uint32_t pick(struct day *d, uint32_t count)
{
	return (uint32_t)rng_below(&d->rng, count);
}

/* --- loops -------------------------------------------------------------------------------------- */

static void open_loop(struct day *d, struct loop *l, uint32_t subscriptions)
{
	uint32_t sides = subscriptions > 0 ? subscriptions : 1;
	struct account_shape shape = {
		.keys = d->producers * sides,
		.open_max = d->open_max,
		.chunks = d->producers * sides * d->open_max + d->behind,
		.partitions = d->partitions,
	};

	if (d->is_tight)
		shape.chunks = 1 + shape.chunks / 3;
	size_t bytes = account_area_bytes(&shape);
	l->memory = xcalloc(1, bytes + 64); /* untouched pages are no memory, and take no time */
	l->area = (void *)(((uintptr_t)l->memory + 63) & ~(uintptr_t)63);
	account_area_init(l->area, &shape);
	for (uint32_t k = 0; k < shape.keys; k++) {
		l->area->keys[k].producer = k % d->producers;
		l->area->keys[k].subscription =
			subscriptions > 0 ? k / d->producers : ACCOUNT_ANSWERS;
	}
	account_writer_init(&l->writer, l->area);
}

static void merge_unpacked(void *to, const struct account_chunk *chunk, unsigned partition_bytes)
{
	book_merge(to, chunk, partition_bytes);
}

static void deliver(struct day *d, struct parcel *parcel)
{
	struct text bytes = { 0 };
	struct error err = { 0 };

	parcel_take(parcel, &bytes);
	assert_true(parcel_is_empty(parcel));
	if (!parcel_read(bytes.data, bytes.len, merge_unpacked, d->book, &err))
		fail_msg("%s", err.text);
	text_fini(&bytes);
}

static void pack(void *to, const struct account_chunk *chunk, unsigned partition_bytes)
{
	assert_true(parcel_add(to, chunk, partition_bytes, chunk->producer, chunk->subscription));
}

static void pack_missed(void *to, uint32_t producer, uint32_t subscription, uint64_t sequence)
{
	book_missed(to, producer, subscription, sequence);
}

static struct parcel *parcel_of(struct day *d, const struct loop *l)
{
	return d->parcels[l == &d->sending ? 0 : 1];
}

static void hand_over(struct day *d, struct loop *l, uint32_t most)
{
	struct parcel *parcel = parcel_of(d, l);

	if (parcel == NULL)
		book_take(d->book, l->area, most);
	else if (account_area_take(l->area, most, pack, parcel) > 0 && chance(d, 300))
		deliver(d, parcel);
}

/* The process is gone; its area is not. */
static void end_loop(struct day *d, struct loop *l)
{
	struct parcel *parcel = parcel_of(d, l);

	account_writer_fini(&l->writer);
	if (parcel == NULL) {
		book_take_over(d->book, l->area);
	} else {
		account_area_take_over(l->area, pack, parcel);
		account_area_missed(l->area, pack_missed, d->book);
	}
	free(l->memory);
	*l = (struct loop){ 0 };
}

static struct loop *loop_of(struct day *d, uint32_t subscription, uint32_t member)
{
	return &d->receiving[(subscription * d->members + member) % d->loops];
}

/* --- producing ---------------------------------------------------------------------------------- */

static struct partition *log_of(struct day *d, uint32_t topic, int32_t partition)
{
	return &d->logs[topic * d->partitions + (uint32_t)partition];
}

static bool is_unread(const struct day *d, const struct partition *log, size_t record)
{
	for (uint32_t s = 0; s < d->subscriptions; s++)
		if (log->at[s].highest > record)
			return false;
	return true;
}

static void append(struct day *d, uint32_t producer, uint64_t sequence, int32_t partition)
{
	struct partition *log = log_of(d, d->topic_of[producer], partition);

	if (log->count == log->cap) {
		log->cap = log->cap > 0 ? 2 * log->cap : 64;
		log->records = xrealloc(log->records, log->cap * sizeof(*log->records));
	}
	log->records[log->count++] = (struct record){ producer, sequence };
	if (d->swaps && log->count > 1 && chance(d, 30) && is_unread(d, log, log->count - 2)) {
		struct record last = log->records[log->count - 1];
		log->records[log->count - 1] = log->records[log->count - 2];
		log->records[log->count - 2] = last;
	}
}

static void send_one(struct day *d, uint32_t producer)
{
	struct producer *p = &d->p[producer];
	uint64_t sequence = p->sent++;
	struct message *m = &p->messages[sequence];
	bool arrives = true;

	m->partition = (int32_t)pick(d, d->partitions);
	m->answer = ANSWER_GOOD;
	if (chance(d, d->fails)) {
		m->answer = chance(d, 500) ? ANSWER_FAILED : ANSWER_NONE;
		arrives = chance(d, 300);
	} else if (chance(d, d->loss)) {
		arrives = false;
	}
	if (arrives)
		append(d, producer, sequence, m->partition);
	if (arrives && chance(d, d->twice))
		append(d, producer, sequence, m->partition);
	p->pending[p->pending_count++] = sequence;
}

static void answer_one(struct day *d, uint32_t producer)
{
	struct producer *p = &d->p[producer];
	/* Mostly in order, by no means always. */
	size_t at = chance(d, 800) ? 0 : pick(d, (uint32_t)p->pending_count);
	uint64_t sequence = p->pending[at];
	struct message *m = &p->messages[sequence];

	p->pending_count--;
	memmove(p->pending + at, p->pending + at + 1,
	        (p->pending_count - at) * sizeof(*p->pending));
	if (m->answer == ANSWER_NONE)
		return;
	m->is_answered = true;
	const struct account_entry e = {
		.sequence = sequence,
		.due_ns = (sequence + 1) * STEP_NS,
		.partition = m->answer == ANSWER_GOOD || chance(d, 500) ? m->partition : -1,
		.failed_or_marked = m->answer == ANSWER_FAILED,
	};
	account_put(&d->sending.writer, producer, &e);
}

static void produce(struct day *d, bool to_the_end)
{
	uint32_t producer = pick(d, d->producers);
	struct producer *p = &d->p[producer];

	if (p->dead)
		return;
	uint64_t left = p->wanted - p->sent;
	for (uint64_t n = rng_below(&d->rng, 40); n > 0 && left > 0; n--, left--)
		send_one(d, producer);
	size_t keep = to_the_end || left == 0 ? 0 : pick(d, 60);
	while (p->pending_count > keep)
		answer_one(d, producer);
}

/* --- consuming ---------------------------------------------------------------------------------- */

static void receive(struct day *d, uint32_t s, uint32_t topic, int32_t partition,
                    const struct record *r, bool again)
{
	uint32_t owner = log_of(d, topic, partition)->at[s].owner;
	struct member *member = &d->member[s][owner];
	struct message *m = &d->p[r->producer].messages[r->sequence];
	size_t at =
		((size_t)topic * d->partitions + (size_t)partition) * d->producers + r->producer;
	bool marked = d->marks && again && chance(d, 900);
	const struct account_entry e = {
		.sequence = r->sequence,
		.partition = partition,
		.failed_or_marked = marked,
		.late = account_is_late(&member->last[at], r->sequence),
	};

	account_put(&loop_of(d, s, owner)->writer, s * d->producers + r->producer, &e);
	m->receipts[s]++;
	m->marked[s] = (uint16_t)(m->marked[s] + marked);
	m->late[s] = (uint16_t)(m->late[s] + (r->sequence + 1 < member->most[at]));
	if (r->sequence + 1 > member->most[at])
		member->most[at] = r->sequence + 1;
}

static void consume(struct day *d, uint32_t s, uint32_t topic, int32_t partition, size_t most)
{
	struct partition *log = log_of(d, topic, partition);

	for (size_t n = 0; n < most && log->at[s].position < log->count; n++) {
		size_t at = log->at[s].position++;
		bool again = at < log->at[s].highest;
		receive(d, s, topic, partition, &log->records[at], again);
		if (!again)
			log->at[s].highest = at + 1;
	}
	if (chance(d, 500))
		log->at[s].committed = log->at[s].position;
}

static void move_partition(struct day *d, struct partition *log, uint32_t s)
{
	log->at[s].owner = pick(d, d->members);
	log->at[s].position = log->at[s].committed;
}

static void forget_order(const struct day *d, struct member *m)
{
	size_t count = (size_t)d->topics * d->partitions * d->producers;

	memset(m->last, 0, count * sizeof(*m->last));
	memset(m->most, 0, count * sizeof(*m->most));
}

static void kill_consumers(struct day *d, uint32_t loop)
{
	end_loop(d, &d->receiving[loop]);
	open_loop(d, &d->receiving[loop], d->subscriptions);
	for (uint32_t s = 0; s < d->subscriptions; s++) {
		for (uint32_t m = 0; m < d->members; m++) {
			if (loop_of(d, s, m) != &d->receiving[loop])
				continue;
			forget_order(d, &d->member[s][m]);
			for (uint32_t i = 0; i < d->topics * d->partitions; i++)
				if (d->logs[i].at[s].owner == m)
					move_partition(d, &d->logs[i], s);
		}
	}
}

/* --- a day -------------------------------------------------------------------------------------- */

static void open_logs(struct day *d)
{
	size_t places = (size_t)d->topics * d->partitions;
	d->logs = xcalloc(places, sizeof(*d->logs));
	for (uint32_t s = 0; s < d->subscriptions; s++) {
		for (uint32_t m = 0; m < d->members; m++) {
			d->member[s][m].last = xcalloc(places * d->producers, sizeof(uint64_t));
			d->member[s][m].most = xcalloc(places * d->producers, sizeof(uint64_t));
		}
		for (size_t i = 0; i < places; i++)
			d->logs[i].at[s].owner = pick(d, d->members);
	}
}

static void begin_day(struct day *d, uint64_t seed)
{
	static const uint32_t partitions[] = { 1, 3, 16, PARTITIONS };

	*d = (struct day){ .rng = { seed }, .seed = seed };
	bool is_long = chance(d, 10);
	d->producers = 1 + pick(d, PRODUCERS);
	d->topics = 1 + pick(d, d->producers);
	d->subscriptions = 1 + pick(d, SUBSCRIPTIONS);
	d->partitions = partitions[pick(d, is_long ? 3 : 4)];
	d->members = 1 + pick(d, MEMBERS);
	d->loops = 1 + pick(d, d->members * d->subscriptions);
	d->open_max = 1 + pick(d, 5);
	d->is_tight = !is_long && chance(d, 100);
	d->behind = d->is_tight ? 4 + pick(d, 200) : 2000;
	/* A block that is closed with its marks forgets them (book.h, Limits): not on long days. */
	d->marks = !is_long && chance(d, 400);
	d->swaps = !is_long && chance(d, 300);
	d->loss = chance(d, 500) ? pick(d, 30) : 0;
	d->twice = chance(d, 500) ? pick(d, 50) : 0;
	d->fails = chance(d, 500) ? pick(d, 50) : 0;
	for (uint32_t p = 0; p < d->producers; p++) {
		d->topic_of[p] = p < d->topics ? p : pick(d, d->topics);
		d->p[p].wanted = is_long ? LONG_DAY : 1 + pick(d, 1200);
		d->p[p].messages = xcalloc(d->p[p].wanted, sizeof(struct message));
		d->p[p].pending = xcalloc(d->p[p].wanted, sizeof(uint64_t));
	}
	open_logs(d);
	const struct book_shape shape = {
		.topic_of = d->topic_of,
		.producers = d->producers,
		.topics = d->topics,
		.subscriptions = d->subscriptions,
		.partitions = d->partitions,
		.bytes_max = (size_t)64 << 20,
	};
	d->book = book_create(&shape);
	for (int i = 0; i < 2 && d->seed % 2 == 1; i++)
		d->parcels[i] = parcel_create(SIZE_MAX);
	open_loop(d, &d->sending, 0);
	for (uint32_t i = 0; i < d->loops; i++)
		open_loop(d, &d->receiving[i], d->subscriptions);
}

static bool all_sent(const struct day *d)
{
	for (uint32_t p = 0; p < d->producers; p++)
		if (!d->p[p].dead && d->p[p].sent < d->p[p].wanted)
			return false;
	return true;
}

static void parent_looks(struct day *d)
{
	uint32_t most = chance(d, 500) ? 1 + pick(d, 4) : UINT32_MAX;

	hand_over(d, &d->sending, most);
	for (uint32_t i = 0; i < d->loops; i++)
		if (chance(d, 700))
			hand_over(d, &d->receiving[i], most);
}

static void live_through(struct day *d)
{
	while (!all_sent(d)) {
		produce(d, false);
		uint32_t topic = pick(d, d->topics), s = pick(d, d->subscriptions);
		for (uint32_t n = pick(d, 6); n > 0; n--)
			consume(d, s, topic, (int32_t)pick(d, d->partitions), pick(d, 40));
		if (chance(d, 20))
			move_partition(d, log_of(d, topic, (int32_t)pick(d, d->partitions)), s);
		if (chance(d, 8))
			kill_consumers(d, pick(d, d->loops));
		if (chance(d, 1))
			d->p[pick(d, d->producers)].dead = true;
		if (chance(d, d->is_tight ? 30 : 300))
			parent_looks(d);
	}
}

/* Everything is drained, on most days. */
static void end_day(struct day *d)
{
	bool gives_up = chance(d, 50);

	for (uint32_t i = 0; i < 20 * d->producers; i++)
		produce(d, true);
	for (uint32_t i = 0; i < d->topics * d->partitions && !gives_up; i++) {
		for (uint32_t s = 0; s < d->subscriptions; s++)
			consume(d, s, i / d->partitions, (int32_t)(i % d->partitions), SIZE_MAX);
		for (uint32_t l = 0; l < d->loops && !d->is_tight; l++)
			hand_over(d, &d->receiving[l], UINT32_MAX);
	}
	end_loop(d, &d->sending);
	for (uint32_t i = 0; i < d->loops; i++)
		end_loop(d, &d->receiving[i]);
	for (int i = 0; i < 2 && d->parcels[i] != NULL; i++)
		deliver(d, d->parcels[i]);
}

static void free_day(struct day *d)
{
	for (uint32_t p = 0; p < d->producers; p++) {
		free(d->p[p].messages);
		free(d->p[p].pending);
	}
	for (uint32_t i = 0; i < d->topics * d->partitions; i++)
		free(d->logs[i].records);
	free(d->logs);
	for (uint32_t s = 0; s < d->subscriptions; s++) {
		for (uint32_t m = 0; m < d->members; m++) {
			free(d->member[s][m].last);
			free(d->member[s][m].most);
		}
	}
	book_destroy(d->book);
	parcel_destroy(d->parcels[0]);
	parcel_destroy(d->parcels[1]);
}

/* --- what the book should say ------------------------------------------------------------------- */

/* What of one message counts, below `exact_below` of what may be missing. */
static struct book_counts counts_of(const struct message *m, uint32_t s)
{
	unsigned r = m->receipts[s];
	unsigned again = r > 0 ? r - 1 : 0;
	unsigned redelivered = m->marked[s] < again ? m->marked[s] : again;

	return (struct book_counts){
		.received = r > 0,
		.redelivered = redelivered,
		.duplicated = again - redelivered,
		.out_of_order = r > 0 && m->late[s] == r,
		.lost = r == 0 && m->is_answered && m->answer == ANSWER_GOOD,
		.missing = r == 0,
		.delivered_though_failed = r > 0 && m->is_answered && m->answer == ANSWER_FAILED,
	};
}

static void add_counts(struct book_counts *to, const struct book_counts *c)
{
	to->received += c->received;
	to->redelivered += c->redelivered;
	to->duplicated += c->duplicated;
	to->out_of_order += c->out_of_order;
	to->lost += c->lost;
	to->missing += c->missing;
	to->delivered_though_failed += c->delivered_though_failed;
}

struct check {
	struct day *d;
	struct book_counts want[PRODUCERS][SUBSCRIPTIONS];
	struct book_counts *partitions; /* [topic][subscription][partition, then unknown] */
	uint64_t *acknowledged;         /* [topic][partition] */
	uint64_t good[PRODUCERS], failed[PRODUCERS];
	uint64_t named;   /* lost messages that the book named */
	uint64_t missing; /* and missing ones */
};

static void fail_day(const struct day *d, const char *what)
{
	fail_msg("seed %llu: %s", (unsigned long long)d->seed, what);
}

static void check_counts(const struct check *c, const struct book_counts *got,
                         const struct book_counts *want, bool with_missing, const char *who)
{
	if (got->received == want->received && got->redelivered == want->redelivered &&
	    got->duplicated == want->duplicated && got->out_of_order == want->out_of_order &&
	    got->lost == want->lost &&
	    got->delivered_though_failed == want->delivered_though_failed && got->never_sent == 0 &&
	    (!with_missing || got->missing == want->missing))
		return;
	fail_msg(
		"seed %llu, %s: got received %llu redelivered %llu duplicated %llu disorder %llu "
		"lost %llu missing %llu though failed %llu, want %llu %llu %llu %llu %llu %llu %llu",
		(unsigned long long)c->d->seed, who, (unsigned long long)got->received,
		(unsigned long long)got->redelivered, (unsigned long long)got->duplicated,
		(unsigned long long)got->out_of_order, (unsigned long long)got->lost,
		(unsigned long long)got->missing, (unsigned long long)got->delivered_though_failed,
		(unsigned long long)want->received, (unsigned long long)want->redelivered,
		(unsigned long long)want->duplicated, (unsigned long long)want->out_of_order,
		(unsigned long long)want->lost, (unsigned long long)want->missing,
		(unsigned long long)want->delivered_though_failed);
}

static void expect(struct check *c)
{
	struct day *d = c->d;

	for (uint32_t p = 0; p < d->producers; p++) {
		for (uint64_t i = 0; i < d->p[p].sent; i++) {
			const struct message *m = &d->p[p].messages[i];
			size_t place =
				(size_t)d->topic_of[p] * d->partitions + (size_t)m->partition;
			bool good = m->is_answered && m->answer == ANSWER_GOOD;
			c->good[p] += good;
			c->acknowledged[place] += good;
			c->failed[p] += m->is_answered && !good;
			for (uint32_t s = 0; s < d->subscriptions; s++) {
				struct book_counts one = counts_of(m, s);
				add_counts(&c->want[p][s], &one);
				size_t of = d->topic_of[p] * d->subscriptions + s;
				add_counts(
					&c->partitions[of * d->partitions + (size_t)m->partition],
					&one);
			}
		}
	}
}

static void check_exact(struct check *c)
{
	struct day *d = c->d;

	for (uint32_t p = 0; p < d->producers; p++) {
		const struct book_answers *a = book_answers(d->book, p);
		if (a->acknowledged != c->good[p] || a->failed != c->failed[p])
			fail_day(d, "answers");
		for (uint32_t s = 0; s < d->subscriptions; s++)
			check_counts(c, book_counts(d->book, p, s), &c->want[p][s], true,
			             "producer");
	}
	for (uint32_t t = 0; t < d->topics; t++) {
		for (uint32_t i = 0; i < d->partitions; i++) {
			if (book_partition_acknowledged(d->book, t, (int32_t)i) !=
			    c->acknowledged[t * d->partitions + i])
				fail_day(d, "acknowledged at a partition");
			for (uint32_t s = 0; s < d->subscriptions; s++) {
				size_t of = t * d->subscriptions + s;
				check_counts(c, book_partition(d->book, t, s, (int32_t)i),
				             &c->partitions[of * d->partitions + i], false,
				             "partition");
			}
		}
	}
}

static void check_range(void *to, const struct book_range *r)
{
	struct check *c = to;

	for (uint64_t i = r->first; i <= r->last; i++) {
		const struct message *m = &c->d->p[r->producer].messages[i];
		if (counts_of(m, r->subscription).lost != 1 || m->partition != r->partition)
			fail_day(c->d, "a message was named that is not lost, or lost elsewhere");
		c->named++;
	}
	if (r->first_due_ns != (r->first + 1) * STEP_NS ||
	    r->last_due_ns != (r->last + 1) * STEP_NS)
		fail_day(c->d, "due times of a range");
}

static void check_missing(void *to, const struct book_range *r)
{
	struct check *c = to;
	const struct message *messages = c->d->p[r->producer].messages;

	for (uint64_t i = r->first; i <= r->last; i++)
		if (messages[i].receipts[r->subscription] > 0)
			fail_day(c->d, "a message was named missing that came");
	if ((messages[r->first].is_answered && r->first_due_ns != (r->first + 1) * STEP_NS) ||
	    (messages[r->last].is_answered && r->last_due_ns != (r->last + 1) * STEP_NS))
		fail_day(c->d, "due times of what is missing");
	c->missing += r->last - r->first + 1;
}

static uint64_t limit_of(const struct day *d, uint32_t p, uint32_t s)
{
	uint64_t limit = d->p[p].sent;

	if (book_answers(d->book, p)->exact_below < limit)
		limit = book_answers(d->book, p)->exact_below;
	uint64_t receipts = book_exact_below(d->book, p, s);
	return receipts < limit ? receipts : limit;
}

/* Areas were too small: exact below, and never too much of anything. */
static void check_inexact(struct check *c)
{
	struct day *d = c->d;

	for (uint32_t p = 0; p < d->producers; p++) {
		for (uint32_t s = 0; s < d->subscriptions; s++) {
			const struct book_counts *got = book_counts(d->book, p, s);
			const struct book_counts *most = &c->want[p][s];
			struct book_counts want = { 0 };
			for (uint64_t i = 0; i < limit_of(d, p, s); i++) {
				struct book_counts one = counts_of(&d->p[p].messages[i], s);
				add_counts(&want, &one);
			}
			if (got->lost != want.lost || got->missing != want.missing)
				fail_day(d, "lost and missing where they are exact");
			if (got->received < want.received || got->received > most->received ||
			    got->duplicated + got->redelivered <
			            want.duplicated + want.redelivered ||
			    got->duplicated + got->redelivered >
			            most->duplicated + most->redelivered)
				fail_day(d, "at least");
		}
	}
}

static void check_day(struct day *d)
{
	struct check c = { .d = d };
	size_t places = (size_t)d->topics * d->partitions;
	uint64_t sent[PRODUCERS], lost = 0, missing = 0;

	for (uint32_t p = 0; p < d->producers; p++)
		sent[p] = d->p[p].sent;
	c.partitions = xcalloc(places * d->subscriptions, sizeof(*c.partitions));
	c.acknowledged = xcalloc(places, sizeof(*c.acknowledged));
	expect(&c);
	book_settle(d->book, sent);
	book_settle(d->book, sent); /* twice is as once */
	if (book_is_exact(d->book))
		check_exact(&c);
	else if (d->is_tight)
		check_inexact(&c);
	else
		fail_day(d, "not exact, with room enough");
	book_lost(d->book, sent, check_range, &c);
	book_missing(d->book, sent, check_missing, &c);
	for (uint32_t p = 0; p < d->producers; p++) {
		for (uint32_t s = 0; s < d->subscriptions; s++) {
			lost += book_counts(d->book, p, s)->lost;
			missing += book_counts(d->book, p, s)->missing;
		}
	}
	if (lost != c.named)
		fail_day(d, "not every lost message was named");
	if (missing != c.missing)
		fail_day(d, "not every missing message was named, each once");
	free(c.partitions);
	free(c.acknowledged);
}

/* All days together, to know that each kind of bad luck was among them. */
static struct book_counts seen;

static bool run_day(uint64_t seed)
{
	struct day d;

	begin_day(&d, seed);
	live_through(&d);
	end_day(&d);
	check_day(&d);
	bool exact = book_is_exact(d.book);
	for (uint32_t p = 0; p < d.producers; p++)
		for (uint32_t s = 0; s < d.subscriptions; s++)
			add_counts(&seen, book_counts(d.book, p, s));
	free_day(&d);
	return exact;
}

static void bad_days_are_told_exactly(void **state)
{
	(void)state;
	const char *only = getenv("OMB_DAY");
	uint64_t inexact = 0;

	if (only != NULL) {
		run_day(strtoull(only, NULL, 10));
		return;
	}
	for (uint64_t seed = 1; seed <= DAYS; seed++)
		inexact += !run_day(seed);
	/* Areas that are too small are part of it, and of few days. */
	assert_in_range(inexact, DAYS / 100, DAYS / 10);
	assert_true(seen.received > UINT64_C(1000) * DAYS);
	assert_true(seen.lost > DAYS && seen.missing > seen.lost + DAYS);
	assert_true(seen.duplicated > DAYS && seen.redelivered > DAYS);
	assert_true(seen.out_of_order > DAYS && seen.delivered_though_failed > DAYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_days_are_told_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
