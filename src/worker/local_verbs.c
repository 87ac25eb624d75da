/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/local_verbs.h"

#include <assert.h>
#include <string.h>

#include "config/driver_file.h"
#include "config/override.h"
#include "plan/names.h"
#include "util/clock.h"
#include "util/file.h"
#include "worker/local_account.h"
#include "worker/local_debts.h"
#include "worker/local_events.h"
#include "worker/local_slow.h"
#include "worker/local_state.h"

#define MS               UINT64_C(1000000)

/* What has not heard of the load so long after start-load would start late: agents are told one
 * after the other, and each has to wake up. */
#define LEAD_NS          (50 * MS)
#define LEAD_PRODUCER_NS (MS / 10)
#define LEAD_MAX_NS      (1000 * MS)

/* --- jobs: describe, topics, delete ------------------------------------------------------------- */

static bool start_job(struct local *l, const struct admin_job *job, struct error *err)
{
	l->job_spec = *job;
	l->job_asked = false;
	return local_start_job(l, err);
}

static bool has_own_broker(const struct local *l)
{
	const struct driver_broker *broker = l->driver->broker;

	return broker != NULL && broker->is_wanted(l->driver_config);
}

static bool start_describe(struct local *l, struct error *err)
{
	struct admin_job job = { .kind = ADMIN_DESCRIBE };

	return start_job(l, &job, err);
}

static void take_description(struct local *l)
{
	struct worker_initialize *to = &l->call->initialize;

	local_take_rows(l, &to->rows);
	struct driver_traits traits = driver_traits_of(l->driver, l->driver_config);
	to->standstill_ms = traits.standstill_ms;
	to->redelivery_ms = traits.redelivery_ms;
	to->broker_is_local = traits.is_local;
	to->broker_is_own = has_own_broker(l);
}

/* A worker that was stopped starts over: agents, counts, events and all memory of before are gone. */
static bool forget_run(struct local *l, struct error *err)
{
	const struct local fresh = {
		.base = l->base,
		.calls = l->calls,
		.epoll_fd = l->epoll_fd,
		.timer_fd = l->timer_fd,
		.call = l->call,
		.tag = l->tag,
		.deadline_ns = l->deadline_ns,
		.environment = l->environment,
	};

	local_fini_run(l);
	*l = fresh;
	l->environment.broker[0] = '\0';
	return local_init_run(l, err);
}

static const struct override *copy_overrides(struct local *l, const struct worker_initialize *init)
{
	struct override *copy = arena_alloc(&l->arena, (init->overrides_count + 1) * sizeof(*copy));

	for (size_t i = 0; i < init->overrides_count; i++) {
		copy[i].key = arena_strdup(&l->arena, init->overrides[i].key);
		copy[i].value = arena_strdup(&l->arena, init->overrides[i].value);
	}
	return copy;
}

static bool configure(struct local *l, const struct worker_initialize *init, struct error *err)
{
	struct error_list errors = { 0 }, warnings = { 0 };
	struct config_mode *mode = arena_alloc(&l->arena, sizeof(*mode));
	struct driver_file file = {
		.path = arena_strdup(&l->arena, init->path),
		.mode = mode,
		.arena = &l->arena,
	};

	*mode = (struct config_mode){
		.lenient = init->lenient,
		.overrides = copy_overrides(l, init),
		.override_count = init->overrides_count,
	};
	if (driver_file_parse(init->text, init->text_len, &file, &errors, &warnings))
		l->driver =
			agent_configure(&file, &l->arena, &l->driver_config, &errors, &warnings);
	if (l->driver == NULL)
		*err = errors.items[0]; /* `check` and the command line have shown all of them */
	error_list_fini(&errors);
	error_list_fini(&warnings);
	return l->driver != NULL;
}

static bool start_initialize(struct local *l, struct error *err)
{
	const struct worker_initialize *init = &l->call->initialize;

	if (l->stopped && !forget_run(l, err))
		return false;
	if (l->driver != NULL)
		return error_set(err, ERROR_USAGE, "a driver is present: stop-all comes first");
	if (init->run > UINT16_MAX)
		return error_set(err, ERROR_USAGE, "run %u has more than 16 bits",
		                 (unsigned)init->run);
	if (!configure(l, init, err))
		return false;
	l->run_id = arena_strdup(&l->arena, init->run_id);
	l->run = (uint16_t)init->run;
	l->keep_topics = init->keep_topics;
	l->run_of_topic = init->run_of_topic;
	l->roster.is_share = init->is_share;
	return has_own_broker(l) ? local_start_broker(l, err) : start_describe(l, err);
}

static bool start_create_topics(struct local *l, struct error *err)
{
	struct worker_create_topics *c = &l->call->create_topics;
	const char **names = arena_alloc(&l->arena, c->topics * sizeof(*names));
	struct topic_spec *specs = arena_alloc(&l->arena, c->topics * sizeof(*specs));
	uint64_t chance = name_chance();

	for (uint32_t i = 0; i < c->topics; i++) {
		char name[NAME_MAX_BYTES];
		name_topic(name, l->run_id, i, payload_mix(chance, 0, i));
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
	return start_job(l, &job, err);
}

static bool start_topic_ends(struct local *l, struct error *err)
{
	struct admin_job job = local_ends_job(l, &l->call->topic_ends);

	return start_job(l, &job, err);
}

static void take_ends(struct local *l)
{
	local_take_ends(l, &l->call->topic_ends);
}

static bool start_delete(struct local *l, struct error *err)
{
	const struct worker_delete *d = &l->call->remove;
	struct group_spec *groups = arena_alloc(&l->arena, d->groups_count * sizeof(*groups));
	struct admin_job job = {
		.kind = ADMIN_DELETE,
		.names = { .topics = d->topics,
		           .topics_count = d->topics_count,
		           .groups = groups,
		           .groups_count = d->groups_count },
		.timeout_ms = d->timeout_ms,
		.groups_timeout_ms = d->groups_timeout_ms,
	};

	for (size_t i = 0; i < d->groups_count; i++)
		groups[i] = (struct group_spec){ d->groups[i].topic, d->groups[i].subscription };
	return start_job(l, &job, err);
}

/* --- agents ------------------------------------------------------------------------------------- */

/* What was given is compared with what was made of it: texts of another call may lie where those lay. */
static bool has_contents(const void *const *contents, const struct payload_spec *made, int fd)
{
	struct error err;
	unsigned char *pool = payload_map(fd, made->size, made->count, &err);
	bool is_same = pool != NULL;

	for (uint32_t i = 0; i < made->count && is_same; i++)
		is_same = memcmp(contents[i], pool + (size_t)i * made->size, made->size) == 0;
	payload_unmap(pool, made->size, made->count);
	return is_same;
}

static bool is_same_pool(const struct payload_spec *spec, const struct payload_spec *made, int fd)
{
	if (spec->size != made->size || spec->count != made->count ||
	    (spec->contents != NULL) != (made->contents != NULL))
		return false;
	if (spec->contents != NULL)
		return has_contents(spec->contents, made, fd);
	return spec->random_ratio == made->random_ratio && spec->seed == made->seed;
}

/* Large pools take longer than the gate is away: they are made before, if what comes is known. */
static bool make_pool(struct local *l, const struct payload_spec *spec, struct error *err)
{
	if (l->pool_fd >= 0 && is_same_pool(spec, &l->pool_spec, l->pool_fd))
		return true;
	if (l->verify.size > 0)
		return error_set(err, ERROR_USAGE,
		                 "consumers compare what arrives with other payloads than these");
	file_close(l->pool_fd);
	l->pool_spec = *spec;
	l->pool_fd = payload_make(spec, err);
	return l->pool_fd >= 0;
}

static bool start_create_consumers(struct local *l, struct error *err)
{
	const struct worker_create_consumers *c = &l->call->create_consumers;
	bool ok = (c->verify == NULL || make_pool(l, c->verify, err)) &&
	          local_start_consumers(l, c, err);

	l->call->wanted = l->consumers.count;
	return ok;
}

static bool start_create_producers(struct local *l, struct error *err)
{
	struct worker_create_producers *p = &l->call->create_producers;
	uint64_t lead_ns = LEAD_NS + p->count * LEAD_PRODUCER_NS;

	p->lead_ns = lead_ns < LEAD_MAX_NS ? lead_ns : LEAD_MAX_NS;
	bool ok = (p->payload == NULL || make_pool(l, p->payload, err)) &&
	          local_start_producers(l, p, err);
	l->call->wanted = l->producers.count;
	return ok;
}

static bool command(struct local *l, const struct local_slots *slots, struct agent_command command,
                    int fd_to_pass)
{
	local_command(l, slots, &command, fd_to_pass);
	return true; /* one that does not take it is lost, and told as such */
}

/* Nobody waits for the answers: a probe is asked for again anyway. */
static bool start_probe(struct local *l, struct error *err)
{
	(void)err;
	return command(l, &l->producers, (struct agent_command){ .verb = AGENT_VERB_PROBE }, -1);
}

static bool start_load(struct local *l, struct error *err)
{
	if (!make_pool(l, &l->call->load.payload, err))
		return false;
	if (l->verify.size > 0 && l->verify.seed != l->call->load.seed)
		return error_set(err, ERROR_USAGE,
		                 "consumers compare what arrives with a load of another seed");
	l->call->load.run = l->run;
	local_debts_begin(l, &l->call->load);
	return command(l, &l->producers,
	               (struct agent_command){ .verb = AGENT_VERB_START, .load = l->call->load },
	               l->pool_fd);
}

static bool start_adjust(struct local *l, struct error *err)
{
	const struct worker_adjust *a = &l->call->adjust;
	struct agent_command rate = {
		.verb = AGENT_VERB_RATE,
		.rate = { .epoch = a->epoch, .forgive = a->forgive },
	};

	(void)err;
	local_debts_rate(l, a);
	return command(l, &l->producers, rate, -1);
}

static bool start_pause(struct local *l, struct error *err)
{
	(void)err;
	l->paused = true;
	return command(l, &l->consumers, (struct agent_command){ .verb = AGENT_VERB_PAUSE }, -1);
}

static bool start_resume(struct local *l, struct error *err)
{
	(void)err;
	l->paused = false;
	return command(l, &l->consumers, (struct agent_command){ .verb = AGENT_VERB_RESUME }, -1);
}

/* --- the end ------------------------------------------------------------------------------------ */

static void set_close_limits(struct local *l, uint32_t most_ms)
{
	l->close_producers = local_close_limits(&l->producers, most_ms);
	l->close_consumers = local_close_limits(&l->consumers, most_ms);
}

static bool start_finish(struct local *l, struct error *err)
{
	(void)err;
	set_close_limits(l, l->call->finish.most_ms);
	l->debts.closed_ns = clock_ns();
	local_watch_resumes(l);
	local_agents_list(l, l->call->arena, true, &l->call->finish.totals);
	l->finishing_consumers = false;
	local_close_begin(l, &l->producers);
	return true;
}

static bool is_finished(struct local *l)
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
		return true;
	}
	local_set_timer(l, look_ns);
	return false;
}

static bool start_stop_all(struct local *l, struct error *err)
{
	(void)err;
	set_close_limits(l, l->call->stop.most_ms);
	local_close_begin(l, &l->producers);
	local_close_begin(l, &l->consumers);
	return true;
}

static bool is_stopped(struct local *l)
{
	uint64_t look_ns = UINT64_MAX;
	bool producers_gone = local_close_goes_on(l, &l->producers, &l->close_producers, &look_ns);
	bool consumers_gone = local_close_goes_on(l, &l->consumers, &l->close_consumers, &look_ns);

	local_set_timer(l, look_ns);
	/* The driver stays until another one comes: topics may still be deleted. */
	l->stopped = producers_gone && consumers_gone;
	return l->stopped;
}

/* --- reading ------------------------------------------------------------------------------------ */

static bool read_interval(struct local *l, struct snapshot *since)
{
	struct worker_period *p = &l->call->period;
	struct snapshot now = { 0 };

	local_snapshot(l, true, &now);
	snapshot_diff(&now, since, &p->interval);
	snapshot_fini(since);
	*since = now;
	local_counters(l, &p->totals);
	return true;
}

static bool read_period(struct local *l, struct error *err)
{
	(void)err;
	return read_interval(l, &l->period);
}

static bool read_cumulative(struct local *l, struct error *err)
{
	(void)err;
	return read_interval(l, &l->reset);
}

/* As OMB does: what the first period after it counts began with the last one before it. */
static void reset_latencies(struct local *l, struct snapshot *since)
{
	struct snapshot now = { 0 };

	local_snapshot(l, true, &now);
	now.taken_ns = since->taken_ns;
	now.cpu_ns = since->cpu_ns;
	for (int c = 0; c < COUNTER_COUNT; c++)
		now.counters[c] = since->counters[c];
	snapshot_fini(since);
	*since = now;
}

static bool reset_stats(struct local *l, struct error *err)
{
	(void)err;
	reset_latencies(l, &l->period);
	reset_latencies(l, &l->reset);
	return true;
}

static bool set_window(struct local *l, struct error *err)
{
	(void)err;
	l->window = l->call->window;
	local_publish_window(l);
	return true;
}

static bool read_readiness(struct local *l, struct error *err)
{
	(void)err;
	local_readiness(l, l->call->arena, &l->call->readiness);
	return true;
}

static bool read_snapshot(struct local *l, struct error *err)
{
	struct worker_call *call = l->call;

	(void)err;
	local_watch_resumes(l);
	local_watch_turns(l);
	/* In this order: what has been answered by then is acknowledged in the snapshot. */
	local_agents_list(l, call->arena, false, &call->totals);
	local_snapshot(l, !call->totals.without_latencies, &call->totals.snapshot);
	call->totals.outstanding = local_account_outstanding(l, &call->totals.snapshot);
	if (!call->totals.without_latencies && !call->totals.without_slowest)
		local_slow(l, call->arena, &call->totals);
	return true;
}

static bool read_counters(struct local *l, struct error *err)
{
	(void)err;
	local_counters(l, &l->call->counters);
	return true;
}

static bool read_clock(struct local *l, struct error *err)
{
	(void)err;
	l->call->clock_ns = clock_ns();
	return true;
}

static bool set_clocks(struct local *l, struct error *err)
{
	const struct worker_clocks *c = &l->call->clocks;

	for (size_t i = 0; i < c->count; i++)
		if (c->items[i].worker >= STAMP_WORKERS)
			return error_set(err, ERROR_USAGE, "there is no worker %u: at most %u",
			                 (unsigned)c->items[i].worker, STAMP_WORKERS - 1);
	/* Restarted agents are told again. */
	l->clocks = arena_alloc(&l->arena, (c->count + 1) * sizeof(*l->clocks));
	l->clocks_count = c->count;
	for (size_t i = 0; i < c->count; i++)
		l->clocks[i] = (struct shm_clock){ c->items[i].worker, c->items[i].offset_ns,
			                           c->items[i].is_unknown };
	for (size_t i = 0; i < l->supervisor.count; i++)
		shm_clocks_put(&l->supervisor.agents[i]->shm->clocks, l->clocks, l->clocks_count);
	return true;
}

static bool read_events(struct local *l, struct error *err)
{
	(void)err;
	local_events(l, l->call->arena, &l->call->events);
	return true;
}

static bool read_account(struct local *l, struct error *err)
{
	(void)err;
	local_account_share(l, l->call->arena, &l->call->account);
	return true;
}

/* --- the table ---------------------------------------------------------------------------------- */

enum whom { NOBODY, PRODUCERS, CONSUMERS };

struct local_verb {
	/* False: the call fails with *err. */
	bool (*start)(struct local *l, struct error *err);
	/* Asked after the start, and whenever something has happened; NULL: its job's end is its end. */
	bool (*is_complete)(struct local *l);
	enum whom whom;                /* it waits for, ... */
	bool opens;                    /* ... to open their clients; else to answer */
	void (*take)(struct local *l); /* what its job has said; NULL = it says nothing */
};

static bool at_once(struct local *l)
{
	(void)l;
	return true;
}

static bool all_are_there(struct local *l);

/* clang-format off */
static const struct local_verb verbs[WORKER_VERB_COUNT] = {
	[WORKER_INITIALIZE_DRIVER]    = { .start = start_initialize, .take = take_description },
	[WORKER_CREATE_TOPICS]        = { .start = start_create_topics, .take = local_take_version },
	[WORKER_CREATE_CONSUMERS]     = { .start = start_create_consumers, .is_complete = all_are_there, .whom = CONSUMERS, .opens = true },
	[WORKER_CREATE_PRODUCERS]     = { .start = start_create_producers, .is_complete = all_are_there, .whom = PRODUCERS, .opens = true },
	[WORKER_PROBE_PRODUCERS]      = { .start = start_probe, .is_complete = at_once },
	[WORKER_START_LOAD]           = { .start = start_load, .is_complete = all_are_there, .whom = PRODUCERS },
	[WORKER_ADJUST_PUBLISH_RATE]  = { .start = start_adjust, .is_complete = all_are_there, .whom = PRODUCERS },
	[WORKER_PAUSE_CONSUMERS]      = { .start = start_pause, .is_complete = all_are_there, .whom = CONSUMERS },
	[WORKER_RESUME_CONSUMERS]     = { .start = start_resume, .is_complete = all_are_there, .whom = CONSUMERS },
	[WORKER_RESET_STATS]          = { .start = reset_stats, .is_complete = at_once },
	[WORKER_STOP_ALL]             = { .start = start_stop_all, .is_complete = is_stopped },
	[WORKER_COUNTERS_STATS]       = { .start = read_counters, .is_complete = at_once },
	[WORKER_PERIOD_STATS]         = { .start = read_period, .is_complete = at_once },
	[WORKER_CUMULATIVE_LATENCIES] = { .start = read_cumulative, .is_complete = at_once },
	[WORKER_SET_WINDOW]           = { .start = set_window, .is_complete = at_once },
	[WORKER_READINESS]            = { .start = read_readiness, .is_complete = at_once },
	[WORKER_SNAPSHOT]             = { .start = read_snapshot, .is_complete = at_once },
	[WORKER_FINISH]               = { .start = start_finish, .is_complete = is_finished },
	[WORKER_ACCOUNT]              = { .start = read_account, .is_complete = at_once },
	[WORKER_TOPIC_ENDS]           = { .start = start_topic_ends, .take = take_ends },
	[WORKER_DELETE_TOPICS]        = { .start = start_delete },
	[WORKER_CLOCK]                = { .start = read_clock, .is_complete = at_once },
	[WORKER_SET_CLOCKS]           = { .start = set_clocks, .is_complete = at_once },
	[WORKER_EVENTS]               = { .start = read_events, .is_complete = at_once },
};
/* clang-format on */

static const struct local_verb *row_of(const struct local *l)
{
	return &verbs[l->call->verb];
}

static const struct local_slots *slots_of(const struct local *l)
{
	switch (row_of(l)->whom) {
	case NOBODY:
		return NULL;
	case PRODUCERS:
		return &l->producers;
	case CONSUMERS:
		return &l->consumers;
	}
	return NULL;
}

static bool all_are_there(struct local *l)
{
	const struct local_slots *slots = slots_of(l);

	return row_of(l)->opens ? local_all_open(slots) : local_all_answered(slots);
}

void local_verb_start(struct local *l)
{
	struct error err = { 0 };

	if (row_of(l)->start(l, &err))
		local_verb_look(l);
	else
		local_fail(l, &err);
}

void local_verb_look(struct local *l)
{
	if (l->call != NULL && row_of(l)->is_complete != NULL && row_of(l)->is_complete(l))
		local_complete(l);
}

void local_verb_broker_open(struct local *l)
{
	struct error err = { 0 };

	if (l->call != NULL && l->call->verb == WORKER_INITIALIZE_DRIVER &&
	    !start_describe(l, &err))
		local_fail(l, &err);
}

/* Its own error, or how its process ended. */
static void describe_job_end(const struct agent *a, struct error *err)
{
	agent_describe_end(a, err);
	if (atomic_load_explicit(&a->shm->state, memory_order_acquire) != AGENT_FAILED)
		error_wrap(err, "the process for it (%d)", (int)a->pid);
}

void local_verb_job_ended(struct local *l)
{
	struct error err = { 0 };

	assert(l->call != NULL); /* a call that fails gives its job up */
	local_look_at_job(l, l->job);
	bool ok = l->job->wait_status == 0;
	if (!ok)
		describe_job_end(l->job, &err);
	else if (row_of(l)->take != NULL)
		row_of(l)->take(l);
	l->job = NULL;
	if (ok)
		local_complete(l);
	else
		local_fail(l, &err);
}

const struct local_slots *local_verb_opening(const struct local *l)
{
	return l->call != NULL && row_of(l)->opens ? slots_of(l) : NULL;
}

void local_verb_timed_out(struct local *l)
{
	struct text who = { 0 };
	struct error err;

	if (worker_verbs[l->call->verb].limit_ns == UINT64_MAX) { /* it looks at its own limits */
		local_verb_look(l);
		return;
	}
	if (slots_of(l) != NULL)
		local_describe_waiting(slots_of(l), row_of(l)->opens, &who);
	else /* a job, or the driver's broker */
		text_addf(&who, "the process for it has not ended (%llu of %llu done)",
		          (unsigned long long)l->call->done, (unsigned long long)l->call->wanted);
	error_set(&err, ERROR_TIMEOUT, "not complete in time: %s", text_str(&who));
	text_fini(&who);
	local_fail(l, &err);
}
