/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local worker with real agents on the null and loopback drivers: every verb, and every way
 * in which a process may die.
 */
#include <errno.h>
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

#include "local_bench.h"
#include "util/clock.h"
#include "util/xalloc.h"

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

static uint64_t counted_at(const struct fact_totals *t, enum fact_edge_of edge, enum counter which)
{
	return t->edges[edge].counters[which];
}

/* One agent dies in the window, one stands still over its end: whatever they counted later than an edge
 * they never counted. */
static void what_was_counted_at_the_ends_of_the_window_is_known_of_every_agent(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_client);
	create_topics(&f, 1, 1);
	create_producers(&f, 2);
	uint64_t start_ns = start_load(&f, 2000, 2, 1000 * S);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 200);
	kill(agent_now(&f, AGENT_PRODUCER, 0).pid, SIGKILL);
	(void)wait_event(&f, EVENT_AGENT_LOST);
	struct fact_agent still = agent_now(&f, AGENT_PRODUCER, 1);
	siginfo_t info;
	kill(still.pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)still.pid, &info, WSTOPPED | WNOWAIT), 0);
	struct worker_call window = call_of(&f, WORKER_SET_WINDOW);
	uint64_t end_ns = clock_ns();
	window.window = (struct worker_window){ start_ns, end_ns, end_ns };
	must(&f, &window);

	/* The end has come, and a living agent has not counted then. */
	struct worker_call now = call_of(&f, WORKER_SNAPSHOT);
	must(&f, &now);
	assert_int_equal(now.totals.edges[FACT_WINDOW_START].at_ns, start_ns);
	assert_int_equal(now.totals.edges[FACT_WINDOW_END].at_ns, 0);
	assert_string_equal(now.totals.edge_lack,
	                    "producer agent 1 did not count at the end of the window");
	snapshot_fini(&now.totals.snapshot);
	kill(still.pid, SIGKILL);

	struct fact_totals t = finish(&f);
	assert_null(t.edge_lack);
	assert_int_equal(t.edges[FACT_WINDOW_START].at_ns, start_ns);
	assert_int_equal(t.edges[FACT_WINDOW_END].at_ns, end_ns);
	assert_int_equal(counted_at(&t, FACT_WINDOW_START, COUNTER_SENT), 0);
	assert_int_equal(counted_at(&t, FACT_WINDOW_END, COUNTER_SENT),
	                 t.snapshot.counters[COUNTER_SENT]);
	/* This driver answers at once. */
	assert_int_equal(counted_at(&t, FACT_WINDOW_END, COUNTER_ACKNOWLEDGED),
	                 t.snapshot.counters[COUNTER_ACKNOWLEDGED]);
	fact_totals_fini(&t);
	close_worker(&f);
}

static void what_the_threads_of_agents_did_in_the_window_is_known_at_the_end(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", threaded);
	create_topics(&f, 1, 1);
	create_producers(&f, 6);
	(void)start_load(&f, 2000, 6, S / 4);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 500);
	struct fact_totals t = finish(&f);
	assert_int_equal(t.agents_count, 2);
	for (size_t i = 0; i < t.agents_count; i++) {
		const struct fact_agent *a = &t.agents[i];

		assert_int_equal(a->loops_known, 3);
		assert_true(a->busiest_loop > 0 && a->busiest_loop <= a->all_loops);
		uint64_t late = a->late != NULL ? a->late->count : 0;
		assert_true(late > 0);
		/* Each loop sleeps between two messages, which are its ticks: those that were missed count, too,
		 * and the edges of the window are times of their own. */
		assert_true(late <= a->counters[COUNTER_SENT] + UINT64_C(6));
		assert_int_equal(a->library_threads, 0);
	}
	fact_totals_fini(&t);
	close_worker(&f);
}

static void an_edge_that_has_not_come_is_not_known_and_nobody_lacks_it(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: \"null\"\n", per_client);
	create_topics(&f, 1, 1);
	create_producers(&f, 1);
	(void)start_load(&f, 1000, 1, 1000 * S);
	wait_counter(&f, COUNTER_ACKNOWLEDGED, 1);
	struct fact_totals t = finish(&f);
	assert_true(t.edges[FACT_WINDOW_START].at_ns > 0);
	assert_int_equal(t.edges[FACT_WINDOW_END].at_ns, 0);
	assert_null(t.edge_lack);
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

static void tell_consumers(struct fixture *f, bool account, const char *const *topics,
                           size_t producers)
{
	struct worker_call call = call_of(f, WORKER_CREATE_CONSUMERS);
	struct worker_subscription *item = arena_alloc(&f->arena, sizeof(*item));

	*item = (struct worker_subscription){ f->topics[0], "omb-test-sub" };
	call.create_consumers = (struct worker_create_consumers){
		.items = item,
		.count = 1,
		.partitions = 2,
		.deal = f->deal,
		.account = account,
		.producer_topics = topics,
		.producers = producers,
		.id_base = 7,
	};
	must(f, &call);
}

/* Their keys would be other ones: what they send would seem lost. */
static void producers_that_the_consumers_were_not_told_of_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: loopback\n", per_client);
	create_topics(&f, 2, 2);
	const char *told[] = { f.topics[0], f.topics[1] }, *other[] = { f.topics[1], f.topics[0] };
	const struct worker_create_producers wrong[] = {
		{ .topics = told, .count = 1, .id_base = 7, .account = true },
		{ .topics = told, .count = 2, .id_base = 8, .account = true },
		{ .topics = other, .count = 2, .id_base = 7, .account = true },
		{ .topics = told, .count = 2, .id_base = 7 },
	};
	tell_consumers(&f, true, told, 2);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct worker_call call = call_of(&f, WORKER_CREATE_PRODUCERS);
		call.create_producers = wrong[i];
		call.create_producers.deal = f.deal;
		assert_false(complete(&f, &call));
		assert_string_equal(call.err.text,
		                    "these are not the producers that the consumers were told of");
	}
	struct worker_call right = call_of(&f, WORKER_CREATE_PRODUCERS);
	right.create_producers = (struct worker_create_producers){
		.topics = told, .count = 2, .id_base = 7, .account = true, .deal = f.deal
	};
	must(&f, &right);
	close_worker(&f);
}

static void an_account_without_a_word_to_the_consumers_is_refused(void **state)
{
	struct fixture f;

	(void)state;
	open_worker(&f, "driver: loopback\n", per_client);
	create_topics(&f, 1, 2);
	tell_consumers(&f, false, NULL, 0);
	struct worker_call call = call_of(&f, WORKER_CREATE_PRODUCERS);
	call.create_producers = (struct worker_create_producers){
		.topics = f.topics, .count = 1, .id_base = 7, .account = true, .deal = f.deal
	};
	assert_false(complete(&f, &call));
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
	const struct worker_subscription groups[] = { { "omb-test-t", "omb-test-none" } };

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

/* A case that fails returns from where it is: its broker and its agents are there, and a call of its may
 * be under way. */
static void a_case_that_fails_leaves_nothing_to_the_next_one(void **state)
{
	struct fixture f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fixture *failed = xcalloc(1, sizeof(*failed));
		open_worker(failed, "driver: loopback\n", per_client);
		create_topics(failed, 1, 1);
		create_producers(failed, 2);
		struct worker_call *call = xcalloc(1, sizeof(*call));
		*call = call_of(failed, WORKER_PROBE_PRODUCERS);
		worker_start(failed->w, call);
		free(call);
		arena_fini(&failed->arena);
		free(failed);
	}
	open_worker(&f, "driver: loopback\n", per_client);
	create_topics(&f, 1, 1);
	close_worker(&f); /* and no child is left, of whomever */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_load_is_exact_whatever_agents_it_is_dealt_to),
		cmocka_unit_test(intervals_add_up_to_the_totals),
		cmocka_unit_test(a_killed_producer_agent_leaves_its_counts_and_is_told),
		cmocka_unit_test(
			what_was_counted_at_the_ends_of_the_window_is_known_of_every_agent),
		cmocka_unit_test(what_the_threads_of_agents_did_in_the_window_is_known_at_the_end),
		cmocka_unit_test(an_edge_that_has_not_come_is_not_known_and_nobody_lacks_it),
		cmocka_unit_test(an_agent_that_died_before_the_load_owes_all_of_it_at_every_rate),
		cmocka_unit_test(
			what_a_dead_agent_had_in_flight_is_charged_at_the_end_and_not_at_its_death),
		cmocka_unit_test(
			cpu_time_that_was_spent_is_not_taken_back_by_an_end_that_others_saw),
		cmocka_unit_test(verbs_out_of_order_are_refused),
		cmocka_unit_test(an_agent_that_cannot_open_fails_the_verb_with_its_own_words),
		cmocka_unit_test(everything_sent_over_loopback_is_received),
		cmocka_unit_test(producers_that_the_consumers_were_not_told_of_are_refused),
		cmocka_unit_test(an_account_without_a_word_to_the_consumers_is_refused),
		cmocka_unit_test(a_killed_consumer_agent_is_restarted_three_times_and_no_more),
		cmocka_unit_test(a_signal_to_the_whole_group_leaves_the_lead_to_the_parent),
		cmocka_unit_test(an_agent_that_hangs_at_its_close_is_killed_told_and_accounted_for),
		cmocka_unit_test(a_worker_that_was_stopped_starts_over_with_clean_books),
		cmocka_unit_test(administration_without_its_broker_fails_in_words),
		cmocka_unit_test(a_case_that_fails_leaves_nothing_to_the_next_one),
		cmocka_unit_test(nobody_outlives_a_killed_parent_by_five_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
