/* SPDX-License-Identifier: Apache-2.0 */
#include "run/backlog_rule.h"

#include <assert.h>
#include <stdlib.h>

enum backlog_step backlog_next_step(const struct backlog_plan *p, const struct backlog_facts *f)
{
	switch (f->step) {
	case BACKLOG_NONE:
	case BACKLOG_TAIL:
		return f->step;
	case BACKLOG_BUILD:
		if (f->backlog_messages >= p->messages || f->in_step_ns >= p->build_limit_ns)
			return BACKLOG_DRAIN;
		return BACKLOG_BUILD;
	case BACKLOG_DRAIN:
		if (f->backlog_messages <= p->left_messages || f->grows ||
		    f->in_step_ns >= p->drain_limit_ns)
			return BACKLOG_TAIL;
		return BACKLOG_DRAIN;
	}
	abort();
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
