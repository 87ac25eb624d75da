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

#include "facts/cgroup.h"
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

void environment_set_program(struct environment *out)
{
	out->version = OMB_VERSION;
	out->commit = OMB_COMMIT;
	out->build = OMB_BUILD;
}

void environment_read(struct environment *out)
{
	struct cgroup_cpu allowed;
	struct utsname name;
	cpu_set_t cpus;

	*out = (struct environment){
		.open_files_max = soft_limit(RLIMIT_NOFILE),
		.processes_max = soft_limit(RLIMIT_NPROC),
	};
	environment_set_program(out);
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
	cgroup_read("", &allowed);
	out->cpu_quota = allowed.quota;
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

void host_usage_read(struct host_usage *out)
{
	struct cgroup_cpu groups;
	char text[4096];

	*out = (struct host_usage){ 0 };
	(void)host_usage_parse_stat(read_start("/proc/stat", text, sizeof(text)), out);
	cgroup_read("", &groups);
	out->throttled_periods = groups.throttled_periods;
	out->throttled_ns = groups.throttled_ns;
}

static uint64_t grown(uint64_t newer, uint64_t older)
{
	return newer > older ? newer - older : 0;
}

struct host_usage host_usage_diff(const struct host_usage *newer, const struct host_usage *older)
{
	return (struct host_usage){
		.ticks = grown(newer->ticks, older->ticks),
		.idle_ticks = grown(newer->idle_ticks, older->idle_ticks),
		.steal_ticks = grown(newer->steal_ticks, older->steal_ticks),
		.throttled_periods = grown(newer->throttled_periods, older->throttled_periods),
		.throttled_ns = grown(newer->throttled_ns, older->throttled_ns),
	};
}

double host_usage_busy_share(const struct host_usage *between)
{
	uint64_t busy = grown(between->ticks, between->idle_ticks + between->steal_ticks);

	return between->ticks == 0 ? 0 : (double)busy / (double)between->ticks;
}

double host_usage_steal_share(const struct host_usage *between)
{
	return between->ticks == 0 ? 0 : (double)between->steal_ticks / (double)between->ticks;
}
