/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_KAFKA_SETTLE_H
#define OMB_DRIVER_KAFKA_SETTLE_H

/*
 * settle -- what a member does after its start so that its group is dealt out evenly, and soon.
 *
 * Members of a group come one after the other, and a broker tells the early ones of the late ones at
 * their next heartbeat: after 3 s, which every start would wait.  So for a while after the start, who
 * has more than its share or nothing joins again: those with nothing at every look (it costs nobody
 * anything), the others at looks 1, 2, 4, 8 and 16, because each time makes the whole group join.
 * What is uneven after that is the broker's business.
 *
 * Pure.
 */

#include <stdbool.h>
#include <stdint.h>

/* One each 100 ms: 2.5 s. */
#define SETTLE_LOOKS 25

enum settle_step {
	SETTLE_REST,
	SETTLE_POKE, /* the library is asked anything, which makes it look whether it may join */
	SETTLE_JOIN, /* again, without leaving the group */
};

/* Partitions that a member has at most when all share; UINT32_MAX: not known. */
uint32_t settle_fair_share(uint32_t partitions, uint32_t members);

/* At look 1, 2, ... of a member that has so many partitions. */
enum settle_step settle_step(uint32_t look, uint32_t assigned, uint32_t fair_share);

static inline bool settle_goes_on(uint32_t look)
{
	return look < SETTLE_LOOKS;
}

#endif
