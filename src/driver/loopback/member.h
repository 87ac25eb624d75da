/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_DRIVER_LOOPBACK_MEMBER_H
#define OMB_DRIVER_LOOPBACK_MEMBER_H

/* member -- a consumer in a group as the outside of core.h sees it, and what it is handed. */

#include <stdbool.h>
#include <stdint.h>

struct loop_member;

struct loop_delivery {
	uint32_t partition;
	uint64_t offset;
	int64_t broker_ms;
	const void *payload; /* borrowed until the next call that changes the core */
	const void *tail;    /* likewise: key and headers (wire.h) */
	uint32_t payload_len, tail_len;
	bool redelivered;
};

void *loop_member_owner(const struct loop_member *member);

/* True once after each change; *partitions: how many it has now. */
bool loop_member_take_assignment(struct loop_member *member, uint32_t *partitions);

#endif
