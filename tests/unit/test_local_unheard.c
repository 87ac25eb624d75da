/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open outages of consumers: what was owed to them at the end, on the loopback broker.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "agent/silence.h"
#include "local_bench.h"
#include "util/clock.h"

/* More than the least silence that counts. */
#define QUIET (1100 * MS)

struct shape {
	const char *faults;
	uint32_t producers, consumers; /* of one subscription; a partition for each consumer */
	bool without_account;
	uint64_t receipts; /* that come */
	uint64_t quiet_ns; /* and then nothing for so long */
};

/* 300 messages of each producer, a millisecond apart.  Returns when the first was due. */
static uint64_t run_300(struct fixture *f, const struct shape *shape)
{
	uint32_t producers = shape->producers;
	struct pollfd p;

	open_worker(f, shape->faults, per_client);
	f->accounted = shape->without_account ? 0 : producers;
	f->subscriptions = 1;
	create_topics(f, 1, shape->consumers);
	create_consumers(f, shape->consumers, shape->consumers);
	create_producers(f, producers);
	wait_ready(f, 1);
	uint64_t start_ns = start_load(f, 1000 * producers, producers, 300 * MS);
	wait_counter(f, COUNTER_SENT, (uint64_t)300 * producers);
	wait_counter(f, COUNTER_RECEIVED, shape->receipts);
	p = (struct pollfd){ .fd = worker_fd(f->w), .events = POLLIN };
	while (clock_ns() < start_ns + 300 * MS + shape->quiet_ns) {
		poll(&p, 1, 10);
		worker_serve(f->w);
	}
	return start_ns;
}

#define LOOPBACK "driver: loopback\n"
#define LOSING   LOOPBACK "brokerFaults: \"lose:1@0#200\"\n"

static void what_never_came_behind_the_last_receipt_was_owed_until_the_end(void **state)
{
	const struct shape shape = {
		.faults = LOSING,
		.producers = 1,
		.consumers = 1,
		.receipts = 200,
		.quiet_ns = QUIET,
	};
	struct fixture f;

	(void)state;
	uint64_t start_ns = run_300(&f, &shape);
	assert_null(find_event(&f, EVENT_OUTAGE)); /* it may still end */
	struct fact_totals t = finish(&f);
	const struct fact_event *e = find_event(&f, EVENT_OUTAGE);
	assert_non_null(e);
	assert_int_equal(e->role, AGENT_CONSUMER);
	assert_true(e->is_open);
	assert_int_equal(e->count, 1);
	assert_in_range(e->at_ns, start_ns + 200 * MS, start_ns + 300 * MS);
	assert_true(e->gap_ns >= QUIET);
	assert_true(e->at_ns + e->gap_ns <= clock_ns());
	assert_int_equal(t.account.all.lost, 100);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* But on a machine that stands still it may be long. */
static void what_was_owed_for_a_moment_is_no_outage(void **state)
{
	const struct shape shape = {
		.faults = LOSING, .producers = 1, .consumers = 1, .receipts = 200
	};
	struct fixture f;

	(void)state;
	(void)run_300(&f, &shape);
	struct fact_totals t = finish(&f);
	const struct fact_event *e = find_event(&f, EVENT_OUTAGE);
	assert_true(e == NULL || e->gap_ns >= SILENCE_LEAST_NS);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Something came of each partition afterwards, of whichever producer and to whichever member. */
static void what_is_lost_in_front_of_a_later_receipt_is_a_hole(void **state)
{
	const struct shape shape = {
		.faults = LOOPBACK "brokerFaults: \"lose:1@0#100..250 lose:1@1#100..250\"\n",
		.producers = 2,
		.consumers = 2,
		.receipts = 300,
		.quiet_ns = QUIET,
	};
	struct fixture f;

	(void)state;
	(void)run_300(&f, &shape);
	struct fact_totals t = finish(&f);
	assert_null(find_event(&f, EVENT_OUTAGE));
	assert_int_equal(t.account.all.lost, 300);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Of producers as of consumers: as long as they live, it may end. */
static void an_open_silence_is_told_when_it_cannot_end_any_more(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, LOOPBACK "brokerFaults: \"error:1@0#0\"\n", per_client);
	create_topics(&f, 1, 1);
	create_producers(&f, 1);
	/* The last one fails more than a second after the first. */
	start_load(&f, 100, 1, QUIET);
	wait_counter(&f, COUNTER_FAILED, 110);
	assert_null(find_event(&f, EVENT_OUTAGE));
	struct fact_totals t = finish(&f);
	const struct fact_event *e = find_event(&f, EVENT_OUTAGE);
	assert_non_null(e);
	assert_int_equal(e->role, AGENT_PRODUCER);
	assert_true(e->is_open);
	fact_totals_fini(&t);
	close_worker(&f);
}

static void without_an_account_nobody_knows_what_was_owed(void **state)
{
	const struct shape shape = {
		.faults = LOSING,
		.producers = 1,
		.consumers = 1,
		.without_account = true,
		.receipts = 200,
		.quiet_ns = QUIET,
	};
	struct fixture f;

	(void)state;
	(void)run_300(&f, &shape);
	struct fact_totals t = finish(&f);
	assert_null(find_event(&f, EVENT_OUTAGE));
	fact_totals_fini(&t);
	close_worker(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_never_came_behind_the_last_receipt_was_owed_until_the_end),
		cmocka_unit_test(what_was_owed_for_a_moment_is_no_outage),
		cmocka_unit_test(an_open_silence_is_told_when_it_cannot_end_any_more),
		cmocka_unit_test(what_is_lost_in_front_of_a_later_receipt_is_a_hole),
		cmocka_unit_test(without_an_account_nobody_knows_what_was_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
