/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent_harness.h"
#include "fake_driver.h"
#include "stats/counter.h"
#include "util/clock.h"

#define RUN_ID 4711
#define MS     UINT64_C(1000000)
#define S      UINT64_C(1000000000)

extern const struct driver driver_null;

static struct client_spec clients[14000];

static void start(struct harness *h, const struct driver *driver, uint32_t producers)
{
	fake_reset();
	for (uint32_t i = 0; i < producers; i++)
		clients[i] = (struct client_spec){ .topic = "t", .id = i, .schedule_index = i };

	struct agent_spec spec = {
		.role = AGENT_PRODUCER,
		.driver = driver,
		.run_id = "test",
		.run = RUN_ID,
		.clients = clients,
		.clients_count = producers,
	};
	harness_start(h, &spec);
}

static struct load_spec load_at(double rate_per_s, uint32_t producers)
{
	return (struct load_spec){
		.mode = LOAD_PACED,
		.epoch = { .start_ns = clock_ns() + 20 * MS,
		           .micro_per_s = pacer_micro_per_s(rate_per_s) },
		.producers = producers,
		.payload = { .size = 100, .count = 16, .random_ratio = 0.5, .seed = 1 },
		.wake_interval_ns = 100000,
		.max_block_ns = 60 * S,
		.window_messages = 65536,
		.subscriptions = 3,
		.run = RUN_ID,
		.seed = 1,
	};
}

/* The measured window is the whole load. */
static void measure(struct harness *h, const struct load_spec *load, uint64_t length_ns)
{
	struct shm_control *c = &h->shm->control;

	counter_set(&c->window_start_ns, load->epoch.start_ns);
	counter_set(&c->window_end_ns, load->epoch.start_ns + length_ns);
	counter_set(&c->load_end_ns, load->epoch.start_ns + length_ns);
}

static struct hist_copy measured(const struct harness *h, enum latency which)
{
	struct hist_copy copy = { 0 };

	harness_latency(h, WINDOW_MEASURED, which, &copy);
	return copy;
}

static uint64_t measured_count(const struct harness *h, enum latency which)
{
	struct hist_copy copy = measured(h, which);
	uint64_t count = copy.count;

	hist_copy_fini(&copy);
	return count;
}

static struct debt_account settle(struct harness *h, uint32_t client, const struct load_spec *load)
{
	struct snapshot charged = { 0 };
	struct debt_account account = harness_settle(h, client, load, &charged);

	snapshot_fini(&charged);
	return account;
}

static void wait_for_the_end_of_the_load(const struct harness *h)
{
	uint64_t limit_ns = clock_ns() + 30 * S;

	while (agent_shm_is_offering(h->shm)) {
		assert_true(clock_ns() < limit_ns);
		sched_yield();
	}
}

static void every_message_is_due_by_the_schedule_and_none_is_early(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 3);
	struct load_spec load = load_at(10000, 3);
	load.keys = KEY_ROUND_ROBIN;
	measure(&h, &load, S / 10);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 1000);
	harness_close(&h);

	uint64_t next[3] = { 0 };
	assert_int_equal(fake_sends_count, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct fake_send *s = &fake_sends[i];
		uint32_t p = s->stamp.producer;
		assert_true(p < 3);
		assert_int_equal(s->stamp.sequence, next[p]);
		assert_int_equal(s->stamp.due_ns, pacer_due_ns(&load.epoch, p, 3, next[p]));
		assert_true(s->at_ns >= s->stamp.due_ns);
		assert_true(s->at_ns >= s->stamp.due_ns + s->stamp.send_delay_ns);
		assert_int_equal(s->stamp.run, RUN_ID);
		assert_int_equal(s->len, 100);
		assert_int_equal(strlen(s->key), PAYLOAD_KEY_BYTES);
		next[p]++;
	}
	assert_int_equal(measured_count(&h, LATENCY_DELAY), 1000);
	assert_int_equal(measured_count(&h, LATENCY_CALL), 1000);
	assert_int_equal(measured_count(&h, LATENCY_PUBLISH), 1000);
	assert_int_equal(measured_count(&h, LATENCY_CORRECTED_PUBLISH), 1000);
	harness_fini(&h);
}

static void fourteen_thousand_producers_at_one_per_second_make_fourteen_thousand(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_null, 14000);
	struct load_spec load = load_at(14000, 14000);
	load.window_messages = 16;
	load.epoch.start_ns = clock_ns() + S;
	measure(&h, &load, S);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 14000);
	harness_close(&h);

	assert_int_equal(harness_counter(&h, COUNTER_SENT), 14000);
	for (uint32_t i = 0; i < 14000; i++)
		assert_int_equal(counter_read(&agent_shm_client(h.shm, i)->sent), 1);
	harness_fini(&h);
}

static void three_million_per_second_are_three_million(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_null, 1);
	struct load_spec load = load_at(3000000, 1);
	measure(&h, &load, S / 2);
	harness_start_load(&h, &load);
	wait_for_the_end_of_the_load(&h);
	harness_close(&h);
	/* A machine too slow to send them all still knows what was due. */
	struct debt_account account = settle(&h, 0, &load);
	assert_int_equal(account.sent, harness_counter(&h, COUNTER_SENT));
	assert_int_equal(account.sent + account.unsent, 1500000);
	harness_fini(&h);
}

static void the_wake_interval_bounds_passes_of_sends(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	struct load_spec load = load_at(20000, 1);
	load.wake_interval_ns = 10 * MS;
	measure(&h, &load, S / 5);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 4000);
	harness_close(&h);

	/* 200 ms: 20 passes, and a few about the ends. */
	assert_true(harness_counter(&h, COUNTER_PASSES) <= 24);
	/* What the interval adds is publish delay like any other: 10 ms at most, 5 in the mean. */
	struct hist_copy delay = measured(&h, LATENCY_DELAY);
	assert_true(delay.sum / delay.count >= 2 * MS);
	hist_copy_fini(&delay);
	harness_fini(&h);
}

static enum send_status busy_for_producer_0(uint32_t producer, const struct stamp *stamp,
                                            struct error *err)
{
	(void)stamp;
	(void)err;
	return producer == 0 ? SEND_BUSY : SEND_QUEUED;
}

static void a_blocked_producer_delays_nobody_and_what_it_owes_is_counted(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 2);
	fake_script.on_send = busy_for_producer_0;
	struct load_spec load = load_at(2000, 2);
	measure(&h, &load, S / 5);
	harness_start_load(&h, &load);
	wait_for_the_end_of_the_load(&h);
	harness_close(&h);

	struct snapshot charged = { 0 };
	struct debt_account blocked = harness_settle(&h, 0, &load, &charged);
	struct debt_account other = harness_settle(&h, 1, &load, &charged);
	assert_int_equal(blocked.sent, 0);
	assert_int_equal(blocked.unsent, 200);
	assert_int_equal(other.sent, 200);
	assert_int_equal(other.unsent, 0);
	/* Charged their age when the loop gave up: at the end of the grace. */
	const struct hist_copy *delay = &charged.latencies[WINDOW_MEASURED][LATENCY_DELAY];
	assert_int_equal(delay->count, 200);
	assert_true(delay->min >= LOAD_GRACE_NS);
	assert_true(delay->max >= LOAD_GRACE_NS + S / 5 - MS / 2);
	assert_int_equal(charged.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_PUBLISH].count, 200);
	assert_int_equal(charged.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_E2E].count, 3 * 200);
	snapshot_fini(&charged);
	assert_true(harness_counter(&h, COUNTER_BUSY) > 10);
	harness_fini(&h);
}

static _Atomic uint64_t free_at_ns;

static enum send_status busy_until(uint32_t producer, const struct stamp *stamp, struct error *err)
{
	(void)producer;
	(void)stamp;
	(void)err;
	return clock_ns() < free_at_ns ? SEND_BUSY : SEND_QUEUED;
}

static void a_message_that_had_to_wait_is_charged_the_wait(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	fake_script.on_send = busy_until;
	struct load_spec load = load_at(1000, 1);
	free_at_ns = load.epoch.start_ns + 50 * MS;
	measure(&h, &load, S / 10);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 100);
	harness_close(&h);

	for (uint32_t i = 0; i < 50; i++) {
		const struct stamp *s = &fake_sends[i].stamp;
		assert_int_equal(s->due_ns, load.epoch.start_ns + i * MS);
		assert_true(s->due_ns + s->send_delay_ns >= free_at_ns);
	}
	struct hist_copy delay = measured(&h, LATENCY_DELAY);
	assert_true(delay.max >= 50 * MS);
	/* Those behind it were late, and found room at once. */
	assert_true(harness_counter(&h, COUNTER_BUSY) > 1);
	assert_int_equal(harness_counter(&h, COUNTER_BLOCKED), 1);
	assert_in_range(harness_counter(&h, COUNTER_BLOCKED_NS), 1, delay.max);
	hist_copy_fini(&delay);
	struct hist_copy publish = measured(&h, LATENCY_PUBLISH);
	struct hist_copy corrected = measured(&h, LATENCY_CORRECTED_PUBLISH);
	assert_true(corrected.sum > publish.sum + 1000 * MS); /* the wait shows only here */
	hist_copy_fini(&publish);
	hist_copy_fini(&corrected);
	harness_fini(&h);
}

static void a_message_that_stays_busy_too_long_has_failed(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 2);
	fake_script.on_send = busy_for_producer_0;
	struct load_spec load = load_at(2, 2);
	load.max_block_ns = 30 * MS;
	measure(&h, &load, S);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_FAILED, 1);
	harness_close(&h);

	assert_int_equal(counter_read(&agent_shm_client(h.shm, 0)->failed), 1);
	assert_int_equal(note_total(&h.shm->loop[0].notes[NOTE_BLOCKED]), 1);
	struct hist_copy corrected = measured(&h, LATENCY_CORRECTED_PUBLISH);
	assert_true(corrected.max >= 30 * MS);
	hist_copy_fini(&corrected);
	struct hist_copy delay =
		measured(&h, LATENCY_DELAY); /* it was never sent, and all of it waiting */
	assert_true(delay.max >= 30 * MS);
	hist_copy_fini(&delay);
	assert_true(harness_counter(&h, COUNTER_BLOCKED) >= 1);
	assert_true(harness_counter(&h, COUNTER_BLOCKED_NS) >= 30 * MS);
	harness_fini(&h);
}

static enum send_status refuse(uint32_t producer, const struct stamp *stamp, struct error *err)
{
	(void)producer;
	if (stamp->sequence % 10 != 3)
		return SEND_QUEUED;
	error_set(err, ERROR_BROKER, "message %llu refused", (unsigned long long)stamp->sequence);
	return SEND_FAILED;
}

static void refused_messages_are_counted_and_the_first_reason_is_kept(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	fake_script.on_send = refuse;
	struct load_spec load = load_at(10000, 1);
	measure(&h, &load, S / 100);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 90);
	harness_close(&h);

	assert_int_equal(harness_counter(&h, COUNTER_SENT), 100);
	assert_int_equal(harness_counter(&h, COUNTER_FAILED), 10);
	assert_string_equal(h.shm->loop[0].notes[NOTE_SEND].texts[0].text, "message 3 refused");
	assert_int_equal(measured_count(&h, LATENCY_PUBLISH), 90);
	assert_int_equal(measured_count(&h, LATENCY_CORRECTED_PUBLISH), 100); /* charged its age */
	harness_fini(&h);
}

static void what_fails_later_is_counted_too(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	fake_script.fails = true;
	struct load_spec load = load_at(10000, 1);
	measure(&h, &load, S / 100);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_FAILED, 100);
	harness_close(&h);
	assert_int_equal(harness_counter(&h, COUNTER_ACKNOWLEDGED), 0);
	assert_string_equal(h.shm->loop[0].notes[NOTE_DELIVERY].texts[0].text, "scripted failure");
	harness_fini(&h);
}

static void the_window_bounds_what_is_under_way_and_the_rest_is_unacknowledged(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	fake_script.acknowledges = false;
	struct load_spec load = load_at(100000, 1);
	load.window_messages = 37;
	measure(&h, &load, S / 100);
	harness_start_load(&h, &load);
	wait_for_the_end_of_the_load(&h);
	assert_int_equal(harness_counter(&h, COUNTER_SENT), 37);
	harness_close(&h);
	assert_int_equal(settle(&h, 0, &load).unsent, 1000 - 37);

	assert_int_equal(harness_counter(&h, COUNTER_UNACKNOWLEDGED), 37);
	assert_int_equal(harness_counter(&h, COUNTER_FAILED), 0);
	assert_int_equal(measured_count(&h, LATENCY_CORRECTED_PUBLISH), 37);
	assert_int_equal(measured_count(&h, LATENCY_PUBLISH), 0);
	harness_fini(&h);
}

static void messages_belong_to_the_window_of_their_due_time(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	struct load_spec load = load_at(10000, 1);
	measure(&h, &load, S / 10);
	counter_set(&h.shm->control.window_start_ns, load.epoch.start_ns + 30 * MS);
	counter_set(&h.shm->control.window_end_ns, load.epoch.start_ns + 70 * MS);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 1000);
	harness_close(&h);
	assert_int_equal(measured_count(&h, LATENCY_PUBLISH), 400);
	assert_int_equal(measured_count(&h, LATENCY_DELAY), 400);
	harness_fini(&h);
}

static void counts_are_known_as_of_the_edges_of_the_window(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	struct load_spec load = load_at(10000, 1);
	measure(&h, &load, S / 10);
	counter_set(&h.shm->control.window_start_ns, load.epoch.start_ns + 30 * MS);
	counter_set(&h.shm->control.window_end_ns, load.epoch.start_ns + 70 * MS);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 1000);
	harness_close(&h);

	uint64_t at_ns[EDGES], sent[EDGES];
	for (int e = 0; e < EDGES; e++) {
		uint64_t counters[COUNTER_COUNT] = { 0 };
		at_ns[e] = agent_shm_count_at(h.shm, 0, (enum shm_edge_of)e, counters);
		sent[e] = counters[COUNTER_SENT];
		assert_true(counters[COUNTER_ACKNOWLEDGED] <= sent[e]);
		/* What was sent by then was due by then. */
		assert_true(at_ns[e] >= load.epoch.start_ns + (e == 0 ? 30 : 70) * MS);
		assert_true(sent[e] <= (at_ns[e] - load.epoch.start_ns) / 100000 + 1);
	}
	assert_true(at_ns[0] <= at_ns[1]);
	assert_true(sent[0] <= sent[1]);
	assert_int_equal(harness_counter(&h, COUNTER_SENT), 1000);

	/* Of these 40 ms are the wake-ups that were timed, too: of 100 before and after them none. */
	struct hist_copy late = { 0 };
	agent_shm_late(h.shm, &late);
	assert_in_range(late.count, 1, 401);
	hist_copy_fini(&late);
	harness_fini(&h);
}

static void a_loop_with_nothing_to_do_passes_the_edges_and_turns(void **state)
{
	struct harness h;
	uint64_t none[COUNTER_COUNT] = { 0 };

	(void)state;
	start(&h, &driver_fake, 1);
	uint64_t edge_ns = clock_ns() + 20 * MS;
	counter_set(&h.shm->control.window_start_ns, edge_ns);
	counter_set(&h.shm->control.window_end_ns, edge_ns + MS);
	/* Its next turn comes within a second, whether anything happens or not. */
	while (agent_shm_count_at(h.shm, 0, EDGE_WINDOW_END, none) == 0)
		assert_true(clock_ns() < edge_ns + 30 * S);
	assert_true(agent_shm_turned_ns(h.shm) >= edge_ns + MS);
	harness_close(&h);
	harness_fini(&h);
}

static void a_change_of_rate_keeps_what_is_owed_unless_it_is_forgiven(void **state)
{
	(void)state;
	for (int forgive = 0; forgive < 2; forgive++) {
		struct harness h;
		struct error err;
		start(&h, &driver_fake, 1);
		fake_script.on_send = busy_until;
		struct load_spec load = load_at(1000, 1);
		uint64_t change_ns = load.epoch.start_ns + 500 * MS;
		free_at_ns = change_ns;
		measure(&h, &load, 600 * MS);
		harness_start_load(&h, &load);
		struct agent_command change = {
			.verb = AGENT_VERB_RATE,
			.rate = { .epoch = { .start_ns = change_ns,
			                     .micro_per_s = pacer_micro_per_s(500) },
			          .forgive = forgive },
		};
		assert_true(harness_command(&h, &change, &err));
		uint64_t wanted = forgive ? 50 : 550;
		harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, wanted);
		harness_close(&h);
		assert_int_equal(harness_counter(&h, COUNTER_SENT), wanted);
		uint64_t first_due_ns = forgive ? change_ns : load.epoch.start_ns;
		assert_int_equal(fake_sends[0].stamp.due_ns, first_due_ns);
		harness_fini(&h);
	}
}

static void unlimited_load_has_no_due_times(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_null, 2);
	struct load_spec load = load_at(1, 2);
	load.mode = LOAD_UNLIMITED;
	measure(&h, &load, 100 * MS);
	harness_start_load(&h, &load);
	while (clock_ns() < load.epoch.start_ns + 250 * MS)
		;
	harness_close(&h);
	uint64_t sent = harness_counter(&h, COUNTER_SENT);
	assert_true(sent > 1000);
	assert_int_equal(harness_counter(&h, COUNTER_ACKNOWLEDGED), sent);
	assert_int_equal(measured_count(&h, LATENCY_PUBLISH), sent);
	assert_int_equal(measured_count(&h, LATENCY_CORRECTED_PUBLISH), 0);
	assert_int_equal(measured_count(&h, LATENCY_DELAY), 0);
	/* Both producers had their turns. */
	assert_true(counter_read(&agent_shm_client(h.shm, 0)->sent) > sent / 4);
	assert_true(counter_read(&agent_shm_client(h.shm, 1)->sent) > sent / 4);
	harness_fini(&h);
}

/* What a driver may do (driver.h): report the message that it is being asked to send. */
static void a_message_that_is_answered_inside_send_is_counted_once_and_timed_by_that_send(
	void **state)
{
	static const enum load_mode modes[] = { LOAD_PACED, LOAD_UNLIMITED };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct harness h;
		start(&h, &driver_fake, 2);
		fake_script.answers_in_send = true;
		fake_script.fails = i / 2;
		struct load_spec load = load_at(20000, 2);
		load.mode = modes[i % 2];
		load.window_messages = 1;
		measure(&h, &load, 100 * MS);
		harness_start_load(&h, &load);
		wait_for_the_end_of_the_load(&h);
		harness_close(&h);

		uint64_t sent = harness_counter(&h, COUNTER_SENT);
		assert_true(modes[i % 2] == LOAD_PACED ? sent == 2000 : sent >= 20);
		assert_int_equal(harness_counter(&h, COUNTER_ACKNOWLEDGED), i / 2 ? 0 : sent);
		assert_int_equal(harness_counter(&h, COUNTER_FAILED), i / 2 ? sent : 0);
		assert_int_equal(harness_counter(&h, COUNTER_UNACKNOWLEDGED), 0);
		for (int l = 0; l < LATENCY_COUNT; l++) {
			struct hist_copy times = measured(&h, (enum latency)l);
			assert_int_equal(times.overflow, 0); /* none is negative, and wraps */
			assert_true(times.max < 30 * S);
			hist_copy_fini(&times);
		}
		enum latency judged = i % 2 ? LATENCY_PUBLISH : LATENCY_CORRECTED_PUBLISH;
		assert_int_equal(measured_count(&h, judged), sent);
		harness_fini(&h);
	}
}

static void without_a_schedule_what_comes_back_makes_room_at_once(void **state)
{
	static const struct driver *const drivers[] = { &driver_null, &driver_fake };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct harness h;
		start(&h, drivers[i], 2);
		struct load_spec load = load_at(1, 2);
		load.mode = LOAD_UNLIMITED;
		load.window_messages = 1;
		load.wake_interval_ns = 60 * S; /* no second pass by time */
		measure(&h, &load, 100 * MS);
		harness_start_load(&h, &load);
		wait_for_the_end_of_the_load(&h);
		harness_close(&h);
		assert_true(counter_read(&agent_shm_client(h.shm, 0)->sent) > 10);
		assert_true(counter_read(&agent_shm_client(h.shm, 1)->sent) > 10);
		assert_int_equal(harness_counter(&h, COUNTER_FAILED), 0);
		harness_fini(&h);
	}
}

static void a_full_window_without_a_schedule_fails_nothing(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	fake_script.acknowledges = false;
	struct load_spec load = load_at(1, 1);
	load.mode = LOAD_UNLIMITED;
	load.window_messages = 5;
	load.max_block_ns = 0;
	measure(&h, &load, 100 * MS);
	harness_start_load(&h, &load);
	wait_for_the_end_of_the_load(&h);
	harness_close(&h);
	assert_int_equal(harness_counter(&h, COUNTER_SENT), 5);
	assert_int_equal(harness_counter(&h, COUNTER_FAILED), 0);
	assert_int_equal(harness_counter(&h, COUNTER_UNACKNOWLEDGED), 5);
	harness_fini(&h);
}

static void waits_for_nothing(const void *config, struct driver_traits *traits)
{
	(void)config;
	traits->has_max_block = true;
}

static void a_driver_whose_messages_may_not_block_fails_them_at_once(void **state)
{
	struct harness h;
	struct driver impatient = driver_fake;

	(void)state;
	impatient.traits = waits_for_nothing;
	start(&h, &impatient, 2);
	fake_script.on_send = busy_for_producer_0;
	struct load_spec load = load_at(2000, 2);
	measure(&h, &load, S / 10);
	harness_start_load(&h, &load);
	wait_for_the_end_of_the_load(&h);
	harness_close(&h);

	assert_int_equal(counter_read(&agent_shm_client(h.shm, 0)->failed), 100);
	assert_int_equal(counter_read(&agent_shm_client(h.shm, 1)->acknowledged), 100);
	assert_int_equal(harness_counter(&h, COUNTER_BUSY), 100); /* each was offered once */
	assert_int_equal(note_total(&h.shm->loop[0].notes[NOTE_BLOCKED]), 100);
	assert_int_equal(measured_count(&h, LATENCY_CORRECTED_PUBLISH), 200);
	assert_int_equal(measured_count(&h, LATENCY_DELAY), 200);
	harness_fini(&h);
}

static void probes_are_in_no_account(void **state)
{
	struct harness h;
	struct agent_command probe = { .verb = AGENT_VERB_PROBE };
	struct error err;

	(void)state;
	start(&h, &driver_fake, 4);
	assert_true(harness_command(&h, &probe, &err));
	harness_wait_counter(&h, COUNTER_PROBES_ACKED, 4);
	harness_close(&h);
	assert_int_equal(harness_counter(&h, COUNTER_PROBES_SENT), 4);
	assert_int_equal(harness_counter(&h, COUNTER_SENT), 0);
	assert_int_equal(harness_counter(&h, COUNTER_ACKNOWLEDGED), 0);
	harness_fini(&h);
}

static void what_a_driver_does_not_give_back_is_unacknowledged_and_charged(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 1);
	fake_script.acknowledges = false;
	fake_script.forgets = true;
	struct load_spec load = load_at(10000, 1);
	measure(&h, &load, S / 100);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_SENT, 100);
	harness_close(&h);
	assert_int_equal(harness_counter(&h, COUNTER_UNACKNOWLEDGED), 100);
	assert_int_equal(measured_count(&h, LATENCY_CORRECTED_PUBLISH), 100);
	assert_int_equal(settle(&h, 0, &load).unacknowledged, 100); /* not once more */
	harness_fini(&h);
}

static void a_window_takes_a_page_until_it_is_used(void **state)
{
	static unsigned char resident[64 * 1024];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 40);
	struct load_spec load = load_at(4000, 40);
	measure(&h, &load, S / 10);
	harness_start_load(&h, &load);
	harness_wait_counter(&h, COUNTER_ACKNOWLEDGED, 400);
	harness_close(&h);

	char *from = (char *)agent_shm_flights(h.shm, 0);
	size_t bytes = (size_t)((char *)h.shm + h.shm->bytes - from), touched = 0;
	assert_true(bytes >= (size_t)40 * 65536 * sizeof(struct flight) &&
	            bytes / page <= sizeof(resident));
	assert_int_equal(mincore(from, bytes, resident), 0);
	for (size_t i = 0; i < bytes / page; i++)
		touched += resident[i] & 1;
	assert_int_equal(touched, 40);
	harness_fini(&h);
}

static void windows_of_ten_thousand_producers_can_be_mapped(void **state)
{
	const struct agent_shm_shape shape = { .loops = 1,
		                               .clients = 10000,
		                               .window_messages = LOAD_WINDOW_DEFAULT };
	struct error err = { 0 };

	(void)state;
	struct agent_shm *shm = agent_shm_map(&shape, &err);
	if (shm == NULL)
		fail_msg("%s", err.text);
	struct flight *last = agent_shm_flights(shm, 9999) + LOAD_WINDOW_DEFAULT - 1;
	counter_set(&last->called_ns, 1);
	agent_shm_unmap(shm);
}

static void a_window_larger_than_what_was_made_for_it_is_refused(void **state)
{
	struct harness h;
	struct error err = { 0 };

	(void)state;
	start(&h, &driver_fake, 1);
	struct load_spec load = load_at(1, 1);
	load.window_messages = LOAD_WINDOW_DEFAULT + 1;
	struct agent_command command = { .verb = AGENT_VERB_START, .load = load };
	assert_false(harness_command(&h, &command, &err));
	assert_string_equal(err.text,
	                    "65537 messages in flight: the producers were made for 65536");
	harness_close(&h);
	harness_fini(&h);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct harness h;
	struct agent_command pause = { .verb = AGENT_VERB_PAUSE };
	struct agent_command rate = { .verb = AGENT_VERB_RATE };
	struct error err;

	(void)state;
	start(&h, &driver_fake, 1);
	assert_false(harness_command(&h, &pause, &err));
	assert_string_equal(err.text, "producers cannot be paused");
	assert_false(harness_command(&h, &rate, &err));
	assert_string_equal(err.text, "no paced load is running");
	harness_close(&h);
	harness_fini(&h);
}

static void all_producers_begin_to_close_before_one_is_waited_for(void **state)
{
	struct harness h;

	(void)state;
	start(&h, &driver_fake, 50);
	harness_close(&h);
	assert_int_equal(fake_closed, 50);
	assert_int_equal(fake_begun_at_first_close, 50);
	assert_int_equal(counter_read(&h.shm->loop[0].closed), 50);
	harness_fini(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_is_due_by_the_schedule_and_none_is_early),
		cmocka_unit_test(
			fourteen_thousand_producers_at_one_per_second_make_fourteen_thousand),
		cmocka_unit_test(three_million_per_second_are_three_million),
		cmocka_unit_test(the_wake_interval_bounds_passes_of_sends),
		cmocka_unit_test(a_blocked_producer_delays_nobody_and_what_it_owes_is_counted),
		cmocka_unit_test(a_message_that_had_to_wait_is_charged_the_wait),
		cmocka_unit_test(a_message_that_stays_busy_too_long_has_failed),
		cmocka_unit_test(refused_messages_are_counted_and_the_first_reason_is_kept),
		cmocka_unit_test(what_fails_later_is_counted_too),
		cmocka_unit_test(
			the_window_bounds_what_is_under_way_and_the_rest_is_unacknowledged),
		cmocka_unit_test(messages_belong_to_the_window_of_their_due_time),
		cmocka_unit_test(counts_are_known_as_of_the_edges_of_the_window),
		cmocka_unit_test(a_loop_with_nothing_to_do_passes_the_edges_and_turns),
		cmocka_unit_test(a_change_of_rate_keeps_what_is_owed_unless_it_is_forgiven),
		cmocka_unit_test(unlimited_load_has_no_due_times),
		cmocka_unit_test(
			a_message_that_is_answered_inside_send_is_counted_once_and_timed_by_that_send),
		cmocka_unit_test(without_a_schedule_what_comes_back_makes_room_at_once),
		cmocka_unit_test(a_full_window_without_a_schedule_fails_nothing),
		cmocka_unit_test(a_driver_whose_messages_may_not_block_fails_them_at_once),
		cmocka_unit_test(probes_are_in_no_account),
		cmocka_unit_test(what_a_driver_does_not_give_back_is_unacknowledged_and_charged),
		cmocka_unit_test(a_window_takes_a_page_until_it_is_used),
		cmocka_unit_test(windows_of_ten_thousand_producers_can_be_mapped),
		cmocka_unit_test(a_window_larger_than_what_was_made_for_it_is_refused),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(all_producers_begin_to_close_before_one_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
