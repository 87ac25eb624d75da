/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "plan/names.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"
#include "worker/local_state.h"

/* Limits of verbs whose call names none. */
#define DEFAULT_LIMIT_NS (UINT64_C(60) * 1000000000)
/* As long as OMB's coordinator waits for topics. */
#define TOPICS_LIMIT_NS  (UINT64_C(600) * 1000000000)

static struct local *local_of(struct worker *w)
{
	return (struct local *)w; /* base is the first member */
}

/* --- the call under way --------------------------------------------------------------------------- */

static void set_timer(struct local *l, uint64_t at_ns)
{
	struct itimerspec when = { 0 };

	if (at_ns != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(at_ns / 1000000000u);
		when.it_value.tv_nsec = (long)(at_ns % 1000000000u);
	}
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	l->deadline_ns = at_ns;
}

static void complete(struct local *l)
{
	l->call->state = CALL_DONE;
	l->call = NULL;
	set_timer(l, UINT64_MAX);
}

static void give_job_up(struct local *l)
{
	if (l->job != NULL)
		agent_kill(l->job, AGENT_UNWANTED);
	l->job = NULL;
}

static void look_at_job(struct local *l, const struct agent *job)
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

static void fail(struct local *l, const struct error *err)
{
	if (l->job != NULL)
		look_at_job(l, l->job);
	forget_topics_never_asked_for(l);
	give_job_up(l);
	l->call->err = *err;
	l->call->state = CALL_FAILED;
	l->call = NULL;
	set_timer(l, UINT64_MAX);
}

/* --- the supervisor -------------------------------------------------------------------------------- */

static void on_opened(void *to, struct agent *a);
static void on_answered(void *to, struct agent *a, const struct agent_answer *answer);
static void on_ended(void *to, struct agent *a);
static void on_wrote(void *to, const char *line);

static const struct supervisor_calls calls = {
	.opened = on_opened,
	.answered = on_answered,
	.ended = on_ended,
	.wrote = on_wrote,
};

static bool open_supervisor(struct local *l, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (!supervisor_init(&l->supervisor, &calls, l, err))
		return false;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, supervisor_fd(&l->supervisor), &event) < 0)
		return error_set_errno(err, errno, "watching agents");
	return true;
}

/* --- jobs: describe, topics, delete ----------------------------------------------------------------- */

static void take_description(struct local *l, struct worker_initialize *to)
{
	local_take_rows(l, &to->rows);
	if (l->driver->standstill_ms != NULL)
		to->standstill_ms = l->driver->standstill_ms(l->driver_config);
}

/* Its own error, or how its process ended. */
static void describe_job_end(const struct agent *a, struct error *err)
{
	agent_describe_end(a, err);
	if (atomic_load_explicit(&a->shm->state, memory_order_acquire) != AGENT_FAILED)
		error_wrap(err, "the process for it (%d)", (int)a->pid);
}

static void job_ended(struct local *l, struct agent *a)
{
	struct error err = { 0 };

	assert(l->call != NULL); /* a call that fails gives its job up */
	look_at_job(l, a);
	bool ok = a->wait_status == 0;
	if (!ok)
		describe_job_end(a, &err);
	else if (l->call->verb == WORKER_INITIALIZE_DRIVER)
		take_description(l, &l->call->initialize);
	else if (l->call->verb == WORKER_TOPIC_ENDS)
		local_take_ends(l, &l->call->topic_ends);
	l->job = NULL;
	if (ok)
		complete(l);
	else
		fail(l, &err);
}

static void start_job(struct local *l, const struct admin_job *job)
{
	struct error err;

	l->job_spec = *job;
	if (!local_start_job(l, &err))
		fail(l, &err);
}

static void start_describe(struct local *l)
{
	struct admin_job job = { .kind = ADMIN_DESCRIBE };

	start_job(l, &job);
}

/* A worker that was stopped starts over: agents, counts and events of before are gone. */
static void forget_driver(struct local *l)
{
	local_debts_forget(l);
	supervisor_fini(&l->supervisor);
	l->supervisor_ok = open_supervisor(l, &l->supervisor_err);
	snapshot_fini(&l->period);
	snapshot_fini(&l->reset);
	l->period = l->reset = (struct snapshot){ 0 };
	l->broker = NULL;
	l->producers = l->consumers = (struct local_slots){ 0 };
	l->subscriptions_count = 0;
	l->names = (struct agent_names){ 0 };
	l->slots_start_ns = 0;
	l->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	l->paused = false;
	l->restarts = 0;
	l->events_count = 0;
	l->stderr_lines = 0;
	l->driver = NULL;
	l->stopped = false;
}

static bool configure(struct local *l, const struct driver_file *file, struct error *err)
{
	struct error_list errors = { 0 }, warnings = { 0 };

	l->driver = agent_configure(file, &l->arena, &l->driver_config, &errors, &warnings);
	if (l->driver == NULL)
		*err = errors.items[0]; /* `check` and the command line have shown all of them */
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return l->driver != NULL;
}

static void start_initialize(struct local *l)
{
	struct error err;

	if (l->stopped)
		forget_driver(l);
	if (l->driver != NULL) {
		error_set(&err, ERROR_USAGE, "a driver is present: stop-all comes first");
		fail(l, &err);
		return;
	}
	if (!configure(l, l->call->initialize.file, &err)) {
		fail(l, &err);
		return;
	}
	const struct driver_broker *broker = l->driver->broker;
	if (broker == NULL || !broker->is_wanted(l->driver_config))
		start_describe(l);
	else if (!local_start_broker(l, &err))
		fail(l, &err);
}

static void start_create_topics(struct local *l)
{
	struct worker_create_topics *c = &l->call->create_topics;
	const char **names = arena_alloc(&l->arena, c->topics * sizeof(*names));
	struct topic_spec *specs = arena_alloc(&l->arena, c->topics * sizeof(*specs));
	uint64_t chance = name_chance();

	for (uint32_t i = 0; i < c->topics; i++) {
		char name[NAME_MAX_BYTES];
		name_topic(name, l->options.run_id, i, payload_mix(chance, 0, i));
		names[i] = arena_strdup(&l->arena, name);
		specs[i] = (struct topic_spec){ .name = names[i], .partitions = c->partitions };
	}
	c->names = names;
	l->names.topics = names;
	l->names.topics_count = c->topics;
	l->call->wanted = c->topics;
	struct admin_job job = { .kind = ADMIN_CREATE_TOPICS,
		                 .topics = specs,
		                 .topics_count = c->topics };
	start_job(l, &job);
}

static void start_topic_ends(struct local *l)
{
	struct admin_job job = local_ends_job(l, &l->call->topic_ends);

	start_job(l, &job);
}

static void start_delete(struct local *l)
{
	const struct worker_delete *d = &l->call->remove;
	struct admin_job job = {
		.kind = ADMIN_DELETE,
		.names = { .topics = d->topics,
		           .topics_count = d->topics_count,
		           .groups = d->groups,
		           .groups_count = d->groups_count },
		.timeout_ms = d->timeout_ms,
		.groups_timeout_ms = d->groups_timeout_ms,
	};

	start_job(l, &job);
}

/* --- agents ------------------------------------------------------------------------------------------- */

static void command_all(struct local *l, struct local_slots *slots, enum agent_verb verb)
{
	struct agent_command command = { .verb = verb };

	local_command(l, slots, &command, -1);
	if (local_all_answered(slots))
		complete(l);
}

/* Does not wait for answers: a probe is asked for again anyway. */
static void start_probe(struct local *l)
{
	struct agent_command command = { .verb = AGENT_VERB_PROBE };

	local_command(l, &l->producers, &command, -1);
	complete(l);
}

static bool is_same_pool(const struct payload_spec *a, const struct payload_spec *b)
{
	return a->size == b->size && a->count == b->count && a->random_ratio == b->random_ratio &&
	       a->seed == b->seed && a->contents == b->contents;
}

/* Large pools take longer than the gate is away: they are made before, if what comes is known. */
static bool make_pool(struct local *l, const struct payload_spec *spec, struct error *err)
{
	if (l->pool_fd >= 0 && is_same_pool(spec, &l->pool_spec))
		return true;
	file_close(l->pool_fd);
	l->pool_spec = *spec;
	l->pool_fd = payload_make(spec, err);
	return l->pool_fd >= 0;
}

static void start_load(struct local *l)
{
	struct agent_command command = { .verb = AGENT_VERB_START, .load = l->call->load };
	struct error err;

	if (!make_pool(l, &l->call->load.payload, &err)) {
		fail(l, &err);
		return;
	}
	local_debts_begin(l, &l->call->load);
	local_command(l, &l->producers, &command, l->pool_fd);
	if (local_all_answered(&l->producers))
		complete(l);
}

static void start_adjust(struct local *l)
{
	struct agent_command command = {
		.verb = AGENT_VERB_RATE,
		.rate = { .epoch = l->call->adjust.epoch, .forgive = l->call->adjust.forgive },
	};

	local_debts_rate(l, &l->call->adjust);
	local_command(l, &l->producers, &command, -1);
	if (local_all_answered(&l->producers))
		complete(l);
}

/* What FINISH and STOP_ALL wait for; asked again at l->deadline_ns and when something happens. */
static void finish_goes_on(struct local *l)
{
	uint64_t look_ns = UINT64_MAX;

	if (!l->finishing_consumers &&
	    local_close_goes_on(l, &l->producers, &l->close_producers, &look_ns)) {
		l->finishing_consumers = true;
		local_close_begin(l, &l->consumers);
	}
	if (l->finishing_consumers &&
	    local_close_goes_on(l, &l->consumers, &l->close_consumers, &look_ns)) {
		local_final_totals(l, l->call->arena, &l->call->finish.totals);
		complete(l);
		return;
	}
	set_timer(l, look_ns);
}

static void set_close_limits(struct local *l, uint32_t most_ms)
{
	l->close_producers = local_close_limits(&l->producers, most_ms);
	l->close_consumers = local_close_limits(&l->consumers, most_ms);
}

static void start_finish(struct local *l)
{
	set_close_limits(l, l->call->finish.most_ms);
	l->debts.closed_ns = clock_ns();
	local_watch_resumes(l);
	local_agents_list(l, l->call->arena, true, &l->call->finish.totals);
	l->finishing_consumers = false;
	local_close_begin(l, &l->producers);
	finish_goes_on(l);
}

static void stop_goes_on(struct local *l)
{
	uint64_t look_ns = UINT64_MAX;
	bool producers_gone = local_close_goes_on(l, &l->producers, &l->close_producers, &look_ns);
	bool consumers_gone = local_close_goes_on(l, &l->consumers, &l->close_consumers, &look_ns);

	if (!producers_gone || !consumers_gone) {
		set_timer(l, look_ns);
		return;
	}
	/* The driver stays until another one comes: topics may still be deleted. */
	l->stopped = true;
	complete(l);
}

static void start_stop_all(struct local *l)
{
	set_close_limits(l, l->call->stop.most_ms);
	local_close_begin(l, &l->producers);
	local_close_begin(l, &l->consumers);
	stop_goes_on(l);
}

/* --- reading -------------------------------------------------------------------------------------------- */

static void read_interval(struct local *l, struct snapshot *since)
{
	struct worker_period *p = &l->call->period;
	struct snapshot now = { 0 };

	local_snapshot(l, true, &now);
	snapshot_diff(&now, since, &p->interval);
	snapshot_fini(since);
	*since = now;
	local_counters(l, &p->totals);
	complete(l);
}

static void remember(struct local *l, struct snapshot *since)
{
	snapshot_fini(since);
	*since = (struct snapshot){ 0 };
	local_snapshot(l, true, since);
}

/* Verbs that are complete when they return. */
static void answer_at_once(struct local *l)
{
	struct worker_call *call = l->call;

	switch ((int)call->verb) {
	case WORKER_RESET_STATS:
		remember(l, &l->period);
		remember(l, &l->reset);
		break;
	case WORKER_SET_WINDOW:
		l->window = call->window;
		local_publish_window(l);
		break;
	case WORKER_READINESS:
		local_readiness(l, call->arena, &call->readiness);
		break;
	case WORKER_SNAPSHOT:
		local_watch_resumes(l);
		/* In this order: what has been answered by then is acknowledged in the snapshot. */
		local_agents_list(l, call->arena, false, &call->totals);
		local_snapshot(l, !call->totals.without_latencies, &call->totals.snapshot);
		break;
	case WORKER_COUNTERS_STATS:
		local_counters(l, &call->counters);
		break;
	case WORKER_CLOCK:
		call->clock_ns = clock_ns();
		break;
	default: /* WORKER_EVENTS */
		local_events(l, call->arena, &call->events);
		break;
	}
	complete(l);
}

/* --- verbs ---------------------------------------------------------------------------------------------- */

static uint64_t limit_of(enum worker_verb verb)
{
	switch ((int)verb) {
	case WORKER_CREATE_TOPICS:
	case WORKER_DELETE_TOPICS:
		return TOPICS_LIMIT_NS;
	case WORKER_FINISH:
	case WORKER_STOP_ALL:
		return UINT64_MAX; /* closing.h */
	default:
		return DEFAULT_LIMIT_NS;
	}
}

static void started_agents(struct local *l, struct local_slots *slots, bool ok,
                           const struct error *err)
{
	if (!ok) {
		fail(l, err);
		return;
	}
	l->call->wanted = slots->count;
	if (slots->count == 0)
		complete(l);
}

static void start_verb(struct local *l)
{
	struct error err = { 0 };
	bool ok;

	switch ((int)l->call->verb) {
	case WORKER_INITIALIZE_DRIVER:
		start_initialize(l);
		break;
	case WORKER_CREATE_TOPICS:
		start_create_topics(l);
		break;
	case WORKER_CREATE_CONSUMERS:
		ok = local_start_consumers(l, &l->call->create_consumers, &err);
		started_agents(l, &l->consumers, ok, &err);
		break;
	case WORKER_CREATE_PRODUCERS:
		ok = (l->call->create_producers.payload == NULL ||
		      make_pool(l, l->call->create_producers.payload, &err)) &&
		     local_start_producers(l, &l->call->create_producers, &err);
		started_agents(l, &l->producers, ok, &err);
		break;
	case WORKER_PROBE_PRODUCERS:
		start_probe(l);
		break;
	case WORKER_START_LOAD:
		start_load(l);
		break;
	case WORKER_ADJUST_PUBLISH_RATE:
		start_adjust(l);
		break;
	case WORKER_PAUSE_CONSUMERS:
		l->paused = true;
		command_all(l, &l->consumers, AGENT_VERB_PAUSE);
		break;
	case WORKER_RESUME_CONSUMERS:
		l->paused = false;
		command_all(l, &l->consumers, AGENT_VERB_RESUME);
		break;
	case WORKER_STOP_ALL:
		start_stop_all(l);
		break;
	case WORKER_PERIOD_STATS:
		read_interval(l, &l->period);
		break;
	case WORKER_CUMULATIVE_LATENCIES:
		read_interval(l, &l->reset);
		break;
	case WORKER_FINISH:
		start_finish(l);
		break;
	case WORKER_TOPIC_ENDS:
		start_topic_ends(l);
		break;
	case WORKER_DELETE_TOPICS:
		start_delete(l);
		break;
	default:
		answer_at_once(l);
		break;
	}
}

static void cancel_call(struct local *l)
{
	struct error err;

	error_set(&err, ERROR_CANCELLED, "%s was cancelled by stop-all",
	          worker_verb_name(l->call->verb));
	fail(l, &err);
}

static bool needs_driver(enum worker_verb verb)
{
	return verb == WORKER_CREATE_TOPICS || verb == WORKER_CREATE_CONSUMERS ||
	       verb == WORKER_CREATE_PRODUCERS || verb == WORKER_DELETE_TOPICS ||
	       verb == WORKER_TOPIC_ENDS || verb == WORKER_START_LOAD;
}

static void local_start(struct worker *w, struct worker_call *call)
{
	struct local *l = local_of(w);
	struct error err;

	if (l->call != NULL && call->verb == WORKER_STOP_ALL)
		cancel_call(l);
	assert(l->call == NULL);
	l->call = call;
	if (!l->supervisor_ok) {
		fail(l, &l->supervisor_err);
		return;
	}
	if (needs_driver(call->verb) && l->driver == NULL) {
		error_set(&err, ERROR_USAGE, "%s: no driver is present",
		          worker_verb_name(call->verb));
		fail(l, &err);
		return;
	}
	uint64_t limit_ns = limit_of(call->verb);
	if (limit_ns != UINT64_MAX)
		set_timer(l, call->deadline_ns != 0 ? call->deadline_ns : clock_ns() + limit_ns);
	start_verb(l);
}

/* --- what happens ------------------------------------------------------------------------------------------ */

static struct local_slots *slots_being_opened(struct local *l)
{
	if (l->call != NULL && l->call->verb == WORKER_CREATE_CONSUMERS)
		return &l->consumers;
	if (l->call != NULL && l->call->verb == WORKER_CREATE_PRODUCERS)
		return &l->producers;
	return NULL;
}

static void on_opened(void *to, struct agent *a)
{
	struct local *l = to;

	if (a == l->broker) {
		if (l->call != NULL && l->call->verb == WORKER_INITIALIZE_DRIVER)
			start_describe(l);
		return;
	}
	local_agent_opened(l, a);
	struct local_slots *slots = slots_being_opened(l);
	if (slots == NULL)
		return;
	l->call->done++;
	if (local_all_open(slots))
		complete(l);
}

/* Calls that are complete when everybody has answered. */
static void look_for_answers(struct local *l)
{
	if (l->call == NULL)
		return;
	switch ((int)l->call->verb) {
	case WORKER_START_LOAD:
	case WORKER_ADJUST_PUBLISH_RATE:
		if (local_all_answered(&l->producers))
			complete(l);
		break;
	case WORKER_PAUSE_CONSUMERS:
	case WORKER_RESUME_CONSUMERS:
		if (local_all_answered(&l->consumers))
			complete(l);
		break;
	case WORKER_FINISH:
		finish_goes_on(l);
		break;
	case WORKER_STOP_ALL:
		stop_goes_on(l);
		break;
	default:
		break;
	}
}

static void on_answered(void *to, struct agent *a, const struct agent_answer *answer)
{
	struct local *l = to;

	if (!answer->ok && l->call != NULL && answer->tag == l->tag) {
		struct error err = answer->err;
		error_wrap(&err, "%s agent %u", agent_role_name(a->spec.role), a->spec.index);
		fail(l, &err);
		return;
	}
	look_for_answers(l);
}

static bool broker_has_failed(const struct local *l)
{
	return l->broker != NULL &&
	       atomic_load_explicit(&l->broker->shm->state, memory_order_acquire) == AGENT_FAILED;
}

static void on_lost(struct local *l, struct agent *a)
{
	struct error err = { 0 };

	struct local_slots *slots = slots_being_opened(l);
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
	fail(l, &err);
}

static void on_ended(void *to, struct agent *a)
{
	struct local *l = to;

	if (a == l->job) {
		job_ended(l, a);
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
	look_for_answers(l);
}

static void on_wrote(void *to, const char *line)
{
	struct local *l = to;
	struct fact_event event = { .kind = EVENT_STDERR, .at_ns = clock_ns(), .text = line };

	if (++l->stderr_lines <= LOCAL_STDERR_MAX)
		local_add_event(l, &event);
}

static void on_deadline(struct local *l)
{
	struct text who = { 0 };
	struct error err;

	if (l->call->verb == WORKER_FINISH) {
		finish_goes_on(l);
		return;
	}
	if (l->call->verb == WORKER_STOP_ALL) {
		stop_goes_on(l);
		return;
	}
	local_describe_waiting(l, &who);
	error_set(&err, ERROR_TIMEOUT, "not complete in time: %s", text_str(&who));
	text_fini(&who);
	fail(l, &err);
}

static int local_fd(struct worker *w)
{
	return local_of(w)->epoll_fd;
}

static void local_serve(struct worker *w)
{
	struct local *l = local_of(w);

	supervisor_serve(&l->supervisor);
	if (l->job != NULL && l->call != NULL)
		look_at_job(l, l->job);
	if (l->call != NULL && clock_ns() >= l->deadline_ns)
		on_deadline(l);
}

static void local_destroy(struct worker *w)
{
	struct local *l = local_of(w);

	local_stop_broker(l);
	local_debts_forget(l);
	if (l->supervisor_ok)
		supervisor_fini(&l->supervisor);
	snapshot_fini(&l->period);
	snapshot_fini(&l->reset);
	file_close(l->timer_fd);
	file_close(l->epoll_fd);
	file_close(l->pool_fd);
	free(l->events);
	arena_fini(&l->arena);
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
	return open_supervisor(l, err);
}

struct worker *worker_local_create(const struct worker_local_options *options)
{
	struct local *l = xcalloc(1, sizeof(*l));

	l->base.ops = &local_ops;
	l->options = *options;
	l->options.run_id = arena_strdup(&l->arena, options->run_id);
	l->window = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	l->deadline_ns = UINT64_MAX;
	l->pool_fd = -1;
	l->supervisor_ok = open_descriptors(l, &l->supervisor_err);
	return &l->base;
}
