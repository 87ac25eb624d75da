/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/slow.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "util/rng.h"

/* One loop and its parent. */
struct both {
	struct shm_slow words;
	struct slow loop;
	uint64_t round; /* as the parent said last */
	struct slow_taken taken[SLOW_TAKEN_MAX];
	size_t count;
};

static struct both *begin(void)
{
	struct both *b = aligned_alloc(64, (sizeof(*b) + 63) & ~(size_t)63);

	assert_non_null(b);
	memset(b, 0, sizeof(*b));
	slow_init(&b->loop, &b->words);
	return b;
}

/* Every word of it follows from the sequence. */
static struct slow_message message(uint64_t sequence, uint64_t ns)
{
	return (struct slow_message){
		.due_ns = sequence * 1000,
		.sent_ns = sequence * 1000 + 7,
		.done_ns = sequence * 1000 + ns,
		.sequence = sequence,
		.producer = (uint32_t)(sequence % 5),
		.client = (uint32_t)(sequence % 3),
		.partition = (int32_t)(sequence % 4) - 1,
	};
}

/* As a loop does. */
static void offer(struct both *b, enum window window, uint64_t sequence, uint64_t ns)
{
	const struct slow_message m = message(sequence, ns);

	if (slow_is_kept(&b->loop, window, ns))
		slow_put(&b->loop, window, ns, &m);
}

static uint64_t took_ns(const struct slow_taken *t)
{
	return t->message.done_ns - t->message.due_ns;
}

/* By window, the slowest first; of equally slow ones the first. */
static int by_slowness(const void *a, const void *b)
{
	const struct slow_taken *x = a, *y = b;

	if (x->window != y->window)
		return (int)x->window - (int)y->window;
	if (took_ns(x) != took_ns(y))
		return took_ns(x) > took_ns(y) ? -1 : 1;
	return x->message.sequence < y->message.sequence ? -1 : 1;
}

/* What a reader makes of it: of each window the slowest. */
static void choose(struct both *b)
{
	size_t chosen[WINDOW_COUNT] = { 0 }, count = 0;

	qsort(b->taken, b->count, sizeof(*b->taken), by_slowness);
	for (size_t i = 0; i < b->count; i++)
		if (chosen[b->taken[i].window]++ < SLOW_MESSAGES)
			b->taken[count++] = b->taken[i];
	b->count = count;
}

/* As agent_shm_take_slow does, but that the loop hears of the new round later. */
static void end_round(struct both *b)
{
	b->count = slow_take(&b->words, b->round + 1, b->taken);
	b->round++;
	b->count += slow_take(&b->words, b->round - 1, b->taken + b->count);
	choose(b);
}

static void hear(struct both *b)
{
	slow_begin(&b->loop, b->round);
}

static int by_sequence(const void *a, const void *b)
{
	const struct slow_taken *x = a, *y = b;

	return x->message.sequence < y->message.sequence
	               ? -1
	               : x->message.sequence > y->message.sequence;
}

/* Of the window, so many in a row from `first` on, each once; every word as it was put in. */
static void assert_taken(struct both *b, enum window window, uint64_t first, size_t count,
                         uint64_t (*ns_of)(uint64_t sequence))
{
	size_t found = 0;

	qsort(b->taken, b->count, sizeof(*b->taken), by_sequence);
	for (size_t i = 0; i < b->count; i++) {
		const struct slow_message *m = &b->taken[i].message;
		if (b->taken[i].window != window)
			continue;
		const struct slow_message wanted = message(first + found, ns_of(first + found));
		assert_int_equal(m->sequence, wanted.sequence);
		assert_int_equal(m->due_ns, wanted.due_ns);
		assert_int_equal(m->sent_ns, wanted.sent_ns);
		assert_int_equal(m->done_ns, wanted.done_ns);
		assert_int_equal(m->producer, wanted.producer);
		assert_int_equal(m->client, wanted.client);
		assert_int_equal(m->partition, wanted.partition);
		found++;
	}
	assert_int_equal(found, count);
}

static uint64_t growing(uint64_t sequence)
{
	return 100 + sequence;
}

static uint64_t falling(uint64_t sequence)
{
	return 100000 - sequence;
}

static void the_slowest_are_kept_whatever_order_they_come_in(void **state)
{
	struct both *b = begin();

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		offer(b, WINDOW_MEASURED, i, growing(i));
	for (uint64_t i = 0; i < 1000; i++)
		offer(b, WINDOW_OUTSIDE, i, falling(i));
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 1000 - SLOW_MESSAGES, SLOW_MESSAGES, growing);
	assert_taken(b, WINDOW_OUTSIDE, 0, SLOW_MESSAGES, falling);
	free(b);
}

static void of_equally_slow_ones_there_are_enough(void **state)
{
	struct both *b = begin();

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		offer(b, WINDOW_MEASURED, i, i % 100 ? 500 : 501);
	end_round(b);
	assert_int_equal(b->count, SLOW_MESSAGES);
	for (size_t i = 0; i < b->count; i++)
		assert_int_equal(took_ns(&b->taken[i]), i < 10 ? 501 : 500);
	free(b);
}

static void a_few_messages_are_all_there_and_what_took_no_time_is_none(void **state)
{
	struct both *b = begin();

	(void)state;
	offer(b, WINDOW_MEASURED, 0, 0);
	for (uint64_t i = 1; i <= 3; i++)
		offer(b, WINDOW_MEASURED, i, growing(i));
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 1, 3, growing);
	assert_taken(b, WINDOW_OUTSIDE, 0, 0, growing);
	free(b);
}

static void a_round_has_its_own_messages_and_none_of_the_one_before(void **state)
{
	struct both *b = begin();

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		offer(b, WINDOW_MEASURED, i, falling(i));
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 0, SLOW_MESSAGES, falling);
	hear(b);
	/* Faster ones than all before, and fewer than there is room for. */
	for (uint64_t i = 200; i < 205; i++)
		offer(b, WINDOW_MEASURED, i, growing(i));
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 200, 5, growing);
	hear(b);
	end_round(b);
	assert_int_equal(b->count, 0);
	free(b);
}

/* Its clock was read before the parent spoke; a batch of messages is still served. */
static void what_a_loop_puts_in_before_it_hears_of_the_new_round_comes_with_that(void **state)
{
	struct both *b = begin();

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		offer(b, WINDOW_MEASURED, i, growing(i));
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 0, 5, growing);
	offer(b, WINDOW_MEASURED, 5, growing(5));
	offer(b, WINDOW_MEASURED, 6, growing(6));
	hear(b);
	offer(b, WINDOW_MEASURED, 7, growing(7));
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 5, 3, growing);
	hear(b);
	end_round(b);
	assert_int_equal(b->count, 0);
	free(b);
}

/* A loop that stands still hears of several rounds at once. */
static void a_loop_that_slept_through_rounds_loses_nothing(void **state)
{
	struct both *b = begin();

	(void)state;
	offer(b, WINDOW_MEASURED, 1, growing(1));
	for (int i = 0; i < 5; i++) {
		end_round(b);
		assert_int_equal(b->count, i == 0);
	}
	offer(b, WINDOW_MEASURED, 2, growing(2)); /* into the set of a round long past */
	size_t found = 0;
	for (int i = 0; i < 2; i++) {
		end_round(b);
		found += b->count;
	}
	assert_int_equal(found, 1);
	hear(b);
	offer(b, WINDOW_MEASURED, 3, growing(3));
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 3, 1, growing);
	free(b);
}

/* Killed between any two of its stores: the message that it was putting in is not there. */
static void a_loop_that_dies_while_it_writes_leaves_the_others_whole(void **state)
{
	struct both *b = begin();

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		offer(b, WINDOW_MEASURED, i, growing(i));
	/* Some words of a message are in the place that it was given. */
	const struct slow_table *t = &b->loop.tables[WINDOW_MEASURED];
	struct shm_slow_place *place = &b->words.places[0][WINDOW_MEASURED][t->order[t->used]];
	counter_set(&place->number, 0);
	counter_set(&place->due_ns, 12345);
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 1000 - SLOW_MESSAGES, SLOW_MESSAGES, growing);
	free(b);

	/* All but the count was written: nobody was told that it is there. */
	b = begin();
	offer(b, WINDOW_MEASURED, 0, growing(0));
	offer(b, WINDOW_MEASURED, 1, growing(1));
	counter_set(&b->words.count, 1);
	end_round(b);
	assert_taken(b, WINDOW_MEASURED, 0, 1, growing);
	free(b);
}

/* How slow the next message is, in the ways of loops: at random; many equal; slower with each batch, and
 * in a batch less so (a loop that falls behind); one way and back. */
static uint64_t pattern(struct rng *rng, int which, uint64_t i)
{
	switch (which) {
	case 0:
		return 1 + rng_below(rng, 1000000000);
	case 1:
		return 1 + rng_below(rng, 7);
	case 2:
		return 1000 + i / 16 * 100 - i % 16;
	case 3:
		return 1 + (i / 1000 % 2 ? 1000 - i % 1000 : i % 1000);
	default:
		return rng_below(rng, 5000) == 0 ? UINT64_C(1) << 40 : 1 + rng_below(rng, 9999);
	}
}

static int falling_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x > y ? -1 : x < y;
}

static void every_pattern_gives_the_times_that_a_list_of_everything_has(void **state)
{
	enum { PATTERNS = 5, ROUNDS = 30, MOST = 3000 };
	static uint64_t all[MOST];
	struct rng rng = { .state = 15 };
	struct both *b = begin();
	uint64_t sequence = 0;

	(void)state;
	for (int r = 0; r < PATTERNS * ROUNDS; r++) {
		size_t n = rng_below(&rng, r % 2 ? MOST : 2 * SLOW_PLACES);
		for (size_t i = 0; i < n; i++) {
			all[i] = pattern(&rng, r % PATTERNS, i);
			offer(b, WINDOW_MEASURED, sequence++, all[i]);
		}
		end_round(b);
		hear(b);
		qsort(all, n, sizeof(*all), falling_order);
		assert_int_equal(b->count, n < SLOW_MESSAGES ? n : SLOW_MESSAGES);
		for (size_t i = 0; i < b->count; i++)
			assert_int_equal(took_ns(&b->taken[i]), all[i]);
	}
	free(b);
}

/* --- while the loop goes on ----------------------------------------------------------------------- */

#define MESSAGES UINT64_C(300000)

struct racing {
	struct both *b;
	_Atomic uint64_t round;
};

static void *run_loop(void *arg)
{
	struct racing *r = arg;

	for (uint64_t i = 0; i < MESSAGES; i++) {
		uint64_t round = atomic_load_explicit(&r->round, memory_order_acquire);
		if (i % 16 == 0 && round != r->b->loop.round)
			slow_begin(&r->b->loop, round);
		offer(r->b, WINDOW_MEASURED, i, growing(i)); /* each is kept, and takes a place */
	}
	return NULL;
}

static void a_parent_that_reads_meanwhile_sees_whole_messages_and_each_once(void **state)
{
	static unsigned char seen[MESSAGES];
	struct racing r = { .b = begin() };
	struct both *b = r.b;
	pthread_t thread;
	uint64_t latest = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, run_loop, &r), 0);
	for (bool is_over = false, was_over = false; !was_over;) {
		was_over = is_over;
		is_over = counter_read(&b->words.count) == MESSAGES;
		b->count = slow_take(&b->words, b->round + 1, b->taken);
		b->round++;
		atomic_store_explicit(&r.round, b->round, memory_order_release);
		b->count += slow_take(&b->words, b->round - 1, b->taken + b->count);
		for (size_t i = 0; i < b->count; i++) {
			const struct slow_message *m = &b->taken[i].message;
			const struct slow_message wanted =
				message(m->sequence, growing(m->sequence));
			assert_true(m->sequence < MESSAGES && !seen[m->sequence]);
			seen[m->sequence] = 1;
			assert_int_equal(m->due_ns, wanted.due_ns);
			assert_int_equal(m->sent_ns, wanted.sent_ns);
			assert_int_equal(m->done_ns, wanted.done_ns);
			assert_int_equal(m->producer, wanted.producer);
			assert_int_equal(m->client, wanted.client);
			assert_int_equal(m->partition, wanted.partition);
			latest = m->sequence > latest ? m->sequence : latest;
		}
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(latest, MESSAGES - 1); /* the slowest of all */
	free(b);
}

/* --- between any two instructions ------------------------------------------------------------------ */

#define INTERRUPTIONS 500

static struct both *interrupted;
static volatile sig_atomic_t interruptions, broken;

/* What a parent finds that takes over from a loop which died here. */
static void look(int number)
{
	struct both *b = interrupted;

	(void)number;
	b->count = slow_take(&b->words, 0, b->taken);
	for (size_t i = 0; i < b->count; i++) {
		const struct slow_message *m = &b->taken[i].message;
		const struct slow_message wanted = message(m->sequence, growing(m->sequence));
		broken += m->due_ns != wanted.due_ns || m->sent_ns != wanted.sent_ns ||
		          m->done_ns != wanted.done_ns || m->producer != wanted.producer ||
		          m->client != wanted.client || m->partition != wanted.partition;
	}
	interruptions++;
}

static void a_loop_that_dies_at_any_instruction_leaves_whole_messages(void **state)
{
	const struct sigaction action = { .sa_handler = look, .sa_flags = SA_RESTART };
	const struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction before;
	uint64_t sequence = 0;

	(void)state;
	interrupted = begin();
	interruptions = broken = 0;
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	while (interruptions < INTERRUPTIONS)
		for (int i = 0; i < 1000; i++, sequence++)
			offer(interrupted, WINDOW_MEASURED, sequence, growing(sequence));
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_int_equal(broken, 0);
	free(interrupted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_slowest_are_kept_whatever_order_they_come_in),
		cmocka_unit_test(of_equally_slow_ones_there_are_enough),
		cmocka_unit_test(a_few_messages_are_all_there_and_what_took_no_time_is_none),
		cmocka_unit_test(a_round_has_its_own_messages_and_none_of_the_one_before),
		cmocka_unit_test(
			what_a_loop_puts_in_before_it_hears_of_the_new_round_comes_with_that),
		cmocka_unit_test(a_loop_that_slept_through_rounds_loses_nothing),
		cmocka_unit_test(a_loop_that_dies_while_it_writes_leaves_the_others_whole),
		cmocka_unit_test(every_pattern_gives_the_times_that_a_list_of_everything_has),
		cmocka_unit_test(a_parent_that_reads_meanwhile_sees_whole_messages_and_each_once),
		cmocka_unit_test(a_loop_that_dies_at_any_instruction_leaves_whole_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
