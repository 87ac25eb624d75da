/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/hist.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "stats/percentile.h"

/* As agents have it: zeroed, shared with children, not yet in memory. */
static struct hist *map_hist(void)
{
	void *m = mmap(NULL, sizeof(struct hist), PROT_READ | PROT_WRITE,
	               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(m != MAP_FAILED);
	return m;
}

static void unmap_hist(struct hist *h)
{
	assert_int_equal(munmap(h, sizeof(*h)), 0);
}

static size_t pages_in_memory(const struct hist *h)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (sizeof(*h) + page - 1) / page;
	unsigned char *resident = calloc(pages, 1);
	size_t n = 0;

	assert_int_equal(mincore((void *)(uintptr_t)h, sizeof(*h), resident), 0);
	for (size_t i = 0; i < pages; i++)
		n += resident[i] & 1;
	free(resident);
	return n;
}

static void its_index_is_the_layout_s_index(void **state)
{
	(void)state;
	assert_int_equal(HIST_BUCKETS, hist_layout_buckets(&hist_layout_ns));
	assert_int_equal(HIST_NS_MAX, hist_layout_limit(&hist_layout_ns));
	assert_int_equal(HIST_BITS, hist_layout_ns.bits);
	for (unsigned bit = 0; bit < 42; bit++) {
		uint64_t v = UINT64_C(1) << bit;
		assert_int_equal(hist_index(v), hist_layout_index(&hist_layout_ns, v));
		assert_int_equal(hist_index(v - 1), hist_layout_index(&hist_layout_ns, v - 1));
		assert_int_equal(hist_index(v + v / 3),
		                 hist_layout_index(&hist_layout_ns, v + v / 3));
	}
	assert_int_equal(hist_index(HIST_NS_MAX), HIST_BUCKETS - 1);
}

static void zeroed_is_empty(void **state)
{
	(void)state;
	struct hist *h = map_hist();
	struct hist_copy c = { 0 };

	hist_snapshot(h, &c);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.max, 0);
	assert_int_equal(c.min, 0);
	assert_true(percentile_mean(&c) == 0.0);
	assert_int_equal(percentile_value(&c, 99), 0);
	hist_copy_fini(&c);
	unmap_hist(h);
}

static void what_is_recorded_is_in_the_snapshot(void **state)
{
	(void)state;
	struct hist *h = map_hist();
	struct hist_copy c = { 0 };

	hist_record(h, 1500);
	hist_record(h, 0);
	hist_record_n(h, 300000, 3);
	hist_record(h, 5000000000);
	hist_snapshot(h, &c);

	assert_int_equal(c.count, 6);
	assert_int_equal(c.sum, 1500 + 3 * 300000 + UINT64_C(5000000000));
	assert_int_equal(c.min, 0);
	assert_int_equal(c.max, 5000000000);
	assert_int_equal(c.overflow, 0);
	assert_int_equal(hist_copy_count_at(&c, 0), 1);
	assert_int_equal(hist_copy_count_at(&c, 1500), 1);
	assert_int_equal(hist_copy_count_at(&c, hist_index(300000)), 3);
	assert_int_equal(hist_copy_count_at(&c, hist_index(5000000000)), 1);
	assert_true(percentile_mean(&c) == 5000901500.0 / 6);
	hist_copy_fini(&c);
	unmap_hist(h);
}

static void values_above_the_range_are_counted_not_lost(void **state)
{
	/* Unknown to the compiler, which else proves what cannot happen and warns of it. */
	static const volatile uint64_t beyond[] = { HIST_NS_MAX + 1, UINT64_C(1) << 50 };

	(void)state;
	struct hist *h = map_hist();
	struct hist_copy c = { 0 }, empty = { 0 }, interval = { 0 };

	hist_record(h, HIST_NS_MAX);
	hist_record(h, beyond[0]);
	hist_record(h, beyond[1]);
	hist_snapshot(h, &c);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.overflow, 2);
	assert_int_equal(hist_copy_count_at(&c, HIST_BUCKETS - 1), 3);
	assert_int_equal(c.max, UINT64_C(1) << 50);
	assert_int_equal(percentile_value(&c, 50), HIST_NS_MAX);

	hist_copy_diff(&c, &empty, &interval);
	assert_int_equal(interval.overflow, 2);
	assert_int_equal(interval.max, UINT64_C(1) << 50);
	hist_copy_fini(&interval);
	hist_copy_fini(&c);
	unmap_hist(h);
}

static void it_knows_its_extremes_in_whatever_order_they_come(void **state)
{
	static const volatile uint64_t orders[][4] = {
		{ 5000, 6000, 7000, 8000 },
		{ 8000, 7000, 6000, 5000 },
		{ UINT64_C(1) << 50, 3, UINT64_C(1) << 51, 4 }, /* the first one is out of range */
		{ 1000, UINT64_C(1) << 50, 1 << 20, 10 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct hist *h = map_hist();
		struct hist_copy c = { 0 };
		uint64_t min = UINT64_MAX, max = 0, over = 0;
		for (size_t k = 0; k < 4; k++) {
			uint64_t ns = orders[i][k];
			hist_record(h, ns);
			min = ns < min ? ns : min;
			max = ns > max ? ns : max;
			over += ns > HIST_NS_MAX;
		}
		hist_snapshot(h, &c);
		assert_int_equal(c.count, 4);
		assert_int_equal(c.min, min);
		assert_int_equal(c.max, max);
		assert_int_equal(c.overflow, over);
		hist_copy_fini(&c);
		unmap_hist(h);
	}
}

static void a_sum_beyond_64_bits_leaves_the_mean_to_the_buckets(void **state)
{
	(void)state;
	struct hist *h = map_hist();
	struct hist_copy before = { 0 }, after = { 0 }, interval = { 0 };

	hist_record_n(h, 1000000000, UINT64_C(18000000000)); /* 0.98 * 2^64 */
	hist_snapshot(h, &before);
	assert_false(before.sum_wrapped);
	assert_true(percentile_mean(&before) == 1e9);

	hist_record_n(h, 1000000000, UINT64_C(1000000000));
	hist_snapshot(h, &after);
	assert_true(after.sum_wrapped);
	assert_true(percentile_mean(&after) > 0.9995e9 && percentile_mean(&after) < 1.0005e9);

	hist_copy_diff(&after, &before, &interval);
	assert_true(percentile_mean(&interval) == 1e9);
	/* Merged, too: a wrapped part, or parts that wrap together. */
	hist_copy_clear(&interval);
	hist_copy_add(&interval, &after);
	assert_true(interval.sum_wrapped);
	hist_copy_clear(&interval);
	hist_copy_add(&interval, &before);
	assert_false(interval.sum_wrapped);
	hist_copy_add(&interval, &before);
	assert_true(interval.sum_wrapped);
	hist_copy_fini(&before);
	hist_copy_fini(&after);
	hist_copy_fini(&interval);
	unmap_hist(h);
}

static void reading_takes_no_memory_that_was_not_written(void **state)
{
	(void)state;
	struct hist *h = map_hist();
	struct hist_copy c = { 0 };

	assert_int_equal(pages_in_memory(h), 0);
	hist_record(h, 300000);
	hist_record(h, 40000000000); /* far away: nothing in between is touched */
	size_t written = pages_in_memory(h);
	hist_snapshot(h, &c);
	/* An octave is two pages and starts within one: a reader may touch two more of each. */
	assert_true(pages_in_memory(h) <= written + 4);
	assert_true(pages_in_memory(h) <= 7);
	assert_int_equal(c.count, 2);
	hist_copy_fini(&c);
	unmap_hist(h);
}

#define RECORDS 300000
#define BATCH   10000

static uint64_t nth_value(uint64_t i)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return (x >> 20) >> (x % 44); /* all magnitudes, a few above the range */
}

static void record_batch(struct hist *h, uint64_t first)
{
	for (uint64_t i = first; i < first + BATCH; i++)
		hist_record(h, nth_value(i));
}

/* The child waits for a poll after each batch, so that every test run has many intervals, and goes
 * on while the parent is still reading. */
static void record_between_polls(struct hist *h, const _Atomic uint64_t *polls)
{
	for (uint64_t i = 0; i < RECORDS; i += BATCH) {
		uint64_t seen = counter_read(polls);
		record_batch(h, i);
		while (counter_read(polls) == seen)
			sched_yield();
	}
}

static void assert_same_buckets(const struct hist_copy *a, const struct hist_copy *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->sum, b->sum);
	assert_int_equal(a->overflow, b->overflow);
	for (size_t i = 0; i < HIST_BUCKETS; i++)
		assert_int_equal(hist_copy_count_at(a, i), hist_copy_count_at(b, i));
}

/* One poll: the interval since the last one goes into *sum, and *last becomes now. */
static void poll_once(const struct hist *h, struct hist_copy *last, struct hist_copy *sum)
{
	struct hist_copy now = { 0 }, interval = { 0 };

	hist_snapshot(h, &now);
	hist_copy_diff(&now, last, &interval);
	hist_copy_add(sum, &interval);
	hist_copy_fini(last);
	hist_copy_fini(&interval);
	*last = now;
}

static void intervals_across_processes_add_up(void **state)
{
	(void)state;
	struct hist *h = map_hist(), *alone = map_hist();
	_Atomic uint64_t *polls = mmap(NULL, sizeof(*polls), PROT_READ | PROT_WRITE,
	                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct hist_copy last = { 0 }, sum = { 0 }, want = { 0 };
	int status = 1;

	assert_true(polls != MAP_FAILED);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* A failing test ends without polling on. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		record_between_polls(h, polls);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		poll_once(h, &last, &sum);
		counter_bump(polls);
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	poll_once(h, &last, &sum);

	for (uint64_t i = 0; i < RECORDS; i += BATCH)
		record_batch(alone, i);
	hist_snapshot(alone, &want);
	assert_int_equal(want.count, RECORDS);
	assert_true(want.overflow > 0);
	assert_same_buckets(&last, &want);
	assert_same_buckets(&sum, &want);
	assert_int_equal(sum.max, want.max);
	assert_int_equal(sum.min, want.min);
	hist_copy_fini(&last);
	hist_copy_fini(&sum);
	hist_copy_fini(&want);
	munmap(polls, sizeof(*polls));
	unmap_hist(h);
	unmap_hist(alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_index_is_the_layout_s_index),
		cmocka_unit_test(zeroed_is_empty),
		cmocka_unit_test(what_is_recorded_is_in_the_snapshot),
		cmocka_unit_test(values_above_the_range_are_counted_not_lost),
		cmocka_unit_test(it_knows_its_extremes_in_whatever_order_they_come),
		cmocka_unit_test(a_sum_beyond_64_bits_leaves_the_mean_to_the_buckets),
		cmocka_unit_test(reading_takes_no_memory_that_was_not_written),
		cmocka_unit_test(intervals_across_processes_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
