/* SPDX-License-Identifier: Apache-2.0 */

/* Listeners and the poller on real sockets of this host. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "turning.h"

#include "net/listener.h"
#include "net/poller.h"
#include "net/socket.h"

static struct world {
	struct poller poller;
	struct listener listener;
	size_t accepted_count;
} w;

static void on_accepted(struct listener *l, int fd, const struct address *from)
{
	(void)l;
	assert_true(address_is_tcp(from));
	close(fd);
	w.accepted_count++;
}

static int setup(void **state)
{
	struct address at;
	struct error err;

	(void)state;
	w = (struct world){ .listener.accepted = on_accepted };
	return poller_open(&w.poller, &err) && address_parse("127.0.0.1:0", &at, &err) &&
	                       listener_open(&w.listener, &w.poller, &at, &err)
	               ? 0
	               : -1;
}

static int teardown(void **state)
{
	(void)state;
	listener_close(&w.listener);
	poller_close(&w.poller);
	return 0;
}

static int call(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct address *at = &w.listener.address;
	size_t before = w.accepted_count;

	assert_int_equal(connect(fd, (const struct sockaddr *)&at->at, at->len), 0);
	UNTIL(w.accepted_count > before);
	return fd;
}

static void must_send(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* --- listening ------------------------------------------------------------------------------------ */

/* Out of descriptors: others wait, the loop does not spin, and both listeners go on afterwards. */
static void without_descriptors_connections_wait_and_every_listener_takes_them_up_again(
	void **state)
{
	struct listener second = { .accepted = on_accepted };
	struct rlimit before, little;
	struct address at;
	struct error err;
	int fds[2];

	(void)state;
	assert_true(address_parse("127.0.0.1:0", &at, &err));
	assert_true(listener_open(&second, &w.poller, &at, &err));
	for (int i = 0; i < 2; i++) {
		at = i == 0 ? w.listener.address : second.address;
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fds[i], (const struct sockaddr *)&at.at, at.len), 0);
	}
	getrlimit(RLIMIT_NOFILE, &before);
	little = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &little), 0);
	int turns = 0;
	uint64_t end_ns = poller_clock_ns() + 5 * LISTENER_RETRY_NS;
	while (poller_clock_ns() < end_ns) {
		assert_true(poller_turn(&w.poller, end_ns, &err));
		turns++;
	}
	assert_int_equal(w.accepted_count, 0);
	/* Five tries of two listeners, each a turn that is told and a turn for its timer. */
	assert_true(turns <= 40);
	assert_true(w.listener.is_starved && second.is_starved);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	UNTIL(w.accepted_count == 2 && !w.listener.is_starved && !second.is_starved);
	listener_close(&second);
	close(fds[0]);
	close(fds[1]);
}

static void a_deaf_listener_refuses_and_hears_again_on_the_same_port(void **state)
{
	struct address at = w.listener.address;
	struct error err;

	(void)state;
	for (int i = 0; i < 3; i++) {
		listener_deafen(&w.listener);
		listener_deafen(&w.listener);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (const struct sockaddr *)&at.at, at.len), -1);
		assert_int_equal(errno, ECONNREFUSED);
		/* Nobody else gets the port meanwhile. */
		int thief = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(thief, (const struct sockaddr *)&at.at, at.len), -1);
		close(thief);
		close(fd);
		assert_true(listener_hear(&w.listener, &err));
		close(call());
	}
}

static void a_port_that_is_taken_is_an_error_with_its_address(void **state)
{
	struct listener second = { .accepted = on_accepted };
	struct error err;

	(void)state;
	assert_false(listener_open(&second, &w.poller, &w.listener.address, &err));
	assert_non_null(strstr(err.text, "127.0.0.1:"));
	assert_int_equal(err.os_errno, EADDRINUSE);
	listener_close(&second);
}

/* --- the poller ----------------------------------------------------------------------------------- */

static struct timer_note {
	struct timer timer;
	uint64_t due_ns, fired_ns;
} note;

static void note_time(struct timer *t, uint64_t now_ns)
{
	(void)t;
	note.fired_ns = now_ns;
}

static void timers_are_never_early(void **state)
{
	(void)state;
	for (uint64_t wait_ns = 1; wait_ns < 4000000; wait_ns = wait_ns * 3 + 777) {
		note = (struct timer_note){ .timer.due = note_time };
		note.due_ns = poller_clock_ns() + wait_ns;
		timers_set(&w.poller.timers, &note.timer, note.due_ns);
		UNTIL(note.fired_ns > 0);
		assert_true(note.fired_ns >= note.due_ns);
	}
}

struct pair {
	struct watch watch;
	struct pair *other;
	int calls;
};

/* Whoever is called first removes and poisons the other one, of which an event is in hand too. */
static void remove_other(struct watch *watch, uint32_t events)
{
	struct pair *p = (struct pair *)watch;

	(void)events;
	p->calls++;
	if (p->other == NULL)
		return;
	poller_remove(&w.poller, &p->other->watch);
	int calls = p->other->calls;
	memset(p->other, 0x5a, sizeof(*p->other));
	p->other->calls = calls;
	p->other = NULL;
}

static void a_watch_that_is_removed_in_the_same_turn_is_not_called_any_more(void **state)
{
	struct pair *pair = calloc(2, sizeof(*pair));
	int sockets[2];
	struct error err;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	must_send(sockets[0], "x", 1);
	must_send(sockets[1], "x", 1);
	for (int i = 0; i < 2; i++) {
		pair[i].watch.event = remove_other;
		pair[i].other = &pair[1 - i];
		assert_true(poller_add(&w.poller, &pair[i].watch, sockets[i], EPOLLIN, &err));
		poller_again(&w.poller, &pair[i].watch);
	}
	assert_true(poller_turn(&w.poller, 0, &err));
	/* By its event, and because it had asked to be called again. */
	assert_int_equal(pair[0].calls + pair[1].calls, 2);
	assert_true(pair[0].calls == 0 || pair[1].calls == 0);
	poller_remove(&w.poller, &pair[pair[0].calls > 0 ? 0 : 1].watch);
	close(sockets[0]);
	close(sockets[1]);
	free(pair);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_descriptors_connections_wait_and_every_listener_takes_them_up_again),
		TEST(a_deaf_listener_refuses_and_hears_again_on_the_same_port),
		TEST(a_port_that_is_taken_is_an_error_with_its_address),
		TEST(timers_are_never_early),
		TEST(a_watch_that_is_removed_in_the_same_turn_is_not_called_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
