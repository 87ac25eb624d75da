/* SPDX-License-Identifier: Apache-2.0 */
#include "util/process.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_MAX     1024
#define START_FIELD  22 /* of proc(5); the third is the first behind the name */
#define BOOT_MAX     64
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

/* The first line of a small file, without its end; empty if there is none. */
static void read_line(const char *path, char *out, int size)
{
	FILE *f = fopen(path, "re");

	if (f == NULL || fgets(out, size, f) == NULL)
		out[0] = '\0';
	if (f != NULL)
		fclose(f);
	out[strcspn(out, "\n")] = '\0';
}

/* In ticks since the boot; 0 = there is no such process, or it is dead and not yet buried. */
static uint64_t start_of(int pid)
{
	char path[64], line[STAT_MAX];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	read_line(path, line, sizeof(line));
	/* The name, in parentheses, may hold anything. */
	const char *at = strrchr(line, ')');
	if (at == NULL || at[1] != ' ' || strchr("ZXx", at[2]) != NULL)
		return 0;
	for (int field = 2; at != NULL && field < START_FIELD; field++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at, NULL, 10) : 0;
}

/* This boot, and the space in which processes are numbered here. */
static bool read_space(char boot[BOOT_MAX], uint64_t *numbers)
{
	struct stat st;

	read_line(BOOT_ID_PATH, boot, BOOT_MAX);
	if (boot[0] == '\0' || strchr(boot, ' ') != NULL || stat("/proc/self/ns/pid", &st) < 0)
		return false;
	*numbers = st.st_ino;
	return true;
}

static void name_of(int pid, char out[PROCESS_NAME_MAX])
{
	char boot[BOOT_MAX];
	uint64_t numbers = 0, start = start_of(pid);

	out[0] = '\0';
	if (start > 0 && read_space(boot, &numbers))
		snprintf(out, PROCESS_NAME_MAX, "%d %" PRIu64 " %s %" PRIu64, pid, start, boot,
		         numbers);
}

void process_name(char out[PROCESS_NAME_MAX])
{
	name_of((int)getpid(), out);
}

bool process_lives(const char *name, int *pid)
{
	long number = strtol(name, NULL, 10);
	char now[PROCESS_NAME_MAX];

	*pid = 0;
	if (number <= 0 || number > INT32_MAX)
		return false;
	name_of((int)number, now);
	if (now[0] == '\0' || strcmp(now, name) != 0)
		return false;
	*pid = (int)number;
	return true;
}
