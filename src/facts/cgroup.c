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

/* Where a controller is mounted, and which group that is the root of. */
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
static bool take_mount(const char *line, const char *controller, struct mount *out)
{
	char type[32], options[512];
	const char *rest = strstr(line, " - ");

	if (rest == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s", out->top, out->point) != 2 ||
	    sscanf(rest, " - %31s %*s %511s", type, options) != 2)
		return false;
	out->is_v2 = strcmp(type, "cgroup2") == 0;
	return out->is_v2 || (strcmp(type, "cgroup") == 0 && has_word(options, controller));
}

/* Version 1 where it has the controller: beside it version 2 has none of it. */
static bool find_mount(const char *root, const char *controller, struct mount *out)
{
	char *text = read_in(root, "/proc/self", "mountinfo");
	bool found = false;

	for (char *line = text, *end; line != NULL && *line != '\0' && !(found && !out->is_v2);
	     line = end != NULL ? end + 1 : NULL) {
		struct mount one;
		end = strchr(line, '\n');
		if (end != NULL)
			*end = '\0';
		if (take_mount(line, controller, &one)) {
			*out = one;
			found = true;
		}
	}
	free(text);
	return found;
}

/* "4:cpu,cpuacct:/a/b" of version 1, "0::/a/b" of version 2. */
static bool find_group(const char *root, const char *controller, bool is_v2,
                       char out[PATH_MAX_BYTES])
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
			found = is_v2 ? words[0] == '\0' : has_word(words, controller);
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

/* The folders of our group and of those around it, from the innermost one on. */
struct climb {
	bool is_v2;
	size_t top; /* bytes of the path of the root of what is mounted */
	char folder[2 * PATH_MAX_BYTES];
};

static bool climb_begin(const char *root, const char *controller, struct climb *out)
{
	struct mount mount;
	char group[PATH_MAX_BYTES];

	if (!find_mount(root, controller, &mount) ||
	    !find_group(root, controller, mount.is_v2, group))
		return false;
	out->is_v2 = mount.is_v2;
	out->top = strlen(mount.point);
	(void)snprintf(out->folder, sizeof(out->folder), "%s%s", mount.point,
	               below(group, mount.top));
	return true;
}

static bool climb_on(struct climb *c)
{
	char *slash = strrchr(c->folder, '/');

	if (slash == NULL || (size_t)(slash - c->folder) < c->top)
		return false;
	*slash = '\0';
	return true;
}

void cgroup_read(const char *root, struct cgroup_cpu *out)
{
	struct climb c;

	*out = (struct cgroup_cpu){ 0 };
	if (!climb_begin(root, "cpu", &c))
		return;
	do
		look_at(root, c.folder, c.is_v2, out);
	while (climb_on(&c));
}

/* The number in a file of its own; UINT64_MAX: "max", or there is none. */
static uint64_t number_in(const char *root, const char *folder, const char *name)
{
	char *text = read_in(root, folder, name), *end = NULL;
	uint64_t value = text != NULL ? strtoull(text, &end, 10) : 0;
	bool is_number = text != NULL && end != text;

	free(text);
	return is_number ? value : UINT64_MAX;
}

/* Where the files of a limit are. */
struct limit_files {
	const char *controller;
	const char *most[2], *now[2]; /* of version 1 and 2 */
	const char *back[2]; /* of what is in use, so much can be had back: a key of `stat` */
	const char *stat;
};

static const struct limit_files limit_of_threads = {
	.controller = "pids",
	.most = { "pids.max", "pids.max" },
	.now = { "pids.current", "pids.current" },
};

static const struct limit_files limit_of_memory = {
	.controller = "memory",
	.most = { "memory.limit_in_bytes", "memory.max" },
	.now = { "memory.usage_in_bytes", "memory.current" },
	.back = { "total_inactive_file", "inactive_file" },
	.stat = "memory.stat",
};

static uint64_t room_here(const char *root, const struct climb *c, const struct limit_files *f)
{
	uint64_t most = number_in(root, c->folder, f->most[c->is_v2]);
	uint64_t now = number_in(root, c->folder, f->now[c->is_v2]);
	uint64_t back = 0;

	if (most == UINT64_MAX || now == UINT64_MAX)
		return most;
	if (f->stat != NULL) {
		char *stat = read_in(root, c->folder, f->stat);
		back = value_of(stat, f->back[c->is_v2]);
		free(stat);
	}
	now -= back < now ? back : now;
	return most > now ? most - now : 0;
}

static uint64_t room_of(const char *root, const struct limit_files *f)
{
	uint64_t room = UINT64_MAX;
	struct climb c;

	if (!climb_begin(root, f->controller, &c))
		return room;
	do {
		uint64_t here = room_here(root, &c, f);
		room = here < room ? here : room;
	} while (climb_on(&c));
	return room;
}

void cgroup_room_read(const char *root, struct cgroup_room *out)
{
	out->threads = room_of(root, &limit_of_threads);
	out->memory_bytes = room_of(root, &limit_of_memory);
}
