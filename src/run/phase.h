/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_PHASE_H
#define OMB_RUN_PHASE_H

/*
 * phase -- what a phase of a run is; the phases themselves are the table in phases.c.
 *
 * A phase is entered, looked at whenever it wants to be, and left for one of five reasons, each of
 * which says what follows.  Its functions say what is so; how it ends is one pure rule.
 */

#include <stdbool.h>
#include <stdint.h>

struct run;

enum phase_id {
	PHASE_NONE,

	/* Everything is created: topics, then consumers, then producers, as in OMB. */
	PHASE_INITIALIZE,
	PHASE_TOPICS,
	PHASE_CONSUMERS,
	PHASE_PRODUCERS,
	/* Probes are sent again and again until every subscription of every topic has its partitions
	 * and has seen one, and every producer has one acknowledged (worker/readiness.h is the rule): a
	 * total is not enough, and a consumer without partitions would miss the start of the run. */
	PHASE_SETTLE,

	/* Rate 0 only: the rate is raised and lowered until the maximum is known. */
	PHASE_SEARCH,
	/* Full rate; what is due now is not measured.  Without a warm-up it lasts until the gate opens. */
	PHASE_WARMUP,
	/* Full rate; what is due now is measured. */
	PHASE_MEASURE,
	/* Nothing is due any more; what was sent is still answered and received. */
	PHASE_DRAIN,

	/* Clients close in order; final totals. */
	PHASE_CLOSE,
	/* Instead, where nothing was measured and something failed, or nothing was sent: all stop. */
	PHASE_ABORT,
	/* Are the topics still what was written to? */
	PHASE_CHECK,
	PHASE_DELETE,
	PHASE_STOP,
	PHASE_COUNT,
	PHASE_END = PHASE_COUNT
};

/* Why a phase ends; the first that holds. */
enum phase_end {
	ENDS_NOT,
	ENDS_FAILED,  /* a verb did, since the phase was entered */
	ENDS_SIGNAL,  /* so many came that it is cut short */
	ENDS_LOST,    /* every producer agent is lost: nothing is sent any more */
	ENDS_REACHED, /* its goal */
	ENDS_LATE,    /* its limit has passed before that */
	ENDS_COUNT
};

struct phase {
	const char *name;  /* "warm-up" */
	const char *stage; /* what console, journal and result call it; NULL: they do not */

	/* With is_reached also wake_ns and look; where then[ENDS_LATE] is set, and limit_ns can pass
	 * before the goal, also expire.  leave and limit_ns may be NULL (nothing to do; no limit). */
	bool (*is_wanted)(const struct run *r); /* NULL: in every run; else it may be passed over */
	void (*enter)(struct run *r);
	uint64_t (*wake_ns)(const struct run *r); /* when `look` wants to be called next */
	void (*look)(struct run *r);
	bool (*is_reached)(const struct run *r); /* NULL: with `enter` all is done */
	void (*leave)(struct run *r);

	/* From when it was entered; UINT64_MAX: none as things stand.  What is one verb has it as the
	 * verb's limit, which then fails. */
	uint64_t (*limit_ns)(const struct run *r);
	const char *waits_for, *at_most; /* part of its row in docs/limits.md */
	void (*expire)(struct run *r);   /* says what was missing */

	unsigned signals; /* that cut it short; 0: none does */
	/* What follows.  PHASE_NONE: it does not end so.  Whatever fails before anything is measured
	 * is followed by PHASE_ABORT. */
	enum phase_id then[ENDS_COUNT];
};

struct phase_facts {
	bool failed, lost, reached, late;
	unsigned signals; /* so far */
};

enum phase_end phase_ends(const struct phase *p, const struct phase_facts *f);

/* `measured`: the window has begun. */
enum phase_id phase_next(const struct phase *p, enum phase_end end, bool measured);

#endif
