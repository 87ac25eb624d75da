/* SPDX-License-Identifier: Apache-2.0 */
#include "run/state.h"

#include <assert.h>

#include "run/progress.h"

/* A worker that does not answer even STOP_ALL in this time is not waited for any longer. */
#define STOP_LIMIT (15 * STATE_S)

/* A call that is still running so long after its limit belongs to a worker that broke its word. */
#define GRACE      (5 * STATE_S)

uint64_t state_now_ns(const struct run *r)
{
	return r->platform.now_ns(r->platform.to);
}

void state_look_for_signals(struct run *r)
{
	unsigned seen = r->platform.signals(r->platform.to);

	if (seen == r->signals)
		return;
	r->signals = seen;
	progress_interrupted(r);
}

/* One turn of the loop that all waiting goes through. */
static void serve_until(struct run *r, uint64_t until_ns)
{
	uint64_t tick = progress_next_ns(r);

	r->platform.wait(r->platform.to, worker_fd(r->w), until_ns < tick ? until_ns : tick);
	worker_serve(r->w);
	state_look_for_signals(r);
	if (state_now_ns(r) >= tick)
		progress_tick(r);
}

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

static void finish_call(struct run *r, struct worker_call *call, enum state_patience patience)
{
	struct worker_call stop = { .verb = WORKER_STOP_ALL, .arena = &r->arena };

	while (call->state == CALL_RUNNING) {
		r->done = call->done;
		r->wanted = call->wanted;
		if (r->signals >= (unsigned)patience && stop.state == CALL_IDLE &&
		    call->verb != WORKER_STOP_ALL) {
			stop.deadline_ns = state_now_ns(r) + STOP_LIMIT;
			worker_start(r->w, &stop);
			continue;
		}
		serve_until(r, later(call->deadline_ns, state_now_ns(r) + STATE_MS));
		/* Not to be trusted any further, and not to be waited for: the call is on our stack. */
		assert(state_now_ns(r) < call->deadline_ns + STOP_LIMIT + GRACE);
	}
	while (stop.state == CALL_RUNNING)
		serve_until(r, later(stop.deadline_ns, state_now_ns(r) + STATE_MS));
}

bool state_call(struct run *r, struct worker_call *call, uint64_t limit_ns,
                enum state_patience patience, struct error *err)
{
	if (!call->arena)
		call->arena = &r->arena;
	call->deadline_ns = state_now_ns(r) + limit_ns;
	worker_start(r->w, call);
	finish_call(r, call, patience);
	r->done = r->wanted = 0;
	if (call->state == CALL_DONE)
		return true;
	*err = call->err;
	return error_wrap(err, "%s", worker_verb_name(call->verb));
}

void state_wait(struct run *r, uint64_t until_ns)
{
	unsigned signals = r->signals;

	while (state_now_ns(r) < until_ns && r->signals == signals)
		serve_until(r, until_ns);
}

void state_enter(struct run *r, enum phase next)
{
	uint64_t now = state_now_ns(r);

	if (r->log_len > 0)
		r->log[r->log_len - 1].end_ns = now;
	r->phase = next;
	r->entered_ns = now;
	if (next == PHASE_DONE || next == PHASE_FAILED)
		return;
	assert(r->log_len < PHASE_COUNT);
	r->log[r->log_len++] = (struct record_phase){
		.name = phase_name(next),
		.start_ns = now,
		.end_ns = now,
	};
}

void state_fail(struct run *r, const struct error *err)
{
	if (r->failure.kind == ERROR_NONE)
		r->failure = *err;
}

void state_journal(struct run *r, struct text *line, enum journal_sync sync)
{
	struct error err = { 0 };

	if (r->journal.opened && r->journal.fd >= 0 &&
	    !journal_append(&r->journal, line->data, line->len, sync, &err)) {
		console_say(&r->console, CONSOLE_WARNING, r->platform.wall_ns(r->platform.to),
		            "the run goes on, but can no longer be recovered if it is killed: %s",
		            err.text);
		journal_stop(&r->journal);
	}
	text_fini(line);
}

struct phase_facts state_facts(const struct run *r)
{
	uint64_t now = state_now_ns(r);
	const struct sampler_fleet *fleet = &r->sampler.fleet;

	return (struct phase_facts){
		.phase = r->phase,
		.in_phase_ns = now - r->entered_ns,
		.failed = r->failure.kind != ERROR_NONE,
		.interrupted = r->signals >= 1,
		.hurried = r->signals >= 2,
		.load_started = r->load_started,
		.load_is_over = now >= r->window.load_end_ns,
		.producers_gone = fleet->producers > 0 && fleet->producers_lost == fleet->producers,
		.subscriptions = r->subscriptions,
		.subscriptions_ready = r->subscriptions_ready,
		.search_is_over = r->decision.converged,
		.drained = r->drained,
	};
}

bool state_advance(struct run *r, const struct phase_facts *facts)
{
	enum phase next = run_next_phase(&r->phases, facts);

	if (next == r->phase)
		return false;
	state_enter(r, next);
	return true;
}
