/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the local worker ends agents that do not end by themselves: the driver is the scripted one
 * (driver_configure is replaced), and so is the death of processes (kill is).
 */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/driver_file.h"
#include "driver/registry.h"
#include "fake_driver.h"
#include "util/arena.h"
#include "util/clock.h"
#include "worker/local.h"

#define S UINT64_C(1000000000)

const struct driver *__wrap_driver_configure(const struct driver_file *file, struct arena *arena,
                                             void **config, struct error_list *errors,
                                             struct error_list *warnings);
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

static bool nobody_dies;

int __wrap_kill(pid_t pid, int number)
{
	return nobody_dies && number == SIGKILL ? 0 : __real_kill(pid, number);
}

static bool describe_nothing(const struct driver_context *ctx, driver_row_fn *fn, void *to,
                             struct error *err)
{
	(void)ctx;
	(void)fn;
	(void)to;
	(void)err;
	return true;
}

const struct driver *__wrap_driver_configure(const struct driver_file *file, struct arena *arena,
                                             void **config, struct error_list *errors,
                                             struct error_list *warnings)
{
	static struct driver scripted;

	(void)file;
	(void)errors;
	(void)warnings;
	scripted = driver_fake;
	scripted.describe = describe_nothing;
	*config = arena_alloc(arena, 1);
	return &scripted;
}

static const char driver_yaml[] = "driver: scripted\n";
static const struct deal_spec one_agent = {
	.mode = DEAL_NUMBER, .agents = 1, .loops = 1, .cpus = 1
};

struct fixture {
	struct arena arena;
	struct worker *w;
};

static bool complete(struct fixture *f, struct worker_call *call)
{
	struct pollfd p = { .fd = worker_fd(f->w), .events = POLLIN };
	uint64_t limit_ns = clock_ns() + 60 * S;

	call->arena = &f->arena;
	worker_start(f->w, call);
	while (call->state == CALL_RUNNING) {
		assert_true(clock_ns() < limit_ns);
		poll(&p, 1, 100);
		worker_serve(f->w);
	}
	return call->state == CALL_DONE;
}

static void do_call(struct fixture *f, struct worker_call *call)
{
	if (!complete(f, call))
		fail_msg("%s: %s", worker_verb_name(call->verb), call->err.text);
}

/* The loopback broker's socket is named after it: this program may run twice at once. */
static const char *own_run_id(void)
{
	static char id[32];

	snprintf(id, sizeof(id), "test%d", (int)getpid());
	return id;
}

/* What a case that failed has left ends with the next one. */
static struct worker *open_now;

static void open_driver(struct fixture *f)
{
	struct worker_call init = { .verb = WORKER_INITIALIZE_DRIVER };

	*f = (struct fixture){ 0 };
	worker_destroy(open_now);
	f->w = open_now = worker_local_create();
	init.initialize = (struct worker_initialize){
		.path = "d.yaml",
		.text = driver_yaml,
		.text_len = strlen(driver_yaml),
		.run_id = own_run_id(),
	};
	do_call(f, &init);
}

/* `count` producers and as many consumers, all of them in one agent of each kind. */
static void open_all(struct fixture *f, uint32_t count)
{
	struct worker_call consumers = { .verb = WORKER_CREATE_CONSUMERS };
	struct worker_call producers = { .verb = WORKER_CREATE_PRODUCERS };

	open_driver(f);
	struct worker_subscription *items = arena_alloc(&f->arena, count * sizeof(*items));
	const char **topics = arena_alloc(&f->arena, count * sizeof(*topics));
	for (uint32_t i = 0; i < count; i++) {
		items[i] = (struct worker_subscription){ "t", "s" };
		topics[i] = "t";
	}
	consumers.create_consumers = (struct worker_create_consumers){
		.items = items, .count = count, .partitions = 1, .deal = one_agent
	};
	do_call(f, &consumers);
	producers.create_producers = (struct worker_create_producers){ .topics = topics,
		                                                       .count = count,
		                                                       .deal = one_agent };
	do_call(f, &producers);
}

static struct fact_totals finish(struct fixture *f, uint32_t most_ms)
{
	struct worker_call call = { .verb = WORKER_FINISH, .finish = { .most_ms = most_ms } };

	do_call(f, &call);
	fact_totals_fini(&call.finish.totals);
	return call.finish.totals;
}

static const struct fact_agent *agent_of(const struct fact_totals *t, enum agent_role role)
{
	for (size_t i = 0; i < t->agents_count; i++)
		if (t->agents[i].role == role)
			return &t->agents[i];
	fail_msg("no such agent");
	return NULL;
}

static const char *event_text(struct fixture *f, enum fact_event_kind kind)
{
	struct worker_call call = { .verb = WORKER_EVENTS };

	do_call(f, &call);
	for (size_t i = 0; i < call.events.count; i++)
		if (call.events.items[i].kind == kind)
			return call.events.items[i].text;
	return NULL;
}

static int pid_of(struct fixture *f, enum agent_role role)
{
	struct worker_call call = { .verb = WORKER_SNAPSHOT };

	do_call(f, &call);
	snapshot_fini(&call.totals.snapshot);
	return agent_of(&call.totals, role)->pid;
}

static void close_all(struct fixture *f)
{
	worker_destroy(f->w);
	open_now = NULL;
	arena_fini(&f->arena);
}

static void an_agent_that_gets_on_with_closing_is_neither_killed_nor_lost(void **state)
{
	struct fixture f;

	(void)state;
	fake_reset();
	/* A second in all, one client after the other. */
	fake_script.close_ns = S / 5;
	open_all(&f, 5);
	struct fact_totals t = finish(&f, 0);
	assert_false(agent_of(&t, AGENT_PRODUCER)->lost);
	assert_false(agent_of(&t, AGENT_PRODUCER)->slow);
	assert_null(event_text(&f, EVENT_AGENT_LOST));
	assert_null(event_text(&f, EVENT_AGENT_SLOW));
	close_all(&f);
}

static void an_agent_that_answers_and_does_not_end_is_slow_and_not_lost(void **state)
{
	struct fixture f;

	(void)state;
	fake_reset();
	fake_script.close_ns = 600 * S;
	open_all(&f, 2);
	struct fact_totals t = finish(&f, 500);
	assert_true(agent_of(&t, AGENT_PRODUCER)->slow);
	assert_false(agent_of(&t, AGENT_PRODUCER)->lost);
	assert_non_null(strstr(event_text(&f, EVENT_AGENT_SLOW), "it had closed 0 of 2 clients"));
	assert_null(event_text(&f, EVENT_AGENT_LOST));
	close_all(&f);
}

static void two_agents_that_do_not_answer_are_both_killed_and_lost(void **state)
{
	struct fixture f;

	(void)state;
	fake_reset();
	open_all(&f, 2);
	kill(pid_of(&f, AGENT_PRODUCER), SIGSTOP);
	kill(pid_of(&f, AGENT_CONSUMER), SIGSTOP);
	struct fact_totals t = finish(&f, 500);
	assert_true(agent_of(&t, AGENT_PRODUCER)->lost && agent_of(&t, AGENT_PRODUCER)->hung);
	assert_true(agent_of(&t, AGENT_CONSUMER)->lost && agent_of(&t, AGENT_CONSUMER)->hung);
	const char *text = event_text(&f, EVENT_AGENT_LOST);
	assert_non_null(strstr(text, "it did not answer for"));
	assert_non_null(strstr(text, "(the process was stopped) and was killed"));
	close_all(&f);
}

static void an_agent_that_cannot_even_be_killed_is_given_up(void **state)
{
	struct fixture f;
	uint64_t start_ns = clock_ns();

	(void)state;
	fake_reset();
	open_all(&f, 1);
	int pid = pid_of(&f, AGENT_CONSUMER);
	kill(pid, SIGSTOP);
	nobody_dies = true;
	struct fact_totals t = finish(&f, 200);
	assert_true(agent_of(&t, AGENT_CONSUMER)->lost);
	assert_non_null(strstr(event_text(&f, EVENT_AGENT_LOST), "was killed, and has not ended"));
	close_all(&f);
	assert_true(clock_ns() - start_ns < 30 * S);
	nobody_dies = false;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void an_agent_that_does_not_open_its_clients_is_named(void **state)
{
	struct fixture f;
	struct worker_subscription item = { "t", "s" };
	struct worker_call call = { .verb = WORKER_CREATE_CONSUMERS,
		                    .deadline_ns = clock_ns() + S / 2,
		                    .create_consumers = { .items = &item,
		                                          .count = 1,
		                                          .partitions = 1,
		                                          .deal = one_agent } };
	struct worker_call stop = { .verb = WORKER_STOP_ALL, .stop = { .most_ms = 200 } };

	(void)state;
	fake_reset();
	fake_script.open_ns = 600 * S;
	open_driver(&f);
	assert_false(complete(&f, &call));
	assert_non_null(strstr(call.err.text, "not complete in time: consumer agent 0 (process "));
	assert_non_null(strstr(call.err.text, ") has not opened all clients"));
	do_call(&f, &stop);
	close_all(&f);
}

static void a_producer_that_never_connects_is_not_ready_and_is_named(void **state)
{
	struct fixture f;
	struct worker_readiness r = { 0 };
	struct text words = { 0 };

	(void)state;
	fake_reset();
	fake_script.silent_producer = 2;
	open_all(&f, 3);
	/* Once: an agent that is asked without end and gets no time to read is killed as deaf. */
	struct worker_call probe = { .verb = WORKER_PROBE_PRODUCERS };
	do_call(&f, &probe);
	while (r.producers_ready < 2) {
		struct worker_call ready = { .verb = WORKER_READINESS };
		do_call(&f, &ready);
		r = ready.readiness;
	}
	assert_int_equal(r.producers, 3);
	assert_int_equal(r.silent_count, 1);
	assert_int_equal(r.silent[0].producer, 1);
	assert_string_equal(r.silent[0].topic, "t");
	assert_false(readiness_is_complete(&r));
	r.count = r.ready = 0; /* what its deliveries say of subscriptions is another matter */
	readiness_describe(&r, 60, &words);
	assert_string_equal(text_str(&words), "1 of 3 producers had no probe acknowledged within "
	                                      "60 s: producer 1 of t");
	text_fini(&words);
	finish(&f, 1000);
	close_all(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_producer_that_never_connects_is_not_ready_and_is_named),
		cmocka_unit_test(an_agent_that_gets_on_with_closing_is_neither_killed_nor_lost),
		cmocka_unit_test(an_agent_that_answers_and_does_not_end_is_slow_and_not_lost),
		cmocka_unit_test(two_agents_that_do_not_answer_are_both_killed_and_lost),
		cmocka_unit_test(an_agent_that_cannot_even_be_killed_is_given_up),
		cmocka_unit_test(an_agent_that_does_not_open_its_clients_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
