/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/oom.h"
#include "agent/roster.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"

/* epoll's user data: which agent, and which of its descriptors. */
enum source { SOURCE_STDERR, SOURCE_PID, SOURCE_OUTPUT, SOURCE_CHANNEL };

#define EVENTS_AT_ONCE 64

/* What EAGAIN means of fork, and does not say. */
#define FORK_HINT      " (the limit of processes: ulimit -u, or that of the cgroup)"

/* For the ends of what is killed at the very end; milliseconds do on an idle host. */
#define REAP_MS        2000

static uint64_t tag_of(enum source source, size_t agent, uint32_t loop)
{
	return (uint64_t)source << 56 | (uint64_t)loop << 32 | agent;
}

static bool watch(struct supervisor *s, int fd, uint64_t tag, struct error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tag };

	if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return error_set_errno(err, errno, "watching an agent");
	return true;
}

bool supervisor_init(struct supervisor *s, const struct supervisor_calls *calls, void *to,
                     struct error *err)
{
	*s = (struct supervisor){ .calls = calls, .to = to, .stderr_pipe = { -1, -1 } };
	signal(SIGCHLD, SIG_DFL); /* ignored (inherited), it would take our children's ends away */
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return error_set_errno(err, errno, "opening epoll");
	if (pipe2(s->stderr_pipe, O_CLOEXEC) < 0)
		return error_set_errno(err, errno, "opening a pipe for what agents print");
	/* Our end only: a library that prints into a full pipe must wait and not fail. */
	fcntl(s->stderr_pipe[0], F_SETFL, O_NONBLOCK);
	return watch(s, s->stderr_pipe[0], tag_of(SOURCE_STDERR, 0, 0), err);
}

/* --- starting ----------------------------------------------------------------------------------- */

static struct agent *new_agent(const struct agent_spec *spec, const struct admin_job *job)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	a->spec = *spec;
	a->job = job;
	a->pid_fd = a->output_fd = -1;
	a->channels = xcalloc(spec->loops, sizeof(*a->channels));
	for (uint32_t i = 0; i < spec->loops; i++)
		a->channels[i] = -1;
	return a;
}

static void close_agent(struct agent *a)
{
	for (uint32_t i = 0; i < a->spec.loops; i++) {
		file_close(a->channels[i]);
		a->channels[i] = -1;
	}
	file_close(a->output_fd);
	file_close(a->pid_fd);
	a->output_fd = a->pid_fd = -1;
}

static void free_agent(struct agent *a)
{
	close_agent(a);
	agent_shm_unmap(a->shm);
	text_fini(&a->output);
	free(a->channels);
	free(a);
}

static _Noreturn void be_agent(struct supervisor *s, struct agent *a, const int *channels,
                               int output_fd)
{
	uint32_t loops = a->spec.loops;
	int *keep = xcalloc(loops + 2, sizeof(*keep));
	uint32_t kept = 0;

	for (; kept < loops; kept++)
		keep[kept] = channels[kept];
	if (output_fd >= 0)
		keep[kept++] = output_fd;
	if (a->spec.verify.size > 0)
		keep[kept++] = a->spec.verify.pool_fd;
	agent_enter_child(a->spec.parent_pid, keep, kept, s->stderr_pipe[1]);
	free(keep);

	char name[16]; /* the kernel's limit */
	snprintf(name, sizeof(name), "omb-%.4s-%u", agent_role_name(a->spec.role), a->spec.index);
	prctl(PR_SET_NAME, name);
	_exit(a->job != NULL ? admin_main(&a->spec, a->job, a->shm, channels[0], output_fd)
	                     : agent_main(&a->spec, a->shm, channels));
}

/* The child's ends of all channels, and of the output of a job. */
static bool open_ends(struct agent *a, int *child_channels, int *child_output, struct error *err)
{
	for (uint32_t i = 0; i < a->spec.loops; i++) {
		int pair[2];
		if (!channel_open(pair, err))
			return false;
		a->channels[i] = pair[0];
		child_channels[i] = pair[1];
	}
	if (a->job != NULL) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC) < 0)
			return error_set_errno(err, errno, "opening a pipe");
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		a->output_fd = ends[0];
		*child_output = ends[1];
	}
	return true;
}

static bool watch_agent(struct supervisor *s, struct agent *a, struct error *err)
{
	size_t number = s->count;

	a->pid_fd = pidfd_open(a->pid, 0);
	if (a->pid_fd < 0)
		return error_set_errno(err, errno, "watching process %d", (int)a->pid);
	if (!watch(s, a->pid_fd, tag_of(SOURCE_PID, number, 0), err))
		return false;
	if (a->output_fd >= 0 && !watch(s, a->output_fd, tag_of(SOURCE_OUTPUT, number, 0), err))
		return false;
	for (uint32_t i = 0; i < a->spec.loops; i++)
		if (!watch(s, a->channels[i], tag_of(SOURCE_CHANNEL, number, i), err))
			return false;
	return true;
}

static void keep_agent(struct supervisor *s, struct agent *a)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->agents = xrealloc(s->agents, s->cap * sizeof(struct agent *));
	}
	s->agents[s->count++] = a;
}

struct agent *supervisor_start(struct supervisor *s, const struct agent_spec *spec,
                               const struct admin_job *job, struct error *err)
{
	struct agent *a = new_agent(spec, job);
	int *child_channels = xcalloc(spec->loops, sizeof(*child_channels));
	memset(child_channels, -1, spec->loops * sizeof(*child_channels));
	int child_output = -1;
	bool ok = false;

	a->spec.parent_pid = getpid();
	struct agent_shm_shape shape = {
		.loops = spec->loops,
		.clients = spec->clients_count,
		.partitions = spec->role == AGENT_CONSUMER ? spec->partitions : 0,
		.window_messages = spec->role == AGENT_PRODUCER ? spec->window_messages : 0,
		.account = roster_shape(spec),
	};
	a->shm = agent_shm_map(&shape, err);
	if (a->shm == NULL || !open_ends(a, child_channels, &child_output, err))
		goto out;
	agent_shm_put_times(a->shm, &a->spec.times);
	shm_clocks_put(&a->shm->clocks, a->spec.clocks, a->spec.clocks_count);
	roster_put_keys(spec, a->shm);

	a->oom_kills = oom_kills();
	a->pid = fork();
	if (a->pid < 0) {
		error_set_errno(err, errno, "forking an agent%s", errno == EAGAIN ? FORK_HINT : "");
		goto out;
	}
	if (a->pid == 0)
		be_agent(s, a, child_channels, child_output);
	ok = watch_agent(s, a, err);
	if (!ok) {
		kill(a->pid, SIGKILL);
		waitpid(a->pid, NULL, 0);
	}
out:
	for (uint32_t i = 0; i < spec->loops; i++)
		file_close(child_channels[i]);
	free(child_channels);
	file_close(child_output);
	if (!ok) {
		error_wrap(err, "starting %s agent %u", agent_role_name(spec->role), spec->index);
		free_agent(a);
		return NULL;
	}
	keep_agent(s, a);
	return a;
}

/* --- listening ---------------------------------------------------------------------------------- */

static void read_output(struct agent *a)
{
	char buf[4096];
	ssize_t n;

	while (a->output_fd >= 0 && (n = read(a->output_fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* nothing more now */
		text_add_bytes(&a->output, buf, (size_t)n);
	}
	file_close(a->output_fd);
	a->output_fd = -1;
}

static void read_answers(struct supervisor *s, struct agent *a, uint32_t loop)
{
	struct agent_answer answer;

	for (;;) {
		if (a->channels[loop] < 0)
			return;
		switch (channel_receive_answer(a->channels[loop], &answer)) {
		case CHANNEL_EMPTY:
			return;
		case CHANNEL_CLOSED: /* the pidfd tells the rest */
			close(a->channels[loop]);
			a->channels[loop] = -1;
			return;
		case CHANNEL_GOT:
			break;
		}
		if (answer.tag == 0) {
			if (++a->loops_open == a->spec.loops)
				s->calls->opened(s->to, a);
		} else {
			a->answers_due--;
			if (a->asked_ns != 0 && a->answers_due == 0)
				a->answered_ns = clock_ns();
			s->calls->answered(s->to, a, &answer);
		}
	}
}

static void tell_line(struct supervisor *s)
{
	if (s->stderr_rest.len > 0)
		s->calls->wrote(s->to, text_str(&s->stderr_rest));
	text_fini(&s->stderr_rest);
}

/* Returns false when there is nothing more. */
static bool read_stderr(struct supervisor *s)
{
	char buf[4096];
	ssize_t n = read(s->stderr_pipe[0], buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != '\n')
			text_add_bytes(&s->stderr_rest, &buf[i], 1);
		else
			tell_line(s);
	}
	return n > 0;
}

static uint64_t timeval_ns(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_usec * 1000u;
}

/* The kernel's two accounts differ by microseconds, and one of them may be somebody else's to see:
 * time that was spent is never taken back. */
static void remember_cpu(struct agent *a, uint64_t cpu_ns)
{
	if (cpu_ns > a->cpu_ns)
		a->cpu_ns = cpu_ns;
}

static void reap(struct supervisor *s, struct agent *a)
{
	struct rusage usage = { 0 };

	/* It has ended, as its pidfd says.  Its status may be somebody else's: a debugger keeps it. */
	if (wait4(a->pid, &a->wait_status, WNOHANG, &usage) != a->pid)
		a->wait_status = -1;
	else if (WIFSIGNALED(a->wait_status) && WTERMSIG(a->wait_status) == SIGKILL)
		a->out_of_memory = oom_kills() > a->oom_kills;
	while (read_stderr(s))
		; /* what it printed last, before its end is told */
	for (uint32_t i = 0; i < a->spec.loops; i++)
		read_answers(s, a, i);
	read_output(a);
	close_agent(a);
	a->ended = true;
	a->ended_ns = clock_ns();
	remember_cpu(a, timeval_ns(&usage.ru_utime) + timeval_ns(&usage.ru_stime));
	a->max_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
	s->calls->ended(s->to, a);
}

int supervisor_fd(const struct supervisor *s)
{
	return s->epoll_fd;
}

static void serve_event(struct supervisor *s, uint64_t tag)
{
	enum source source = (enum source)(tag >> 56);
	struct agent *a = source == SOURCE_STDERR ? NULL : s->agents[tag & UINT32_MAX];

	switch (source) {
	case SOURCE_STDERR:
		read_stderr(s);
		break;
	case SOURCE_PID:
		if (!a->ended)
			reap(s, a);
		break;
	case SOURCE_OUTPUT:
		read_output(a);
		break;
	case SOURCE_CHANNEL:
		read_answers(s, a, (uint32_t)(tag >> 32) & 0xffffff);
		break;
	}
}

void supervisor_serve(struct supervisor *s)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n;

	do {
		n = epoll_wait(s->epoll_fd, events, EVENTS_AT_ONCE, 0);
		for (int i = 0; i < n; i++)
			serve_event(s, events[i].data.u64);
	} while (n == EVENTS_AT_ONCE);
}

/* A process that cannot even die (a file system that hangs, a frozen control group) is left. */
static void reap_by_force(const struct agent *a, uint64_t until_ns)
{
	struct pollfd end = { .fd = a->pid_fd, .events = POLLIN };
	uint64_t now = clock_ns();

	if (poll(&end, 1, now < until_ns ? (int)((until_ns - now) / 1000000) : 0) == 1)
		waitpid(a->pid, NULL, WNOHANG);
}

void supervisor_fini(struct supervisor *s)
{
	uint64_t until_ns = clock_ns() + REAP_MS * UINT64_C(1000000);

	for (size_t i = 0; i < s->count; i++)
		if (!s->agents[i]->ended)
			kill(s->agents[i]->pid, SIGKILL);
	for (size_t i = 0; i < s->count; i++)
		if (!s->agents[i]->ended)
			reap_by_force(s->agents[i], until_ns);
	while (s->stderr_pipe[0] >= 0 && read_stderr(s))
		;
	tell_line(s);
	for (size_t i = 0; i < s->count; i++)
		free_agent(s->agents[i]);
	free(s->agents);
	file_close(s->stderr_pipe[0]);
	file_close(s->stderr_pipe[1]);
	file_close(s->epoll_fd);
	text_fini(&s->stderr_rest);
	*s = (struct supervisor){ .epoll_fd = -1, .stderr_pipe = { -1, -1 } };
}

/* --- one agent ---------------------------------------------------------------------------------- */

void agent_command(struct agent *a, const struct agent_command *command, int fd_to_pass)
{
	struct error err;

	if (command->verb == AGENT_VERB_CLOSE && !a->ended && a->asked_ns == 0)
		a->asked_ns = clock_ns();
	for (uint32_t i = 0; i < a->spec.loops; i++) {
		if (a->ended || a->channels[i] < 0)
			continue;
		if (channel_send_command(a->channels[i], command, fd_to_pass, &err))
			a->answers_due++;
		else
			agent_kill(a, AGENT_DEAF); /* or it is dying already: the pidfd tells */
	}
}

/* 'T' of a process that somebody stopped, 'D' of one that waits for a disk, ...; 0 = unknown. */
static char process_state(pid_t pid)
{
	char path[64], line[256];
	char state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	const char *name_end = fgets(line, sizeof(line), f) != NULL ? strrchr(line, ')') : NULL;
	if (name_end != NULL && name_end[1] == ' ')
		state = name_end[2];
	fclose(f);
	return state;
}

void agent_kill(struct agent *a, enum agent_kill reason)
{
	if (a->ended)
		return;
	if (a->killed_for == AGENT_NOT_KILLED) {
		a->killed_for = reason;
		a->killed_ns = clock_ns();
		a->killed_state = process_state(a->pid);
	}
	kill(a->pid, SIGKILL);
}

bool agent_is_gone(const struct agent *a)
{
	return a->ended || a->given_up;
}

uint64_t agent_cpu_ns(struct agent *a)
{
	clockid_t id;

	if (!a->ended && clock_getcpuclockid(a->pid, &id) == 0)
		remember_cpu(a, clock_read_ns(id));
	return a->cpu_ns;
}

uint64_t agent_pss_bytes(const struct agent *a)
{
	char path[64], line[128];
	unsigned long long kib = 0;

	if (a->ended)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)a->pid);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

bool agent_is_slow(const struct agent *a)
{
	return agent_is_gone(a) && a->killed_for == AGENT_SLOW;
}

bool agent_is_lost(const struct agent *a)
{
	if (!agent_is_gone(a) || agent_is_slow(a))
		return false;
	return a->given_up || a->asked_ns == 0 || a->wait_status != 0;
}

static double seconds(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e9 : 0;
}

/* Why the parent killed it.  False: it did not. */
static bool describe_kill(const struct agent *a, struct error *err)
{
	const char *how = a->killed_state == 'T'   ? " (the process was stopped)"
	                  : a->killed_state == 'D' ? " (the process waited in the kernel)"
	                                           : "";
	const char *after = a->given_up ? ", and has not ended" : "";

	switch (a->killed_for) {
	case AGENT_NOT_KILLED:
		return false;
	case AGENT_DEAF:
		error_set(err, ERROR_SYSTEM, "it did not read its commands%s and was killed%s", how,
		          after);
		return true;
	case AGENT_HUNG:
		error_set(err, ERROR_SYSTEM, "it did not answer for %.3g s%s and was killed%s",
		          seconds(a->asked_ns, a->killed_ns), how, after);
		return true;
	case AGENT_SLOW:
		error_set(err, ERROR_SYSTEM,
		          "it had closed %" PRIu64 " of %" PRIu32
		          " clients after %.3g s and was killed%s",
		          a->closed, a->spec.clients_count, seconds(a->asked_ns, a->killed_ns),
		          after);
		return true;
	case AGENT_UNWANTED:
		error_set(err, ERROR_TIMEOUT, "it did not end in time%s and was killed%s", how,
		          after);
		return true;
	}
	abort();
}

void agent_describe_end(const struct agent *a, struct error *err)
{
	/* Acquire: pairs with agent_shm_fail. */
	if (atomic_load_explicit(&a->shm->state, memory_order_acquire) == AGENT_FAILED)
		*err = a->shm->error;
	else if (describe_kill(a, err))
		return;
	else if (a->wait_status == -1)
		error_set(err, ERROR_SYSTEM, "ended, and its exit status could not be had");
	else if (a->out_of_memory)
		error_set(err, ERROR_SYSTEM,
		          "killed by signal 9 (Killed): the kernel killed for want of memory, of "
		          "the host "
		          "or of a cgroup; it had %" PRIu64 " MiB",
		          a->max_rss_bytes >> 20);
	else if (WIFSIGNALED(a->wait_status))
		error_set(err, ERROR_SYSTEM, "killed by signal %d (%s)", WTERMSIG(a->wait_status),
		          strsignal(WTERMSIG(a->wait_status)));
	else
		error_set(err, ERROR_SYSTEM, "ended with status %d", WEXITSTATUS(a->wait_status));
}
