/* SPDX-License-Identifier: Apache-2.0 */
#include "net/poller.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "util/file.h"
#include "util/os.h"

#define SECOND_NS UINT64_C(1000000000)

uint64_t poller_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

bool poller_open(struct poller *p, struct error *err)
{
	*p = (struct poller){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	if (p->epoll_fd < 0)
		return error_set_errno(err, errno, "opening epoll");
	p->now_ns = poller_clock_ns();
	return true;
}

void poller_close(struct poller *p)
{
	timers_fini(&p->timers);
	file_close(p->epoll_fd);
	p->epoll_fd = -1;
	p->again = NULL;
}

bool poller_add(struct poller *p, struct watch *w, int fd, uint32_t events, struct error *err)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	assert(w->event != NULL && !w->is_added);
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
		return error_set_errno(err, errno, "watching a descriptor");
	w->fd = fd;
	w->events = events;
	w->is_added = true;
	return true;
}

void poller_change(struct poller *p, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	assert(w->is_added);
	if (w->events == events)
		return;
	w->events = events;
	int status = epoll_ctl(p->epoll_fd, EPOLL_CTL_MOD, w->fd, &e);
	assert(status == 0); /* it was added, and changing takes no memory */
	(void)status;
}

static void unlink_again(struct poller *p, struct watch *w)
{
	if (!w->is_again)
		return;
	w->is_again = false;
	if (w->prev != NULL)
		w->prev->next = w->next;
	else
		p->again = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
}

void poller_remove(struct poller *p, struct watch *w)
{
	unlink_again(p, w);
	if (!w->is_added)
		return;
	w->is_added = false;
	epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = p->at; i < p->count; i++)
		if (p->events[i].data.ptr == w)
			p->events[i].data.ptr = NULL;
}

void poller_again(struct poller *p, struct watch *w)
{
	if (w->is_again)
		return;
	w->is_again = true;
	w->prev = NULL;
	w->next = p->again;
	if (p->again != NULL)
		p->again->prev = w;
	p->again = w;
}

/* Those that asked until now: what they ask for meanwhile is for the next turn. */
void poller_call_again(struct poller *p)
{
	struct watch *last = p->again;

	if (last == NULL)
		return;
	/* The list is handed over whole, behind a head that removals keep right. */
	struct watch head = { .next = last };
	last->prev = &head;
	p->again = NULL;
	while (head.next != NULL) {
		struct watch *w = head.next;
		unlink_again(p, w);
		w->event(w, 0);
	}
}

bool poller_turn(struct poller *p, uint64_t until_ns, struct error *err)
{
	uint64_t timer_ns = timers_next_ns(&p->timers);
	uint64_t next_ns = timer_ns < until_ns ? timer_ns : until_ns;

	p->now_ns = poller_clock_ns();
	uint64_t left_ns = next_ns > p->now_ns ? next_ns - p->now_ns : 0;
	if (next_ns == UINT64_MAX)
		left_ns = OS_WAIT_FOREVER;
	int n = os_epoll_wait(p->epoll_fd, p->events, POLLER_EVENTS,
	                      p->again != NULL ? 0 : left_ns);
	if (n < 0 && errno != EINTR)
		return error_set_errno(err, errno, "epoll");
	p->count = n > 0 ? n : 0;
	p->now_ns = poller_clock_ns();
	for (p->at = 0; p->at < p->count;) {
		struct epoll_event e = p->events[p->at++];
		struct watch *w = e.data.ptr;
		if (w != NULL)
			w->event(w, e.events);
	}
	timers_run(&p->timers, p->now_ns);
	poller_call_again(p);
	return true;
}
