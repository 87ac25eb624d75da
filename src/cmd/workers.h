/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OMB_CMD_WORKERS_H
#define OMB_CMD_WORKERS_H

/*
 * workers -- who makes the load of a run: this host, or workers on others.
 *
 * Which form of a worker (worker/worker.h) that is is known here alone; whoever runs on it does not
 * know.  Each run connects anew, so a worker that one run has lost may be back for the next.
 */

#include <stdbool.h>

#include "cmd/workers_source.h"
#include "run/console.h"
#include "util/error.h"

struct driver_file;
struct plan;
struct worker;

struct workers;

/* Greets all of them at once.  Signals that ask for the end are blocked, and end this too; they stay
 * pending.  NULL = failed.  Ended by workers_close. */
struct workers *workers_connect(const struct workers_source *source,
                                const struct console_options *console, struct error *err);
/* Can they do it?  OMB's own program cannot do everything, and the error says what. */
bool workers_fit(const struct workers *all, const struct plan *plan,
                 const struct driver_file *driver, struct error *err);
void workers_close(struct workers *all);

/* What a run is given; never NULL. */
struct worker *workers_form(const struct workers *all);

#endif
