/* SPDX-License-Identifier: Apache-2.0 */
#include "load/deal.h"

uint32_t deal_agents(const struct deal_spec *d, uint32_t clients)
{
	uint32_t agents = 0;

	switch (d->mode) {
	case DEAL_PER_CORE:
		agents = d->cpus;
		break;
	case DEAL_PER_CLIENT:
		agents = clients;
		break;
	case DEAL_NUMBER:
		agents = d->agents;
		break;
	}
	if (agents < 1)
		agents = 1;
	return agents < clients ? agents : clients;
}

uint32_t deal_clients_of(uint32_t clients, uint32_t agents, uint32_t a)
{
	return clients / agents + (a < clients % agents ? 1 : 0);
}
