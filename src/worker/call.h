/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_CALL_H
#define OMB_WORKER_CALL_H

/*
 * call -- the arguments and answers of the verbs; the rules are in worker.h.
 *
 * Everything that a worker has to know of a run comes with a verb: one that was stopped keeps nothing
 * for the next run.  Instants are clock_ns() of the process that calls; a form whose worker has another
 * clock translates them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts/event.h"
#include "facts/origin.h"
#include "facts/totals.h"
#include "load/assignment.h"
#include "load/deal.h"
#include "load/producer_ids.h"
#include "stats/snapshot.h"
#include "util/error.h"
#include "worker/readiness.h"
#include "worker/share.h"
#include "worker/verb.h"

struct arena;
struct override;

/* --- arguments and answers ------------------------------------------------------------------ */

struct worker_initialize {
	const char *path; /* of the driver file: for messages; it is not opened */
	const char *text;
	size_t text_len;
	bool lenient;
	const struct override *overrides; /* of --set, for whichever file; in their order */
	size_t overrides_count;
	const char *run_id;
	uint32_t run;     /* of the stamp, which has 16 bits for it */
	bool keep_topics; /* agents that survive their parent leave the topics alone */
	/* Stamps have a hash of the topic's name in place of `run`: for workers that share none. */
	bool run_of_topic;
	/* Other workers have a part of the load, too: what became of a message is known to none of them
	 * alone.  So the account that is asked for is told by ACCOUNT instead of merged, and nothing that
	 * was never received is charged here. */
	bool is_share;
	struct fact_rows rows; /* out: what the driver makes of it */
	/* Out: so long a group may stand still after a member has died; 0 = it does not. */
	uint32_t standstill_ms;
	uint32_t redelivery_ms; /* out: see driver_traits */
	bool broker_is_local;   /* out: it shares the worker's host with the load */
	bool broker_is_own;     /* out: an agent of the run, with which all goes that is on it */
};

struct worker_create_topics {
	uint32_t topics, partitions;
	const char *
		*names; /* out: `topics` names, also after a failure; NULL: none was asked for */
};

struct worker_create_consumers {
	const struct worker_subscription
		*items; /* one for each consumer; repeats are group members */
	size_t count;
	uint32_t partitions; /* of every topic; 0 = unknown */
	struct deal_spec deal;
	struct consume_spec consume;
	/* What arrives is compared with the payloads of the load to come, whose seed this is
	 * (load/assignment.h); NULL = it is not. */
	const struct payload_spec *verify;
	uint64_t verify_seed;
	/* An account is kept of every message (account/book.h) of the producers to come: as
	 * worker_create_producers will have them, which then asks for it, too. */
	bool account;
	const char *const *producer_topics;
	size_t producers;
	uint32_t id_base;
	/* Of producers that are on several workers, in the order of producer_topics; no worker has two of
	 * them.  NULL: all are from id_base on. */
	const struct producer_ids *id_ranges;
	size_t id_ranges_count;
};

struct worker_create_producers {
	const char *const *topics; /* one for each producer */
	size_t count;
	/* Of the load to come, so that it is ready when the load starts; NULL = not known yet. */
	const struct payload_spec *payload;
	uint32_t window_messages; /* the load may ask for so many in flight; 0 = the default */
	uint32_t id_base;         /* number of the first in stamps; the high bits name the worker */
	bool account; /* of every message; as the consumers were told, if there are any */
	struct deal_spec deal;
	/* Out: a load that begins earlier than so long after start-load may begin late for some. */
	uint64_t lead_ns;
};

struct worker_adjust {
	struct pacer_epoch epoch;
	bool forgive; /* only the search for the maximum does */
};

struct worker_window {
	uint64_t start_ns,
		end_ns;       /* messages due in [start, end) are measured; UINT64_MAX = unknown */
	uint64_t load_end_ns; /* nothing is due from here on; UINT64_MAX = unknown */
};

/* Of workers on other hosts, whose stamps are judged here.  0 for those that are not told. */
struct worker_clock {
	uint32_t worker;   /* the high bits of its producers' numbers: STAMP_PRODUCER_BITS */
	int64_t offset_ns; /* to be added to what its clock says */
	bool is_unknown;   /* nobody knows: its messages are timed by the record's own time */
};

struct worker_clocks {
	const struct worker_clock *items;
	size_t count;
};

/* How long agents may take to close stands in closing.h. */
struct worker_finish {
	uint32_t most_ms; /* at most so long for the producers, and again for the consumers; 0 = as
	                   * long as closing.h allows */
	struct fact_totals totals;
};

struct worker_stop {
	uint32_t most_ms; /* at most so long for all of them; 0 = as above */
};

#define WORKER_NO_TOPIC UINT64_MAX /* it is not there */

struct worker_topic_ends {
	const char *const *topics;
	size_t topics_count;
	uint64_t *ends; /* out, in the caller's arena, one for each; NULL: the driver cannot tell */
	uint32_t *partitions; /* out, likewise: how many each has now; 0 = none, or not known */
};

struct worker_delete {
	const char *const *topics;
	size_t topics_count;
	const struct worker_subscription *groups;
	size_t groups_count;
	uint32_t timeout_ms;        /* for the topics */
	uint32_t groups_timeout_ms; /* for the groups, which come first; 0 = the same */
};

struct worker_counters {
	uint64_t sent, received, send_errors; /* as OMB counts: acknowledged; probes included */
};

struct worker_period {
	struct snapshot interval; /* since the last read */
	struct worker_counters totals;
};

enum worker_call_state { CALL_IDLE, CALL_RUNNING, CALL_DONE, CALL_FAILED };

struct worker_call {
	enum worker_verb verb;
	enum worker_call_state state;
	struct error err; /* of CALL_FAILED */
	/* The worker does not have this verb (CALL_FAILED), or of several some do not, and the answer is the
	 * others' (CALL_DONE). */
	bool lacking;
	struct arena *arena; /* answers are allocated here */
	/* clock_ns(); a call still running then fails; 0 = the verb's own limit.  FINISH and STOP_ALL
	 * do not fail: they end by the limits of closing.h. */
	uint64_t deadline_ns;
	uint64_t done, wanted; /* progress of what takes long, for the console */
	union {
		struct worker_initialize initialize;
		struct worker_create_topics create_topics;
		struct worker_create_consumers create_consumers;
		struct worker_create_producers create_producers;
		struct load_spec load;
		struct worker_adjust adjust;
		struct worker_window window;
		struct worker_readiness readiness;
		/* SNAPSHOT: `without_latencies` and `without_slowest` are asked for; agents have no snapshots of their own. */
		struct fact_totals totals;
		struct worker_finish finish;
		struct worker_stop stop;
		struct worker_topic_ends topic_ends;
		struct worker_delete remove;
		struct worker_account account;
		struct worker_counters counters;
		struct worker_period period; /* PERIOD_STATS and CUMULATIVE_LATENCIES */
		struct worker_clocks clocks;
		struct fact_events events; /* all so far */
		uint64_t clock_ns;
	};
};

#endif
