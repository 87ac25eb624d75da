/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_TOTALS_H
#define OMB_WORKER_TOTALS_H

/*
 * totals -- what agents did, and what happened to them, as workers report it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/assignment.h"
#include "stats/snapshot.h"

/* What one agent process did; a restarted agent is another one of a higher generation. */
struct worker_agent {
	enum agent_role role;
	unsigned index, generation;
	int pid;
	unsigned clients, loops;
	bool lost;         /* died, or did not answer when it was asked to end */
	bool slow;         /* answered then, and was killed because it took too long to close */
	bool hung;         /* lost, because it did not answer */
	uint64_t ended_ns; /* 0 = it has not */
	bool is_resuming; /* took the place of a dead one, and has no partition and no message yet */
	bool is_offering; /* it may send more of the load: false is the last word before `counters` */
	uint64_t cpu_ns; /* user + system so far */
	uint64_t
		max_rss_bytes; /* resident at most, shared pages included; known once it has ended */
	uint64_t pss_bytes;    /* its share of memory, sampled by FINISH before closing; else 0 */
	uint64_t counters[COUNTER_COUNT];
};

/* Totals of one producer; of a topic's partition for one subscription. */
struct worker_producer_total {
	const char *topic;
	uint32_t producer;
	uint64_t sent, acknowledged, failed, unacknowledged, unsent;
};

struct worker_partition_total {
	const char *topic, *subscription;
	uint32_t partition;
	uint64_t received;
};

struct worker_totals {
	bool without_latencies; /* in: SNAPSHOT leaves the histograms out, which costs much less */
	struct snapshot snapshot; /* owned by whoever holds the call; snapshot_fini */
	struct worker_agent *agents;
	size_t agents_count;
	/* Filled by FINISH only. */
	struct snapshot *agent_snapshots; /* one for each of `agents`; snapshot_fini each */
	struct worker_producer_total *producers;
	size_t producers_count;
	struct worker_partition_total *partitions; /* those that received something */
	size_t partitions_count;
};

enum worker_event_kind {
	EVENT_AGENT_LOST,      /* text says how; at_ns when */
	EVENT_AGENT_SLOW,      /* closed for too long and was killed; its counts are complete */
	EVENT_AGENT_RESTARTED, /* its consumers are open again */
	EVENT_AGENT_RESUMED,   /* and receive again; gap_ns is how long they received nothing */
	EVENT_CLIENT, /* failures of a kind (`name`) that say the same: how often in `count` */
	EVENT_STDERR, /* a line that a client library wrote to stderr */
};

struct worker_event {
	enum worker_event_kind kind;
	enum agent_role role;
	unsigned agent, generation;
	uint64_t at_ns, gap_ns;
	uint64_t count;
	bool is_rest;     /* of EVENT_CLIENT: all others of the kind; `text` is none of theirs */
	const char *name; /* of EVENT_CLIENT: "connection", "commit", ... */
	const char *text;
};

struct worker_events {
	struct worker_event *items; /* out, arena: all events so far, oldest first */
	size_t count;
};

#endif
