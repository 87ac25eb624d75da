/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slowest messages as the local worker tells them, with real agents.
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "local_bench.h"
#include "util/clock.h"

#define SPACING_NS (10 * MS)
#define MESSAGES   60

/* What all answers so far have told. */
static struct fact_slowest told;

static void keep(const struct fact_totals *t)
{
	for (size_t i = 0; i < t->slow_acknowledged_count; i++)
		fact_slow_add(&told.of[FACT_SLOW_ACKNOWLEDGED], FACT_SLOW_ACKNOWLEDGED,
		              &t->slow_acknowledged[i]);
	for (size_t i = 0; i < t->slow_received_count; i++)
		fact_slow_add(&told.of[FACT_SLOW_RECEIVED], FACT_SLOW_RECEIVED,
		              &t->slow_received[i]);
}

static uint64_t look(struct fixture *f, enum counter which)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);

	must(f, &call);
	keep(&call.totals);
	uint64_t value = call.totals.snapshot.counters[which];
	snapshot_fini(&call.totals.snapshot);
	return value;
}

/* Nothing is asked for but what `ask` asks for: each answer takes the messages that it tells. */
static void wait_for(struct fixture *f, uint64_t (*ask)(struct fixture *f), uint64_t value)
{
	struct pollfd p = { .fd = worker_fd(f->w), .events = POLLIN };
	uint64_t limit_ns = clock_ns() + 30 * S;

	while (ask(f) < value) {
		assert_true(clock_ns() < limit_ns);
		poll(&p, 1, 10);
		worker_serve(f->w);
	}
}

static uint64_t received(struct fixture *f)
{
	return look(f, COUNTER_RECEIVED);
}

static uint64_t acknowledged(struct fixture *f)
{
	return look(f, COUNTER_ACKNOWLEDGED);
}

/* Counts alone take none. */
static uint64_t count_of(struct fixture *f, enum counter which)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);

	call.totals.without_latencies = true;
	must(f, &call);
	uint64_t value = call.totals.snapshot.counters[which];
	snapshot_fini(&call.totals.snapshot);
	return value;
}

/* As who wants histograms besides the one to whom the messages are told. */
static void look_at_latencies(struct fixture *f)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);

	call.totals.without_slowest = true;
	must(f, &call);
	assert_int_equal(call.totals.snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count,
	                 MESSAGES);
	assert_int_equal(call.totals.slow_acknowledged_count, 0);
	assert_int_equal(call.totals.slow_received_count, 0);
	snapshot_fini(&call.totals.snapshot);
}

static uint64_t received_so_far(struct fixture *f)
{
	return count_of(f, COUNTER_RECEIVED);
}

static uint64_t acknowledged_so_far(struct fixture *f)
{
	return count_of(f, COUNTER_ACKNOWLEDGED);
}

static void open_all(struct fixture *f, const char *driver_yaml)
{
	told = (struct fact_slowest){ 0 };
	open_worker(f, driver_yaml, per_client);
	create_topics(f, 1, 1);
	create_consumers(f, 1, 1);
	create_producers(f, 1);
	wait_ready(f, 1);
}

static void assert_maximum(const struct fact_totals *t, enum latency which, enum fact_slow_by by)
{
	const struct hist_copy *h = &t->snapshot.latencies[WINDOW_MEASURED][which];

	assert_int_equal(h->count, MESSAGES);
	assert_int_equal(fact_slow_ns(&told.of[by].items[0], by), h->max);
}

/*
 * Message 20 and those after it wait for the end of a stall: the longer the earlier they were due.  The
 * first ten share one reading of the clock at each end; for another message to be as slow the machine would
 * have to stand still for 900 ms.
 */
static void messages_that_a_stall_held_up_are_named_with_all_their_times(void **state)
{
	struct fixture f;

	(void)state;
	open_all(&f, "driver: loopback\nbrokerFaults: \"stall:1s@20\"\n");
	uint64_t start_ns = start_load(&f, 100, 1, MESSAGES * SPACING_NS);
	wait_for(&f, received_so_far, MESSAGES);
	wait_for(&f, acknowledged_so_far, MESSAGES);
	look_at_latencies(&f);
	struct fact_totals t =
		finish(&f); /* all in one answer, in which both ends know of each other */
	keep(&t);
	for (int by = 0; by < FACT_SLOW_KINDS; by++) {
		assert_int_equal(told.of[by].count, FACT_SLOW_MAX);
		for (uint64_t i = 0; i < 10; i++) {
			const struct fact_slow *m = &told.of[by].items[i];
			assert_int_equal(m->sequence, 19 + i);
			assert_int_equal(m->producer, 0);
			assert_int_equal(m->due_ns, start_ns + (19 + i) * SPACING_NS);
			assert_true(m->sent_ns >= m->due_ns);
			assert_true(m->acknowledged_ns >= told.of[by].items[0].sent_ns + S);
			assert_true(m->received_ns >= told.of[by].items[0].sent_ns + S);
			assert_true(m->is_measured);
			assert_int_equal(m->partition, 0);
			assert_int_equal(m->producer_agent, 0);
			assert_int_equal(m->consumer_agent, 0);
			assert_int_equal(m->consumer_generation, 0);
			assert_string_equal(m->subscription, "omb-test-sub");
		}
	}
	assert_maximum(&t, LATENCY_CORRECTED_PUBLISH, FACT_SLOW_ACKNOWLEDGED);
	assert_maximum(&t, LATENCY_CORRECTED_E2E, FACT_SLOW_RECEIVED);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Whatever a dead agent had kept is told all the same, and what was told before is not told again. */
static void what_a_killed_agent_kept_is_told_once(void **state)
{
	const struct fact_slow_list *list = &told.of[FACT_SLOW_ACKNOWLEDGED];
	struct fixture f;

	(void)state;
	open_all(&f, "driver: loopback\n");
	start_load(&f, 1000, 1, 60 * S);
	wait_for(&f, acknowledged, 50);
	pid_t pid = agent_now(&f, AGENT_PRODUCER, 0).pid;
	uint64_t before = acknowledged(&f); /* in their order */
	assert_true(list->count > 0);
	told = (struct fact_slowest){ 0 };
	wait_for(&f, acknowledged_so_far, before + 100);
	kill(pid, SIGKILL);
	assert_non_null(wait_event(&f, EVENT_AGENT_LOST));
	struct fact_totals t = finish(&f);
	keep(&t);
	/* At worst it died as it put one in the place of another. */
	assert_true(list->count >= FACT_SLOW_MAX - 1);
	for (size_t i = 0; i < list->count; i++) {
		const struct fact_slow *m = &list->items[i];
		assert_true(m->sequence >= before);
		assert_true(m->acknowledged_ns >= m->sent_ns && m->sent_ns >= m->due_ns);
		assert_true(m->sequence <= t.snapshot.counters[COUNTER_SENT]);
	}
	fact_totals_fini(&t);
	close_worker(&f);
}

static void what_a_restarted_agent_receives_is_told_with_its_generation(void **state)
{
	const struct fact_slow_list *list = &told.of[FACT_SLOW_RECEIVED];
	struct fixture f;

	(void)state;
	open_all(&f, "driver: loopback\n");
	start_load(&f, 1000, 1, 60 * S);
	wait_for(&f, received, 50);
	kill(agent_now(&f, AGENT_CONSUMER, 0).pid, SIGKILL);
	const struct fact_event *resumed = wait_event(&f, EVENT_AGENT_RESUMED);
	assert_int_equal(resumed->generation, 1);
	uint64_t before = received(&f); /* takes what the dead one had kept */
	told = (struct fact_slowest){ 0 };
	wait_for(&f, received, before + 100);
	assert_int_equal(list->count, FACT_SLOW_MAX);
	for (size_t i = 0; i < list->count; i++) {
		assert_int_equal(list->items[i].consumer_agent, 0);
		assert_int_equal(list->items[i].consumer_generation, 1);
	}
	struct fact_totals t = finish(&f);
	fact_totals_fini(&t);
	close_worker(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_that_a_stall_held_up_are_named_with_all_their_times),
		cmocka_unit_test(what_a_killed_agent_kept_is_told_once),
		cmocka_unit_test(what_a_restarted_agent_receives_is_told_with_its_generation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
