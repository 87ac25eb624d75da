/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_LOAD_SEARCH_H
#define OMB_LOAD_SEARCH_H

/*
 * search -- finds the highest rate that a broker and its consumers sustain (`producerRate: 0`).
 *
 *     approach a few messages at a small part of the first rate, ten times as many as soon as some
 *              arrive: a broker of 3 messages a second must not begin with an hour's work
 *     ramp     double the rate until it is not sustained
 *     drain    next to nothing is sent until what the overshoot left has been received
 *     bisect   narrow the gap between the best rate and the worst; what an overloaded broker
 *              carried is the first guess, so the gap closes in two or three steps
 *     hold     stay there; go down, never up, when it turns out not to be sustained
 *     give up  not even one message a second is sustained: there is no answer
 *
 * A rate is tried by letting it settle and then comparing, over windows of a second, what the
 * schedule offered with what was acknowledged and (times subscriptions) received.  A stall within
 * one window is not held against a rate that catches up in the next.  Judging what is offered
 * instead of the size of a backlog makes the verdict independent of the rate, of latency and of
 * what earlier steps left behind.  OMB's controller doubles after each good period and so swings
 * between once and twice the capacity for ever; this one ends, within 4 % below the capacity.
 *
 * A rate is the answer only once it is *confirmed*: it, or a higher one, was sustained, and what
 * earlier trials left behind has arrived.  After it went down in `hold`, the lower rate has to be
 * confirmed anew.  Every trial is remembered with what it carried, so that a reader sees how far
 * apart the readings were.
 *
 * Debt (messages due but not sent) is forgiven at each change of rate: otherwise the overshoot of
 * one step would be sent in the next.
 *
 * Pure: no clock and no broker.  The caller takes a sample when the last decision asked for one,
 * and applies a decision whose `change` is set.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

#define SEARCH_START_PER_S 10000.0 /* as OMB's search for the maximum */

enum search_phase {
	SEARCH_APPROACH,
	SEARCH_RAMP,
	SEARCH_DRAIN,
	SEARCH_BISECT,
	SEARCH_HOLD,
	SEARCH_GIVE_UP
};

/* The newest are kept; a search needs 5 to 15. */
#define SEARCH_READINGS_MAX 32

struct search_options {
	double start_per_s; /* the first rate tried */
	double max_per_s;   /* never asked for more */
	uint32_t subscriptions;

	/* OMB's environment parameters.  The limits are messages that a window may fall short; 0 = not
	 * given: 1.5 % of what was offered. */
	double publish_backlog_limit; /* PUBLISH_BACKLOG_LIMIT */
	double receive_backlog_limit; /* RECEIVE_BACKLOG_LIMIT, over all subscriptions */
	double min_ramping;           /* MIN_RAMPING_FACTOR: the gap at the end, if above 4 % */
	double max_ramping; /* MAX_RAMPING_FACTOR: 1 doubles the rate in each step of the ramp */
};

/* Totals at one instant; only differences count. */
struct search_sample {
	uint64_t at_ns;
	uint64_t sent; /* taken over by the client, failed ones included */
	uint64_t acknowledged, failed;
	uint64_t received; /* over all subscriptions */
};

struct search_decision {
	enum search_phase phase;
	double rate_per_s;
	bool change;    /* the rate is another than before: adjust it and forgive debt */
	bool converged; /* rate_per_s is the answer: it is confirmed, and nothing is left to drain */
	bool gave_up;   /* there is no answer, and nothing more is tried */
	uint64_t next_ns; /* take the next sample then */
};

/* What became of one trial. */
struct search_reading {
	double rate_per_s;    /* offered */
	double carried_per_s; /* by whoever is slower, broker or consumers */
	bool sustained;
};

/* One rate on trial; internal. */
struct search_trial {
	double rate_per_s;
	bool settled;
	unsigned windows; /* judged so far */
	struct search_sample start, last;
	double carried_per_s; /* by the last window */
};

struct search {
	struct search_options options;
	enum search_phase phase;
	struct search_trial trial;
	double good_per_s;        /* the highest rate known to be sustained; 0 = none yet */
	double bad_per_s;         /* the lowest known not to be; infinite = none yet */
	double bad_carried_per_s; /* at that rate */
	bool cautious;            /* nothing is known yet: the first trial may be cut short */
	bool retried;             /* the last bad rate had its second chance */
	bool confirmed;           /* the rate of hold */

	uint64_t approach_limit_ns;

	/* Of the drain. */
	double then_per_s; /* goes on with this rate ... */
	enum search_phase then;
	uint64_t drain_progress_ns;
	double drain_carried_per_s; /* by the trial before it */
	uint64_t outstanding;       /* least seen in this drain */
	uint64_t lost;              /* outstanding that never came: the floor of later drains */

	unsigned bad_windows;     /* of hold, in a row */
	unsigned trials;          /* begun so far */
	const char *gave_up_word; /* why it gave up; NULL = it did not */

	struct search_reading readings[SEARCH_READINGS_MAX]; /* oldest first */
	unsigned readings_count;
};

/* Defaults, and OMB's environment parameters through `lookup` (getenv).  What does not parse is
 * ERROR_CONFIG: OMB's controller dies of it in silence and the run goes on at 10,000/s. */
bool search_options_init(struct search_options *o, uint32_t subscriptions,
                         char *(*lookup)(const char *name), struct error *err);

/* The load must already run, or start with the rate of the decision. */
struct search_decision search_init(struct search *s, const struct search_options *o,
                                   const struct search_sample *now);

struct search_decision search_step(struct search *s, const struct search_sample *now);

/* There is no more time to search: the best rate that was sustained is held, once what was left is
 * drained; gives up if there is none. */
struct search_decision search_conclude(struct search *s, const struct search_sample *now);

const char *search_phase_name(enum search_phase phase);

#endif
