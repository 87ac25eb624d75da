/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker as a program of its own: verbs come in as lines of JSON on descriptor 0, answers go out
 * there.  An argument names a verb that it does not have.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/arena.h"
#include "util/clock.h"
#include "util/signals.h"
#include "util/xalloc.h"
#include "worker/local.h"
#include "worker/message.h"

#define CALLS_MAX 2 /* one, and the STOP_ALL that ends it */

struct asked {
	uint64_t id;
	struct arena arena;
	struct worker_call call;
};

struct process {
	struct worker *w;
	const char *lacks;
	struct text input;
	struct asked *calls[CALLS_MAX];
	uint64_t origin_ns;
};

static struct message_clock clock_of(const struct process *p)
{
	return (struct message_clock){ .origin_ns = p->origin_ns, .now_ns = clock_ns() };
}

static void write_line(struct text *line)
{
	text_add(line, "\n");
	for (size_t at = 0; at < line->len;) {
		ssize_t n = write(0, line->data + at, line->len - at);
		if (n < 0 && errno != EINTR)
			exit(1); /* nobody listens any more */
		at += n > 0 ? (size_t)n : 0;
	}
	text_fini(line);
}

static void answer(struct process *p, struct asked *a)
{
	struct message_clock clock = clock_of(p);
	struct text line = { 0 };

	message_write_answer(&a->call, a->id, &clock, &line);
	write_line(&line);
	switch ((unsigned)a->call.verb) { /* what is not in the arena */
	case WORKER_SNAPSHOT:
		fact_totals_fini(&a->call.totals);
		break;
	case WORKER_FINISH:
		fact_totals_fini(&a->call.finish.totals);
		break;
	case WORKER_PERIOD_STATS:
	case WORKER_CUMULATIVE_LATENCIES:
		snapshot_fini(&a->call.period.interval);
		break;
	default:
		break;
	}
	arena_fini(&a->arena);
	free(a);
}

static void answer_what_is_complete(struct process *p)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct asked *a = p->calls[i];
		if (a == NULL || a->call.state == CALL_RUNNING)
			continue;
		p->calls[i] = NULL;
		answer(p, a);
	}
}

static bool has(const struct process *p, enum worker_verb verb)
{
	return p->lacks == NULL || strstr(p->lacks, worker_verb_name(verb)) == NULL;
}

static void take(void *to, const char *line, size_t len)
{
	struct process *p = to;
	struct asked *a = xcalloc(1, sizeof(*a));
	struct message_clock clock = clock_of(p);
	size_t place = 0;

	a->call.arena = &a->arena;
	bool ok = message_read_ask(line, len, &clock, &a->call, &a->id, &a->call.err);
	if (ok && !has(p, a->call.verb)) {
		worker_lacks(&a->call);
		answer(p, a);
		return;
	}
	if (!ok) {
		a->call.state = CALL_FAILED;
		answer(p, a);
		return;
	}
	if (a->call.verb == WORKER_CLOCK && p->origin_ns == 0)
		p->origin_ns = clock.now_ns; /* from now on instants are told as since then */
	while (place < CALLS_MAX && p->calls[place] != NULL)
		place++;
	if (place == CALLS_MAX)
		exit(2);
	p->calls[place] = a;
	worker_start(p->w, &a->call);
	answer_what_is_complete(p);
}

/* False: the other side has gone. */
static bool read_input(struct process *p)
{
	char buf[65536];
	ssize_t n = read(0, buf, sizeof(buf));

	if (n <= 0)
		return n < 0 && errno == EINTR;
	text_add_bytes(&p->input, buf, (size_t)n);
	text_take_lines(&p->input, take, p);
	return true;
}

int main(int argc, char **argv)
{
	struct process p = { .w = worker_local_create(), .lacks = argc > 1 ? argv[1] : NULL };

	signals_ignore_lost_output();
	for (;;) {
		struct pollfd fds[] = { { .fd = 0, .events = POLLIN },
			                { .fd = worker_fd(p.w), .events = POLLIN } };
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents != 0 && !read_input(&p))
			break;
		worker_serve(p.w);
		answer_what_is_complete(&p);
	}
	worker_destroy(p.w);
	text_fini(&p.input);
	return 0;
}
