/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "stats/clock.h"
#include "stats/counter.h"
#include "util/file.h"
#include "util/xalloc.h"

/* epoll's user data beyond any client. */
#define TAG_CHANNEL UINT32_MAX
#define TAG_SIGNAL  (UINT32_MAX - 1)

#define EVENTS_AT_ONCE 64
#define CACHE_LINE     64

/* An agent that was told to end by SIGTERM is killed after this long. */
#define TERM_LIMIT_S 5

static bool watch(struct loop *l, int fd, uint32_t tag, uint32_t events, struct error *err)
{
	struct epoll_event event = { .events = events, .data.u32 = tag };

	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return error_set_errno(err, errno, "watching a descriptor");
	return true;
}

/* SIGTERM stays pending as long as nobody reads it, so every loop of the agent sees it here. */
static int open_signal_fd(struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		error_set_errno(err, errno, "watching for SIGTERM");
	return fd;
}

bool loop_open(struct loop *l, const struct agent_spec *spec, struct agent_shm *shm, unsigned index,
               int channel_fd, struct error *err)
{
	*l = (struct loop){
		.spec = spec,
		.driver = spec->driver,
		.shm = shm,
		.words = &shm->loop[index],
		.index = index,
		.channel_fd = channel_fd,
		.signal_fd = -1,
		.epoll_fd = -1,
		.clients = deal_clients_of(spec->clients_count, spec->loops, index),
	};
	l->ready = xcalloc(l->clients + 1, sizeof(*l->ready));
	l->is_ready = xcalloc(l->clients + 1, sizeof(*l->is_ready));

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		error_set_errno(err, errno, "opening epoll");
		goto fail;
	}
	l->signal_fd = open_signal_fd(err);
	if (l->signal_fd < 0 || !watch(l, l->signal_fd, TAG_SIGNAL, EPOLLIN, err) ||
	    !watch(l, channel_fd, TAG_CHANNEL, EPOLLIN, err))
		goto fail;
	return true;
fail:
	loop_close(l);
	return false;
}

void loop_close(struct loop *l)
{
	file_close(l->signal_fd);
	file_close(l->epoll_fd);
	free(l->ready);
	free(l->is_ready);
	l->signal_fd = l->epoll_fd = -1;
	l->ready = NULL;
	l->is_ready = NULL;
}

bool loop_open_driver(struct loop *l, const struct driver_host *host, struct error *err)
{
	const struct agent_spec *spec = l->spec;
	size_t stride;

	snprintf(l->client_id, sizeof(l->client_id), "omb-%s-%s-%u.%u", spec->run_id,
	         agent_role_name(spec->role), spec->index, l->index);
	l->context = (struct driver_context){
		.config = spec->driver_config,
		.host = host,
		.owner = l,
		.run_id = spec->run_id,
		.client_id = l->client_id,
	};
	l->client = loop_alloc_parts(1, l->driver->client_size, &stride);
	if (l->driver->open(l->client, &l->context, err))
		return true;
	free(l->client);
	l->client = NULL;
	return false;
}

void loop_close_driver(struct loop *l)
{
	l->driver->close(l->client);
	free(l->client);
	l->client = NULL;
}

unsigned char *loop_alloc_parts(uint32_t count, size_t size, size_t *stride)
{
	*stride = (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
	size_t bytes = (count + 1) * *stride;

	unsigned char *parts = aligned_alloc(CACHE_LINE, bytes);
	if (parts == NULL)
		abort(); /* set-up, as in xalloc.h */
	memset(parts, 0, bytes);
	return parts;
}

bool loop_watch(struct loop *l, uint32_t i, int fd, struct error *err)
{
	/* What came before the descriptor was watched makes no edge: look once. */
	loop_mark_ready(l, i);
	if (fd < 0) {
		l->polled++;
		return true;
	}
	return watch(l, fd, i, EPOLLIN | EPOLLET, err);
}

void loop_mark_ready(struct loop *l, uint32_t i)
{
	if (l->is_ready[i])
		return;
	l->is_ready[i] = true;
	l->ready[l->ready_count++] = i;
}

static int wait_events(struct loop *l, uint64_t until_ns, struct epoll_event *events)
{
	struct timespec left = { 0 };
	const struct timespec *timeout = &left;

	if (until_ns == UINT64_MAX) {
		timeout = NULL;
	} else if (until_ns > 0) {
		uint64_t now = clock_ns();
		uint64_t ns = until_ns > now ? until_ns - now : 0;
		left.tv_sec = (time_t)(ns / 1000000000u);
		left.tv_nsec = (long)(ns % 1000000000u);
	}
	if (l->ready_count > 0)
		left = (struct timespec){ 0 }, timeout = &left;

	int n = epoll_pwait2(l->epoll_fd, events, EVENTS_AT_ONCE, timeout, NULL);
	return n < 0 ? 0 : n; /* EINTR: the caller comes again */
}

/* Closing may hang in a client library: the alarm kills the process then. */
static void terminate(struct loop *l)
{
	l->closing = l->terminated = true;
	alarm(TERM_LIMIT_S);
}

bool loop_wait(struct loop *l, uint64_t until_ns, struct agent_command *command, int *passed_fd)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	bool commanded = false;

	int n = wait_events(l, until_ns, events);
	counter_bump(&l->words->counters[COUNTER_WAKEUPS]);
	for (int i = 0; i < n; i++) {
		uint32_t tag = events[i].data.u32;
		if (tag == TAG_CHANNEL)
			commanded = true;
		else if (tag == TAG_SIGNAL)
			terminate(l);
		else
			loop_mark_ready(l, tag);
	}
	if (!commanded)
		return false;

	switch (channel_receive_command(l->channel_fd, command, passed_fd)) {
	case CHANNEL_GOT:
		return true;
	case CHANNEL_EMPTY:
		return false;
	case CHANNEL_CLOSED: /* the parent is gone */
		terminate(l);
		return false;
	}
	abort();
}

void loop_batch_begins(struct loop *l)
{
	l->now_ns = clock_ns();
	l->ticks = 0;
}

uint64_t loop_tick(struct loop *l)
{
	if (++l->ticks == LOOP_CLOCK_EVERY)
		loop_batch_begins(l);
	return l->now_ns;
}

uint32_t loop_client_index(const struct loop *l, uint32_t i)
{
	return i * l->spec->loops + l->index;
}

void loop_note(struct loop *l, enum note_kind kind, const char *text)
{
	shm_note_add(l->words, kind, text, clock_ns());
}

void loop_answer(struct loop *l, uint32_t tag, bool ok, const struct error *err)
{
	struct agent_answer answer = { .tag = tag, .ok = ok };

	if (!ok)
		answer.err = *err;
	channel_send_answer(l->channel_fd, &answer);
}
