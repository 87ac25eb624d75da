/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_CGROUP_H
#define OMB_FACTS_CGROUP_H

/*
 * cgroup -- what the control groups of this process allow it of the CPUs, version 1 and 2.
 *
 * A group may be nested in others that are limited too: the tightest quota holds, and each of them
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

#endif
