/* SPDX-License-Identifier: Apache-2.0 */
#include "util/os.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MS    UINT64_C(1000000)
#define TRIES 200

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* As a container's filter of system calls that is older than they are; for the rest of this process. */
static int refuse_new_calls(void **state)
{
	static struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]),
		.filter = filter,
	};
	struct epoll_event none;

	(void)state;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return -1;
	return epoll_pwait2(-1, &none, 1, NULL, NULL) < 0 && errno == EPERM ? 0 : -1;
}

static void events_are_told_once_and_waiting_ends_in_time(void **state)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), fd = eventfd(0, EFD_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 7 }, got[2];

	(void)state;
	assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event), 0);
	assert_int_equal(os_epoll_wait(epoll_fd, got, 2, 0), 0);
	uint64_t start_ns = now_ns();
	assert_int_equal(os_epoll_wait(epoll_fd, got, 2, 3 * MS), 0);
	assert_true(now_ns() - start_ns >= 3 * MS);

	assert_int_equal(eventfd_write(fd, 1), 0);
	assert_int_equal(os_epoll_wait(epoll_fd, got, 2, OS_WAIT_FOREVER), 1);
	assert_int_equal(got[0].data.u64, 7);
	assert_int_equal(os_epoll_wait(epoll_fd, got, 2, MS), 0); /* an edge is told once */
	close(fd);
	close(epoll_fd);
}

/* Milliseconds would be a thousand messages at a million a second. */
static void waiting_is_exact_to_less_than_a_millisecond(void **state)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event got;
	uint64_t shortest_ns = UINT64_MAX;

	(void)state;
	for (int i = 0; i < TRIES; i++) {
		uint64_t start_ns = now_ns();
		assert_int_equal(os_epoll_wait(epoll_fd, &got, 1, MS / 10), 0);
		uint64_t took_ns = now_ns() - start_ns;
		assert_true(took_ns >= MS / 10);
		shortest_ns = took_ns < shortest_ns ? took_ns : shortest_ns;
	}
	assert_true(shortest_ns < MS);
	close(epoll_fd);
}

static void only_the_range_is_closed(void **state)
{
	int fds[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fds[i] = dup2(STDERR_FILENO, 100 + i);
		assert_int_equal(fds[i], 100 + i);
	}
	os_close_range(101, 102);
	for (int i = 0; i < 4; i++)
		assert_int_equal(close(fds[i]), i == 1 || i == 2 ? -1 : 0);
	assert_int_not_equal(dup2(STDERR_FILENO, 200), -1);
	os_close_range(100, ~0u);
	assert_int_equal(close(200), -1);
	assert_int_not_equal(write(STDERR_FILENO, "", 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_told_once_and_waiting_ends_in_time),
		cmocka_unit_test(waiting_is_exact_to_less_than_a_millisecond),
		cmocka_unit_test(only_the_range_is_closed),
	};
	int failed = cmocka_run_group_tests_name("os", tests, NULL, NULL);

	return failed +
	       cmocka_run_group_tests_name("os without new calls", tests, refuse_new_calls, NULL);
}
