/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "util/file.h"
#include "worker/local_account.h"
#include "worker/local_debts.h"
#include "worker/local_state.h"

/* --- from run to run ---------------------------------------------------------------------------- */

static bool open_supervisor(struct local *l, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (!supervisor_init(&l->supervisor, l->calls, l, err))
		return false;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, supervisor_fd(&l->supervisor), &event) < 0)
		return error_set_errno(err, errno, "watching agents");
	return true;
}

bool local_init_run(struct local *l, struct error *err)
{
	l->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	l->pool_fd = -1;
	l->supervisor_ok = open_supervisor(l, &l->supervisor_err);
	if (!l->supervisor_ok)
		*err = l->supervisor_err;
	return l->supervisor_ok;
}

void local_fini_run(struct local *l)
{
	local_stop_broker(l);
	local_debts_forget(l);
	local_account_close(l);
	if (l->supervisor_ok)
		supervisor_fini(&l->supervisor);
	snapshot_fini(&l->period);
	snapshot_fini(&l->reset);
	file_close(l->pool_fd);
	free(l->events);
	arena_fini(&l->arena);
}

/* --- the call under way ------------------------------------------------------------------------- */

void local_set_timer(struct local *l, uint64_t at_ns)
{
	struct itimerspec when = { 0 };

	if (at_ns != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(at_ns / 1000000000u);
		when.it_value.tv_nsec = (long)(at_ns % 1000000000u);
	}
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	l->deadline_ns = at_ns;
}

void local_complete(struct local *l)
{
	l->call->state = CALL_DONE;
	l->call = NULL;
	local_set_timer(l, UINT64_MAX);
}

static void give_job_up(struct local *l)
{
	if (l->job != NULL)
		agent_kill(l->job, AGENT_UNWANTED);
	l->job = NULL;
}

void local_look_at_job(struct local *l, const struct agent *job)
{
	uint64_t progress = atomic_load_explicit(&job->shm->progress, memory_order_relaxed);

	l->job_asked = progress > 0;
	l->call->done = progress > 0 ? progress - 1 : 0;
}

/* Topics that nobody was asked to create are not there, and nobody has to delete them. */
static void forget_topics_never_asked_for(struct local *l)
{
	if (l->call->verb != WORKER_CREATE_TOPICS || l->job_asked)
		return;
	l->call->create_topics.names = NULL;
	l->names.topics_count = 0;
}

void local_fail(struct local *l, const struct error *err)
{
	if (l->job != NULL)
		local_look_at_job(l, l->job);
	forget_topics_never_asked_for(l);
	give_job_up(l);
	l->call->err = *err;
	l->call->state = CALL_FAILED;
	l->call = NULL;
	local_set_timer(l, UINT64_MAX);
}
