/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_CLOCK_H
#define OMB_UTIL_CLOCK_H

/*
 * clock -- the two clocks: one for durations, one for dates.
 *
 * Every duration, due time and stamp is read from clock_ns, which all processes of a host share and
 * nobody sets back.  The wall clock only names moments (file names, time stamps in results) and
 * never enters a difference.
 */

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ns(clockid_t id)
{
	struct timespec ts;

	/* Cannot fail for the two ids used here (POSIX), and a check would cost on each message. */
	(void)clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Nanoseconds since an arbitrary start that all processes of this host have in common. */
static inline uint64_t clock_ns(void)
{
	return clock_read_ns(CLOCK_MONOTONIC);
}

/* The same in whole milliseconds, for deadlines of what is not measured. */
static inline uint64_t clock_ms(void)
{
	return clock_ns() / 1000000u;
}

/* Nanoseconds since 1970-01-01 UTC. */
static inline uint64_t clock_wall_ns(void)
{
	return clock_read_ns(CLOCK_REALTIME);
}

#endif
