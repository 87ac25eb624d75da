/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/environment.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* OMB_VERSION and OMB_BUILD come from the build files. */
#include "facts/build_info.h"

/* The start of a small file of /proc or /sys; empty when it cannot be read. */
static const char *read_start(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (fd >= 0)
		(void)close(fd);
	buffer[len > 0 ? len : 0] = '\0';
	return buffer;
}

static void read_line(const char *path, char *out, size_t size)
{
	(void)read_start(path, out, size);
	out[strcspn(out, "\n")] = '\0';
}

static void read_cpu(struct environment *out)
{
	char text[8192];
	const char *at = strstr(read_start("/proc/cpuinfo", text, sizeof(text)), "model name");

	if (at)
		at = strchr(at, ':');
	if (at) {
		at += strspn(at, ": \t");
		(void)snprintf(out->cpu_model, sizeof(out->cpu_model), "%.*s",
		               (int)strcspn(at, "\n"), at);
	}
	out->virtual_machine = strstr(text, " hypervisor") != NULL;
}

static uint64_t soft_limit(__rlimit_resource_t resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) != 0)
		return 0;
	return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
}

void environment_read(struct environment *out)
{
	struct utsname name;
	cpu_set_t cpus;

	*out = (struct environment){
		.version = OMB_VERSION,
		.commit = OMB_COMMIT,
		.build = OMB_BUILD,
		.open_files_max = soft_limit(RLIMIT_NOFILE),
		.processes_max = soft_limit(RLIMIT_NPROC),
	};
	if (uname(&name) == 0) {
		(void)snprintf(out->host, sizeof(out->host), "%.64s", name.nodename);
		(void)snprintf(out->kernel, sizeof(out->kernel), "%.64s %.64s %.64s", name.sysname,
		               name.release, name.machine);
	}
	read_cpu(out);
	read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", out->governor,
	          sizeof(out->governor));
	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
	          out->clock_source, sizeof(out->clock_source));

	long online = sysconf(_SC_NPROCESSORS_ONLN);
	long pages = sysconf(_SC_PHYS_PAGES);
	long page_bytes = sysconf(_SC_PAGESIZE);
	out->cpus_online = online > 0 ? (unsigned)online : 0;
	out->memory_bytes = pages > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		out->cpus_allowed = (unsigned)CPU_COUNT(&cpus);
}

bool host_usage_parse_stat(const char *text, struct host_usage *out)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
	int found = sscanf(text,
	                   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
	                   " %" SCNu64 " %" SCNu64 " %" SCNu64,
	                   &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal);

	if (found != 8)
		return false;
	out->ticks = user + nice + system + idle + iowait + irq + softirq + steal;
	out->idle_ticks = idle + iowait;
	out->steal_ticks = steal;
	return true;
}

bool host_usage_parse_throttled(const char *text, struct host_usage *out)
{
	const char *at = strstr(text, "nr_throttled ");

	return at && sscanf(at, "nr_throttled %" SCNu64, &out->throttled_periods) == 1;
}

/* cgroup v2: "0::/path"; v1 and hidden hierarchies are left out. */
static void read_throttled(struct host_usage *out)
{
	char text[4096], path[4200];
	const char *at = strstr(read_start("/proc/self/cgroup", text, sizeof(text)), "0::");

	if (!at)
		return;
	at += strlen("0::");
	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/cpu.stat", (int)strcspn(at, "\n"),
	               at);
	(void)host_usage_parse_throttled(read_start(path, text, sizeof(text)), out);
}

void host_usage_read(struct host_usage *out)
{
	char text[4096];

	*out = (struct host_usage){ 0 };
	(void)host_usage_parse_stat(read_start("/proc/stat", text, sizeof(text)), out);
	read_throttled(out);
}

double host_usage_steal_share(const struct host_usage *newer, const struct host_usage *older)
{
	if (newer->ticks <= older->ticks || newer->steal_ticks < older->steal_ticks)
		return 0;
	return (double)(newer->steal_ticks - older->steal_ticks) /
	       (double)(newer->ticks - older->ticks);
}
