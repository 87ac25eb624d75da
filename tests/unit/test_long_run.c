/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What many sample periods cost the coordinator: sampler, journal and result as in a run, without agents
 * and without waiting.
 *
 *     test_long_run          1,500 periods, and as many seconds
 *     test_long_run 86400    those of a day; prints what it took
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "results/result.h"
#include "results/side_reader.h"
#include "run/console.h"
#include "run/diary.h"
#include "run/platform.h"
#include "run/sampler.h"
#include "util/rng.h"
#include "util/xalloc.h"

#define S       UINT64_C(1000000000)
#define PERIODS ((size_t)1500)

static uint64_t now_s;
static size_t periods_asked = PERIODS;

static uint64_t fake_now_ns(void *to)
{
	(void)to;
	return now_s * S;
}

/* A broker at ease: 1 ms in the middle, tails of a decade and a half, a thousand messages of each kind. */
static void add_latencies(struct snapshot *s, struct rng *rng)
{
	for (unsigned l = 0; l < LATENCY_COUNT; l++)
		for (unsigned i = 0; i < 300; i++) {
			double u = (double)(1 + rng_below(rng, 9999)) / 10000;
			uint64_t ns = (uint64_t)(1e6 * pow(u / (1 - u), 0.4));
			hist_copy_record(&s->latencies[WINDOW_MEASURED][l], ns, 3);
		}
	s->counters[COUNTER_SENT] += 1000;
	s->counters[COUNTER_ACKNOWLEDGED] += 1000;
	s->counters[COUNTER_RECEIVED] += 1000;
	s->taken_ns = now_s * S;
}

static void feed(struct sampler *s, const struct snapshot *so_far)
{
	struct fact_totals totals = { 0 };

	snapshot_add(&totals.snapshot, so_far);
	totals.snapshot.taken_ns = so_far->taken_ns;
	sampler_feed(s, &totals);
}

static size_t peak_bytes(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return (size_t)usage.ru_maxrss * 1024;
}

struct course {
	struct console console;
	struct run_platform platform;
	struct sampler sampler;
	struct diary diary;
	struct pair pair;
	struct record record;
	struct snapshot so_far;
	struct rng rng;
};

static void go_on(struct course *c, size_t periods)
{
	for (size_t i = 0; i < periods; i++) {
		now_s++;
		add_latencies(&c->so_far, &c->rng);
		feed(&c->sampler, &c->so_far);
		diary_second(&c->diary, sampler_add_second(&c->sampler, "measure", now_s * S));
		assert_true(diary_period(&c->diary, sampler_add_period(&c->sampler, "measure")));
		sampler_set_written(&c->sampler);
	}
}

static void begin(struct course *c, const char *folder)
{
	struct error err = { 0 };

	*c = (struct course){
		.platform = { .now_ns = fake_now_ns, .wall_ns = fake_now_ns },
		.record = { .run_id = "01lg22la7e2p",
		            .workload_name = "w",
		            .driver_name = "d",
		            .environment = { .version = "v", .commit = "c", .build = "b" } },
	};
	now_s = 1;
	c->record.started_ns = S;
	c->diary.console = &c->console;
	c->diary.platform = &c->platform;
	sampler_init(&c->sampler, S, 1, S);
	assert_true(pair_reserve(&c->pair, folder, "w", c->record.run_id, &err));
	assert_true(diary_open(&c->diary, folder, &c->record, &err));
	add_latencies(&c->so_far, &c->rng);
	feed(&c->sampler, &c->so_far);
	sampler_begin_window(&c->sampler, NULL, S);
	diary_window(&c->diary, &c->record);
}

static void count(void *to, struct omb_series *series, double value)
{
	size_t *numbers = to;

	(void)series;
	(void)value;
	++*numbers;
}

/* One period is in memory at a time. */
static void read_result(const char *side, const char *json, size_t periods)
{
	struct side_reader reader;
	struct omb_result result;
	struct error err = { 0 };
	size_t numbers = 0;

	if (!side_reader_load(&reader, side, NULL, NULL, &err) ||
	    !omb_result_load(json, &result, count, &numbers, &err))
		fail_msg("%s", err.text);
	assert_int_equal(reader.periods, periods);
	assert_int_equal(reader.record.seconds_count, periods);
	assert_int_equal(numbers, 28 * periods);
	side_reader_fini(&reader);
	omb_result_fini(&result);
}

/* Returns the size of `.omb`. */
static size_t write_result(struct course *c)
{
	struct text json_path = { 0 };
	struct error err = { 0 };
	struct stat st;

	c->record.seconds = c->sampler.seconds;
	c->record.seconds_count = c->sampler.seconds_count;
	c->record.journal = &c->diary.journal;
	c->record.samples = &c->sampler.samples;
	c->record.ended_ns = now_s * S;
	c->record.totals = c->sampler.last;
	if (!result_write(&c->pair, &c->record, &json_path, &err))
		fail_msg("%s", err.text);
	assert_int_equal(stat(c->pair.side, &st), 0);
	read_result(c->pair.side, text_str(&json_path), c->sampler.seconds_count);
	text_fini(&json_path);
	return (size_t)st.st_size;
}

static void end(struct course *c)
{
	diary_end(&c->diary, false);
	pair_fini(&c->pair);
	sampler_fini(&c->sampler);
	snapshot_fini(&c->so_far);
}

static size_t run_of(const char *folder, size_t periods)
{
	char *sub = xasprintf("%s/%zu", folder, periods);
	struct course c;

	assert_int_equal(mkdir(sub, 0700), 0);
	begin(&c, sub);
	go_on(&c, periods);
	size_t bytes = write_result(&c);
	end(&c);
	free(sub);
	return bytes;
}

/* A period is 28 numbers of 8 bytes and a second 56 bytes, in arrays that double: 560 bytes at most,
 * and the text that is being written; a reader has the seconds.  Kept with its histograms it would be some 100 kB. */
static void a_day_of_periods_of_a_second_fits_into_100_megabytes(void **state)
{
	char folder[] = "/tmp/omb-test-long-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
	(void)run_of(folder, 150); /* what any run takes */
	size_t before = peak_bytes();
	size_t side = run_of(folder, periods_asked);
	size_t grown = peak_bytes() - before;
	if (periods_asked != PERIODS)
		print_message("%zu periods: memory grew by %.1f MB to %.1f MB; .omb has %.1f MB, "
		              "%zu bytes a period\n",
		              periods_asked, (double)grown / 1e6, (double)peak_bytes() / 1e6,
		              (double)side / 1e6, side / periods_asked);
	assert_in_range(side / periods_asked, 2000, 50000);
#ifndef __SANITIZE_THREAD__ /* which has several words of its own for each of ours */
	assert_in_range(grown, 0, periods_asked * 900 + (2 << 20));
	assert_in_range(peak_bytes(), 0, 100 << 20);
#endif

	char *command = xasprintf("rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
	free(command);
}

/* AddressSanitizer keeps 256 MB of what was freed, which would be taken for what is held. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_of_periods_of_a_second_fits_into_100_megabytes),
	};

	if (argc > 1)
		periods_asked = strtoul(argv[1], NULL, 10);
	return cmocka_run_group_tests_name("long_run", tests, NULL, NULL);
}
