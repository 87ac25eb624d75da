/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_ENVIRONMENT_H
#define OMB_FACTS_ENVIRONMENT_H

/*
 * environment -- where a number comes from: this program, this host, its limits and its noise.
 *
 * What cannot be read is an empty text or 0: a container may hide any of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct environment {
	const char *version, *commit, *build; /* static */
	char host[65];
	char kernel[200];
	char cpu_model[128];
	char governor[32];
	char clock_source[32];
	char broker
		[64]; /* what the driver found out about it: "nats-server 2.9.10", "unknown"; "": none was asked */
	unsigned cpus_online, cpus_allowed;
	double cpu_quota; /* CPUs that control groups allow; 0 = as many as there are */
	bool virtual_machine;
	uint64_t memory_bytes;
	uint64_t open_files_max, processes_max; /* soft limits; UINT64_MAX = none */
};

void environment_read(struct environment *out);
/* version, commit and build alone, which are those of this program on any host. */
void environment_set_program(struct environment *out);

/* How the CPUs of the host have been used since its start; only differences count. */
struct host_usage {
	uint64_t ticks, idle_ticks, steal_ticks;  /* over all CPUs */
	uint64_t throttled_periods, throttled_ns; /* of our control groups (facts/cgroup.h) */
};

/* What a worker tells of its host. */
struct fact_host {
	struct environment environment;
	struct host_usage usage;
};

void host_usage_read(struct host_usage *out);

/* The first line of /proc/stat, for tests.  False and untouched when it is none. */
bool host_usage_parse_stat(const char *text, struct host_usage *out);

/* What happened in between; all 0 if that is not known. */
struct host_usage host_usage_diff(const struct host_usage *newer, const struct host_usage *older);

/* Of a difference: the parts of all CPU time that were used, and that other virtual machines took. */
double host_usage_busy_share(const struct host_usage *between);
double host_usage_steal_share(const struct host_usage *between);

#endif
