/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_WORKER_CLOCK_TABLE_H
#define OMB_WORKER_CLOCK_TABLE_H

/*
 * clock_table -- what each worker is told of the clocks of the others (SET_CLOCKS), when it is told anew,
 * and by how much latencies may be wrong in the end.
 *
 * The coordinator has a fit of each worker's clock to its own (load/clock_fit.h).  A message from worker A
 * is timed at worker B, whose clock is ahead of A's by what B's is ahead of ours less what A's is: that is
 * to be added to A's stamps.  It is wrong by at most the sum of both errors.
 *
 * A *round* is one set of estimates of one instant, told to all workers that consume.  An offset that was
 * told stands still while clocks drift on, so it is that of the middle of the time to the next round, and
 * a new round is due as soon as a pair is off by more than a part of its error, but not more often than
 * clock_table_gap_ns.
 *
 *     before the load   probes, as forms of workers send them.  A round before the load starts
 *     during            whenever clock_table_is_due: clock_table_round, then for each worker that consumes
 *                       clock_table_make, SET_CLOCKS, clock_table_told
 *     after             some probes more, then clock_table_finish and clock_table_facts
 *
 * What was told is judged by what became known later: a round is in force from when it was made until all
 * have answered the next one, and over that time each pair's latencies are wrong by at most the distance
 * between what was told and what the fits say now of each instant, and their errors.  The largest of these
 * within the measured time is the result's.  A step is in it: while a clock is not what workers were told
 * their latencies are wrong, and the error says by how much.
 *
 * Workers that name the same clock (one host) are told exactly 0, and among them is no error; unless their
 * fits contradict that (copies of one virtual machine have one name, and two clocks).  Without a fit of a
 * worker nothing is known of it: others are told that, and time its messages by the record's own time; the
 * error is unknown.
 *
 * Pure: no clock and no worker.  Fits are borrowed and may be fed meanwhile.  One thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts/clock.h"
#include "worker/call.h"

struct clock_fit;

struct clock_member {
	uint32_t worker;             /* its number in stamps */
	const struct clock_fit *fit; /* its clock - ours; NULL: nobody can say (a Java worker) */
	/* Two that name the same one have one clock: boot and time namespace of a host, say.  Ours has a
	 * name, too; NULL = it has none. */
	const char *clock;
	bool produces, consumes;
	enum fact_clock_source source;
};

struct clock_table;

/* `our_clock`: as of members.  Everything is copied, but the fits. */
struct clock_table *clock_table_create(const struct clock_member *members, unsigned count,
                                       const char *our_clock);
void clock_table_destroy(struct clock_table *t);

/* Between two rounds, at least. */
uint64_t clock_table_gap_ns(unsigned members);

/* The measured time, as soon as it is known: errors of messages that arrive within it count. */
void clock_table_window(struct clock_table *t, uint64_t from_ns, uint64_t until_ns);

/* One that is gone: it is told nothing more.  Others still hear of it: its messages may be under way. */
void clock_table_lost(struct clock_table *t, unsigned member, uint64_t now_ns);

/* Whether another round has to be told.  Never before all have answered the last one. */
bool clock_table_is_due(const struct clock_table *t, uint64_t now_ns);
/* Begins one. */
void clock_table_round(struct clock_table *t, uint64_t now_ns);
/* Whether the member has still to be told of the round. */
bool clock_table_wants(const struct clock_table *t, unsigned member);
/* What it is told, in the arena. */
struct worker_clocks clock_table_make(const struct clock_table *t, unsigned member,
                                      struct arena *arena);
/* It has answered. */
void clock_table_told(struct clock_table *t, unsigned member, uint64_t now_ns);

/* After the last probe: the last round is judged.  `now_ns`: when the last message had arrived. */
void clock_table_finish(struct clock_table *t, uint64_t now_ns);
struct fact_clocks clock_table_facts(const struct clock_table *t);
struct fact_clock clock_table_fact(const struct clock_table *t, unsigned member);

#endif
