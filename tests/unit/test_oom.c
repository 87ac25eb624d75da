/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/supervisor.h"
#include "util/xalloc.h"

static void the_kernels_count_is_found_among_others(void **state)
{
	static const struct {
		const char *text;
		bool found;
		uint64_t kills;
	} cases[] = {
		{ "oom_kill 3\n", true, 3 },
		{ "nr_free_pages 1\noom_kill 12\nnuma_hit 5\n", true, 12 },
		{ "xoom_kill 4\noom_kill 5\n", true, 5 },
		{ "xoom_kill 4\n", false, 77 },
		{ "oom_kill_disable 1\n", false, 77 },
		{ "oom_kill\n", false, 77 },
		{ "", false, 77 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t kills = 77;
		assert_int_equal(oom_parse(cases[i].text, &kills), cases[i].found);
		assert_int_equal(kills, cases[i].kills);
	}
}

static void describe(bool out_of_memory, struct error *err)
{
	struct agent_shm_shape shape = { .loops = 1 };
	struct agent a = { .wait_status = SIGKILL, .ended = true, .max_rss_bytes = 64 << 20 };

	a.out_of_memory = out_of_memory;
	a.shm = agent_shm_map(&shape, err);
	assert_non_null(a.shm);
	agent_describe_end(&a, err);
	agent_shm_unmap(a.shm);
}

static void a_kill_for_want_of_memory_is_called_so_and_no_other(void **state)
{
	struct error err = { 0 };

	(void)state;
	describe(true, &err);
	assert_non_null(strstr(err.text, "killed for want of memory"));
	assert_non_null(strstr(err.text, "it had 64 MiB"));
	describe(false, &err);
	assert_string_equal(err.text, "killed by signal 9 (Killed)");
}

static int words[2];

static void say(size_t size)
{
	(void)!write(words[1], &size, sizeof(size));
}

/* AddressSanitizer would end the program in place of malloc's NULL. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void memory_that_is_refused_has_last_words(void **state)
{
	/* More than any address space has; volatile, or the compiler refuses for malloc. */
	volatile size_t asked = SIZE_MAX / 4;
	size_t said = 0;
	int status = 0;

	(void)state;
	assert_int_equal(pipe(words), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(STDERR_FILENO);
		xalloc_set_last_words(say);
		free(xmalloc(asked));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_int_equal(read(words[0], &said, sizeof(said)), sizeof(said));
	assert_int_equal(said, asked);
	close(words[0]);
	close(words[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_kernels_count_is_found_among_others),
		cmocka_unit_test(a_kill_for_want_of_memory_is_called_so_and_no_other),
		cmocka_unit_test(memory_that_is_refused_has_last_words),
	};

	return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
