/* SPDX-License-Identifier: Apache-2.0 */
#include "ensemble_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "load/clock_fit.h"
#include "worker/clock_table.h"

#define MS UINT64_C(1000000)

/* Member i is i ms ahead of us, as far as 20 us of round trip tell. */
struct clocks {
	struct clock_fit *fits[MEMBERS];
	struct clock_member members[MEMBERS];
};

static void probe(struct clocks *c, uint64_t now_ns)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct clock_probe p = { now_ns, now_ns + i * MS + 10000, now_ns + i * MS + 10000,
			                 now_ns + 20000 };
		assert_int_equal(clock_fit_add(c->fits[i], &p), CLOCK_NEWS_NONE);
	}
}

static void setup_clocks(struct bed *b, struct clocks *c, unsigned tolerate)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		c->fits[i] = clock_fit_create();
		c->members[i] = (struct clock_member){
			.worker = i,
			.fit = c->fits[i],
			.produces = i != 3,
			.consumes = i != 0,
		};
	}
	b->clocks = clock_table_create(c->members, MEMBERS, NULL);
	probe(c, 990 * S);
	probe(c, 999 * S);
	bed_setup(b, tolerate);
}

static void teardown_clocks(struct bed *b, struct clocks *c)
{
	bed_teardown(b);
	clock_table_destroy(b->clocks);
	for (unsigned i = 0; i < MEMBERS; i++)
		clock_fit_destroy(c->fits[i]);
}

static int64_t told_offset(const struct bed *b, unsigned member, unsigned of)
{
	const struct worker_clocks *c = &b->puppets[member].last.clocks;

	assert_int_equal(b->puppets[member].last.verb, WORKER_SET_CLOCKS);
	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].worker == of)
			return c->items[i].offset_ns;
	return 0;
}

static void start_load(struct bed *b)
{
	bed_make_clients(b);
	bed_begin(b);
	b->call.window = (struct worker_window){ 1001 * S, 1002 * S, 1002 * S };
	bed_all_do(b, WORKER_SET_WINDOW);
	bed_begin(b);
	b->call.load.epoch.micro_per_s = 7000;
	b->call.load.producers = PRODUCERS;
	bed_start(b, WORKER_START_LOAD);
}

static void who_consumes_is_told_of_all_clocks_before_the_load_begins(void **state)
{
	struct clocks c;
	struct bed b = { 0 };

	(void)state;
	setup_clocks(&b, &c, 0);
	start_load(&b);
	assert_int_equal(b.puppets[0].last.verb, WORKER_START_LOAD); /* it consumes nothing */
	assert_int_equal(told_offset(&b, 1, 0), 1 * MS);
	assert_int_equal(told_offset(&b, 3, 1), 2 * MS);
	bed_answer(&b, 0);
	bed_answer(&b, 1); /* it knows the clocks ... */
	assert_int_equal(b.puppets[1].last.verb, WORKER_START_LOAD);
	bed_answer(&b, 1); /* ... and has started */
	bed_answer(&b, 2);
	bed_answer(&b, 2);
	assert_int_equal(b.call.state, CALL_RUNNING);
	bed_answer(&b, 3);
	assert_int_equal(b.call.state, CALL_DONE);

	b.now_ns = 1003 * S;
	bed_begin(&b);
	bed_all_do(&b, WORKER_FINISH);
	assert_int_equal(b.call.finish.totals.clocks.count, MEMBERS);
	assert_true(b.call.finish.totals.clocks.is_known);
	assert_int_equal(b.call.finish.totals.workers[2].clock.offset_ns, 2 * MS);
	assert_true(b.call.finish.totals.workers[2].clock.is_known);
	teardown_clocks(&b, &c);
}

static void who_cannot_be_told_is_lost_and_who_lacks_the_verb_is_not(void **state)
{
	struct clocks c;
	struct bed b = { 0 };

	(void)state;
	setup_clocks(&b, &c, 0);
	b.puppets[2].lacks = WORKER_SET_CLOCKS;
	start_load(&b);
	assert_int_equal(b.puppets[2].last.verb, WORKER_START_LOAD);
	bed_refuse(&b, 3, ERROR_PROTOCOL, "what clocks?");
	for (unsigned i = 0; i < 3; i++)
		bed_answer(&b, i);
	bed_answer(&b, 1);
	FAILS_WITH(&b, "worker 3 (http://d) was lost: its clocks could not be told: what clocks?");
	teardown_clocks(&b, &c);
}

static void under_load_they_are_told_anew_and_calls_wait_for_that(void **state)
{
	struct clocks c;
	struct bed b = { 0 };

	(void)state;
	setup_clocks(&b, &c, 1);
	start_load(&b);
	for (unsigned i = 0; i < MEMBERS; i++)
		while (b.puppets[i].call != NULL)
			bed_answer(&b, i);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_int_equal(b.puppets[3].asked[WORKER_SET_CLOCKS], 1);
	b.now_ns = 1200 * S;
	for (unsigned i = 0; i < MEMBERS; i++) { /* w3 drifts by 100 ppm */
		struct clock_probe p = { b.now_ns - S, b.now_ns - S + i * MS + 10000,
			                 b.now_ns - S + i * MS + 10000, b.now_ns - S + 20000 };
		p.received_ns += i == 3 ? 20 * MS : 0;
		p.sent_ns += i == 3 ? 20 * MS : 0;
		assert_int_not_equal(clock_fit_add(c.fits[i], &p), CLOCK_NEWS_REFUSED);
	}
	worker_serve(b.e);
	assert_int_equal(b.puppets[3].asked[WORKER_SET_CLOCKS], 2);
	bed_begin(&b);
	b.call.deadline_ns = b.now_ns + 100 * S;
	bed_start(&b, WORKER_SNAPSHOT);
	assert_int_equal(b.puppets[3].asked[WORKER_SNAPSHOT], 0);
	bed_answer(&b, 3);
	assert_int_equal(b.puppets[3].asked[WORKER_SNAPSHOT], 1);
	bed_answer(&b, 3);
	bed_answer(&b, 0);
	bed_answer(&b, 2);
	bed_answer(&b, 2);
	b.now_ns += 12 * S; /* w1 never says that it knows them */
	worker_serve(b.e);
	assert_int_equal(b.call.state, CALL_DONE);
	assert_true(b.call.totals.workers[1].lost);
	teardown_clocks(&b, &c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_consumes_is_told_of_all_clocks_before_the_load_begins),
		cmocka_unit_test(who_cannot_be_told_is_lost_and_who_lacks_the_verb_is_not),
		cmocka_unit_test(under_load_they_are_told_anew_and_calls_wait_for_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
