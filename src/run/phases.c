/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phases.h"

#include "run/await.h"
#include "run/course.h"
#include "run/limits.h"
#include "run/phase_close.h"
#include "run/phase_connect.h"
#include "run/phase_drain.h"
#include "run/phase_load.h"
#include "run/phase_settle.h"
#include "run/rate_search.h"
#include "run/state.h"
#include "run/topic_check.h"

/* --- limits --------------------------------------------------------------------------------------- */

static uint64_t initialize_limit_ns(const struct run *r)
{
	(void)r;
	return LIMITS_INITIALIZE;
}

static uint64_t topics_limit_ns(const struct run *r)
{
	return limits_create_topics(r->plan);
}

static uint64_t consumers_limit_ns(const struct run *r)
{
	return limits_create_clients(r->plan->consumers);
}

static uint64_t producers_limit_ns(const struct run *r)
{
	return limits_create_clients(r->plan->producers);
}

static uint64_t check_limit_ns(const struct run *r)
{
	return limits_topic_ends(r->plan);
}

/* --- the table ------------------------------------------------------------------------------------ */

/* A failure, a signal and the limit end the run. */
#define BEFORE_LOAD(next)                                                                        \
	{                                                                                        \
		[ENDS_REACHED] = (next), [ENDS_LATE] = PHASE_ABORT, [ENDS_FAILED] = PHASE_ABORT, \
		[ENDS_SIGNAL] = PHASE_ABORT                                                      \
	}

/* A signal, and the loss of all producer agents, end the load; so does a failure, but where nothing is
 * measured yet it ends the run. */
#define UNDER_LOAD(next)                                                                         \
	{                                                                                        \
		[ENDS_REACHED] = (next), [ENDS_LATE] = PHASE_ABORT, [ENDS_FAILED] = PHASE_DRAIN, \
		[ENDS_SIGNAL] = PHASE_DRAIN, [ENDS_LOST] = PHASE_DRAIN                           \
	}

/* clang-format off */
const struct phase phases[PHASE_COUNT] = {
	[PHASE_INITIALIZE] = {
		.name = "initialize", .stage = "connect",
		.enter = connect_initialize,
		.waits_for = "the driver to describe itself, its own broker to start",
		.at_most = "60 s",
		.limit_ns = initialize_limit_ns,
		.signals = 1, .then = BEFORE_LOAD(PHASE_TOPICS),
	},
	[PHASE_TOPICS] = {
		.name = "topics", .stage = "connect",
		.enter = connect_topics,
		.waits_for = "topics to be created",
		.at_most = "60 s and 0.2 s a topic",
		.limit_ns = topics_limit_ns,
		.signals = 1, .then = BEFORE_LOAD(PHASE_CONSUMERS),
	},
	[PHASE_CONSUMERS] = {
		.name = "consumers", .stage = "connect",
		.enter = connect_consumers,
		.waits_for = "clients to open",
		.at_most = "60 s and 60 ms a client",
		.limit_ns = consumers_limit_ns,
		.signals = 1, .then = BEFORE_LOAD(PHASE_PRODUCERS),
	},
	[PHASE_PRODUCERS] = {
		.name = "producers", .stage = "connect",
		.enter = connect_producers,
		.waits_for = "clients to open",
		.at_most = "60 s and 60 ms a client",
		.limit_ns = producers_limit_ns,
		.signals = 1, .then = BEFORE_LOAD(PHASE_SETTLE),
	},
	[PHASE_SETTLE] = {
		.name = "settle", .stage = "settle",
		.enter = settle_enter, .wake_ns = settle_wake_ns, .look = settle_look,
		.is_reached = settle_is_reached, .leave = settle_leave,
		.waits_for = "every subscription to have its partitions and a probe, every "
		             "producer to have one acknowledged",
		.at_most = "60 s",
		.limit_ns = settle_limit_ns, .expire = settle_expire,
		.signals = 1, .then = BEFORE_LOAD(PHASE_SEARCH),
	},
	[PHASE_SEARCH] = {
		.name = "search", .stage = "search", .is_wanted = rate_search_is_wanted,
		.enter = load_search_enter, .wake_ns = load_wake_ns, .look = load_look,
		.is_reached = load_search_is_reached,
		.waits_for = "the search for the highest rate",
		.at_most = "300 s until what they left behind has arrived",
		.limit_ns = rate_search_limit_ns, .expire = rate_search_expire,
		.signals = 1, .then = UNDER_LOAD(PHASE_WARMUP),
	},
	[PHASE_WARMUP] = {
		.name = "warm-up", .stage = "warm-up",
		.enter = load_warmup_enter, .wake_ns = load_wake_ns, .look = load_look,
		.is_reached = load_warmup_is_reached,
		.waits_for = "the search for the highest rate",
		.at_most = "60 s more if the rate goes down in the warm-up",
		.limit_ns = rate_search_limit_ns, .expire = rate_search_expire,
		.signals = 1, .then = UNDER_LOAD(PHASE_MEASURE),
	},
	/* Its backlog has limits of its own (backlog.h), which end the window. */
	[PHASE_MEASURE] = {
		.name = "measure", .stage = "measure",
		.enter = load_measure_enter, .wake_ns = load_measure_wake_ns,
		.look = load_measure_look, .is_reached = load_measure_is_reached,
		.waits_for = "warm-up, measurement",
		.at_most = "as long as they are",
		.signals = 1, .then = UNDER_LOAD(PHASE_DRAIN),
	},
	[PHASE_DRAIN] = {
		.name = "drain", .stage = "drain",
		.enter = drain_enter, .wake_ns = drain_wake_ns, .look = drain_look,
		.is_reached = drain_is_reached, .leave = drain_leave,
		.waits_for = "the drain",
		.at_most = "30 s",
		.limit_ns = drain_phase_limit_ns, .expire = drain_expire,
		.signals = 2,
		.then = { [ENDS_REACHED] = PHASE_CLOSE, [ENDS_LATE] = PHASE_CLOSE, [ENDS_FAILED] = PHASE_CLOSE, [ENDS_SIGNAL] = PHASE_CLOSE },
	},
	[PHASE_CLOSE] = {
		.name = "close",
		.enter = close_clients, .leave = close_explain,
		.waits_for = "an agent to close its clients after that",
		.at_most = "20 s and 1.2 s for each client of a thread",
		.limit_ns = close_clients_limit_ns,
		.then = { [ENDS_REACHED] = PHASE_CHECK },
	},
	[PHASE_ABORT] = {
		.name = "abort",
		.enter = close_abort, .leave = close_explain,
		.waits_for = "an agent to close its clients after that",
		.at_most = "20 s and 1.2 s for each client of a thread",
		.limit_ns = close_stop_limit_ns,
		.then = { [ENDS_REACHED] = PHASE_DELETE },
	},
	[PHASE_CHECK] = {
		.name = "check", .is_wanted = topic_check_is_wanted,
		.enter = topic_check,
		.waits_for = "a look at the topics after the run",
		.at_most = "20 s and 20 ms a topic",
		.limit_ns = check_limit_ns,
		.then = { [ENDS_REACHED] = PHASE_DELETE },
	},
	[PHASE_DELETE] = {
		.name = "delete", .is_wanted = close_delete_is_wanted,
		.enter = close_delete,
		.waits_for = "topics to be deleted",
		.at_most = "15 s and 0.2 s a topic",
		.limit_ns = close_delete_limit_ns,
		.then = { [ENDS_REACHED] = PHASE_STOP },
	},
	[PHASE_STOP] = {
		.name = "stop",
		.enter = close_stop,
		.waits_for = "an agent to close its clients after that",
		.at_most = "20 s and 1.2 s for each client of a thread",
		.limit_ns = close_stop_limit_ns,
		.then = { [ENDS_REACHED] = PHASE_END },
	},
};
/* clang-format on */

/* --- the loop ------------------------------------------------------------------------------------- */

static enum phase_end look_for_the_end(struct run *r, const struct phase *p)
{
	await_signals(r); /* a verb that was answered at once has waited for nothing */

	const struct sampler_fleet *fleet = &r->sampler.fleet;
	const struct phase_facts facts = {
		.failed = r->course.failed_here,
		.signals = r->await.signals,
		.lost = fleet->producers > 0 && fleet->producers_lost == fleet->producers,
		.reached = p->is_reached == NULL || p->is_reached(r),
		.late = state_now_ns(r) >= course_limit_ns(r),
	};

	return phase_ends(p, &facts);
}

/* Another signal may end the phase: then there is nothing to look at. */
static void wait_and_look(struct run *r, const struct phase *p)
{
	uint64_t wake_ns = p->wake_ns(r), limit_ns = course_limit_ns(r);
	unsigned signals = r->await.signals;

	await_instant(r, wake_ns < limit_ns ? wake_ns : limit_ns);
	if (r->await.signals == signals)
		p->look(r);
}

/* What follows. */
static enum phase_id go_through(struct run *r, enum phase_id id)
{
	const struct phase *p = &phases[id];
	enum phase_end end;

	if (p->is_wanted && !p->is_wanted(r))
		return p->then[ENDS_REACHED];
	course_enter(r, id, p);
	p->enter(r);
	while ((end = look_for_the_end(r, p)) == ENDS_NOT)
		wait_and_look(r, p);
	if (end == ENDS_LATE)
		p->expire(r);
	if (p->leave)
		p->leave(r);
	return phase_next(p, end, r->window.begun);
}

void phases_go(struct run *r)
{
	enum phase_id at = PHASE_INITIALIZE;

	while (at != PHASE_END)
		at = go_through(r, at);
}
