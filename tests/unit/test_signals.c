/* SPDX-License-Identifier: Apache-2.0 */
#include "util/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void writing_to_nobody_is_an_error_and_not_the_end(void **state)
{
	int fds[2];

	(void)state;
	signals_ignore_lost_output();
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	assert_int_equal(write(fds[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(fds[1]);
}

static void writing_beyond_the_limit_of_file_sizes_is_an_error_and_not_the_end(void **state)
{
	struct rlimit before, little = { 1, 1 };
	FILE *file = tmpfile();

	(void)state;
	signals_ignore_lost_output();
	assert_non_null(file);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(write(fileno(file), "xyz", 3), 1);
	assert_int_equal(write(fileno(file), "yz", 2), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	fclose(file);
}

static void a_hangup_asks_for_the_end_unless_nohup_was_there(void **state)
{
	sigset_t set;

	(void)state;
	signal(SIGHUP, SIG_DFL);
	signals_of_the_end(&set);
	assert_int_equal(sigismember(&set, SIGINT), 1);
	assert_int_equal(sigismember(&set, SIGTERM), 1);
	assert_int_equal(sigismember(&set, SIGHUP), 1);
	assert_int_equal(sigismember(&set, SIGPIPE), 0);

	signal(SIGHUP, SIG_IGN);
	signals_of_the_end(&set);
	assert_int_equal(sigismember(&set, SIGTERM), 1);
	assert_int_equal(sigismember(&set, SIGHUP), 0);
	signal(SIGHUP, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writing_to_nobody_is_an_error_and_not_the_end),
		cmocka_unit_test(
			writing_beyond_the_limit_of_file_sizes_is_an_error_and_not_the_end),
		cmocka_unit_test(a_hangup_asks_for_the_end_unless_nohup_was_there),
	};

	return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
