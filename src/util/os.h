/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_UTIL_OS_H
#define OMB_UTIL_OS_H

/*
 * os -- system calls that old kernels lack and that filters around containers refuse (ENOSYS or
 * EPERM), and what takes their place there.  Callers notice no difference but its cost.  And how many
 * CPUs there are for us.
 */

#include <stdint.h>
#include <sys/epoll.h>

#define OS_WAIT_FOREVER UINT64_MAX

/*
 * epoll_pwait2 (Linux 5.11): waits for `left_ns` nanoseconds at the most.  Where it is missing,
 * ppoll waits for the epoll descriptor and epoll_wait fetches the events: two calls, as exact.
 * Returns how many events there are; -1 with errno, EINTR among them.
 */
int os_epoll_wait(int epoll_fd, struct epoll_event *events, int max, uint64_t left_ns);

/* close_range (Linux 5.9) without flags: closes all descriptors in first..last. */
void os_close_range(unsigned first, unsigned last);

/* CPUs that this process may run on; at least 1. */
uint32_t os_cpus(void);

#endif
