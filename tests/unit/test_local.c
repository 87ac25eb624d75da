/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local worker with real agents on the null and loopback drivers: every verb, and every way
 * in which a process may die.
 */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/arena.h"
#include "util/clock.h"
#include "worker/local.h"

#define RUN_ID 4711
#define MS     UINT64_C(1000000)
#define S      UINT64_C(1000000000)

struct fixture {
	struct arena arena;
	const char *driver_yaml;
	struct deal_spec deal;
	struct worker *w;
	const char *const *topics;
};

static struct worker_call call_of(struct fixture *f, enum worker_verb verb)
{
	return (struct worker_call){ .verb = verb, .arena = &f->arena };
}

/* Waits for the call to complete; the worker's own limits end it. */
static bool complete(struct fixture *f, struct worker_call *call)
{
	struct pollfd p = { .fd = worker_fd(f->w), .events = POLLIN };
	uint64_t limit_ns = clock_ns() + 60 * S;

	worker_start(f->w, call);
	while (call->state == CALL_RUNNING) {
		assert_true(clock_ns() < limit_ns);
		poll(&p, 1, 100);
		worker_serve(f->w);
	}
	return call->state == CALL_DONE;
}

static void must(struct fixture *f, struct worker_call *call)
{
	if (!complete(f, call))
		fail_msg("%s: %s", worker_verb_name(call->verb), call->err.text);
}

static void do_verb(struct fixture *f, enum worker_verb verb)
{
	struct worker_call call = call_of(f, verb);

	must(f, &call);
}

/* The loopback broker's socket is named after it: this program may run twice at once. */
static const char *own_run_id(void)
{
	static char id[32];

	snprintf(id, sizeof(id), "test%d", (int)getpid());
	return id;
}

static struct worker_call initialize_call(struct fixture *f)
{
	struct worker_call call = call_of(f, WORKER_INITIALIZE_DRIVER);

	call.initialize = (struct worker_initialize){
		.path = "d.yaml",
		.text = f->driver_yaml,
		.text_len = strlen(f->driver_yaml),
		.run_id = own_run_id(),
		.run = RUN_ID,
	};
	return call;
}

static void initialize(struct fixture *f)
{
	struct worker_call call = initialize_call(f);

	must(f, &call);
	assert_true(call.initialize.rows.count > 0);
}

static void open_worker(struct fixture *f, const char *driver_yaml, struct deal_spec deal)
{
	*f = (struct fixture){ .driver_yaml = driver_yaml, .deal = deal };
	f->w = worker_local_create();
	initialize(f);
}

static void create_topics(struct fixture *f, uint32_t topics, uint32_t partitions)
{
	struct worker_call call = call_of(f, WORKER_CREATE_TOPICS);

	call.create_topics = (struct worker_create_topics){ topics, partitions, NULL };
	must(f, &call);
	f->topics = call.create_topics.names;
}

static void create_producers(struct fixture *f, uint32_t count)
{
	struct worker_call call = call_of(f, WORKER_CREATE_PRODUCERS);
	const char **topics = arena_alloc(&f->arena, count * sizeof(*topics));

	for (uint32_t i = 0; i < count; i++)
		topics[i] = f->topics[0];
	call.create_producers = (struct worker_create_producers){ .topics = topics,
		                                                  .count = count,
		                                                  .deal = f->deal };
	must(f, &call);
}

static void create_consumers(struct fixture *f, uint32_t count, uint32_t partitions)
{
	struct worker_call call = call_of(f, WORKER_CREATE_CONSUMERS);
	struct worker_subscription *items = arena_alloc(&f->arena, count * sizeof(*items));

	for (uint32_t i = 0; i < count; i++)
		items[i] = (struct worker_subscription){ f->topics[0], "omb-test-sub" };
	call.create_consumers = (struct worker_create_consumers){
		.items = items, .count = count, .partitions = partitions, .deal = f->deal
	};
	must(f, &call);
}

/* A load of `rate` for `length_ns`, all of it measured; returns when it begins. */
static uint64_t start_load(struct fixture *f, double rate, uint32_t producers, uint64_t length_ns)
{
	struct worker_call window = call_of(f, WORKER_SET_WINDOW);
	struct worker_call load = call_of(f, WORKER_START_LOAD);
	uint64_t start_ns = clock_ns() + 100 * MS;

	window.window =
		(struct worker_window){ start_ns, start_ns + length_ns, start_ns + length_ns };
	must(f, &window);
	load.load = (struct load_spec){
		.mode = LOAD_PACED,
		.epoch = { start_ns, pacer_micro_per_s(rate) },
		.producers = producers,
		.payload = { .size = 100, .count = 10 },
		.wake_interval_ns = 100000,
		.max_block_ns = 60 * S,
		.window_messages = 1000,
		.run = RUN_ID,
	};
	must(f, &load);
	return start_ns;
}

static uint64_t counter_now(struct fixture *f, enum counter which)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);

	must(f, &call);
	uint64_t value = call.totals.snapshot.counters[which];
	snapshot_fini(&call.totals.snapshot);
	return value;
}

static void wait_counter(struct fixture *f, enum counter which, uint64_t value)
{
	struct pollfd p = { .fd = worker_fd(f->w), .events = POLLIN };
	uint64_t limit_ns = clock_ns() + 30 * S;

	while (counter_now(f, which) < value) {
		if (clock_ns() > limit_ns)
			fail_msg("%s is %llu, not %llu in time", counter_name(which),
			         (unsigned long long)counter_now(f, which),
			         (unsigned long long)value);
		poll(&p, 1, 10);
		worker_serve(f->w);
	}
}

static struct fact_totals finish(struct fixture *f)
{
	struct worker_call call = call_of(f, WORKER_FINISH);

	must(f, &call);
	return call.finish.totals;
}

static struct fact_agent agent_now(struct fixture *f, enum agent_role role, unsigned index)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);
	struct fact_agent found = { 0 };

	must(f, &call);
	for (size_t i = 0; i < call.totals.agents_count; i++)
		if (call.totals.agents[i].role == role && call.totals.agents[i].index == index)
			found = call.totals.agents[i];
	snapshot_fini(&call.totals.snapshot);
	assert_true(found.pid > 0);
	return found;
}

static const struct fact_event *find_event(struct fixture *f, enum fact_event_kind kind)
{
	struct worker_call call = call_of(f, WORKER_EVENTS);

	must(f, &call);
	for (size_t i = 0; i < call.events.count; i++)
		if (call.events.items[i].kind == kind)
			return &call.events.items[i];
	return NULL;
}

static const struct fact_event *wait_event(struct fixture *f, enum fact_event_kind kind)
{
	struct pollfd p = { .fd = worker_fd(f->w), .events = POLLIN };
	uint64_t limit_ns = clock_ns() + 20 * S;
	const struct fact_event *event;

	while ((event = find_event(f, kind)) == NULL) {
		assert_true(clock_ns() < limit_ns);
		poll(&p, 1, 10);
		worker_serve(f->w);
	}
	return event;
}

/* Ends the worker; no child may be left, not even a zombie. */
static void close_worker(struct fixture *f)
{
	worker_destroy(f->w);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	arena_fini(&f->arena);
}

static const struct deal_spec per_client = { .mode = DEAL_PER_CLIENT, .loops = 1, .cpus = 2 };
static const struct deal_spec per_core = { .mode = DEAL_PER_CORE, .loops = 1, .cpus = 2 };
static const struct deal_spec threaded = {
	.mode = DEAL_NUMBER, .agents = 2, .loops = 3, .cpus = 2
};

static void a_load_is_exact_whatever_agents_it_is_dealt_to(void **state)
{
	static const struct {
		const struct deal_spec *deal;
		size_t agents;
	} cases[] = { { &per_client, 7 }, { &per_core, 2 }, { &threaded, 2 } };

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct fixture f;
		open_worker(&f, "driver: \"null\"\n", *cases[c].deal);
		create_topics(&f, 1, 1);
		create_producers(&f, 7);
		do_verb(&f, WORKER_PROBE_PRODUCERS);
		start_load(&f, 7000, 7, S / 2);
		wait_counter(&f, COUNTER_ACKNOWLEDGED, 3500);

		struct fact_totals t = finish(&f);
		assert_int_equal(t.agents_count, cases[c].agents);
		assert_int_equal(t.snapshot.counters[COUNTER_SENT], 3500);
		assert_int_equal(t.snapshot.counters[COUNTER_ACKNOWLEDGED], 3500);
		assert_int_equal(t.snapshot.counters[COUNTER_PROBES_ACKED], 7);
		assert_int_equal(t.snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH].count,
		                 3500);
		assert_int_equal(t.producers_count, 7);
		for (size_t i = 0; i < 7; i++)
			assert_int_equal(t.producers[i].acknowledged, 500);
		for (size_t i = 0; i < t.agents_count; i++)
			assert_false(t.agents[i].lost);
		fact_totals_fini(&t);
		close_worker(&f);
	}
}

static void intervals_add_up_to_the_totals(void **state)
{
	struct fixture f;
	struct snapshot sum = { 0 };

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_core);
	create_topics(&f, 1, 1);
	create_producers(&f, 2);
	start_load(&f, 50000, 2, S / 2);
	for (int i = 0; i < 8; i++) {
		struct worker_call period = call_of(&f, WORKER_PERIOD_STATS);
		wait_counter(&f, COUNTER_ACKNOWLEDGED, (uint64_t)i * 3000);
		must(&f, &period);
		snapshot_add(&sum, &period.period.interval);
		snapshot_fini(&period.period.interval);
	}
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 25000);
	struct worker_call last = call_of(&f, WORKER_PERIOD_STATS);
	must(&f, &last);
	snapshot_add(&sum, &last.period.interval);
	snapshot_fini(&last.period.interval);
	assert_int_equal(last.period.totals.sent, 25000);

	struct fact_totals t = finish(&f);
	for (int c = 0; c < COUNTER_COUNT; c++)
		if (c != COUNTER_WAKEUPS) /* the loops wake up to be closed */
			assert_int_equal(sum.counters[c], t.snapshot.counters[c]);
	for (int l = 0; l < LATENCY_COUNT; l++) {
		struct hist_copy a = { 0 }, b = { 0 };
		snapshot_latency(&sum, (enum latency)l, &a);
		snapshot_latency(&t.snapshot, (enum latency)l, &b);
		assert_int_equal(a.count, b.count);
		assert_int_equal(a.sum, b.sum);
		hist_copy_fini(&a);
		hist_copy_fini(&b);
	}
	snapshot_fini(&sum);
	fact_totals_fini(&t);
	close_worker(&f);
}

static void a_killed_producer_agent_leaves_its_counts_and_is_told(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_client);
	create_topics(&f, 1, 1);
	create_producers(&f, 2);
	start_load(&f, 2000, 2, 10 * S);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 200);
	struct fact_agent victim = agent_now(&f, AGENT_PRODUCER, 0);
	kill(victim.pid, SIGKILL);
	const struct fact_event *event = wait_event(&f, EVENT_AGENT_LOST);
	assert_int_equal(event->role, AGENT_PRODUCER);
	assert_int_equal(event->agent, 0);
	assert_string_equal(event->text, "killed by signal 9 (Killed)");

	uint64_t before = counter_now(&f, COUNTER_ACKNOWLEDGED);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, before + 100); /* the other goes on */
	struct fact_totals t = finish(&f);
	assert_int_equal(t.agents_count, 2);
	assert_true(t.agents[0].lost);
	assert_true(t.agents[0].counters[COUNTER_ACKNOWLEDGED] >= 50);
	assert_false(t.agents[1].lost);
	fact_totals_fini(&t);
	close_worker(&f);
}

/* Charged to agent by agent, and to the whole: the same messages. */
static void assert_times(const struct fact_totals *t, enum latency which, uint64_t count)
{
	uint64_t of_agents = 0;

	assert_int_equal(t->snapshot.latencies[WINDOW_MEASURED][which].count, count);
	for (size_t i = 0; i < t->agents_count; i++)
		of_agents += t->agents[i].snapshot->latencies[WINDOW_MEASURED][which].count;
	assert_int_equal(of_agents, count);
}

static void adjust(struct fixture *f, double rate, uint64_t start_ns)
{
	struct worker_call call = call_of(f, WORKER_ADJUST_PUBLISH_RATE);

	call.adjust.epoch = (struct pacer_epoch){ start_ns, pacer_micro_per_s(rate) };
	must(f, &call);
}

static void an_agent_that_died_before_the_load_owes_all_of_it_at_every_rate(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_client);
	create_topics(&f, 1, 1);
	create_producers(&f, 2);
	kill(agent_now(&f, AGENT_PRODUCER, 0).pid, SIGKILL);
	(void)wait_event(&f, EVENT_AGENT_LOST);
	uint64_t start_ns = start_load(&f, 1000, 2, S);
	adjust(&f, 3000, start_ns + S / 2);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 250 + 750);

	struct fact_totals t = finish(&f);
	assert_int_equal(t.snapshot.counters[COUNTER_SENT], 1000);
	assert_int_equal(t.snapshot.counters[COUNTER_UNSENT], 1000);
	for (size_t i = 0; i < t.producers_count; i++) {
		assert_int_equal(t.producers[i].sent, t.producers[i].producer == 0 ? 0 : 1000);
		assert_int_equal(t.producers[i].unsent, t.producers[i].producer == 0 ? 1000 : 0);
	}
	assert_times(&t, LATENCY_DELAY, 2000);
	assert_times(&t, LATENCY_CORRECTED_PUBLISH, 2000);
	assert_times(&t, LATENCY_PUBLISH, 1000);
	/* Once more: the books are closed once. */
	assert_int_equal(counter_now(&f, COUNTER_UNSENT), 1000);
	fact_totals_fini(&t);
	close_worker(&f);
}

static void what_a_dead_agent_had_in_flight_is_charged_at_the_end_and_not_at_its_death(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: loopback\ndelay: 10s\n", threaded);
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 6);
	uint64_t start_ns = start_load(&f, 600, 6, S);
	wait_counter(&f, COUNTER_SENT, 300);
	kill(agent_now(&f, AGENT_PRODUCER, 1).pid, SIGKILL);
	(void)wait_event(&f, EVENT_AGENT_LOST);
	wait_counter(&f, COUNTER_SENT, 300 + 100);
	while (clock_ns() < start_ns + 3 * S / 2)
		poll(NULL, 0, 10), worker_serve(f.w);

	struct fact_totals t = finish(&f);
	const uint64_t *c = t.snapshot.counters;
	assert_int_equal(c[COUNTER_SENT] + c[COUNTER_UNSENT], 600);
	assert_int_equal(c[COUNTER_UNACKNOWLEDGED], c[COUNTER_SENT]);
	assert_true(c[COUNTER_UNSENT] >= 50);
	/* Each thread may have been at one message. */
	const struct hist_copy *h =
		&t.snapshot.latencies[WINDOW_MEASURED][LATENCY_CORRECTED_PUBLISH];
	assert_in_range(h->count, 600 - 3, 600);
	/* All waited until the end, half a second after the last of them was due. */
	assert_true(h->min >= S / 2);
	fact_totals_fini(&t);
	close_worker(&f);
}

static uint64_t cpu_now(struct fixture *f)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);

	must(f, &call);
	uint64_t cpu_ns = call.totals.snapshot.cpu_ns;
	snapshot_fini(&call.totals.snapshot);
	return cpu_ns;
}

/* An interval of CPU time is newer minus older, too. */
static void cpu_time_that_was_spent_is_not_taken_back_by_an_end_that_others_saw(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_client);
	create_topics(&f, 1, 1);
	create_producers(&f, 1);
	start_load(&f, 200000, 1, 10 * S);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 20000);
	uint64_t before_ns = cpu_now(&f);
	int pid = agent_now(&f, AGENT_PRODUCER, 0).pid;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid); /* as a debugger might */
	(void)wait_event(&f, EVENT_AGENT_LOST);
	assert_true(before_ns > 0);
	assert_true(cpu_now(&f) >= before_ns);
	close_worker(&f);
}

static void verbs_out_of_order_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_core);
	struct worker_call again = initialize_call(&f);
	assert_false(complete(&f, &again));
	assert_string_equal(again.err.text, "a driver is present: stop-all comes first");
	do_verb(&f, WORKER_STOP_ALL);
	do_verb(&f, WORKER_STOP_ALL);
	again.state = CALL_IDLE;
	must(&f, &again);
	close_worker(&f);
}

static void an_agent_that_cannot_open_fails_the_verb_with_its_own_words(void **state)
{
	struct fixture f;
	struct worker_subscription item = { "t", "s" };

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_core);
	create_topics(&f, 1, 1);
	struct worker_call call = call_of(&f, WORKER_CREATE_CONSUMERS);
	call.create_consumers = (struct worker_create_consumers){
		.items = &item, .count = 1, .partitions = 1, .deal = f.deal
	};
	assert_false(complete(&f, &call));
	assert_string_equal(
		call.err.text,
		"consumer agent 0: consumer 0 of topic t: the null driver delivers nothing: "
		"set subscriptionsPerTopic to 0");
	close_worker(&f);
}

static void wait_ready(struct fixture *f, size_t count)
{
	uint64_t limit_ns = clock_ns() + 20 * S;

	for (;;) {
		struct worker_call ready = call_of(f, WORKER_READINESS);
		do_verb(f, WORKER_PROBE_PRODUCERS);
		must(f, &ready);
		if (ready.readiness.count == count && ready.readiness.ready == count)
			return;
		assert_true(clock_ns() < limit_ns);
		poll(NULL, 0, 50);
	}
}

static void everything_sent_over_loopback_is_received(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: loopback\n", per_client);
	create_topics(&f, 1, 4);
	create_consumers(&f, 2, 4);
	create_producers(&f, 2);
	wait_ready(&f, 1);
	start_load(&f, 10000, 2, S);
	wait_counter(&f, COUNTER_RECEIVED, 10000);

	struct fact_totals t = finish(&f);
	assert_int_equal(t.snapshot.counters[COUNTER_ACKNOWLEDGED], 10000);
	assert_int_equal(t.snapshot.counters[COUNTER_RECEIVED], 10000);
	assert_int_equal(t.snapshot.latencies[WINDOW_MEASURED][LATENCY_E2E].count, 10000);
	uint64_t by_partition = 0;
	for (size_t i = 0; i < t.partitions_count; i++)
		by_partition += t.partitions[i].received;
	assert_int_equal(by_partition, 10000);
	fact_totals_fini(&t);

	struct worker_call remove = call_of(&f, WORKER_DELETE_TOPICS);
	remove.remove =
		(struct worker_delete){ .topics = f.topics, .topics_count = 1, .timeout_ms = 5000 };
	must(&f, &remove);
	close_worker(&f);
}

static void a_killed_consumer_agent_is_restarted_three_times_and_no_more(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: loopback\n", per_client);
	create_topics(&f, 1, 2);
	create_consumers(&f, 1, 2);
	create_producers(&f, 1);
	wait_ready(&f, 1);
	start_load(&f, 1000, 1, 60 * S);
	for (unsigned i = 1; i <= 4; i++) {
		wait_counter(&f, COUNTER_RECEIVED, counter_now(&f, COUNTER_RECEIVED) + 100);
		struct fact_agent victim = agent_now(&f, AGENT_CONSUMER, 0);
		assert_int_equal(victim.generation, i - 1);
		kill(victim.pid, SIGKILL);
		if (i == 4)
			break;
		while (agent_now(&f, AGENT_CONSUMER, 0).generation < i)
			poll(NULL, 0, 10), worker_serve(f.w);
	}
	const struct fact_event *resumed = wait_event(&f, EVENT_AGENT_RESUMED);
	assert_true(resumed->gap_ns > 0);
	while (!agent_now(&f, AGENT_CONSUMER, 0).lost)
		poll(NULL, 0, 10), worker_serve(f.w);
	assert_int_equal(agent_now(&f, AGENT_CONSUMER, 0).generation, 3);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.agents_count, 5); /* one producer, four consumers after each other */
	fact_totals_fini(&t);
	close_worker(&f);
}

static void a_signal_to_the_whole_group_leaves_the_lead_to_the_parent(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", threaded);
	create_topics(&f, 1, 1);
	create_producers(&f, 6);
	start_load(&f, 2000, 6, S / 2);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 100);
	for (unsigned i = 0; i < 2; i++) {
		kill(agent_now(&f, AGENT_PRODUCER, i).pid, SIGTERM);
		kill(agent_now(&f, AGENT_PRODUCER, i).pid, SIGINT);
	}
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 1000);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.snapshot.counters[COUNTER_ACKNOWLEDGED], 1000);
	assert_null(find_event(&f, EVENT_AGENT_LOST));
	fact_totals_fini(&t);
	close_worker(&f);
}

static void an_agent_that_hangs_at_its_close_is_killed_told_and_accounted_for(void **state)
{
	struct fixture f;
	struct worker_call call;

	(void)state;
	open_worker(&f, "driver: loopback\ndelay: 10s\n", per_client);
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 2);
	start_load(&f, 1000, 2, S / 5);
	wait_counter(&f, COUNTER_SENT, 200);
	kill(agent_now(&f, AGENT_PRODUCER, 1).pid, SIGSTOP);

	call = call_of(&f, WORKER_FINISH);
	call.finish.most_ms = 1000;
	must(&f, &call);
	struct fact_totals *t = &call.finish.totals;
	/* Nothing was acknowledged: the stopped one's half is charged for it. */
	assert_int_equal(t->snapshot.counters[COUNTER_UNACKNOWLEDGED], 200);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(t->producers[i].unacknowledged, 100);
	uint64_t of_agents = 0;
	for (size_t i = 0; i < t->agents_count; i++)
		of_agents += t->agents[i].counters[COUNTER_UNACKNOWLEDGED];
	assert_int_equal(of_agents, 200);
	for (size_t i = 0; i < t->agents_count; i++)
		assert_int_equal(t->agents[i].lost,
		                 t->agents[i].role == AGENT_PRODUCER && t->agents[i].index == 1);
	assert_non_null(find_event(&f, EVENT_AGENT_LOST));
	fact_totals_fini(t);
	close_worker(&f);
}

static void a_worker_that_was_stopped_starts_over_with_clean_books(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: loopback\n", per_client);
	for (uint32_t round = 1; round <= 3; round++) {
		create_topics(&f, 1, round * 2);
		create_consumers(&f, round, round * 2);
		create_producers(&f, 1);
		wait_ready(&f, 1);
		start_load(&f, 1000, 1, S / 10);
		wait_counter(&f, COUNTER_RECEIVED, 100);
		struct fact_totals t = finish(&f);
		assert_int_equal(t.snapshot.counters[COUNTER_ACKNOWLEDGED], 100);
		assert_int_equal(t.agents_count, 1 + round);
		fact_totals_fini(&t);
		do_verb(&f, WORKER_STOP_ALL);
		initialize(&f);
	}
	close_worker(&f);
}

/* What this process holds that could grow. */
struct holdings {
	unsigned mappings, descriptors;
	uint64_t heap_bytes, resident_kib;
};

static unsigned lines_of(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned lines = 0;

	assert_non_null(f);
	for (int c = fgetc(f); c != EOF; c = fgetc(f))
		lines += c == '\n';
	(void)fclose(f);
	return lines;
}

static struct holdings holdings_now(void)
{
	struct holdings h = { .mappings = lines_of("/proc/self/maps") };
	DIR *dir = opendir("/proc/self/fd");
	unsigned long long pages = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		h.descriptors++;
	(void)closedir(dir);
	FILE *f = fopen("/proc/self/statm", "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %llu", &pages), 1);
	(void)fclose(f);
	struct mallinfo2 heap = mallinfo2();
	h.heap_bytes = heap.uordblks + heap.hblkhd;
	h.resident_kib = pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	return h;
}

/* A run with everything that leaves something behind: events, a pool, accounts, readings. */
static void run_once(struct fixture *f, unsigned n)
{
	struct arena all = { 0 };

	f->arena = all;
	initialize(f);
	create_topics(f, 20, 4);
	create_consumers(f, 2, 4);
	create_producers(f, 2);
	do_verb(f, WORKER_RESET_STATS);
	start_load(f, 2000, 2, S / 50);
	wait_counter(f, COUNTER_RECEIVED, 40);
	struct worker_call period = call_of(f, WORKER_PERIOD_STATS);
	must(f, &period);
	snapshot_fini(&period.period.interval);
	if (n % 2 == 0)
		kill(agent_now(f, AGENT_CONSUMER, 0).pid, SIGKILL);
	struct fact_totals t = finish(f);
	fact_totals_fini(&t);
	do_verb(f, WORKER_STOP_ALL);
	arena_fini(&f->arena);
}

/* At the start of a run: what the last one told is forgotten. */
static struct holdings holdings_at_a_start(struct fixture *f)
{
	f->arena = (struct arena){ 0 };
	initialize(f);
	struct holdings h = holdings_now();
	do_verb(f, WORKER_STOP_ALL);
	arena_fini(&f->arena);
	return h;
}

static void a_worker_does_not_grow_from_run_to_run(void **state)
{
	struct fixture f = { .driver_yaml = "driver: loopback\n", .deal = per_client };
	struct holdings first = { 0 };

	(void)state;
	f.w = worker_local_create();
	for (unsigned n = 0; n < 16; n++) {
		run_once(&f, n);
		if (n == 3)
			first = holdings_at_a_start(&f);
	}
	struct holdings last = holdings_at_a_start(&f);
	assert_int_equal(last.descriptors, first.descriptors);
	assert_int_equal(last.mappings, first.mappings);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed for a while */
	assert_in_range(last.heap_bytes, 0, first.heap_bytes + 4096);
	/* What the heap takes from the system goes up and down a little. */
	assert_in_range(last.resident_kib, 0, first.resident_kib + 1536);
#endif
	f.arena = (struct arena){ 0 };
	close_worker(&f);
}

static struct worker_period read_stats(struct fixture *f, enum worker_verb verb)
{
	struct worker_call call = call_of(f, verb);

	must(f, &call);
	return call.period;
}

static uint64_t publishes_of(const struct worker_period *p)
{
	struct hist_copy h = { 0 };

	snapshot_latency(&p->interval, LATENCY_PUBLISH, &h);
	uint64_t count = h.count;
	hist_copy_fini(&h);
	return count;
}

static void assert_stats(struct fixture *f, enum worker_verb verb, uint64_t counted, uint64_t timed)
{
	struct worker_period p = read_stats(f, verb);

	assert_int_equal(p.interval.counters[COUNTER_ACKNOWLEDGED], counted);
	assert_int_equal(publishes_of(&p), timed);
	snapshot_fini(&p.interval);
}

/* So many messages, a millisecond apart, and then none for long (but for the first of the slow rate). */
static void send_some(struct fixture *f, uint64_t messages, uint64_t all_received)
{
	uint64_t start_ns = clock_ns() + 20 * MS;

	adjust(f, 1000, start_ns);
	adjust(f, 0.01, start_ns + (messages - 1) * MS);
	wait_counter(f, COUNTER_RECEIVED, all_received);
}

/* As OMB's worker: a period is what came since it was read last, counts and latencies; cumulative
 * latencies are emptied by reading, and by reset-stats, which empties those of the period, too, and
 * leaves its counts; totals only grow, probes and all. */
static void readings_mean_what_they_mean_to_omb(void **state)
{
	struct fixture f;
	struct worker_call counters;

	(void)state;
	open_worker(&f, "driver: loopback\n", per_core);
	create_topics(&f, 1, 1);
	create_consumers(&f, 1, 1);
	create_producers(&f, 2);
	wait_ready(&f, 1);
	start_load(&f, 0.01, 2, 50 * S);
	wait_counter(&f, COUNTER_RECEIVED, 1);
	send_some(&f, 100, 101);
	assert_stats(&f, WORKER_PERIOD_STATS, 101, 101);
	assert_stats(&f, WORKER_PERIOD_STATS, 0, 0);
	send_some(&f, 50, 151);
	do_verb(&f, WORKER_RESET_STATS);
	assert_stats(&f, WORKER_PERIOD_STATS, 50, 0);
	assert_stats(&f, WORKER_CUMULATIVE_LATENCIES, 151, 0);
	send_some(&f, 40, 191);
	assert_stats(&f, WORKER_CUMULATIVE_LATENCIES, 40, 40);
	assert_stats(&f, WORKER_CUMULATIVE_LATENCIES, 0, 0);
	assert_stats(&f, WORKER_PERIOD_STATS, 40, 40);

	uint64_t probes = counter_now(&f, COUNTER_PROBES_ACKED);
	assert_true(probes >= 2);
	counters = call_of(&f, WORKER_COUNTERS_STATS);
	must(&f, &counters);
	assert_int_equal(counters.counters.sent, 191 + probes);
	assert_int_equal(counters.counters.received,
	                 191 + counter_now(&f, COUNTER_PROBES_RECEIVED));
	assert_int_equal(counters.counters.send_errors, 0);
	close_worker(&f);
}

static void kill_children(void)
{
	char path[64];
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
	FILE *children = fopen(path, "re");
	assert_non_null(children);
	while (fscanf(children, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	fclose(children);
}

static void administration_without_its_broker_fails_in_words(void **state)
{
	struct fixture f;
	const char *const groups[] = { "omb-test-none" };

	(void)state;
	open_worker(&f, "driver: loopback\n", per_core);
	create_topics(&f, 1, 1);
	do_verb(&f, WORKER_STOP_ALL);
	/* The broker is the only child left. */
	kill_children();
	struct worker_call remove = call_of(&f, WORKER_DELETE_TOPICS);
	remove.remove = (struct worker_delete){ .topics = f.topics,
		                                .topics_count = 1,
		                                .groups = groups,
		                                .groups_count = 1,
		                                .timeout_ms = 1000 };
	assert_false(complete(&f, &remove));
	assert_true(strlen(remove.err.text) > 0);
	/* The worker is still of use. */
	do_verb(&f, WORKER_CLOCK);
	close_worker(&f);
}

/* As a subreaper we inherit the orphans, so nobody else can hide them. */
static size_t children_left(void)
{
	size_t left = 0;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	left = pid == 0;
	return left;
}

static void nobody_outlives_a_killed_parent_by_five_seconds(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	int ready[2];
	assert_int_equal(pipe(ready), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct fixture f;
		open_worker(&f, "driver: loopback\n", threaded);
		create_topics(&f, 1, 4);
		create_consumers(&f, 4, 4);
		create_producers(&f, 8);
		wait_ready(&f, 1);
		start_load(&f, 1000, 8, 600 * S);
		wait_counter(&f, COUNTER_RECEIVED, 100);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
	}
	char byte;
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	kill(parent, SIGKILL);

	uint64_t limit_ns = clock_ns() + 5500 * MS;
	while (children_left() > 0) {
		assert_true(clock_ns() < limit_ns);
		poll(NULL, 0, 10);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_load_is_exact_whatever_agents_it_is_dealt_to),
		cmocka_unit_test(intervals_add_up_to_the_totals),
		cmocka_unit_test(a_killed_producer_agent_leaves_its_counts_and_is_told),
		cmocka_unit_test(an_agent_that_died_before_the_load_owes_all_of_it_at_every_rate),
		cmocka_unit_test(
			what_a_dead_agent_had_in_flight_is_charged_at_the_end_and_not_at_its_death),
		cmocka_unit_test(
			cpu_time_that_was_spent_is_not_taken_back_by_an_end_that_others_saw),
		cmocka_unit_test(verbs_out_of_order_are_refused),
		cmocka_unit_test(an_agent_that_cannot_open_fails_the_verb_with_its_own_words),
		cmocka_unit_test(everything_sent_over_loopback_is_received),
		cmocka_unit_test(a_killed_consumer_agent_is_restarted_three_times_and_no_more),
		cmocka_unit_test(a_signal_to_the_whole_group_leaves_the_lead_to_the_parent),
		cmocka_unit_test(an_agent_that_hangs_at_its_close_is_killed_told_and_accounted_for),
		cmocka_unit_test(a_worker_that_was_stopped_starts_over_with_clean_books),
		cmocka_unit_test(a_worker_does_not_grow_from_run_to_run),
		cmocka_unit_test(readings_mean_what_they_mean_to_omb),
		cmocka_unit_test(administration_without_its_broker_fails_in_words),
		cmocka_unit_test(nobody_outlives_a_killed_parent_by_five_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
