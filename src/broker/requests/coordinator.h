/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_COORDINATOR_H
#define OMB_BROKER_COORDINATOR_H

/* coordinator -- which node coordinates a group: they are spread over the nodes, as on Kafka. */

#include "broker/state.h"

static inline int32_t group_coordinator(const struct state *s, struct kafka_string id)
{
	return (int32_t)(kafka_string_hash(id) % (uint32_t)s->options.nodes);
}

#endif
