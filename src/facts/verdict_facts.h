/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_VERDICT_FACTS_H
#define OMB_FACTS_VERDICT_FACTS_H

/*
 * verdict_facts -- all that a verdict is made from, in one struct: each rule (results/verdict.h) reads it
 * and nothing else, so that a test can inject what a machine cannot be made to do.
 *
 * All zero is a run in which nothing happened.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts/totals.h"

struct verdict_cause {
	const char *text; /* NULL = none is known */
	uint64_t often;
};

/* Where lateness is looked at: it matters by what it adds to the latencies that are shown. */
enum verdict_point { VERDICT_P50, VERDICT_P95, VERDICT_P99, VERDICT_POINTS };

struct verdict_late {
	uint64_t delay_ns,
		corrected_ns; /* publish delay and corrected publish at that percentile */
};

/* How late the loops of all agents of a role woke up in the window, by ticks of their schedules, and the
 * latency that it is part of. */
enum verdict_sentinel_of { VERDICT_PRODUCERS, VERDICT_CONSUMERS, VERDICT_SENTINELS };

struct verdict_sentinel {
	uint64_t wakeups; /* ticks that they woke up for, or missed */
	uint64_t late_ns[VERDICT_POINTS], shown_ns[VERDICT_POINTS];
};

struct verdict_facts {
	bool interrupted, scheduled, stamped, broker_is_local;
	const char *failure; /* what ended the run early; NULL = nothing did */
	bool recovered;      /* from the journal: `ended_ns` after its start it was still alive */
	uint64_t ended_ns;
	bool journal_failed; /* so long after the start: the periods are one from then on */
	uint64_t journal_failed_ns;
	/* Topics that were gone at the end, or took fewer messages than were acknowledged in them. */
	uint64_t topics_gone, topics_short;
	const char *topics_example; /* one of them in words */
	const char *topics_unknown; /* why nobody could look; NULL = somebody did */
	const char *worker_lacks;   /* verbs that it does not have, so less is known; NULL = none */
	bool left_behind;           /* topics or groups of the run could not be deleted ... */
	const char *
		deletion_refused; /* ... because the broker forbids it, in these words; else NULL */
	const char *settings;     /* what is not as the driver file says; NULL = nothing */
	uint64_t window_ns, counted_late_ns; /* so long after it its last sample was taken */
	const char
		*edge_lack; /* why the rates are by samples near the ends of the window; or NULL */
	bool search_cut;    /* it was out of time; what was found is confirmed all the same */
	double refused_least_per_s, refused_most_per_s; /* carried at rates above; 0 = none */
	double asked_per_s;           /* over all producers; 0 without a schedule */
	uint64_t window_acknowledged; /* due in the window and acknowledged */
	uint64_t window_latencies;    /* recovered: how many were recorded in it */
	double published_per_s;       /* acknowledged in the window, whenever due */
	struct verdict_late late[VERDICT_POINTS];
	uint64_t wake_interval_ns;
	/* Within the window: messages sent, those of them that the client refused for the time being
	 * when they were due, and how long that lasted, over all producers. */
	uint64_t window_sent, window_blocked, window_blocked_ns, producers;
	uint64_t negative, overflow; /* received before they were sent; latencies out of range */
	struct fact_clocks clocks;   /* that end-to-end latencies are between */
	bool has_e2e;                /* any was recorded in the window: */
	uint64_t e2e_ns[VERDICT_POINTS];

	/* Of the whole run, after the drain. */
	uint64_t sent, acknowledged, failed, unacknowledged, unsent;
	uint64_t received, subscriptions;
	uint64_t redelivered, corrupt, spoiled, foreign, unstamped;
	const struct fact_range *first_spoiled; /* NULL: none is known by name */
	bool unverified; /* contents were to be compared, and the worker did not */
	const struct fact_account
		*account;     /* NULL: none was kept; the sums above are all there is */
	uint64_t exact_below; /* a sequence, of each producer; ACCOUNT_EXACT */
	bool drain_limit_reached;
	bool drain_cut; /* by a second signal or a failure: neither drained nor waited for */

	unsigned producers_lost, consumers_lost; /* agents lost for good */
	unsigned agents_late;                    /* of these: after everything had arrived */
	unsigned agents_stalled;  /* stood still for seconds while they should have been at work */
	const char *agent_stalls; /* of the first one, which and how; NULL = none */
	unsigned agents_slow;     /* took too long to close; their counts are complete */
	unsigned agents_restarted;
	const char *agent_ends; /* how the first of those ended; NULL = not known */
	uint64_t drain_ns;      /* of a drain that was allowed more than its timeout; else 0 */
	uint64_t drain_timeout_ns, standstill_ns, redelivery_ns;
	uint64_t fatal_events, other_events; /* of client libraries */
	/* What was said most often of these, and of messages that failed. */
	struct verdict_cause failure_cause, fatal_cause, other_cause;
	uint64_t idle_consumers;

	/* Over the later half of the window; a backlog test leaves them 0. */
	uint64_t backlog_growth, half_acknowledged;
	bool backlog_not_built, backlog_not_drained;
	bool backlog_grew; /* instead of being drained */
	uint64_t backlog_growing_ns;
	double backlog_growth_per_s, backlog_received_per_s;

	struct verdict_sentinel sentinels[VERDICT_SENTINELS];
	uint64_t coordinator_late_ns; /* at most, in the window */
	/* Of one core: 0.5 is 50 %.  The busiest loop in the window, and the busiest thread of a client
	 * library from the start of the load on; and whose they are, in words (NULL = not known). */
	double agent_cpu_max, library_cpu_max;
	const char *busiest_loop, *busiest_library;
	double steal_share; /* of all CPU time in the window */
	uint64_t throttled; /* periods in which a cgroup was out of its quota */
};

/* The percentile itself: 50, 95, 99. */
extern const double verdict_percentiles[VERDICT_POINTS];

/* Fills late, e2e_ns, overflow, window_sent, window_blocked and window_blocked_ns, all of the measured window;
 * the rest is the caller's. */
void verdict_look_at_window(const struct hist_copy latencies[LATENCY_COUNT],
                            const uint64_t counters[COUNTER_COUNT], struct verdict_facts *f);

/* Fills sentinels; `latencies` as above, `scheduled` is known by then. */
void verdict_look_at_wakeups(const struct fact_agent *agents, size_t count,
                             const struct hist_copy latencies[LATENCY_COUNT],
                             struct verdict_facts *f);

#endif
