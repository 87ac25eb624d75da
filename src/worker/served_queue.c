/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/served_queue.h"

#include <stdlib.h>

#include "util/xalloc.h"

struct served_call *served_call_create(enum worker_verb verb, void (*ended)(struct served_call *c),
                                       void *to)
{
	struct served_call *c = xcalloc(1, sizeof(*c));

	c->call.verb = verb;
	c->call.arena = &c->arena;
	c->ended = ended;
	c->to = to;
	return c;
}

void served_call_destroy(struct served_call *c)
{
	switch ((unsigned)c->call.verb) {
	case WORKER_SNAPSHOT:
		fact_totals_fini(&c->call.totals);
		break;
	case WORKER_FINISH:
		fact_totals_fini(&c->call.finish.totals);
		break;
	case WORKER_PERIOD_STATS:
	case WORKER_CUMULATIVE_LATENCIES:
		snapshot_fini(&c->call.period.interval);
		break;
	default: /* all in the arena */
		break;
	}
	arena_fini(&c->arena);
	free(c);
}

static struct served_call *take_first(struct served_call **list)
{
	struct served_call *c = *list;

	*list = c->next;
	c->next = NULL;
	return c;
}

static void append(struct served_call **list, struct served_call *c)
{
	while (*list != NULL)
		list = &(*list)->next;
	*list = c;
}

static bool is_stop(const struct served_call *c)
{
	return c->call.verb == WORKER_STOP_ALL;
}

static void cancel(struct served_queue *q, struct served_call *c)
{
	error_set(&c->call.err, ERROR_CANCELLED, "%s was cancelled by stop-all",
	          worker_verb_name(c->call.verb));
	c->call.state = CALL_FAILED;
	append(&q->cancelled, c);
}

/* What waits, but for other stops. */
static void cancel_all(struct served_queue *q)
{
	struct served_call *all = q->first;

	q->first = NULL;
	while (all != NULL) {
		struct served_call *c = take_first(&all);
		if (is_stop(c))
			append(&q->first, c);
		else
			cancel(q, c);
	}
}

static void end(struct served_call **slot)
{
	struct served_call *c = *slot;

	*slot = NULL;
	c->ended(c);
}

static bool is_complete(const struct served_call *c)
{
	return c != NULL && c->call.state != CALL_RUNNING;
}

/* True: something has happened. */
static bool step(struct served_queue *q)
{
	if (q->cancelled != NULL) {
		struct served_call *c = take_first(&q->cancelled);
		c->ended(c);
	} else if (is_complete(q->running)) {
		end(&q->running);
	} else if (is_complete(q->stopping)) {
		end(&q->stopping);
	} else if (q->first != NULL && q->stopping == NULL &&
	           (q->running == NULL || is_stop(q->first))) {
		struct served_call *c = take_first(&q->first);
		if (is_stop(c))
			q->stopping = c;
		else
			q->running = c;
		worker_start(q->w, &c->call);
	} else {
		return false;
	}
	return true;
}

static void look(struct served_queue *q)
{
	if (q->is_looking)
		return; /* whoever looks goes on */
	q->is_looking = true;
	while (step(q))
		;
	q->is_looking = false;
}

void served_queue_add(struct served_queue *q, struct served_call *c)
{
	if (is_stop(c))
		cancel_all(q);
	append(&q->first, c);
	look(q);
}

void served_queue_serve(struct served_queue *q)
{
	worker_serve(q->w);
	look(q);
}

bool served_queue_is_busy(const struct served_queue *q)
{
	return q->running != NULL || q->stopping != NULL || q->first != NULL ||
	       q->cancelled != NULL;
}

static void forget(struct served_call **list)
{
	while (*list != NULL)
		served_call_destroy(take_first(list));
}

void served_queue_fini(struct served_queue *q)
{
	forget(&q->running);
	forget(&q->stopping);
	forget(&q->first);
	forget(&q->cancelled);
}
