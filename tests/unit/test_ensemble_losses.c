/* SPDX-License-Identifier: Apache-2.0 */
#include "ensemble_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/stamp.h"
#include "util/xalloc.h"

/* --- failures --------------------------------------------------------------------------------------- */

static void a_call_that_fails_names_who_failed_and_who_owes_an_answer(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_clients(&b);
	bed_begin(&b);
	b.call.deadline_ns = b.now_ns + 600 * S;
	bed_start(&b, WORKER_INITIALIZE_DRIVER);
	bed_answer(&b, 0);
	bed_refuse(&b, 2, ERROR_CONFIG, "no such option");
	assert_int_equal(b.call.state, CALL_RUNNING); /* the others may say why, too */
	assert_int_equal(ensemble_next_ns(b.e), b.now_ns + ENSEMBLE_PATIENCE_NS);
	b.now_ns += ENSEMBLE_PATIENCE_NS;
	worker_serve(b.e);
	FAILS_WITH(&b, "worker 2 (http://c): no such option",
	           "no answer from worker 1 (http://b), worker 3 (http://d)");
	assert_int_equal(b.call.err.kind, ERROR_CONFIG);

	/* Who is at the old call still is asked when that has ended. */
	bed_begin(&b);
	bed_start(&b, WORKER_SET_WINDOW);
	assert_int_equal(b.puppets[1].asked[WORKER_SET_WINDOW], 0);
	bed_answer(&b, 0);
	bed_answer(&b, 2);
	bed_refuse(&b, 1, ERROR_TIMEOUT, "too late for anybody");
	assert_int_equal(b.puppets[1].asked[WORKER_SET_WINDOW], 1);
	bed_answer(&b, 3);
	bed_answer(&b, 3);
	bed_answer(&b, 1);
	assert_int_equal(b.call.state, CALL_DONE);
	bed_teardown(&b);
}

static void a_verb_that_one_lacks_is_lacking_or_left_to_the_others(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_clients(&b);
	for (unsigned i = 0; i < MEMBERS; i++)
		b.puppets[i].answers_at_once = true;
	b.puppets[2].lacks = WORKER_READINESS;
	bed_begin(&b);
	bed_start(&b, WORKER_READINESS);
	assert_int_equal(b.call.state, CALL_FAILED);
	assert_true(b.call.lacking);
	b.puppets[2].lacks = WORKER_EVENTS;
	bed_begin(&b);
	bed_start(&b, WORKER_EVENTS);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_true(b.call.lacking);
	bed_teardown(&b);
}

static void where_finish_is_lacking_the_last_snapshot_counts_and_all_stop(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_load(&b);
	b.puppets[1].lacks = WORKER_FINISH;
	bed_begin(&b);
	bed_start(&b, WORKER_FINISH);
	for (unsigned i = 0; i < MEMBERS; i++)
		if (i != 1)
			bed_answer(&b, i);
	assert_int_equal(b.puppets[1].last.verb, WORKER_SNAPSHOT);
	bed_count(&b, 1, 50);
	bed_answer(&b, 1);
	assert_int_equal(b.puppets[1].last.verb, WORKER_STOP_ALL);
	b.puppets[1].stop->state = CALL_DONE;
	b.puppets[1].stop = NULL;
	worker_serve(b.e);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_true(b.call.lacking);
	assert_int_equal(b.call.finish.totals.snapshot.counters[COUNTER_SENT], 50);
	assert_int_equal(b.call.finish.totals.agents[0].worker, 1);
	fact_totals_fini(&b.call.finish.totals);
	bed_teardown(&b);
}

/* --- losses ----------------------------------------------------------------------------------------- */

static const struct fact_event *loss_of(struct bed *b, unsigned worker)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		b->puppets[i].answers_at_once = true;
	bed_begin(b);
	bed_start(b, WORKER_EVENTS);
	assert_int_equal(b->call.state, CALL_DONE);
	for (unsigned i = 0; i < MEMBERS; i++)
		b->puppets[i].answers_at_once = false;
	for (size_t i = 0; i < b->call.events.count; i++)
		if (b->call.events.items[i].kind == EVENT_WORKER_LOST &&
		    b->call.events.items[i].worker == worker)
			return &b->call.events.items[i];
	return NULL;
}

static void a_loss_that_is_tolerated_leaves_the_run_to_the_others(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 1);
	bed_make_load(&b);
	bed_snapshot(&b);
	fact_totals_fini(&b.call.totals);
	b.now_ns += 2 * S;
	bed_begin(&b);
	bed_start(&b, WORKER_SNAPSHOT);
	b.puppets[2].gone = true;
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (i == 2)
			continue;
		bed_count(&b, i, UINT64_C(200) * (i + 1));
		bed_answer(&b, i);
	}
	assert_int_equal(b.call.state, CALL_DONE);
	const struct fact_totals *t = &b.call.totals;
	assert_int_equal(t->snapshot.counters[COUNTER_SENT], 200 + 400 + 300 + 800);
	assert_int_equal(t->snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count, 1700);
	assert_true(t->agents[2].lost && !t->agents[2].is_offering && !t->agents[1].lost);
	assert_int_equal(t->agents[2].ended_ns, b.now_ns);
	assert_int_equal(t->agents[2].worker, 2);
	assert_true(t->workers[2].lost);
	assert_int_equal(t->workers[2].lost_ns, b.now_ns);
	assert_int_equal(t->workers[2].seen_ns, b.now_ns - 2 * S + 2);
	fact_totals_fini(&b.call.totals);
	const struct fact_event *e = loss_of(&b, 2);
	assert_non_null(e);
	assert_string_equal(e->text,
	                    "worker 2 (http://c) was lost: connection refused; what it did in "
	                    "the last 2.0 s before that is not known");

	/* Its account is closed in the end: what had no answer has none. */
	bed_begin(&b);
	bed_start(&b, WORKER_FINISH);
	for (unsigned i = 0; i < MEMBERS; i++)
		if (i != 2)
			bed_answer(&b, i);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_int_equal(b.call.finish.totals.snapshot.counters[COUNTER_SENT], 300);
	assert_int_equal(b.call.finish.totals.snapshot.counters[COUNTER_UNACKNOWLEDGED], 1);
	assert_int_equal(b.call.finish.totals.agents[0].counters[COUNTER_UNACKNOWLEDGED], 1);
	fact_totals_fini(&b.call.finish.totals);

	/* Another run does not begin without it. */
	bed_begin(&b);
	bed_start(&b, WORKER_INITIALIZE_DRIVER);
	FAILS_WITH(&b, "worker 2 (http://c) was lost: connection refused");
	bed_teardown(&b);
}

static void a_loss_that_is_not_tolerated_fails_one_call_and_the_end_is_in_order(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 1);
	bed_make_load(&b);
	bed_snapshot(&b);
	fact_totals_fini(&b.call.totals);
	b.puppets[2].gone = b.puppets[0].gone = true;
	worker_serve(b.e); /* nothing is under way */
	bed_begin(&b);
	bed_start(&b, WORKER_SNAPSHOT);
	FAILS_WITH(&b, "was lost: connection refused");
	assert_int_equal(b.puppets[1].asked[WORKER_SNAPSHOT], 1);
	bed_snapshot(&b);
	assert_int_equal(b.call.totals.snapshot.counters[COUNTER_SENT], 1000);
	fact_totals_fini(&b.call.totals);
	assert_non_null(loss_of(&b, 0));
	assert_non_null(loss_of(&b, 2));
	bed_teardown(&b);
}

static void before_the_load_nobody_may_be_lost(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 3);
	bed_make_clients(&b);
	b.puppets[1].gone = true;
	bed_begin(&b);
	bed_start(&b, WORKER_PROBE_PRODUCERS);
	FAILS_WITH(&b, "worker 1 (http://b) was lost");
	bed_teardown(&b);
}

static void who_is_silent_is_lost_and_who_is_slow_is_named(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 1);
	bed_make_load(&b);
	bed_begin(&b);
	b.call.deadline_ns = b.now_ns + 10 * S;
	bed_start(&b, WORKER_SNAPSHOT);
	for (unsigned i = 0; i < MEMBERS - 1; i++)
		bed_answer(&b, i);
	b.now_ns += 10 * S;
	bed_refuse(&b, 3, ERROR_TIMEOUT, "not complete in time");
	assert_int_equal(b.call.state, CALL_DONE);
	assert_true(b.call.totals.workers[3].lost);
	assert_non_null(strstr(b.call.totals.workers[3].why, "did not answer snapshot in time"));
	assert_int_equal(b.puppets[3].asked[WORKER_STOP_ALL], 1); /* it may be at its load still */
	bed_teardown(&b);

	b = (struct bed){ 0 };
	bed_setup(&b, 1);
	bed_begin(&b);
	bed_start(
		&b,
		WORKER_INITIALIZE_DRIVER); /* takes as long as it takes: nobody is dead for that */
	for (unsigned i = 0; i < MEMBERS - 1; i++)
		bed_answer(&b, i);
	b.now_ns += 10 * S;
	bed_refuse(&b, 3, ERROR_TIMEOUT, "not complete in time");
	FAILS_WITH(&b, "worker 3 (http://d): not complete in time");
	bed_begin(&b);
	bed_start(&b, WORKER_EVENTS);
	assert_non_null(b.puppets[3].call);
	for (unsigned i = 0; i < MEMBERS; i++)
		bed_answer(&b, i);
	bed_teardown(&b);
}

static void a_form_that_does_not_end_its_call_is_lost_after_it_was_served_twice(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 1);
	bed_make_load(&b);
	bed_begin(&b);
	b.call.deadline_ns = b.now_ns + 10 * S;
	bed_start(&b, WORKER_SNAPSHOT);
	for (unsigned i = 1; i < MEMBERS; i++)
		bed_answer(&b, i);
	b.now_ns += 100 * S; /* this process was stopped for a while */
	worker_serve(b.e);
	assert_int_equal(b.call.state, CALL_RUNNING);
	worker_serve(b.e);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_true(b.call.totals.workers[0].lost);
	/* What it writes later goes nowhere. */
	b.puppets[0].call->state = CALL_DONE;
	worker_serve(b.e);
	bed_teardown(&b);
}

static void when_nobody_is_left_counts_are_told_and_nothing_else_is_done(void **state)
{
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 4);
	bed_make_load(&b);
	bed_snapshot(&b);
	fact_totals_fini(&b.call.totals);
	for (unsigned i = 0; i < MEMBERS; i++)
		b.puppets[i].gone = true;
	bed_begin(&b);
	bed_start(&b, WORKER_FINISH);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_int_equal(b.call.finish.totals.snapshot.counters[COUNTER_SENT], 1000);
	fact_totals_fini(&b.call.finish.totals);
	bed_begin(&b);
	bed_start(&b, WORKER_DELETE_TOPICS);
	FAILS_WITH(&b, "no worker is left", "worker 0 (http://a) was lost: connection refused",
	           "lost, too: worker 2 (http://c), worker 3 (http://d)");
	bed_teardown(&b);
}

/* --- stopping --------------------------------------------------------------------------------------- */

static void stop_all_ends_the_call_under_way_and_names_who_did_not_stop(void **state)
{
	struct worker_call stop = { .verb = WORKER_STOP_ALL };
	struct bed b = { 0 };

	(void)state;
	bed_setup(&b, 0);
	bed_make_load(&b);
	bed_begin(&b);
	bed_start(&b, WORKER_READINESS);
	bed_answer(&b, 0);
	stop.arena = &b.arena;
	stop.deadline_ns = b.now_ns + 10 * S;
	worker_start(b.e, &stop);
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (b.puppets[i].call != NULL) {
			b.puppets[i].call->state = CALL_FAILED;
			b.puppets[i].call = NULL;
		}
		if (i == 3)
			continue;
		b.puppets[i].stop->state = CALL_DONE;
		b.puppets[i].stop = NULL;
	}
	worker_serve(b.e);
	assert_int_equal(b.call.state, CALL_FAILED);
	assert_int_equal(b.call.err.kind, ERROR_CANCELLED);
	assert_int_equal(stop.state, CALL_RUNNING);
	b.puppets[3].gone = true;
	worker_serve(b.e);
	assert_int_equal(stop.state, CALL_FAILED);
	assert_non_null(strstr(stop.err.text, "worker 3 (http://d) was lost: connection refused"));
	/* Those that are left stop again without it. */
	stop.state = CALL_IDLE;
	for (unsigned i = 0; i < MEMBERS; i++)
		b.puppets[i].answers_at_once = true;
	worker_start(b.e, &stop);
	assert_int_equal(stop.state, CALL_DONE);
	bed_teardown(&b);
}

static void ensembles_need_somebody_who_produces_and_somebody_who_consumes(void **state)
{
	struct ensemble_member m[2] = { { .url = "http://a", .name = "", .role = SHARE_PRODUCE },
		                        { .url = "http://b", .name = "", .role = SHARE_PRODUCE } };
	struct ensemble_options o = { .members = m, .count = 2 };
	struct error err = { 0 };

	(void)state;
	assert_null(ensemble_create(&o, &err));
	assert_string_equal(err.text, "no worker consumes");
	o.count = STAMP_WORKERS + 1;
	assert_null(ensemble_create(&o, &err));
	assert_string_equal(err.text, "1025 workers: it must be 1..1024");
}

static void many_that_fail_are_all_named_by_number(void **state)
{
	enum { MANY = 40 };
	struct puppet *puppets = xcalloc(MANY, sizeof(*puppets));
	struct ensemble_member members[MANY];
	struct bed b = { .now_ns = S };
	struct ensemble_options o = {
		.members = members, .count = MANY, .now_ns = bed_now_ns, .to = &b
	};
	struct error err = { 0 };

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		puppets[i] = (struct puppet){ .base = { &puppet_ops }, .lacks = -1 };
		members[i] = (struct ensemble_member){ .worker = &puppets[i].base,
			                               .name = "",
			                               .url = "http://x",
			                               .role = SHARE_BOTH };
	}
	b.e = ensemble_create(&o, &err);
	bed_begin(&b);
	bed_start(&b, WORKER_INITIALIZE_DRIVER);
	for (unsigned i = 0; i < MANY; i++) {
		if (i % 7 == 0 || i > 30)
			continue;
		puppets[i].call->state = CALL_FAILED;
		error_set(&puppets[i].call->err, ERROR_BROKER, "%s", "no broker");
		puppets[i].call = NULL;
	}
	worker_serve(b.e);
	b.now_ns += ENSEMBLE_PATIENCE_NS;
	worker_serve(b.e);
	FAILS_WITH(
		&b,
		"worker 1 (http://x): no broker; worker 2 (http://x): no broker; failed, too: "
		"workers 3-6, 8-13, 15-20, 22-27, 29-30; no answer from workers 0, 7, 14, 21, 28, "
		"31-39");
	worker_destroy(b.e);
	arena_fini(&b.arena);
	free(puppets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_fails_names_who_failed_and_who_owes_an_answer),
		cmocka_unit_test(a_verb_that_one_lacks_is_lacking_or_left_to_the_others),
		cmocka_unit_test(where_finish_is_lacking_the_last_snapshot_counts_and_all_stop),
		cmocka_unit_test(a_loss_that_is_tolerated_leaves_the_run_to_the_others),
		cmocka_unit_test(
			a_loss_that_is_not_tolerated_fails_one_call_and_the_end_is_in_order),
		cmocka_unit_test(before_the_load_nobody_may_be_lost),
		cmocka_unit_test(who_is_silent_is_lost_and_who_is_slow_is_named),
		cmocka_unit_test(
			a_form_that_does_not_end_its_call_is_lost_after_it_was_served_twice),
		cmocka_unit_test(when_nobody_is_left_counts_are_told_and_nothing_else_is_done),
		cmocka_unit_test(stop_all_ends_the_call_under_way_and_names_who_did_not_stop),
		cmocka_unit_test(ensembles_need_somebody_who_produces_and_somebody_who_consumes),
		cmocka_unit_test(many_that_fail_are_all_named_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
