/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local worker over several runs, and what its readings mean.
 */
#include <dirent.h>
#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "local_bench.h"
#include "util/clock.h"

/* A sanitizer keeps what was freed for a while, and maps as it likes. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

/* What this process holds that could grow. */
struct holdings {
	unsigned mappings, descriptors;
	uint64_t heap_bytes, resident_kib;
};

static unsigned lines_of(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned lines = 0;

	assert_non_null(f);
	for (int c = fgetc(f); c != EOF; c = fgetc(f))
		lines += c == '\n';
	(void)fclose(f);
	return lines;
}

static struct holdings holdings_now(void)
{
	struct holdings h = { .mappings = lines_of("/proc/self/maps") };
	DIR *dir = opendir("/proc/self/fd");
	unsigned long long pages = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		h.descriptors++;
	(void)closedir(dir);
	FILE *f = fopen("/proc/self/statm", "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %llu", &pages), 1);
	(void)fclose(f);
	struct mallinfo2 heap = mallinfo2();
	h.heap_bytes = heap.uordblks + heap.hblkhd;
	h.resident_kib = pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return h;
}

/* A run with everything that leaves something behind: events, a pool, accounts, readings. */
static void run_once(struct fixture *f, unsigned n)
{
	struct arena all = { 0 };

	f->arena = all;
	initialize(f);
	create_topics(f, 20, 4);
	create_consumers(f, 2, 4);
	create_producers(f, 2);
	do_verb(f, WORKER_RESET_STATS);
	start_load(f, 2000, 2, S / 50);
	wait_counter(f, COUNTER_RECEIVED, 40);
	struct worker_call period = call_of(f, WORKER_PERIOD_STATS);
	must(f, &period);
	snapshot_fini(&period.period.interval);
	if (n % 2 == 0)
		kill(agent_now(f, AGENT_CONSUMER, 0).pid, SIGKILL);
	struct fact_totals t = finish(f);
	fact_totals_fini(&t);
	do_verb(f, WORKER_STOP_ALL);
	arena_fini(&f->arena);
}

/* At the start of a run: what the last one told is forgotten. */
static struct holdings holdings_at_a_start(struct fixture *f)
{
	f->arena = (struct arena){ 0 };
	initialize(f);
	struct holdings h = holdings_now();
	do_verb(f, WORKER_STOP_ALL);
	arena_fini(&f->arena);
	return h;
}

static void a_worker_does_not_grow_from_run_to_run(void **state)
{
	struct fixture f = { .driver_yaml = "driver: loopback\n",
		             .deal = per_client,
		             .accounted = 2 };
	struct holdings first = { 0 };

	(void)state;
	f.w = create_worker();
	for (unsigned n = 0; n < 16; n++) {
		run_once(&f, n);
		if (n == 3)
			first = holdings_at_a_start(&f);
	}
	struct holdings last = holdings_at_a_start(&f);
	assert_int_equal(last.descriptors, first.descriptors);
#if !SANITIZED
	assert_int_equal(last.mappings, first.mappings);
	assert_int_equal(last.heap_bytes, first.heap_bytes);
	/* What the heap takes from the system goes up and down a little. */
	assert_in_range(last.resident_kib, 0, first.resident_kib + 1536);
#endif
	f.arena = (struct arena){ 0 };
	close_worker(&f);
}

static struct worker_period read_stats(struct fixture *f, enum worker_verb verb)
{
	struct worker_call call = call_of(f, verb);

	must(f, &call);
	return call.period;
}

static uint64_t publishes_of(const struct worker_period *p)
{
	struct hist_copy h = { 0 };

	snapshot_latency(&p->interval, LATENCY_PUBLISH, &h);
	uint64_t count = h.count;
	hist_copy_fini(&h);
	return count;
}

static void assert_stats(struct fixture *f, enum worker_verb verb, uint64_t counted, uint64_t timed)
{
	struct worker_period p = read_stats(f, verb);

	assert_int_equal(p.interval.counters[COUNTER_ACKNOWLEDGED], counted);
	assert_int_equal(publishes_of(&p), timed);
	snapshot_fini(&p.interval);
}

/* So many messages, a millisecond apart, and then none for long (but for the first of the slow rate). */
static void send_some(struct fixture *f, uint64_t messages, uint64_t all_received)
{
	uint64_t start_ns = clock_ns() + 20 * MS;

	adjust(f, 1000, start_ns);
	adjust(f, 0.01, start_ns + (messages - 1) * MS);
	wait_counter(f, COUNTER_RECEIVED, all_received);
}

/* As OMB's worker: a period is what came since it was read last, counts and latencies; cumulative
 * latencies are emptied by reading, and by reset-stats, which empties those of the period, too, and
 * leaves its counts; totals only grow, probes and all. */
static void readings_mean_what_they_mean_to_omb(void **state)
{
	struct fixture f;
	struct worker_call counters;

	(void)state;
	open_worker(&f, "driver: loopback\n", per_core);
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 2);
	wait_ready(&f, 1);
	start_load(&f, 0.01, 2, 50 * S);
	wait_counter(&f, COUNTER_RECEIVED, 1);
	send_some(&f, 100, 101);
	assert_stats(&f, WORKER_PERIOD_STATS, 101, 101);
	assert_stats(&f, WORKER_PERIOD_STATS, 0, 0);
	send_some(&f, 50, 151);
	do_verb(&f, WORKER_RESET_STATS);
	assert_stats(&f, WORKER_PERIOD_STATS, 50, 0);
	assert_stats(&f, WORKER_CUMULATIVE_LATENCIES, 151, 0);
	send_some(&f, 40, 191);
	assert_stats(&f, WORKER_CUMULATIVE_LATENCIES, 40, 40);
	assert_stats(&f, WORKER_CUMULATIVE_LATENCIES, 0, 0);
	assert_stats(&f, WORKER_PERIOD_STATS, 40, 40);

	uint64_t probes = counter_now(&f, COUNTER_PROBES_ACKED);
	assert_true(probes >= 2);
	counters = call_of(&f, WORKER_COUNTERS_STATS);
	must(&f, &counters);
	assert_int_equal(counters.counters.sent, 191 + probes);
	assert_int_equal(counters.counters.received,
	                 191 + counter_now(&f, COUNTER_PROBES_RECEIVED));
	assert_int_equal(counters.counters.send_errors, 0);
	close_worker(&f);
}

/* Pieces that a thread keeps at hand when they are freed seem to be in use: here it keeps none. */
static void count_what_is_freed(char **argv)
{
	if (getenv("GLIBC_TUNABLES") != NULL)
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
	(void)execv("/proc/self/exe", argv);
	fail_msg("this program cannot start itself again");
}

int main(int argc, char **argv)
{
	(void)argc;
	count_what_is_freed(argv);

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_does_not_grow_from_run_to_run),
		cmocka_unit_test(readings_mean_what_they_mean_to_omb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
