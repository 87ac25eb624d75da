/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How a producer loop waits for due times, in a time that this program makes: clock_gettime and
 * epoll_pwait2 are replaced (-Wl,--wrap, tests/unit/meson.build).  The loop runs in the test's own
 * thread; nothing here depends on the machine.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/loop.h"
#include "agent/producer.h"
#include "fake_driver.h"
#include "stats/counter.h"
#include "stats/percentile.h"
#include "util/clock.h"

#define US       UINT64_C(1000)
#define S        UINT64_C(1000000000)
#define CLOCK_NS 20  /* what a reading of the clock takes */
#define POLL_NS  300 /* ... and a look at the descriptors */
#define MESSAGES 1000

static struct {
	uint64_t now_ns;
	uint64_t oversleep_ns; /* so much later than asked a sleeper is woken up */
	uint64_t slept_ns;     /* in all, as asked for */
	uint64_t command_ns;   /* a command comes then; 0 = none */
	bool command_asleep;   /* one comes while the thread is not woken up from its next sleep */
	unsigned sleeps, hiccup_every; /* every so many sleeps are longer; 0 = none is ... */
	uint64_t hiccup_ns;            /* ... by this */
	int channel[2];                /* [0] the parent's end */
	uint32_t tag;
} machine;

int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *mask);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	(void)id;
	machine.now_ns += CLOCK_NS;
	*ts = (struct timespec){
		.tv_sec = (time_t)(machine.now_ns / S),
		.tv_nsec = (long)(machine.now_ns % S),
	};
	return 0;
}

static void command(struct agent_command c, int fd_to_pass)
{
	struct error err;

	c.tag = ++machine.tag;
	if (!channel_send_command(machine.channel[0], &c, fd_to_pass, &err))
		fail_msg("%s", err.text);
}

int __wrap_epoll_pwait2(int fd, struct epoll_event *events, int max, const struct timespec *timeout,
                        const sigset_t *mask)
{
	uint64_t ns = (uint64_t)timeout->tv_sec * S + (uint64_t)timeout->tv_nsec;
	int n;

	(void)mask;
	if (machine.command_ns != 0 && machine.now_ns >= machine.command_ns) {
		machine.command_ns = 0;
		command((struct agent_command){ .verb = AGENT_VERB_CLOSE }, -1);
	}
	n = epoll_wait(fd, events, max, 0);
	machine.now_ns += POLL_NS;
	if (n > 0 || ns == 0)
		return n;
	machine.slept_ns += ns;
	machine.now_ns += ns + machine.oversleep_ns;
	if (machine.hiccup_every != 0 && ++machine.sleeps % machine.hiccup_every == 0)
		machine.now_ns += machine.hiccup_ns;
	if (!machine.command_asleep)
		return 0;
	machine.command_asleep = false;
	command((struct agent_command){ .verb = AGENT_VERB_CLOSE }, -1);
	return epoll_wait(fd, events, max, 0);
}

/* --- one wait ------------------------------------------------------------------------------------- */

static const struct client_spec client = { .topic = "t" };

static struct agent_spec spec(void)
{
	return (struct agent_spec){
		.role = AGENT_PRODUCER,
		.driver = &driver_fake,
		.run_id = "pacing",
		.run = 1,
		.clients = &client,
		.clients_count = 1,
		.loops = 1,
		.cpu = -1,
	};
}

static struct agent_shm *begin(uint64_t oversleep_ns)
{
	static const struct agent_shm_shape shape = { .loops = 1,
		                                      .clients = 1,
		                                      .window_messages = 64 };
	struct error err;

	fake_reset();
	machine.now_ns = 1000 * S;
	machine.oversleep_ns = oversleep_ns;
	machine.slept_ns = machine.command_ns = 0;
	machine.hiccup_every = machine.sleeps = 0;
	machine.command_asleep = false;
	machine.tag = 0;
	struct agent_shm *shm = agent_shm_map(&shape, &err);
	assert_non_null(shm);
	assert_true(channel_open(machine.channel, &err));
	return shm;
}

static void end(struct agent_shm *shm)
{
	agent_shm_unmap(shm);
	close(machine.channel[0]);
	close(machine.channel[1]);
}

/* How late a wait of 1 ms ends. */
static uint64_t wait_once(uint64_t spin_ns, uint64_t oversleep_ns, uint64_t *spun_ns)
{
	struct agent_spec s = spec();
	struct agent_shm *shm = begin(oversleep_ns);
	struct agent_command got;
	struct error err;
	struct loop l;
	int passed_fd;

	assert_true(loop_open(&l, &s, shm, 0, machine.channel[1], &err));
	l.spin_ns = spin_ns;
	uint64_t until_ns = machine.now_ns + 1000 * US;
	assert_false(loop_wait(&l, until_ns, &got, &passed_fd));
	assert_true(machine.now_ns >= until_ns);
	uint64_t late_ns = machine.now_ns - until_ns;
	*spun_ns = counter_read(&l.words->counters[COUNTER_SPUN_NS]);
	loop_close(&l);
	end(shm);
	return late_ns;
}

static void the_end_of_a_wait_is_spun_unless_the_sleep_took_it(void **state)
{
	static const struct {
		uint64_t spin_ns, oversleep_ns; /* so it is asked, and woken up */
		uint64_t late_ns, spun_ns;      /* so it comes out, and at most 1 us more */
	} cases[] = {
		{ 0, 40 * US, 40 * US, 0 },          { 50 * US, 40 * US, 0, 9 * US },
		{ 50 * US, 0, 0, 49 * US },          { 50 * US, 80 * US, 30 * US, 0 },
		{ 2000 * US, 40 * US, 0, 999 * US }, /* longer than the wait: nothing is slept */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t spun_ns;
		uint64_t late_ns = wait_once(cases[i].spin_ns, cases[i].oversleep_ns, &spun_ns);
		assert_in_range(late_ns, cases[i].late_ns, cases[i].late_ns + US);
		assert_in_range(spun_ns, cases[i].spun_ns, cases[i].spun_ns + US);
	}
	assert_int_equal(machine.slept_ns, 0); /* of the last case */
}

static void a_command_that_comes_while_it_spins_is_taken_at_once(void **state)
{
	struct agent_spec s = spec();
	struct agent_shm *shm = begin(10 * US);
	struct agent_command got;
	struct error err;
	struct loop l;
	int passed_fd;

	(void)state;
	assert_true(loop_open(&l, &s, shm, 0, machine.channel[1], &err));
	l.spin_ns = 50 * US;
	uint64_t until_ns = machine.now_ns + 1000 * US;
	machine.command_ns = until_ns - 20 * US;
	assert_true(loop_wait(&l, until_ns, &got, &passed_fd));
	assert_int_equal(got.verb, AGENT_VERB_CLOSE);
	assert_in_range(machine.now_ns, until_ns - 20 * US, until_ns - 19 * US);
	/* It spun for 20 us: from 40 us before the end, when it woke up. */
	assert_in_range(counter_read(&l.words->counters[COUNTER_SPUN_NS]), 19 * US, 21 * US);
	loop_close(&l);
	end(shm);
}

/* --- the sentinel --------------------------------------------------------------------------------- */

static void announce_window(struct agent_shm *shm, uint64_t ns)
{
	counter_set(&shm->control.window_start_ns, machine.now_ns);
	counter_set(&shm->control.window_end_ns, machine.now_ns + ns);
}

static void a_late_wake_up_is_late_for_every_tick_that_it_missed(void **state)
{
	static const struct {
		double tick_ns; /* 0: no schedule */
		bool command;
		uint64_t window_ns, count;
	} cases[] = {
		{ 0, false, S, 1 },
		{ 100e3, false, S, 201 },
		/* Something that comes meanwhile is no excuse. */
		{ 100e3, true, S, 201 },
		{ 1e3, false, S, 201 }, /* of a pass for several messages */
		{ 30e6, false, S, 1 },
		{ 100e3, false, 11000 * US, 100 }, /* the window is over */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct agent_spec s = spec();
		struct agent_shm *shm = begin(20000 * US);
		struct hist_copy late = { 0 };
		struct agent_command got;
		struct error err;
		struct loop l;
		int passed_fd;

		assert_true(loop_open(&l, &s, shm, 0, machine.channel[1], &err));
		if (cases[i].tick_ns > 0)
			loop_set_tick(&l, cases[i].tick_ns);
		announce_window(shm, cases[i].window_ns);
		loop_look(&l, machine.now_ns);
		machine.command_asleep = cases[i].command;
		uint64_t until_ns = machine.now_ns + 1000 * US;
		assert_int_equal(loop_wait(&l, until_ns, &got, &passed_fd), cases[i].command);
		agent_shm_late(shm, &late);
		assert_int_equal(late.count, cases[i].count);
		assert_in_range(late.max, 20000 * US, 20001 * US);
		hist_copy_fini(&late);
		loop_close(&l);
		end(shm);
	}
}

static void what_wakes_a_loop_in_time_is_no_lateness(void **state)
{
	struct agent_spec s = spec();
	struct agent_shm *shm = begin(0);
	struct hist_copy late = { 0 };
	struct agent_command got;
	struct error err;
	struct loop l;
	int passed_fd;

	(void)state;
	assert_true(loop_open(&l, &s, shm, 0, machine.channel[1], &err));
	announce_window(shm, S);
	loop_look(&l, machine.now_ns);
	command((struct agent_command){ .verb = AGENT_VERB_CLOSE }, -1);
	assert_true(loop_wait(&l, machine.now_ns + 1000 * US, &got, &passed_fd));
	agent_shm_late(shm, &late);
	assert_int_equal(late.count, 0);
	hist_copy_fini(&late);
	loop_close(&l);
	end(shm);
}

/* --- whole loads ---------------------------------------------------------------------------------- */

static enum send_status close_after_the_last(uint32_t producer, const struct stamp *stamp,
                                             struct error *err)
{
	(void)producer;
	(void)err;
	if (stamp->sequence + 1 == MESSAGES)
		command((struct agent_command){ .verb = AGENT_VERB_CLOSE }, -1);
	return SEND_QUEUED;
}

static enum send_status busy_first(uint32_t producer, const struct stamp *stamp, struct error *err)
{
	static bool refused;

	if (!refused) {
		refused = true;
		return SEND_BUSY;
	}
	return close_after_the_last(producer, stamp, err);
}

/* MESSAGES at 10,000/s.  What was sent stands in fake_sends. */
static void run_load(enum load_mode mode, uint64_t spin_ns, struct agent_shm *shm)
{
	struct agent_command start = {
		.verb = AGENT_VERB_START,
		.load = {
			.mode = mode,
			.epoch = { .start_ns = machine.now_ns + 1000 * US,
			           .micro_per_s = pacer_micro_per_s(10000) },
			.producers = 1,
			.payload = { .size = 100, .count = 4, .random_ratio = 0.5, .seed = 1 },
			.spin_ns = spin_ns,
			.max_block_ns = 60 * S,
			.window_messages = 64,
			.run = 1,
		},
	};
	struct agent_spec s = spec();
	struct error err = { 0 };

	fake_script.on_send = mode == LOAD_PACED ? close_after_the_last : busy_first;
	fake_script.answers_in_send = true;
	int pool_fd = payload_make(&start.load.payload, &err);
	assert_true(pool_fd >= 0);
	command(start, pool_fd);
	close(pool_fd);
	if (!producer_loop(&s, shm, 0, machine.channel[1], &err))
		fail_msg("%s", err.text);
	assert_true(fake_sends_count >= MESSAGES);
}

static uint64_t lateness_ns(uint32_t i)
{
	assert_true(fake_sends[i].at_ns >= fake_sends[i].stamp.due_ns);
	return fake_sends[i].at_ns - fake_sends[i].stamp.due_ns;
}

static uint64_t spun_ns_of(const struct agent_shm *shm)
{
	uint64_t counters[COUNTER_COUNT] = { 0 };

	agent_shm_count(shm, 0, counters);
	return counters[COUNTER_SPUN_NS];
}

static void asleep_a_message_is_as_late_as_the_loop_is_woken_up(void **state)
{
	struct agent_shm *shm = begin(40 * US);

	(void)state;
	run_load(LOAD_PACED, 0, shm);
	for (uint32_t i = 0; i < MESSAGES; i++)
		assert_in_range(lateness_ns(i), 40 * US, 42 * US);
	assert_int_equal(spun_ns_of(shm), 0);
	end(shm);
}

/* Its percentiles are those of the messages: of the thousand half are due in hiccups of 5 ms. */
static void the_sentinel_sees_what_messages_see(void **state)
{
	static const double wanted[] = { 25, 50, 75, 95, 99 };
	enum { POINTS = sizeof(wanted) / sizeof(wanted[0]) };
	struct agent_shm *shm = begin(40 * US);
	struct hist_copy late = { 0 }, messages = { 0 };
	uint64_t of_sentinel[POINTS], of_messages[POINTS];

	(void)state;
	machine.hiccup_every = 50;
	machine.hiccup_ns = 5000 * US;
	announce_window(shm, 10 * S);
	run_load(LOAD_PACED, 0, shm);
	for (uint32_t i = 0; i < MESSAGES; i++)
		hist_copy_record(&messages, lateness_ns(i), 1);
	agent_shm_late(shm, &late);
	/* Behind the last message it waits for the end. */
	assert_in_range(late.count, MESSAGES - 10, MESSAGES + 10);
	percentile_values(&late, wanted, POINTS, of_sentinel);
	percentile_values(&messages, wanted, POINTS, of_messages);
	assert_in_range(of_messages[0], 40 * US, 42 * US);
	assert_in_range(of_messages[4], 4500 * US, 5100 * US);
	for (int i = 0; i < POINTS; i++)
		assert_in_range(of_sentinel[i], of_messages[i] - of_messages[i] / 20 - 5 * US,
		                of_messages[i] + of_messages[i] / 20 + 5 * US);
	hist_copy_fini(&late);
	hist_copy_fini(&messages);
	end(shm);
}

static void spinning_no_message_is_late_and_what_it_costs_is_counted(void **state)
{
	struct agent_shm *shm = begin(40 * US);

	(void)state;
	run_load(LOAD_PACED, 50 * US, shm);
	for (uint32_t i = 0; i < MESSAGES; i++)
		assert_true(lateness_ns(i) < 2 * US);
	/* 10 us before each message are left of the 50 when it wakes up. */
	assert_in_range(spun_ns_of(shm), 9 * US * MESSAGES, 11 * US * MESSAGES);
	end(shm);
}

static void without_a_schedule_nothing_is_spun(void **state)
{
	struct agent_shm *shm = begin(40 * US);

	(void)state;
	run_load(LOAD_UNLIMITED, 50 * US, shm);
	assert_true(machine.slept_ns >
	            0); /* until the message that was refused was offered again */
	assert_int_equal(spun_ns_of(shm), 0);
	end(shm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_a_wait_is_spun_unless_the_sleep_took_it),
		cmocka_unit_test(a_command_that_comes_while_it_spins_is_taken_at_once),
		cmocka_unit_test(asleep_a_message_is_as_late_as_the_loop_is_woken_up),
		cmocka_unit_test(a_late_wake_up_is_late_for_every_tick_that_it_missed),
		cmocka_unit_test(what_wakes_a_loop_in_time_is_no_lateness),
		cmocka_unit_test(the_sentinel_sees_what_messages_see),
		cmocka_unit_test(spinning_no_message_is_late_and_what_it_costs_is_counted),
		cmocka_unit_test(without_a_schedule_nothing_is_spun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
