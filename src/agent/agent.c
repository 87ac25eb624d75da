/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/admin.h"
#include "agent/consumer.h"
#include "agent/producer.h"
#include "agent/termination.h"
#include "driver/registry.h"
#include "util/os.h"
#include "util/signals.h"
#include "util/xalloc.h"

/* Of the 5 s that an orphan has (termination.h), so much is for deleting topics. */
#define DELETE_LIMIT_MS 3500

struct loop_thread {
	const struct agent_spec *spec;
	struct agent_shm *shm;
	unsigned index;
	int channel_fd;
	pthread_t thread;
	bool failed;
};

const struct driver *agent_configure(const struct driver_file *file, struct arena *arena,
                                     void **config, struct error_list *errors,
                                     struct error_list *warnings)
{
	return driver_configure(file, arena, config, errors, warnings);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Everything above stdio but `keep`. */
static void close_others(const int *keep, uint32_t keep_count)
{
	int *sorted = xcalloc(keep_count + 1, sizeof(*sorted));
	unsigned from = STDERR_FILENO + 1;

	for (uint32_t i = 0; i < keep_count; i++)
		sorted[i] = keep[i];
	qsort(sorted, keep_count, sizeof(*sorted), by_number);
	for (uint32_t i = 0; i < keep_count; i++) {
		unsigned fd = (unsigned)sorted[i];
		if (fd > from)
			os_close_range(from, fd - 1);
		if (fd >= from)
			from = fd + 1;
	}
	os_close_range(from, ~0u);
	free(sorted);
}

static void set_signals(void)
{
	sigset_t none;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signals_ignore_lost_output();
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void agent_enter_child(int parent_pid, const int *keep, uint32_t keep_count, int stderr_fd)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(stderr_fd, STDOUT_FILENO);
	dup2(stderr_fd, STDERR_FILENO);
	close_others(keep, keep_count);

	termination_watch(parent_pid);
	set_signals();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent_pid)
		_exit(1); /* it died before the signal was asked for */
}

static bool settle(const struct agent_spec *spec, struct error *err)
{
	if (spec->nice != 0 && setpriority(PRIO_PROCESS, 0, spec->nice) < 0)
		return error_set_errno(err, errno, "setting agentNice %d", spec->nice);
	if (spec->cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)spec->cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0)
			return error_set_errno(err, errno, "pinning to CPU %d of agentCpus",
			                       spec->cpu);
	}
	return driver_load_library(spec->driver, err);
}

static void *run_loop(void *arg)
{
	struct loop_thread *t = arg;
	struct error err;

	bool ok = t->spec->role == AGENT_PRODUCER
	                  ? producer_loop(t->spec, t->shm, t->index, t->channel_fd, &err)
	                  : consumer_loop(t->spec, t->shm, t->index, t->channel_fd, &err);
	if (!ok) {
		agent_shm_fail(t->shm, &err);
		t->failed = true;
		termination_request(); /* the other loops of this agent end like this one */
	}
	return NULL;
}

/* Loop 0 is the process's first thread. */
static bool run_loops(struct loop_thread *threads, uint32_t count, struct error *err)
{
	uint32_t started = 1;
	bool ok = true;

	for (; ok && started < count; started++) {
		int failure =
			pthread_create(&threads[started].thread, NULL, run_loop, &threads[started]);
		if (failure != 0) {
			ok = error_set_errno(err, failure, "starting thread %u of %u", started + 1,
			                     count);
			termination_request();
			break;
		}
	}
	run_loop(&threads[0]);
	for (uint32_t i = 1; i < started; i++)
		pthread_join(threads[i].thread, NULL);
	return ok;
}

/* Best effort: nobody is left to be told. */
static void delete_what_the_parent_cannot(const struct agent_spec *spec)
{
	struct error err;

	if (spec->role == AGENT_PRODUCER && spec->index == 0 && spec->names.topics_count > 0)
		admin_delete(spec, &spec->names, DELETE_LIMIT_MS, &err);
}

/* Of this process: an agent that cannot go on leaves why where its parent looks. */
static struct agent_shm *own_shm;

static void say_out_of_memory(size_t size)
{
	struct error err;

	error_set(&err, ERROR_SYSTEM,
	          "out of memory: %zu bytes more were refused (ulimit -v, or the host has none)",
	          size);
	agent_shm_fail(own_shm, &err);
}

int agent_main(const struct agent_spec *spec, struct agent_shm *shm, const int *channels)
{
	struct loop_thread *threads = xcalloc(spec->loops, sizeof(*threads));
	struct error err;
	bool failed = false;

	own_shm = shm;
	xalloc_set_last_words(say_out_of_memory);
	if (!settle(spec, &err)) {
		agent_shm_fail(shm, &err);
		return 1;
	}
	for (uint32_t i = 0; i < spec->loops; i++)
		threads[i] = (struct loop_thread){
			.spec = spec, .shm = shm, .index = i, .channel_fd = channels[i]
		};
	if (!run_loops(threads, spec->loops, &err)) {
		agent_shm_fail(shm, &err);
		failed = true;
	}

	for (uint32_t i = 0; i < spec->loops; i++)
		failed |= threads[i].failed;
	free(threads);
	if (termination_is_orphan())
		delete_what_the_parent_cannot(spec);
	if (failed)
		return 1;
	atomic_store_explicit(&shm->state, AGENT_CLOSED, memory_order_relaxed);
	return 0;
}
