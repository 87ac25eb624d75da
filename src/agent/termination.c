/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/termination.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* No agent outlives its parent by more than this. */
#define ORPHAN_LIMIT_S 5

static int wake_fd = -1;
static int parent;
static _Atomic bool orphan; /* set by a handler, and by each loop that sees its channel end */

int termination_fd(void)
{
	return wake_fd;
}

bool termination_is_orphan(void)
{
	return atomic_load_explicit(&orphan, memory_order_relaxed);
}

void termination_request(void)
{
	uint64_t one = 1;

	if (write(wake_fd, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

void termination_orphaned(void)
{
	/* Closing may hang in a client library: the alarm ends the process then. */
	alarm(ORPHAN_LIMIT_S);
	atomic_store_explicit(&orphan, true, memory_order_relaxed);
	termination_request();
}

/* May run in any thread at any point: alarm, getppid and write are all it does. */
static void on_sigterm(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	if (getppid() != parent)
		termination_orphaned();
	errno = saved;
}

void termination_watch(int parent_pid)
{
	struct sigaction term = { .sa_handler = on_sigterm, .sa_flags = SA_RESTART };

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	parent = parent_pid;
	sigaction(SIGTERM, &term, NULL);
}
