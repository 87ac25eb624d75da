/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_FACTS_EVENT_H
#define OMB_FACTS_EVENT_H

/*
 * event -- what happened in a run: to its agents and their clients, and to the run itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts/role.h"

enum fact_event_kind {
	EVENT_AGENT_LOST, /* text says how; at_ns when */
	EVENT_AGENT_SLOW, /* closed for too long and was killed; its counts are complete */
	EVENT_AGENT_STALLED, /* a loop of it has not turned for seconds: stopped, or stuck in its client */
	EVENT_AGENT_RESTARTED, /* its consumers are open again */
	EVENT_AGENT_RESUMED,   /* and receive again; gap_ns is how long they received nothing */
	EVENT_CLIENT, /* failures of a kind (`name`) that say the same: how often in `count` */
	EVENT_STDERR, /* a line that a client library wrote to stderr */
	EVENT_JOURNAL_LOST, /* of the run itself: text says why */
	EVENT_TOPIC_LOST,   /* the same: so many topics were not what the run had made them */
	EVENT_WORKER_LOST,  /* one of several: text says which, and why */
	EVENT_OUTAGE, /* no acknowledgement (producers), no message (consumers) for gap_ns from at_ns on,
	               * at `text`, for `count` clients: the longest of the run */
	EVENT_KINDS
};

struct fact_event {
	enum fact_event_kind kind;
	enum agent_role role;
	unsigned worker; /* as in fact_agent */
	unsigned agent, generation;
	uint64_t at_ns, gap_ns;
	uint64_t count;
	bool is_rest;     /* of EVENT_CLIENT: all others of the kind; `text` is none of theirs */
	bool is_open;     /* of EVENT_OUTAGE: nothing good came after it */
	const char *name; /* of EVENT_CLIENT: "connection", "commit", ... */
	const char *text; /* NULL = none */
};

struct text;

struct fact_events {
	struct fact_event *items; /* oldest first */
	size_t count;
};

extern const char *const fact_event_names[EVENT_KINDS];
const char *fact_event_kind_name(enum fact_event_kind kind); /* "agentLost" */
/* False: none has this name. */
bool fact_event_kind_of(const char *name, enum fact_event_kind *out);

/* Of EVENT_OUTAGE, in words: "no acknowledgement for 6.20s from 12.3s on (partition 0 of t)", counted from
 * `origin_ns`. */
void fact_outage_format(const struct fact_event *e, uint64_t origin_ns, struct text *out);

/* Did it happen to an agent as a whole, or else to a client of it or to the run? */
bool fact_event_is_of_agent(enum fact_event_kind kind);

#endif
