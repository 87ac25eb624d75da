/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/shm.h"
#include "agent/supervisor.h"

#define MS UINT64_C(1000000)

static void a_thread_is_read_from_its_line_whatever_its_name(void **state)
{
	static const struct {
		const char *line, *name;
		uint64_t cpu_ns;
	} cases[] = {
		{ "71 (rdk:broker1) S 1 70 70 0 -1 64 5 6 7 8 250 150 9 9 20 0 3", "rdk:broker1",
		  4000 * MS },
		{ "71 (a) R (b) S 1 70 70 0 -1 64 5 6 7 8 1 0 9 9 20 0 3", "a) R (b", 10 * MS },
		{ "71 (cut) S 1 70 70 0 -1 64 5 6 7 8 1", NULL, 0 },
		{ "71 cut", NULL, 0 },
		{ ")(", NULL, 0 },
		{ "", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct library_thread t = { 0 };
		bool ok = threads_parse_stat(cases[i].line, 100, &t);

		assert_int_equal(ok, cases[i].name != NULL);
		if (!ok)
			continue;
		assert_string_equal(t.name, cases[i].name);
		assert_int_equal(t.cpu_ns, cases[i].cpu_ns);
	}
}

/* A thread of "the library", which spins until it has used CPU that the kernel counts. */
static atomic_bool over;
static _Atomic uint32_t spinning;

static void *spin(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "busy (library)");
	atomic_store(&spinning, 1);
	while (!atomic_load(&over))
		;
	return NULL;
}

static void the_threads_of_the_loops_are_not_the_librarys(void **state)
{
	const struct agent_shm_shape shape = { .loops = 1 };
	struct library_thread found = { 0 };
	struct error err;
	pthread_t thread;

	(void)state;
	struct agent a = { .pid = getpid(), .spec = { .loops = 1 } };
	a.shm = agent_shm_map(&shape, &err);
	assert_non_null(a.shm);
	/* Nobody has said which thread is a loop. */
	agent_library_threads(&a, &found);
	assert_int_equal(found.threads, 1);

	atomic_store(&a.shm->loop[0].thread, (uint32_t)gettid());
	agent_library_threads(&a, &found);
	assert_int_equal(found.threads, 0);
	assert_int_equal(found.cpu_ns, 0);

	assert_int_equal(pthread_create(&thread, NULL, spin, NULL), 0);
	while (found.threads == 0 || found.cpu_ns == 0)
		agent_library_threads(&a, &found);
	assert_int_equal(atomic_load(&spinning), 1);
	assert_int_equal(found.threads, 1);
	assert_string_equal(found.name, "busy (library)");
	atomic_store(&over, true);
	pthread_join(thread, NULL);

	a.ended = true;
	agent_library_threads(&a, &found);
	assert_int_equal(found.threads, 0);
	agent_shm_unmap(a.shm);
}

/* What no machine can be made to do: a full loop beside an idle one, and one that spins. */
static void cpu_of_each_loop_is_that_between_the_ends_of_the_window(void **state)
{
	const struct agent_shm_shape shape = { .loops = 4 };
	struct shm_cpu cpu = { 0 };
	struct error err;

	(void)state;
	struct agent_shm *shm = agent_shm_map(&shape, &err);
	assert_non_null(shm);
	for (uint32_t loop = 0; loop < 3; loop++)
		agent_shm_pass_edge(shm, loop, EDGE_WINDOW_START, 1000 * MS, 50 * MS);
	assert_false(agent_shm_window_cpu(shm, 0, &cpu)); /* it has not come to the end */
	counter_set(&shm->loop[2].counters[COUNTER_SPUN_NS], 60 * MS);
	agent_shm_pass_edge(shm, 0, EDGE_WINDOW_END, 1100 * MS, 149 * MS);
	agent_shm_pass_edge(shm, 1, EDGE_WINDOW_END, 1200 * MS, 51 * MS);
	agent_shm_pass_edge(shm, 2, EDGE_WINDOW_END, 1100 * MS, 120 * MS);

	assert_true(agent_shm_window_cpu(shm, 0, &cpu));
	assert_int_equal(cpu.span_ns, 100 * MS);
	assert_int_equal(cpu.work_ns, 99 * MS);
	assert_true(agent_shm_window_cpu(shm, 1, &cpu));
	assert_int_equal(cpu.span_ns, 200 * MS);
	assert_int_equal(cpu.work_ns, MS);
	assert_true(agent_shm_window_cpu(shm, 2, &cpu));
	assert_int_equal(cpu.cpu_ns, 70 * MS);
	assert_int_equal(cpu.work_ns, 10 * MS);
	assert_false(agent_shm_window_cpu(shm, 3, &cpu));
	agent_shm_unmap(shm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_is_read_from_its_line_whatever_its_name),
		cmocka_unit_test(the_threads_of_the_loops_are_not_the_librarys),
		cmocka_unit_test(cpu_of_each_loop_is_that_between_the_ends_of_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
