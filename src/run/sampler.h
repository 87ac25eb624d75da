/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_SAMPLER_H
#define OMB_RUN_SAMPLER_H

/*
 * sampler -- the series of a run: counts of every second, histograms of every sample period.
 *
 * Fed with snapshots, which only grow; an interval is newer minus older.  Periods begin with the
 * measured window and go by recording time; the last one, "drain", reaches from the end of the
 * window to the final totals, so that the intervals add up to all that was recorded after the start
 * of the window.  Ticks are at start + n * period: they do not drift.
 *
 * The slowest messages come with every snapshot that has histograms, each once; a period has those
 * that came since the one before.
 *
 * Closed periods are not kept: they stand in the journal (diary.h).  A day of seconds has 56 bytes for
 * each of them here, and 224 for each of its periods.
 *
 * Pure but for memory: time comes in with the snapshots.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/omb_result.h"
#include "results/record.h"
#include "stats/snapshot.h"
#include "worker/worker.h"

/* CPU time of one agent at an instant. */
struct sampler_cpu {
	enum agent_role role;
	unsigned worker, index, generation;
	uint64_t cpu_ns;
};

/* And, of several workers, how their hosts had been used. */
struct sampler_agents {
	struct sampler_cpu *items; /* owned */
	size_t count;
	struct host_usage *usages; /* owned */
	size_t usages_count;
};

/* Which agents live, as the last snapshot showed. */
struct sampler_fleet {
	unsigned producers, producers_lost; /* lost ones are not replaced */
	unsigned consumers;                 /* places of consumer agents */
	unsigned consumers_lost;            /* those whose last generation is dead */
	unsigned
		lost_late; /* of the lost ones: after everything had arrived, so they took nothing */
	unsigned slow;     /* to close; not lost */
	unsigned stalled;  /* stood still for seconds, once */
	unsigned restarted;        /* consumer agents of a higher generation */
	unsigned resuming;         /* of these: without a partition and a message until now */
	uint64_t consumer_lost_ns; /* when one died last; 0 = never */
	uint64_t unanswered;       /* sent by agents that live, without an answer */
	unsigned offering;         /* of these: producer agents that may send more */
	uint64_t silence_ns;       /* the longest that a client had: perhaps an outage */
};

#define SAMPLER_KINDS 2 /* of periods: "measure", "drain" */

struct sampler {
	uint64_t sample_ns;
	uint64_t subscriptions;
	size_t slowest_each; /* so many messages each period names of each kind; set after the start */
	uint64_t next_second_ns, next_period_ns; /* UINT64_MAX: none is due */
	bool measuring;

	struct snapshot last;                     /* the newest one */
	struct snapshot second, before;           /* as of the last two ticks of a second */
	struct snapshot base;                     /* at the start of the current period */
	struct snapshot shown;                    /* of the last line of progress; empty = none */
	struct snapshot window_start, window_end; /* counters and taken_ns only */
	struct sampler_agents cpu_start, cpu_end; /* at the ends of the window */
	struct fact_host host;                    /* as it was told last */
	struct host_usage usage_start, usage_end; /* of it, at the ends of the window */
	uint64_t outstanding;                     /* of fact_totals, as of the last feed */
	struct sampler_fleet fleet;
	struct fact_slowest slowest;     /* of the messages due in the window, so far */
	struct fact_slowest slowest_now; /* of the current period */

	uint64_t changed_ns; /* when a count changed last */
	uint64_t drained_ns; /* when everything had arrived; 0 = not yet.  */

	struct record_second *seconds; /* owned */
	size_t seconds_count, seconds_cap;
	struct record_period newest; /* owned */
	/* Those that are in no journal, one of a kind: memory stays as it is.  Owned. */
	struct record_period kept[SAMPLER_KINDS];
	size_t kept_count;
	struct omb_result samples; /* of the others: what OMB's file says of each */
};

void sampler_init(struct sampler *s, uint64_t sample_ns, uint64_t subscriptions, uint64_t now_ns);
void sampler_fini(struct sampler *s);

/* Takes over what the snapshot of *totals holds.  The agents are looked at and not kept. */
void sampler_feed(struct sampler *s, struct fact_totals *totals);

/* After a feed: stores a second and moves the tick on.  Borrowed, until the next one. */
const struct record_second *sampler_add_second(struct sampler *s, const char *phase,
                                               uint64_t now_ns);

/* After the feed at the start and at the end of the window; NULL = that one failed, and the newest
 * counts have to do. */
void sampler_begin_window(struct sampler *s, const struct fact_totals *totals, uint64_t start_ns);
void sampler_end_window(struct sampler *s, const struct fact_totals *totals);

/* After a feed: everything since the last period becomes one.  Borrowed until the next one; where it
 * stays is for the caller to say. */
const struct record_period *sampler_add_period(struct sampler *s, const char *kind);

/* The newest period is written down: all that stays of it are its figures. */
void sampler_set_written(struct sampler *s);
/* It is not: it becomes one with those of its kind that are not either. */
void sampler_keep(struct sampler *s);

/* Everything had arrived by the last feed. */
void sampler_set_drained(struct sampler *s);

/* The next line of progress begins at the last feed. */
void sampler_show(struct sampler *s);

/* CPU time that an agent used within the window. */
uint64_t sampler_window_cpu_ns(const struct sampler *s, const struct fact_agent *a);
/* What the worker's host did within it; all 0 where that is not known. */
struct host_usage sampler_window_usage(const struct sampler *s, const struct fact_worker *w);

/* May partitions of a consumer agent that died still come to others? */
bool sampler_resume_is_expected(const struct sampler *s, uint64_t standstill_ns, uint64_t now_ns);

/* Acknowledged x subscriptions - received, never below 0. */
uint64_t sampler_backlog(const struct sampler *s);

#endif
