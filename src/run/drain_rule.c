/* SPDX-License-Identifier: Apache-2.0 */
#include "run/drain_rule.h"

#include "run/limits.h"

/* With agents lost and nothing to wait for, this long without a change is the end. */
#define QUIET_AFTER_LOSS_NS    (5 * LIMITS_S)
/* Everything seems to have arrived, but some of it may have come twice. */
#define QUIET_AFTER_RESTART_NS (1 * LIMITS_S)

/* 0: nothing is held. */
static uint64_t held_until_ns(const struct drain_wait *w)
{
	if (w->lost_ns == 0 || w->redelivery_ns == 0)
		return 0;
	return w->lost_ns + w->redelivery_ns + LIMITS_STANDSTILL_MARGIN;
}

bool drain_is_held(const struct drain_wait *w, uint64_t now_ns)
{
	return now_ns < held_until_ns(w);
}

uint64_t drain_limit_ns(const struct drain_wait *w)
{
	uint64_t held_ns = held_until_ns(w);
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
	if (held_ns > w->entered_ns && held_ns - w->entered_ns > limit_ns)
		limit_ns = held_ns - w->entered_ns;
	return limit_ns;
}

bool drain_is_over(const struct drain_facts *f)
{
	bool arrived = f->offering == 0 && f->unanswered == 0 &&
	               f->received >= f->acknowledged * f->subscriptions && f->outstanding == 0;

	if (!f->agents_lost)
		return arrived;
	if (f->resume_is_expected || (f->is_held && !arrived))
		return false;
	return f->quiet_ns >= (arrived ? QUIET_AFTER_RESTART_NS : QUIET_AFTER_LOSS_NS);
}
