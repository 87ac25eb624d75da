/* SPDX-License-Identifier: Apache-2.0 */
#include "days_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"

/*
 * Runs over ensembles on bad days: thousands of them, each from a seed.
 *
 *     test_ensemble_days               the days of every test run
 *     test_ensemble_days 7             the day of seed 7
 *     test_ensemble_days 0 1000000     a million from seed 0 on
 */

#define DAYS          10000
#define PRODUCERS     11
#define CONSUMERS     7
#define SUBSCRIPTIONS 1
#define LOAD_S        8

/* What a form needs to say that it is late, and who stood still to be served. */
#define SLACK_NS      (ENSEMBLE_GRACE_NS + 2 * DAYS_S)

struct day {
	struct world world;
	struct arena arena;
	uint64_t seed;
	bool has_failed, was_cancelled;
	bool was_lost[DAYS_WORKERS];
	uint64_t counted[DAYS_WORKERS]; /* sent, as totals had it */
	unsigned failures;
};

#define ON_DAY(d, condition)                                                             \
	do {                                                                             \
		if (!(condition))                                                        \
			fail_msg("seed %" PRIu64 ": not so: %s", (d)->seed, #condition); \
	} while (0)

/* Is worker i one of those that the text names: "worker 3 (", or a number of "workers 1, 3-5"? */
static bool names(const char *text, unsigned worker)
{
	char label[32];

	(void)snprintf(label, sizeof(label), "worker %u (", worker);
	if (strstr(text, label) != NULL)
		return true;
	for (const char *at = text; (at = strstr(at, "workers ")) != NULL;) {
		unsigned first, last;
		int len;

		at += strlen("workers ");
		while (sscanf(at, "%u%n", &first, &len) == 1) {
			at += len;
			last = first;
			if (sscanf(at, "-%u%n", &last, &len) == 1)
				at += len;
			if (worker >= first && worker <= last)
				return true;
			at += strncmp(at, ", ", 2) == 0 ? 2 : 0;
		}
	}
	return false;
}

/* --- what holds after each call ----------------------------------------------------------------------- */

static void check_names(struct day *d, const struct worker_call *call, const bool *owing)
{
	for (unsigned i = 0; i < d->world.count; i++)
		if (owing[i] && !names(call->err.text, i))
			fail_msg("seed %" PRIu64
			         ": %s: worker %u owes an answer, and is not in: %s",
			         d->seed, worker_verb_name(call->verb), i, call->err.text);
}

/* Sums close: of agents, of workers, and sent messages have one of three ends once all is over. */
static void check_totals(struct day *d, const struct fact_totals *t, bool is_final)
{
	uint64_t agents[COUNTER_COUNT] = { 0 }, workers[COUNTER_COUNT] = { 0 };
	const uint64_t *c = t->snapshot.counters;

	for (size_t i = 0; i < t->agents_count; i++)
		for (int k = 0; k < COUNTER_COUNT; k++)
			agents[k] += t->agents[i].counters[k];
	for (size_t i = 0; i < t->workers_count; i++)
		for (int k = 0; k < COUNTER_COUNT; k++)
			workers[k] += t->workers[i].counters[k];
	ON_DAY(d, memcmp(agents, c, sizeof(agents)) == 0);
	ON_DAY(d, memcmp(workers, c, sizeof(workers)) == 0);
	ON_DAY(d, !is_final || c[COUNTER_SENT] == c[COUNTER_ACKNOWLEDGED] + c[COUNTER_FAILED] +
	                                                  c[COUNTER_UNACKNOWLEDGED]);
	ON_DAY(d, t->workers_count == d->world.count);
}

static void check_workers(struct day *d, const struct fact_totals *t)
{
	bool is_lost = false;

	for (unsigned i = 0; i < d->world.count; i++) {
		const struct fact_worker *w = &t->workers[i];
		const struct day_link *l = &d->world.links[i];

		ON_DAY(d, w->lost || !d->was_lost[i]); /* for good */
		ON_DAY(d, !w->lost || (w->why != NULL && w->lost_ns > 0));
		ON_DAY(d, w->counters[COUNTER_SENT] >= d->counted[i]);
		/* What a lost one said later is nobody's. */
		ON_DAY(d, w->counters[COUNTER_SENT] == l->told.sent ||
		                  (w->lost && w->counters[COUNTER_SENT] < l->told.sent));
		ON_DAY(d, w->lost || w->counters[COUNTER_RECEIVED] == l->told.received);
		ON_DAY(d, w->lost || !l->gone);
		d->was_lost[i] = w->lost;
		d->counted[i] = w->counters[COUNTER_SENT];
		is_lost |= w->lost;
	}
	for (size_t i = 0; i < t->agents_count; i++)
		ON_DAY(d, t->agents[i].lost == t->workers[t->agents[i].worker].lost);
	if (!is_lost && !t->without_latencies)
		ON_DAY(d, t->snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count ==
		                  t->snapshot.counters[COUNTER_ACKNOWLEDGED]);
}

/* --- a run ------------------------------------------------------------------------------------------- */

/* Those that were lost already are told no more. */
static void owing_of(const struct day *d, const bool *were_lost, bool *owing)
{
	for (unsigned i = 0; i < d->world.count; i++)
		owing[i] = d->world.links[i].calls[0] != NULL && !were_lost[i];
}

static void lost_of(const struct day *d, bool *lost)
{
	unsigned count;
	const struct fact_worker *workers = ensemble_workers(d->world.ensemble, &count);

	ON_DAY(d, count == d->world.count);
	for (unsigned i = 0; i < count; i++)
		lost[i] = workers[i].lost;
}

/* Until the call, and a STOP_ALL that is under way with it, has ended. */
static void await(struct day *d, struct worker_call *call, const struct worker_call *stop)
{
	struct world *w = &d->world;
	uint64_t limit_ns = call->deadline_ns + w->coordinator_stands_ns + SLACK_NS;

	while (call->state == CALL_RUNNING || (stop != NULL && stop->state == CALL_RUNNING)) {
		ON_DAY(d, w->now_ns <= limit_ns);
		uint64_t next_ns = ensemble_next_ns(w->ensemble);
		world_wait(w, next_ns < limit_ns + 1 ? next_ns : limit_ns + 1);
		worker_serve(w->ensemble);
	}
}

static void stop_all(struct day *d, struct worker_call *under_way)
{
	struct worker_call stop = { .verb = WORKER_STOP_ALL,
		                    .arena = &d->arena,
		                    .deadline_ns = d->world.now_ns + 20 * DAYS_S };
	bool asked[DAYS_WORKERS] = { false };

	for (unsigned i = 0; i < d->world.count; i++)
		asked[i] = !d->world.links[i].gone;
	worker_start(d->world.ensemble, &stop);
	await(d, &stop, under_way);
	for (unsigned i = 0; i < d->world.count; i++) {
		const struct day_link *l = &d->world.links[i];
		bool stopped = l->host.executed[WORKER_STOP_ALL] > 0 || l->host.dead;
		if (stop.state == CALL_DONE && asked[i] && !d->was_lost[i] && !l->gone)
			ON_DAY(d, stopped && !l->host.loading);
		if (stop.state == CALL_FAILED && asked[i] && l->gone && !d->was_lost[i])
			ON_DAY(d, names(stop.err.text, i));
	}
}

static void count_losses(struct day *d, const struct worker_call *call)
{
	const struct fact_totals *t =
		call->verb == WORKER_FINISH ? &call->finish.totals : &call->totals;

	check_totals(d, t, call->verb == WORKER_FINISH);
	check_workers(d, t);
}

/* False: it failed, and the run ends. */
static bool do_call(struct day *d, struct worker_call *call, uint64_t limit_ns)
{
	bool is_totals = call->verb == WORKER_SNAPSHOT || call->verb == WORKER_FINISH;
	bool owing[DAYS_WORKERS] = { false }, were_lost[DAYS_WORKERS] = { false };

	lost_of(d, were_lost);
	call->arena = &d->arena;
	call->deadline_ns = d->world.now_ns + limit_ns;
	worker_start(d->world.ensemble, call);
	if (call->state == CALL_RUNNING && rng_below(&d->world.rng, 300) == 0) {
		d->was_cancelled = true;
		stop_all(d, call);
		ON_DAY(d, call->state == CALL_FAILED && call->err.kind == ERROR_CANCELLED);
		return false;
	}
	await(d, call, NULL);
	if (call->state == CALL_DONE) {
		if (is_totals)
			count_losses(d, call);
		return true;
	}
	d->failures++;
	owing_of(d, were_lost, owing);
	check_names(d, call, owing);
	ON_DAY(d, call->err.kind != ERROR_NONE && call->err.text[0] != '\0');
	return false;
}

static bool make_clients(struct day *d)
{
	static const struct worker_subscription items[CONSUMERS];
	static const char *const topics[PRODUCERS];
	struct worker_call calls[] = {
		{ .verb = WORKER_INITIALIZE_DRIVER },
		{ .verb = WORKER_CREATE_TOPICS },
		{ .verb = WORKER_CREATE_CONSUMERS,
		  .create_consumers = { .items = items, .count = CONSUMERS } },
		{ .verb = WORKER_CREATE_PRODUCERS,
		  .create_producers = { .topics = topics, .count = PRODUCERS } },
		{ .verb = WORKER_PROBE_PRODUCERS },
		{ .verb = WORKER_READINESS },
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!do_call(d, &calls[i], 30 * DAYS_S))
			return false;
	return true;
}

static bool start_load(struct day *d)
{
	uint64_t gate_ns = d->world.now_ns + DAYS_S;
	uint64_t end_ns = gate_ns + LOAD_S * DAYS_S;
	struct worker_call window = { .verb = WORKER_SET_WINDOW,
		                      .window = { gate_ns, end_ns, end_ns } };
	struct worker_call load = {
		.verb = WORKER_START_LOAD,
		.load = { .epoch = { gate_ns, UINT64_C(1000000) * 1100 }, .producers = PRODUCERS },
	};

	return do_call(d, &window, 10 * DAYS_S) && do_call(d, &load, 60 * DAYS_S);
}

/* A snapshot each second, until some time after the end of the load. */
static bool watch(struct day *d)
{
	for (unsigned s = 0; s < LOAD_S + 3; s++) {
		struct worker_call call = { .verb = WORKER_SNAPSHOT };
		uint64_t next_ns = d->world.now_ns + DAYS_S;

		call.totals.without_latencies = s % 3 != 0;
		if (!do_call(d, &call, 10 * DAYS_S))
			return false;
		fact_totals_fini(&call.totals);
		while (d->world.now_ns < next_ns) {
			world_wait(&d->world, next_ns);
			worker_serve(d->world.ensemble);
		}
	}
	return true;
}

static bool all_is_told(const struct day *d)
{
	for (unsigned i = 0; i < d->world.count; i++)
		if (d->was_lost[i] || d->world.links[i].gone)
			return false;
	return true;
}

/* On a day without a loss nothing is missing; a clock that is behind makes a late worker of a good one. */
static void check_truth(struct day *d, const struct fact_totals *t)
{
	struct day_counts truth = { 0 };

	for (unsigned i = 0; i < d->world.count; i++) {
		const struct day_counts *c = &d->world.links[i].host.now;
		truth.sent += c->sent;
		truth.acknowledged += c->acknowledged;
	}
	if (!all_is_told(d))
		return;
	ON_DAY(d, t->snapshot.counters[COUNTER_SENT] == truth.sent);
	ON_DAY(d, t->snapshot.counters[COUNTER_ACKNOWLEDGED] == truth.acknowledged);
}

static void finish(struct day *d)
{
	struct worker_call call = { .verb = WORKER_FINISH };
	struct worker_call events = { .verb = WORKER_EVENTS },
			   remove = { .verb = WORKER_DELETE_TOPICS };

	if (do_call(d, &call, 40 * DAYS_S)) {
		check_truth(d, &call.finish.totals);
		fact_totals_fini(&call.finish.totals);
	}
	bool has_events = !d->was_cancelled && do_call(d, &events, 10 * DAYS_S);
	for (unsigned i = 0; has_events && i < d->world.count; i++) {
		bool is_named = false;
		for (size_t k = 0; k < events.events.count; k++)
			is_named |= events.events.items[k].kind == EVENT_WORKER_LOST &&
			            names(events.events.items[k].text, i);
		ON_DAY(d, is_named || !(d->was_lost[i] || d->world.links[i].gone));
		ON_DAY(d, !is_named || world_was_bad_for(&d->world, i));
	}
	if (!d->was_cancelled)
		(void)do_call(d, &remove, 20 * DAYS_S);
}

/* Whoever lives, hears nobody and is not asked has ended its load when its lease is over. */
static void check_the_morning_after(struct day *d)
{
	struct world *w = &d->world;
	uint64_t until_ns = w->now_ns + 200 * DAYS_S;

	worker_destroy(w->ensemble);
	w->ensemble = NULL;
	while (w->now_ns < until_ns)
		world_wait(w, until_ns);
	for (unsigned i = 0; i < w->count; i++) {
		const struct day_host *h = &w->links[i].host;
		ON_DAY(d, !h->loading);
		for (int v = 0; v < WORKER_VERB_COUNT; v++)
			if (v == WORKER_START_LOAD || v == WORKER_CREATE_PRODUCERS ||
			    v == WORKER_CREATE_CONSUMERS || v == WORKER_FINISH)
				ON_DAY(d, h->executed[v] <= 1);
	}
}

static unsigned run_day(uint64_t seed)
{
	struct day *d = calloc(1, sizeof(*d));
	unsigned failures;

	assert_non_null(d);
	d->seed = seed;
	world_init(&d->world, seed);
	bool loaded = make_clients(d) && start_load(d);
	if (loaded)
		(void)watch(d);
	if (!d->was_cancelled)
		finish(d);
	stop_all(d, NULL);
	check_the_morning_after(d);
	failures = d->failures;
	world_fini(&d->world);
	arena_fini(&d->arena);
	free(d);
	return failures;
}

static uint64_t first_seed, days = DAYS;

static void runs_end_sums_close_and_nobody_is_left_loading_or_unnamed(void **state)
{
	uint64_t failures = 0;

	(void)state;
	for (uint64_t i = 0; i < days; i++)
		failures += run_day(first_seed + i);
	print_message("%" PRIu64 " days, %" PRIu64 " calls failed\n", days, failures);
	if (days >= 1000)
		assert_true(failures > days / 20); /* or the days were not bad */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_end_sums_close_and_nobody_is_left_loading_or_unnamed),
	};

	/* Memory of a day serves the next one. */
	mallopt(M_TRIM_THRESHOLD, 1 << 28);
	mallopt(M_MMAP_THRESHOLD, 1 << 28);
	if (argc > 1) {
		first_seed = strtoull(argv[1], NULL, 10);
		days = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
