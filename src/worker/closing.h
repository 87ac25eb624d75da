/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_CLOSING_H
#define OMB_WORKER_CLOSING_H

/*
 * closing -- how long an agent that was told to close is waited for, and what comes then.
 *
 *     told to close ─► answers (it sends and receives no more) ─► closes its clients ─► ends
 *           │                                                          │
 *           └ no answer: hung, killed, lost      no end: slow, killed ─┘─► not even dead: given up
 *
 * Hung and slow are told apart because only the one spoils numbers: who has answered counts no
 * more, and everything it counted is there.  An answer comes at once from any loop that runs, so
 * little time is given for it.  Closing may take a second for each client (a library that waits for
 * its threads), so that limit grows with them, and an agent that closes nothing any more is not
 * waited for that long.
 *
 * Pure: no clock, no process.  These are the only limits of the verbs FINISH and STOP_ALL, and
 * whoever waits for those has closing_bound_ns from here.
 */

#include <stdint.h>

struct closing_limits {
	uint64_t answer_ns; /* from the command to the answer */
	uint64_t stall_ns;  /* from one closed client to the next, or to the end */
	uint64_t whole_ns;  /* from the command to the end */
};

/* Of an agent with so many clients in each of its loops.  `most_ms`: none of the limits is longer;
 * 0 = as they are. */
struct closing_limits closing_limits(uint64_t clients, uint32_t most_ms);

/* After so long every agent with these limits has ended or was given up. */
uint64_t closing_bound_ns(const struct closing_limits *limits);

/* Instants; 0 = not yet. */
struct closing_agent {
	uint64_t asked_ns; /* never 0 */
	uint64_t answered_ns;
	uint64_t closed_ns; /* when the last client was closed */
	uint64_t killed_ns;
};

enum closing_step {
	CLOSING_WAIT,
	CLOSING_KILL_HUNG,
	CLOSING_KILL_SLOW,
	CLOSING_GIVE_UP, /* it was killed, and is still there */
};

/* What to do with an agent that has not ended.  *next_ns: when to ask again, unless something
 * happens before; later than `now_ns` after CLOSING_WAIT. */
enum closing_step closing_step(const struct closing_limits *limits, const struct closing_agent *a,
                               uint64_t now_ns, uint64_t *next_ns);

#endif
