/* SPDX-License-Identifier: Apache-2.0 */
#include "facts/role.h"

#include <string.h>

const char *const agent_role_names[AGENT_ROLES] = {
	[AGENT_PRODUCER] = "producer", [AGENT_CONSUMER] = "consumer", [AGENT_ADMIN] = "admin",
	[AGENT_BROKER] = "broker",     [AGENT_NONE] = "coordinator",
};

const char *agent_role_name(enum agent_role role)
{
	return agent_role_names[role];
}

bool agent_role_of(const char *name, enum agent_role *out)
{
	for (int i = 0; i < AGENT_ROLES; i++)
		if (strcmp(agent_role_names[i], name) == 0) {
			*out = (enum agent_role)i;
			return true;
		}
	return false;
}
