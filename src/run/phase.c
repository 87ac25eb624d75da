/* SPDX-License-Identifier: Apache-2.0 */
#include "run/phase.h"

#include <assert.h>
#include <stdlib.h>

#include "run/limits.h"

#define MS                     UINT64_C(1000000)

/* With agents lost and nothing to wait for, this long without a change is the end. */
#define QUIET_AFTER_LOSS_NS    (5000 * MS)
/* Everything seems to have arrived, but some of it may have come twice. */
#define QUIET_AFTER_RESTART_NS (1000 * MS)

static enum phase next_of_load(const struct phase_facts *f, bool over)
{
	if (f->producers_gone)
		return PHASE_DRAIN;
	if (f->phase == PHASE_SEARCH)
		return f->search_is_over ? PHASE_WARMUP : PHASE_SEARCH;
	if (f->phase == PHASE_WARMUP)
		return over ? PHASE_MEASURE : PHASE_WARMUP;
	return f->load_is_over ? PHASE_DRAIN : PHASE_MEASURE;
}

static enum phase next_undisturbed(const struct phase_plan *p, const struct phase_facts *f)
{
	bool over = f->in_phase_ns >= p->limit_ns[f->phase];

	switch (f->phase) {
	case PHASE_CONNECT:
		if (f->clients_open)
			return PHASE_SETTLE;
		return over ? PHASE_FAILED : PHASE_CONNECT;
	case PHASE_SETTLE:
		if (f->parts_ready >= f->parts)
			return p->searches ? PHASE_SEARCH : PHASE_WARMUP;
		return over ? PHASE_FAILED : PHASE_SETTLE;
	case PHASE_SEARCH:
	case PHASE_WARMUP:
	case PHASE_MEASURE:
		return next_of_load(f, over);
	case PHASE_DRAIN:
		return over || f->drained || f->hurried ? PHASE_DONE : PHASE_DRAIN;
	case PHASE_DONE:
	case PHASE_FAILED:
		return f->phase;
	case PHASE_COUNT:
		break;
	}
	abort();
}

enum phase run_next_phase(const struct phase_plan *p, const struct phase_facts *f)
{
	bool ended = f->phase == PHASE_DONE || f->phase == PHASE_FAILED;

	if (f->failed && !ended) {
		if (!f->measured)
			return PHASE_FAILED;
		return f->phase == PHASE_DRAIN ? PHASE_DONE : PHASE_DRAIN;
	}
	if (f->interrupted && f->phase < PHASE_DRAIN)
		return f->load_started ? PHASE_DRAIN : PHASE_DONE;
	return next_undisturbed(p, f);
}

enum backlog_step run_next_backlog_step(const struct phase_plan *p, const struct backlog_facts *f)
{
	switch (f->step) {
	case BACKLOG_NONE:
	case BACKLOG_TAIL:
		return f->step;
	case BACKLOG_BUILD:
		if (f->backlog_messages >= p->backlog_messages ||
		    f->in_step_ns >= p->build_limit_ns)
			return BACKLOG_DRAIN;
		return BACKLOG_BUILD;
	case BACKLOG_DRAIN:
		if (f->backlog_messages <= p->backlog_left_messages || f->grows ||
		    f->in_step_ns >= p->backlog_drain_limit_ns)
			return BACKLOG_TAIL;
		return BACKLOG_DRAIN;
	}
	abort();
}

uint64_t drain_limit_ns(const struct drain_wait *w)
{
	uint64_t stands_until_ns = w->lost_ns + w->standstill_ns + LIMITS_STANDSTILL_MARGIN;
	uint64_t limit_ns = w->timeout_ns;

	if (w->resume_is_expected) {
		uint64_t stands_ns =
			stands_until_ns > w->entered_ns ? stands_until_ns - w->entered_ns : 0;
		if (stands_ns > limit_ns)
			limit_ns = stands_ns;
	} else if (w->expected_ns > w->entered_ns) {
		limit_ns += w->expected_ns - w->entered_ns;
	}
	return limit_ns;
}

bool drain_is_over(const struct drain_facts *f)
{
	bool arrived = f->offering == 0 && f->unanswered == 0 &&
	               f->received >= f->acknowledged * f->subscriptions;

	if (!f->agents_lost)
		return arrived;
	if (f->resume_is_expected)
		return false;
	return f->quiet_ns >= (arrived ? QUIET_AFTER_RESTART_NS : QUIET_AFTER_LOSS_NS);
}

const char *phase_name(enum phase phase)
{
	static const char *const names[PHASE_COUNT] = {
		[PHASE_CONNECT] = "connect", [PHASE_SETTLE] = "settle",   [PHASE_SEARCH] = "search",
		[PHASE_WARMUP] = "warm-up",  [PHASE_MEASURE] = "measure", [PHASE_DRAIN] = "drain",
		[PHASE_DONE] = "done",       [PHASE_FAILED] = "failed",
	};

	assert((unsigned)phase < PHASE_COUNT);
	return names[phase];
}

const char *backlog_step_name(enum backlog_step step)
{
	static const char *const names[] = {
		[BACKLOG_NONE] = "none",
		[BACKLOG_BUILD] = "build",
		[BACKLOG_DRAIN] = "drain",
		[BACKLOG_TAIL] = "tail",
	};

	assert((unsigned)step < sizeof(names) / sizeof(names[0]));
	return names[step];
}
