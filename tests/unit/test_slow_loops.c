/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which messages the loops of producers and consumers keep as their slowest, and what they say of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent_harness.h"
#include "fake_driver.h"
#include "stats/counter.h"
#include "util/clock.h"

#define RUN_ID     815
#define MS         UINT64_C(1000000)
#define S          UINT64_C(1000000000)
#define DELIVERIES 400

static struct slow_taken taken[SLOW_TAKEN_MAX];
static size_t taken_count;

static uint64_t took_ns(const struct slow_message *m)
{
	return m->done_ns - (m->due_ns != 0 ? m->due_ns : m->sent_ns);
}

static int slowest_first(const void *a, const void *b)
{
	uint64_t x = took_ns(&((const struct slow_taken *)a)->message);
	uint64_t y = took_ns(&((const struct slow_taken *)b)->message);

	return x > y ? -1 : x < y;
}

/* The slowest, as far as they are of one window, which they are here. */
static void take(struct harness *h)
{
	taken_count = agent_shm_take_slow(h->shm, taken);
	qsort(taken, taken_count, sizeof(*taken), slowest_first);
	if (taken_count > SLOW_MESSAGES)
		taken_count = SLOW_MESSAGES;
}

/* What the slowest of those taken took; 0: nothing was. */
static uint64_t most_ns(void)
{
	return taken_count > 0 ? took_ns(&taken[0].message) : 0;
}

/* Exactly. */
static void assert_maximum(struct harness *h, enum window window, enum latency which, uint64_t ns)
{
	struct hist_copy all = { 0 };

	harness_latency(h, window, which, &all);
	assert_int_equal(ns, all.max);
	hist_copy_fini(&all);
}

/* --- producers ------------------------------------------------------------------------------------ */

static const struct client_spec senders[] = {
	{ .topic = "t", .id = 70, .schedule_index = 0 },
	{ .topic = "t", .id = 71, .schedule_index = 1 },
};

static void start_producers(struct harness *h, enum load_mode mode)
{
	const struct agent_spec spec = {
		.role = AGENT_PRODUCER,
		.driver = &driver_fake,
		.run_id = "test",
		.clients = senders,
		.clients_count = 2,
	};
	const struct load_spec load = {
		.mode = mode,
		.epoch = { clock_ns() + 5 * MS, pacer_micro_per_s(10000) },
		.producers = 2,
		.payload = { .size = 100, .count = 10 },
		.wake_interval_ns = 100000,
		.max_block_ns = 60 * S,
		.window_messages = 1000,
	};

	harness_start(h, &spec);
	counter_set(&h->shm->control.slots_start_ns, load.epoch.start_ns - MS);
	counter_set(&h->shm->control.window_start_ns, load.epoch.start_ns);
	harness_start_load(h, &load);
}

static const struct fake_send *send_of(uint32_t producer, uint64_t sequence)
{
	for (uint32_t i = 0; i < fake_sends_count; i++)
		if (fake_sends[i].stamp.producer == producer &&
		    fake_sends[i].stamp.sequence == sequence)
			return &fake_sends[i];
	fail_msg("producer %u never sent message %llu", producer, (unsigned long long)sequence);
	return NULL;
}

static void an_acknowledged_message_has_the_times_of_its_own(void **state)
{
	struct harness h;

	(void)state;
	fake_reset();
	start_producers(&h, LOAD_PACED);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 500);
	harness_close(&h);
	take(&h);
	assert_int_equal(taken_count, SLOW_MESSAGES);
	for (size_t i = 0; i < taken_count; i++) {
		const struct slow_message *m = &taken[i].message;
		const struct fake_send *sent = send_of(m->producer, m->sequence);
		assert_int_equal(taken[i].window, WINDOW_MEASURED);
		assert_int_equal(m->due_ns, sent->stamp.due_ns);
		assert_int_equal(m->sent_ns, stamp_called_ns(&sent->stamp));
		assert_true(m->done_ns >= sent->at_ns);
		assert_int_equal(m->client, m->producer - 70);
		assert_int_equal(m->partition, 0);
	}
	assert_maximum(&h, WINDOW_MEASURED, LATENCY_CORRECTED_PUBLISH, most_ns());
	take(&h);
	assert_int_equal(taken_count, 0);
	harness_fini(&h);
}

static void without_a_schedule_a_message_is_due_never_and_slow_since_it_was_sent(void **state)
{
	struct harness h;

	(void)state;
	fake_reset();
	start_producers(&h, LOAD_UNLIMITED);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 500);
	harness_close(&h);
	take(&h);
	assert_int_equal(taken_count, SLOW_MESSAGES);
	for (size_t i = 0; i < taken_count; i++)
		assert_int_equal(taken[i].message.due_ns, 0);
	assert_maximum(&h, WINDOW_MEASURED, LATENCY_PUBLISH, most_ns());
	harness_fini(&h);
}

static void messages_that_failed_are_none_that_were_acknowledged(void **state)
{
	struct harness h;

	(void)state;
	fake_reset();
	fake_script.fails = true;
	start_producers(&h, LOAD_PACED);
	harness_wait_counter(&h, COUNTER_FAILED, 100);
	take(&h);
	assert_int_equal(taken_count, 0);
	harness_close(&h);
	harness_fini(&h);
}

/* More than it takes to fill a round: the first of them may be of the round before. */
static void wait_for_more(struct harness *h)
{
	uint64_t before = harness_counter(h, COUNTER_ACKNOWLEDGED);

	harness_wait_counter(h, COUNTER_ACKNOWLEDGED, before + UINT64_C(2) * SLOW_PLACES);
}

static void a_loop_hears_of_new_rounds_while_it_works_and_loses_nothing(void **state)
{
	struct harness h;
	uint64_t slowest_ns = 0;

	(void)state;
	fake_reset();
	start_producers(&h, LOAD_PACED);
	for (int round = 0; round < 5; round++) {
		wait_for_more(&h);
		if (round == 4)
			harness_close(&h);
		take(&h);
		uint64_t ns = most_ns();
		slowest_ns = ns > slowest_ns ? ns : slowest_ns;
	}
	/* It has heard of the last round, or it would have kept but what was slower than all before. */
	assert_int_equal(taken_count, SLOW_MESSAGES);
	assert_maximum(&h, WINDOW_MEASURED, LATENCY_CORRECTED_PUBLISH, slowest_ns);
	harness_fini(&h);
}

/* --- the parent ----------------------------------------------------------------------------------- */

static void put(struct slow *loop, uint64_t sequence, uint32_t client)
{
	const struct slow_message m = { .sequence = sequence, .client = client, .done_ns = 9 };

	slow_put(loop, WINDOW_MEASURED, 9, &m);
}

/* Also those that a loop put in before it heard that the round was over; under the agent's number of its
 * client. */
static void a_parent_takes_what_all_loops_kept_each_message_once(void **state)
{
	static const struct {
		uint64_t sequence;
		uint32_t client;
	} wanted[] = { { 1, 0 }, { 2, 3 }, { 3, 5 }, { 4, 1 } };
	static struct slow_taken all[2 * SLOW_TAKEN_MAX];
	const struct agent_shm_shape shape = { .loops = 2, .clients = 6 };
	struct slow loops[2];
	struct error err;

	(void)state;
	struct agent_shm *shm = agent_shm_map(&shape, &err);
	assert_non_null(shm);
	for (int i = 0; i < 2; i++)
		slow_init(&loops[i], &shm->loop[i].slow);
	put(&loops[0], 1, 0);
	put(&loops[1], 2, 1);
	assert_int_equal(agent_shm_take_slow(shm, all), 2);
	put(&loops[1], 3, 2); /* late */
	assert_int_equal(counter_read(&shm->control.round), 1);
	slow_begin(&loops[1], 1);
	put(&loops[1], 4, 0);
	assert_int_equal(agent_shm_take_slow(shm, all + 2), 2);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(all[i].message.sequence, wanted[i].sequence);
		assert_int_equal(all[i].message.client, wanted[i].client);
	}
	assert_int_equal(agent_shm_take_slow(shm, all), 0);
	agent_shm_unmap(shm);
}

/* --- consumers ------------------------------------------------------------------------------------ */

static const struct client_spec readers[] = {
	{ .topic = "t", .subscription = "s", .id = 0, .members = 2 },
	{ .topic = "t", .subscription = "s", .id = 1, .members = 2 },
};

static struct fake_delivery deliveries[DELIVERIES];

static bool is_late(uint32_t i)
{
	return i % (DELIVERIES / SLOW_MESSAGES) == 3;
}

/* Some were due ages ago: no noise of this machine makes the others as slow. */
static void deliver(struct harness *h, uint16_t flags, uint16_t run)
{
	uint64_t now_ns = clock_ns();
	const struct agent_spec spec = {
		.role = AGENT_CONSUMER,
		.driver = &driver_fake,
		.run_id = "test",
		.run = RUN_ID,
		.clients = readers,
		.clients_count = 2,
		.partitions = 4,
	};

	fake_reset();
	for (uint32_t i = 0; i < DELIVERIES; i++) {
		struct stamp stamp = {
			.due_ns = now_ns - (is_late(i) ? 50 * S : MS),
			.send_delay_ns = i,
			.sequence = i,
			.producer = 60 + i % 2,
			.run = run,
			.flags = flags,
		};
		deliveries[i] = (struct fake_delivery){ .consumer = i / 2 % 2,
			                                .partition = (int32_t)(i % 4),
			                                .len = 64 };
		stamp_write(deliveries[i].payload, 64, &stamp);
	}
	fake_script.deliveries = deliveries;
	fake_script.deliveries_count = DELIVERIES;
	harness_start(h, &spec);
}

static void a_received_message_has_the_times_of_its_stamp(void **state)
{
	static bool found[DELIVERIES];
	struct harness h;

	(void)state;
	deliver(&h, 0, RUN_ID);
	harness_wait_counter(&h, COUNTER_RECEIVED, DELIVERIES);
	harness_close(&h);
	take(&h);
	assert_int_equal(taken_count, SLOW_MESSAGES);
	for (size_t i = 0; i < taken_count; i++) {
		const struct slow_message *m = &taken[i].message;
		struct stamp stamp = { 0 };
		assert_true(m->sequence < DELIVERIES && !found[m->sequence]);
		found[m->sequence] = true;
		assert_true(is_late((uint32_t)m->sequence));
		const struct fake_delivery *d = &deliveries[m->sequence];
		assert_int_equal(stamp_read(d->payload, d->len, &stamp), STAMP_OK);
		assert_int_equal(taken[i].window, WINDOW_OUTSIDE);
		assert_int_equal(m->due_ns, stamp.due_ns);
		assert_int_equal(m->sent_ns, stamp.due_ns + m->sequence);
		assert_int_equal(m->producer, stamp.producer);
		assert_int_equal(m->client, d->consumer);
		assert_int_equal(m->partition, d->partition);
	}
	assert_maximum(&h, WINDOW_OUTSIDE, LATENCY_CORRECTED_E2E, most_ns());
	harness_fini(&h);
}

static void without_a_schedule_a_receipt_is_slow_since_the_message_was_sent(void **state)
{
	struct harness h;

	(void)state;
	deliver(&h, STAMP_UNSCHEDULED, RUN_ID);
	harness_wait_counter(&h, COUNTER_RECEIVED, DELIVERIES);
	harness_close(&h);
	take(&h);
	assert_int_equal(taken_count, SLOW_MESSAGES);
	for (size_t i = 0; i < taken_count; i++)
		assert_int_equal(taken[i].message.due_ns, 0);
	assert_maximum(&h, WINDOW_OUTSIDE, LATENCY_E2E, most_ns());
	harness_fini(&h);
}

static void probes_and_foreign_messages_are_none_of_the_slowest(void **state)
{
	struct harness h;

	(void)state;
	deliver(&h, STAMP_PROBE, RUN_ID);
	harness_wait_counter(&h, COUNTER_PROBES_RECEIVED, DELIVERIES);
	harness_close(&h);
	take(&h);
	assert_int_equal(taken_count, 0);
	harness_fini(&h);

	deliver(&h, 0, RUN_ID + 1);
	harness_wait_counter(&h, COUNTER_FOREIGN, DELIVERIES);
	harness_close(&h);
	take(&h);
	assert_int_equal(taken_count, 0);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_acknowledged_message_has_the_times_of_its_own),
		cmocka_unit_test(
			without_a_schedule_a_message_is_due_never_and_slow_since_it_was_sent),
		cmocka_unit_test(messages_that_failed_are_none_that_were_acknowledged),
		cmocka_unit_test(a_loop_hears_of_new_rounds_while_it_works_and_loses_nothing),
		cmocka_unit_test(a_parent_takes_what_all_loops_kept_each_message_once),
		cmocka_unit_test(a_received_message_has_the_times_of_its_stamp),
		cmocka_unit_test(without_a_schedule_a_receipt_is_slow_since_the_message_was_sent),
		cmocka_unit_test(probes_and_foreign_messages_are_none_of_the_slowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
