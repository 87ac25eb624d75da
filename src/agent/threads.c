/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/threads.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/shm.h"
#include "agent/supervisor.h"

#define S_NS UINT64_C(1000000000)

bool threads_parse_stat(const char *line, long ticks_per_s, struct library_thread *out)
{
	const char *name = strchr(line, '('), *end = strrchr(line, ')');
	uint64_t user, system;

	if (name == NULL || end == NULL || end < name || ticks_per_s <= 0)
		return false;
	/* After the name: state, 10 numbers, then these two (proc(5)). */
	if (sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
	           &user, &system) != 2)
		return false;
	(void)snprintf(out->name, sizeof(out->name), "%.*s", (int)(end - name - 1), name + 1);
	out->cpu_ns = (user + system) * (S_NS / (uint64_t)ticks_per_s);
	return true;
}

static bool is_loop(const struct agent *a, uint32_t thread)
{
	for (uint32_t i = 0; i < a->spec.loops; i++)
		if (atomic_load_explicit(&a->shm->loop[i].thread, memory_order_relaxed) == thread)
			return true;
	return false;
}

static bool read_thread(const struct agent *a, const char *thread, struct library_thread *out)
{
	char path[96], line[512];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%.20s/stat", (int)a->pid, thread);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return false; /* it has ended meanwhile */
	bool ok = fgets(line, sizeof(line), f) != NULL &&
	          threads_parse_stat(line, sysconf(_SC_CLK_TCK), out);
	(void)fclose(f);
	return ok;
}

void agent_library_threads(const struct agent *a, struct library_thread *out)
{
	const struct dirent *entry;
	char path[64];

	*out = (struct library_thread){ 0 };
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)a->pid);
	DIR *dir = a->ended ? NULL : opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct library_thread one = { 0 };
		uint32_t thread = (uint32_t)strtoul(entry->d_name, NULL, 10);

		if (thread == 0 || is_loop(a, thread) || !read_thread(a, entry->d_name, &one))
			continue;
		one.threads = out->threads + 1;
		if (out->threads > 0 && one.cpu_ns <= out->cpu_ns)
			out->threads++;
		else
			*out = one;
	}
	if (dir != NULL)
		(void)closedir(dir);
}
