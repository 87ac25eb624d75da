/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_STATE_H
#define OMB_BROKER_STATE_H

/*
 * state -- what requests act on: everything of a broker but its connections.
 */

#include <stdint.h>

#include "broker/groups/groups.h"
#include "broker/options.h"
#include "broker/store/store.h"
#include "fault/faults.h"
#include "kafka/memory.h"

struct state {
	struct broker_options options;
	struct broker_counts counts;
	char host[256];
	char cluster_id[32];
	int ports[BROKER_NODES_MAX];
	struct store store;
	struct groups *groups;
	struct faults *faults;
	int64_t next_producer_id;
	struct kafka_memory memory; /* of the request at hand */
	bool readers_told;          /* that there are too many */
	bool pieces_told;           /* that faults cannot look into some batches */
};

#endif
