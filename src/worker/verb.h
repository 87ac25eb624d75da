/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_VERB_H
#define OMB_WORKER_VERB_H

/*
 * verb -- what can be asked of a worker, whatever its form: one row for each verb.
 *
 * The limit is for calls that name none; NO_LIMIT ends by the limits of closing.h.
 *
 * A worker need not have them all.  What a load cannot do without fails the run, by the verb's name:
 * initialize-driver, the three that create, probe-producers, set-window (or nothing would be measured),
 * start-load, snapshot; pause- and resume-consumers where there is a backlog to build,
 * adjust-publish-rate where the maximum is searched.  Without the others less is known or done, and the
 * note workerLacks of the verdict names them: readiness (counted by probes), events (lost agents have no
 * words), account (of a load of several workers none is kept), finish (the last snapshot has to do, and stop-all closes the clients), topic-ends, delete-topics
 * (they are left behind), stop-all.
 * RESET_STATS, COUNTERS_STATS, PERIOD_STATS, CUMULATIVE_LATENCIES, CLOCK and SET_CLOCKS no run asks for.
 */

#include <stdbool.h>
#include <stdint.h>

#define VERB_QUICK_S  UINT64_C(60)
#define VERB_TOPICS_S UINT64_C(600) /* as long as OMB's coordinator waits for topics */
#define VERB_NO_LIMIT UINT64_C(0)

/* clang-format off */
#define WORKER_VERBS(X)                                                                          \
	/* OMB's:  name                                            needs a driver  limit */           \
	X(INITIALIZE_DRIVER,    "initialize-driver",               false, VERB_QUICK_S)               \
	X(CREATE_TOPICS,        "create-topics",                   true,  VERB_TOPICS_S)              \
	X(CREATE_CONSUMERS,     "create-consumers",                true,  VERB_QUICK_S)               \
	X(CREATE_PRODUCERS,     "create-producers",                true,  VERB_QUICK_S)               \
	/* Every producer sends one probe; does not wait for it. */                                   \
	X(PROBE_PRODUCERS,      "probe-producers",                 false, VERB_QUICK_S)               \
	X(START_LOAD,           "start-load",                      true,  VERB_QUICK_S)               \
	X(ADJUST_PUBLISH_RATE,  "adjust-publish-rate",             false, VERB_QUICK_S)               \
	X(PAUSE_CONSUMERS,      "pause-consumers",                 false, VERB_QUICK_S)               \
	X(RESUME_CONSUMERS,     "resume-consumers",                false, VERB_QUICK_S)               \
	/* The latencies of the two destructive reads below begin anew; their counts do not. */       \
	X(RESET_STATS,          "reset-stats",                     false, VERB_QUICK_S)               \
	/* Stops and closes everything; leaves topics; idempotent. */                                 \
	X(STOP_ALL,             "stop-all",                        false, VERB_NO_LIMIT)              \
	X(COUNTERS_STATS,       "counters-stats",                  false, VERB_QUICK_S)               \
	X(PERIOD_STATS,         "period-stats",                    false, VERB_QUICK_S)               \
	X(CUMULATIVE_LATENCIES, "cumulative-latencies",            false, VERB_QUICK_S)               \
	/* Ours.  Measured window and end of the load: */                                             \
	X(SET_WINDOW,           "set-window",                      false, VERB_QUICK_S)               \
	X(READINESS,            "readiness",                       false, VERB_QUICK_S)               \
	X(SNAPSHOT,             "snapshot",                        false, VERB_QUICK_S)               \
	/* Closes the producers, then the consumers; final totals. */                                 \
	X(FINISH,               "finish",                          false, VERB_NO_LIMIT)              \
	/* What the loops of a worker that has a share of the load saw of each message. */            \
	X(ACCOUNT,              "account",                         false, VERB_QUICK_S)               \
	/* How many messages each topic ever took, where the driver can tell. */                      \
	X(TOPIC_ENDS,           "topic-ends",                      true,  VERB_QUICK_S)               \
	X(DELETE_TOPICS,        "delete-topics",                   true,  VERB_TOPICS_S)              \
	X(CLOCK,                "clock",                           false, VERB_QUICK_S)               \
	/* What the clocks of the workers say whose messages arrive here. */                          \
	X(SET_CLOCKS,           "set-clocks",                      false, VERB_QUICK_S)               \
	X(EVENTS,               "events",                          false, VERB_QUICK_S)
/* clang-format on */

enum worker_verb {
#define X(enumerator, name, needs_driver, limit_s) WORKER_##enumerator,
	WORKER_VERBS(X)
#undef X
		WORKER_VERB_COUNT
};

struct worker_verb_row {
	const char *name; /* as in the protocol: "create-topics" */
	bool needs_driver;
	uint64_t limit_ns; /* UINT64_MAX = none */
};

extern const struct worker_verb_row worker_verbs[WORKER_VERB_COUNT];

const char *worker_verb_name(enum worker_verb verb);
/* False: there is none of this name. */
bool worker_verb_find(const char *name, enum worker_verb *out);

#endif
