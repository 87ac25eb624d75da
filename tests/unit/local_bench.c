/* SPDX-License-Identifier: Apache-2.0 */
#include "local_bench.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/clock.h"

const struct deal_spec per_client = { .mode = DEAL_PER_CLIENT, .loops = 1, .cpus = 2 };
const struct deal_spec per_core = { .mode = DEAL_PER_CORE, .loops = 1, .cpus = 2 };
const struct deal_spec threaded = { .mode = DEAL_NUMBER, .agents = 2, .loops = 3, .cpus = 2 };

struct worker_call call_of(struct fixture *f, enum worker_verb verb)
{
	return (struct worker_call){ .verb = verb, .arena = &f->arena };
}

/* Waits for the call to complete; the worker's own limits end it. */
bool complete(struct fixture *f, struct worker_call *call)
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

void must(struct fixture *f, struct worker_call *call)
{
	if (!complete(f, call))
		fail_msg("%s: %s", worker_verb_name(call->verb), call->err.text);
}

void do_verb(struct fixture *f, enum worker_verb verb)
{
	struct worker_call call = call_of(f, verb);

	must(f, &call);
}

/* The loopback broker's socket is named after it: this program may run twice at once. */
const char *own_run_id(void)
{
	static char id[32];

	snprintf(id, sizeof(id), "test%d", (int)getpid());
	return id;
}

struct worker_call initialize_call(struct fixture *f)
{
	struct worker_call call = call_of(f, WORKER_INITIALIZE_DRIVER);

	call.initialize = (struct worker_initialize){
		.path = "d.yaml",
		.text = f->driver_yaml,
		.text_len = strlen(f->driver_yaml),
		.run_id = own_run_id(),
		.run = RUN_ID,
		.is_share = f->is_share,
	};
	return call;
}

void initialize(struct fixture *f)
{
	struct worker_call call = initialize_call(f);

	must(f, &call);
	assert_true(call.initialize.rows.count > 0);
}

static struct worker *open_now;

struct worker *create_worker(void)
{
	worker_destroy(open_now);
	open_now = worker_local_create();
	return open_now;
}

void open_worker(struct fixture *f, const char *driver_yaml, struct deal_spec deal)
{
	*f = (struct fixture){ .driver_yaml = driver_yaml, .deal = deal };
	f->w = create_worker();
	initialize(f);
}

void create_topics(struct fixture *f, uint32_t topics, uint32_t partitions)
{
	struct worker_call call = call_of(f, WORKER_CREATE_TOPICS);

	call.create_topics = (struct worker_create_topics){ topics, partitions, NULL };
	must(f, &call);
	f->topics = call.create_topics.names;
}

/* All of them send to the first topic. */
static const char *const *producer_topics(struct fixture *f, uint32_t count)
{
	const char **topics = arena_alloc(&f->arena, (count + 1) * sizeof(*topics));

	for (uint32_t i = 0; i < count; i++)
		topics[i] = f->topics[0];
	return topics;
}

void create_producers(struct fixture *f, uint32_t count)
{
	struct worker_call call = call_of(f, WORKER_CREATE_PRODUCERS);

	call.create_producers = (struct worker_create_producers){
		.topics = producer_topics(f, count),
		.count = count,
		.account = f->accounted > 0,
		.deal = f->deal,
	};
	must(f, &call);
}

void create_consumers(struct fixture *f, uint32_t count, uint32_t partitions)
{
	struct worker_call call = call_of(f, WORKER_CREATE_CONSUMERS);
	struct worker_subscription *items = arena_alloc(&f->arena, count * sizeof(*items));

	for (uint32_t i = 0; i < count; i++)
		items[i] = (struct worker_subscription){
			f->topics[0],
			f->subscriptions > 1 && i % f->subscriptions == 1 ? "omb-test-sub-1"
									  : "omb-test-sub",
		};
	call.create_consumers = (struct worker_create_consumers){
		.items = items,
		.count = count,
		.partitions = partitions,
		.deal = f->deal,
		.verify = f->verify,
		.consume = f->consume,
		.account = f->accounted > 0,
		.producer_topics = producer_topics(f, f->accounted),
		.producers = f->accounted,
	};
	must(f, &call);
}

/* A load of `rate` for `length_ns`, all of it measured; returns when it begins. */
uint64_t start_load(struct fixture *f, double rate, uint32_t producers, uint64_t length_ns)
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
		.subscriptions = f->subscriptions,
		.run = RUN_ID,
	};
	must(f, &load);
	return start_ns;
}

uint64_t counter_now(struct fixture *f, enum counter which)
{
	struct worker_call call = call_of(f, WORKER_SNAPSHOT);

	must(f, &call);
	uint64_t value = call.totals.snapshot.counters[which];
	snapshot_fini(&call.totals.snapshot);
	return value;
}

void wait_counter(struct fixture *f, enum counter which, uint64_t value)
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

struct fact_totals finish(struct fixture *f)
{
	struct worker_call call = call_of(f, WORKER_FINISH);

	must(f, &call);
	return call.finish.totals;
}

struct fact_agent agent_now(struct fixture *f, enum agent_role role, unsigned index)
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

const struct fact_event *find_event(struct fixture *f, enum fact_event_kind kind)
{
	struct worker_call call = call_of(f, WORKER_EVENTS);

	must(f, &call);
	for (size_t i = 0; i < call.events.count; i++)
		if (call.events.items[i].kind == kind)
			return &call.events.items[i];
	return NULL;
}

const struct fact_event *wait_event(struct fixture *f, enum fact_event_kind kind)
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
void close_worker(struct fixture *f)
{
	worker_destroy(f->w);
	open_now = NULL;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	arena_fini(&f->arena);
}

void adjust(struct fixture *f, double rate, uint64_t start_ns)
{
	struct worker_call call = call_of(f, WORKER_ADJUST_PUBLISH_RATE);

	call.adjust.epoch = (struct pacer_epoch){ start_ns, pacer_micro_per_s(rate) };
	must(f, &call);
}

void wait_ready(struct fixture *f, size_t count)
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
