/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_STATS_CLAIMS_H
#define OMB_STATS_CLAIMS_H

/*
 * claims -- what client libraries say of themselves, about once a second.
 *
 * It is their word: nothing of it was measured here, and no verdict looks at it.  A library says what
 * it knows; what none said is unknown and not 0.
 */

#include <stdint.h>

/*      what a claim is when clients and intervals come together: */
/*      COUNT  grows: clients add up, an interval is newer minus older */
/*      LEVEL  is as it was when it was said: clients add up */
/*      PEAK   likewise: the highest of all clients */
/* clang-format off */
#define CLAIMS(X)                                                                                     \
	X(CLIENTS,           "clients",        LEVEL, "clients that said anything")                   \
	X(QUEUE_MESSAGES,    "queueMessages",  LEVEL, "messages in the clients: not answered, or not handed over yet") \
	X(QUEUE_BYTES,       "queueBytes",     LEVEL, "their bytes")                                  \
	X(REQUESTS,          "requests",       COUNT, "requests that were sent to brokers")           \
	X(BYTES_OUT,         "bytesOut",       COUNT, "bytes that were sent to brokers")              \
	X(BYTES_IN,          "bytesIn",        COUNT, "bytes that came from brokers")                 \
	X(RETRIES,           "retries",        COUNT, "requests that were sent again")                \
	X(DISCONNECTS,       "disconnects",    COUNT, "connections that were lost or closed")         \
	X(BATCHES,           "batches",        COUNT, "batches of messages that were sent, or came")           \
	X(BATCH_MESSAGES,    "batchMessages",  COUNT, "messages in them")                             \
	X(BATCH_BYTES,       "batchBytes",     COUNT, "bytes of them")                                \
	X(ROUND_TRIPS,       "roundTrips",     COUNT, "answers whose round trip was timed")           \
	X(ROUND_TRIP_NS,     "roundTripNs",    COUNT, "the sum of these times, in ns")                \
	X(ROUND_TRIP_MAX_NS, "roundTripMaxNs", PEAK,  "the longest of the latest second, in ns")
/* clang-format on */

enum claim {
#define X(enumerator, name, kind, help) CLAIM_##enumerator,
	CLAIMS(X)
#undef X
		CLAIM_COUNT
};

struct claims {
	uint64_t said; /* a bit for each claim */
	uint64_t values[CLAIM_COUNT];
};

const char *claim_name(enum claim which);
const char *claim_help(enum claim which);

static inline void claims_say(struct claims *c, enum claim which, uint64_t value)
{
	c->said |= UINT64_C(1) << which;
	c->values[which] = value;
}

/* One client's, or one agent's, to those of others.  Zeroed is nothing. */
void claims_add(struct claims *to, const struct claims *from);
/* The next interval to those before it. */
void claims_follow(struct claims *to, const struct claims *next);
/* *out is overwritten and may be one of the two. */
void claims_diff(const struct claims *newer, const struct claims *older, struct claims *out);

#endif
