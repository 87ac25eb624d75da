/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loops do not allocate: every allocation of our own objects is wrapped (-Wl,--wrap) and
 * counted while a million messages pass.  A driver that allocates on purpose makes the test fail,
 * which proves that it can.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/roster.h"
#include "agent_harness.h"
#include "fake_driver.h"
#include "stats/counter.h"
#include "util/arena.h"
#include "util/clock.h"
#include "wrap_allocations.h"

#define MESSAGES 1000000

extern const struct driver driver_null;

static struct client_spec producer = { .topic = "t" };
static struct client_spec consumer = { .topic = "t", .subscription = "s" };

/* An account is kept, too. */
static const struct roster *roster_of(enum agent_role role, struct client_spec *client)
{
	static const char *const topic = "t";
	static struct arena arena;
	static struct roster roster;

	arena_fini(&arena);
	roster_make(&roster, &topic, 1, 0, &arena);
	roster_deal_keys(&roster, role, client, 1, 1);
	return &roster;
}

/* Chunks of it that were used. */
static uint64_t accounted(const struct harness *h)
{
	return counter_read(&agent_shm_account(h->shm, 0)->used);
}

/* The parent takes the slowest messages, so a round ends: what the loop does then is counted, too. */
static void take_slow(struct harness *h)
{
	static struct slow_taken taken[SLOW_TAKEN_MAX];

	assert_true(agent_shm_take_slow(h->shm, taken) >= SLOW_MESSAGES);
}

/* Allocations while `messages` are sent and acknowledged. */
static uint64_t allocations_of(const struct driver *driver, enum load_mode mode, uint64_t messages)
{
	struct harness h;
	struct agent_spec spec = {
		.role = AGENT_PRODUCER,
		.driver = driver,
		.run_id = "test",
		.clients = &producer,
		.clients_count = 1,
		.partitions = 16,
		.roster = roster_of(AGENT_PRODUCER, &producer),
	};
	struct load_spec load = {
		.mode = mode,
		.epoch = { .start_ns = clock_ns() + 20000000,
		           .micro_per_s = pacer_micro_per_s(500000) },
		.producers = 1,
		.keys = KEY_RANDOM,
		.payload = { .size = 100, .count = 100 },
		.wake_interval_ns = 100000,
		.max_block_ns = UINT64_C(60000000000),
		.window_messages = 1000,
	};

	harness_start(&h, &spec);
	harness_start_load(&h, &load);
	uint64_t before = allocations_so_far();
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, messages / 2);
	take_slow(&h);
	/* However late this thread was: the second round has messages of its own. */
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED,
	                     harness_counter(&h, COUNTER_ACKNOWLEDGED) + messages / 2);
	take_slow(&h);
	uint64_t made = allocations_so_far() - before;
	harness_close(&h);
	assert_in_range(accounted(&h), 1 + messages / ACCOUNT_BLOCK, UINT32_MAX);
	harness_fini(&h);
	return made;
}

static void a_million_messages_are_sent_without_an_allocation(void **state)
{
	(void)state;
	assert_int_equal(allocations_of(&driver_null, LOAD_UNLIMITED, MESSAGES), 0);
	assert_int_equal(allocations_of(&driver_null, LOAD_PACED, MESSAGES / 10), 0);
}

static void a_planted_allocation_is_found(void **state)
{
	(void)state;
	fake_reset();
	fake_script.allocates = true;
	assert_true(allocations_of(&driver_fake, LOAD_PACED, 1000) >= 1000);
}

static void messages_are_received_without_an_allocation(void **state)
{
	static struct fake_delivery deliveries[100000];
	struct stamp stamp = { .due_ns = clock_ns(), .run = 0 };
	struct harness h;
	struct agent_spec spec = {
		.role = AGENT_CONSUMER,
		.driver = &driver_fake,
		.run_id = "test",
		.clients = &consumer,
		.clients_count = 1,
		.partitions = 1,
		.roster = roster_of(AGENT_CONSUMER, &consumer),
	};

	(void)state;
	fake_reset();
	for (size_t i = 0; i < 100000; i++) {
		deliveries[i].len = 64;
		stamp.sequence = i % 100 == 0 ? 0 : i; /* one of them again and again */
		stamp_write(deliveries[i].payload, 64, &stamp);
	}
	fake_script.deliveries = deliveries;
	fake_script.deliveries_count = 100000;
	harness_start(&h, &spec);
	uint64_t before = allocations_so_far(); /* the loop has opened its client: set-up is over */
	harness_wait_counter(&h, COUNTER_RECEIVED, 100000);
	take_slow(&h);
	assert_int_equal(allocations_so_far() - before, 0);
	harness_close(&h);
	assert_in_range(accounted(&h), 1000, UINT32_MAX); /* the last ones found no chunk */
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_messages_are_sent_without_an_allocation),
		cmocka_unit_test(a_planted_allocation_is_found),
		cmocka_unit_test(messages_are_received_without_an_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
