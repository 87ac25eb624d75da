/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/broker_child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/serve.h"
#include "util/file.h"
#include "util/signals.h"

#define STOP_TRIES   500
#define STOP_WAIT_NS 10000000 /* 5 s in all; it needs milliseconds */

/* What the child says once: where it listens, or why it cannot. */
struct said {
	int port; /* 0: see error */
	struct error error;
};

static void say_ready(void *context, const int *ports, int count)
{
	const int *fd = context;
	struct said said = { .port = ports[0] };

	(void)count;
	/* A parent that is gone is noticed by the other pipe. */
	(void)!write(*fd, &said, sizeof(said));
}

static int serve(const struct broker_options *options, int stop_fd, int said_fd)
{
	struct serve_options o = {
		.broker = *options,
		.stop_fd = stop_fd,
		.ready = say_ready,
		.context = &said_fd,
	};
	struct broker_counts counts;
	struct said said = { 0 };

	/* A terminal sends SIGINT and SIGHUP to the whole group; the parent decides. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signals_ignore_lost_output();
	prctl(PR_SET_NAME, "omb-broker");
	bool ok = serve_run(&o, &counts, &said.error);
	if (ok)
		(void)!write(said_fd, &counts, sizeof(counts));
	else
		(void)!write(said_fd, &said, sizeof(said));
	return ok ? 0 : 1;
}

/* False: it did not come, or not whole. */
static bool read_whole(int fd, void *out, size_t len)
{
	ssize_t n;

	do
		n = read(fd, out, len);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len;
}

static bool hear(int fd, struct broker_child *child, struct error *err)
{
	struct said said;

	if (!read_whole(fd, &said, sizeof(said)))
		return error_set(err, ERROR_SYSTEM, "the embedded broker ended at its start");
	if (said.port == 0) {
		*err = said.error;
		return false;
	}
	child->port = said.port;
	return true;
}

bool broker_child_start(const struct broker_options *options, struct broker_child *out,
                        struct error *err)
{
	int stop[2] = { -1, -1 }, said[2] = { -1, -1 };
	bool ok = false;

	*out = (struct broker_child){ .pid = -1, .stop_fd = -1, .said_fd = -1 };
	if (pipe2(stop, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0) {
		error_set_errno(err, errno, "opening a pipe");
		goto out;
	}
	out->pid = fork();
	if (out->pid < 0) {
		error_set_errno(err, errno, "fork");
		goto out;
	}
	if (out->pid == 0) {
		file_close(stop[1]);
		file_close(said[0]);
		_exit(serve(options, stop[0], said[1]));
	}
	out->stop_fd = stop[1];
	stop[1] = -1;
	file_close(said[1]);
	said[1] = -1;
	out->said_fd = said[0];
	said[0] = -1;
	ok = hear(out->said_fd, out, err);
	if (!ok)
		broker_child_stop(out);
out:
	for (int i = 0; i < 2; i++) {
		file_close(stop[i]);
		file_close(said[i]);
	}
	return ok || error_wrap(err, "the embedded broker");
}

uint64_t broker_child_cpu_ns(const struct broker_child *child)
{
	clockid_t clock;
	struct timespec t;

	if (child->pid <= 0 || clock_getcpuclockid(child->pid, &clock) != 0 ||
	    clock_gettime(clock, &t) != 0)
		return child->cpu_ns;
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

void broker_child_stop(struct broker_child *child)
{
	const struct timespec pause = { .tv_nsec = STOP_WAIT_NS };

	if (child->pid <= 0)
		return;
	child->cpu_ns = broker_child_cpu_ns(child);
	file_close(child->stop_fd);
	child->stop_fd = -1;
	for (int i = 0; i < STOP_TRIES && waitpid(child->pid, NULL, WNOHANG) == 0; i++) {
		if (i == STOP_TRIES - 1) {
			kill(child->pid, SIGKILL);
			waitpid(child->pid, NULL, 0);
			break;
		}
		nanosleep(&pause, NULL);
	}
	if (!read_whole(child->said_fd, &child->counts, sizeof(child->counts)))
		child->counts = (struct broker_counts){ 0 };
	file_close(child->said_fd);
	child->said_fd = -1;
	child->pid = -1;
}

bool broker_child_kept_all(const struct broker_child *child, struct error *err)
{
	if (child->counts.dropped == 0)
		return true;
	return error_set(err, ERROR_SYSTEM,
	                 "the embedded broker dropped %" PRIu64
	                 " messages that a consumer had not had: its memory was full",
	                 child->counts.dropped);
}
