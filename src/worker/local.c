/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"
#include "worker/local_account.h"
#include "worker/local_state.h"
#include "worker/local_verbs.h"

static struct local *local_of(struct worker *w)
{
	return (struct local *)w; /* base is the first member */
}

/* --- what happens ------------------------------------------------------------------------------- */

static void on_opened(void *to, struct agent *a)
{
	struct local *l = to;

	if (a == l->broker) {
		local_verb_broker_open(l);
		return;
	}
	local_agent_opened(l, a);
	if (local_verb_opening(l) == NULL)
		return;
	l->call->done++;
	local_verb_look(l);
}

static void on_answered(void *to, struct agent *a, const struct agent_answer *answer)
{
	struct local *l = to;

	if (!answer->ok && l->call != NULL && answer->tag == l->tag) {
		struct error err = answer->err;
		error_wrap(&err, "%s agent %u", agent_role_name(a->spec.role), a->spec.index);
		local_fail(l, &err);
		return;
	}
	local_verb_look(l);
}

static bool broker_has_failed(const struct local *l)
{
	return l->broker != NULL &&
	       atomic_load_explicit(&l->broker->shm->state, memory_order_acquire) == AGENT_FAILED;
}

static void on_lost(struct local *l, struct agent *a)
{
	struct error err = { 0 };

	const struct local_slots *slots = local_verb_opening(l);
	bool is_opening = slots != NULL && slots->items[0].role == a->spec.role;
	/* Without its broker the driver cannot start, and administration cannot end. */
	bool needs_broker = a == l->broker && l->call != NULL &&
	                    (l->call->verb == WORKER_INITIALIZE_DRIVER || l->job != NULL);

	local_agent_ended(l, a, !is_opening);
	if (!is_opening && !needs_broker)
		return;
	/* Clients whose broker has gone say no more than that. */
	const struct agent *culprit = broker_has_failed(l) ? l->broker : a;
	if (culprit == a)
		agent_describe_end(a, &err);
	else
		err = culprit->shm->error;
	error_wrap(&err, "%s agent %u", agent_role_name(culprit->spec.role), culprit->spec.index);
	local_fail(l, &err);
}

static void on_ended(void *to, struct agent *a)
{
	struct local *l = to;

	if (a == l->job) {
		local_verb_job_ended(l);
		return;
	}
	if (a->job != NULL && a != l->broker)
		return; /* a job that was given up */
	if (a->given_up)
		return; /* told already, when it was given up */
	if (agent_is_lost(a))
		on_lost(l, a);
	else
		local_agent_ended(l, a, false);
	if (a == l->broker)
		l->broker = NULL;
	local_verb_look(l);
}

static void on_wrote(void *to, const char *line)
{
	struct local *l = to;
	struct fact_event event = { .kind = EVENT_STDERR, .at_ns = clock_ns(), .text = line };

	if (++l->stderr_lines <= LOCAL_STDERR_MAX)
		local_add_event(l, &event);
}

static const struct supervisor_calls calls = {
	.opened = on_opened,
	.answered = on_answered,
	.ended = on_ended,
	.wrote = on_wrote,
};

/* --- the worker --------------------------------------------------------------------------------- */

static void cancel_call(struct local *l)
{
	struct error err;

	error_set(&err, ERROR_CANCELLED, "%s was cancelled by stop-all",
	          worker_verb_name(l->call->verb));
	local_fail(l, &err);
}

static void local_start(struct worker *w, struct worker_call *call)
{
	const struct worker_verb_row *row = &worker_verbs[call->verb];
	struct local *l = local_of(w);
	struct error err;

	if (l->call != NULL && call->verb == WORKER_STOP_ALL)
		cancel_call(l);
	assert(l->call == NULL);
	l->call = call;
	if (!l->supervisor_ok) {
		local_fail(l, &l->supervisor_err);
		return;
	}
	if (row->needs_driver && l->driver == NULL) {
		error_set(&err, ERROR_USAGE, "%s: no driver is present", row->name);
		local_fail(l, &err);
		return;
	}
	if (row->limit_ns != UINT64_MAX)
		local_set_timer(l, call->deadline_ns != 0 ? call->deadline_ns
		                                          : clock_ns() + row->limit_ns);
	local_verb_start(l);
}

static int local_fd(struct worker *w)
{
	return local_of(w)->epoll_fd;
}

static void local_serve(struct worker *w)
{
	struct local *l = local_of(w);

	supervisor_serve(&l->supervisor);
	local_account_look(l);
	if (l->job != NULL && l->call != NULL)
		local_look_at_job(l, l->job);
	if (l->call != NULL && clock_ns() >= l->deadline_ns)
		local_verb_timed_out(l);
}

static void local_destroy(struct worker *w)
{
	struct local *l = local_of(w);

	local_fini_run(l);
	file_close(l->timer_fd);
	file_close(l->epoll_fd);
	free(l);
}

static const struct worker_ops local_ops = {
	.name = "local",
	.start = local_start,
	.fd = local_fd,
	.serve = local_serve,
	.destroy = local_destroy,
};

static bool open_descriptors(struct local *l, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->timer_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->timer_fd, &event) < 0)
		return error_set_errno(err, errno, "opening descriptors for agents");
	return true;
}

struct worker *worker_local_create(void)
{
	struct local *l = xcalloc(1, sizeof(*l));
	struct error err;

	l->base.ops = &local_ops;
	l->calls = &calls;
	l->deadline_ns = UINT64_MAX;
	l->pool_fd = -1;
	environment_read(&l->environment);
	if (!open_descriptors(l, &err))
		l->supervisor_err = err;
	else
		(void)local_init_run(l, &err);
	return &l->base;
}
