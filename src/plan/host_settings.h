/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_PLAN_HOST_SETTINGS_H
#define OMB_PLAN_HOST_SETTINGS_H

/*
 * host_settings -- how this host is set up, as far as it matters to clients at scale, and what about
 * it is better changed before a run, why, and with which command.
 *
 * Pure: what the host says comes in.  Only what a plan really asks of the host is doubted: ten
 * connections need no second thought about local ports.  Limits that the plan exceeds are
 * `resources`'; these here make numbers worse without stopping anything.  Settings of brokers'
 * hosts are none of this.
 */

#include <stdbool.h>
#include <stdint.h>

#include "plan/resources.h"

struct plan;

/* UINT64_MAX, "" and 0 CPUs: not known, or none. */
struct host_settings {
	uint64_t send_buffer_max, receive_buffer_max;         /* net.core: of those asked for */
	uint64_t tcp_send_buffer_max, tcp_receive_buffer_max; /* as far as the kernel grows them */
	uint64_t reuse_time_wait; /* net.ipv4.tcp_tw_reuse: 0 no, 1 yes, 2 on loopback */
	uint64_t overcommit;      /* vm.overcommit_memory */
	double cpu_quota;         /* CPUs that control groups allow */
	char clock_source[32];
	char governor[32];
	char huge_pages[16], huge_pages_defrag[16]; /* the chosen word: "always" */
};

/* What a plan asks of them. */
struct host_need {
	uint64_t sockets, local_ports;
	bool is_local;                                /* the broker is on this host */
	uint32_t cpus;                                /* that we may use */
	uint64_t send_buffer, receive_buffer;         /* of sockets; 0 = as the kernel has them */
	double send_bytes_per_s, receive_bytes_per_s; /* of one client */
};

/* What the driver asks for and is. */
struct host_driver {
	uint64_t send_buffer, receive_buffer;
	bool is_local;
};

struct host_need host_need_of(const struct plan *plan, const struct resources *need,
                              const struct host_driver *driver,
                              const struct resource_limits *limits);

/* Several plans: of each number the one that asks most. */
void host_need_join(struct host_need *into, const struct host_need *one);

struct doubts host_doubts(const struct host_need *need, const struct host_settings *host,
                          struct arena *arena);

#endif
