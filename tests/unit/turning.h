/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_TURNING_H
#define OMB_TESTS_TURNING_H

/*
 * turning -- turns the poller of a test's `w` until something is true.
 */

#include "net/poller.h"

#define TURNING_LIMIT_NS UINT64_C(20000000000)

static inline void turn_poller(struct poller *p)
{
	struct error err;

	if (!poller_turn(p, poller_clock_ns() + 10000000, &err))
		fail_msg("%s", err.text);
}

static inline void turn_poller_until(struct poller *p, uint64_t limit_ns, const char *condition)
{
	if (poller_clock_ns() > limit_ns)
		fail_msg("never came true: %s", condition);
	turn_poller(p);
}

#define turn() turn_poller(&w.poller)

#define UNTIL(condition)                                                              \
	for (uint64_t limit_ns = poller_clock_ns() + TURNING_LIMIT_NS; !(condition);) \
	turn_poller_until(&w.poller, limit_ns, #condition)

#endif
