/* SPDX-License-Identifier: Apache-2.0 */
#include "run/await.h"

#include <stdlib.h>

#include "run/limits.h"
#include "run/progress.h"
#include "run/state.h"
#include "stats/late.h"
#include "util/xalloc.h"

void await_signals(struct run *r)
{
	unsigned seen = r->platform.signals(r->platform.to);

	if (seen == r->await.signals)
		return;
	r->await.signals = seen;
	progress_interrupted(r);
}

/* The sentinel of this process, within the window: the series has a row for each second. */
static void time_wake_up(struct run *r, uint64_t wake_ns)
{
	uint64_t now_ns = state_now_ns(r);

	if (now_ns >= wake_ns && wake_ns >= r->window.edges.start_ns &&
	    wake_ns < r->window.edges.end_ns)
		late_record_copy(&r->await.late, &(struct late){ wake_ns, now_ns, LIMITS_S,
		                                                 r->window.edges.end_ns });
}

/* One turn of the loop that all waiting goes through. */
static void serve_until(struct run *r, uint64_t until_ns)
{
	uint64_t tick = progress_next_ns(r);
	uint64_t wake_ns = until_ns < tick ? until_ns : tick, began_ns = state_now_ns(r);

	r->platform.wait(r->platform.to, worker_fd(r->w), wake_ns);
	if (wake_ns > began_ns)
		time_wake_up(r, wake_ns);
	worker_serve(r->w);
	await_signals(r);
	if (state_now_ns(r) >= tick)
		progress_tick(r);
}

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

static bool is_overdue(const struct run *r, const struct worker_call *call)
{
	return call->state == CALL_RUNNING && state_now_ns(r) >= call->deadline_ns + LIMITS_GRACE;
}

static void begin(struct run *r, struct worker_call *call, uint64_t limit_ns)
{
	call->deadline_ns = state_now_ns(r) + limit_ns;
	worker_start(r->w, call);
}

/* Stops everything, which ends the call that is under way. */
static void begin_stop(struct run *r, struct worker_call *stop, bool hasty)
{
	uint32_t most_ms = hasty ? LIMITS_HASTY_MS : LIMITS_CANCEL_MS;

	*stop = (struct worker_call){
		.verb = WORKER_STOP_ALL,
		.arena = &r->arena,
		.stop = { .most_ms = most_ms },
	};
	begin(r, stop, limits_stop(r->plan, most_ms));
}

/*
 * Waits for the end of the call.  Signals, or a worker that does not keep to the limit, make it
 * stop everything, which fails the call; and a worker that does not even do that is not waited for
 * any longer.  An overdue call counts only after the worker was served twice since: this process
 * itself may have been stopped for a while.
 */
static void await_call(struct run *r, struct worker_call *call, struct worker_call *stop,
                       enum await_patience patience)
{
	unsigned overdue = 0;

	while (call->state == CALL_RUNNING || stop->state == CALL_RUNNING) {
		const struct worker_call *current = stop->state == CALL_IDLE ? call : stop;
		bool may_stop = stop->state == CALL_IDLE && call->verb != WORKER_STOP_ALL;

		r->await.done = call->done;
		r->await.wanted = call->wanted;
		if (may_stop && (r->await.signals >= (unsigned)patience || overdue > 1)) {
			begin_stop(r, stop, patience > PATIENCE_CONNECT);
			overdue = 0;
			continue;
		}
		if (overdue > 1 || (call->state == CALL_RUNNING && stop->state > CALL_RUNNING)) {
			r->await.worker_is_broken = true;
			return;
		}
		serve_until(r, later(current->deadline_ns, state_now_ns(r) + LIMITS_MS));
		overdue = is_overdue(r, current) ? overdue + 1 : 0;
	}
}

/* The worker's own until it is done with them: two that a broken worker never gives back are left to
 * it, in a list that nobody reads, for as long as this process lives. */
struct lent_calls {
	struct worker_call calls[2]; /* the verb, and the STOP_ALL that ends it */
	struct lent_calls *next;
};

static struct lent_calls *never_given_back;

static void keep_for_ever(struct lent_calls *lent)
{
	lent->next = never_given_back;
	never_given_back = lent;
}

/* By name, once. */
static void note_lack(struct run *r, enum worker_verb verb)
{
	const char *name = worker_verb_name(verb), *before = r->await.lacks;

	if (r->await.is_lacking[verb])
		return;
	r->await.is_lacking[verb] = true;
	r->await.lacks = before == NULL ? name : arena_printf(&r->arena, "%s, %s", before, name);
}

bool await_verb(struct run *r, struct worker_call *call, uint64_t limit_ns,
                enum await_patience patience, struct error *err)
{
	struct lent_calls *lent = xcalloc(1, sizeof(*lent));
	struct worker_call *calls = lent->calls;
	bool was_broken = r->await.worker_is_broken;

	if (!call->arena)
		call->arena = &r->arena;
	calls[0] = *call;
	if (!was_broken) {
		begin(r, &calls[0], limit_ns);
		await_call(r, &calls[0], &calls[1], patience);
	}
	*call = calls[0];
	r->await.done = r->await.wanted = 0;
	if (r->await.worker_is_broken)
		error_set(&call->err, ERROR_TIMEOUT, "the worker does not answer any more");
	if (was_broken || !r->await.worker_is_broken)
		free(lent);
	else
		keep_for_ever(lent);
	if (call->lacking)
		note_lack(r, call->verb);
	if (call->state == CALL_DONE && !r->await.worker_is_broken)
		return true;
	*err = call->err;
	return error_wrap(err, "%s", worker_verb_name(call->verb));
}

void await_instant(struct run *r, uint64_t until_ns)
{
	unsigned signals = r->await.signals;

	while (state_now_ns(r) < until_ns && r->await.signals == signals)
		serve_until(r, until_ns);
}
