/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/clock_table.h"
#include "worker/ensemble_state.h"

/* Any worker that is well takes it at once. */
#define TELL_NS UINT64_C(10000000000)

static bool may_tell(const struct ensemble_one *m)
{
	return !m->lost && (m->is.role & SHARE_CONSUME) != 0 &&
	       m->main.call.state != CALL_RUNNING && m->clocks.call.state != CALL_RUNNING;
}

static void tell(struct ensemble *e, struct ensemble_one *m)
{
	arena_fini(&m->clocks.arena);
	m->clocks.call = (struct worker_call){
		.verb = WORKER_SET_CLOCKS,
		.arena = &m->clocks.arena,
		.deadline_ns = ensemble_now_ns(e) + TELL_NS,
		.clocks = clock_table_make(e->clocks, m->index, &m->clocks.arena),
	};
	worker_start(m->is.worker, &m->clocks.call);
}

static void set_failed(struct ensemble_one *m, const struct error *err)
{
	m->clocks_err = *err;
	(void)error_wrap(&m->clocks_err, "its clocks could not be told");
}

/* One that cannot be told times by the record's own time, or says that it does not: that is no failure. */
static void look_at_answer(struct ensemble *e, struct ensemble_one *m)
{
	struct worker_call *call = &m->clocks.call;

	if (call->state != CALL_DONE && call->state != CALL_FAILED)
		return;
	if (call->state == CALL_DONE || call->lacking)
		clock_table_told(e->clocks, m->index, ensemble_now_ns(e));
	else if (!m->lost && e->stop == NULL)
		set_failed(m, &call->err);
	call->state = CALL_IDLE;
}

static void look_at_deadline(struct ensemble *e, struct ensemble_one *m)
{
	const struct worker_call *call = &m->clocks.call;
	struct error err;

	if (call->state != CALL_RUNNING || m->lost ||
	    ensemble_now_ns(e) < call->deadline_ns + ENSEMBLE_GRACE_NS)
		return;
	error_set(&err, ERROR_TIMEOUT, "no answer in time");
	set_failed(m, &err);
}

bool ensemble_clocks_are_told(const struct ensemble *e)
{
	for (unsigned i = 0; e->clocks != NULL && i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];
		if (!m->lost && (m->is.role & SHARE_CONSUME) != 0 &&
		    (m->clocks.call.state == CALL_RUNNING || clock_table_wants(e->clocks, i)))
			return false;
	}
	return true;
}

void ensemble_clocks_round(struct ensemble *e)
{
	uint64_t now_ns = ensemble_now_ns(e);

	if (e->clocks != NULL && clock_table_is_due(e->clocks, now_ns))
		clock_table_round(e->clocks, now_ns);
}

void ensemble_clocks_look(struct ensemble *e)
{
	if (e->clocks == NULL)
		return;
	for (unsigned i = 0; i < e->count; i++) {
		look_at_answer(e, &e->members[i]);
		look_at_deadline(e, &e->members[i]);
	}
	if (e->stop != NULL)
		return;
	if (e->loading)
		ensemble_clocks_round(e);
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		if (!may_tell(m) || !clock_table_wants(e->clocks, i))
			continue;
		tell(e, m);
		look_at_answer(e, m);
	}
}

void ensemble_clocks_window(struct ensemble *e)
{
	const struct worker_window *w = &e->window;

	if (e->clocks != NULL && w->start_ns != UINT64_MAX && w->end_ns != UINT64_MAX)
		clock_table_window(e->clocks, w->start_ns, w->end_ns);
}

void ensemble_clocks_tell_totals(struct ensemble *e, struct fact_totals *out)
{
	if (e->clocks == NULL)
		return;
	clock_table_finish(e->clocks, e->finish_ns);
	out->clocks = clock_table_facts(e->clocks);
	for (size_t i = 0; i < out->workers_count; i++)
		out->workers[i].clock = clock_table_fact(e->clocks, (unsigned)i);
}
