/* SPDX-License-Identifier: Apache-2.0 */
#include "load/assignment.h"

const char *agent_role_name(enum agent_role role)
{
	static const char *const names[] = { "producer", "consumer", "admin", "broker" };

	return names[role];
}
