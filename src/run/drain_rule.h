/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_DRAIN_RULE_H
#define OMB_RUN_DRAIN_RULE_H

/*
 * drain_rule -- how long the drain may take, and when it is over: pure functions.
 */

#include <stdbool.h>
#include <stdint.h>

/* How long the drain may take. */
struct drain_wait {
	uint64_t timeout_ns;    /* drainTimeout */
	uint64_t entered_ns;    /* the drain's begin */
	uint64_t standstill_ns; /* of a group whose member has died; 0 = it does not stand still */
	uint64_t
		redelivery_ns; /* so long others are not given what a dead member had; 0 = at once */
	uint64_t lost_ns;      /* when the last consumer agent died; 0 = none did */
	bool resume_is_expected; /* what a dead one had has not come to another one until now */
	uint64_t expected_ns;    /* when that was so for the last time; 0 = never */
};

/* drainTimeout; but while a group stands still nothing can arrive: it is waited for until the
 * session of the dead member must have timed out, and drainTimeout counts from when the partitions
 * have come to another one.  Nor is it over while the broker still keeps what the dead one had. */
uint64_t drain_limit_ns(const struct drain_wait *w);

/* May what a dead consumer had still be kept from the others? */
bool drain_is_held(const struct drain_wait *w, uint64_t now_ns);

struct drain_facts {
	unsigned offering;   /* producer agents that still send what was due before the end */
	uint64_t unanswered; /* sent by agents that live, neither acknowledged nor failed */
	uint64_t acknowledged, subscriptions, received;
	uint64_t outstanding; /* to come, as the account knows, where by these counts nothing is */
	bool agents_lost;     /* at least one, restarted or not */
	bool resume_is_expected; /* as in drain_wait */
	bool is_held;            /* drain_is_held */
	uint64_t quiet_ns;       /* since one of the counts changed */
};

/* Has everything arrived that will?  A message that comes twice makes up for one that is still to come:
 * the account knows that.  After agents were lost, counts alone cannot tell (a dead producer's last
 * messages, messages delivered twice), so it must also have been quiet. */
bool drain_is_over(const struct drain_facts *f);

#endif
