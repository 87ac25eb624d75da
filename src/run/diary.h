/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_RUN_DIARY_H
#define OMB_RUN_DIARY_H

/*
 * diary -- what of a run is written into its journal while it goes on.
 *
 * Losing the journal (a full disk) loses nothing as long as the run lives: one warning, and no more is
 * written.  What then comes is folded into one period (sampler.h), because it is kept in memory alone;
 * the periods before are still read from the journal when the result is made.
 */

#include <stdbool.h>

#include "results/journal.h"
#include "results/record.h"
#include "util/error.h"

struct console;
struct fact_event;
struct run_platform;

/* What stands on the disk while a run goes on. */
struct diary {
	struct console *console; /* both set by the owner, before it is opened */
	const struct run_platform *platform;

	struct journal journal;
	uint64_t started_ns;
	bool has_window;      /* in the journal: from there on it can become a result */
	struct error failure; /* why nothing more is written; ERROR_NONE = all is well */
	uint64_t failed_ns;
};

/* Opens the journal in `folder`, registers it, and writes its first line: what is known before
 * anything is done. */
bool diary_open(struct diary *d, const char *folder, const struct record *before,
                struct error *err);

/* False: nothing more is written down. */
bool diary_is_kept(const struct diary *d);

void diary_driver(struct diary *d, const struct record *known); /* the driver's configuration */
void diary_phase(struct diary *d, const struct record_phase *entered);
void diary_window(struct diary *d, const struct record *known); /* the window has begun */
void diary_event(struct diary *d, const struct fact_event *e);
void diary_second(struct diary *d, const struct record_second *s);
/* False: it could not be written, so it must be kept. */
bool diary_period(struct diary *d, const struct record_period *p);

/* At the end.  The journal has done its duty when there is a result (it is not needed), or nothing that
 * it could tell. */
void diary_end(struct diary *d, bool is_needed);

#endif
