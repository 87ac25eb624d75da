/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/ensemble.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "load/stamp.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"
#include "worker/clock_table.h"
#include "worker/ensemble_state.h"

/* Looked at again so much later when it is past an instant and nothing has happened. */
#define SOON_NS     UINT64_C(1000000)

/* This process may have been stopped for a while itself: who is late has to be served twice since. */
#define OVERDUE_MAX 1

static bool is_open(enum ensemble_part part)
{
	return part == PART_WAITING || part == PART_ASKED;
}

/* --- losses ------------------------------------------------------------------------------------- */

static void describe_loss(struct ensemble *e, struct ensemble_one *m)
{
	uint64_t seen_ns = m->seen.snapshot.taken_ns;

	if (seen_ns == 0 || seen_ns > m->lost_ns)
		m->why = arena_printf(&e->arena, "%s was lost: %s", m->label, m->lost_err.text);
	else
		m->why = arena_printf(
			&e->arena,
			"%s was lost: %s; what it did in the last %.1f s before that is "
			"not known",
			m->label, m->lost_err.text, (double)(m->lost_ns - seen_ns) / 1e9);
}

/* Another leader does what the one did not that is lost, or lacks the verb. */
static void ask_next(struct ensemble *e)
{
	struct ensemble_one *next = ensemble_leader(e);

	if (e->call == NULL || ensemble_rules[e->call->verb].lack != LACK_NEXT || next == NULL ||
	    next->part != PART_NONE)
		return;
	next->part = PART_WAITING;
	next->asked = e->call->verb;
}

static void ask_to_stop(struct ensemble_one *m, struct worker_stop how, uint64_t deadline_ns)
{
	m->stop.call = (struct worker_call){
		.verb = WORKER_STOP_ALL,
		.arena = &m->stop.arena,
		.deadline_ns = deadline_ns,
		.stop = how,
	};
	worker_start(m->is.worker, &m->stop.call);
}

/* One that is given up and may be there still must not go on with its load. */
static void send_home(struct ensemble *e, struct ensemble_one *m)
{
	struct error ignored;

	if (m->stop.call.state != CALL_RUNNING && !worker_is_gone(m->is.worker, &ignored))
		ask_to_stop(m, (struct worker_stop){ .most_ms = 0 },
		            ensemble_now_ns(e) + ENSEMBLE_HOME_NS);
}

/* For good.  Whether a call has to fail because of it is decided here. */
static void lose(struct ensemble *e, struct ensemble_one *m, const struct error *why)
{
	if (is_open(m->stop_part) || m->stop_part == PART_FAILED)
		m->stop_part = PART_LOST;
	if (m->lost)
		return;
	m->lost = true;
	m->lost_ns = ensemble_now_ns(e);
	m->lost_err = *why;
	describe_loss(e, m);
	e->losses++;
	if (e->clocks != NULL)
		clock_table_lost(e->clocks, m->index, m->lost_ns);
	m->untold = !e->loading || e->losses > e->tolerate_losses;
	if (m->untold && e->failed_ns == 0)
		e->failed_ns = m->lost_ns;
	if (is_open(m->part) || m->part == PART_FAILED) {
		m->part = PART_LOST;
		ask_next(e);
	}
	if (m->stop_part != PART_LOST)
		send_home(e, m);
}

static void look_for_losses(struct ensemble *e)
{
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		struct error why = m->clocks_err;

		if (!m->lost &&
		    (worker_is_gone(m->is.worker, &why) || m->clocks_err.kind != ERROR_NONE))
			lose(e, m, &why);
	}
}

static bool has_untold(const struct ensemble *e)
{
	for (unsigned i = 0; i < e->count; i++)
		if (e->members[i].untold)
			return true;
	return false;
}

static void set_told(struct ensemble *e)
{
	for (unsigned i = 0; i < e->count; i++)
		e->members[i].untold = false;
}

/* --- answers ------------------------------------------------------------------------------------ */

static void free_ask(struct ensemble_ask *a)
{
	ensemble_drop_answer(&a->call);
	arena_fini(&a->arena);
	a->call.state = CALL_IDLE;
}

/* In place of finish: what it has counted, and then it ends. */
static void replace(struct ensemble *e, struct ensemble_one *m)
{
	e->call->lacking = true;
	m->asked = WORKER_SNAPSHOT;
	m->part = PART_WAITING;
	free_ask(&m->main);
}

static void take_lack(struct ensemble *e, struct ensemble_one *m)
{
	assert(e->call != NULL); /* no member has a part in none */
	enum ensemble_lack lack = ensemble_rules[e->call->verb].lack;

	if (lack == LACK_REPLACE && m->asked == WORKER_FINISH) {
		replace(e, m);
		return;
	}
	m->part = PART_LACKS;
	ask_next(e);
}

static void fail_part(struct ensemble *e, struct ensemble_one *m, const struct error *err)
{
	struct error why = *err;
	uint64_t now_ns = ensemble_now_ns(e);
	bool is_silent = ensemble_is_quick(m->asked) && err->kind == ERROR_TIMEOUT &&
	                 now_ns >= e->deadline_ns;

	m->part = PART_FAILED;
	m->err = *err;
	if (worker_is_gone(m->is.worker, &why)) {
		lose(e, m, &why);
	} else if (is_silent) {
		error_set(&why, ERROR_TIMEOUT, "it did not answer %s in time",
		          worker_verb_name(m->asked));
		lose(e, m, &why);
	} else if (e->failed_ns == 0) {
		e->failed_ns = now_ns;
	}
}

static void take_answer(struct ensemble *e, struct ensemble_one *m)
{
	struct worker_call *call = &m->main.call;

	assert(e->call != NULL); /* no member has a part in none */
	m->part = PART_ANSWERED;
	if (m->asked == WORKER_FINISH)
		ensemble_take_totals(m, &call->finish.totals);
	else if (m->asked == WORKER_SNAPSHOT)
		ensemble_take_totals(m, &call->totals);
	if (e->call->verb != WORKER_FINISH || m->asked == WORKER_FINISH)
		return;
	/* It has told what it knows, but has not ended; or it has: */
	if (m->asked == WORKER_STOP_ALL)
		return;
	arena_adopt(&m->kept, &m->main.arena);
	m->main.call.state = CALL_IDLE;
	m->asked = WORKER_STOP_ALL;
	m->part = PART_WAITING;
}

static void look_at_part(struct ensemble *e, struct ensemble_one *m)
{
	struct worker_call *call = &m->main.call;

	if (call->state == CALL_RUNNING || call->state == CALL_IDLE)
		return;
	if (m->part != PART_ASKED) { /* nobody waits for it any more, or it is read already */
		if (m->part != PART_ANSWERED && m->part != PART_FAILED)
			free_ask(&m->main);
		return;
	}
	if (call->state == CALL_DONE)
		take_answer(e, m);
	else if (call->lacking)
		take_lack(e, m);
	else
		fail_part(e, m, &call->err);
}

/* --- the end of a call -------------------------------------------------------------------------- */

static void end_parts(struct ensemble *e, struct arena *arena)
{
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];

		if (m->main.call.state != CALL_RUNNING) {
			fact_totals_fini(&m->totals);
			m->totals = (struct fact_totals){ .agents = NULL };
			ensemble_drop_answer(&m->main.call); /* one that was not merged */
			arena_adopt(arena, &m->main.arena);
			m->main.call.state = CALL_IDLE;
		}
		arena_adopt(arena, &m->kept);
		m->part = PART_NONE;
	}
}

static void end_call(struct ensemble *e, bool ok, const struct error *err)
{
	struct worker_call *call = e->call;

	e->call = NULL;
	end_parts(e, call->arena);
	call->state = ok ? CALL_DONE : CALL_FAILED;
	if (!ok)
		call->err = *err;
	if (ok && call->verb == WORKER_START_LOAD)
		e->loading = true;
	if (call->verb == WORKER_FINISH)
		e->loading = false;
}

static unsigned count_parts(const struct ensemble *e, enum ensemble_part part)
{
	unsigned count = 0;

	for (unsigned i = 0; i < e->count; i++)
		count += e->members[i].part == part;
	return count;
}

/* Topics that may exist must be deleted. */
static void tell_topics(struct ensemble *e)
{
	for (unsigned i = 0; i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];
		if (m->part == PART_FAILED && e->call->verb == WORKER_CREATE_TOPICS)
			e->call->create_topics.names = m->main.call.create_topics.names;
	}
}

/* Counts of the dead are answers, too; everything else needs somebody who lives. */
static bool can_do_alone(enum worker_verb verb)
{
	return verb == WORKER_SNAPSHOT || verb == WORKER_FINISH || verb == WORKER_EVENTS ||
	       verb == WORKER_COUNTERS_STATS;
}

/* Answers to the verb are all there will be: is it done?  False: *err says why. */
static bool conclude(struct ensemble *e, struct error *err)
{
	struct worker_call *call = e->call;
	const struct ensemble_rule *rule = &ensemble_rules[call->verb];
	unsigned answered = count_parts(e, PART_ANSWERED), lacks = count_parts(e, PART_LACKS);
	bool nobody = ensemble_leader(e) == NULL && lacks == 0;

	if (count_parts(e, PART_FAILED) + count_parts(e, PART_ASKED) +
	                    count_parts(e, PART_WAITING) >
	            0 ||
	    (has_untold(e) && !rule->goes_on) || (nobody && !can_do_alone(call->verb))) {
		tell_topics(e);
		return ensemble_tell_failure(e, false, err);
	}
	if (lacks > 0 && (rule->lack == LACK_WHOLE || answered == 0)) {
		worker_lacks(call);
		*err = call->err;
		return false;
	}
	call->lacking |= lacks > 0 && rule->lack == LACK_REST;
	return ensemble_merge(e, call, err);
}

static void conclude_call(struct ensemble *e)
{
	struct error err = { .kind = ERROR_NONE };
	bool ok = false;

	if (e->is_cancelled) {
		e->is_cancelled = false;
		tell_topics(e);
		error_set(&err, ERROR_CANCELLED, "cancelled by stop-all");
		end_call(e, false, &err);
		return;
	}
	ok = conclude(e, &err);
	if (!ok || e->call->verb == WORKER_FINISH)
		set_told(e);
	end_call(e, ok, &err);
}

static bool is_overdue(uint64_t now_ns, uint64_t deadline_ns)
{
	return deadline_ns != UINT64_MAX && now_ns >= deadline_ns + ENSEMBLE_GRACE_NS;
}

/* A form that does not end its own call when that is due is not to be trusted. */
static void lose_overdue(struct ensemble *e, bool of_stop)
{
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		struct error why;

		if (!is_open(of_stop ? m->stop_part : m->part))
			continue;
		error_set(&why, ERROR_TIMEOUT, "it did not answer %s in time",
		          worker_verb_name(of_stop ? WORKER_STOP_ALL : m->asked));
		lose(e, m, &why);
	}
}

static void add_progress(struct ensemble *e)
{
	uint64_t done = 0, wanted = 0;

	for (unsigned i = 0; i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];
		if (m->part != PART_ASKED && m->part != PART_ANSWERED)
			continue;
		done += m->main.call.done;
		wanted += m->main.call.wanted;
	}
	e->call->done = done;
	e->call->wanted = wanted;
}

/* False: there was nothing to start. */
static bool start_waiting(struct ensemble *e)
{
	bool started = false;

	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];

		if (m->part != PART_WAITING || m->main.call.state == CALL_RUNNING ||
		    m->clocks.call.state == CALL_RUNNING)
			continue;
		if (m->main.call.state != CALL_IDLE)
			free_ask(&m->main);
		m->part = PART_ASKED;
		ensemble_share_of(e, m, e->call, &m->main.arena, &m->main.call);
		worker_start(m->is.worker, &m->main.call);
		started = true;
	}
	return started;
}

static void look_at_parts(struct ensemble *e)
{
	for (unsigned i = 0; i < e->count; i++)
		look_at_part(e, &e->members[i]);
}

static void look_at_call(struct ensemble *e)
{
	uint64_t now_ns = ensemble_now_ns(e);

	if (is_overdue(now_ns, e->deadline_ns) && ++e->overdue > OVERDUE_MAX)
		lose_overdue(e, false);
	do /* an answer may be there at once, and something be left to ask for then */
		look_at_parts(e);
	while (!e->is_cancelled && start_waiting(e));

	bool is_given_up = e->failed_ns != 0 && !ensemble_rules[e->call->verb].goes_on &&
	                   now_ns >= e->failed_ns + ENSEMBLE_PATIENCE_NS;
	unsigned open = count_parts(e, PART_ASKED);
	open += e->is_cancelled ? 0 : count_parts(e, PART_WAITING);
	open += e->call->verb == WORKER_START_LOAD && !ensemble_clocks_are_told(e);
	if (open == 0 || is_given_up)
		conclude_call(e);
	else
		add_progress(e);
}

/* --- stopping ----------------------------------------------------------------------------------- */

/* Of the lost ones those that may hear it still. */
static bool can_be_stopped(struct ensemble_one *m)
{
	struct error ignored;

	return !m->lost ||
	       (m->stop.call.state != CALL_DONE && !worker_is_gone(m->is.worker, &ignored));
}

static void start_stop(struct ensemble *e, struct worker_call *call)
{
	e->stop = call;
	e->stop_overdue = 0;
	e->stop_deadline_ns = call->deadline_ns != 0 ? call->deadline_ns : UINT64_MAX;
	e->is_cancelled = e->call != NULL;
	look_for_losses(e);
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];

		if (!can_be_stopped(m))
			continue;
		m->stop_part = PART_ASKED;
		if (m->stop.call.state != CALL_RUNNING)
			ask_to_stop(m, call->stop, call->deadline_ns);
	}
}

static void look_at_stop_part(struct ensemble *e, struct ensemble_one *m)
{
	const struct worker_call *call = &m->stop.call;
	struct error why = { .kind = ERROR_NONE };

	if (m->stop_part != PART_ASKED || call->state == CALL_RUNNING)
		return;
	if (call->state == CALL_DONE) {
		m->stop_part = PART_ANSWERED;
	} else if (call->lacking) {
		m->stop_part = PART_LACKS;
	} else {
		m->stop_part = PART_FAILED;
		m->err = call->err;
		if (worker_is_gone(m->is.worker, &why))
			lose(e, m, &why);
	}
}

static void conclude_stop(struct ensemble *e)
{
	struct worker_call *stop = e->stop;
	bool ok = true;

	if (e->call != NULL)
		conclude_call(e);
	for (unsigned i = 0; i < e->count; i++) {
		const struct ensemble_one *m = &e->members[i];
		stop->lacking |= m->stop_part == PART_LACKS;
		ok = ok && m->stop_part != PART_FAILED && m->stop_part != PART_LOST;
	}
	if (!ok) {
		(void)ensemble_tell_failure(e, true, &stop->err);
		set_told(e);
	}
	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];
		m->stop_part = PART_NONE;
		if (m->stop.call.state != CALL_RUNNING)
			arena_fini(&m->stop.arena);
	}
	e->loading = e->is_cancelled = false;
	e->stop = NULL;
	stop->state = ok ? CALL_DONE : CALL_FAILED;
}

static void look_at_stop(struct ensemble *e)
{
	unsigned open = 0;

	if (is_overdue(ensemble_now_ns(e), e->stop_deadline_ns) && ++e->stop_overdue > OVERDUE_MAX)
		lose_overdue(e, true);
	for (unsigned i = 0; i < e->count; i++) {
		look_at_stop_part(e, &e->members[i]);
		open += e->members[i].stop_part == PART_ASKED;
	}
	if (open == 0)
		conclude_stop(e);
}

/* --- the table of verbs ------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

/* The end of an instant's grace; soon, if that is over. */
static uint64_t end_of_grace_ns(uint64_t deadline_ns, uint64_t now_ns)
{
	if (deadline_ns == UINT64_MAX)
		return UINT64_MAX;
	return deadline_ns + ENSEMBLE_GRACE_NS > now_ns ? deadline_ns + ENSEMBLE_GRACE_NS
	                                                : now_ns + SOON_NS;
}

uint64_t ensemble_next_ns(const struct worker *w)
{
	const struct ensemble *e = ensemble_of(w);
	uint64_t now_ns = ensemble_now_ns(e), next_ns = UINT64_MAX;

	if (e->call != NULL)
		next_ns = end_of_grace_ns(e->deadline_ns, now_ns);
	if (e->call != NULL && e->failed_ns != 0 && !ensemble_rules[e->call->verb].goes_on)
		next_ns = earlier(next_ns, e->failed_ns + ENSEMBLE_PATIENCE_NS);
	if (e->stop != NULL)
		next_ns = earlier(next_ns, end_of_grace_ns(e->stop_deadline_ns, now_ns));
	for (unsigned i = 0; i < e->count; i++) {
		const struct worker_call *clocks = &e->members[i].clocks.call;
		if (clocks->state == CALL_RUNNING && !e->members[i].lost)
			next_ns = earlier(next_ns, end_of_grace_ns(clocks->deadline_ns, now_ns));
	}
	return next_ns;
}

static void set_timer(struct ensemble *e)
{
	struct itimerspec when = { 0 };
	uint64_t at_ns = ensemble_next_ns(&e->base);

	if (e->timer_fd < 0)
		return;
	if (at_ns != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(at_ns / 1000000000u);
		when.it_value.tv_nsec = (long)(at_ns % 1000000000u);
	}
	(void)timerfd_settime(e->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void look(struct ensemble *e)
{
	ensemble_clocks_look(e);
	look_for_losses(e);
	if (e->stop != NULL)
		look_at_stop(e);
	if (e->call != NULL)
		look_at_call(e);
	else
		look_at_parts(e);
	ensemble_clocks_look(e);
	set_timer(e);
}

static uint64_t deadline_of(const struct ensemble *e, const struct worker_call *call)
{
	uint64_t limit_ns = worker_verbs[call->verb].limit_ns;

	if (call->deadline_ns != 0)
		return call->deadline_ns;
	return limit_ns != UINT64_MAX ? ensemble_now_ns(e) + limit_ns : UINT64_MAX;
}

/* A run begins with all members, and nothing of the one before. */
static void begin_run(struct ensemble *e)
{
	for (unsigned i = 0; i < e->count; i++) {
		e->members[i].untold |= e->members[i].lost;
		ensemble_forget(&e->members[i]);
	}
}

static void start_call(struct ensemble *e, struct worker_call *call)
{
	struct error err = { .kind = ERROR_NONE };

	assert(e->call == NULL);
	e->call = call;
	e->overdue = 0;
	e->failed_ns = 0;
	e->deadline_ns = deadline_of(e, call);
	look_for_losses(e);
	if (call->verb == WORKER_INITIALIZE_DRIVER)
		begin_run(e);
	if (has_untold(e) && !ensemble_rules[call->verb].goes_on)
		conclude_call(e);
	else if (!ensemble_share(e, call, &err))
		end_call(e, false, &err);
	if (call->verb == WORKER_SET_WINDOW)
		ensemble_clocks_window(e);
	else if (call->verb == WORKER_START_LOAD && call->state == CALL_RUNNING)
		ensemble_clocks_round(e);
	else if (call->verb == WORKER_FINISH)
		e->finish_ns = ensemble_now_ns(e);
}

static void ensemble_start(struct worker *w, struct worker_call *call)
{
	struct ensemble *e = ensemble_of(w);

	if (call->verb == WORKER_CLOCK) {
		call->clock_ns = ensemble_now_ns(e);
		call->state = CALL_DONE;
		return;
	}
	if (call->verb == WORKER_STOP_ALL)
		start_stop(e, call);
	else
		start_call(e, call);
	look(e);
}

static int ensemble_fd(struct worker *w)
{
	return ensemble_of(w)->epoll_fd;
}

static void ensemble_serve(struct worker *w)
{
	struct ensemble *e = ensemble_of(w);

	for (unsigned i = 0; i < e->count; i++)
		worker_serve(e->members[i].is.worker);
	look(e);
}

/* --- its life ----------------------------------------------------------------------------------- */

static void ensemble_destroy(struct worker *w)
{
	struct ensemble *e = ensemble_of(w);

	for (unsigned i = 0; i < e->count; i++) {
		struct ensemble_one *m = &e->members[i];

		worker_destroy(m->is.worker);
		ensemble_forget(m);
		ensemble_drop_answer(&m->main.call);
		arena_fini(&m->main.arena);
		arena_fini(&m->stop.arena);
		arena_fini(&m->clocks.arena);
		arena_fini(&m->kept);
	}
	shares_slots_fini(&e->producers);
	shares_slots_fini(&e->consumers);
	file_close(e->epoll_fd);
	file_close(e->timer_fd);
	arena_fini(&e->arena);
	free(e->members);
	free(e);
}

static const struct worker_ops ensemble_ops = {
	.name = "ensemble",
	.start = ensemble_start,
	.fd = ensemble_fd,
	.serve = ensemble_serve,
	.destroy = ensemble_destroy,
};

static uint64_t real_now_ns(void *to)
{
	(void)to;
	return clock_ns();
}

static void add_member(struct ensemble *e, unsigned index, const struct ensemble_member *from)
{
	struct ensemble_one *m = &e->members[index];

	m->is = *from;
	m->is.name = arena_strdup(&e->arena, from->name);
	m->is.url = arena_strdup(&e->arena, from->url);
	m->index = index;
	m->label = arena_printf(&e->arena, "worker %u (%s)", index, from->url);
}

/* Members that share a client have one descriptor. */
static bool watch(struct ensemble *e, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	e->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (e->epoll_fd < 0 || e->timer_fd < 0 ||
	    epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->timer_fd, &event) < 0)
		return error_set_errno(err, errno, "watching workers");
	for (unsigned i = 0; i < e->count; i++) {
		int fd = worker_fd(e->members[i].is.worker);
		if (fd >= 0 && epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 &&
		    errno != EEXIST)
			return error_set_errno(err, errno, "watching %s", e->members[i].label);
	}
	return true;
}

static bool check_options(const struct ensemble_options *o, struct error *err)
{
	unsigned roles = 0;

	if (o->count == 0 || o->count > STAMP_WORKERS)
		return error_set(err, ERROR_CONFIG, "%u workers: it must be 1..%u", o->count,
		                 STAMP_WORKERS);
	for (unsigned i = 0; i < o->count; i++)
		roles |= o->members[i].role;
	if (roles != SHARE_BOTH)
		return error_set(err, ERROR_CONFIG, "no worker %s",
		                 (roles & SHARE_PRODUCE) != 0 ? "consumes" : "produces");
	return true;
}

struct worker *ensemble_create(const struct ensemble_options *o, struct error *err)
{
	if (!check_options(o, err))
		return NULL;

	struct ensemble *e = xcalloc(1, sizeof(*e));
	*e = (struct ensemble){
		.base = { .ops = &ensemble_ops },
		.members = xcalloc(o->count, sizeof(*e->members)),
		.count = o->count,
		.tolerate_losses = o->tolerate_losses,
		.now_ns = o->now_ns != NULL ? o->now_ns : real_now_ns,
		.to = o->to,
		.clocks = o->clocks,
		.epoll_fd = -1,
		.timer_fd = -1,
	};
	for (unsigned i = 0; i < o->count; i++)
		add_member(e, i, &o->members[i]);
	e->facts = arena_alloc(&e->arena, o->count * sizeof(*e->facts));
	if (o->now_ns == NULL && !watch(e, err)) {
		e->count = 0; /* members are the caller's still */
		ensemble_destroy(&e->base);
		return NULL;
	}
	return &e->base;
}

const struct fact_worker *ensemble_workers(const struct worker *w, unsigned *count)
{
	const struct ensemble *e = ensemble_of(w);

	ensemble_fill_facts(e, e->facts);
	*count = e->count;
	return e->facts;
}
