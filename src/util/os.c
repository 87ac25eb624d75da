/* SPDX-License-Identifier: Apache-2.0 */
#include "util/os.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

static bool is_missing(int error)
{
	return error == ENOSYS || error == EPERM;
}

/* NULL: without a limit. */
static const struct timespec *to_timespec(uint64_t ns, struct timespec *t)
{
	if (ns == OS_WAIT_FOREVER)
		return NULL;
	t->tv_sec = (time_t)(ns / SECOND_NS);
	t->tv_nsec = (long)(ns % SECOND_NS);
	return t;
}

static int wait_in_two(int epoll_fd, struct epoll_event *events, int max,
                       const struct timespec *left)
{
	struct pollfd p = { .fd = epoll_fd, .events = POLLIN };
	int n = ppoll(&p, 1, left, NULL);

	return n <= 0 ? n : epoll_wait(epoll_fd, events, max, 0);
}

int os_epoll_wait(int epoll_fd, struct epoll_event *events, int max, uint64_t left_ns)
{
	static _Atomic bool missing;
	struct timespec space;
	const struct timespec *left = to_timespec(left_ns, &space);

	if (!atomic_load_explicit(&missing, memory_order_relaxed)) {
		int n = epoll_pwait2(epoll_fd, events, max, left, NULL);
		if (n >= 0 || !is_missing(errno))
			return n;
		atomic_store_explicit(&missing, true, memory_order_relaxed);
	}
	return wait_in_two(epoll_fd, events, max, left);
}

/* False: there is no list of what is open. */
static bool close_listed(unsigned first, unsigned last)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (folder == NULL)
		return false;
	while ((entry = readdir(folder)) != NULL) {
		char *end;
		unsigned long fd = strtoul(entry->d_name, &end, 10);
		if (end != entry->d_name && *end == '\0' && fd >= first && fd <= last &&
		    fd != (unsigned long)dirfd(folder))
			close((int)fd);
	}
	closedir(folder);
	return true;
}

void os_close_range(unsigned first, unsigned last)
{
	struct rlimit limit = { .rlim_max = 65536 };

	if (close_range(first, last, 0) == 0 || !is_missing(errno))
		return;
	if (close_listed(first, last))
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	for (rlim_t fd = first; fd <= last && fd < limit.rlim_max; fd++)
		close((int)fd);
}

uint32_t os_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	int count = CPU_COUNT(&set);
	return count > 0 ? (uint32_t)count : 1;
}
