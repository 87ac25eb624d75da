/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_BROKER_OPTIONS_H
#define OMB_BROKER_OPTIONS_H

/*
 * options -- how a broker is to be, and what it counts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/notice.h"
#include "fault/fault_log.h"
#include "fault/faults.h"

#define BROKER_NODES_MAX 16

enum broker_full { BROKER_BLOCK, BROKER_DROP_OLDEST };

struct broker_options {
	const char *host; /* that clients are told to connect to */
	int nodes;        /* 1..BROKER_NODES_MAX */
	size_t memory_bytes;
	enum broker_full full;
	int32_t partitions; /* of topics that clients create by asking for them; 0: they may not */
	bool check_crcs;
	bool keeps_topics; /* nobody may delete them, as with Kafka's delete.topic.enable=false */
	size_t topics_max, partitions_max;
	size_t readers_max;      /* of all partitions: connections that fetched it */
	uint64_t group_delay_ns; /* how long an empty group waits for more members */
	/* Of the ids that clients are told: members', producers' and the cluster's.  0: drawn, so that
	 * clients that outlive this broker never share an id with those of the next one. */
	uint64_t id_seed;
	const struct fault *faults; /* borrowed */
	size_t faults_count;
	uint64_t seed;                         /* of the faults that draw lots */
	struct fault_log *fault_log;           /* borrowed; NULL: none */
	const _Atomic uint64_t *load_start_ns; /* see fault/faults.h; NULL = the first message */
	struct notices notices;
};

/* Fills in what most callers want: one node on 127.0.0.1, 256 MB, block, 1 partition. */
void broker_options_init(struct broker_options *o);

/* Only grow. */
struct broker_counts {
	uint64_t produced, produced_bytes, batches; /* messages, bytes and batches appended */
	uint64_t fetched, fetched_bytes;            /* messages and bytes handed out */
	uint64_t requests, connections;
	uint64_t crowded;                   /* connections turned away: there are too many */
	uint64_t dropped;                   /* messages that somebody had not had */
	uint64_t dropped_bytes;             /* of the batches with such messages */
	uint64_t late;                      /* fetches of what was dropped already */
	uint64_t refused_readers;           /* fetches of a partition: there are too many */
	uint64_t blocked;                   /* produce requests that had to wait for room */
	uint64_t lost, duplicated, refused; /* messages: planted faults */
	uint64_t reordered, corrupted, spoiled;
	uint64_t closed, turned_away; /* connections: planted faults */
};

#endif
