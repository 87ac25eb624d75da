/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent_harness.h"
#include "fake_driver.h"
#include "stats/counter.h"
#include "util/clock.h"

#define RUN_ID 815
#define MS     UINT64_C(1000000)

static const struct client_spec clients[] = {
	{ .topic = "t", .subscription = "s", .id = 0, .members = 2 },
	{ .topic = "t", .subscription = "s", .id = 1, .members = 2 },
};

static struct fake_delivery deliveries[4096];

/* Message `i` for a consumer: sent `age_ns` ago, offered `delay_ns` after it was due. */
static void put(uint32_t i, uint32_t consumer, uint64_t due_ns, uint64_t delay_ns, uint16_t flags)
{
	struct fake_delivery *d = &deliveries[i];
	struct stamp stamp = {
		.due_ns = due_ns,
		.send_delay_ns = delay_ns,
		.sequence = i,
		.run = RUN_ID,
		.flags = flags,
	};

	*d = (struct fake_delivery){ .consumer = consumer,
		                     .partition = (int32_t)(i % 4),
		                     .len = sizeof(d->payload) };
	stamp_write(d->payload, d->len, &stamp);
}

static const struct consume_spec every_batch;

static const struct shm_clock *told_clocks;
static size_t told_clocks_count;
static const struct client_spec *told_clients = clients;

/* As `fake_script` says besides. */
static void start_scripted(struct harness *h, uint32_t count, const struct consume_spec *rule)
{
	struct agent_spec spec = {
		.role = AGENT_CONSUMER,
		.driver = &driver_fake,
		.run_id = "test",
		.run = RUN_ID,
		.clients = told_clients,
		.clients_count = 2,
		.partitions = 4,
		.consume = *rule,
		.clocks = told_clocks,
		.clocks_count = told_clocks_count,
	};

	fake_script.deliveries = deliveries;
	fake_script.deliveries_count = count;
	harness_start(h, &spec);
}

static void start(struct harness *h, uint32_t count, const struct consume_spec *rule)
{
	fake_reset();
	start_scripted(h, count, rule);
}

static void each_message_is_counted_once_under_its_consumer_and_partition(void **state)
{
	struct harness h;
	uint64_t now = clock_ns();

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		put(i, i % 2, now - 5 * MS, 2 * MS, 0);
	start(&h, 1000, &every_batch);
	harness_wait_counter(&h, COUNTER_RECEIVED, 1000);
	harness_close(&h);

	assert_int_equal(harness_counter(&h, COUNTER_RECEIVED), 1000);
	assert_int_equal(harness_counter(&h, COUNTER_BYTES_RECEIVED), 64000);
	for (uint32_t c = 0; c < 2; c++) {
		const struct shm_client *w = agent_shm_client(h.shm, c);
		const _Atomic uint64_t *partitions = agent_shm_partitions(h.shm, c);
		assert_int_equal(counter_read(&w->received), 500);
		assert_int_equal(counter_read(&w->assigned), 4);
		for (uint32_t p = 0; p < 4; p++)
			assert_int_equal(counter_read(&partitions[p]), p % 2 == c ? 250 : 0);
	}

	struct hist_copy e2e = { 0 }, corrected = { 0 };
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_CORRECTED_E2E, &corrected);
	assert_int_equal(e2e.count, 1000);
	assert_int_equal(corrected.count, 1000);
	assert_true(e2e.min >= 3 * MS);
	assert_int_equal(corrected.sum - e2e.sum, 2000 * MS);
	hist_copy_fini(&e2e);
	hist_copy_fini(&corrected);
	harness_fini(&h);
}

static void what_is_not_ours_is_told_apart(void **state)
{
	struct harness h;
	uint64_t now = clock_ns();

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		put(i, 0, now - MS, 0, 0);
	deliveries[0].payload[40] ^= 1; /* in the stamp: its producer */
	deliveries[1].payload[32] ^= 1; /* its magic */
	deliveries[2].len = 31;         /* too short */
	struct stamp foreign = { .due_ns = now, .run = RUN_ID + 1 };
	stamp_write(deliveries[3].payload, 64, &foreign);
	put(4, 0, now - MS, 0, STAMP_PROBE);
	put(5, 0, now + 3600000 * MS, 0, 0); /* received before it was sent */
	deliveries[6].redelivered = true;
	start(&h, 8, &every_batch);
	harness_wait_counter(&h, COUNTER_RECEIVED, 3);
	harness_close(&h);

	assert_int_equal(harness_counter(&h, COUNTER_CORRUPT), 1);
	assert_int_equal(harness_counter(&h, COUNTER_UNSTAMPED), 2);
	assert_int_equal(harness_counter(&h, COUNTER_FOREIGN), 1);
	assert_int_equal(harness_counter(&h, COUNTER_PROBES_RECEIVED), 1);
	assert_int_equal(harness_counter(&h, COUNTER_NEGATIVE), 1);
	assert_int_equal(harness_counter(&h, COUNTER_REDELIVERED), 1);
	assert_int_equal(harness_counter(&h, COUNTER_RECEIVED), 3);
	harness_fini(&h);
}

/* Two producers of this worker's and one of another's, whose clock is an hour ahead. */
static void a_stamp_of_a_clock_that_nobody_knows_is_not_asked_when_it_was_sent(void **state)
{
	const uint64_t hour_ns = UINT64_C(3600000000000);
	const struct consume_spec rule = { .clocks_unknown = true,
		                           .own_first = 100,
		                           .own_count = 2 };
	const uint32_t producers[] = { 100, 101, 102 };
	struct harness h;
	struct hist_copy e2e = { 0 }, corrected = { 0 };
	uint64_t now = clock_ns();

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct stamp stamp = { .due_ns = i < 2 ? now : now + hour_ns,
			               .producer = producers[i],
			               .run = RUN_ID };
		put(i, 0, 0, 0, 0);
		stamp_write(deliveries[i].payload, 64, &stamp);
		deliveries[i].broker_ms = (int64_t)(clock_wall_ns() / MS) - 2000000;
	}
	start(&h, 3, &rule);
	harness_wait_counter(&h, COUNTER_RECEIVED, 3);
	harness_close(&h);
	assert_int_equal(harness_counter(&h, COUNTER_NEGATIVE), 0);
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_CORRECTED_E2E, &corrected);
	assert_int_equal(e2e.count, 3);
	assert_int_equal(corrected.count, 3); /* how late the third was sent its producer says */
	assert_in_range(e2e.max, 2000000 * MS, hour_ns);
	assert_true(corrected.max == e2e.max);
	hist_copy_fini(&e2e);
	hist_copy_fini(&corrected);
	harness_fini(&h);
}

static void a_topic_may_have_a_run_of_its_own(void **state)
{
	static const struct client_spec own[] = {
		{ .topic = "t", .subscription = "s", .has_run = true, .run = 7, .members = 1 },
		{ .topic = "u", .subscription = "s", .has_run = true, .run = 8, .members = 1 },
	};
	const uint16_t runs[] = { 7, 8, RUN_ID };
	struct harness h;

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		struct stamp stamp = { .due_ns = clock_ns(), .run = runs[i % 3] };
		put(i, i / 3, 0, 0, 0);
		stamp_write(deliveries[i].payload, 64, &stamp);
	}
	told_clients = own;
	start(&h, 6, &every_batch);
	told_clients = clients;
	harness_wait_counter(&h, COUNTER_RECEIVED, 2);
	harness_wait_counter(&h, COUNTER_FOREIGN, 4);
	harness_close(&h);
	for (uint32_t c = 0; c < 2; c++)
		assert_int_equal(counter_read(&agent_shm_client(h.shm, c)->received), 1);
	harness_fini(&h);
}

static void a_stamp_of_another_worker_is_judged_by_what_its_clock_says(void **state)
{
	const int64_t hour_ns = INT64_C(3600000000000);
	const struct shm_clock clocks[] = { { 3, -hour_ns, false }, { 1023, hour_ns, false } };
	const uint32_t workers[] = { 0, 3, 1023 };
	struct harness h;
	struct hist_copy e2e = { 0 };
	uint64_t now = clock_ns();

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		struct stamp stamp = {
			.due_ns = now - MS +
			          (uint64_t)(i == 1   ? hour_ns
			                     : i == 2 ? -hour_ns
			                              : 0),
			.producer = workers[i] << STAMP_PRODUCER_BITS | 5,
			.run = RUN_ID,
		};
		put(i, 0, 0, 0, 0);
		stamp_write(deliveries[i].payload, 64, &stamp);
	}
	fake_reset();
	told_clocks = clocks;
	told_clocks_count = 2;
	start_scripted(&h, 3, &every_batch);
	told_clocks_count = 0;
	harness_wait_counter(&h, COUNTER_RECEIVED, 3);
	harness_close(&h);
	assert_int_equal(harness_counter(&h, COUNTER_NEGATIVE), 0);
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
	assert_int_equal(e2e.count, 3);
	assert_in_range(e2e.max, MS, (uint64_t)hour_ns / 60);
	hist_copy_fini(&e2e);
	harness_fini(&h);
}

/* Of three messages that were sent 3 ms ago by the record's own time: what is said of them? */
static void start_timed(struct harness *h, const struct consume_spec *rule, uint32_t producer)
{
	uint64_t wall_ms = clock_wall_ns() / 1000000;

	fake_reset();
	for (uint32_t i = 0; i < 3; i++) {
		/* Its clock is ahead of ours by a day; it was offered 2 ms late. */
		struct stamp stamp = { .due_ns = clock_ns() + 86400000 * MS,
			               .send_delay_ns = 2 * MS,
			               .sequence = i,
			               .producer = producer,
			               .run = RUN_ID };
		put(i, 0, 0, 0, 0);
		stamp_write(deliveries[i].payload, 64, &stamp);
		deliveries[i].broker_ms = (int64_t)wall_ms - 3;
	}
	start_scripted(h, 3, rule);
	harness_wait_counter(h, COUNTER_RECEIVED, 3);
	harness_close(h);
}

static void stamps_of_a_clock_that_nobody_knows_are_timed_by_the_record(void **state)
{
	const struct shm_clock unknown = { .worker = 3, .is_unknown = true };
	static const struct consume_spec drawn = { .clocks_unknown = true,
		                                   .own_first = 1000,
		                                   .own_count = 10 };
	static const struct {
		const struct consume_spec *rule;
		uint32_t producer;
		bool by_the_record;
	} cases[] = {
		{ &every_batch, 3u << STAMP_PRODUCER_BITS, true },
		{ &every_batch, 4u << STAMP_PRODUCER_BITS, false },
		{ &drawn, 999, true },
		{ &drawn, 1000, false },
		{ &drawn, 1009, false },
		{ &drawn, 1010, true },
		{ &drawn, 4u << STAMP_PRODUCER_BITS, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct harness h;
		struct hist_copy e2e = { 0 }, corrected = { 0 };
		told_clocks = &unknown;
		told_clocks_count = 1;
		start_timed(&h, cases[i].rule, cases[i].producer);
		told_clocks_count = 0;
		harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
		harness_latency(&h, WINDOW_OUTSIDE, LATENCY_CORRECTED_E2E, &corrected);
		assert_int_equal(e2e.count, 3);
		assert_int_equal(corrected.count, 3);
		if (harness_counter(&h, COUNTER_BROKER_TIMED) != (cases[i].by_the_record ? 3 : 0))
			fail_msg("case %zu", i);
		/* By the stamp they were received a day before they were sent. */
		assert_int_equal(harness_counter(&h, COUNTER_NEGATIVE),
		                 cases[i].by_the_record ? 0 : 3);
		if (cases[i].by_the_record) {
			assert_true(e2e.min >= 3 * MS);
			assert_int_equal(corrected.sum - e2e.sum, 6 * MS);
		}
		hist_copy_fini(&e2e);
		hist_copy_fini(&corrected);
		harness_fini(&h);
	}
}

/* As OMB does: what took no millisecond is no latency. */
static void messages_of_other_programs_are_timed_as_omb_does(void **state)
{
	static const struct consume_spec shared = { .unstamped = true, .clocks_unknown = true };
	struct harness h;
	struct hist_copy e2e = { 0 };
	int64_t wall_ms = (int64_t)(clock_wall_ns() / 1000000);

	(void)state;
	fake_reset();
	for (uint32_t i = 0; i < 3; i++) {
		put(i, 0, 0, 0, 0);
		memset(deliveries[i].payload, 'x', 64);
		deliveries[i].broker_ms = i == 0 ? wall_ms - 5000 : i == 1 ? wall_ms + 3600000 : 0;
	}
	start_scripted(&h, 3, &shared);
	harness_wait_counter(&h, COUNTER_RECEIVED, 3);
	harness_close(&h);
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
	assert_int_equal(e2e.count, 1);
	assert_true(e2e.min >= 4990 * MS);
	assert_int_equal(harness_counter(&h, COUNTER_UNSTAMPED), 3);
	assert_int_equal(harness_counter(&h, COUNTER_NEGATIVE), 1);
	assert_int_equal(harness_counter(&h, COUNTER_BROKER_TIMED), 2);
	hist_copy_fini(&e2e);
	harness_fini(&h);
}

static void two_producers_of_one_number_are_named(void **state)
{
	static const struct consume_spec drawn = { .clocks_unknown = true };
	struct harness h;

	(void)state;
	for (int twins = 0; twins < 2; twins++) {
		fake_reset();
		for (uint32_t i = 0; i < 4; i++) {
			struct stamp stamp = { .due_ns = 5000 + (twins ? i : i % 2),
				               .sequence = 0,
				               .producer = 77 + i % 2,
				               .run = RUN_ID };
			put(i, 0, 0, 0, 0);
			stamp_write(deliveries[i].payload, 64, &stamp);
		}
		start_scripted(&h, 4, &drawn);
		harness_wait_counter(&h, COUNTER_RECEIVED, 4);
		harness_close(&h);
		const struct note *note = &h.shm->loop[0].notes[NOTE_TWINS];
		assert_int_equal(note_total(note), twins ? 2 : 0);
		if (twins)
			assert_non_null(
				strstr(note->texts[0].text, "two producers have the number 77"));
		harness_fini(&h);
	}
}

/* A batch shares a reading of the clock, and messages are sent while it is served. */
static void nothing_arrives_before_it_was_sent_by_the_same_clock(void **state)
{
	struct harness h;

	(void)state;
	for (uint32_t i = 0; i < 4000; i++)
		put(i, 0, 0, 0, 0);
	fake_reset();
	fake_script.stamps_on_arrival = true;
	start_scripted(&h, 4000, &every_batch);
	harness_wait_counter(&h, COUNTER_RECEIVED, 4000);
	harness_close(&h);

	struct hist_copy e2e = { 0 };
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
	assert_int_equal(harness_counter(&h, COUNTER_NEGATIVE), 0);
	assert_int_equal(e2e.count, 4000);
	assert_int_equal(e2e.overflow, 0);
	hist_copy_fini(&e2e);
	harness_fini(&h);
}

/* A driver may receive again within one batch: what came then is no younger than that. */
static void what_a_further_look_finds_is_timed_by_it(void **state)
{
	struct harness h;
	uint64_t sent_ns = clock_ns();

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		put(i, 0, sent_ns, 0, 0);
	fake_reset();
	fake_script.look_ns = 2 * MS;
	start_scripted(&h, 5, &every_batch);
	harness_wait_counter(&h, COUNTER_RECEIVED, 5);
	harness_close(&h);

	struct hist_copy e2e = { 0 };
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
	assert_int_equal(e2e.count, 5);
	assert_true(e2e.sum >= (2 + 4 + 6 + 8 + 10) * MS);
	hist_copy_fini(&e2e);
	harness_fini(&h);
}

static void stamps_that_no_clock_of_ours_made_are_counted_and_never_wrap(void **state)
{
	static const struct {
		uint64_t due_ns, delay_ns;
	} cases[] = {
		{ UINT64_MAX, 0 },
		{ UINT64_MAX - 5, 10 },
		{ UINT64_MAX - STAMP_DELAY_MAX_NS + 1, STAMP_DELAY_MAX_NS },
		{ UINT64_MAX / 2, STAMP_DELAY_MAX_NS },
	};
	struct harness h;

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		put(i, 0, cases[i].due_ns, cases[i].delay_ns, 0);
	start(&h, 4, &every_batch);
	harness_wait_counter(&h, COUNTER_RECEIVED, 4);
	harness_close(&h);

	struct hist_copy e2e = { 0 };
	harness_latency(&h, WINDOW_OUTSIDE, LATENCY_E2E, &e2e);
	assert_int_equal(harness_counter(&h, COUNTER_NEGATIVE), 4);
	assert_int_equal(e2e.count, 4);
	assert_int_equal(e2e.max, 0);
	hist_copy_fini(&e2e);
	harness_fini(&h);
}

static void a_slow_consumer_takes_its_time_and_its_neighbour_does_not_wait(void **state)
{
	struct harness h;
	struct consume_spec slow = { .processing_ns = 10 * MS };
	uint64_t now = clock_ns();

	(void)state;
	/* Consumer 0 has 20 messages, consumer 1 one that comes last in the script. */
	for (uint32_t i = 0; i < 20; i++)
		put(i, 0, now - MS, 0, 0);
	put(20, 1, now - MS, 0, 0);
	start(&h, 21, &slow);
	harness_wait_counter(&h, COUNTER_RECEIVED, 21);
	harness_close(&h);

	const struct shm_client *busy = agent_shm_client(h.shm, 0);
	const struct shm_client *other = agent_shm_client(h.shm, 1);
	uint64_t took = counter_read(&busy->last_ns) - counter_read(&busy->first_ns);
	assert_true(took >= 190 * MS);
	assert_true(counter_read(&other->last_ns) < counter_read(&busy->last_ns));
	harness_fini(&h);
}

static void commits_follow_their_rule(void **state)
{
	static const struct {
		struct consume_spec rule;
		uint32_t at_least, at_most; /* commits for 4000 messages of one consumer */
	} cases[] = {
		{ { 0 }, 4, 4000 },                    /* every batch of 1000 at the most */
		{ { .commit_messages = 2000 }, 1, 3 }, /* by count, and at the close */
		{ { .commit_interval_ns = 3600000 * MS }, 1, 1 }, /* only at the close */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct harness h;
		uint64_t now = clock_ns();
		for (uint32_t k = 0; k < 4000; k++)
			put(k, 0, now - MS, 0, 0);
		start(&h, 4000, &cases[i].rule);
		harness_wait_counter(&h, COUNTER_RECEIVED, 4000);
		harness_close(&h);
		assert_in_range(fake_commits, cases[i].at_least, cases[i].at_most);
		assert_int_equal(harness_counter(&h, COUNTER_COMMITS), fake_commits);
		harness_fini(&h);
	}
}

static void a_commit_by_interval_does_not_wait_for_the_next_message(void **state)
{
	struct harness h;
	struct consume_spec rule = { .commit_interval_ns = 20 * MS };

	(void)state;
	put(0, 0, clock_ns() - MS, 0, 0);
	start(&h, 1, &rule);
	harness_wait_counter(&h, COUNTER_COMMITS, 1);
	harness_close(&h);
	assert_int_equal(fake_commits, 1);
	harness_fini(&h);
}

/* What a member has not committed when it leaves is delivered again to those that are left. */
static void with_the_load_ends_the_patience_of_commits(void **state)
{
	static const struct consume_spec rules[] = {
		{ .commit_messages = 1000 },
		{ .commit_interval_ns = 3600000 * MS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct shm_times times = { UINT64_MAX, UINT64_MAX, 0, 0, 0 };
		struct harness h;
		for (uint32_t k = 0; k < 10; k++)
			put(k, 0, clock_ns() - MS, 0, 0);
		start(&h, 10, &rules[i]);
		harness_wait_counter(&h, COUNTER_RECEIVED, 10);
		times.load_end_ns = clock_ns() + 20 * MS;
		agent_shm_put_times(h.shm, &times);
		harness_wait_counter(&h, COUNTER_COMMITS, 1); /* the close is still to come */
		harness_close(&h);
		assert_int_equal(fake_commits, 1);
		harness_fini(&h);
	}
}

static void rest(uint64_t ns)
{
	uint64_t until_ns = clock_ns() + ns;
	struct timespec until = {
		.tv_sec = (time_t)(until_ns / 1000000000),
		.tv_nsec = (long)(until_ns % 1000000000),
	};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void start_settling(struct harness *h, unsigned generation)
{
	struct agent_spec spec = {
		.role = AGENT_CONSUMER,
		.generation = generation,
		.driver = &driver_fake,
		.run_id = "test",
		.run = RUN_ID,
		.clients = clients,
		.clients_count = 2,
		.partitions = 4,
	};

	fake_reset();
	harness_start(h, &spec);
}

static void consumers_settle_after_the_start_until_they_say_so(void **state)
{
	struct harness h;

	(void)state;
	start_settling(&h, 0);
	for (int i = 0; i < 3000 && fake_settles[1] < FAKE_SETTLES; i++)
		rest(10 * MS);
	rest(300 * MS); /* three more times */
	assert_int_equal(fake_settles[0], FAKE_SETTLES);
	assert_int_equal(fake_settles[1], FAKE_SETTLES);
	assert_string_equal(h.shm->loop[0].notes[DRIVER_EVENT_CLIENT].texts[0].text,
	                    "no such group");
	harness_close(&h);
	harness_fini(&h);
}

static void an_agent_that_replaces_another_leaves_its_group_alone(void **state)
{
	struct harness h;

	(void)state;
	start_settling(&h, 1);
	rest(300 * MS);
	assert_int_equal(fake_settles[0], 0);
	harness_close(&h);
	harness_fini(&h);
}

static void all_consumers_begin_to_leave_before_one_is_waited_for(void **state)
{
	struct harness h;

	(void)state;
	start(&h, 0, &every_batch);
	harness_close(&h);
	assert_int_equal(fake_closed, 2);
	assert_int_equal(fake_begun_at_first_close, 2);
	assert_int_equal(counter_read(&h.shm->loop[0].closed), 2);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_is_counted_once_under_its_consumer_and_partition),
		cmocka_unit_test(what_is_not_ours_is_told_apart),
		cmocka_unit_test(a_stamp_of_another_worker_is_judged_by_what_its_clock_says),
		cmocka_unit_test(
			a_stamp_of_a_clock_that_nobody_knows_is_not_asked_when_it_was_sent),
		cmocka_unit_test(a_topic_may_have_a_run_of_its_own),
		cmocka_unit_test(stamps_of_a_clock_that_nobody_knows_are_timed_by_the_record),
		cmocka_unit_test(messages_of_other_programs_are_timed_as_omb_does),
		cmocka_unit_test(two_producers_of_one_number_are_named),
		cmocka_unit_test(nothing_arrives_before_it_was_sent_by_the_same_clock),
		cmocka_unit_test(what_a_further_look_finds_is_timed_by_it),
		cmocka_unit_test(stamps_that_no_clock_of_ours_made_are_counted_and_never_wrap),
		cmocka_unit_test(a_slow_consumer_takes_its_time_and_its_neighbour_does_not_wait),
		cmocka_unit_test(commits_follow_their_rule),
		cmocka_unit_test(with_the_load_ends_the_patience_of_commits),
		cmocka_unit_test(a_commit_by_interval_does_not_wait_for_the_next_message),
		cmocka_unit_test(consumers_settle_after_the_start_until_they_say_so),
		cmocka_unit_test(an_agent_that_replaces_another_leaves_its_group_alone),
		cmocka_unit_test(all_consumers_begin_to_leave_before_one_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
