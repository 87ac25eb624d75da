/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/cgroup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/xalloc.h"

#define PATH_MAX_BYTES 4096
#define BYTES_MAX      ((size_t)4 << 20)

/* Where the controller of CPUs is mounted, and which group that is the root of. */
struct mount {
	bool is_v2;
	char point[PATH_MAX_BYTES], top[PATH_MAX_BYTES];
};

/* Caller frees; NULL when it cannot be read. */
static char *read_in(const char *root, const char *folder, const char *name)
{
	char *path = xasprintf("%s%s/%s", root, folder, name);
	struct error ignored;
	size_t len;
	char *text = file_read(path, BYTES_MAX, &len, &ignored);

	free(path);
	return text;
}

/* Is `word` one of those in a list with commas? */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at != NULL && *at != '\0'; at += strspn(at, ",")) {
		size_t one = strcspn(at, ",\n");
		if (one == len && strncmp(at, word, len) == 0)
			return true;
		at += one;
		if (*at != ',')
			break;
	}
	return false;
}

/* "36 25 0:31 TOP POINT rw shared:9 - cgroup2 cgroup2 rw,nsdelegate" */
static bool take_mount(const char *line, struct mount *out)
{
	char type[32], options[512];
	const char *rest = strstr(line, " - ");

	if (rest == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", out->top, out->point) != 2 ||
	    sscanf(rest, " - %31s %*s %511s", type, options) != 2)
		return false;
	out->is_v2 = strcmp(type, "cgroup2") == 0;
	return out->is_v2 || (strcmp(type, "cgroup") == 0 && has_word(options, "cpu"));
}

/* Version 1 where it has the CPUs: beside it version 2 has none of them. */
static bool find_mount(const char *root, struct mount *out)
{
	char *text = read_in(root, "/proc/self", "mountinfo");
	bool found = false;

	for (char *line = text, *end; line != NULL && *line != '\0' && !(found && !out->is_v2);
	     line = end != NULL ? end + 1 : NULL) {
		struct mount one;
		end = strchr(line, '\n');
		if (end != NULL)
			*end = '\0';
		if (take_mount(line, &one)) {
			*out = one;
			found = true;
		}
	}
	free(text);
	return found;
}

/* "4:cpu,cpuacct:/a/b" of version 1, "0::/a/b" of version 2. */
static bool find_group(const char *root, bool is_v2, char out[PATH_MAX_BYTES])
{
	char *text = read_in(root, "/proc/self", "cgroup");
	bool found = false;

	for (const char *line = text; line != NULL && *line != '\0' && !found;) {
		const char *list = strchr(line, ':');
		const char *path = list != NULL ? strchr(list + 1, ':') : NULL;
		char words[256] = "";

		if (path != NULL) {
			(void)snprintf(words, sizeof(words), "%.*s", (int)(path - list - 1),
			               list + 1);
			found = is_v2 ? words[0] == '\0' : has_word(words, "cpu");
		}
		if (found)
			(void)snprintf(out, PATH_MAX_BYTES, "%.*s", (int)strcspn(path + 1, "\n"),
			               path + 1);
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	free(text);
	return found;
}

static uint64_t value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return strtoull(line + len, NULL, 10);
	}
	return 0;
}

static double quota_of(const char *root, const char *folder, bool is_v2)
{
	char *quota = read_in(root, folder, is_v2 ? "cpu.max" : "cpu.cfs_quota_us");
	char *period = is_v2 ? NULL : read_in(root, folder, "cpu.cfs_period_us");
	double us = 0, of_us = 0;

	/* "max 100000", or -1: no quota. */
	if (quota != NULL && is_v2 && sscanf(quota, "%lf %lf", &us, &of_us) != 2)
		us = 0;
	if (quota != NULL && period != NULL) {
		us = strtod(quota, NULL);
		of_us = strtod(period, NULL);
	}
	free(quota);
	free(period);
	return us > 0 && of_us > 0 ? us / of_us : 0;
}

static void look_at(const char *root, const char *folder, bool is_v2, struct cgroup_cpu *out)
{
	double quota = quota_of(root, folder, is_v2);
	char *stat = read_in(root, folder, "cpu.stat");

	if (quota > 0 && (out->quota == 0 || quota < out->quota))
		out->quota = quota;
	out->throttled_periods += value_of(stat, "nr_throttled");
	out->throttled_ns +=
		is_v2 ? value_of(stat, "throttled_usec") * 1000 : value_of(stat, "throttled_time");
	free(stat);
}

/* The group below the mount's root; "" where the names are those outside of this container. */
static const char *below(const char *group, const char *top)
{
	size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);

	if (strncmp(group, top, len) != 0 || (group[len] != '/' && group[len] != '\0'))
		return "";
	return strcmp(group + len, "/") == 0 || strncmp(group + len, "/..", 3) == 0 ? ""
	                                                                            : group + len;
}

void cgroup_read(const char *root, struct cgroup_cpu *out)
{
	struct mount mount;
	char group[PATH_MAX_BYTES], folder[2 * PATH_MAX_BYTES];

	*out = (struct cgroup_cpu){ 0 };
	if (!find_mount(root, &mount) || !find_group(root, mount.is_v2, group))
		return;
	size_t top = strlen(mount.point);
	(void)snprintf(folder, sizeof(folder), "%s%s", mount.point, below(group, mount.top));
	while (true) {
		look_at(root, folder, mount.is_v2, out);
		char *slash = strrchr(folder, '/');
		if (slash == NULL || (size_t)(slash - folder) < top)
			return;
		*slash = '\0';
	}
}
