/* SPDX-License-Identifier: Apache-2.0 */
#include "ensemble_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load/stamp.h"
#include "util/xalloc.h"

/* --- members on strings --------------------------------------------------------------------------- */

static struct puppet *puppet_of(struct worker *w)
{
	return (struct puppet *)w;
}

static void puppet_start(struct worker *w, struct worker_call *call)
{
	struct puppet *p = puppet_of(w);

	assert_false(p->gone); /* nobody asks the dead */
	p->asked[call->verb]++;
	p->last = *call;
	if ((int)call->verb == p->lacks) {
		worker_lacks(call);
	} else if (p->answers_at_once) {
		call->state = CALL_DONE;
	} else if (call->verb == WORKER_STOP_ALL) {
		assert_null(p->stop);
		p->stop = call;
	} else {
		assert_null(p->call);
		p->call = call;
	}
}

static int puppet_fd(struct worker *w)
{
	(void)w;
	return -1;
}

static void puppet_serve(struct worker *w)
{
	(void)w;
}

static void puppet_destroy(struct worker *w)
{
	puppet_of(w)->destroyed = true;
}

static bool puppet_is_gone(struct worker *w, struct error *why)
{
	struct puppet *p = puppet_of(w);

	if (p->gone)
		error_set(why, ERROR_SYSTEM, "connection refused");
	return p->gone;
}

const struct worker_ops puppet_ops = {
	.name = "puppet",
	.start = puppet_start,
	.fd = puppet_fd,
	.serve = puppet_serve,
	.destroy = puppet_destroy,
	.is_gone = puppet_is_gone,
};

uint64_t bed_now_ns(void *to)
{
	return ((struct bed *)to)->now_ns;
}

/* w0 produces, w3 consumes, the others both. */
void bed_setup(struct bed *b, unsigned tolerate)
{
	static const char *const urls[MEMBERS] = { "http://a", "http://b", "http://c", "http://d" };
	struct ensemble_options o = {
		.members = b->members,
		.count = MEMBERS,
		.tolerate_losses = tolerate,
		.clocks = b->clocks,
		.now_ns = bed_now_ns,
		.to = b,
	};
	struct error err = { 0 };

	for (unsigned i = 0; i < MEMBERS; i++) {
		b->puppets[i] = (struct puppet){ .base = { &puppet_ops }, .lacks = -1 };
		b->members[i].worker = &b->puppets[i].base;
		b->members[i].name = "";
		b->members[i].url = urls[i];
		b->members[i].role = i == 0 ? SHARE_PRODUCE : i == 3 ? SHARE_CONSUME : SHARE_BOTH;
	}
	b->now_ns = 1000 * S;
	b->e = ensemble_create(&o, &err);
	assert_non_null(b->e);
}

void bed_teardown(struct bed *b)
{
	worker_destroy(b->e);
	for (unsigned i = 0; i < MEMBERS; i++)
		assert_true(b->puppets[i].destroyed);
	arena_fini(&b->arena);
}

void bed_start(struct bed *b, enum worker_verb verb)
{
	b->call.verb = verb;
	b->call.arena = &b->arena;
	if (b->call.deadline_ns == 0)
		b->call.deadline_ns = b->now_ns + 10 * S;
	worker_start(b->e, &b->call);
}

void bed_begin(struct bed *b)
{
	b->call = (struct worker_call){ .verb = WORKER_EVENTS };
}

/* The member's call ends as it is, and the ensemble looks. */
void bed_answer(struct bed *b, unsigned i)
{
	struct puppet *p = &b->puppets[i];

	assert_non_null(p->call);
	p->call->state = CALL_DONE;
	p->call = NULL;
	worker_serve(b->e);
}

void bed_refuse(struct bed *b, unsigned i, enum error_kind kind, const char *why)
{
	struct puppet *p = &b->puppets[i];

	error_set(&p->call->err, kind, "%s", why);
	p->call->state = CALL_FAILED;
	p->call = NULL;
	worker_serve(b->e);
}

/* Everybody who is asked says yes. */
void bed_all_do(struct bed *b, enum worker_verb verb)
{
	for (unsigned i = 0; i < MEMBERS; i++)
		b->puppets[i].answers_at_once = true;
	bed_start(b, verb);
	assert_int_equal(b->call.state, CALL_DONE);
	for (unsigned i = 0; i < MEMBERS; i++)
		b->puppets[i].answers_at_once = false;
}

static const char *const topics[PRODUCERS] = { "t0", "t1", "t2", "t3", "t4", "t5", "t6" };
static const struct worker_subscription subscriptions[CONSUMERS] = {
	{ "t0", "s" }, { "t1", "s" }, { "t2", "s" }, { "t3", "s" }, { "t4", "s" },
};

void bed_make_clients(struct bed *b)
{
	bed_begin(b);
	bed_all_do(b, WORKER_INITIALIZE_DRIVER);
	bed_begin(b);
	b->call.create_consumers.items = subscriptions;
	b->call.create_consumers.count = CONSUMERS;
	b->call.create_consumers.account = true;
	bed_all_do(b, WORKER_CREATE_CONSUMERS);
	bed_begin(b);
	b->call.create_producers.topics = topics;
	b->call.create_producers.count = PRODUCERS;
	b->call.create_producers.account = true;
	bed_all_do(b, WORKER_CREATE_PRODUCERS);
}

void bed_make_load(struct bed *b)
{
	bed_make_clients(b);
	bed_begin(b);
	b->call.window = (struct worker_window){ 1100 * S, 1200 * S, 1200 * S };
	bed_all_do(b, WORKER_SET_WINDOW);
	bed_begin(b);
	b->call.load.epoch = (struct pacer_epoch){ .start_ns = 1001 * S, .micro_per_s = 7000 };
	b->call.load.producers = PRODUCERS;
	bed_all_do(b, WORKER_START_LOAD);
}

void bed_assert_fails_with(const struct bed *b, const char *const *words)
{
	assert_int_equal(b->call.state, CALL_FAILED);
	for (; *words != NULL; words++)
		if (strstr(b->call.err.text, *words) == NULL)
			fail_msg("\"%s\" is not in: %s", *words, b->call.err.text);
}

static struct fact_agent *agent_of(struct bed *b, uint64_t sent)
{
	struct fact_agent *a = arena_alloc(&b->arena, sizeof(*a));

	a->role = AGENT_PRODUCER;
	a->counters[COUNTER_SENT] = sent;
	a->counters[COUNTER_ACKNOWLEDGED] = sent - 1;
	a->is_offering = true;
	return a;
}

/* A snapshot of one that has sent so much, a second after the last one. */
void bed_count(struct bed *b, unsigned i, uint64_t sent)
{
	struct fact_totals *t = &b->puppets[i].call->totals;

	t->snapshot.taken_ns = b->now_ns + i;
	t->snapshot.counters[COUNTER_SENT] = sent;
	t->snapshot.counters[COUNTER_ACKNOWLEDGED] = sent - 1;
	t->edges[FACT_WINDOW_START].at_ns = 1100 * S;
	t->edges[FACT_WINDOW_START].counters[COUNTER_SENT] = sent / 10;
	t->host.usage.ticks = 100;
	t->host.usage.steal_ticks = i;
	(void)snprintf(t->host.environment.host, sizeof(t->host.environment.host), "host%u", i);
	hist_copy_record(&t->snapshot.latencies[WINDOW_MEASURED][LATENCY_PUBLISH], 5000, sent);
	t->agents = agent_of(b, sent);
	t->agents_count = 1;
}

void bed_snapshot(struct bed *b)
{
	bed_begin(b);
	bed_start(b, WORKER_SNAPSHOT);
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (b->puppets[i].call == NULL)
			continue;
		bed_count(b, i, UINT64_C(100) * (i + 1));
		bed_answer(b, i);
	}
	assert_int_equal(b->call.state, CALL_DONE);
}
