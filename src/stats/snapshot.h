/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_SNAPSHOT_H
#define OMB_STATS_SNAPSHOT_H

/*
 * snapshot -- what a set of agents has counted and timed so far.
 *
 * Counters and histograms only grow.  An interval is a newer snapshot minus an older one, and
 * "reset" means to remember a snapshot.  Agents keep one set of histograms for messages that are
 * due inside the measured window and one for all others (warm-up, search); a message belongs to the
 * window of its due time, whenever it is acknowledged or received.
 *
 * The names below are the names in result files, and the help texts are their documentation.
 */

#include <stdint.h>

#include "stats/claims.h"
#include "stats/hist_copy.h"

/* clang-format off */
#define LATENCIES(X)                                                                           \
	X(DELAY,             "publishDelay",       "due -> send called; messages that were never sent are charged their age") \
	X(CALL,              "sendCall",           "send called -> send returned")                \
	X(PUBLISH,           "publish",            "send called -> acknowledged")                 \
	X(CORRECTED_PUBLISH, "correctedPublish",   "due -> acknowledged; failed, unacknowledged and never sent messages are charged their age") \
	X(E2E,               "endToEnd",           "send called -> received")                     \
	X(CORRECTED_E2E,     "correctedEndToEnd",  "due -> received; messages that are never received are charged their age")

#define COUNTERS(X)                                                                            \
	X(SENT,            "sent",            "messages that send took over or refused for good")  \
	X(ACKNOWLEDGED,    "acknowledged",    "of these: confirmed by the broker")                 \
	X(FAILED,          "failed",          "of these: failed for good")                         \
	X(UNACKNOWLEDGED,  "unacknowledged",  "of these: no answer until the producer was closed") \
	X(BYTES_ACKED,     "bytesAcknowledged", "payload bytes of acknowledged messages")          \
	X(UNSENT,          "unsent",          "messages due before the end of the load that were never offered") \
	X(BUSY,            "busy",            "times that send answered: not now")                 \
	X(PASSES,          "passes",          "passes of sends")                                   \
	X(WAKEUPS,         "wakeups",         "times a loop woke up")                              \
	X(PROBES_SENT,     "probesSent",      "probes taken over by send; outside the account")    \
	X(PROBES_ACKED,    "probesAcknowledged", "probes confirmed")                               \
	X(RECEIVED,        "received",        "messages of this run received, probes left out")    \
	X(BYTES_RECEIVED,  "bytesReceived",   "payload bytes of these")                            \
	X(PROBES_RECEIVED, "probesReceived",  "probes received")                                   \
	X(REDELIVERED,     "redelivered",     "received messages that the broker marked as delivered before; where it marks none, the row redelivery of the driver says so") \
	X(CORRUPT,         "corrupt",         "received messages whose stamp is damaged")          \
	X(SPOILED,         "spoiled",         "received messages whose contents are not what was sent; known with verifyPayload") \
	X(UNSTAMPED,       "unstamped",       "received messages without a stamp")                 \
	X(FOREIGN,         "foreign",         "received messages of another run")                  \
	X(NEGATIVE,        "negative",        "received before they were sent: clocks disagree")   \
	X(COMMITS,         "commits",         "commits of positions asked for")                     \
	X(BLOCKED,         "blocked",         "messages with a due time that had to wait for room in the client") \
	X(BLOCKED_NS,      "blockedNs",       "how long these waited, from when they were first offered, in ns") \
	X(SPUN_NS,         "spunNs",          "how long loops spun until a message was due (pacing: spin), in ns") \
	X(BROKER_TIMED,    "brokerTimed",     "received messages whose end-to-end latency is by the record's own timestamp, in ms: they have no stamp, or nobody knows its clock")
/* clang-format on */

enum latency {
#define X(enumerator, name, help) LATENCY_##enumerator,
	LATENCIES(X)
#undef X
		LATENCY_COUNT
};

enum counter {
#define X(enumerator, name, help) COUNTER_##enumerator,
	COUNTERS(X)
#undef X
		COUNTER_COUNT
};

enum window {
	WINDOW_OUTSIDE, /* warm-up, search, and anything else that is not measured */
	WINDOW_MEASURED,
	WINDOW_COUNT
};

const char *latency_name(enum latency which);
const char *latency_help(enum latency which);
const char *counter_name(enum counter which);
const char *counter_help(enum counter which);

struct snapshot {
	uint64_t taken_ns; /* clock_ns() */
	uint64_t cpu_ns;   /* user + system time of the agents so far, the dead ones included */
	uint64_t counters[COUNTER_COUNT];
	struct claims claims;
	struct hist_copy latencies[WINDOW_COUNT][LATENCY_COUNT]; /* owned */
};

/* Zeroed is valid. */
void snapshot_add(struct snapshot *to, const struct snapshot *from);
/* *out is overwritten; `older` may be zeroed.  taken_ns becomes the length of the interval. */
void snapshot_diff(const struct snapshot *newer, const struct snapshot *older,
                   struct snapshot *out);
/* Both windows of one kind together.  Caller finishes *out. */
void snapshot_latency(const struct snapshot *s, enum latency which, struct hist_copy *out);
void snapshot_fini(struct snapshot *s);

#endif
