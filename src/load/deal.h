/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_DEAL_H
#define OMB_LOAD_DEAL_H

/*
 * deal -- which clients belong to which agent, and to which of its threads: round-robin.
 */

#include <stdint.h>

enum deal_mode { DEAL_PER_CORE, DEAL_PER_CLIENT, DEAL_NUMBER };

/* How clients are dealt out to processes and threads, and how those run. */
struct deal_spec {
	enum deal_mode mode;
	uint32_t agents; /* of DEAL_NUMBER: for producers and for consumers each */
	uint32_t loops;  /* threads of each agent, never more than clients */
	uint32_t cpus;   /* for DEAL_PER_CORE; 0 = those of the host where the agents are */
	int nice;
	const uint16_t *pin_cpus; /* agent n runs on pin_cpus[n % pin_count]; NULL = anywhere */
	uint32_t pin_count;
};

/* Never more than `clients`, at least 1 if there are clients. */
uint32_t deal_agents(const struct deal_spec *d, uint32_t clients);

/* Client i belongs to agent i % agents; these many clients are on agent `a`. */
uint32_t deal_clients_of(uint32_t clients, uint32_t agents, uint32_t a);

#endif
