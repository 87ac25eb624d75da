/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_ROLE_H
#define OMB_FACTS_ROLE_H

/*
 * role -- what a process of a run is there for.
 */

#include <stdbool.h>

enum agent_role {
	AGENT_PRODUCER,
	AGENT_CONSUMER,
	AGENT_ADMIN,
	AGENT_BROKER,
	AGENT_NONE, /* the coordinator, which is no agent */
	AGENT_ROLES
};

extern const char *const agent_role_names[AGENT_ROLES];
const char *agent_role_name(enum agent_role role); /* "producer" */
/* Administration and a broker of the driver's own do not, so their counts are no facts of a load. */
static inline bool agent_role_makes_load(enum agent_role role)
{
	return role == AGENT_PRODUCER || role == AGENT_CONSUMER;
}
/* False: none has this name. */
bool agent_role_of(const char *name, enum agent_role *out);

#endif
