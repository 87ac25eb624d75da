/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/clock_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "load/clock_fit.h"
#include "util/arena.h"
#include "util/rng.h"

#define US      UINT64_C(1000)
#define MS      UINT64_C(1000000)
#define S       UINT64_C(1000000000)

#define START   (UINT64_C(3600) * S)
#define TICK_NS (10 * MS)
#define MEMBERS 7

/* A worker, its host and the way to it. */
struct site {
	int64_t offset_ns;
	double drift_ppm;
	uint64_t up_ns, down_ns, jitter_ns;
	int64_t step_ns;
	uint64_t step_at_ns;
	uint64_t probe_at_ns, probes;
	uint64_t hears_at_ns;             /* of the round; 0 = it has, or need not */
	struct worker_clocks heard, told; /* in force; on its way */
	struct clock_fit *fit;
};

struct world {
	struct site sites[MEMBERS];
	struct clock_member members[MEMBERS];
	unsigned count, rounds;
	struct clock_table *table;
	struct arena arena;
	struct rng rng;
	uint64_t from_ns, until_ns; /* measured */
	uint64_t worst_ns;          /* by which a message's latency was wrong */
};

static int64_t ahead_ns(const struct site *s, uint64_t at_ns)
{
	double drifted_ns = s->drift_ppm * 1e-6 * (double)(at_ns - START);

	return s->offset_ns + llround(drifted_ns) +
	       (s->step_ns != 0 && at_ns >= s->step_at_ns ? s->step_ns : 0);
}

static uint64_t theirs_ns(const struct site *s, uint64_t at_ns)
{
	return (uint64_t)((int64_t)at_ns + ahead_ns(s, at_ns));
}

static void probe(struct world *w, struct site *s, uint64_t at_ns)
{
	uint64_t received_ns = at_ns + s->up_ns + rng_below(&w->rng, s->jitter_ns + 1);
	uint64_t sent_ns = received_ns + 10 * US;
	uint64_t answered_ns = sent_ns + s->down_ns + rng_below(&w->rng, s->jitter_ns + 1);
	struct clock_probe p = { at_ns, theirs_ns(s, received_ns), theirs_ns(s, sent_ns),
		                 answered_ns };

	(void)clock_fit_add(s->fit, &p);
	s->probe_at_ns = answered_ns + (++s->probes < 20 ? 50 * MS : 500 * MS);
}

static void world_init(struct world *w, unsigned count, uint64_t seed)
{
	*w = (struct world){ .count = count, .rng = { seed } };
	for (unsigned i = 0; i < count; i++) {
		struct site *s = &w->sites[i];
		*s = (struct site){
			.offset_ns = (int64_t)rng_below(&w->rng, 1000 * S) - (int64_t)(500 * S),
			.drift_ppm = (double)rng_below(&w->rng, 100) - 50,
			.up_ns = 50 * US + rng_below(&w->rng, 100 * US),
			.down_ns = 50 * US + rng_below(&w->rng, 100 * US),
			.jitter_ns = 50 * US,
			.probe_at_ns = START,
			.fit = clock_fit_create(),
		};
		w->members[i] = (struct clock_member){
			.worker = i + 1, .fit = s->fit, .produces = true, .consumes = true
		};
	}
}

static void world_open(struct world *w, uint64_t from_ns, uint64_t until_ns)
{
	w->table = clock_table_create(w->members, w->count, "ours");
	w->from_ns = from_ns;
	w->until_ns = until_ns;
	clock_table_window(w->table, from_ns, until_ns);
}

static void world_fini(struct world *w)
{
	clock_table_destroy(w->table);
	for (unsigned i = 0; i < w->count; i++)
		clock_fit_destroy(w->sites[i].fit);
	arena_fini(&w->arena);
}

/* Rounds take their time to arrive, to each another. */
static void tell(struct world *w, uint64_t at_ns)
{
	if (clock_table_is_due(w->table, at_ns)) {
		w->rounds++;
		clock_table_round(w->table, at_ns);
		for (unsigned i = 0; i < w->count; i++) {
			struct site *s = &w->sites[i];
			if (!clock_table_wants(w->table, i))
				continue;
			s->told = clock_table_make(w->table, i, &w->arena);
			s->hears_at_ns = at_ns + rng_below(&w->rng, 100 * MS);
		}
	}
	for (unsigned i = 0; i < w->count; i++) {
		struct site *s = &w->sites[i];
		if (s->hears_at_ns == 0 || at_ns < s->hears_at_ns)
			continue;
		s->heard = s->told;
		s->hears_at_ns = 0;
		clock_table_told(w->table, i, at_ns);
	}
}

static int64_t heard_of(const struct site *s, uint32_t worker)
{
	for (size_t i = 0; i < s->heard.count; i++)
		if (s->heard.items[i].worker == worker)
			return s->heard.items[i].offset_ns;
	return 0;
}

/* One from each to each: by how much is its latency wrong? */
static void send_all(struct world *w, uint64_t at_ns)
{
	if (at_ns < w->from_ns || at_ns >= w->until_ns)
		return;
	for (unsigned a = 0; a < w->count; a++) {
		for (unsigned b = 0; b < w->count; b++) {
			if (a == b || !w->members[a].produces || !w->members[b].consumes)
				continue;
			int64_t due_ns = (int64_t)theirs_ns(&w->sites[a], at_ns) +
			                 heard_of(&w->sites[b], w->members[a].worker);
			int64_t off_ns = due_ns - (int64_t)theirs_ns(&w->sites[b], at_ns);
			uint64_t off = off_ns < 0 ? (uint64_t)-off_ns : (uint64_t)off_ns;
			w->worst_ns = off > w->worst_ns ? off : w->worst_ns;
		}
	}
}

static void live_until(struct world *w, uint64_t from_ns, uint64_t until_ns)
{
	for (uint64_t at_ns = from_ns; at_ns < until_ns; at_ns += TICK_NS) {
		for (unsigned i = 0; i < w->count; i++)
			if (w->members[i].fit != NULL && w->sites[i].probe_at_ns <= at_ns)
				probe(w, &w->sites[i], at_ns);
		if (at_ns >= START + S)
			tell(w, at_ns);
		send_all(w, at_ns);
	}
}

static void latencies_are_wrong_by_no_more_than_is_said(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		world_init(&w, 2 + (unsigned)(seed % (MEMBERS - 1)), seed);
		w.sites[0].up_ns += seed % 3 * 5 * MS; /* the way to the first one is not alike */
		world_open(&w, START + 3 * S, START + 30 * S);
		live_until(&w, START, START + 33 * S);
		clock_table_finish(w.table, START + 33 * S);

		struct fact_clocks f = clock_table_facts(w.table);
		assert_int_equal(f.count, w.count);
		assert_true(f.is_known);
		assert_int_equal(f.steps, 0);
		if (w.worst_ns > f.error_ns)
			fail_msg("seed %u: wrong by %u ns, said %u", (unsigned)seed,
			         (unsigned)w.worst_ns, (unsigned)f.error_ns);
		assert_true(f.error_ns < 500 * US + seed % 3 * 5 * MS);
		assert_true(w.rounds < 34);
		struct fact_clock one = clock_table_fact(w.table, 1);
		assert_true(one.is_known && one.probes > 60 && one.round_trip_min_ns > 100 * US);
		assert_true(fabs(one.drift_ppm - w.sites[1].drift_ppm) < 5);
		assert_true(one.error_ns < f.error_ns);
		world_fini(&w);
	}
}

static void a_step_during_the_run_is_in_the_error(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct world w;
		world_init(&w, 3, seed);
		w.sites[1].step_ns = 4 * MS;
		w.sites[1].step_at_ns = START + 10 * S + seed * 37 * MS;
		world_open(&w, START + 3 * S, START + 20 * S);
		live_until(&w, START, START + 21 * S);
		clock_table_finish(w.table, START + 21 * S);
		struct fact_clocks f = clock_table_facts(w.table);

		assert_int_equal(f.steps, 1);
		assert_true(w.worst_ns > 3900 * US); /* until they were told */
		assert_true(w.worst_ns <= f.error_ns);
		assert_true(f.error_ns < 9 * MS);
		/* They were, soon. */
		int64_t due =
			(int64_t)theirs_ns(&w.sites[1], START + 13 * S) + heard_of(&w.sites[0], 2);
		assert_true(llabs(due - (int64_t)theirs_ns(&w.sites[0], START + 13 * S)) < 2000000);
		world_fini(&w);
	}
}

static void before_anybody_was_told_latencies_are_wrong_by_all_that_clocks_are_apart(void **state)
{
	(void)state;
	struct world w;

	world_init(&w, 2, 1);
	world_open(&w, START, START + 3 * S);
	live_until(&w, START, START + 4 * S);
	clock_table_finish(w.table, START + 4 * S);
	assert_true(w.worst_ns > S);
	assert_true(clock_table_facts(w.table).error_ns >= w.worst_ns);
	world_fini(&w);
}

static void one_host_has_one_clock(void **state)
{
	(void)state;
	struct world w;
	static const char *const names[] = { "ours", "there", "there", "ours" };

	world_init(&w, 4, 3);
	for (unsigned i = 0; i < 4; i++)
		w.members[i].clock = names[i];
	w.sites[0].offset_ns = w.sites[3].offset_ns = 0;
	w.sites[0].drift_ppm = w.sites[3].drift_ppm = 0;
	w.sites[2].offset_ns = w.sites[1].offset_ns;
	w.sites[2].drift_ppm = w.sites[1].drift_ppm;
	w.members[0].fit = NULL; /* not needed */
	world_open(&w, START + 3 * S, START + 10 * S);
	live_until(&w, START, START + 11 * S);
	clock_table_finish(w.table, START + 11 * S);

	assert_int_equal(heard_of(&w.sites[1], 3), 0);
	assert_int_equal(heard_of(&w.sites[0], 4), 0);
	assert_int_equal(heard_of(&w.sites[3], 1), 0);
	assert_int_not_equal(heard_of(&w.sites[0], 2), 0);
	assert_int_equal(w.sites[1].heard.count, 3);
	struct fact_clocks f = clock_table_facts(w.table);
	assert_int_equal(f.count, 2);
	assert_true(f.is_known && w.worst_ns <= f.error_ns && f.error_ns < 500 * US);
	assert_true(clock_table_fact(w.table, 0).is_known);
	assert_int_equal(clock_table_fact(w.table, 0).error_ns, 0);
	world_fini(&w);

	/* And if all are on ours there is nothing to be wrong by. */
	world_init(&w, 2, 4);
	w.members[0].clock = w.members[1].clock = "ours";
	world_open(&w, START, START + S);
	clock_table_round(w.table, START);
	assert_true(clock_table_wants(w.table, 0));
	clock_table_finish(w.table, START + S);
	assert_int_equal(clock_table_facts(w.table).count, 1);
	assert_int_equal(clock_table_facts(w.table).error_ns, 0);
	world_fini(&w);
}

/* Two that were copied from one virtual machine, and one that says it is where we are. */
static void one_name_of_two_clocks_is_found_out(void **state)
{
	(void)state;
	struct world w;

	world_init(&w, 3, 9);
	w.members[0].clock = "ours";
	w.members[1].clock = w.members[2].clock = "there";
	w.sites[0].offset_ns = 2 * (int64_t)MS;
	w.sites[2].offset_ns = w.sites[1].offset_ns + 3 * (int64_t)MS;
	for (unsigned i = 0; i < 3; i++)
		probe(&w, &w.sites[i], START);
	world_open(&w, START + 3 * S, START + 6 * S);
	live_until(&w, START + S, START + 7 * S);
	clock_table_finish(w.table, START + 7 * S);
	assert_int_equal(clock_table_facts(w.table).count, 3);
	assert_int_equal(w.sites[1].heard.count, 2);
	assert_true(w.worst_ns <= clock_table_facts(w.table).error_ns);
	assert_true(w.worst_ns < 500 * US);
	world_fini(&w);
}

static void only_who_consumes_is_told_and_only_of_those_that_produce(void **state)
{
	(void)state;
	struct world w;

	world_init(&w, 4, 5);
	w.members[0].consumes = w.members[1].consumes = false;
	w.members[2].produces = w.members[3].produces = false;
	/* The way to a consumer is slow, and so is that to a producer: pairs of these have both errors. */
	w.sites[0].up_ns = 8 * MS;
	w.sites[1].up_ns = 16 * MS;
	world_open(&w, START + 3 * S, START + 10 * S);
	live_until(&w, START, START + 11 * S);
	clock_table_finish(w.table, START + 11 * S);
	assert_int_equal(w.sites[0].heard.count, 0);
	assert_int_equal(w.sites[2].heard.count, 2);
	struct fact_clocks f = clock_table_facts(w.table);
	assert_true(w.worst_ns <= f.error_ns);
	/* 8 ms is half of the slowest round trip: with the other producer's it has nothing to do. */
	assert_in_range(f.error_ns, 8 * MS, 9 * MS + 8 * MS);
	assert_true(f.error_ns < 17 * MS);
	world_fini(&w);
}

static void whose_clock_nobody_knows_makes_the_error_unknown(void **state)
{
	(void)state;
	static const struct {
		bool produces, consumes, is_known;
	} cases[] = { { true, false, false }, { false, true, false }, { false, false, true } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		world_init(&w, 3, 6);
		w.members[2].fit = NULL;
		w.members[2].produces = cases[i].produces;
		w.members[2].consumes = cases[i].consumes;
		world_open(&w, START + 3 * S, START + 6 * S);
		live_until(&w, START, START + 7 * S);
		clock_table_finish(w.table, START + 7 * S);
		assert_int_equal(clock_table_facts(w.table).is_known, cases[i].is_known);
		assert_int_equal(w.sites[0].heard.count, 1 + cases[i].produces);
		assert_false(w.sites[0].heard.items[0].is_unknown);
		if (cases[i].produces)
			assert_true(w.sites[0].heard.items[1].is_unknown);
		assert_false(clock_table_fact(w.table, 2).is_known);
		world_fini(&w);
	}
}

static void a_clock_that_becomes_known_is_told(void **state)
{
	(void)state;
	struct world w;

	world_init(&w, 3, 8);
	world_open(&w, START + 3 * S, START + 20 * S);
	for (unsigned i = 0; i < 3; i++)
		w.sites[i].drift_ppm = 0;
	for (unsigned n = 0; n < 2; n++)
		for (unsigned i = 0; i < 2; i++)
			probe(&w, &w.sites[i], START + (n + 1) * S);
	clock_table_round(w.table, START + 3 * S);
	struct worker_clocks told = clock_table_make(w.table, 0, &w.arena);
	assert_true(told.count == 2 && !told.items[0].is_unknown && told.items[1].is_unknown);
	for (unsigned i = 0; i < 3; i++)
		clock_table_told(w.table, i, START + 3 * S);
	assert_false(clock_table_is_due(w.table, START + 6 * S));
	probe(&w, &w.sites[2], START + 6 * S);
	assert_true(clock_table_is_due(w.table, START + 6 * S));
	clock_table_round(w.table, START + 6 * S);
	told = clock_table_make(w.table, 0, &w.arena);
	assert_true(told.count == 2 && !told.items[1].is_unknown);
	world_fini(&w);
}

static void one_that_is_lost_is_not_waited_for(void **state)
{
	(void)state;
	struct world w;

	world_init(&w, 3, 7);
	world_open(&w, START + 3 * S, START + 20 * S);
	live_until(&w, START, START + 5 * S);
	for (unsigned i = 0; i < 3; i++)
		clock_table_told(w.table, i, START + 5 * S);
	clock_table_round(w.table, START + 5 * S);
	clock_table_told(w.table, 0, START + 5 * S);
	clock_table_told(w.table, 1, START + 5 * S);
	w.sites[1].step_ns = 1 * S;
	w.sites[1].step_at_ns = START + 6 * S;
	probe(&w, &w.sites[1], START + 6 * S);
	assert_false(clock_table_is_due(w.table, START + 7 * S));
	assert_true(clock_table_wants(w.table, 2));
	clock_table_lost(w.table, 2, START + 7 * S);
	clock_table_lost(w.table, 2, START + 8 * S);
	assert_false(clock_table_wants(w.table, 2));
	assert_true(clock_table_is_due(w.table, START + 7 * S));
	clock_table_round(w.table, START + 7 * S);
	assert_int_equal(clock_table_make(w.table, 0, &w.arena).count, 2);
	world_fini(&w);
}

static void rounds_are_a_second_apart_at_least(void **state)
{
	(void)state;
	assert_int_equal(clock_table_gap_ns(1), 1010 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(latencies_are_wrong_by_no_more_than_is_said),
		cmocka_unit_test(a_step_during_the_run_is_in_the_error),
		cmocka_unit_test(
			before_anybody_was_told_latencies_are_wrong_by_all_that_clocks_are_apart),
		cmocka_unit_test(one_host_has_one_clock),
		cmocka_unit_test(one_name_of_two_clocks_is_found_out),
		cmocka_unit_test(only_who_consumes_is_told_and_only_of_those_that_produce),
		cmocka_unit_test(whose_clock_nobody_knows_makes_the_error_unknown),
		cmocka_unit_test(a_clock_that_becomes_known_is_told),
		cmocka_unit_test(one_that_is_lost_is_not_waited_for),
		cmocka_unit_test(rounds_are_a_second_apart_at_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
