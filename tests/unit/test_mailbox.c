/* SPDX-License-Identifier: Apache-2.0 */

/* Letters from several threads, and a taker that sleeps on the descriptor as a loop does. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver/mailbox.h"

#define POSTERS  4
#define LETTERS  50000
#define TOO_LONG 20000 /* ms without an edge: it was lost */

struct letter {
	uint32_t from, number;
	uint64_t twice; /* of the number: no half of a letter is ever seen */
};

static void start(struct mailbox *m, uint32_t capacity)
{
	struct error err = { 0 };

	assert_true(mailbox_init(m, sizeof(struct letter), capacity, &err));
}

static void what_is_posted_is_taken_in_order(void **state)
{
	struct mailbox m;
	struct letter l = { 0 };

	(void)state;
	start(&m, 3); /* becomes four */
	assert_false(mailbox_take(&m, &l));
	for (uint32_t round = 0; round < 10; round++) {
		for (uint32_t i = 0; i < 4; i++) {
			l = (struct letter){ .number = round * 4 + i };
			assert_true(mailbox_post(&m, &l));
		}
		l.number = 999;
		assert_false(mailbox_post(&m, &l)); /* full */
		for (uint32_t i = 0; i < 4; i++) {
			assert_true(mailbox_take(&m, &l));
			assert_int_equal(l.number, round * 4 + i);
		}
		assert_false(mailbox_take(&m, &l));
	}
	mailbox_fini(&m);
}

static uint64_t edges(const struct mailbox *m)
{
	uint64_t n = 0;

	return read(m->fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void one_edge_for_each_time_it_was_empty(void **state)
{
	struct mailbox m;
	struct letter l = { 0 };

	(void)state;
	start(&m, 8);
	assert_int_equal(edges(&m), 0);
	for (int i = 0; i < 5; i++)
		assert_true(mailbox_post(&m, &l));
	assert_int_equal(edges(&m), 1);

	/* Not taken to the end: the loop comes back by itself. */
	assert_true(mailbox_take(&m, &l));
	assert_true(mailbox_post(&m, &l));
	assert_int_equal(edges(&m), 0);

	while (mailbox_take(&m, &l))
		;
	assert_true(mailbox_post(&m, &l));
	assert_int_equal(edges(&m), 1);
	mailbox_fini(&m);
}

struct poster {
	struct mailbox *box;
	uint32_t id;
	uint32_t got_in;
	pthread_t thread;
};

static void *post_all(void *arg)
{
	struct poster *p = arg;

	for (uint32_t i = 0; i < LETTERS; i++) {
		const struct letter l = { .from = p->id, .number = i, .twice = 2 * (uint64_t)i };
		if (!mailbox_put(p->box, &l))
			break;
		p->got_in++;
	}
	return NULL;
}

static void post_from_threads(struct poster posters[POSTERS], struct mailbox *m)
{
	for (uint32_t i = 0; i < POSTERS; i++) {
		posters[i] = (struct poster){ .box = m, .id = i };
		assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]),
		                 0);
	}
}

static int wait_for_edges(const struct mailbox *m)
{
	int fd = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };

	assert_true(fd >= 0);
	assert_int_equal(epoll_ctl(fd, EPOLL_CTL_ADD, m->fd, &e), 0);
	return fd;
}

/* A small box, so that posters wait for room and the taker for letters all the time. */
static void nothing_is_lost_between_threads(void **state)
{
	struct mailbox m;
	struct poster posters[POSTERS];
	uint32_t next[POSTERS] = { 0 };
	uint32_t total = 0;

	(void)state;
	start(&m, 16);
	int edge_fd = wait_for_edges(&m);
	post_from_threads(posters, &m);
	while (total < POSTERS * LETTERS) {
		struct epoll_event e;
		struct letter l;
		assert_int_equal(epoll_wait(edge_fd, &e, 1, TOO_LONG), 1);
		while (mailbox_take(&m, &l)) {
			assert_int_equal(l.number, next[l.from]);
			assert_int_equal(l.twice, 2 * (uint64_t)l.number);
			next[l.from]++;
			total++;
		}
	}
	for (uint32_t i = 0; i < POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	close(edge_fd);
	mailbox_fini(&m);
}

static void who_waits_for_room_returns_when_it_is_closed(void **state)
{
	struct mailbox m;
	struct poster posters[POSTERS];
	struct letter l;
	uint32_t got_in = 0, taken = 0;

	(void)state;
	start(&m, 16);
	post_from_threads(posters, &m);
	while (!mailbox_take(&m, &l))
		;
	taken++;
	mailbox_close(&m);
	for (uint32_t i = 0; i < POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		got_in += posters[i].got_in;
	}
	while (mailbox_take(&m, &l))
		taken++;
	assert_int_equal(taken, got_in);
	assert_true(got_in <= 17);
	assert_false(mailbox_post(&m, &l));
	assert_false(mailbox_put(&m, &l));
	mailbox_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_posted_is_taken_in_order),
		cmocka_unit_test(one_edge_for_each_time_it_was_empty),
		cmocka_unit_test(nothing_is_lost_between_threads),
		cmocka_unit_test(who_waits_for_room_returns_when_it_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
