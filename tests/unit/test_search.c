/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the maximum rate, against simulated brokers of known capacity. */
#include "load/search.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TICK_NS           UINT64_C(1000000)

#define LATENCY_TICKS_MAX 16384

/* A queue in front of a broker, one behind it for each subscription. */
struct broker {
	double capacity_per_s;  /* of publishing */
	double consumers_per_s; /* of each subscription's consumers; 0 = no limit */
	unsigned subscriptions;
	double noise;        /* capacity of each 20 ms varies by this share, uniformly */
	unsigned latency_ms; /* of an acknowledgement */
	double window;       /* in flight at most; 0 = no limit */
	unsigned stall_every_ms, stall_ms;
	unsigned outage_at_s, outage_s;
	unsigned weaker_at_s; /* capacity drops to this share for good */
	double weaker;
	unsigned seed;
	double lost; /* share of acknowledged messages that never arrive */
	bool fails;  /* every message, at once */
};

struct simulation {
	struct broker b;
	double rate_per_s, debt, queue, behind, carry;
	double sent, acknowledged, failed, received;
	double late[LATENCY_TICKS_MAX];
	unsigned tick, seed;
	double pace;
};

static double noise(struct simulation *s)
{
	s->seed = s->seed * 1103515245u + 12345u;
	return (double)(s->seed >> 8) / (double)(1u << 24) * 2 - 1;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static bool is_down(const struct simulation *s)
{
	const struct broker *b = &s->b;

	return (b->stall_every_ms > 0 && s->tick % b->stall_every_ms < b->stall_ms) ||
	       (b->outage_s > 0 && s->tick / 1000 >= b->outage_at_s &&
	        s->tick / 1000 < b->outage_at_s + b->outage_s);
}

static void tick(struct simulation *s)
{
	const struct broker *b = &s->b;
	double per_tick = 1e-9 * (double)TICK_NS;
	double in_flight = s->sent - s->acknowledged;

	if (s->tick % 20 == 0)
		s->pace = 1 + b->noise * noise(s);
	double capacity = b->capacity_per_s * s->pace;
	if (b->weaker_at_s > 0 && s->tick / 1000 >= b->weaker_at_s)
		capacity *= b->weaker;
	if (is_down(s))
		capacity = 0;

	s->debt += s->rate_per_s * per_tick;
	double sends = b->window > 0 ? least(s->debt, b->window - in_flight) : s->debt;
	sends = sends > 0 ? sends : 0;
	s->debt -= sends;
	s->sent += sends;
	*(b->fails ? &s->failed : &s->queue) += sends;

	double served = least(s->queue, capacity * per_tick);
	s->queue -= served;
	s->late[s->tick % LATENCY_TICKS_MAX] = served;
	if (s->tick >= b->latency_ms)
		s->acknowledged += s->late[(s->tick - b->latency_ms) % LATENCY_TICKS_MAX];
	s->behind += served * (1 - b->lost);
	double consumed = b->consumers_per_s > 0 ? least(s->behind, b->consumers_per_s * per_tick)
	                                         : s->behind;
	s->behind -= consumed;
	s->received += consumed * b->subscriptions;
	s->tick++;
}

static struct search_sample sample(const struct simulation *s)
{
	return (struct search_sample){
		.at_ns = s->tick * TICK_NS,
		.sent = (uint64_t)s->sent,
		.acknowledged = (uint64_t)s->acknowledged,
		.failed = (uint64_t)s->failed,
		.received = (uint64_t)s->received,
	};
}

static void apply(struct simulation *s, const struct search_decision *d)
{
	if (!d->change)
		return;
	s->rate_per_s = d->rate_per_s;
	s->debt = 0; /* forgiven */
}

struct outcome {
	bool converged;
	double rate_per_s, time_s, rate_most_per_s;
	unsigned trials, changes_after;
	double rate_at_end_per_s, left_at_end, left_when_held;
	double gave_up_s; /* when; 0 = it did not */
	const char *gave_up_word;
	unsigned readings;
	double least_refused_per_s, most_refused_per_s;
};

static char *no_environment(const char *name)
{
	(void)name;
	return NULL;
}

static struct search_options options_for(unsigned subscriptions)
{
	struct search_options o;
	struct error err = { 0 };

	assert_true(search_options_init(&o, subscriptions, no_environment, &err));
	return o;
}

/* The lowest and the highest that was carried at a rate that was not sustained. */
static void refused_range(const struct search_reading *readings, unsigned count,
                          double *least_per_s, double *most_per_s)
{
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		double carried = readings[i].carried_per_s;
		if (readings[i].sustained)
			continue;
		*least_per_s = any ? fmin(*least_per_s, carried) : carried;
		*most_per_s = any ? fmax(*most_per_s, carried) : carried;
		any = true;
	}
}

static struct outcome run(const struct broker *b, const struct search_options *o, unsigned total_s)
{
	struct simulation *s = calloc(1, sizeof(*s));
	struct search search;
	struct outcome out = { 0 };

	assert_non_null(s);
	s->b = *b;
	s->seed = b->seed + 7;
	struct search_sample now = sample(s);
	struct search_decision d = search_init(&search, o, &now);
	apply(s, &d);
	while (s->tick < total_s * 1000) {
		tick(s);
		if (s->tick * TICK_NS < d.next_ns)
			continue;
		now = sample(s);
		d = search_step(&search, &now);
		apply(s, &d);
		if (d.rate_per_s > out.rate_most_per_s)
			out.rate_most_per_s = d.rate_per_s;
		if (out.converged && d.change)
			out.changes_after++;
		if (d.gave_up && out.gave_up_s == 0)
			out.gave_up_s = s->tick / 1000.0;
		out.gave_up_word = search.gave_up_word;
		if (d.converged && !out.converged) {
			out.converged = true;
			out.rate_per_s = d.rate_per_s;
			out.time_s = s->tick / 1000.0;
			out.trials = search.trials;
			out.left_when_held = s->sent - s->acknowledged + s->behind;
		}
	}
	out.readings = search.readings_count;
	refused_range(search.readings, search.readings_count, &out.least_refused_per_s,
	              &out.most_refused_per_s);
	out.rate_at_end_per_s = d.rate_per_s;
	out.left_at_end = s->sent - s->acknowledged + s->behind + s->debt;
	free(s);
	return out;
}

struct planted {
	const char *name;
	struct broker broker;
	double answer_per_s;
};

static const struct planted table[] = {
	{ "near the start", { .capacity_per_s = 15000, .subscriptions = 1 }, 15000 },
	{ "50 k", { .capacity_per_s = 50000, .subscriptions = 1 }, 50000 },
	{ "just above a step of the ramp", { .capacity_per_s = 40100, .subscriptions = 1 }, 40100 },
	{ "just below a step of the ramp", { .capacity_per_s = 39900, .subscriptions = 1 }, 39900 },
	{ "100 times the start", { .capacity_per_s = 1e6, .subscriptions = 1 }, 1e6 },
	{ "250 times the start",
	  { .capacity_per_s = 2.5e6, .subscriptions = 1, .window = 65536 },
	  2.5e6 },
	{ "a third of the start", { .capacity_per_s = 3000, .subscriptions = 1 }, 3000 },
	{ "a hundredth of the start", { .capacity_per_s = 100, .subscriptions = 1 }, 100 },
	{ "20 a second", { .capacity_per_s = 20, .subscriptions = 1 }, 20 },
	{ "4 a second", { .capacity_per_s = 4, .subscriptions = 1 }, 4 },
	{ "5 million a second", { .capacity_per_s = 5e6, .subscriptions = 1 }, 5e6 },
	{ "no subscription", { .capacity_per_s = 77000, .subscriptions = 0 }, 77000 },
	{ "three subscriptions", { .capacity_per_s = 77000, .subscriptions = 3 }, 77000 },
	{ "slow consumers",
	  { .capacity_per_s = 1e6, .consumers_per_s = 60000, .subscriptions = 1 },
	  60000 },
	{ "slow consumers of two",
	  { .capacity_per_s = 1e5, .consumers_per_s = 4000, .subscriptions = 2 },
	  4000 },
	{ "slow consumers of three",
	  { .capacity_per_s = 1e5, .consumers_per_s = 30000, .subscriptions = 3 },
	  30000 },
	{ "a window in flight",
	  { .capacity_per_s = 50000, .window = 5000, .subscriptions = 1 },
	  50000 },
	{ "noise of 10 %", { .capacity_per_s = 80000, .noise = 0.1, .subscriptions = 1 }, 80000 },
	{ "noise of 30 %", { .capacity_per_s = 33000, .noise = 0.3, .subscriptions = 2 }, 33000 },
	{ "300 ms to acknowledge",
	  { .capacity_per_s = 50000, .latency_ms = 300, .subscriptions = 1 },
	  50000 },
	{ "1.5 s to acknowledge",
	  { .capacity_per_s = 50000, .latency_ms = 1500, .subscriptions = 1 },
	  50000 },
	{ "stalls of 60 ms each 3 s",
	  { .capacity_per_s = 50000, .stall_every_ms = 3000, .stall_ms = 60, .subscriptions = 1 },
	  49000 },
	{ "one message in a hundred lost",
	  { .capacity_per_s = 50000, .lost = 0.01, .subscriptions = 1 },
	  50000 },
};

static void every_planted_capacity_is_found_within_5_percent(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct search_options o = options_for(table[i].broker.subscriptions);
		struct outcome out = run(&table[i].broker, &o, 180);
		double ratio = out.rate_per_s / table[i].answer_per_s;
		if (!out.converged || ratio < 0.95 || ratio > 1.05)
			fail_msg("%s: found %.1f", table[i].name, out.rate_per_s);
	}
}

static void it_takes_few_steps_and_little_time(void **state)
{
	(void)state;
	double capacity = 10500;

	for (unsigned i = 0; i < 18; i++, capacity *= 1.37) {
		struct broker b = { .capacity_per_s = capacity, .noise = 0.05, .subscriptions = 1 };
		struct search_options o = options_for(1);
		struct outcome out = run(&b, &o, 60);
		assert_true(out.converged);
		assert_in_range(out.trials, 1, 15);
		assert_in_range((unsigned)out.time_s, 1, 35);
		assert_true(fabs(out.rate_per_s / capacity - 1) < 0.05);
	}
}

static void it_stays_where_it_ended(void **state)
{
	(void)state;
	static const double capacities[] = { 3000, 15000, 50000, 1e6 };

	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		struct broker b = { .capacity_per_s = capacities[i],
			            .noise = 0.02,
			            .subscriptions = 2 };
		struct search_options o = options_for(2);
		struct outcome out = run(&b, &o, 600);
		assert_true(out.converged);
		assert_int_equal(out.changes_after, 0);
		assert_true(out.left_at_end < out.rate_per_s); /* less than a second's worth */
	}
}

static void it_never_goes_up_again(void **state)
{
	(void)state;
	/* So noisy that the rate found may not hold: it may only go down, a few times. */
	for (unsigned seed = 1; seed < 20; seed++) {
		struct broker b = {
			.capacity_per_s = 33000, .noise = 0.5, .subscriptions = 1, .seed = seed
		};
		struct search_options o = options_for(1);
		struct outcome out = run(&b, &o, 300);
		assert_true(out.converged);
		assert_true(out.rate_at_end_per_s <= out.rate_per_s);
		assert_true(out.rate_at_end_per_s > 33000 * 0.8);
		assert_in_range(out.changes_after, 0, 6); /* three times down, each with a drain */
	}
}

static void the_overshoot_is_gone_when_it_begins_to_hold(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 21000, .consumers_per_s = 9000, .subscriptions = 2 };
	struct search_options o = options_for(2);
	struct outcome out = run(&b, &o, 120);

	assert_true(out.converged);
	assert_true(out.left_when_held < 9000 * 0.01);
}

static void it_never_asks_for_more_than_twice_the_capacity(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 110000, .subscriptions = 1 };
	struct search_options o = options_for(1);

	assert_true(run(&b, &o, 60).rate_most_per_s <= 2 * 110000);
}

static void an_outage_after_it_ended_changes_nothing(void **state)
{
	(void)state;
	struct broker b = {
		.capacity_per_s = 50000, .subscriptions = 1, .outage_at_s = 100, .outage_s = 8
	};
	struct search_options o = options_for(1);
	struct outcome out = run(&b, &o, 200);

	assert_true(out.converged);
	assert_int_equal(out.changes_after, 0);
}

static void a_lasting_loss_of_capacity_is_followed_down(void **state)
{
	(void)state;
	static const double shares[] = { 0.8, 0.5, 0.1 };

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct broker b = { .capacity_per_s = 50000,
			            .subscriptions = 1,
			            .weaker_at_s = 60,
			            .weaker = shares[i] };
		struct search_options o = options_for(1);
		struct outcome out = run(&b, &o, 400);
		double capacity = 50000 * shares[i];
		if (out.rate_at_end_per_s >= capacity || out.rate_at_end_per_s < capacity * 0.85)
			fail_msg("%g of it: ended at %.1f", shares[i], out.rate_at_end_per_s);
		if (shares[i] >= 0.5) /* below, draining takes longer than it is waited for */
			assert_true(out.left_at_end < capacity);
	}
}

static void the_highest_rate_ends_the_ramp(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 1e9, .subscriptions = 0 };
	struct search_options o = options_for(0);

	o.max_per_s = 70000;
	struct outcome out = run(&b, &o, 30);
	assert_true(out.converged);
	assert_true(out.rate_per_s == 70000);
}

static void a_broker_that_carries_nothing_has_no_answer(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 0, .subscriptions = 1 };
	struct search_options o = options_for(1);
	struct outcome out = run(&b, &o, 290);

	assert_false(out.converged);
	assert_true(out.gave_up_s > 0 && out.gave_up_s < 60);
	assert_string_equal(out.gave_up_word, "nothing at all arrived");
	assert_true(out.readings >= 1 && out.most_refused_per_s == 0);
}

static void less_than_one_a_second_is_no_answer(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 0.4, .subscriptions = 1 };
	struct search_options o = options_for(1);
	struct outcome out = run(&b, &o, 290);

	assert_false(out.converged);
	assert_true(out.gave_up_s > 0);
	assert_string_equal(out.gave_up_word, "not even the lowest rate, 1 msg/s, was sustained");
}

static void it_gives_up_soon_where_every_message_fails(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 1e6, .subscriptions = 1, .fails = true };
	struct search_options o = options_for(1);
	struct outcome out = run(&b, &o, 60);

	assert_false(out.converged);
	assert_true(out.gave_up_s > 0 && out.gave_up_s < 20);
	assert_string_equal(out.gave_up_word, "whatever was sent failed");
}

/* 3 messages a second: the first steps must not leave the broker with work for minutes, nor may the
 * tolerance of a few messages pass for capacity. */
static void a_slow_broker_is_not_buried(void **state)
{
	(void)state;
	static const double capacities[] = { 1.5, 3, 7, 12 };

	for (size_t i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		struct broker b = { .capacity_per_s = capacities[i], .subscriptions = 1 };
		struct search_options o = options_for(1);
		struct outcome out = run(&b, &o, 300);
		if (!out.converged || out.rate_per_s > capacities[i] * 1.1 ||
		    out.rate_per_s < capacities[i] * 0.7)
			fail_msg("%g/s: found %.2f", capacities[i], out.rate_per_s);
		assert_true(out.left_when_held < 10);
	}
}

/* Whatever the broker: what is held was carried, or there is no answer, and it comes in time. */
static void nothing_is_held_that_was_not_carried(void **state)
{
	(void)state;
	static const struct broker brokers[] = {
		{ .capacity_per_s = 20000, .latency_ms = 10000, .subscriptions = 1 },
		{ .capacity_per_s = 20, .latency_ms = 10000, .subscriptions = 1 },
		{ .capacity_per_s = 50000, .noise = 0.3, .subscriptions = 2, .latency_ms = 2000 },
		{ .capacity_per_s = 300, .noise = 0.3, .subscriptions = 1 },
		{ .capacity_per_s = 5, .noise = 0.3, .subscriptions = 1 },
		{ .capacity_per_s = 50000, .subscriptions = 1, .outage_at_s = 2, .outage_s = 30 },
		{ .capacity_per_s = 50000,
		  .subscriptions = 1,
		  .stall_every_ms = 9000,
		  .stall_ms = 4000 },
		{ .capacity_per_s = 1e5, .consumers_per_s = 2, .subscriptions = 3 },
	};

	for (size_t i = 0; i < sizeof(brokers) / sizeof(brokers[0]); i++) {
		const struct broker *b = &brokers[i];
		struct search_options o = options_for(b->subscriptions);
		struct outcome out = run(b, &o, 300);
		double most = b->consumers_per_s > 0 ? b->consumers_per_s : b->capacity_per_s;
		if (out.converged && out.rate_per_s > most * 1.1)
			fail_msg("broker %zu: %.2f held, %.2f is its capacity", i, out.rate_per_s,
			         most);
	}
}

static void a_rate_that_went_down_counts_once_it_held(void **state)
{
	(void)state;
	struct search_options o = options_for(1);
	struct search search;
	struct search_sample now = { 0 };
	struct search_decision d;

	/* Held, and then nothing more than a tenth of it is carried. */
	(void)search_init(&search, &o, &now);
	search.phase = SEARCH_HOLD;
	search.confirmed = true;
	search.trial = (struct search_trial){ .rate_per_s = 1000, .settled = true };
	bool went_down = false;
	for (unsigned i = 0; i < 1000; i++) {
		now.at_ns += UINT64_C(1000000000);
		now.sent += 1000;
		now.acknowledged = now.received = now.received + 600;
		d = search_step(&search, &now);
		went_down = went_down || d.change;
		if (went_down)
			break;
	}
	assert_true(went_down);
	assert_false(
		d.converged); /* nor while the rest is drained, nor before it is seen to hold */
	now.at_ns = d.next_ns;
	now.acknowledged = now.received = now.sent;
	d = search_step(&search, &now);
	assert_int_equal(d.phase, SEARCH_HOLD);
	assert_false(d.converged);
	double rate = d.rate_per_s;
	for (unsigned i = 0; i < 2; i++) {
		double s = (double)(d.next_ns - now.at_ns) / 1e9;
		now.at_ns = d.next_ns;
		now.sent = now.acknowledged = now.received = now.sent + (uint64_t)(rate * s);
		d = search_step(&search, &now);
	}
	assert_true(d.converged && d.rate_per_s == rate);
}

static void when_time_is_up_the_best_rate_is_held_or_none(void **state)
{
	(void)state;
	struct search_options o = options_for(1);
	struct search search;
	struct search_sample now = { .at_ns = 1 };

	(void)search_init(&search, &o, &now);
	assert_true(search_conclude(&search, &now).gave_up);
	/* The lowest rate was never tried. */
	assert_string_equal(search.gave_up_word, "no rate was confirmed in time");

	(void)search_init(&search, &o, &now);
	search.good_per_s = 4000;
	search.bad_per_s = 16000;
	search.trial.rate_per_s = 8000;
	now.sent = 9000; /* left by the trial that is cut short */
	struct search_decision d = search_conclude(&search, &now);
	assert_true(d.change && !d.converged && !d.gave_up);
	now.acknowledged = now.received = now.sent;
	now.at_ns = d.next_ns;
	d = search_step(&search, &now);
	assert_true(d.converged && d.rate_per_s == 4000);
}

static void the_readings_of_refused_rates_are_told(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 33000, .noise = 0.3, .subscriptions = 1 };
	struct search_options o = options_for(1);
	struct outcome out = run(&b, &o, 60);

	assert_true(out.readings > 0 && out.readings <= SEARCH_READINGS_MAX);
	assert_true(out.least_refused_per_s > 33000 * 0.6);
	assert_true(out.most_refused_per_s >= out.least_refused_per_s);
	assert_true(out.most_refused_per_s < 33000 * 1.3);
}

static void a_limit_of_omb_is_a_number_of_messages(void **state)
{
	(void)state;
	/* Short by 5 % of 50,000 in a window of a second: 2,500. */
	struct broker b = { .capacity_per_s = 47500, .subscriptions = 1 };
	struct search_options o = options_for(1);

	o.start_per_s = 50000;
	o.max_per_s = 50000;
	o.publish_backlog_limit = 10000;
	o.receive_backlog_limit = 10000;
	assert_true(run(&b, &o, 60).rate_per_s == 50000);
	o.publish_backlog_limit = 2000;
	assert_true(run(&b, &o, 60).rate_per_s < 49000);
}

static void a_smaller_ramping_factor_makes_smaller_steps(void **state)
{
	(void)state;
	struct broker b = { .capacity_per_s = 100000, .subscriptions = 1 };
	struct search_options o = options_for(1);

	o.max_ramping = 0.25;
	struct outcome out = run(&b, &o, 120);
	assert_true(out.rate_most_per_s < 125000);
	assert_true(fabs(out.rate_per_s / 100000 - 1) < 0.05);
}

/* --- environment ------------------------------------------------------------------------------- */

static const char *env_name, *env_value;

static char *one_variable(const char *name)
{
	return strcmp(name, env_name) == 0 ? (char *)(uintptr_t)env_value : NULL;
}

static void ombs_environment_parameters_are_taken(void **state)
{
	(void)state;
	struct search_options o;
	struct error err = { 0 };

	env_name = "PUBLISH_BACKLOG_LIMIT";
	env_value = "5000";
	assert_true(search_options_init(&o, 1, one_variable, &err));
	assert_true(o.publish_backlog_limit == 5000);
	env_name = "RECEIVE_BACKLOG_LIMIT";
	assert_true(search_options_init(&o, 1, one_variable, &err));
	assert_true(o.receive_backlog_limit == 5000 && o.publish_backlog_limit == 0);
	env_name = "MIN_RAMPING_FACTOR";
	env_value = "0.1";
	assert_true(search_options_init(&o, 1, one_variable, &err));
	assert_true(o.min_ramping == 0.1);
	env_name = "MAX_RAMPING_FACTOR";
	env_value = "0.5";
	assert_true(search_options_init(&o, 1, one_variable, &err));
	assert_true(o.max_ramping == 0.5);
}

static void an_environment_parameter_that_does_not_parse_is_an_error(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *want;
	} cases[] = {
		{ "PUBLISH_BACKLOG_LIMIT", "many",
		  "environment: PUBLISH_BACKLOG_LIMIT: \"many\" is not a number" },
		{ "RECEIVE_BACKLOG_LIMIT", "10x",
		  "environment: RECEIVE_BACKLOG_LIMIT: \"10x\" is not a number" },
		{ "MIN_RAMPING_FACTOR", "nan",
		  "environment: MIN_RAMPING_FACTOR: \"nan\" is not a number" },
		{ "MAX_RAMPING_FACTOR", "-1", "environment: MAX_RAMPING_FACTOR: -1 is below 0.01" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct search_options o;
		struct error err = { 0 };
		env_name = cases[i].name;
		env_value = cases[i].value;
		assert_false(search_options_init(&o, 1, one_variable, &err));
		assert_int_equal(err.kind, ERROR_CONFIG);
		assert_string_equal(err.text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_planted_capacity_is_found_within_5_percent),
		cmocka_unit_test(it_takes_few_steps_and_little_time),
		cmocka_unit_test(it_stays_where_it_ended),
		cmocka_unit_test(it_never_goes_up_again),
		cmocka_unit_test(the_overshoot_is_gone_when_it_begins_to_hold),
		cmocka_unit_test(it_never_asks_for_more_than_twice_the_capacity),
		cmocka_unit_test(an_outage_after_it_ended_changes_nothing),
		cmocka_unit_test(a_lasting_loss_of_capacity_is_followed_down),
		cmocka_unit_test(the_highest_rate_ends_the_ramp),
		cmocka_unit_test(a_broker_that_carries_nothing_has_no_answer),
		cmocka_unit_test(less_than_one_a_second_is_no_answer),
		cmocka_unit_test(it_gives_up_soon_where_every_message_fails),
		cmocka_unit_test(a_slow_broker_is_not_buried),
		cmocka_unit_test(nothing_is_held_that_was_not_carried),
		cmocka_unit_test(a_rate_that_went_down_counts_once_it_held),
		cmocka_unit_test(when_time_is_up_the_best_rate_is_held_or_none),
		cmocka_unit_test(the_readings_of_refused_rates_are_told),
		cmocka_unit_test(a_limit_of_omb_is_a_number_of_messages),
		cmocka_unit_test(a_smaller_ramping_factor_makes_smaller_steps),
		cmocka_unit_test(ombs_environment_parameters_are_taken),
		cmocka_unit_test(an_environment_parameter_that_does_not_parse_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
