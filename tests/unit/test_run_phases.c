/* SPDX-License-Identifier: Apache-2.0 */
/* Every phase of a run x what may happen in it: its limit, signals, a worker that fails.  And the table of
 * phases against the list for users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/phases.h"
#include "run/state.h"
#include "run_bench.h"
#include "util/file.h"
#include "util/xalloc.h"

#define SEARCHED \
	BASE "subscriptionsPerTopic: 1\nproducerRate: 0\nwarmupDuration: 1s\ntestDuration: 4s\n"

/* How to meet a phase: its verb, or an instant of a run of FIXED (2 s of warm-up, 10 s of measurement). */
static const struct place {
	enum phase_id phase;
	int verb;
	uint64_t at_ns;
	const char *workload;
} places[] = {
	{ PHASE_INITIALIZE, WORKER_INITIALIZE_DRIVER, 0, FIXED },
	{ PHASE_TOPICS, WORKER_CREATE_TOPICS, 0, FIXED },
	{ PHASE_CONSUMERS, WORKER_CREATE_CONSUMERS, 0, FIXED },
	{ PHASE_PRODUCERS, WORKER_CREATE_PRODUCERS, 0, FIXED },
	{ PHASE_SETTLE, WORKER_READINESS, 0, FIXED },
	{ PHASE_SEARCH, WORKER_ADJUST_PUBLISH_RATE, 0, SEARCHED },
	{ PHASE_WARMUP, WORKER_START_LOAD, 0, FIXED },
	{ PHASE_MEASURE, -1, 5 * FAKE_S, FIXED },
	{ PHASE_DRAIN, -1, 13 * FAKE_S, FIXED },
	{ PHASE_CLOSE, WORKER_FINISH, 0, FIXED },
	{ PHASE_CHECK, WORKER_TOPIC_ENDS, 0, FIXED },
	{ PHASE_DELETE, WORKER_DELETE_TOPICS, 0, FIXED },
	{ PHASE_STOP, WORKER_STOP_ALL, 0, FIXED },
};

#define PLACES (sizeof(places) / sizeof(places[0]))

static void setup(struct bench *b, const struct place *p)
{
	bench_setup(b, p->workload);
	if (p->phase == PHASE_DRAIN)
		b->fake->lose = 3; /* it takes as long as it may */
	if (p->phase == PHASE_SEARCH)
		b->fake->capacity_per_s = 3000;
}

/* Whatever happened: all was stopped at last, what was made is gone, and of files there is a whole pair or
 * none. */
static void assert_ended(const struct bench *b, enum phase_id phase, bool has_result)
{
	const struct fake_worker *f = b->fake;
	bool is_made = phase > PHASE_INITIALIZE;

	if (f->log[f->log_len - 1] != WORKER_STOP_ALL)
		fail_msg("%s: the worker was not stopped at last", phases[phase].name);
	if (f->verbs[WORKER_DELETE_TOPICS] != is_made)
		fail_msg("%s: %d deletions", phases[phase].name,
		         (int)f->verbs[WORKER_DELETE_TOPICS]);
	if (b->files != (has_result ? 2 : 0))
		fail_msg("%s: %u files", phases[phase].name, b->files);
	if (b->outcome == RUN_FAILED && b->err.text[0] == '\0')
		fail_msg("%s: failed without a word", phases[phase].name);
	/* No wait is without end: ten minutes are more than all limits of these runs. */
	assert_true(fake_elapsed_ns(f) < 600 * FAKE_S);
}

static void assert_outcome(const struct bench *b, enum phase_id phase, enum run_outcome want)
{
	if (b->outcome != want)
		fail_msg("%s: outcome %d, not %d: %s", phases[phase].name, (int)b->outcome,
		         (int)want, b->err.text);
}

static void a_worker_that_fails_in_a_phase(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES; i++) {
		enum phase_id phase = places[i].phase;
		struct bench b;

		setup(&b, &places[i]);
		b.fake->fail_verb = places[i].verb >= 0 ? places[i].verb : WORKER_SNAPSHOT;
		b.fake->fail_after_ns = places[i].at_ns;
		bench_go(&b);
		/* From the close on the result stands. */
		assert_outcome(&b, phase, phase < PHASE_CLOSE ? RUN_FAILED : RUN_GOOD);
		if (b.outcome == RUN_FAILED)
			assert_non_null(strstr(b.err.text, "planted"));
		assert_ended(&b, phase, phase >= PHASE_MEASURE);
		bench_teardown(&b);
	}
}

static void signals_in_a_phase(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * PLACES; i++) {
		const struct place *p = &places[i / 2];
		unsigned signals = i % 2 + 1;
		struct bench b;

		setup(&b, p);
		b.fake->signal_on_verb = p->verb;
		b.fake->signals_at_once = signals;
		b.fake->signal_at_ns[0] = p->at_ns;
		b.fake->signal_at_ns[1] = signals > 1 ? p->at_ns : 0;
		bench_go(&b);
		/* When the totals are complete it is too late to spoil the result. */
		assert_outcome(&b, p->phase, p->phase <= PHASE_CLOSE ? RUN_INTERRUPTED : RUN_GOOD);
		assert_true(b.report.stop_wanted);
		assert_ended(&b, p->phase, p->phase >= PHASE_MEASURE);
		/* The first one lets the drain go on, for its 30 s; the second does not. */
		if (p->phase == PHASE_DRAIN)
			assert_int_equal(fake_elapsed_ns(b.fake) > 40 * FAKE_S, signals == 1);
		bench_teardown(&b);
	}
}

/* The measurement has none: it ends with the window. */
static void the_limit_of_a_phase(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES; i++) {
		const struct place *p = &places[i];
		enum run_outcome want = p->phase < PHASE_MEASURE  ? RUN_FAILED
		                        : p->phase == PHASE_DRAIN ? RUN_INVALID
		                                                  : RUN_GOOD;
		struct bench b;

		if (p->phase == PHASE_MEASURE)
			continue;
		setup(&b, p);
		if (p->phase == PHASE_SETTLE)
			b.fake->ready_after_ns = FAKE_NEVER;
		else if (p->phase == PHASE_SEARCH)
			b.fake->capacity_per_s = 0.01;
		else
			b.fake->slow_verb = p->verb;
		b.fake->slow_ns = 100000 * FAKE_S;
		bench_go(&b);
		assert_outcome(&b, p->phase, want);
		assert_ended(&b, p->phase, p->phase >= PHASE_MEASURE);
		/* It was waited for as long as it may take, and then no more. */
		if (p->phase < PHASE_SEARCH)
			assert_in_range(fake_elapsed_ns(b.fake), 60 * FAKE_S, 63 * FAKE_S);
		bench_teardown(&b);
	}
}

static void a_third_signal_leaves_what_was_made_in_every_phase(void **state)
{
	(void)state;
	for (size_t i = 0; i < PLACES; i++) {
		const struct place *p = &places[i];
		struct bench b;

		setup(&b, p);
		b.fake->signal_on_verb = p->verb;
		b.fake->signals_at_once = 3;
		for (size_t s = 0; s < 3; s++)
			b.fake->signal_at_ns[s] = p->at_ns;
		bench_go(&b);
		if (b.fake->verbs[WORKER_DELETE_TOPICS] != (p->phase >= PHASE_DELETE))
			fail_msg("%s", phases[p->phase].name);
		assert_int_equal(b.fake->log[b.fake->log_len - 1], WORKER_STOP_ALL);
		bench_teardown(&b);
	}
}

/* --- docs/limits.md -------------------------------------------------------------------------------- */

/* "60 s and 0.2 s a topic", for so many topics or clients; 0: it says something else. */
static double seconds_of(const char *at_most, double many)
{
	double base_s = 0, each = 0;
	char unit[8] = "";

	int fields = sscanf(at_most, "%lf s and %lf %7s a", &base_s, &each, unit);
	if (fields == 3)
		return base_s + many * each * (strcmp(unit, "ms") == 0 ? 0.001 : 1);
	return fields == 1 ? base_s : 0;
}

static void every_limit_is_what_the_list_for_users_says(void **state)
{
	struct plan plan = { .topics = 1000, .producers = 1000, .consumers = 1000 };
	struct run run = { .plan = &plan };
	struct run_options options = { 0 };
	struct error err = { 0 };
	size_t len;
	struct bench b;

	(void)state;
	bench_setup(&b, FIXED); /* for the defaults of its keys */
	options.workload = &b.workload;
	run.options = &options;
	run.drain.limit_ns = b.workload.drain_timeout_ns;
	char *list = file_read("docs/limits.md", 1 << 20, &len, &err);
	assert_non_null(list);
	for (enum phase_id id = PHASE_INITIALIZE; id < PHASE_COUNT; id++) {
		const struct phase *p = &phases[id];
		char *row = xasprintf("| %s", p->waits_for);
		const char *line = strstr(list, row);
		if (!line || !strstr(line, p->at_most) ||
		    strstr(line, p->at_most) > strchr(line, '\n'))
			fail_msg("docs/limits.md does not say of \"%s\": %s", p->waits_for,
			         p->at_most);
		double said_s = seconds_of(p->at_most, 1000);
		/* Those of whole fleets and of the search are made of more than one number. */
		if (id <= PHASE_SETTLE || id == PHASE_DRAIN || id == PHASE_CHECK)
			assert_int_equal((uint64_t)(said_s * 1000 + 0.5),
			                 p->limit_ns(&run) / 1000000);
		free(row);
	}
	free(list);
	bench_teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_that_fails_in_a_phase),
		cmocka_unit_test(signals_in_a_phase),
		cmocka_unit_test(the_limit_of_a_phase),
		cmocka_unit_test(a_third_signal_leaves_what_was_made_in_every_phase),
		cmocka_unit_test(every_limit_is_what_the_list_for_users_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
