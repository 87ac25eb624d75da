/* SPDX-License-Identifier: Apache-2.0 */
#include "load/clock_fit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "util/rng.h"

#define US    UINT64_C(1000)
#define MS    UINT64_C(1000000)
#define S     UINT64_C(1000000000)

#define START (UINT64_C(86400) * S) /* our host is up for a day */

/* Two hosts and the way between them.  All times are of our clock. */
struct weather {
	const char *name;
	int64_t offset_ns; /* theirs - ours, at START */
	double drift_ppm;
	double wander_ppm;       /* the rate swings by so much, within ten minutes */
	uint64_t up_ns, down_ns; /* the least that each way takes */
	uint64_t jitter_ns;      /* the mean of what is added, on each way */
	unsigned spikes_percent; /* of ways on which something waits in a queue ... */
	uint64_t spike_ns;       /* ... for up to so long */
	unsigned lost_percent;
	int64_t step_ns; /* by which theirs went ahead ... */
	uint64_t step_at_ns;
	uint64_t useful_ns; /* the error in the end is at most so large */
};

struct world {
	const struct weather *weather;
	struct rng rng;
};

static int64_t truth_at(const struct weather *w, uint64_t at_ns)
{
	const double turn_s = 600 / 6.283185307179586;
	double since_s = ((double)at_ns - (double)START) * 1e-9;
	double wandered_us = w->wander_ppm * turn_s * (1 - cos(since_s / turn_s));
	double drifted_ns = 1000 * (w->drift_ppm * since_s + wandered_us);
	int64_t stepped_ns = w->step_ns != 0 && at_ns >= w->step_at_ns ? w->step_ns : 0;

	return w->offset_ns + llround(drifted_ns) + stepped_ns;
}

static uint64_t theirs_at(const struct weather *w, uint64_t at_ns)
{
	return (uint64_t)((int64_t)at_ns + truth_at(w, at_ns));
}

static uint64_t way(struct world *world, uint64_t least_ns)
{
	const struct weather *w = world->weather;
	double u = (double)(rng_below(&world->rng, 1000000) + 1) * 1e-6;
	uint64_t took_ns = least_ns + (uint64_t)(-log(u) * (double)w->jitter_ns);

	if (rng_below(&world->rng, 100) < w->spikes_percent)
		took_ns += rng_below(&world->rng, w->spike_ns + 1);
	return took_ns;
}

static struct clock_probe probe_at(struct world *world, uint64_t at_ns)
{
	const struct weather *w = world->weather;
	uint64_t received_ns = at_ns + way(world, w->up_ns);
	uint64_t sent_ns = received_ns + 5 * US + rng_below(&world->rng, 20 * US);
	uint64_t answered_ns = sent_ns + way(world, w->down_ns);

	return (struct clock_probe){ at_ns, theirs_at(w, received_ns), theirs_at(w, sent_ns),
		                     answered_ns };
}

/* Asks at `at_ns`, unless the answer is lost; when the next may be asked. */
static uint64_t ask(struct world *world, struct clock_fit *fit, uint64_t at_ns,
                    enum clock_news *news)
{
	struct clock_probe p = probe_at(world, at_ns);

	if (rng_below(&world->rng, 100) < world->weather->lost_percent) {
		clock_fit_lost(fit);
		*news = CLOCK_NEWS_NONE;
	} else {
		*news = clock_fit_add(fit, &p);
		assert_int_not_equal(*news, CLOCK_NEWS_REFUSED);
	}
	return p.answered_ns;
}

/* Every 100 ms for 3 s, then every `every_ns`. */
static uint64_t ask_until(struct world *world, struct clock_fit *fit, uint64_t until_ns,
                          uint64_t every_ns)
{
	uint64_t at_ns = START;

	while (at_ns < until_ns) {
		enum clock_news news;
		uint64_t done_ns = ask(world, fit, at_ns, &news);
		at_ns += at_ns < START + 3 * S ? 100 * MS : every_ns;
		at_ns = at_ns < done_ns ? done_ns : at_ns;
	}
	return at_ns;
}

static uint64_t magnitude(int64_t x)
{
	return x < 0 ? (uint64_t)-x : (uint64_t)x;
}

static void assert_covers(const struct clock_fit *fit, const struct weather *w, uint64_t at_ns)
{
	struct clock_estimate e = clock_fit_at(fit, at_ns);
	int64_t truth_ns = truth_at(w, at_ns);

	assert_true(e.known);
	if (magnitude(truth_ns - e.offset_ns) > e.error_ns)
		fail_msg(
			"%s: %.6f s after the start the offset is %lld ns, and %lld +- %llu is claimed",
			w->name, ((double)at_ns - (double)START) * 1e-9, (long long)truth_ns,
			(long long)e.offset_ns, (unsigned long long)e.error_ns);
	assert_true(2 * e.error_ns >= clock_fit_facts(fit).round_trip_min_ns);
}

static const struct weather weathers[] = {
	{ .name = "one switch",
	  .offset_ns = 2000000,
	  .drift_ppm = 12,
	  .up_ns = 25 * US,
	  .down_ns = 25 * US,
	  .jitter_ns = 15 * US,
	  .useful_ns = 80 * US },
	{ .name = "perfect", .offset_ns = -7, .up_ns = 1, .down_ns = 1, .useful_ns = 25 * US },
	{ .name = "drift of 50 ppm",
	  .offset_ns = -123456789,
	  .drift_ppm = 50,
	  .up_ns = 50 * US,
	  .down_ns = 50 * US,
	  .jitter_ns = 30 * US,
	  .useful_ns = 150 * US },
	{ .name = "drift of -1100 ppm",
	  .offset_ns = 1,
	  .drift_ppm = -1100,
	  .up_ns = 50 * US,
	  .down_ns = 50 * US,
	  .jitter_ns = 30 * US,
	  .useful_ns = 150 * US },
	{ .name = "wandering",
	  .offset_ns = 5,
	  .drift_ppm = -20,
	  .wander_ppm = 4.9,
	  .up_ns = 60 * US,
	  .down_ns = 60 * US,
	  .jitter_ns = 30 * US,
	  .useful_ns = 150 * US },
	{ .name = "one way is slow",
	  .offset_ns = 2000000,
	  .drift_ppm = 30,
	  .up_ns = 5 * MS,
	  .down_ns = 100 * US,
	  .jitter_ns = 50 * US,
	  .useful_ns = 3 * MS },
	{ .name = "the other way is slow",
	  .offset_ns = 2000000,
	  .drift_ppm = -30,
	  .up_ns = 100 * US,
	  .down_ns = 30 * MS,
	  .jitter_ns = 500 * US,
	  .useful_ns = 17 * MS },
	{ .name = "one way takes nothing",
	  .offset_ns = 9,
	  .drift_ppm = 50,
	  .down_ns = 20 * MS,
	  .useful_ns = 11 * MS },
	{ .name = "queues",
	  .offset_ns = 1000000000000,
	  .drift_ppm = 40,
	  .up_ns = 100 * US,
	  .down_ns = 100 * US,
	  .jitter_ns = 50 * US,
	  .spikes_percent = 40,
	  .spike_ns = 80 * MS,
	  .useful_ns = 400 * US },
	{ .name = "always a queue",
	  .offset_ns = -1000000000000,
	  .drift_ppm = 7,
	  .up_ns = 1 * MS,
	  .down_ns = 1 * MS,
	  .jitter_ns = 3 * MS,
	  .spikes_percent = 100,
	  .spike_ns = 50 * MS,
	  .useful_ns = 25 * MS },
	{ .name = "half is lost",
	  .offset_ns = 77,
	  .drift_ppm = 50,
	  .up_ns = 200 * US,
	  .down_ns = 300 * US,
	  .jitter_ns = 100 * US,
	  .lost_percent = 50,
	  .useful_ns = 450 * US },
};

#define WEATHERS (sizeof(weathers) / sizeof(weathers[0]))

/* As long as it runs each answer is in force at once, and in the end all are judged again. */
static void live_through(const struct weather *w, uint64_t seed, uint64_t until_ns,
                         uint64_t every_ns)
{
	struct world world = { w, { seed } };
	struct clock_fit *fit = clock_fit_create();
	uint64_t at_ns = START, last_ns = START;

	while (at_ns < until_ns) {
		enum clock_news news;
		uint64_t done_ns = ask(&world, fit, at_ns, &news);
		uint64_t rest_ns = at_ns < START + 3 * S ? 100 * MS : every_ns;
		assert_int_equal(news, CLOCK_NEWS_NONE);
		if (clock_fit_facts(fit).probes > 0)
			for (unsigned i = 0; i < 4; i++)
				assert_covers(fit, w, at_ns + rng_below(&world.rng, 3 * rest_ns));
		last_ns = at_ns;
		at_ns += rest_ns;
		at_ns = at_ns < done_ns ? done_ns : at_ns;
	}
	uint64_t worst_ns = clock_fit_worst_ns(fit, START, last_ns);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t past_ns = START + rng_below(&world.rng, last_ns - START + 1);
		assert_covers(fit, w, past_ns);
		assert_true(clock_fit_at(fit, past_ns).error_ns <= worst_ns);
	}
	uint64_t error_ns = clock_fit_at(fit, last_ns).error_ns;
	if (error_ns > w->useful_ns)
		fail_msg("%s: in the end an error of %llu ns", w->name,
		         (unsigned long long)error_ns);
	assert_int_equal(clock_fit_facts(fit).steps + clock_fit_facts(fit).bends, 0);
	clock_fit_destroy(fit);
}

static void the_truth_is_within_the_error_in_every_weather(void **state)
{
	(void)state;
	for (size_t i = 0; i < WEATHERS; i++)
		for (uint64_t seed = 1; seed <= 20; seed++)
			live_through(&weathers[i], seed, START + 60 * S, 500 * MS);
}

static void nothing_is_known_without_a_probe(void **state)
{
	(void)state;
	struct clock_fit *fit = clock_fit_create();

	assert_false(clock_fit_at(fit, START).known);
	clock_fit_lost(fit);
	assert_false(clock_fit_at(fit, START).known);
	assert_true(clock_fit_worst_ns(fit, START, START + S) == UINT64_MAX);
	assert_int_equal(clock_fit_facts(fit).lost, 1);
	assert_int_equal(clock_fit_facts(fit).probes, 0);
	clock_fit_destroy(fit);
	clock_fit_destroy(NULL);
}

static void one_probe_is_worth_half_of_its_round_trip(void **state)
{
	(void)state;
	struct clock_fit *fit = clock_fit_create();
	/* Theirs is 7 ms ahead; 3 ms on the way and 1 ms back, and 2 ms for the answer. */
	struct clock_probe p = { START, START + 10 * MS, START + 12 * MS, START + 6 * MS };

	assert_int_equal(clock_fit_add(fit, &p), CLOCK_NEWS_NONE);
	struct clock_estimate e = clock_fit_at(fit, START + 3 * MS);
	assert_int_equal(e.offset_ns, 8 * MS);
	assert_in_range(e.error_ns, 2 * MS, 2 * MS + 10 * US);
	assert_int_equal(clock_fit_facts(fit).round_trip_min_ns, 4 * MS);
	/* Of the rate nothing is known yet. */
	e = clock_fit_at(fit, START + 10 * S);
	assert_in_range(e.error_ns, 2 * MS + 12000 * US, 2 * MS + 12050 * US);
	clock_fit_destroy(fit);
}

static void a_drift_of_50_ppm_is_found_within_an_hour(void **state)
{
	(void)state;
	static const struct weather w = { .name = "an hour",
		                          .offset_ns = 2000000,
		                          .drift_ppm = 50,
		                          .up_ns = 100 * US,
		                          .down_ns = 100 * US,
		                          .jitter_ns = 50 * US,
		                          .spikes_percent = 20,
		                          .spike_ns = 20 * MS,
		                          .lost_percent = 5 };
	struct world world = { &w, { 42 } };
	struct clock_fit *fit = clock_fit_create();
	uint64_t end_ns = ask_until(&world, fit, START + 3600 * S, S);

	struct clock_fit_facts f = clock_fit_facts(fit);
	assert_true(fabs(f.drift_ppm - 50) < 0.1);
	assert_true(f.drift_error_ppm <= CLOCK_WANDER_PPM + 0.5);
	assert_int_equal(f.steps + f.bends, 0);
	/* In retrospect every instant is known well: of 180 ms that it drifted nothing remains. */
	for (uint64_t at_ns = START; at_ns < end_ns; at_ns += 777 * MS) {
		assert_covers(fit, &w, at_ns);
		assert_true(clock_fit_at(fit, at_ns).error_ns < 350 * US);
	}
	clock_fit_destroy(fit);
}

static void a_drift_is_found_among_queues(void **state)
{
	(void)state;
	struct weather w = weathers[0];
	double off_ppm = 0;

	w.drift_ppm = 50;
	w.spikes_percent = 60;
	w.spike_ns = 80 * MS;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world world = { &w, { seed } };
		struct clock_fit *fit = clock_fit_create();
		ask_until(&world, fit, START + 30 * S, 500 * MS);
		off_ppm += fabs(clock_fit_facts(fit).drift_ppm - 50) / 20;
		clock_fit_destroy(fit);
	}
	assert_true(off_ppm < 2);
}

/* Only where it is highest: what comes after may be slower by twice of what a rate may be off its mean. */
static void a_rate_that_was_seen_at_its_highest_is_not_taken_for_the_mean(void **state)
{
	(void)state;
	static const struct weather w = { .name = "highest",
		                          .drift_ppm = 20,
		                          .wander_ppm = 5,
		                          .up_ns = 10,
		                          .down_ns = 10,
		                          .jitter_ns = 1 };
	struct world world = { &w, { 4 } };
	struct clock_fit *fit = clock_fit_create();
	enum clock_news news;

	for (uint64_t at_ns = START + 100 * S; at_ns < START + 200 * S; at_ns += S)
		ask(&world, fit, at_ns, &news);
	for (uint64_t at_ns = START; at_ns < START + 600 * S; at_ns += S)
		assert_covers(fit, &w, at_ns);
	clock_fit_destroy(fit);
}

static void a_step_is_told_and_both_sides_of_it_stay_known(void **state)
{
	(void)state;
	static const int64_t steps[] = { 2000000, -2000000, 400000, 3600000000000, -30000000000 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct weather w = weathers[0];
		w.name = "a step";
		w.step_ns = steps[i];
		w.step_at_ns = START + 20 * S + 250 * MS;
		struct world world = { &w, { i } };
		struct clock_fit *fit = clock_fit_create();
		uint64_t end_ns = ask_until(&world, fit, START + 40 * S, 500 * MS);
		struct clock_fit_facts f = clock_fit_facts(fit);

		assert_int_equal(f.steps, 1);
		assert_int_equal(f.bends, 0);
		assert_true(magnitude(f.step_most_ns - steps[i]) < 300 * US);
		assert_in_range(f.step_most_at_ns, w.step_at_ns, w.step_at_ns + 300 * MS);
		for (uint64_t at_ns = START; at_ns < end_ns; at_ns += 7 * MS)
			assert_covers(fit, &w, at_ns);
		/* Only where it may have been is the error as large. */
		assert_true(clock_fit_at(fit, START + 19 * S).error_ns < 100 * US);
		assert_true(clock_fit_at(fit, START + 21 * S).error_ns < 500 * US);
		assert_true(clock_fit_at(fit, w.step_at_ns).error_ns >= magnitude(steps[i]) / 2);
		assert_true(clock_fit_worst_ns(fit, START, end_ns) >= magnitude(steps[i]) / 2);
		assert_true(clock_fit_worst_ns(fit, START, START + 19 * S) < 1 * MS);
		clock_fit_destroy(fit);
	}
}

/* Its clock stands still, nobody answers, and ours goes on. */
static void a_suspended_host_is_a_step_back(void **state)
{
	(void)state;
	struct weather w = weathers[0];
	w.name = "suspended";
	w.step_ns = -(int64_t)(30 * S);
	w.step_at_ns = START + 10 * S; /* from its point of view; of the 30 s nothing is known */
	struct world world = { &w, { 3 } };
	struct clock_fit *fit = clock_fit_create();
	enum clock_news news;

	ask_until(&world, fit, START + 9 * S, 500 * MS);
	for (unsigned i = 0; i < 30; i++)
		clock_fit_lost(fit);
	ask(&world, fit, START + 41 * S, &news);
	assert_int_equal(news, CLOCK_NEWS_STEP);
	ask(&world, fit, START + 42 * S, &news);
	assert_int_equal(news, CLOCK_NEWS_NONE);
	assert_int_equal(clock_fit_facts(fit).steps, 1);
	assert_int_equal(clock_fit_facts(fit).lost, 30);
	assert_covers(fit, &w, START + 9 * S);
	assert_covers(fit, &w, START + 30 * S);
	assert_covers(fit, &w, START + 50 * S);
	clock_fit_destroy(fit);
}

/* While its program was making the answer: such a probe has no round trip that could be believed. */
static void a_step_in_the_middle_of_a_probe_is_told_with_the_next_one(void **state)
{
	(void)state;
	struct weather w = weathers[0];
	struct world world = { &w, { 5 } };
	struct clock_fit *fit = clock_fit_create();
	enum clock_news news;
	uint64_t at_ns = ask_until(&world, fit, START + 5 * S, 500 * MS);

	struct clock_probe p = probe_at(&world, at_ns);
	p.sent_ns += 5 * MS;
	assert_int_equal(clock_fit_add(fit, &p), CLOCK_NEWS_REFUSED);
	w.step_ns = 5 * MS;
	w.step_at_ns = at_ns;
	/* This one was so slow that it might be true on either side. */
	w.down_ns += 20 * MS;
	ask(&world, fit, at_ns + S, &news);
	assert_int_equal(news, CLOCK_NEWS_STEP);
	w.down_ns -= 20 * MS;
	assert_covers(fit, &w, at_ns - S);
	assert_covers(fit, &w, at_ns + S);
	assert_covers(fit, &w, at_ns + 2 * S);
	clock_fit_destroy(fit);
}

static void another_rate_is_told(void **state)
{
	(void)state;
	struct weather slow = weathers[0], fast = weathers[0];
	struct world world = { &slow, { 6 } };
	struct clock_fit *fit = clock_fit_create();
	uint64_t at_ns = ask_until(&world, fit, START + 60 * S, 500 * MS);
	unsigned told = 0;

	/* It goes on from where it was, 40 ppm faster: little by little, no probe is far off. */
	fast.drift_ppm = slow.drift_ppm + 40;
	fast.offset_ns += truth_at(&slow, at_ns) - truth_at(&fast, at_ns);
	world.weather = &fast;
	for (unsigned i = 0; i < 60; i++, at_ns += 500 * MS) {
		enum clock_news news;
		ask(&world, fit, at_ns, &news);
		assert_int_not_equal(news, CLOCK_NEWS_STEP);
		told += news == CLOCK_NEWS_BEND;
		if (told > 0)
			assert_covers(fit, &fast, at_ns + 500 * MS);
	}
	assert_in_range(told, 1, 2);
	assert_covers(fit, &slow, START + 30 * S);
	assert_true(fabs(clock_fit_facts(fit).drift_ppm - fast.drift_ppm) < 5);
	clock_fit_destroy(fit);
}

static void what_is_older_than_the_last_sixteen_beginnings_is_forgotten(void **state)
{
	(void)state;
	struct weather w = weathers[0];
	struct world world = { &w, { 7 } };
	struct clock_fit *fit = clock_fit_create();
	const unsigned steps = 3 * CLOCK_FIT_STRETCHES;
	uint64_t at_ns = START;

	for (unsigned i = 0; i <= steps; i++) {
		w.offset_ns += 10 * MS;
		for (unsigned k = 0; k < 100; k++, at_ns += 500 * MS) {
			enum clock_news news;
			ask(&world, fit, at_ns, &news);
			assert_int_equal(news, k == 0 && i > 0 ? CLOCK_NEWS_STEP : CLOCK_NEWS_NONE);
		}
	}
	assert_int_equal(clock_fit_facts(fit).steps, steps);
	assert_false(clock_fit_at(fit, START).known);
	assert_false(clock_fit_at(fit, at_ns - 50 * S * (CLOCK_FIT_STRETCHES + 1)).known);
	assert_true(clock_fit_at(fit, at_ns - 50 * S * (CLOCK_FIT_STRETCHES - 1)).known);
	assert_true(clock_fit_worst_ns(fit, START, at_ns) == UINT64_MAX);
	assert_covers(fit, &w, at_ns - 40 * S);
	assert_covers(fit, &w, at_ns);
	clock_fit_destroy(fit);
}

static void two_workers_are_apart_as_their_clocks_are(void **state)
{
	(void)state;
	struct weather a = weathers[0], b = weathers[0];

	b.offset_ns = a.offset_ns + 2000000;
	b.drift_ppm = -a.drift_ppm;
	b.up_ns = 5 * MS; /* to the second all goes through a slow line */
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct world to_a = { &a, { seed } }, to_b = { &b, { seed + 1000 } };
		struct clock_fit *fit_a = clock_fit_create(), *fit_b = clock_fit_create();
		ask_until(&to_a, fit_a, START + 30 * S, 500 * MS);
		ask_until(&to_b, fit_b, START + 30 * S, 500 * MS);
		for (uint64_t at_ns = START; at_ns < START + 31 * S; at_ns += 313 * MS) {
			struct clock_estimate x = clock_fit_at(fit_a, at_ns);
			struct clock_estimate y = clock_fit_at(fit_b, at_ns);
			int64_t apart_ns = truth_at(&b, at_ns) - truth_at(&a, at_ns);
			int64_t claimed_ns = y.offset_ns - x.offset_ns;
			assert_true(magnitude(apart_ns - claimed_ns) <= x.error_ns + y.error_ns);
		}
		clock_fit_destroy(fit_a);
		clock_fit_destroy(fit_b);
	}
}

static void months_take_no_more_memory_and_keep_the_beginning(void **state)
{
	(void)state;
	struct weather w = weathers[0];
	w.wander_ppm = 3;
	struct world world = { &w, { 9 } };
	struct clock_fit *fit = clock_fit_create();
	uint64_t end_ns = ask_until(&world, fit, START + 90 * (86400 * S), 600 * S);

	assert_int_equal(clock_fit_facts(fit).steps + clock_fit_facts(fit).bends, 0);
	for (uint64_t at_ns = START; at_ns < end_ns; at_ns += 86399 * S)
		assert_covers(fit, &w, at_ns);
	clock_fit_destroy(fit);
}

/* Each host's time of day is wrong, but never by more than it says. */
static void synchronised_hosts_need_no_probes(void **state)
{
	(void)state;
	static const struct weather w = { .name = "system",
		                          .offset_ns = -77777777777,
		                          .drift_ppm = 9 };
	const int64_t day_ns = INT64_C(1700000000) * (int64_t)S;
	struct clock_fit *fit = clock_fit_create();
	struct rng rng = { 11 };

	for (uint64_t at_ns = START; at_ns < START + 60 * S; at_ns += S) {
		uint64_t error_ns = 1 * MS + rng_below(&rng, 9 * MS);
		int64_t ours_off = (int64_t)rng_below(&rng, 2 * error_ns) - (int64_t)error_ns;
		int64_t theirs_off = (int64_t)rng_below(&rng, 2 * error_ns) - (int64_t)error_ns;
		uint64_t later_ns = at_ns + rng_below(&rng, 50 * MS);
		struct clock_system ours = { at_ns, (uint64_t)(day_ns + (int64_t)at_ns + ours_off),
			                     error_ns };
		/* The true time of day of an instant is the same everywhere. */
		struct clock_system theirs = { theirs_at(&w, later_ns),
			                       (uint64_t)(day_ns + (int64_t)later_ns + theirs_off),
			                       error_ns };
		assert_int_equal(clock_fit_add_system(fit, &ours, &theirs), CLOCK_NEWS_NONE);
		assert_covers(fit, &w, at_ns + rng_below(&rng, 2 * S));
	}
	struct clock_estimate e = clock_fit_at(fit, START + 30 * S);
	assert_in_range(e.error_ns, 2 * MS, 5 * MS);
	assert_int_equal(clock_fit_facts(fit).round_trip_min_ns, 0);
	assert_int_equal(clock_fit_facts(fit).probes, 60);

	/* One whose time of day was set. */
	struct clock_system ours = { START + 70 * S, (uint64_t)day_ns, 2 * MS };
	struct clock_system theirs = { START, (uint64_t)day_ns + S, 2 * MS };
	assert_int_equal(clock_fit_add_system(fit, &ours, &theirs), CLOCK_NEWS_STEP);
	ours.monotonic_ns--;
	assert_int_equal(clock_fit_add_system(fit, &ours, &theirs), CLOCK_NEWS_REFUSED);
	clock_fit_destroy(fit);
}

static void what_is_no_probe_is_refused(void **state)
{
	(void)state;
	static const struct clock_probe bad[] = {
		{ START + 2, 5, 6, START + 1 }, /* answered before it was asked */
		{ START, 6, 5, START + MS },    /* sent before it was received */
		{ START, UINT64_MAX - 1, UINT64_MAX, START + MS },
		{ UINT64_MAX - 5, 5, 6, UINT64_MAX },
		{ START, 5, 6 + 2 * MS, START + MS }, /* a round trip below nothing */
	};
	struct clock_fit *fit = clock_fit_create();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clock_fit_add(fit, &bad[i]), CLOCK_NEWS_REFUSED);
	assert_false(clock_fit_at(fit, START).known);
	struct clock_probe good = { START, 5, 6, START + MS };
	assert_int_equal(clock_fit_add(fit, &good), CLOCK_NEWS_NONE);
	/* Asked before the answer to the last one was here. */
	struct clock_probe early = { START + MS - 1, 5, 6, START + 2 * MS };
	assert_int_equal(clock_fit_add(fit, &early), CLOCK_NEWS_REFUSED);
	assert_int_equal(clock_fit_facts(fit).refused, 6);
	assert_int_equal(clock_fit_facts(fit).probes, 1);
	clock_fit_destroy(fit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_without_a_probe),
		cmocka_unit_test(one_probe_is_worth_half_of_its_round_trip),
		cmocka_unit_test(the_truth_is_within_the_error_in_every_weather),
		cmocka_unit_test(a_drift_of_50_ppm_is_found_within_an_hour),
		cmocka_unit_test(a_drift_is_found_among_queues),
		cmocka_unit_test(a_rate_that_was_seen_at_its_highest_is_not_taken_for_the_mean),
		cmocka_unit_test(a_step_is_told_and_both_sides_of_it_stay_known),
		cmocka_unit_test(a_suspended_host_is_a_step_back),
		cmocka_unit_test(a_step_in_the_middle_of_a_probe_is_told_with_the_next_one),
		cmocka_unit_test(another_rate_is_told),
		cmocka_unit_test(what_is_older_than_the_last_sixteen_beginnings_is_forgotten),
		cmocka_unit_test(two_workers_are_apart_as_their_clocks_are),
		cmocka_unit_test(months_take_no_more_memory_and_keep_the_beginning),
		cmocka_unit_test(synchronised_hosts_need_no_probes),
		cmocka_unit_test(what_is_no_probe_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
