/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/served_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "util/text.h"

/* A worker that completes what it is told to, as the local one: a stop fails what is under way. */
static struct worker_call *under_way;
static struct text told; /* in the order in which calls ended */

static void fake_start(struct worker *w, struct worker_call *call)
{
	(void)w;
	if (under_way != NULL)
		under_way->state = CALL_FAILED;
	under_way = call;
}

static void fake_serve(struct worker *w)
{
	(void)w;
	if (under_way != NULL)
		under_way->state = CALL_DONE;
	under_way = NULL;
}

static const struct worker_ops ops = { .name = "fake", .start = fake_start, .serve = fake_serve };
static struct worker fake = { .ops = &ops };

static void on_ended(struct served_call *c)
{
	text_addf(&told, "%s%s;", worker_verb_name(c->call.verb),
	          c->call.state == CALL_DONE            ? ""
	          : c->call.err.kind == ERROR_CANCELLED ? " cancelled"
	                                                : " failed");
	served_call_destroy(c);
}

static void add(struct served_queue *q, enum worker_verb verb)
{
	served_queue_add(q, served_call_create(verb, on_ended, q));
}

static void assert_told(const char *wanted)
{
	assert_string_equal(text_str(&told), wanted);
	text_fini(&told);
}

static void calls_come_one_after_the_other(void **state)
{
	struct served_queue q = { .w = &fake };

	(void)state;
	add(&q, WORKER_CREATE_TOPICS);
	add(&q, WORKER_COUNTERS_STATS);
	add(&q, WORKER_CLOCK);
	assert_told("");
	assert_int_equal(under_way->verb, WORKER_CREATE_TOPICS);
	served_queue_serve(&q);
	assert_told("create-topics;");
	assert_true(served_queue_is_busy(&q));
	served_queue_serve(&q);
	served_queue_serve(&q);
	assert_told("counters-stats;clock;");
	assert_false(served_queue_is_busy(&q));
}

static void a_stop_does_not_wait_and_nothing_that_waits_comes_after_it(void **state)
{
	struct served_queue q = { .w = &fake };

	(void)state;
	add(&q, WORKER_CREATE_TOPICS);
	add(&q, WORKER_COUNTERS_STATS);
	add(&q, WORKER_STOP_ALL);
	assert_told("counters-stats cancelled;create-topics failed;");
	assert_int_equal(under_way->verb, WORKER_STOP_ALL);
	add(&q, WORKER_INITIALIZE_DRIVER); /* of the next run */
	assert_int_equal(under_way->verb, WORKER_STOP_ALL);
	served_queue_serve(&q);
	assert_told("stop-all;");
	served_queue_serve(&q);
	assert_told("initialize-driver;");
}

static void a_second_stop_comes_after_the_first(void **state)
{
	struct served_queue q = { .w = &fake };

	(void)state;
	add(&q, WORKER_STOP_ALL);
	add(&q, WORKER_STOP_ALL);
	assert_told("");
	served_queue_serve(&q);
	assert_told("stop-all;");
	served_queue_serve(&q);
	assert_told("stop-all;");
	assert_false(served_queue_is_busy(&q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_come_one_after_the_other),
		cmocka_unit_test(a_stop_does_not_wait_and_nothing_that_waits_comes_after_it),
		cmocka_unit_test(a_second_stop_comes_after_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
