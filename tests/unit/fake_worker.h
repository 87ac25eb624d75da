/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_TESTS_FAKE_WORKER_H
#define OMB_TESTS_FAKE_WORKER_H

/*
 * fake_worker -- a worker and a broker in simulated time, and the platform that goes with them.
 *
 * Messages are a fluid that is moved on a millisecond at a time: what is due is sent if the broker's
 * capacity allows, acknowledged at once and received at once if consumers work.  Waiting moves the
 * clock, so a whole run takes no time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "run/platform.h"
#include "worker/worker.h"

#define FAKE_NEVER   UINT64_MAX
#define FAKE_LEAD_NS UINT64_C(50000000)
#define FAKE_MS      UINT64_C(1000000)
#define FAKE_S       UINT64_C(1000000000)

struct fake_worker {
	struct worker base;
	uint64_t start_ns, now_ns;
	unsigned steal_percent, throttled; /* of its host; periods for each message */

	/* The script; instants are relative to the start. */
	double capacity_per_s, consume_per_s; /* 0 = no limit */
	uint64_t weaker_at_ns;                /* capacity is weaker_per_s from then on; 0 = never */
	double weaker_per_s;
	uint64_t ready_after_ns;  /* FAKE_NEVER: not all subscriptions become ready */
	bool has_silent_producer; /* the last one's probes are never acknowledged */
	uint64_t lose;            /* so many messages are acknowledged and never received */
	uint64_t swallow;         /* so many messages get no answer and are not received */
	uint64_t signal_at_ns[3]; /* 0 = none */
	uint64_t stopped_at_ns, stopped_ns; /* this process does not run for so long; 0 = it does */
	int signal_on_verb, fail_verb;      /* -1 = none */
	int lacks_verb;                     /* that it does not have; -1 = none */
	unsigned signals_at_once;           /* with signal_on_verb; 0 = one */
	uint64_t fail_after_ns;             /* fail_verb works until then */
	int slow_verb;                      /* takes slow_ns; -1 = none */
	uint64_t slow_ns;
	bool is_deaf; /* nothing ends slow_verb, not even STOP_ALL, which does not end either */
	/* Of the agents, once they have ended: of 4 loops, which part of a core the busiest one worked; what
	 * the busiest thread of the library did; how late each of 1,000 wake-ups was.  0 = not told. */
	double busiest_loop;
	uint64_t library_cpu_ns, late_ns;
	bool has_no_edges; /* it does not tell what was counted at the ends of the window */
	uint32_t standstill_ms;
	uint32_t
		redelivery_ms; /* not 0: a consumer that was lost is back at once, what is left comes then */
	const uint32_t *topic_partitions; /* NULL = not told */
	const uint64_t *topic_ends;       /* what the topics took; NULL = the driver cannot tell */
	/* Agents that end badly when they are told to: in FINISH, the last thing they do. */
	bool producer_hangs, consumer_hangs, producer_is_slow;
	uint64_t producer_lost_at_ns, consumer_lost_at_ns; /* 0 = not lost */
	uint64_t consumer_back_at_ns;                      /* restarted; 0 = lost for good */

	/* What was asked of it. */
	enum worker_verb log[200000];
	size_t log_len;
	uint64_t verbs[WORKER_VERB_COUNT]; /* how often each */
	size_t topics_deleted, groups_deleted;
	struct worker_window window;
	double rate_per_s; /* the last one */

	/* The simulation. */
	unsigned signals;
	struct worker_call *call; /* the slow one under way */
	uint64_t call_done_ns;
	const char **topics;
	uint32_t topics_count, partitions;
	const char *const *producer_topics;
	size_t producers;
	const struct worker_subscription *consumers;
	size_t consumers_count;
	struct arena *names;
	uint32_t subscriptions; /* of each topic, for the fluid */
	bool loaded, unlimited, paused, stopped;
	uint64_t gate_ns;
	double due, send_credit, receive_credit;
	struct snapshot truth;
	struct fact_edge edges[FACT_EDGES];
};

/* Everything works at once and nothing is limited. */
void fake_worker_init(struct fake_worker *f, uint32_t subscriptions);
void fake_worker_fini(struct fake_worker *f);

struct run_platform fake_platform(struct fake_worker *f);

/* Since the start. */
uint64_t fake_elapsed_ns(const struct fake_worker *f);

#endif
