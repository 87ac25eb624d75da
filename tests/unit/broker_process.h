/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_BROKER_PROCESS_H
#define OMB_TESTS_BROKER_PROCESS_H

/*
 * broker_process -- the broker that a driver brings along, in a process, as an agent would run it.
 *
 * What cannot go wrong ends the program.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/driver.h"

struct broker_process {
	pid_t pid; /* 0 = none */
	int stop_fd;
};

static inline void broker_process_ready(void *to)
{
	if (write(*(int *)to, "r", 1) != 1)
		abort();
}

/* Returns when clients may connect. */
static inline struct broker_process broker_process_start(const struct driver *driver,
                                                         const struct driver_context *ctx)
{
	int ready[2], stop[2];
	struct error err = { 0 };
	char byte;

	if (pipe(ready) != 0 || pipe(stop) != 0)
		abort();
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(stop[1]);
		close(ready[0]);
		bool ok = driver->broker->run(ctx, stop[0], broker_process_ready, &ready[1], &err);
		if (!ok)
			fprintf(stderr, "broker: %s\n", err.text);
		_exit(ok ? 0 : 1);
	}
	close(ready[1]);
	close(stop[0]);
	if (read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
	return (struct broker_process){ pid, stop[1] };
}

/* Its exit status; -1: it died otherwise. */
static inline int broker_process_stop(struct broker_process *b)
{
	int status;

	close(b->stop_fd);
	if (waitpid(b->pid, &status, 0) != b->pid)
		abort();
	b->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Hooks of the core for who does not care. */
static inline void core_ignores_looks(void *owner)
{
	(void)owner;
}

static inline void core_ignores_assignments(void *owner, uint32_t partitions)
{
	(void)owner;
	(void)partitions;
}

#endif
