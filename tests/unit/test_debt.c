/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What agents owe when they have ended: against a record of every single message, and after
 * real deaths at any instant.
 */
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/channel.h"
#include "agent/debt.h"
#include "agent/producer.h"
#include "fake_driver.h"
#include "stats/counter.h"
#include "util/clock.h"

#define MS    UINT64_C(1000000)
#define S     UINT64_C(1000000000)
#define START (UINT64_C(1000) * S)

extern const struct driver driver_null;

/* --- books without an agent ----------------------------------------------------------------------- */

struct books {
	struct agent_shm *shm;
	struct load_spec load;
	struct debt_terms terms;
	struct debt_client client;
};

static struct agent_shm *map(uint32_t loops, uint32_t clients, uint32_t window)
{
	struct agent_shm_shape shape = { .loops = loops,
		                         .clients = clients,
		                         .window_messages = window };
	struct error err;
	struct agent_shm *shm = agent_shm_map(&shape, &err);

	assert_non_null(shm);
	return shm;
}

/* One producer of three, that was to send for 10 s from START on; [2 s, 7.5 s) of it is measured.
 * It ended without a word. */
static void open_books(struct books *b, double rate_per_s)
{
	*b = (struct books){
		.shm = map(1, 1, 100),
		.load = {
			.epoch = { START, pacer_micro_per_s(rate_per_s) },
			.producers = 3,
			.payload = { .size = 100 },
			.subscriptions = 2,
			.window_messages = 100,
		},
		.client = { .schedule_index = 1 },
	};
	b->client.shm = b->shm;
	b->terms = (struct debt_terms){ .load = &b->load, .closed_ns = START + 25 * S };
	agent_shm_put_times(b->shm, &(struct shm_times){ START + 2 * S, START + 15 * S / 2,
	                                                 START + 10 * S, START, 0 });
}

static void close_books(struct books *b)
{
	agent_shm_unmap(b->shm);
}

/* The same by walking from message to message. */
static uint64_t walk(struct pacer p, uint64_t end_ns, uint64_t at_ns,
                     const struct shm_control *control, struct hist_copy *ages)
{
	uint64_t n = 0;

	for (; p.next_ns < end_ns; n++) {
		hist_copy_record(&ages[shm_window_of(control, p.next_ns)], at_ns - p.next_ns, 1);
		pacer_advance(&p);
	}
	return n;
}

static void assert_same_times(const struct hist_copy *a, const struct hist_copy *b)
{
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->min, b->min);
	assert_int_equal(a->max, b->max);
	assert_int_equal(a->overflow, b->overflow);
	for (size_t i = 0; i < hist_layout_buckets(&hist_layout_ns); i++)
		assert_int_equal(hist_copy_count_at(a, i), hist_copy_count_at(b, i));
	double sums = (double)a->sum - (double)b->sum;
	assert_true(sums * sums <= (double)b->sum * 1e-5 * (double)b->sum * 1e-5);
}

static void assert_unsent_is_what_walking_finds(struct books *b, struct pacer p, uint64_t sent)
{
	struct snapshot charged = { 0 };
	struct hist_copy ages[WINDOW_COUNT] = { 0 };

	counter_set(&agent_shm_client(b->shm, 0)->sent, sent);
	counter_set(&agent_shm_client(b->shm, 0)->acknowledged, sent);
	for (uint64_t i = 0; i < sent; i++)
		pacer_advance(&p);
	for (size_t i = 0; i < b->terms.changes_count; i++)
		pacer_change(&p, &b->terms.changes[i].epoch, b->terms.changes[i].forgive,
		             b->terms.changes[i].told_ns);
	struct debt_account account = debt_settle(&b->client, &b->terms, &charged);
	uint64_t unsent = walk(p, START + 10 * S, START + 11 * S, &b->shm->control, ages);
	assert_int_equal(account.sent, sent);
	assert_int_equal(account.unsent, unsent);
	for (int w = 0; w < WINDOW_COUNT; w++) {
		const struct hist_copy *h = charged.latencies[w];
		assert_same_times(&h[LATENCY_DELAY], &ages[w]);
		assert_same_times(&h[LATENCY_CORRECTED_PUBLISH], &ages[w]);
		assert_int_equal(h[LATENCY_CORRECTED_E2E].count, 2 * ages[w].count);
		assert_int_equal(h[LATENCY_PUBLISH].count, 0);
		assert_int_equal(h[LATENCY_E2E].count, 0);
		hist_copy_fini(&ages[w]);
	}
	snapshot_fini(&charged);
}

static void never_sent_is_charged_as_if_each_were_recorded(void **state)
{
	static const double rates[] = { 0.1, 3, 777.7, 100000, 3e6 };
	static const uint64_t sent[] = { 0, 1, 100, 12345 };

	(void)state;
	for (size_t r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
		for (size_t s = 0; s < sizeof(sent) / sizeof(sent[0]); s++) {
			struct books b;
			struct pacer p;
			open_books(&b, rates[r]);
			pacer_init(&p, &b.load.epoch, 1, 3);
			assert_unsent_is_what_walking_finds(&b, p, sent[s]);
			close_books(&b);
		}
	}
}

/* What the agent had heard of stands in its memory; the rest is the parent's to apply. */
static void changes_of_rate_count_whether_the_agent_heard_of_them_or_not(void **state)
{
	static const struct debt_change changes[] = {
		{ { START + 3 * S, 500 * UINT64_C(1000000) }, false, START + 2 * S },
		{ { START + 5 * S, 4000 * UINT64_C(1000000) }, false, START + 4 * S },
		{ { START + 8 * S, 100 * UINT64_C(1000000) }, true, START + 7 * S },
	};

	(void)state;
	for (uint32_t heard = 0; heard <= 3; heard++) {
		struct books b;
		struct pacer p;
		open_books(&b, 10000);
		pacer_init(&p, &b.load.epoch, 1, 3);
		struct shm_schedule_copy copy = { .sequence = 0, .pacer = p };
		shm_schedule_put(agent_shm_schedule(b.shm, 0), &copy);
		for (uint64_t i = 0; i < 50; i++)
			pacer_advance(&p); /* sent before the first change */
		for (uint32_t i = 0; i < heard; i++) {
			pacer_change(&p, &changes[i].epoch, changes[i].forgive, changes[i].told_ns);
			copy = (struct shm_schedule_copy){ .sequence = 50 + i,
				                           .changes = i + 1,
				                           .pacer = p };
			shm_schedule_put(agent_shm_schedule(b.shm, 0), &copy);
			pacer_advance(&p);
		}
		counter_set(&agent_shm_client(b.shm, 0)->sent, 50 + heard);
		counter_set(&agent_shm_client(b.shm, 0)->acknowledged, 50 + heard);
		b.terms.changes = changes;
		b.terms.changes_count = 3;
		for (uint32_t i = heard; i < 3; i++)
			pacer_change(&p, &changes[i].epoch, changes[i].forgive, changes[i].told_ns);

		struct snapshot charged = { 0 };
		struct hist_copy ages[WINDOW_COUNT] = { 0 };
		struct debt_account account = debt_settle(&b.client, &b.terms, &charged);
		assert_int_equal(account.unsent,
		                 walk(p, START + 10 * S, START + 11 * S, &b.shm->control, ages));
		for (int w = 0; w < WINDOW_COUNT; w++) {
			assert_same_times(&charged.latencies[w][LATENCY_DELAY], &ages[w]);
			hist_copy_fini(&ages[w]);
		}
		snapshot_fini(&charged);
		close_books(&b);
	}
}

/* 3 * 10^12 messages: whoever looks at each of them does not end. */
static void a_trillion_unsent_messages_cost_no_more_than_their_buckets(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };

	(void)state;
	open_books(&b, 1e9);
	b.load.producers = 1;
	b.client.schedule_index = 0;
	b.terms.closed_ns = START + 4000 * S;
	agent_shm_put_times(
		b.shm, &(struct shm_times){ START, START + 3000 * S, START + 3000 * S, START, 0 });
	struct debt_account account = debt_settle(&b.client, &b.terms, &charged);
	assert_int_equal(account.unsent, UINT64_C(3000) * S);
	const struct hist_copy *h = &charged.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_PUBLISH];
	assert_int_equal(h->count, UINT64_C(3000) * S);
	assert_int_equal(h->max, 3001 * S);
	assert_int_equal(h->min, S + 1);
	snapshot_fini(&charged);
	close_books(&b);
}

static void without_a_schedule_nothing_is_due(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };

	(void)state;
	open_books(&b, 1000);
	b.load.mode = LOAD_UNLIMITED;
	assert_int_equal(debt_settle(&b.client, &b.terms, &charged).unsent, 0);
	assert_int_equal(charged.latencies[WINDOW_OUTSIDE][LATENCY_CORRECTED_PUBLISH].count, 0);
	close_books(&b);
}

/* Payloads without a stamp are not timed by their due time when they arrive. */
static void end_to_end_is_charged_only_where_it_is_measured(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };

	(void)state;
	open_books(&b, 1000);
	b.load.payload.size = STAMP_BYTES - 1;
	assert_true(debt_settle(&b.client, &b.terms, &charged).unsent > 0);
	assert_true(charged.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_PUBLISH].count > 0);
	assert_int_equal(charged.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_E2E].count, 0);
	snapshot_fini(&charged);
	close_books(&b);
}

static struct flights flights_of(struct books *b)
{
	return (struct flights){ .slots = agent_shm_flights(b->shm, 0),
		                 .used = &agent_shm_client(b->shm, 0)->flights_used,
		                 .cap = 100 };
}

static void what_was_in_flight_is_unacknowledged_and_as_old_as_the_drain_was_long(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };

	(void)state;
	open_books(&b, 1000);
	struct flights f = flights_of(&b);
	for (uint64_t i = 0; i < 50; i++)
		(void)flights_take(&f, i, START + i * 100 * MS, START + i * 100 * MS);
	for (uint32_t i = 0; i < 50; i += 2) /* the slots are those of the numbers here */
		flights_give_back(&f, i);
	counter_set(&agent_shm_client(b.shm, 0)->sent, 50);
	counter_set(&agent_shm_client(b.shm, 0)->acknowledged, 20);
	counter_set(&agent_shm_client(b.shm, 0)->failed, 5);
	b.load.mode = LOAD_UNLIMITED; /* nothing is due besides */
	struct debt_account a = debt_settle(&b.client, &b.terms, &charged);
	assert_int_equal(a.sent, 50);
	assert_int_equal(a.unacknowledged, 25);
	/* 1, 3, 5, ... 19 before the window, of [2 s, 7.5 s) */
	const struct hist_copy *out = &charged.latencies[WINDOW_OUTSIDE][LATENCY_PUBLISH];
	const struct hist_copy *in = &charged.latencies[WINDOW_MEASURED][LATENCY_PUBLISH];
	assert_int_equal(out->count, 10);
	assert_int_equal(in->count, 15);
	assert_int_equal(out->max, 25 * S - 100 * MS);
	assert_int_equal(in->min, 25 * S - 4900 * MS);
	snapshot_fini(&charged);
	close_books(&b);
}

static void a_message_at_hand_when_the_agent_died_is_counted_as_sent(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };

	(void)state;
	open_books(&b, 1000);
	struct flights f = flights_of(&b);
	/* The driver was being asked: it may have sent it. */
	(void)flights_take(&f, 7, START, START);
	counter_set(&agent_shm_client(b.shm, 0)->sent, 7);
	counter_set(&agent_shm_client(b.shm, 0)->acknowledged, 7);
	struct debt_account a = debt_settle(&b.client, &b.terms, &charged);
	assert_int_equal(a.sent, 8);
	assert_int_equal(a.unacknowledged, 1);
	/* It had come back, inside send. */
	counter_set(&agent_shm_client(b.shm, 0)->sent, 8);
	flights_give_back(&f, 0);
	counter_set(&agent_shm_client(b.shm, 0)->acknowledged, 8);
	struct debt_account then = debt_settle(&b.client, &b.terms, &charged);
	assert_int_equal(then.sent, 8);
	assert_int_equal(then.unacknowledged, 0);
	assert_int_equal(then.unsent, a.unsent);
	snapshot_fini(&charged);
	close_books(&b);
}

/* --- never received --------------------------------------------------------------------------------- */

/* Each of them recorded. */
static void record_each(const struct books *b, uint64_t first, uint64_t last,
                        const struct pacer *begin, struct hist_copy *ages)
{
	for (uint64_t i = first; i <= last; i++) {
		struct pacer p = *begin;
		pacer_skip(&p, i);
		uint64_t age = b->terms.closed_ns > p.next_ns ? b->terms.closed_ns - p.next_ns : 0;
		hist_copy_record(&ages[shm_window_of(&b->shm->control, p.next_ns)], age, 1);
	}
}

static void charge_range(const struct books *b, uint64_t first, uint64_t last, struct snapshot *to)
{
	struct debt_missing m = { .messages = last - first + 1 };

	assert_true(debt_due_ns(&b->client, &b->terms, first, &m.first_due_ns));
	assert_true(debt_due_ns(&b->client, &b->terms, last, &m.last_due_ns));
	debt_charge_missing(&m, &b->terms, &b->shm->control, to);
}

/* Over both ends of the window, over many buckets and within one, alone, and up to the end of the drain. */
static void ranges_of_missing_messages_are_charged_as_if_each_were_recorded(void **state)
{
	static const uint64_t ranges[][2] = { { 0, 9999 },    { 600, 700 },   { 17, 17 },
		                              { 2000, 6095 }, { 2600, 2601 }, { 9999, 9999 } };

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct books b;
		struct snapshot charged = { 0 };
		struct hist_copy ages[WINDOW_COUNT] = { 0 };
		struct shm_schedule_copy copy = { 0 };
		open_books(&b, 3000);
		b.terms.closed_ns = START + 9990 * MS; /* some are due later */
		pacer_init(&copy.pacer, &b.load.epoch, 1, 3);
		shm_schedule_put(agent_shm_schedule(b.shm, 0), &copy);
		charge_range(&b, ranges[i][0], ranges[i][1], &charged);
		record_each(&b, ranges[i][0], ranges[i][1], &copy.pacer, ages);
		for (int w = 0; w < WINDOW_COUNT; w++) {
			assert_same_times(&charged.latencies[w][LATENCY_CORRECTED_E2E], &ages[w]);
			assert_int_equal(charged.latencies[w][LATENCY_E2E].count, 0);
			assert_int_equal(charged.latencies[w][LATENCY_CORRECTED_PUBLISH].count, 0);
			hist_copy_fini(&ages[w]);
		}
		snapshot_fini(&charged);
		close_books(&b);
	}
}

static void a_million_missing_in_one_range_are_all_charged(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };
	const struct debt_missing m = { UINT64_C(1000000), START, START + 10 * S - 1 };

	(void)state;
	open_books(&b, 1000);
	b.load.mode = LOAD_UNLIMITED;
	debt_charge_missing(&m, &b.terms, &b.shm->control, &charged);
	const struct hist_copy *h = &charged.latencies[WINDOW_MEASURED][LATENCY_E2E];
	assert_int_equal(h->count, 550000); /* due in [2 s, 7.5 s) */
	assert_int_equal(charged.latencies[WINDOW_OUTSIDE][LATENCY_E2E].count, 450000);
	assert_in_range(h->max, 23 * S - 20000, 23 * S);
	assert_in_range(h->min, 25 * S - 15 * S / 2, 25 * S - 15 * S / 2 + 20000);
	snapshot_fini(&charged);
	close_books(&b);
}

static void due_times_are_those_of_the_schedule_since_the_last_change_of_rate(void **state)
{
	struct books b;
	struct shm_schedule_copy copy = { .sequence = 0 };
	uint64_t due_ns = 7;

	(void)state;
	open_books(&b, 3000);
	assert_false(debt_due_ns(&b.client, &b.terms, 0, &due_ns)); /* the load never began */
	pacer_init(&copy.pacer, &b.load.epoch, 1, 3);
	shm_schedule_put(agent_shm_schedule(b.shm, 0), &copy);
	assert_true(debt_due_ns(&b.client, &b.terms, 5, &due_ns));
	assert_int_equal(due_ns, pacer_due_ns(&b.load.epoch, 1, 3, 5));
	copy.sequence = 100;
	pacer_skip(&copy.pacer, 100);
	shm_schedule_put(agent_shm_schedule(b.shm, 0), &copy);
	assert_false(debt_due_ns(&b.client, &b.terms, 99, &due_ns));
	assert_true(debt_due_ns(&b.client, &b.terms, 100, &due_ns));
	assert_int_equal(due_ns, pacer_due_ns(&b.load.epoch, 1, 3, 100));
	b.load.mode = LOAD_UNLIMITED;
	assert_false(debt_due_ns(&b.client, &b.terms, 100, &due_ns));
	close_books(&b);
}

/* --- the same without an account ---------------------------------------------------------------------- */

static void missing_messages_are_told_by_when_they_were_due(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };
	struct debt_slots acknowledged = { 0 }, received = { 0 };
	struct agent_shm *consumer = map(1, 1, 0);
	const struct shm_control *control;

	(void)state;
	open_books(&b, 1000);
	control = &b.shm->control;
	agent_shm_put_times(consumer, &(struct shm_times){ START + 2 * S, START + 15 * S / 2,
	                                                   START + 10 * S, START, 0 });
	/* Two subscriptions; of 10,000 messages, one each ms, the 500 of [4 s, 4.5 s) are lost to one
	 * of them, and the 500 of [6 s, 6.5 s) came three times: that makes up for nothing. */
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t due_ns = START + i * MS;
		enum window w = shm_window_of(control, due_ns);
		bool lost = i >= 4000 && i < 4500, twice = i >= 6000 && i < 6500;
		shm_count_due(&b.shm->loop[0], counter_read(&control->slots_start_ns), w, due_ns);
		for (int n = lost ? 1 : twice ? 3 : 2; n > 0; n--)
			shm_count_due(&consumer->loop[0], counter_read(&control->slots_start_ns), w,
			              due_ns);
	}
	debt_slots_add(&acknowledged, b.shm, b.terms.closed_ns);
	debt_slots_add(&received, consumer, b.terms.closed_ns);
	debt_charge_slots(&acknowledged, &received, &b.terms, control, &charged);
	const struct hist_copy *h = &charged.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_E2E];
	uint64_t slot_ns = UINT64_C(1) << SHM_SLOT_SHIFT;
	assert_int_equal(h->count, 500);
	/* Never younger than they are, nor older by more than the slot. */
	assert_true(h->max >= 25 * S - 4000 * MS && h->max <= 25 * S - 4000 * MS + slot_ns);
	assert_true(h->min > 25 * S - 4500 * MS && h->min <= 25 * S - 4499 * MS + slot_ns);
	assert_int_equal(charged.latencies[WINDOW_OUTSIDE][LATENCY_CORRECTED_E2E].count, 0);
	snapshot_fini(&charged);
	debt_slots_fini(&acknowledged);
	debt_slots_fini(&received);
	agent_shm_unmap(consumer);
	close_books(&b);
}

static void what_is_due_late_or_by_another_clock_falls_into_the_last_slot(void **state)
{
	static const uint64_t due_ns[] = { 0, START - 1, START + 20000 * S, UINT64_MAX };
	struct books b;
	struct snapshot charged = { 0 };
	struct debt_slots acknowledged = { 0 }, received = { 0 };

	(void)state;
	open_books(&b, 1000);
	for (size_t i = 0; i < 4; i++)
		shm_count_due(&b.shm->loop[0], counter_read(&b.shm->control.slots_start_ns),
		              WINDOW_OUTSIDE, due_ns[i]);
	b.terms.closed_ns = START + 30000 * S;
	debt_slots_add(&acknowledged, b.shm, b.terms.closed_ns);
	debt_charge_slots(&acknowledged, &received, &b.terms, &b.shm->control, &charged);
	assert_int_equal(charged.latencies[WINDOW_OUTSIDE][LATENCY_CORRECTED_E2E].count, 8);
	snapshot_fini(&charged);
	debt_slots_fini(&acknowledged);
	debt_slots_fini(&received);
	close_books(&b);
}

/* A long run at a high rate: the slot of what is due late holds more than 2^32 messages. */
static void the_last_slot_does_not_wrap(void **state)
{
	struct books b;
	struct snapshot charged = { 0 };
	struct debt_slots acknowledged = { 0 }, received = { 0 };
	const uint64_t many = UINT32_MAX, due_ns = START + 20000 * S;

	(void)state;
	open_books(&b, 1000);
	b.terms.closed_ns = START + 30000 * S;
	counter_set(&b.shm->loop[0].due_later[WINDOW_MEASURED], many);
	shm_count_due(&b.shm->loop[0], counter_read(&b.shm->control.slots_start_ns),
	              WINDOW_MEASURED, due_ns);
	debt_slots_add(&acknowledged, b.shm, b.terms.closed_ns);
	assert_int_equal(acknowledged.counts[WINDOW_MEASURED][SHM_SLOTS - 1], many + 1);
	debt_charge_slots(&acknowledged, &received, &b.terms, &b.shm->control, &charged);
	assert_int_equal(charged.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_E2E].count,
	                 (many + 1) * b.terms.load->subscriptions);
	snapshot_fini(&charged);
	debt_slots_fini(&acknowledged);
	debt_slots_fini(&received);
	close_books(&b);
}

/* --- real deaths ------------------------------------------------------------------------------------- */

/* What the driver really took over; shared with the child. */
static _Atomic uint64_t *taken;
static unsigned sends;

static enum send_status take_and_count(uint32_t producer, const struct stamp *stamp,
                                       struct error *err)
{
	(void)stamp;
	(void)err;
	if (++sends % 97 == 0)
		return SEND_BUSY;
	counter_bump(&taken[producer]);
	return SEND_QUEUED;
}

#define VICTIMS 3

struct death {
	const struct driver *driver;
	enum load_mode mode;
	bool answers_in_send;
	uint32_t window;
	bool changes_rate;
};

static void send_command(int fd, struct agent_command *command, int pool_fd, bool wait)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct agent_answer answer;
	struct error err;

	assert_true(channel_send_command(fd, command, pool_fd, &err));
	for (bool answered = false; wait && !answered;) {
		assert_int_equal(poll(&p, 1, 30000), 1);
		assert_int_equal(channel_receive_answer(fd, &answer), CHANNEL_GOT);
		answered = answer.tag == command->tag;
	}
}

static pid_t start_victim(struct agent_shm *shm, const struct agent_spec *spec, int channel[2])
{
	struct error err;

	assert_true(channel_open(channel, &err));
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(producer_loop(spec, shm, 0, channel[1], &err) ? 0 : 1);
	close(channel[1]);
	return pid;
}

/* At full speed: whatever instant it is, the loop is in the middle of a message. */
static struct load_spec full_speed(const struct death *d)
{
	return (struct load_spec){
		.mode = d->mode,
		.epoch = { .start_ns = clock_ns(), .micro_per_s = pacer_micro_per_s(30e6) },
		.producers = VICTIMS,
		.payload = { .size = 100, .count = 16, .random_ratio = 0.5, .seed = 1 },
		.wake_interval_ns = 100000,
		.max_block_ns = 60 * S,
		.window_messages = d->window,
		.subscriptions = 1,
	};
}

/* Sum over all windows. */
static uint64_t times_of(struct agent_shm *shm, enum latency which, const struct snapshot *charged)
{
	struct snapshot s = { 0 };
	struct hist_copy both = { 0 };

	agent_shm_snapshot(shm, true, &s);
	snapshot_add(&s, charged);
	snapshot_latency(&s, which, &both);
	uint64_t count = both.count;
	hist_copy_fini(&both);
	snapshot_fini(&s);
	return count;
}

/* The one that the loop was at may be missing. */
static void assert_all_but_one(uint64_t times, uint64_t messages)
{
	assert_true(times <= messages && times + 1 >= messages);
}

static void check_books(const struct death *d, struct agent_shm *shm,
                        const struct debt_terms *terms)
{
	struct snapshot charged = { 0 };
	struct debt_account accounts[VICTIMS];
	uint64_t due = 0, sent = 0, unsent = 0, acknowledged = 0, unacknowledged = 0;

	for (uint32_t i = 0; i < VICTIMS; i++) {
		const struct debt_client c = { .shm = shm, .client = i, .schedule_index = i };
		struct debt_account a = accounts[i] = debt_settle(&c, terms, &charged);
		struct pacer p;
		pacer_init(&p, &terms->load->epoch, i, VICTIMS);
		for (size_t k = 0; k < terms->changes_count; k++)
			pacer_change(&p, &terms->changes[k].epoch, false, 0);
		due += pacer_owed(&p, counter_read(&shm->control.load_end_ns));
		assert_int_equal(a.sent, a.acknowledged + a.failed + a.unacknowledged);
		sent += a.sent;
		unsent += a.unsent;
		acknowledged += a.acknowledged;
		unacknowledged += a.unacknowledged;
		if (d->driver != &driver_fake)
			continue;
		/* Whatever the driver took over is counted: at most one more, which it was at. */
		uint64_t took = counter_read(&taken[i]);
		assert_in_range(a.sent, took, took + 1);
		assert_true(a.acknowledged <= took);
	}
	debt_count(accounts, shm, &charged);
	agent_shm_snapshot(shm, false, &charged);
	assert_int_equal(charged.counters[COUNTER_SENT], sent);
	assert_int_equal(charged.counters[COUNTER_UNACKNOWLEDGED], unacknowledged);
	if (d->mode == LOAD_PACED) {
		assert_int_equal(sent + unsent, due);
		/* One time for each message that was due, but for the one at hand. */
		uint64_t times = times_of(shm, LATENCY_CORRECTED_PUBLISH, &charged);
		assert_all_but_one(times, due);
		assert_int_equal(times_of(shm, LATENCY_CORRECTED_E2E, &charged), unsent);
	} else {
		assert_int_equal(unsent, 0);
		assert_all_but_one(times_of(shm, LATENCY_PUBLISH, &charged), sent);
	}
	assert_true(acknowledged <= sent);
	snapshot_fini(&charged);
}

static void die_once(const struct death *d, uint64_t after_ns)
{
	static const struct client_spec clients[VICTIMS] = {
		{ .topic = "t", .id = 0, .schedule_index = 0 },
		{ .topic = "t", .id = 1, .schedule_index = 1 },
		{ .topic = "t", .id = 2, .schedule_index = 2 },
	};
	struct agent_shm *shm = map(1, VICTIMS, 65536);
	struct agent_spec spec = { .role = AGENT_PRODUCER,
		                   .driver = d->driver,
		                   .run_id = "test",
		                   .clients = clients,
		                   .clients_count = VICTIMS,
		                   .loops = 1,
		                   .cpu = -1 };
	struct error err;
	int channel[2];

	fake_reset();
	fake_script.on_send = take_and_count;
	fake_script.answers_in_send = d->answers_in_send;
	memset((void *)taken, 0, 4096);
	pid_t pid = start_victim(shm, &spec, channel);
	struct agent_command start = { .tag = 1, .verb = AGENT_VERB_START, .load = full_speed(d) };
	const struct load_spec *load = &start.load;
	uint64_t start_ns = load->epoch.start_ns;
	agent_shm_put_times(shm, &(struct shm_times){ start_ns + MS, start_ns + 400 * MS,
	                                              start_ns + 500 * MS, start_ns, 0 });
	int pool_fd = payload_make(&load->payload, &err);
	assert_true(pool_fd >= 0);
	struct debt_change changes[20];
	struct debt_terms terms = { .load = load, .changes = changes };
	send_command(channel[0], &start, pool_fd, after_ns > MS);
	close(pool_fd);
	uint64_t until_ns = clock_ns() + after_ns;
	for (uint32_t i = 0; i < 20 && d->changes_rate; i++) {
		struct agent_command rate = { .tag = 2 + i, .verb = AGENT_VERB_RATE };
		rate.rate.epoch = (struct pacer_epoch){ start_ns + (20 + 20 * i) * MS,
			                                pacer_micro_per_s(1e6 * (1 + i % 3)) };
		changes[i] = (struct debt_change){ .epoch = rate.rate.epoch };
		terms.changes_count = i + 1;
		send_command(channel[0], &rate, -1, false);
	}
	while (clock_ns() < until_ns)
		;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	terms.closed_ns = start_ns + 30 * S;
	check_books(d, shm, &terms);
	close(channel[0]);
	agent_shm_unmap(shm);
}

static void a_producer_agent_that_dies_at_any_instant_leaves_books_that_close(void **state)
{
	static const struct death deaths[] = {
		{ &driver_null, LOAD_PACED, false, 65536, false },
		{ &driver_null, LOAD_PACED, false, 10, true },
		{ &driver_null, LOAD_UNLIMITED, false, 100, false },
		{ &driver_fake, LOAD_PACED, true, 7, false },
		{ &driver_fake, LOAD_UNLIMITED, true, 7, false },
		{ &driver_fake, LOAD_PACED, false, 1000, true },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(deaths) / sizeof(deaths[0]); k++)
		for (uint64_t i = 0; i < 50; i++)
			die_once(&deaths[k], payload_mix(1, (uint32_t)k, i) % (3 * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_sent_is_charged_as_if_each_were_recorded),
		cmocka_unit_test(changes_of_rate_count_whether_the_agent_heard_of_them_or_not),
		cmocka_unit_test(a_trillion_unsent_messages_cost_no_more_than_their_buckets),
		cmocka_unit_test(without_a_schedule_nothing_is_due),
		cmocka_unit_test(end_to_end_is_charged_only_where_it_is_measured),
		cmocka_unit_test(
			what_was_in_flight_is_unacknowledged_and_as_old_as_the_drain_was_long),
		cmocka_unit_test(a_message_at_hand_when_the_agent_died_is_counted_as_sent),
		cmocka_unit_test(ranges_of_missing_messages_are_charged_as_if_each_were_recorded),
		cmocka_unit_test(a_million_missing_in_one_range_are_all_charged),
		cmocka_unit_test(due_times_are_those_of_the_schedule_since_the_last_change_of_rate),
		cmocka_unit_test(missing_messages_are_told_by_when_they_were_due),
		cmocka_unit_test(what_is_due_late_or_by_another_clock_falls_into_the_last_slot),
		cmocka_unit_test(the_last_slot_does_not_wrap),
		cmocka_unit_test(a_producer_agent_that_dies_at_any_instant_leaves_books_that_close),
	};

	taken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
