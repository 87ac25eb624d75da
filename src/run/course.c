/* SPDX-License-Identifier: Apache-2.0 */
#include "run/course.h"

#include <assert.h>
#include <string.h>

#include "run/diary.h"
#include "run/state.h"

void course_enter(struct run *r, enum phase_id id, const struct phase *row)
{
	struct course *c = &r->course;
	const char *old = c->row ? c->row->stage : NULL;

	c->phase = id;
	c->row = row;
	c->entered_ns = state_now_ns(r);
	c->failed_here = false;
	if (old && row->stage && strcmp(old, row->stage) == 0)
		return;
	if (old)
		c->log[c->log_len - 1].end_ns = c->entered_ns;
	if (!row->stage)
		return;
	assert(c->log_len < PHASE_COUNT);
	c->log[c->log_len++] = (struct record_phase){
		.name = row->stage,
		.start_ns = c->entered_ns,
		.end_ns = c->entered_ns,
	};
	diary_phase(&r->diary, &c->log[c->log_len - 1]);
}

void course_fail(struct run *r, const struct error *err)
{
	if (err->kind == ERROR_CANCELLED && r->await.signals > 0)
		return;
	r->course.failed_here = true;
	if (r->course.failure.kind == ERROR_NONE)
		r->course.failure = *err;
}

void course_reword_failure(struct run *r, const struct error *err)
{
	r->course.failure = *err;
}

uint64_t course_limit_ns(const struct run *r)
{
	const struct phase *row = r->course.row;
	uint64_t limit_ns = row->limit_ns ? row->limit_ns(r) : UINT64_MAX;

	return limit_ns == UINT64_MAX ? UINT64_MAX : r->course.entered_ns + limit_ns;
}
