/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RESULTS_RECOVERY_H
#define OMB_RESULTS_RECOVERY_H

/*
 * recovery -- from the lines of a journal to the record of the run that wrote them.
 *
 * The journal of a run that was killed (journal.h, side_file.h) ends anywhere: after a line, in the
 * middle of one, before anything was measured.  What it holds becomes a record like that of any other
 * run, with what only a living run knows left out: the accounts of agents, producers and partitions,
 * and what became of the messages that were under way.
 *
 * The measured window reaches from its start to the end of the last whole sample period, or without one
 * to the last second.  Its latencies are those that were recorded in it, because which window a message
 * was due in is known only at the end.
 *
 * Pure: lines in, record out.  Any bytes are safe.  One line is in memory at a time, besides the record,
 * which has no periods: who writes a result of it gives it the journal (record.journal).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "results/omb_result.h"
#include "results/record.h"
#include "util/arena.h"
#include "util/error.h"

struct recovery {
	struct record record; /* borrows from what follows */
	struct arena arena;
	bool started, measured; /* there was a start line, a window line */
	bool damaged;           /* the line that was refused is no JSON */
	size_t lines;           /* that were taken */

	struct record_phase *phases; /* owned, as are the others */
	struct record_second *seconds;
	struct fact_event *events;
	size_t phases_cap, seconds_cap, events_cap;
	struct omb_result samples;        /* what OMB's file says of each period; owned */
	size_t periods;                   /* that were taken; they stay in the journal */
	uint64_t periods_end_ns;          /* of the latest */
	uint64_t recorded[COUNTER_COUNT]; /* in all of them */
	uint64_t base[COUNTER_COUNT];     /* counters at the start of the window */
};

void recovery_init(struct recovery *r);

/* The next line, without its newline.  False: it is none that a journal of this version has (the error
 * says why, and where); nothing of it was taken. */
bool recovery_take(struct recovery *r, const char *line, size_t len, struct error *err);

/* After recovery_take refused the last line, which had no newline: it was cut while it was written, and
 * the rest is as good as it was. */
bool recovery_is_cut(const struct recovery *r, const char *line, size_t len);

/* After the last line: fills the record's window, totals and verdict.  False: nothing was measured, or
 * there was no start. */
bool recovery_finish(struct recovery *r, struct error *err);

void recovery_fini(struct recovery *r);

#endif
