/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/java_totals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* So many messages since the last one, each of 1 ms; `probes` are in the totals alone. */
static void read_period(struct java_totals *t, uint64_t messages, uint64_t sent, uint64_t received)
{
	struct omb_period p = { .sent = messages,
		                .bytes_sent = messages * 100,
		                .received = messages,
		                .bytes_received = messages * 100,
		                .totals = { .sent = sent, .received = received } };

	hist_copy_init(&p.latencies.publish, &hist_layout_omb_publish);
	hist_copy_init(&p.latencies.delay, &hist_layout_omb_publish);
	hist_copy_init(&p.latencies.e2e, &hist_layout_omb_e2e);
	hist_copy_record(&p.latencies.publish, 1000, messages);
	hist_copy_record(&p.latencies.delay, 10, messages);
	hist_copy_record(&p.latencies.e2e, 3000, messages);
	java_totals_add_period(t, &p);
	omb_period_fini(&p);
}

static uint64_t counted(const struct snapshot *s, enum window window, enum latency which)
{
	return s->latencies[window][which].count;
}

static void probes_are_no_messages(void **state)
{
	struct fact_totals told = { 0 };
	struct java_totals t = { 0 };

	(void)state;
	java_totals_add_counters(&t, &(struct worker_counters){ .sent = 3, .received = 4 });
	read_period(&t, 5, 3, 5);
	java_totals_begin(&t);
	read_period(&t, 10, 13, 14);
	java_totals_tell(&t, 77, &told);
	assert_int_equal(told.snapshot.taken_ns, 77);
	assert_int_equal(told.snapshot.counters[COUNTER_PROBES_ACKED], 3);
	assert_int_equal(told.snapshot.counters[COUNTER_PROBES_RECEIVED], 5);
	assert_int_equal(told.snapshot.counters[COUNTER_ACKNOWLEDGED], 10);
	assert_int_equal(told.snapshot.counters[COUNTER_RECEIVED], 9);
	assert_int_equal(told.snapshot.counters[COUNTER_BYTES_ACKED], 1000);
	assert_int_equal(counted(&told.snapshot, WINDOW_OUTSIDE, LATENCY_PUBLISH), 10);
	fact_totals_fini(&told);
	java_totals_fini(&t);
}

/* The three periods end at the begin of the window, at its end, and after it. */
static void a_period_is_of_the_window_that_was_open(void **state)
{
	struct fact_totals told = { 0 };
	struct java_totals t = { 0 };

	(void)state;
	java_totals_begin(&t);
	read_period(&t, 10, 10, 10);
	java_totals_pass(&t, FACT_WINDOW_START, 1000);
	read_period(&t, 20, 30, 30);
	read_period(&t, 30, 60, 60);
	java_totals_pass(&t, FACT_WINDOW_END, 2000);
	read_period(&t, 5, 65, 65);
	java_totals_tell(&t, 3000, &told);
	assert_int_equal(counted(&told.snapshot, WINDOW_MEASURED, LATENCY_PUBLISH), 50);
	assert_int_equal(counted(&told.snapshot, WINDOW_MEASURED, LATENCY_DELAY), 50);
	assert_int_equal(counted(&told.snapshot, WINDOW_MEASURED, LATENCY_E2E), 50);
	assert_int_equal(counted(&told.snapshot, WINDOW_OUTSIDE, LATENCY_E2E), 15);
	assert_int_equal(told.edges[FACT_WINDOW_START].at_ns, 1000);
	assert_int_equal(told.edges[FACT_WINDOW_START].counters[COUNTER_ACKNOWLEDGED], 10);
	assert_int_equal(told.edges[FACT_WINDOW_END].at_ns, 2000);
	assert_int_equal(told.edges[FACT_WINDOW_END].counters[COUNTER_ACKNOWLEDGED], 60);
	/* Microseconds became nanoseconds. */
	assert_in_range(told.snapshot.latencies[WINDOW_MEASURED][LATENCY_E2E].max, 3000000,
	                3003000);
	fact_totals_fini(&told);
	java_totals_fini(&t);
}

static void counters_alone_are_told_without_latencies(void **state)
{
	struct fact_totals told = { .without_latencies = true };
	struct java_totals t = { 0 };

	(void)state;
	java_totals_begin(&t);
	t.message_bytes = 100;
	read_period(&t, 10, 10, 10);
	java_totals_add_counters(
		&t, &(struct worker_counters){ .sent = 15, .received = 12, .send_errors = 2 });
	java_totals_tell(&t, 1, &told);
	assert_true(told.without_latencies);
	assert_int_equal(told.snapshot.counters[COUNTER_ACKNOWLEDGED], 15);
	assert_int_equal(told.snapshot.counters[COUNTER_FAILED], 2);
	assert_int_equal(told.snapshot.counters[COUNTER_SENT], 17);
	assert_int_equal(told.snapshot.counters[COUNTER_BYTES_ACKED], 1500);
	assert_int_equal(told.snapshot.counters[COUNTER_BYTES_RECEIVED], 1200);
	assert_int_equal(counted(&told.snapshot, WINDOW_OUTSIDE, LATENCY_PUBLISH), 0);
	/* What the periods tell later is the same, not more. */
	read_period(&t, 5, 15, 15);
	java_totals_tell(&t, 1, &told);
	assert_int_equal(told.snapshot.counters[COUNTER_BYTES_ACKED], 1500);
	fact_totals_fini(&told);
	java_totals_fini(&t);
}

static void a_window_that_lies_ahead_again_has_no_edges(void **state)
{
	struct java_totals t = { 0 };

	(void)state;
	java_totals_begin(&t);
	java_totals_pass(&t, FACT_WINDOW_START, 1000);
	assert_int_equal(t.window, WINDOW_MEASURED);
	java_totals_forget_edges(&t);
	assert_int_equal(t.window, WINDOW_OUTSIDE);
	assert_int_equal(t.edges[FACT_WINDOW_START].at_ns, 0);
	java_totals_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_are_no_messages),
		cmocka_unit_test(a_period_is_of_the_window_that_was_open),
		cmocka_unit_test(counters_alone_are_told_without_latencies),
		cmocka_unit_test(a_window_that_lies_ahead_again_has_no_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
