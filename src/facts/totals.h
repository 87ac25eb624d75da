/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_TOTALS_H
#define OMB_FACTS_TOTALS_H

/*
 * totals -- what the agents of a worker did: told by the worker, kept by the run, written into the
 * result.
 *
 * Texts and arrays are borrowed, snapshots and histograms are owned.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account/counts.h"
#include "facts/clock.h"
#include "facts/environment.h"
#include "facts/role.h"
#include "facts/slow.h"
#include "stats/snapshot.h"

/* What one agent process did; a restarted agent is another one of a higher generation. */
struct fact_agent {
	enum agent_role role;
	unsigned worker; /* index of struct fact_worker; 0 where there is one worker */
	unsigned index, generation;
	int pid;
	unsigned clients, loops;
	bool lost;         /* died, or did not answer when it was asked to end */
	bool slow;         /* answered then, and was killed because it took too long to close */
	bool hung;         /* lost, because it did not answer */
	bool stalled;      /* it stood still once, for seconds, during the load */
	uint64_t ended_ns; /* 0 = it has not */
	bool is_resuming; /* took the place of a dead one, and has no partition and no message yet */
	bool is_offering; /* it may send more of the load: false is the last word before `counters` */
	uint64_t
		silence_ns; /* the longest that one of its clients had, if worth a word; EVENT_OUTAGE */
	uint64_t cpu_ns;        /* user + system so far */
	uint64_t window_cpu_ns; /* of these in the measured window: the coordinator fills it in */
	uint64_t
		max_rss_bytes; /* resident at most, shared pages included; known once it has ended */
	uint64_t pss_bytes; /* its share of memory, sampled before it was closed; 0 = not known */
	uint64_t counters[COUNTER_COUNT];
	struct claims claims;      /* what its clients say of themselves */
	struct snapshot *snapshot; /* of its whole life, once it has ended; NULL = not known */
	/* The threads of its loops within the measured window, once it has ended: of how many the CPU
	 * time is known (one that was killed in it did not count at its end), which part of a core the
	 * busiest one worked, and all of them together.  Waiting awake is no work. */
	unsigned loops_known;
	double busiest_loop, all_loops;
	struct hist_copy
		*late; /* how late they woke up, by ticks (stats/late.h); owned; NULL = not known */
	/* Threads of its client library when it was asked to close, and the busiest one so far. */
	unsigned library_threads;
	uint64_t library_cpu_ns;
	const char *library_thread;
};

/* One of several workers: what it did, and where. */
struct fact_worker {
	const char *name; /* that it calls itself; "" = it has not said */
	const char *url;
	unsigned index; /* the high bits of its producers' numbers (load/stamp.h) */
	bool produces, consumes;
	bool is_foreign;               /* OMB's own program */
	uint64_t producers, consumers; /* clients */
	struct fact_clock clock;       /* at the end */
	struct fact_host host;         /* as it was told last */
	/* Of it, between the two samples near the ends of the window: the coordinator fills them in. */
	bool usage_known;
	double cpu_share, steal_share;
	uint64_t throttled_periods, throttled_ns;
	uint64_t counters[COUNTER_COUNT]; /* of all its agents */
	uint64_t seen_ns;                 /* when it had counted these; 0 = never */
	bool lost;                        /* died, hung, or was cut off */
	uint64_t lost_ns;                 /* when that was noticed */
	const char *why;                  /* of a lost one; else NULL */
};

/* What all agents together had counted when they first saw a time past an announced instant: nothing
 * that they recorded later is in it. */
enum fact_edge_of { FACT_WINDOW_START, FACT_WINDOW_END, FACT_EDGES };

struct fact_edge {
	uint64_t at_ns; /* the announced instant; 0 = what was counted then is not known */
	uint64_t counters[COUNTER_COUNT];
};

/* Each count of an account where none was kept: it is not 0. */
#define FACT_UNKNOWN UINT64_MAX

struct fact_producer {
	const char *topic;
	uint32_t producer;
	uint64_t sent, acknowledged, failed, unacknowledged, unsent;
	/* Of all subscriptions together, but for `corrupted`: a damaged stamp names no producer. */
	struct book_counts account;
	uint64_t exact_below; /* a sequence; ACCOUNT_EXACT; 0 = no account was kept */
};

/* Of a topic's partition for one subscription. */
struct fact_partition {
	const char *topic, *subscription;
	uint32_t partition;
	uint64_t received; /* receipts, as consumers counted them */
	/* What is known of no partition stands in `account` of the producers alone. */
	struct book_counts account;
};

/* Neighbouring messages of a producer, at one subscription. */
struct fact_range {
	uint32_t producer; /* number, as that of fact_producer */
	const char *topic, *subscription;
	int32_t partition;    /* of all of them; -1 = unknown */
	uint64_t first, last; /* sequences */
	/* When they were due.  Clock of the coordinator; see book_range. */
	uint64_t first_due_ns, last_due_ns;
};

/* What became of every message (account/book.h has the terms). */
struct fact_account {
	bool is_kept; /* false: it was off, or the worker keeps none; nothing else here is known then */
	const char *lack; /* why the worker keeps none; NULL = it does, or has not said */
	/* Every count is.  Else each says "at least", lost is known below exact_below, and what was never
	 * received is charged by sums instead of message by message (agent/debt.h). */
	bool is_exact;
	bool is_order_known;    /* false: some that came out of order were not seen, or all */
	struct book_counts all; /* of all producers and subscriptions together */
	uint64_t bytes_most;    /* that the book took at most */
	/* Never received although the broker had acknowledged them: the first ranges, by producer,
	 * subscription and sequence. */
	struct fact_range *lost;
	size_t lost_count;
	uint64_t lost_left_off; /* ranges beyond those */
};

struct fact_totals {
	bool without_latencies;   /* the histograms were left out, which costs much less */
	bool without_slowest;     /* asked for: so are the slowest messages, which are told once */
	struct snapshot snapshot; /* of all agents together */
	struct fact_edge edges[FACT_EDGES];
	const char *edge_lack; /* why one is not known that has come; NULL = none has, or it is */
	struct fact_host host; /* that they run on */
	/* With the histograms: the slowest messages since they were asked for before, up to FACT_SLOW_MAX
	 * that were due in the measured window, and as many others. */
	const struct fact_slow *slow_acknowledged, *slow_received;
	size_t slow_acknowledged_count, slow_received_count;
	struct fact_agent *agents;
	size_t agents_count;
	struct fact_worker *workers; /* NULL: there is one, which tells all this of itself */
	size_t workers_count;
	/* Acknowledged messages that a subscription has not received, as the account knows, although by the
	 * counts of a load that has ended all has arrived: duplicates make up for them there. */
	uint64_t outstanding;
	/* Once the books are closed. */
	struct fact_producer *producers;
	size_t producers_count;
	struct fact_partition *partitions; /* those that received something, or lost */
	size_t partitions_count;
	struct fact_account account;
	/* Received, and their contents are not what was sent (COUNTER_SPOILED): the first of every loop, in the
	 * same order. */
	struct fact_range *spoiled;
	size_t spoiled_count;
	bool verified;             /* what arrived was compared: none means that there was none */
	struct fact_clocks clocks; /* of several workers; 0 = there is one */
};

/* The snapshots and histograms; everything else stays. */
void fact_totals_fini(struct fact_totals *t);

extern const struct book_counts fact_counts_unknown; /* FACT_UNKNOWN, each of them */
/* Of what is known. */
void fact_counts_add(struct book_counts *to, const struct book_counts *from);

#endif
