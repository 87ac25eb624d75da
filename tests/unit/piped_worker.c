/* SPDX-License-Identifier: Apache-2.0 */
#include "piped_worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/xalloc.h"
#include "worker/message.h"

#define CALLS_MAX 2 /* one, and the STOP_ALL that ends it */

/* On top of what the worker says: a message is written, read and answered. */
#define LEAD_NS   UINT64_C(20000000)

struct piped {
	struct worker base;
	pid_t pid;
	int fd; /* -1: the program has gone */
	struct text input;
	uint64_t next_id;
	struct {
		uint64_t id;
		struct worker_call *call;
	} calls[CALLS_MAX];
	uint64_t origin_ns; /* of instants: when it answered CLOCK for the first time */
	struct error gone;
	enum worker_verb kill_verb;
	unsigned kill_countdown; /* 0 = never */
};

static struct piped *piped_of(const struct worker *w)
{
	return (struct piped *)(uintptr_t)w;
}

static struct message_clock clock_of(const struct piped *p)
{
	return (struct message_clock){ .origin_ns = p->origin_ns, .now_ns = clock_ns() };
}

static void fail(struct worker_call *call, const struct error *err)
{
	call->err = *err;
	call->state = CALL_FAILED;
}

/* Its end is told by everything that is asked of it. */
static void lose(struct piped *p)
{
	int status = 0;

	file_close(p->fd);
	p->fd = -1;
	waitpid(p->pid, &status, 0);
	if (WIFSIGNALED(status))
		error_set(&p->gone, ERROR_SYSTEM, "the worker's process was killed by signal %d",
		          WTERMSIG(status));
	else
		error_set(&p->gone, ERROR_SYSTEM, "the worker's process has ended with status %d",
		          WEXITSTATUS(status));
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (p->calls[i].call != NULL)
			fail(p->calls[i].call, &p->gone);
		p->calls[i].call = NULL;
	}
}

static bool send_line(struct piped *p, struct text *line)
{
	text_add(line, "\n");
	for (size_t at = 0; at < line->len;) {
		ssize_t n = send(p->fd, line->data + at, line->len - at, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static void piped_start(struct worker *w, struct worker_call *call)
{
	struct piped *p = piped_of(w);
	struct message_clock clock = clock_of(p);
	struct text line = { 0 };
	size_t place = 0;

	if (p->fd < 0) {
		fail(call, &p->gone);
		return;
	}
	while (p->calls[place].call != NULL)
		place++;
	assert(place < CALLS_MAX);
	if (p->kill_countdown > 0 && call->verb == p->kill_verb && --p->kill_countdown == 0)
		kill(p->pid, SIGKILL);
	p->calls[place].id = ++p->next_id;
	p->calls[place].call = call;
	message_write_ask(call, p->next_id, &clock, &line);
	if (!send_line(p, &line))
		lose(p);
	text_fini(&line);
}

static void take(void *to, const char *line, size_t len)
{
	struct piped *p = to;
	struct message_clock clock = clock_of(p);
	struct worker_call *call = NULL;
	struct error err;
	uint64_t id = 0;
	size_t i = 0;

	bool ok = message_read_id(line, len, &id, &err);
	while (i < CALLS_MAX && (p->calls[i].call == NULL || p->calls[i].id != id))
		i++;
	if (!ok || i == CALLS_MAX)
		return; /* nobody asked for it */
	call = p->calls[i].call;
	if (!message_read_answer(line, len, &clock, call, &err))
		fail(call, &err);
	if (call->state == CALL_RUNNING)
		return;
	if (call->verb == WORKER_CREATE_PRODUCERS)
		call->create_producers.lead_ns += LEAD_NS;
	p->calls[i].call = NULL;
}

static void piped_serve(struct worker *w)
{
	struct piped *p = piped_of(w);
	char buf[65536];
	bool has_gone = false;

	while (p->fd >= 0) {
		ssize_t n = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		has_gone = n == 0 || (n < 0 && errno != EAGAIN);
		if (n <= 0)
			break;
		text_add_bytes(&p->input, buf, (size_t)n);
	}
	if (p->input.len > 0)
		text_take_lines(&p->input, take, p);
	if (has_gone)
		lose(p);
}

static int piped_fd(struct worker *w)
{
	return piped_of(w)->fd;
}

/* It closes its agents and ends when nobody is at the other end any more. */
static void piped_destroy(struct worker *w)
{
	struct piped *p = piped_of(w);

	if (p->fd >= 0) {
		close(p->fd);
		waitpid(p->pid, NULL, 0);
	}
	text_fini(&p->input);
	free(p);
}

static const struct worker_ops piped_ops = {
	.name = "piped",
	.start = piped_start,
	.fd = piped_fd,
	.serve = piped_serve,
	.destroy = piped_destroy,
};

/* Instants are told as since the moment in the middle of asking and being answered. */
static void agree_on_an_origin(struct piped *p)
{
	struct arena arena = { 0 };
	struct worker_call call = { .verb = WORKER_CLOCK, .arena = &arena };
	uint64_t asked_ns = clock_ns();

	worker_start(&p->base, &call);
	while (call.state == CALL_RUNNING) {
		struct pollfd fd = { .fd = p->fd, .events = POLLIN };
		poll(&fd, 1, -1);
		worker_serve(&p->base);
	}
	assert(call.state == CALL_DONE);
	p->origin_ns = asked_ns + (clock_ns() - asked_ns) / 2;
	arena_fini(&arena);
}

static _Noreturn void be_worker(const char *program, const char *lacks, int fd)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, STDIN_FILENO);
	execl(program, program, lacks, (char *)NULL);
	_exit(127);
}

struct worker *piped_worker_create(const char *program, const char *lacks)
{
	struct piped *p = xcalloc(1, sizeof(*p));
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	p->base.ops = &piped_ops;
	p->fd = pair[0];
	p->pid = fork();
	if (p->pid < 0)
		abort();
	if (p->pid == 0)
		be_worker(program, lacks, pair[1]);
	close(pair[1]);
	agree_on_an_origin(p);
	return &p->base;
}

void piped_worker_kill_at(struct worker *w, enum worker_verb verb, unsigned n)
{
	piped_of(w)->kill_verb = verb;
	piped_of(w)->kill_countdown = n;
}
