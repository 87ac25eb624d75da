/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PLAN_RESOURCES_H
#define OMB_PLAN_RESOURCES_H

/*
 * resources -- what a plan takes of this machine, and every doubt about it before it starts.
 *
 * Pure: limits come in, numbers and doubts go out.  What clients take is an answer of the driver;
 * memory is what is really touched.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct plan;

/* UINT64_MAX = no limit, or not known. */
struct resource_limits {
	uint64_t files_soft, files_hard; /* RLIMIT_NOFILE: each process */
	uint64_t processes;              /* RLIMIT_NPROC, hard: threads of this user */
	uint64_t threads_of_user;        /* already there; 0 = not known */
	uint64_t files_each;             /* fs.nr_open: no limit of a process can be above it */
	uint64_t files_system;           /* fs.file-max less what is open */
	uint64_t threads_system;         /* the lesser of kernel.threads-max and kernel.pid_max */
	uint64_t threads_group;          /* what control groups have left (pids.max) */
	uint64_t mappings;               /* vm.max_map_count: each process */
	uint64_t local_ports;            /* of connections to one address */
	uint64_t tracked;      /* connections that the firewall has room for; none: there is none */
	uint64_t memory_bytes; /* available */
	uint32_t cpus;
};

/* What one client takes of its process. */
struct client_cost {
	uint32_t threads, files, sockets;
	uint64_t memory_bytes;
};

/* About the driver, as far as it matters here. */
struct resource_driver {
	struct client_cost producer, consumer;
	bool delivers;   /* false: has nothing to consume (null) */
	bool partitions; /* consumers of a subscription share the partitions of the topic */
	bool keys;       /* keys reach the broker */
	bool commits;    /* consumers confirm what they received */
};

struct resources {
	uint32_t producer_agents, consumer_agents;
	uint32_t loops_most;        /* of one agent */
	uint64_t processes;         /* agents and this one */
	uint64_t threads;           /* of all of them */
	uint64_t sockets;           /* to brokers, of all clients */
	uint64_t files_here;        /* open in this process */
	uint64_t files_agent;       /* open in the agent that has most */
	uint64_t files;             /* of all of them, at most */
	uint64_t mappings_agent;    /* of memory, in the agent that has most threads */
	uint64_t memory_bytes;      /* of all agents, at ease */
	uint64_t memory_full_bytes; /* with every window in flight full */
	uint64_t account_bytes;     /* of consumers' loops, if it were not bounded */
	uint32_t spinning_loops;    /* `pacing: spin`: so many threads wait awake ... */
	double spinning_cpus;       /* ... and take so much of all CPUs for it, at most */
};

void resources_estimate(const struct plan *plan, const struct resource_driver *driver,
                        struct resources *out);

enum doubt_severity {
	DOUBT_NOTE,    /* worth knowing */
	DOUBT_WARNING, /* the run will fail, or its numbers will not mean what one thinks */
};

struct doubt {
	enum doubt_severity severity;
	const char *text;
	const char *remedy; /* a command, or a setting; NULL = none */
};

struct doubts {
	const struct doubt *items; /* in the arena; warnings first */
	size_t count;
};

struct doubts resources_doubts(const struct plan *plan, const struct resources *need,
                               const struct resource_driver *driver,
                               const struct resource_limits *limits, struct arena *arena);

/* Those of them that are about limits alone. */
struct doubts resources_shortages(const struct resources *need,
                                  const struct resource_limits *limits, struct arena *arena);

#endif
