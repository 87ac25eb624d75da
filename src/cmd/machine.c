/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/machine.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/driver.h"
#include "facts/cgroup.h"
#include "facts/environment.h"
#include "results/calibration.h"
#include "util/os.h"
#include "util/xalloc.h"

/* The number in a one-line file; UINT64_MAX = none there ("max"), or no such file. */
static uint64_t number_in(const char *path)
{
	unsigned long long value;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return UINT64_MAX;
	int got = fscanf(f, "%llu", &value);
	fclose(f);
	return got == 1 ? value : UINT64_MAX;
}

/* "Threads: 12" and "MemAvailable: 123 kB" style files. */
static uint64_t field_in(const char *path, const char *field)
{
	char line[256];
	uint64_t value = UINT64_MAX;
	size_t len = strlen(field);
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return value;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, len) == 0 && line[len] == ':') {
			value = strtoull(line + len + 1, NULL, 10);
			break;
		}
	fclose(f);
	return value;
}

/* Of all processes of this user. */
static uint64_t threads_of_user(void)
{
	uint64_t threads = 0;
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (proc == NULL)
		return 0;
	while ((entry = readdir(proc)) != NULL) {
		char path[sizeof("/proc//status") + sizeof(entry->d_name)];
		struct stat st;
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
		if (stat(path, &st) != 0 || st.st_uid != getuid())
			continue;
		uint64_t own = field_in(path, "Threads");
		threads += own == UINT64_MAX ? 0 : own;
	}
	closedir(proc);
	return threads;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is left of a limit; one that is not known has no end. */
static uint64_t less(uint64_t most, uint64_t used)
{
	if (most == UINT64_MAX || used == UINT64_MAX)
		return most;
	return most > used ? most - used : 0;
}

static uint64_t limit_of(rlim_t limit)
{
	return limit == RLIM_INFINITY ? UINT64_MAX : limit;
}

static uint64_t local_ports(void)
{
	unsigned first, last;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	bool known = file != NULL && fscanf(file, "%u %u", &first, &last) == 2 && last >= first;

	if (file != NULL)
		fclose(file);
	return known ? last - first + 1 : UINT64_MAX;
}

void machine_limits_read(struct resource_limits *out)
{
	struct rlimit files = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit processes = { RLIM_INFINITY, RLIM_INFINITY };
	uint64_t kib = field_in("/proc/meminfo", "MemAvailable");
	struct cgroup_room room;

	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NPROC, &processes);
	cgroup_room_read("", &room);
	*out = (struct resource_limits){
		.files_soft = limit_of(files.rlim_cur),
		.files_hard = limit_of(files.rlim_max),
		/* The kernel does not hold root to it. */
		.processes = getuid() == 0 ? UINT64_MAX : limit_of(processes.rlim_cur),
		.threads_of_user = threads_of_user(),
		.files_each = number_in("/proc/sys/fs/nr_open"),
		.files_system =
			less(number_in("/proc/sys/fs/file-max"), number_in("/proc/sys/fs/file-nr")),
		.threads_system = least(number_in("/proc/sys/kernel/threads-max"),
		                        number_in("/proc/sys/kernel/pid_max")),
		.threads_group = room.threads,
		.mappings = number_in("/proc/sys/vm/max_map_count"),
		.local_ports = local_ports(),
		.tracked = less(number_in("/proc/sys/net/netfilter/nf_conntrack_max"),
		                number_in("/proc/sys/net/netfilter/nf_conntrack_count")),
		.memory_bytes = least(kib == UINT64_MAX ? kib : kib * 1024, room.memory_bytes),
		.cpus = os_cpus(),
	};
}

/* The n-th number of a one-line file; UINT64_MAX = there is none. */
static uint64_t number_at(const char *root, const char *name, unsigned n)
{
	char *path = xasprintf("%s%s", root, name), line[256] = "", *at = line;
	FILE *f = fopen(path, "re");
	uint64_t value = UINT64_MAX;

	if (f != NULL && fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	for (unsigned i = 0; i <= n; i++) {
		char *end;
		value = strtoull(at, &end, 10);
		if (end == at)
			value = UINT64_MAX;
		at = end;
	}
	if (f != NULL)
		fclose(f);
	free(path);
	return value;
}

/* The first word of a one-line file, or the one that is chosen: "always [madvise] never". */
static void word_in(const char *root, const char *name, char *out, size_t size)
{
	char *path = xasprintf("%s%s", root, name), line[256] = "";
	FILE *f = fopen(path, "re");

	if (f != NULL && fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	const char *chosen = strchr(line, '[');
	const char *word = chosen != NULL ? chosen + 1 : line;
	snprintf(out, size, "%.*s", (int)strcspn(word, " ]\n"), word);
	if (f != NULL)
		fclose(f);
	free(path);
}

void machine_settings_read(const char *root, struct host_settings *out)
{
	struct cgroup_cpu cpu;
	struct {
		const char *name;
		unsigned n;
		uint64_t *to;
	} numbers[] = {
		{ "/proc/sys/net/core/wmem_max", 0, &out->send_buffer_max },
		{ "/proc/sys/net/core/rmem_max", 0, &out->receive_buffer_max },
		{ "/proc/sys/net/ipv4/tcp_wmem", 2, &out->tcp_send_buffer_max },
		{ "/proc/sys/net/ipv4/tcp_rmem", 2, &out->tcp_receive_buffer_max },
		{ "/proc/sys/net/ipv4/tcp_tw_reuse", 0, &out->reuse_time_wait },
		{ "/proc/sys/vm/overcommit_memory", 0, &out->overcommit },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		*numbers[i].to = number_at(root, numbers[i].name, numbers[i].n);
	cgroup_read(root, &cpu);
	out->cpu_quota = cpu.quota;
	word_in(root, "/sys/devices/system/clocksource/clocksource0/current_clocksource",
	        out->clock_source, sizeof(out->clock_source));
	word_in(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", out->governor,
	        sizeof(out->governor));
	word_in(root, "/sys/kernel/mm/transparent_hugepage/enabled", out->huge_pages,
	        sizeof(out->huge_pages));
	word_in(root, "/sys/kernel/mm/transparent_hugepage/defrag", out->huge_pages_defrag,
	        sizeof(out->huge_pages_defrag));
}

void machine_limits_raise(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files); /* refused: `omb check` tells what is needed */
}

double machine_ceiling_per_s(const struct driver *driver, const void *config,
                             uint64_t message_bytes)
{
	enum driver_ceiling ceiling = driver_traits_of(driver, config).ceiling;
	struct environment environment;
	struct calibration found;

	environment_read(&environment);
	if (ceiling == DRIVER_CEILING_UNKNOWN || !calibration_load(&environment, &found))
		return 0;
	switch (ceiling) {
	case DRIVER_CEILING_BARE:
		return calibration_per_s(found.bare, message_bytes);
	case DRIVER_CEILING_CALIBRATED:
		return calibration_per_s(found.library, message_bytes);
	case DRIVER_CEILING_UNKNOWN:
		break;
	}
	return 0;
}
