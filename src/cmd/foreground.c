/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/foreground.h"

#include <errno.h>
#include <sys/signalfd.h>

#include "util/signals.h"

int foreground_open_signals(struct error *err)
{
	sigset_t set;

	signals_of_the_end(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		error_set_errno(err, errno, "signalfd");
	return fd;
}
