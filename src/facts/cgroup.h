/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_CGROUP_H
#define OMB_FACTS_CGROUP_H

/*
 * cgroup -- what the control groups of this process allow it, version 1 and 2: CPUs, memory, threads.
 *
 * A group may be nested in others that are limited too: the tightest limit holds, and each of them
 * may throttle.  Groups that a container hides cannot be looked at.
 */

#include <stdint.h>

struct cgroup_cpu {
	double quota;               /* CPUs; 0 = as many as there are */
	uint64_t throttled_periods; /* in which a group had used up its quota ... */
	uint64_t throttled_ns;      /* ... and so long its processes waited */
};

/* `root` stands before every path: "" but in tests. */
void cgroup_read(const char *root, struct cgroup_cpu *out);

/* What is left of limits, now; UINT64_MAX = there is none. */
struct cgroup_room {
	uint64_t threads;      /* of all processes (pids.max) */
	uint64_t memory_bytes; /* what files are cached in counts as free */
};

void cgroup_room_read(const char *root, struct cgroup_room *out);

#endif
