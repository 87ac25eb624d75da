/* SPDX-License-Identifier: Apache-2.0 */
#include "run/window.h"

#include <string.h>

#include "config/workload.h"
#include "run/await.h"
#include "run/course.h"
#include "run/diary.h"
#include "run/limits.h"
#include "run/outcome.h"
#include "run/progress.h"
#include "run/sample.h"
#include "run/state.h"

/* The sample at the end of the window is taken so long before it: afterwards nothing is sent any
 * more, and a rate over that time would be too low. */
#define EDGE_NS (5 * LIMITS_MS)

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

static void set_window(struct run *r)
{
	struct worker_call call = { .verb = WORKER_SET_WINDOW, .window = r->window.edges };
	struct error err = { 0 };

	if (!await_verb(r, &call, LIMITS_QUICK, PATIENCE_ENDLESS, &err))
		course_fail(r, &err);
}

void window_end_at(struct run *r, uint64_t end_ns)
{
	r->window.edges.end_ns = r->window.edges.load_end_ns = end_ns;
	set_window(r);
}

void window_plan(struct run *r, uint64_t from_ns)
{
	const struct workload *w = r->options->workload;
	bool is_open = w->test_ns == 0 || r->plan->backlog_messages > 0;

	r->window.edges.start_ns = from_ns + w->warmup_ns;
	r->window.edges.end_ns = is_open ? UINT64_MAX : r->window.edges.start_ns + w->test_ns;
	r->window.edges.load_end_ns = r->window.edges.end_ns;
	set_window(r);
}

void window_unplan(struct run *r)
{
	r->window.edges = (struct worker_window){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	set_window(r);
}

static void write_window(struct run *r)
{
	struct record record;

	outcome_begin(r, &record);
	record.window_start_ns = r->window.edges.start_ns;
	record.counted_start_ns = r->sampler.window_start.taken_ns;
	record.readiness_ns = r->settle.took_ns;
	memcpy(record.window_counters, r->sampler.window_start.counters,
	       sizeof(record.window_counters));
	diary_window(&r->diary, &record);
}

void window_begin(struct run *r)
{
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	if (sample_take(r, SAMPLE_LATENCIES, &totals, &arena)) {
		sampler_begin_window(&r->sampler, &totals, r->window.edges.start_ns);
		r->window.begun = true;
		write_window(r);
	}
	arena_fini(&arena);
}

static void close_window(struct run *r)
{
	struct fact_totals totals = { 0 };
	struct arena arena = { 0 };

	if (!r->window.begun || r->window.counted)
		return;
	r->window.counted = true;
	if (sample_take(r, SAMPLE_LATENCIES, &totals, &arena)) {
		sampler_end_window(&r->sampler, &totals);
		sample_add_second(r);
		progress_period(r, sample_add_period(r, "measure"));
	} else {
		/* It ends with the last look at the counts that succeeded. */
		r->window.edges.end_ns = earlier(r->window.edges.end_ns, r->sampler.last.taken_ns);
		sampler_end_window(&r->sampler, NULL);
	}
	arena_fini(&arena);
}

uint64_t window_edge_ns(const struct run *r)
{
	bool is_known = r->window.edges.end_ns != UINT64_MAX && r->window.edges.end_ns > EDGE_NS;

	return r->window.begun && !r->window.counted && is_known ? r->window.edges.end_ns - EDGE_NS
	                                                         : UINT64_MAX;
}

void window_end_if_due(struct run *r)
{
	if (state_now_ns(r) >= window_edge_ns(r))
		close_window(r);
}

void window_end_now(struct run *r)
{
	uint64_t now = state_now_ns(r);

	if (r->window.edges.load_end_ns > now) {
		r->window.edges.load_end_ns = now;
		r->window.edges.end_ns = earlier(r->window.edges.end_ns, now);
		set_window(r);
	}
	close_window(r);
}
