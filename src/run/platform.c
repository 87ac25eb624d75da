/* SPDX-License-Identifier: Apache-2.0 */
#include "run/platform.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/file.h"
#include "util/signals.h"

static uint64_t real_now_ns(void *to)
{
	(void)to;
	return clock_ns();
}

static uint64_t real_wall_ns(void *to)
{
	(void)to;
	return clock_wall_ns();
}

static void real_wait(void *to, int worker_fd, uint64_t until_ns)
{
	struct run_platform_real *real = to;
	struct pollfd fds[] = {
		{ .fd = real->signal_fd, .events = POLLIN },
		{ .fd = worker_fd, .events = POLLIN },
	};
	uint64_t now = clock_ns();
	uint64_t left = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left / 1000000000u),
		.tv_nsec = (long)(left % 1000000000u),
	};

	/* An interrupted or failed wait is an early return, which every caller must expect. */
	(void)ppoll(fds, sizeof(fds) / sizeof(fds[0]), &timeout, NULL);
}

static unsigned real_signals(void *to)
{
	struct run_platform_real *real = to;
	struct signalfd_siginfo info;

	while (read(real->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		real->signals++;
	return real->signals;
}

bool run_platform_open(struct run_platform_real *real, struct run_platform *out, struct error *err)
{
	sigset_t set;

	signals_of_the_end(&set);
	*real = (struct run_platform_real){ .signal_fd = -1 };
	real->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (real->signal_fd < 0)
		return error_set_errno(err, errno, "signalfd");
	*out = (struct run_platform){
		.to = real,
		.now_ns = real_now_ns,
		.wall_ns = real_wall_ns,
		.wait = real_wait,
		.signals = real_signals,
	};
	return true;
}

void run_platform_close(struct run_platform_real *real)
{
	file_close(real->signal_fd);
	real->signal_fd = -1;
}
