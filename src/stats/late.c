/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/late.h"

#include <assert.h>

struct row {
	uint64_t values;         /* ticks that were missed, the first one included */
	uint64_t steps, step_ns; /* that they are told by */
	uint64_t late_ns;        /* of the first; each step is one of step_ns less */
};

static struct row row_of(const struct late *l)
{
	uint64_t last_ns = l->woke_ns < l->end_ns ? l->woke_ns : l->end_ns - 1;
	struct row r = {
		.values = (last_ns - l->due_ns) / l->tick_ns + 1,
		.step_ns = l->tick_ns,
		.late_ns = l->woke_ns - l->due_ns,
	};

	assert(l->tick_ns > 0 && l->woke_ns >= l->due_ns && l->end_ns > l->due_ns);
	r.steps = r.values;
	if (r.steps > LATE_STEPS_MAX) {
		r.steps = LATE_STEPS_MAX;
		r.step_ns = (last_ns - l->due_ns) / LATE_STEPS_MAX;
	}
	return r;
}

/* Of all values the part that belongs to step i: together they are all of them. */
static uint64_t times_of(const struct row *r, uint64_t i)
{
	return r->values * (i + 1) / r->steps - r->values * i / r->steps;
}

void late_record(struct hist *h, const struct late *l)
{
	if (__builtin_expect(l->woke_ns - l->due_ns < l->tick_ns, 1)) {
		hist_record(h, l->woke_ns - l->due_ns);
		return;
	}
	struct row r = row_of(l);
	for (uint64_t i = 0; i < r.steps; i++)
		hist_record_n(h, r.late_ns - i * r.step_ns, times_of(&r, i));
}

void late_record_copy(struct hist_copy *h, const struct late *l)
{
	struct row r = row_of(l);

	for (uint64_t i = 0; i < r.steps; i++)
		hist_copy_record(h, r.late_ns - i * r.step_ns, times_of(&r, i));
}
