/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What ThreadSanitizer needs to know; part of every unit test of a build that has it, and of no other.
 *
 * librdkafka makes its threads with C11's thrd_create, which the detector does not intercept, so that it
 * crashes in them.  Here they are made with pthread, as in glibc itself.  What librdkafka does inside is
 * not ours and is not instrumented: it is left out.
 */

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#define EXPORTED __attribute__((visibility("default")))

EXPORTED const char *__tsan_default_options(void);
EXPORTED const char *__tsan_default_suppressions(void);

/* It ends at the first race: nobody would read the report of an agent's process that goes on.  malloc
 * answers NULL where there is no memory, as it does without the detector. */
const char *__tsan_default_options(void)
{
	return "halt_on_error=1:allocator_may_return_null=1";
}

const char *__tsan_default_suppressions(void)
{
	return "called_from_lib:librdkafka.so\n";
}

struct start {
	thrd_start_t run;
	void *arg;
};

static void *run(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	return (void *)(intptr_t)start.run(start.arg);
}

EXPORTED int thrd_create(thrd_t *thread, thrd_start_t what, void *arg)
{
	struct start *start = malloc(sizeof(*start));

	if (start == NULL)
		return thrd_nomem;
	*start = (struct start){ what, arg };
	if (pthread_create(thread, NULL, run, start) == 0)
		return thrd_success;
	free(start);
	return thrd_error;
}

EXPORTED int thrd_join(thrd_t thread, int *result)
{
	void *got;

	if (pthread_join(thread, &got) != 0)
		return thrd_error;
	if (result != NULL)
		*result = (int)(intptr_t)got;
	return thrd_success;
}
