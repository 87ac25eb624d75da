/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open outages of consumers: what was owed to them at the end, on the loopback broker.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "local_bench.h"
#include "util/clock.h"

/* More than the least silence that counts. */
#define QUIET (1100 * MS)

/* 300 messages of each producer, a millisecond apart, of which so many are received; then nothing comes
 * for a while.  Returns when the first was due. */
static uint64_t run_300(struct fixture *f, const char *driver_yaml, uint32_t producers,
                        bool account, uint64_t receipts)
{
	struct pollfd p;

	open_worker(f, driver_yaml, per_client);
	f->accounted = account ? producers : 0;
	f->subscriptions = 1;
	create_topics(f, 1, 1);
	create_consumers(f, 1, 1);
	create_producers(f, producers);
	wait_ready(f, 1);
	uint64_t start_ns = start_load(f, 1000 * producers, producers, 300 * MS);
	wait_counter(f, COUNTER_SENT, (uint64_t)300 * producers);
	wait_counter(f, COUNTER_RECEIVED, receipts);
	p = (struct pollfd){ .fd = worker_fd(f->w), .events = POLLIN };
	while (clock_ns() < start_ns + 300 * MS + QUIET) {
		poll(&p, 1, 10);
		worker_serve(f->w);
	}
	return start_ns;
}

static void what_never_came_behind_the_last_receipt_was_owed_until_the_end(void **state)
{
	struct fixture f;

	(void)state;
	uint64_t start_ns =
		run_300(&f, "driver: loopback\nbrokerFaults: \"lose:1@0#200\"\n", 1, true, 200);
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

/* Something came of that partition afterwards, of whichever producer. */
static void what_is_lost_in_front_of_a_later_receipt_is_a_hole(void **state)
{
	static const char *const faults[] = {
		"driver: loopback\nbrokerFaults: \"lose:1@0#100..299\"\n",
		"driver: loopback\nbrokerFaults: \"lose:1@0#100..299 lose:1@1#100..299\"\n",
	};
	static const uint64_t receipts[] = { 401, 202 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		(void)run_300(&f, faults[i], 2, true, receipts[i]);
		struct fact_totals t = finish(&f);
		assert_null(find_event(&f, EVENT_OUTAGE));
		fact_totals_fini(&t);
		close_worker(&f);
	}
}

static void without_an_account_nobody_knows_what_was_owed(void **state)
{
	struct fixture f;

	(void)state;
	(void)run_300(&f, "driver: loopback\nbrokerFaults: \"lose:1@0#200\"\n", 1, false, 200);
	struct fact_totals t = finish(&f);
	assert_null(find_event(&f, EVENT_OUTAGE));
	fact_totals_fini(&t);
	close_worker(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_never_came_behind_the_last_receipt_was_owed_until_the_end),
		cmocka_unit_test(what_is_lost_in_front_of_a_later_receipt_is_a_hole),
		cmocka_unit_test(without_an_account_nobody_knows_what_was_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
