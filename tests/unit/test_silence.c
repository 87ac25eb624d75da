/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/silence.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MS         UINT64_C(1000000)
#define S          (1000 * MS)
#define PARTITIONS 4

struct client {
	struct shm_silence words;
	uint64_t heard_ns[PARTITIONS + 1];
	struct silence silence;
};

static void begin(struct client *c, bool from_the_start)
{
	memset(c, 0, sizeof(*c));
	silence_init(&c->silence, &c->words, c->heard_ns, PARTITIONS, from_the_start);
}

/* Answers every 10 ms, each `took` after its message was sent, in [from, until]. */
static void answer(struct client *c, int32_t partition, uint64_t from, uint64_t until,
                   uint64_t took)
{
	for (uint64_t now = from; now <= until; now += 10 * MS)
		silence_heard(&c->silence, partition, now - took, now);
}

static void assert_silence(const struct client *c, uint64_t from_ns, uint64_t until_ns,
                           int32_t partition, bool is_open)
{
	struct silence_found found;

	assert_true(silence_read(&c->words, &found));
	assert_int_equal(found.from_ns, from_ns);
	assert_int_equal(found.until_ns, until_ns);
	assert_int_equal(found.partition, partition);
	assert_int_equal(found.is_open, is_open);
}

static void assert_none(const struct client *c)
{
	struct silence_found found;

	assert_false(silence_read(&c->words, &found));
}

static void a_stall_lasts_from_the_last_answer_to_the_first_one_after_it(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	answer(&c, 2, 10 * S, 12 * S, 3 * MS);
	assert_none(&c);
	/* All that was under way, and was sent meanwhile, is answered at once. */
	for (uint64_t sent = 12 * S - 2 * MS; sent <= 18 * S; sent += 10 * MS)
		silence_heard(&c.silence, 2, sent, 18 * S + 200 * MS);
	answer(&c, 2, 18 * S + 210 * MS, 20 * S, 3 * MS);
	assert_silence(&c, 12 * S, 18 * S + 200 * MS, 2, false);
}

static void nothing_is_owed_before_something_was_sent(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	silence_heard(&c.silence, 0, 10 * S, 10 * S + MS);
	silence_heard(&c.silence, 0, 60 * S, 60 * S + MS);
	assert_none(&c);
	silence_heard(&c.silence, 0, 90 * S, 92 * S);
	assert_silence(&c, 90 * S, 92 * S, 0, false);
}

static void slow_answers_one_after_the_other_are_no_silence(void **state)
{
	struct client c;

	(void)state;
	begin(&c, false);
	answer(&c, 0, 30 * S, 40 * S, 20 * S);
	assert_none(&c);
}

static void a_partition_is_silent_while_others_go_on(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	answer(&c, 0, 10 * S, 11 * S, MS);
	answer(&c, 1, 10 * S, 20 * S, MS);
	answer(&c, -1, 10 * S, 20 * S,
	       MS); /* unknown: by itself, as are those that there are not */
	answer(&c, PARTITIONS, 20 * S, 21 * S, MS);
	assert_none(&c);
	silence_heard(&c.silence, 0, 11 * S, 21 * S);
	assert_silence(&c, 11 * S, 21 * S, 0, false);
	silence_heard(&c.silence, -1, 21 * S + 10 * MS, 41 * S);
	assert_silence(&c, 21 * S + 10 * MS, 41 * S, -1, false);
}

static void the_longest_one_is_kept_and_not_the_last(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	silence_heard(&c.silence, 0, 10 * S, 12 * S);
	silence_heard(&c.silence, 0, 11 * S, 17 * S);
	silence_heard(&c.silence, 0, 11 * S, 20 * S);
	silence_heard(&c.silence, 0, 30 * S, 30 * S + 999 * MS);
	assert_silence(&c, 12 * S, 17 * S, 0, false);
}

static void a_second_is_the_least_that_counts(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	silence_heard(&c.silence, 0, 10 * S, 11 * S);
	assert_none(&c);
	silence_heard(&c.silence, 0, 20 * S, 21 * S + 1);
	assert_silence(&c, 20 * S, 21 * S + 1, 0, false);
	begin(&c, true);
	silence_set_least(&c.silence, 3 * S);
	silence_heard(&c.silence, 0, 20 * S, 23 * S);
	assert_none(&c);
}

static void a_message_that_fails_ends_no_silence(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	answer(&c, 1, 10 * S, 11 * S, MS);
	/* Given up after 2 s each; what is answered first was sent long after the outage began. */
	for (uint64_t sent = 11 * S; sent < 16 * S; sent += 100 * MS)
		silence_failed(&c.silence, 1, sent, sent + 2 * S);
	assert_silence(&c, 11 * S, 17 * S + 900 * MS, 1, true);
	answer(&c, 0, 17 * S, 18 * S, MS); /* elsewhere */
	assert_silence(&c, 11 * S, 17 * S + 900 * MS, 1, true);
	silence_heard(&c.silence, 1, 19 * S - MS, 19 * S);
	assert_silence(&c, 11 * S, 19 * S, 1, false);
	/* That one is over. */
	answer(&c, 1, 19 * S, 40 * S, MS);
	silence_heard(&c.silence, 1, 40 * S, 44 * S);
	assert_silence(&c, 11 * S, 19 * S, 1, false);
}

static void failures_among_good_answers_are_no_silence(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	for (uint64_t now = 10 * S; now < 20 * S; now += 10 * MS) {
		silence_heard(&c.silence, 0, now - 5 * S, now);
		silence_failed(&c.silence, 0, now - 4 * S, now + MS);
	}
	/* The very first one was sent 5 s before it was answered. */
	assert_silence(&c, 5 * S, 10 * S, 0, false);
}

static void a_silence_without_an_end_is_open(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	answer(&c, 3, 10 * S, 11 * S, MS);
	silence_failed(&c.silence, 3, 11 * S + 5 * MS, 30 * S);
	silence_failed(&c.silence, 3, 11 * S + 6 * MS, 30 * S);
	assert_silence(&c, 11 * S + 5 * MS, 30 * S, 3, true);
	begin(&c, true);
	silence_failed(&c.silence, -1, 20 * S, 20 * S + 10 * MS);
	assert_none(&c);
}

static void what_a_member_of_a_group_receives_first_says_nothing(void **state)
{
	struct client c;

	(void)state;
	begin(&c, false);
	silence_heard(&c.silence, 0, 10 * S, 20 * S);
	assert_none(&c);
	silence_heard(&c.silence, 0, 11 * S, 22 * S);
	assert_silence(&c, 20 * S, 22 * S, 0, false);
	/* It was paused. */
	silence_forget(&c.silence);
	silence_heard(&c.silence, 0, 23 * S, 60 * S);
	assert_silence(&c, 20 * S, 22 * S, 0, false);
}

static void a_message_from_the_future_is_of_another_clock(void **state)
{
	struct client c;

	(void)state;
	begin(&c, true);
	silence_heard(&c.silence, 0, 10 * S, 10 * S + MS);
	silence_heard(&c.silence, 0, 99 * S, 11 * S);
	silence_heard(&c.silence, 0, UINT64_MAX, 12 * S);
	assert_none(&c);
}

#define TOLD 200000

/* Each is twice as late at its end as at its beginning, which the partition follows from. */
static void *tell(void *arg)
{
	struct client *c = arg;

	for (uint64_t from = 2 * S; from < 2 * S + TOLD; from++) {
		silence_forget(&c->silence);
		silence_heard(&c->silence, (int32_t)(from % PARTITIONS), from, 2 * from);
	}
	return NULL;
}

static void a_reader_never_sees_parts_of_two(void **state)
{
	struct client c;
	struct silence_found found = { 0 };
	pthread_t writer;

	(void)state;
	begin(&c, true);
	assert_int_equal(pthread_create(&writer, NULL, tell, &c), 0);
	while (found.from_ns != 2 * S + TOLD - 1) {
		if (!silence_read(&c.words, &found))
			continue;
		assert_int_equal(found.until_ns, 2 * found.from_ns);
		assert_int_equal(found.partition, found.from_ns % PARTITIONS);
	}
	assert_int_equal(pthread_join(writer, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stall_lasts_from_the_last_answer_to_the_first_one_after_it),
		cmocka_unit_test(nothing_is_owed_before_something_was_sent),
		cmocka_unit_test(slow_answers_one_after_the_other_are_no_silence),
		cmocka_unit_test(a_partition_is_silent_while_others_go_on),
		cmocka_unit_test(the_longest_one_is_kept_and_not_the_last),
		cmocka_unit_test(a_second_is_the_least_that_counts),
		cmocka_unit_test(a_message_that_fails_ends_no_silence),
		cmocka_unit_test(failures_among_good_answers_are_no_silence),
		cmocka_unit_test(a_silence_without_an_end_is_open),
		cmocka_unit_test(what_a_member_of_a_group_receives_first_says_nothing),
		cmocka_unit_test(a_message_from_the_future_is_of_another_clock),
		cmocka_unit_test(a_reader_never_sees_parts_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
