/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_DIARY_H
#define OMB_RUN_DIARY_H

/*
 * diary -- what of a run is written into its journal while it goes on.
 *
 * Losing the journal (a full disk) loses nothing as long as the run lives: one warning, and no more is
 * written.  What then comes is folded into one period (sampler.h), because it is kept in memory alone.
 */

#include <stdbool.h>

#include "results/journal.h"
#include "results/pair.h"
#include "results/record.h"
#include "util/error.h"

struct run;
struct fact_event;

/* What stands on the disk while a run goes on. */
struct diary {
	struct pair pair; /* the names of the result, reserved */
	struct journal journal;
	bool has_window;      /* in the journal: from there on it can become a result */
	struct error failure; /* why nothing more is written; ERROR_NONE = all is well */
	uint64_t failed_ns;
};

/* Opens the journal in `folder`, registers it, and writes its first line: what is known before
 * anything is done. */
bool diary_open(struct run *r, const char *folder, const struct record *before, struct error *err);

/* False: nothing more is written down. */
bool diary_is_kept(const struct run *r);

void diary_driver(struct run *r, const struct record *known); /* the driver's configuration */
void diary_phase(struct run *r);                              /* the one that was entered */
void diary_window(struct run *r, const struct record *known); /* the window has begun */
void diary_event(struct run *r, const struct fact_event *e);
void diary_second(struct run *r, const struct record_second *s);
void diary_period(struct run *r, const struct record_period *p);

/* At the end.  The journal has done its duty when there is a result (it is not needed), or nothing that
 * it could tell. */
void diary_end(struct run *r, bool is_needed);

#endif
