/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_AGENT_THREADS_H
#define OMB_AGENT_THREADS_H

/*
 * threads -- which threads of an agent are its loops', and what the others do: the client library's own.
 *
 * For the parent, which looks in /proc: a few microseconds a thread.
 */

#include <stdbool.h>
#include <stdint.h>

struct agent;

/* The busiest one; Linux keeps 15 bytes of a name. */
struct library_thread {
	unsigned threads; /* how many there are */
	uint64_t cpu_ns;  /* user + system, since it began */
	char name[16];
};

/* One line of /proc/.../stat.  False: it is none. */
bool threads_parse_stat(const char *line, long ticks_per_s, struct library_thread *out);

/* Of an agent that lives; all 0: of one that does not, or without such threads. */
void agent_library_threads(const struct agent *a, struct library_thread *out);

#endif
